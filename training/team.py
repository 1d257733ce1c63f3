"""Several processes that train one network: each takes its share of every batch, and all make the same update.

A process per idle core is faster than threads, which wait for each other in every small operation. Gradients are
averaged for each update; once per batch the processes agree on what they must decide alike: how much of the budget is
used up, by the clock of the first, and whether anyone was asked to stop.

The processes are started here (`processes`), or by torchrun, which says so in the environment: then all of them see the
same run folder, the first writes it, and messages go by NCCL where each has a CUDA device of its own, else by Gloo.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import distributed

from training.device import choose


class Team:
    """This process among `size`; the first, of rank 0, keeps the files."""

    def __init__(self, rank: int = 0, size: int = 1, meeting: str = "", backend: str = "gloo"):
        """meeting: where the processes find each other, file://PATH or env://; empty where they have done so before."""
        self.rank, self.size = rank, size
        self.progress, self.stopping = 0.0, False
        self.device = torch.device("cuda" if backend == "nccl" else "cpu")  # of messages
        if size > 1 and meeting:
            distributed.init_process_group(backend, init_method=meeting, rank=rank, world_size=size)

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
            said = torch.tensor(
                [progress if self.rank == 0 else 0.0, stopping], dtype=torch.float64, device=self.device
            )
            distributed.all_reduce(said)
            progress, stopping = said.tolist()
        self.progress, self.stopping = progress, bool(stopping)

    def wait(self) -> None:
        """Until all are here: what the first wrote can be read now."""
        if self.size > 1:
            distributed.all_reduce(torch.zeros(1, device=self.device))

    def close(self) -> None:
        """Leaves the others."""
        if self.size > 1:
            distributed.destroy_process_group()


def from_environment(environment: Mapping[str, str], batch: int, processes: int) -> tuple[int, int, int] | None:
    """Rank, size and place on its machine of a process that torchrun has started; None for any other.

    ValueError: so many cannot share the batch, or the settings ask for another number.
    """
    if not {"RANK", "WORLD_SIZE", "MASTER_ADDR"} <= set(environment):
        return None
    rank, size = int(environment["RANK"]), int(environment["WORLD_SIZE"])
    if batch % size:
        raise ValueError(f"setting batch={batch}: must be a multiple of the {size} processes of torchrun")
    if processes not in (1, size):
        raise ValueError(f"setting processes={processes}: torchrun has started {size}; leave it out")
    return rank, size, int(environment.get("LOCAL_RANK", rank))


def _join_started(work: Callable, config, rank: int, size: int, place: int) -> None:
    """work(config, team) in one of the processes of torchrun, which stay together until they end."""
    backend = "gloo"
    if choose(config.device).type == "cuda":
        torch.cuda.set_device(place % torch.cuda.device_count())
        alone = int(os.environ.get("LOCAL_WORLD_SIZE", size)) <= torch.cuda.device_count()
        backend = "nccl" if alone and distributed.is_nccl_available() else "gloo"
    first = not distributed.is_initialized()
    team = Team(rank, size, "env://" if first else "", backend)
    work(config, team)
    team.wait()


def leave() -> None:
    """Ends this process, all work done, if torchrun has started it; returns in any other.

    At once: in the interpreter's own end threads of the messages, which see a neighbour go, now and then abort it.
    """
    if distributed.is_initialized():
        distributed.destroy_process_group()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def together(work: Callable, config, folder: Path) -> None:
    """work(config, team) in config.processes processes, this one the first of them; returns when all have ended.

    Or in those of torchrun, of which this is one.
    """
    if started := from_environment(os.environ, config.batch, config.processes):
        _join_started(work, config, *started)
        return
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
    if choose(config.device).type == "cuda":
        torch.cuda.set_device(rank % torch.cuda.device_count())
    team = Team(rank, config.processes, f"file://{meeting}")
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
