"""Rounding of weight matrices to the int8 grid of the SDK: one scale per row, largest magnitude 127, symmetric.

In training the rounded weights are used forward and the gradient passes straight through to the float ones (Bengio et
al. 2013), so the network learns to live with the grid that the exported model will have. Activations are rounded to
1/127 by the SDK; in training the bfloat16 products play that part.
"""

from __future__ import annotations

import torch

LEVELS = 127
SMALLEST_SCALE = 2.0**-40  # of an all-zero row: any positive number serves


def row_scales(weight: torch.Tensor) -> torch.Tensor:
    """[rows, cols] -> [rows]: value of one int8 step, so that weight ~ q * scale with q in -127..127."""
    return weight.detach().abs().amax(dim=1).clamp_(min=SMALLEST_SCALE) / LEVELS


def to_int8(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """[rows, cols] -> int8 [rows, cols], scales [rows]."""
    scales = row_scales(weight)
    grid = torch.round(weight.detach() / scales[:, None]).clamp_(-LEVELS, LEVELS)
    return grid.to(torch.int8), scales


def round_rows(weight: torch.Tensor) -> torch.Tensor:
    """The weight on its int8 grid; the gradient passes as if nothing had happened."""
    scales = row_scales(weight)[:, None]
    with torch.no_grad():
        error = torch.round(weight / scales).clamp_(-LEVELS, LEVELS).mul_(scales).sub_(weight)
    return weight + error
