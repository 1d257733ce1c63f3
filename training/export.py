"""A checkpoint as a model blob of the SDK, with proof that the SDK computes what the integers say.

    python training/export.py runs/small/checkpoint.safetensors small.linnet

The proof runs a random feature sequence through the integer simulation of python/linnet/model/simulate.py and through
the C++ network and compares the outputs bit for bit; a difference is an error and no file is written.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from safetensors import SafetensorError, safe_open

import training  # noqa: F401  (finds linnet)
from linnet import _core
from linnet.model import blob, simulate
from training import sparse

LAYERS = {"gain_head": "gain", "strength_head": "strength", "speech_head": "speech"}  # names in the blob


def pack(weights: dict[str, torch.Tensor], widths: tuple[int, int, int], lookahead: int) -> bytes:
    """The blob of a network's parameters by name (see model.Network)."""
    entries = {}
    sparse_names = sparse.stored(weights)
    stored_sparse = {}
    for name, value in weights.items():
        layer, _, kind = name.partition(".")
        kind = {"weight_input": "input.weight", "weight_state": "recurrent.weight"}.get(kind, kind)
        kind = {"bias_input": "input.bias", "bias_state": "recurrent.bias"}.get(kind, kind)
        entries[f"{LAYERS.get(layer, layer)}.{kind}"] = value.detach().float().numpy()
        if name in sparse_names:
            stored_sparse[f"{layer}.{kind}".removesuffix(".weight")] = None
    return blob.pack_blob(entries, blob.Widths(*widths), lookahead, stored_sparse)


def check_parity(data: bytes, frames: int = 40, seed: int = 0) -> None:
    """RuntimeError unless the SDK's network equals the integer simulation bit for bit, on every backend of this CPU."""
    features = np.random.default_rng(seed).standard_normal((frames, _core.FEATURES)).astype(np.float32)
    wanted = simulate.simulate(data, features)
    for backend in _core.backends():
        found = _core.network(data, features, backend=backend)
        for key, value in wanted.items():
            if not np.array_equal(np.asarray(found[key]).view(np.uint32), np.asarray(value).view(np.uint32)):
                raise RuntimeError(f"backend {backend}: {key} differs from the integer simulation; not exported")


def write(weights: dict[str, torch.Tensor], widths: tuple[int, int, int], lookahead: int, path: Path) -> None:
    """Packs, proves and writes a blob; the file appears whole or not at all."""
    data = pack(weights, widths, lookahead)
    check_parity(data)
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.replace(path)


def read_checkpoint(path: Path, average: bool = True) -> tuple[dict[str, torch.Tensor], tuple[int, int, int], int]:
    """Parameters (their running average by default), widths and look-ahead of a checkpoint."""
    prefix = "ema." if average else "model."
    with safe_open(path, "pt") as file:
        about = file.metadata() or {}
        if "lookahead" not in about:
            raise ValueError("its metadata tell no widths")
        weights = {key.removeprefix(prefix): file.get_tensor(key) for key in file.keys() if key.startswith(prefix)}  # noqa: SIM118
    return weights, tuple(int(about[name]) for name in ("dense", "hidden", "strength")), int(about["lookahead"])


def read_blob(path: Path) -> tuple[dict[str, torch.Tensor], tuple[int, int, int], int]:
    """Parameters, widths and look-ahead of a blob: what its integers stand for, under the names of model.Network."""
    stored = blob.read_blob(path.read_bytes())
    ours = {name: layer for layer, name in LAYERS.items()}
    weights = {}
    for name, layer in stored.layers.items():
        name, _, side = ours.get(name, name).partition(".")
        suffix = {"": "", "input": "_input", "recurrent": "_state"}[side]
        weight = layer.weight.astype(np.float32)
        if isinstance(layer, blob.Int8Layer):
            weight *= 127 * layer.scale[:, None]
        weights[f"{name}.weight{suffix}"] = torch.from_numpy(weight)
        weights[f"{name}.bias{suffix}"] = torch.from_numpy(layer.bias.copy())
    return weights, (stored.widths.dense, stored.widths.hidden, stored.widths.strength), stored.lookahead


def read_weights(path: Path) -> tuple[dict[str, torch.Tensor], tuple[int, int, int], int]:
    """Parameters, widths and look-ahead of a *.linnet model or a checkpoint. ValueError names what cannot be read."""
    try:
        return read_blob(path) if path.suffix == ".linnet" else read_checkpoint(path)
    except (KeyError, ValueError, SafetensorError) as error:
        raise ValueError(f"{path}: neither a model nor a checkpoint of linnet: {error}") from None


def main() -> int:
    """Command line; 2 with one line on stderr for bad input."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path, help="checkpoint.safetensors of a run")
    parser.add_argument("blob", type=Path, help="file to write, *.linnet")
    parser.add_argument("--last", action="store_true", help="the last weights instead of their running average")
    args = parser.parse_args()
    try:
        weights, widths, lookahead = read_checkpoint(args.checkpoint, average=not args.last)
        write(weights, widths, lookahead, args.blob)
    except (OSError, RuntimeError, ValueError, KeyError, SafetensorError) as error:
        print(f"export: {args.checkpoint}: {error}", file=sys.stderr)
        return 2
    print(f"{args.blob}: {args.blob.stat().st_size} bytes, widths {widths}, look-ahead {lookahead} frames")
    return 0


if __name__ == "__main__":
    sys.exit(main())
