"""What training computes on and in which type: the CPU or a CUDA device, float32 or bfloat16 products.

Weights, their running average, optimiser states, recurrent states and losses are float32 everywhere; only factors of
large products are rounded to bfloat16, where the machine is made for it and `fast_matmul` allows it.
"""

from __future__ import annotations

import os

import torch


def choose(name: str, cuda: bool | None = None) -> torch.device:
    """The device of setting `device`; cuda: whether there is one. ValueError: one is asked for and missing."""
    cuda = torch.cuda.is_available() if cuda is None else cuda
    if name == "cuda" and not cuda:
        raise ValueError("setting device=cuda: PyTorch sees no CUDA device; give device=cpu, or install one for CUDA")
    return torch.device("cuda" if cuda and name != "cpu" else "cpu")


def product_precision(fast: bool, amx: bool, avx512_bf16: bool) -> str:
    """Of matrix products on the CPU: "bf16" where that is wanted and there are instructions for it, "ieee" elsewhere.

    Without tiles (AMX) or dot products (AVX512_BF16) of bfloat16 PyTorch would emulate them, many times slower.
    """
    return "bf16" if fast and (amx or avx512_bf16) else "ieee"


def set_precision(fast: bool, device: torch.device) -> None:
    """Lets products of this process be fast, or not."""
    has = {"amx": torch.cpu._is_amx_tile_supported(), "avx512_bf16": torch.cpu._is_avx512_bf16_supported()}
    possible = fast and torch.backends.mkldnn.is_available()
    torch.backends.mkldnn.matmul.fp32_precision = product_precision(possible, **has)
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = fast
        torch.backends.cudnn.benchmark = True


def working_type(device: torch.device | None = None) -> torch.dtype:
    """What products between layers compute in: bfloat16 where that is fast and allowed; the states are not of it."""
    if device is not None and device.type == "cuda":
        return torch.bfloat16 if torch.backends.cuda.matmul.allow_tf32 else torch.float32
    return torch.bfloat16 if torch.backends.mkldnn.matmul.fp32_precision == "bf16" else torch.float32


def data_workers(device: torch.device) -> int:
    """Processes that make data where the settings leave it open: a CUDA device outruns all that there can be."""
    return max(len(os.sched_getaffinity(0)) - 1, 1) if device.type == "cuda" else 1
