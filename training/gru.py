"""The GRU layer of training in one pass over the frames: training/native on the CPU, through ctypes.

Function is what Recurrent of model.py calls where `available` says so. Narrow layers with many rows, such as those
whose weights all bands share, are done whole, input and weight gradients included; of wide ones the large products stay
with PyTorch. What is kept for the way back is of the type of the products (`kind`): bfloat16 where these are; states
and their gradients are float32 at all times. On a CUDA device `cudnn` takes its place.
"""

from __future__ import annotations

import ctypes
import functools
import sys
import warnings
from pathlib import Path

import torch
from torch.nn import functional

LIBRARY = Path(__file__).resolve().parent / "native" / "liblinnet_gru.so"
VERSION = 1  # of struct linnet_gru
NARROW = 128  # widest layer that is done whole
FEW = 512  # and most inputs
_SIZES = ("frames", "rows", "cols", "width", "bfloat16", "whole")
_ARRAYS = (
    *("weight_input", "weight_state", "bias_input", "bias_state", "x", "side", "start", "states", "copy", "kept"),
    *("grad_states", "grad_start", "grad_x", "grad_side", "grad_recurrent"),
    *("grad_weight_input", "grad_weight_state", "grad_bias_input", "grad_bias_state"),
)


class Layer(ctypes.Structure):
    """struct linnet_gru of native/gru.h."""

    _fields_ = [(name, ctypes.c_int64) for name in _SIZES] + [(name, ctypes.c_void_p) for name in _ARRAYS]


@functools.cache
def library() -> ctypes.CDLL | None:
    """The compiled kernels; None, said once, where there are none."""
    try:
        found = ctypes.CDLL(str(LIBRARY))
        found.linnet_gru_backend.restype = ctypes.c_char_p
        if found.linnet_gru_version() == VERSION:
            return found
        reason = "is of another version"
    except OSError:
        reason = "is not built"
    print(f"{LIBRARY.name} {reason}: GRU layers train at a fraction of the speed; run ./sconsw python", file=sys.stderr)
    return None


def available(kind: torch.dtype) -> bool:
    """Whether Function can compute in this type here."""
    found = library()
    return found is not None and (kind == torch.float32 or bool(found.linnet_gru_has_bfloat16()))


def run(name: str, kind: torch.dtype, sizes: tuple[int, int, int, int], whole: bool, **arrays) -> None:
    """Calls linnet_gru_NAME; arrays: contiguous tensors by field. RuntimeError: it has no memory, or not this kind."""
    layer = Layer(*sizes, int(kind == torch.bfloat16), int(whole))
    for field, tensor in arrays.items():
        if tensor is not None:
            assert tensor.is_contiguous(), field
            setattr(layer, field, tensor.data_ptr())
    if getattr(library(), f"linnet_gru_{name}")(ctypes.byref(layer)):
        raise RuntimeError(f"no memory or no {kind} for a GRU layer of {sizes} (frames, rows, inputs, width)")


class Function(torch.autograd.Function):
    """A GRU layer over a whole chunk: forward and backward as RecurrentFunction of model.py has them."""

    @staticmethod
    def forward(ctx, kind, x, state, weight_input, weight_state, bias_input, bias_state):
        """x [T, B, C], state [B, H], float32 -> states after each frame [T, B, H], and the last of them [B, H]."""
        frames, rows, cols = x.shape
        width = state.shape[1]
        sizes = (frames, rows, cols, width)
        whole = width <= NARROW and cols <= FEW
        x, state, weight_state = x.contiguous(), state.contiguous(), weight_state.contiguous()
        weight_input, bias_input, bias_state = (each.contiguous() for each in (weight_input, bias_input, bias_state))
        states = torch.empty(frames, rows, width)
        kept = torch.empty(frames, rows, 4 * -(-width // 16) * 16, dtype=kind) if any(ctx.needs_input_grad) else None
        arrays = {"weight_state": weight_state, "bias_state": bias_state, "start": state}
        if whole:
            arrays |= {"weight_input": weight_input, "bias_input": bias_input, "x": x}
            before = None
        else:
            x, weight_input = x.to(kind), weight_input.to(kind)
            arrays["side"] = functional.linear(x, weight_input, bias_input.to(kind))  # [T, B, 3 H]
            before = torch.empty(frames + 1, rows, width, dtype=kind)  # the states as the products see them
            before[0] = state
            arrays["copy"] = before[1:]
        run("forward", kind, sizes, whole, states=states, kept=kept, **arrays)
        ctx.kind, ctx.whole = kind, whole
        ctx.save_for_backward(x, state, weight_input, weight_state, states, kept, before)
        return states, states[-1].clone()

    @staticmethod
    def backward(ctx, grad_states, grad_last):
        """Gradients of all arguments of forward."""
        x, state, weight_input, weight_state, states, kept, before = ctx.saved_tensors
        frames, rows, width = states.shape
        cols = x.shape[2]
        kind, whole = ctx.kind, ctx.whole
        grad_start = grad_last.clone(memory_format=torch.contiguous_format)
        grad_bias = torch.empty(2, 3 * width)
        arrays = {"weight_state": weight_state, "start": state, "states": states, "kept": kept}
        arrays |= {"grad_states": grad_states.contiguous(), "grad_start": grad_start}
        arrays |= {"grad_bias_input": grad_bias[0], "grad_bias_state": grad_bias[1]}
        wanted = ctx.needs_input_grad[1]
        if whole:
            grad_x = torch.empty_like(x) if wanted else None
            of_input, of_state = torch.empty(3 * width, cols), torch.empty(3 * width, width)
            arrays |= {"weight_input": weight_input, "x": x, "grad_x": grad_x}
            arrays |= {"grad_weight_input": of_input, "grad_weight_state": of_state}
            run("backward", kind, (frames, rows, cols, width), whole, **arrays)
        else:
            side, recurrent = (torch.empty(frames, rows, 3 * width, dtype=kind) for _ in range(2))
            arrays |= {"grad_side": side, "grad_recurrent": recurrent}
            run("backward", kind, (frames, rows, cols, width), whole, **arrays)
            side, recurrent = side.view(-1, 3 * width), recurrent.view(-1, 3 * width)
            grad_x = (side @ weight_input).view(frames, rows, cols).float() if wanted else None
            of_input = (side.t() @ x.reshape(-1, cols)).float()
            of_state = (recurrent.t() @ before[:-1].view(-1, width)).float()
        return None, grad_x, grad_start, of_input, of_state, *grad_bias


def cudnn(x, state, weight_input, weight_state, bias_input, bias_state) -> tuple[torch.Tensor, torch.Tensor]:
    """The same layer by PyTorch's own GRU, which on a CUDA device is cuDNN's; arguments and results of Function.

    In float32, which multiplies as TF32 where fast products are allowed. The weights are copied into one block for each
    call, because they are rounded anew for each; PyTorch would warn of it.
    """
    weights = [weight_input, weight_state, bias_input, bias_state]
    with torch.autocast(x.device.type, enabled=False), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="RNN module weights are not part of single contiguous")
        states, last = torch._VF.gru(x.float(), state[None], weights, True, 1, 0.0, True, False, False)
    return states, last[0]
