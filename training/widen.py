"""A trained network as the start of a wider one that computes the same (Chen, Goodfellow and Shlens 2016).

Every unit is there several times, and what reads it takes random shares of the copies that add up to its old weight.
The shares differ from reader to reader, so the copies get different gradients and part ways at once.
"""

from __future__ import annotations

import torch

from linnet._core import FEATURES

Widths = tuple[int, int, int]


def copies(wide: Widths, narrow: Widths) -> int:
    """How many times wider; ValueError unless all three widths grow by the same whole factor."""
    factor = wide[0] // narrow[0]
    if factor < 1 or any(w != factor * n for w, n in zip(wide, narrow, strict=True)):
        raise ValueError(f"widths {wide} are not those of the model to start from, {narrow}, times one whole number")
    return factor


def repeat_rows(value: torch.Tensor, parts: int, factor: int) -> torch.Tensor:
    """Repeats the units of each of `parts` equal groups of rows, group by group."""
    return torch.cat([torch.cat([part] * factor) for part in value.chunk(parts)])


def share_columns(weight: torch.Tensor, parts: int, factor: int, generator: torch.Generator) -> torch.Tensor:
    """The same for columns, each copy with a share of the weight; shares are at least half of an equal one."""
    groups = []
    for part in weight.chunk(parts, dim=1):
        shares = 0.5 + torch.rand(factor, *part.shape, generator=generator)
        groups += list(part * shares / shares.sum(0))
    return torch.cat(groups, dim=1)


def widen(weights: dict[str, torch.Tensor], narrow: Widths, wide: Widths, seed: int = 0) -> dict[str, torch.Tensor]:
    """Parameters of a network of widths `wide` that compute what `weights` of `narrow` do. ValueError: see `copies`."""
    factor = copies(wide, narrow)
    generator = torch.Generator().manual_seed(seed)
    found = {}
    for name, value in weights.items():
        layer = name.partition(".")[0]
        if value.dim() == 2 and value.shape[1] != FEATURES:
            # Blocks of columns: taps of a convolution, layers that are concatenated.
            blocks = {"conv1": 5, "conv2": 3, "gain_head": 5}.get(layer, 2 if name == "gru5.weight_input" else 1)
            value = share_columns(value, blocks, factor, generator)
        if not layer.endswith("head"):
            value = repeat_rows(value, 3 if layer.startswith("gru") else 1, factor)
        found[name] = value.contiguous()
    return found
