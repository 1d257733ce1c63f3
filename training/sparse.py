"""Block-sparse training: the blocks of 8 rows x 4 columns with the smallest weights become zero and stay so.

The share of blocks that is kept falls from 1 to `density` along a cubic curve between two points of the budget (Zhu and
Gupta 2017; blocks as in Valin and Skoglund 2019), in the matrices that the blob can store sparse. What is zero is told
by the weights themselves, so a resumed run needs nothing else.
"""

from __future__ import annotations

import torch

from linnet.model import blob

ROWS, COLS = blob.BLOCK_ROWS, blob.BLOCK_COLS
BEGIN, END = 0.05, 0.6  # of the budget
EVERY = 20  # updates between two cuts
WORTH_IT = 0.6  # share of blocks above which a sparse record saves neither bytes nor time
NAMES = ("conv2.weight", *(f"gru{index}.weight_{side}" for index in range(1, 6) for side in ("input", "state")))


def density_at(progress: float, density: float) -> float:
    """Share of blocks to keep at a point of the budget, 0..1."""
    along = min(max((progress - BEGIN) / (END - BEGIN), 0.0), 1.0)
    return density + (1 - density) * (1 - along) ** 3


def block_norms(weight: torch.Tensor) -> torch.Tensor:
    """[rows, cols] -> [rows / 8, cols / 4]: sums of squares."""
    rows, cols = weight.shape
    return weight.detach().square().view(rows // ROWS, ROWS, cols // COLS, COLS).sum((1, 3))


def keep_largest(weight: torch.Tensor, density: float) -> torch.Tensor:
    """Mask like the weight, 1 in the `density` share of blocks that are largest; no block that is zero is kept."""
    norms = block_norms(weight)
    count = max(int(round(density * norms.numel())), 1)
    least = norms.flatten().topk(count).values[-1]
    mask = ((norms >= least) & (norms > 0)).to(weight.dtype)
    return mask.repeat_interleave(ROWS, 0).repeat_interleave(COLS, 1)


def shares(weights: dict[str, torch.Tensor]) -> dict[str, float]:
    """Share of blocks that are not zero, by name of the matrix."""
    return {name: float((block_norms(weights[name]) > 0).float().mean()) for name in NAMES}


def stored(weights: dict[str, torch.Tensor]) -> list[str]:
    """Names of the matrices that a blob stores sparse."""
    return [name for name, share in shares(weights).items() if share < WORTH_IT]


class Pruner:
    """Keeps the zeros of one network, and makes more of them as the budget is used up."""

    def __init__(self, weights: dict[str, torch.Tensor], average: dict[str, torch.Tensor], density: float):
        self.weights = {name: weights[name] for name in NAMES}
        self.average = average
        self.density = density
        self.masks = {name: keep_largest(weight, 1.0) for name, weight in self.weights.items()}

    def cut(self, progress: float) -> None:
        """Chooses the blocks that stay, from those that are left."""
        density = density_at(progress, self.density)
        self.masks = {name: keep_largest(weight, density) for name, weight in self.weights.items()}

    @torch.no_grad()
    def apply(self) -> None:
        """Zeroes what an update has filled again."""
        for name, mask in self.masks.items():
            self.weights[name].mul_(mask)
            self.average[name].mul_(mask)
