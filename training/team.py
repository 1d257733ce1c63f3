"""Several processes that train one network: each takes its share of every batch, and all make the same update.

A process per idle core is faster than threads, which wait for each other in every small operation. Gradients are
averaged for each update; once per batch the processes agree on what they must decide alike: how much of the budget is
used up, by the clock of the first, and whether anyone was asked to stop.
"""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import distributed


class Team:
    """This process among `size`; the first, of rank 0, keeps the files."""

    def __init__(self, rank: int = 0, size: int = 1, meeting: Path | None = None):
        self.rank, self.size = rank, size
        self.progress, self.stopping = 0.0, False
        if size > 1:
            distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=size)

    def average(self, gradients: list[torch.Tensor]) -> None:
        """The mean over the processes, in place."""
        if self.size == 1:
            return
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        distributed.all_reduce(flat)
        flat /= self.size
        for gradient, part in zip(gradients, flat.split([each.numel() for each in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def agree(self, progress: float, stopping: bool) -> None:
        """The `progress` of the first process and anyone's `stopping` become everyone's."""
        if self.size > 1:
            said = torch.tensor([progress if self.rank == 0 else 0.0, stopping], dtype=torch.float64)
            distributed.all_reduce(said)
            progress, stopping = said.tolist()
        self.progress, self.stopping = progress, bool(stopping)

    def close(self) -> None:
        """Leaves the others."""
        if self.size > 1:
            distributed.destroy_process_group()


def together(work: Callable, config, folder: Path) -> None:
    """work(config, team) in config.processes processes, this one the first of them; returns when all have ended."""
    if config.processes == 1:
        work(config, Team())
        return
    folder.mkdir(parents=True, exist_ok=True)
    meeting = folder.resolve() / "meeting"
    meeting.unlink(missing_ok=True)
    context = multiprocessing.get_context("spawn")
    others = [
        context.Process(target=_join, args=(work, config, rank, meeting), daemon=True)
        for rank in range(1, config.processes)
    ]
    for other in others:
        other.start()
    try:
        _join(work, config, 0, meeting)
    finally:
        for other in others:
            other.join(timeout=10)
            if other.is_alive():
                other.terminate()
        meeting.unlink(missing_ok=True)


def _join(work: Callable, config, rank: int, meeting: Path) -> None:
    team = Team(rank, config.processes, meeting)
    try:
        work(config, team)
    except (ValueError, OSError):
        if rank == 0:  # bad input is the same for all of them, and one says so
            raise
    except RuntimeError as error:
        if rank == 0:
            raise
        sys.exit(f"process {rank} of the training ends: {error}")  # without the first the others cannot go on
    finally:
        team.close()
