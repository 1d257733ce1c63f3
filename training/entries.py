"""Parameters of the networks as entries of a model blob, and back.

A parameter's name is that of the network's module (`model.Network`, `bandsplit.BandSplit`), an entry's that of the blob
(`_core.matrices`) with `.weight` or `.bias` behind it.
"""

from __future__ import annotations

import torch

from linnet._core import TOKENS
from linnet.model import shapes
from linnet.model.shapes import SHARE, BandSplit, matrices
from training import sparse

HEADS = {"gain_head": "gain", "strength_head": "strength", "speech_head": "speech"}
SIDES = {
    "weight_input": "input.weight",
    "weight_state": "recurrent.weight",
    "bias_input": "input.bias",
    "bias_state": "recurrent.bias",
}
PARAMETERS = {side: kind for kind, side in SIDES.items()}

Weights = dict[str, torch.Tensor]


def part(weights: Weights, prefix: str) -> Weights:
    """Those whose names begin so, under the rest of their names."""
    return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}


def under(prefix: str, weights: Weights) -> Weights:
    """Inverse of `part`."""
    return {prefix + name: value for name, value in weights.items()}


def entry_name(name: str) -> str:
    """model.Network's name of a parameter -> the entry's."""
    layer, _, kind = name.partition(".")
    return f"{HEADS.get(layer, layer)}.{SIDES.get(kind, kind)}"


def parameter_name(entry: str) -> str:
    """Inverse of `entry_name`."""
    layer, _, side = entry.partition(".")
    head = {entry: name for name, entry in HEADS.items()}.get(layer, layer)
    return f"{head}.{PARAMETERS.get(side, side)}"


def of_percepnet(weights: Weights) -> tuple[Weights, dict[str, None]]:
    """Entries of model.Network, and the matrices to be stored sparse."""
    thin = {entry_name(name).removesuffix(".weight"): None for name in sparse.stored(weights)}
    return {entry_name(name): value for name, value in weights.items()}, thin


def to_percepnet(entries: Weights) -> Weights:
    """Parameters of model.Network."""
    return {parameter_name(entry): value for entry, value in entries.items()}


def of_band_split(weights: Weights, shape: BandSplit) -> tuple[Weights, dict[str, None]]:
    """Entries of bandsplit.BandSplit, and the matrices to be stored sparse."""
    found, thin = {}, {}
    if shape.trunk:
        of_trunk, of_trunk_thin = of_percepnet(part(weights, "trunk."))
        found |= under("trunk.", of_trunk) | under("tell.", part(weights, "tell."))
        thin |= {f"trunk.{name}": None for name in of_trunk_thin}
    for index in range(shape.blocks):
        found |= under(f"block{index}.", _of_block(part(weights, f"blocks.{index}."), shape))
    for token in range(TOKENS):
        split, places = weights["split.weight"][token], shapes.token_inputs(shape, token)
        told = split[:, split.shape[1] - _told(shape, token) :]
        own = split[:, : len(places)] / _factors(shape, token)
        found[f"split.{token}.weight"] = torch.cat([own, told], 1)
        found[f"split.{token}.bias"] = weights["split.bias"][token]
        for kind in ("weight", "bias"):
            heads = [weights[f"{head}.{kind}"][token, :rows] for head, rows in _head_rows(shape, token).items()]
            found[f"head.{token}.{kind}"] = torch.cat(heads)
    return found | under("speech.", part(weights, "speech_head.")), thin


def to_band_split(entries: Weights, shape: BandSplit, like: Weights) -> Weights:
    """Parameters of bandsplit.BandSplit, of the shapes of `like`; what a blob does not hold is zero."""
    found = {name: torch.zeros_like(value) for name, value in like.items()}
    found |= under("trunk.", to_percepnet(part(entries, "trunk."))) | under("tell.", part(entries, "tell."))
    for index in range(shape.blocks):
        found |= under(f"blocks.{index}.", _to_block(part(entries, f"block{index}."), shape))
    for token in range(TOKENS):
        split, places = entries[f"split.{token}.weight"], shapes.token_inputs(shape, token)
        of_token = found["split.weight"][token]
        of_token[:, : len(places)] = split[:, : len(places)] * _factors(shape, token)
        of_token[:, of_token.shape[1] - _told(shape, token) :] = split[:, len(places) :]
        found["split.bias"][token] = entries[f"split.{token}.bias"]
        for kind in ("weight", "bias"):
            rows = _head_rows(shape, token)
            heads = entries[f"head.{token}.{kind}"].split(list(rows.values()))
            for head, values in zip(rows, heads, strict=True):
                found[f"{head}.{kind}"][token, : len(values)] = values
    return found | under("speech_head.", part(entries, "speech."))


def _told(shape: BandSplit, token: int) -> int:
    """Numbers that a trunk tells a token."""
    cols = next(matrix.cols for matrix in matrices(shape) if matrix.name == f"split.{token}")
    return cols - len(shapes.token_inputs(shape, token))


def _factors(shape: BandSplit, token: int) -> torch.Tensor:
    """What the blob has taken out of the columns of a token's inputs."""
    return torch.from_numpy(shapes.input_factors(shape)[shapes.token_inputs(shape, token)])


def _head_rows(shape: BandSplit, token: int) -> dict[str, int]:
    """Rows of each head that a token has, in the blob's order."""
    rows = {"gain_head": SHARE, "strength_head": SHARE if shape.comb else 0}
    rows["tap_head"] = len(shapes.filtered_bins(token)) * shape.taps * 2
    return {head: count for head, count in rows.items() if count}


def _of_block(weights: Weights, shape: BandSplit) -> Weights:
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


def _to_block(entries: Weights, shape: BandSplit) -> Weights:
    found = {}
    for name, value in entries.items():
        layer, _, side = name.partition(".")
        found[f"{layer}.{PARAMETERS.get(side, side)}"] = value
    own, token, told = entries["mix.weight"].split([shape.channels, shape.channels, shape.summary], 1)
    found["mix.weight"] = torch.cat([own, told, token], 1)
    found["place"] = entries["mix.bias"].view(TOKENS, shape.channels)
    found["mix.bias"] = torch.zeros(shape.channels)
    return found
