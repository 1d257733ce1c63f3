"""Trained weights as a model blob of the SDK, with proof that the SDK computes what the integers say.

    python training/export.py runs/small/checkpoint.safetensors small.linnet
    python training/export.py training/weights/large.safetensors large.linnet

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
from safetensors import SafetensorError

import training  # noqa: F401  (finds linnet)
from linnet import _core
from linnet.model import blob, shapes, simulate
from training import sparse, topology
from training.config import Config

LAYERS = {"gain_head": "gain", "strength_head": "strength", "speech_head": "speech"}  # names in the blob
SIDES = {
    "weight_input": "input.weight",
    "weight_state": "recurrent.weight",
    "bias_input": "input.bias",
    "bias_state": "recurrent.bias",
}

BANDED = "of a network with shared layers, which only topology=bandsplit goes on from, by weights or a checkpoint"

Weights = dict[str, torch.Tensor]
Shape = tuple[int, int, int] | blob.BandSplit  # of a model.Network its widths


def pack(weights: Weights, shape: Shape, lookahead: int) -> bytes:
    """The blob of a network's parameters by name (see model.Network, bandsplit.BandSplit)."""
    weights = {name: value.detach().float().cpu() for name, value in weights.items()}
    banded = isinstance(shape, blob.BandSplit)
    entries, stored_sparse = band_split(weights, shape) if banded else percepnet(weights)
    arrays = {name: value.numpy() for name, value in entries.items()}
    return blob.pack_blob(arrays, shape if banded else blob.Widths(*shape), lookahead, stored_sparse)


def blob_name(name: str) -> str:
    """model.Network's name of a parameter -> that of the blob."""
    layer, _, kind = name.partition(".")
    return f"{LAYERS.get(layer, layer)}.{SIDES.get(kind, kind)}"


def percepnet(weights: Weights) -> tuple[Weights, dict[str, None]]:
    """What pack_blob takes of model.Network: entries by name, and those to be stored sparse."""
    thin = {blob_name(name).removesuffix(".weight"): None for name in sparse.stored(weights)}
    return {blob_name(name): value for name, value in weights.items()}, thin


def band_split(weights: Weights, shape: blob.BandSplit) -> tuple[Weights, dict[str, None]]:
    """The same of bandsplit.BandSplit."""

    def part(prefix: str) -> Weights:
        return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}

    entries, thin = {}, {}
    if shape.trunk:
        of_trunk, of_trunk_thin = percepnet(part("trunk."))
        entries |= {f"trunk.{name}": value for name, value in of_trunk.items()}
        entries |= {f"tell.{name}": value for name, value in part("tell.").items()}
        thin |= {f"trunk.{name}": None for name in of_trunk_thin}
    for index in range(shape.blocks):
        entries |= {f"block{index}.{name}": value for name, value in block(part(f"blocks.{index}."), shape).items()}
    cols = {matrix.name: matrix.cols for matrix in blob.matrices(shape)}
    for token, split in enumerate(weights["split.weight"]):
        entries[f"split.{token}.weight"] = split_columns(split, shape, token, cols[f"split.{token}"])
        entries[f"split.{token}.bias"] = weights["split.bias"][token]
        rows = {"gain_head": shapes.SHARE, "strength_head": shapes.SHARE if shape.comb else 0}
        rows["tap_head"] = len(shapes.filtered_bins(token)) * shape.taps * 2
        for kind in ("weight", "bias"):
            heads = [weights[f"{head}.{kind}"][token, :count] for head, count in rows.items() if count]
            entries[f"head.{token}.{kind}"] = torch.cat(heads)
    entries |= {f"speech.{name}": value for name, value in part("speech_head.").items()}
    return entries, thin


def block(weights: Weights, shape: blob.BandSplit) -> Weights:
    """Of bandsplit.Block: mix with the columns as the SDK has its inputs, own state, token, told; a bias per token."""
    found = {}
    for name, value in weights.items():
        layer, _, kind = name.partition(".")
        if layer not in ("mix", "place"):
            found[f"{layer}.{SIDES.get(kind, kind)}"] = value
    own, told, token = weights["mix.weight"].split([shape.channels, shape.summary, shape.channels], 1)
    found["mix.weight"] = torch.cat([own, token, told], 1)
    found["mix.bias"] = (weights["place"] + weights["mix.bias"]).flatten()
    return found


def split_columns(weight: torch.Tensor, shape: blob.BandSplit, token: int, cols: int) -> torch.Tensor:
    """[channels, inputs of the widest token, then of the trunk] -> [channels, cols] for inputs within +-1."""
    places = shapes.token_inputs(shape, token)
    told = weight[:, weight.shape[1] - (cols - len(places)) :]
    return torch.cat([weight[:, : len(places)] / torch.from_numpy(shapes.input_factors(shape)[places]), told], 1)


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
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.replace(path)


def shape_of(config: Config) -> Shape:
    """What a run's network is in a blob. ValueError: the SDK does not have it."""
    widths = (config.dense, config.hidden, config.strength)
    if config.topology == "percepnet":
        return widths
    if config.diagonal:
        raise ValueError("the SDK has no recurrent layers without recurrent matrices: train with diagonal=false")
    parts = (config.fine, config.comb, config.pitch, blob.Widths(*widths) if config.trunk else None)
    return blob.BandSplit(config.channels, config.blocks, config.summary, config.context, config.taps, *parts)


def read_run(path: Path, average: bool = True) -> tuple[Weights, Shape, int]:
    """Parameters, widths and look-ahead of a checkpoint (see topology.read_weights) or of bare weights."""
    weights, config = topology.read_weights(path, average)
    return weights, shape_of(config), config.lookahead


def read_blob(path: Path) -> tuple[Weights, Shape, int]:
    """Parameters, widths and look-ahead of a blob: what its integers stand for, under the names of model.Network."""
    stored = blob.read_blob(path.read_bytes())
    if isinstance(stored.widths, blob.BandSplit):
        raise ValueError(BANDED)
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


def read_weights(path: Path) -> tuple[Weights, tuple[int, int, int], int]:
    """Parameters, widths and look-ahead of a *.linnet model or a checkpoint, for model.Network.

    ValueError names what cannot be read, or is of another network.
    """
    try:
        weights, shape, lookahead = read_blob(path) if path.suffix == ".linnet" else read_run(path)
        if isinstance(shape, blob.BandSplit):
            raise ValueError(BANDED)
    except (KeyError, ValueError, SafetensorError) as error:
        text = str(error).removeprefix(f"{path}: ")
        raise ValueError(f"{path}: neither a model nor a checkpoint of linnet: {text}") from None
    return weights, shape, lookahead


def main() -> int:
    """Command line; 2 with one line on stderr for bad input."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path, help="checkpoint.safetensors of a run, or a file of training/weights")
    parser.add_argument("blob", type=Path, help="file to write, *.linnet")
    parser.add_argument("--last", action="store_true", help="the last weights instead of their running average")
    args = parser.parse_args()
    try:
        weights, shape, lookahead = read_run(args.weights, average=not args.last)
        write(weights, shape, lookahead, args.blob)
    except (OSError, RuntimeError, ValueError, KeyError, SafetensorError) as error:
        print(f"export: {args.weights}: {str(error).removeprefix(f'{args.weights}: ')}", file=sys.stderr)
        return 2
    print(f"{args.blob}: {args.blob.stat().st_size} bytes, widths {shape}, look-ahead {lookahead} frames")
    return 0


if __name__ == "__main__":
    sys.exit(main())
