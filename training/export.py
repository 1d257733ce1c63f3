"""Trained weights as a model blob of the SDK, with proof that the SDK computes what the integers say.

    python training/export.py runs/small/checkpoint.safetensors small.linnet
    python training/export.py runs/large/best.safetensors large.linnet

The proof runs a random feature sequence through the integer simulation of python/linnet/model/simulate.py and through
the C++ network and compares the outputs bit for bit; a difference is an error and no file is written.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path

import numpy as np

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from safetensors import SafetensorError

import training  # noqa: F401  (finds linnet)
from linnet import _core
from linnet.model import blob, simulate
from training import entries, topology
from training.config import Config, set_values
from training.entries import Weights
from training.whole import whole

Shape = tuple[int, int, int] | blob.BandSplit  # of a model.Network its widths


def pack(weights: Weights, shape: Shape, lookahead: int) -> bytes:
    """The blob of a network's parameters by name (see model.Network, bandsplit.BandSplit)."""
    weights = {name: value.detach().float().cpu() for name, value in weights.items()}
    banded = isinstance(shape, blob.BandSplit)
    named, stored_sparse = entries.of_band_split(weights, shape) if banded else entries.of_percepnet(weights)
    arrays = {name: value.numpy() for name, value in named.items()}
    return blob.pack_blob(arrays, shape if banded else blob.Widths(*shape), lookahead, stored_sparse)


def check_parity(data: bytes, frames: int = 40, seed: int = 0) -> None:
    """RuntimeError unless the SDK's network equals the integer simulation bit for bit, on every backend of this CPU."""
    inputs = blob.read_blob(data).widths.inputs
    features = np.random.default_rng(seed).standard_normal((frames, inputs)).astype(np.float32)
    wanted = simulate.simulate(data, features)
    for backend in _core.backends():
        found = _core.network(data, features, backend=backend)
        for key, value in wanted.items():
            if not np.array_equal(np.asarray(found[key]).view(np.uint32), np.asarray(value).view(np.uint32)):
                raise RuntimeError(f"backend {backend}: {key} differs from the integer simulation; not exported")


def write(weights: Weights, shape: Shape, lookahead: int, path: Path) -> None:
    """Packs, proves and writes a blob; the file appears whole or not at all."""
    data = pack(weights, shape, lookahead)
    check_parity(data)
    with whole(path) as part:
        part.write_bytes(data)


def check_target(weights: Path, path: Path) -> None:
    """ValueError: a model cannot be written there."""
    if path.resolve() == weights.resolve():
        raise ValueError(f"{path} holds the weights, which would be lost; give another file to write")
    if path.is_dir():
        raise ValueError(f"{path} is a folder; give a file to write, such as {path / 'mine.linnet'}")
    if path.suffix != ".linnet":
        raise ValueError(f"{path} does not end in .linnet; give a file to write that does")
    if not path.parent.is_dir():
        raise ValueError(f"no folder {path.parent} for {path.name}; make it, or give another file to write")


def shape_of(config: Config) -> Shape:
    """What a run's network is in a blob. ValueError: the SDK does not have it."""
    widths = (config.dense, config.hidden, config.strength)
    if config.topology == "percepnet":
        return widths
    if config.diagonal:
        raise ValueError("the SDK has no recurrent layers without recurrent matrices: train with diagonal=false")
    parts = (config.fine, config.comb, config.pitch, blob.Widths(*widths) if config.trunk else None)
    return blob.BandSplit(config.channels, config.blocks, config.summary, config.context, config.taps, *parts)


def settings_of(shape: blob.BandSplit) -> dict[str, object]:
    """Inverse of shape_of."""
    own = dataclasses.asdict(shape) | {"topology": "bandsplit", "diagonal": False, "trunk": shape.trunk is not None}
    return own | (dataclasses.asdict(shape.trunk) if shape.trunk else {})


def read_run(path: Path, average: bool = True) -> tuple[Weights, Shape, int]:
    """Parameters, widths and look-ahead of a checkpoint (see topology.read_weights) or of bare weights."""
    weights, config = topology.read_weights(path, average)
    return weights, shape_of(config), config.lookahead


def read_blob(path: Path) -> tuple[Weights, Shape, int]:
    """Parameters, widths and look-ahead of a blob: what its integers stand for."""
    stored = blob.read_blob(path.read_bytes())
    named = {}
    for name, layer in stored.layers.items():
        weight = layer.weight.astype(np.float32)
        if isinstance(layer, blob.Int8Layer):
            weight *= 127 * layer.scale[:, None]
        named |= {f"{name}.weight": torch.from_numpy(weight), f"{name}.bias": torch.from_numpy(layer.bias.copy())}
    if isinstance(stored.widths, blob.BandSplit):
        network = topology.build(set_values(Config(), settings_of(stored.widths)))
        weights = entries.to_band_split(named, stored.widths, dict(network.named_parameters()))
        return weights, stored.widths, stored.lookahead
    return entries.to_percepnet(named), dataclasses.astuple(stored.widths), stored.lookahead


def read_weights(path: Path) -> tuple[Weights, Shape, int]:
    """Parameters, widths and look-ahead of a *.linnet model, a checkpoint or bare weights.

    ValueError names what cannot be read.
    """
    try:
        return read_blob(path) if path.suffix == ".linnet" else read_run(path)
    except (KeyError, ValueError, SafetensorError) as error:
        text = str(error).removeprefix(f"{path}: ")
        raise ValueError(f"{path}: neither a model nor a checkpoint of linnet: {text}") from None


def main() -> int:
    """Command line; 2 with one line on stderr for bad input."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path, help="checkpoint.safetensors of a run, or bare weights")
    parser.add_argument("blob", type=Path, help="file to write, *.linnet")
    parser.add_argument("--last", action="store_true", help="the last weights instead of their running average")
    args = parser.parse_args()
    try:
        check_target(args.weights, args.blob)
        weights, shape, lookahead = read_run(args.weights, average=not args.last)
        write(weights, shape, lookahead, args.blob)
    except (OSError, RuntimeError, ValueError, KeyError, SafetensorError) as error:
        print(f"export: {args.weights}: {str(error).removeprefix(f'{args.weights}: ')}", file=sys.stderr)
        return 2
    print(f"{args.blob}: {args.blob.stat().st_size} bytes, widths {shape}, look-ahead {lookahead} frames")
    return 0


if __name__ == "__main__":
    sys.exit(main())
