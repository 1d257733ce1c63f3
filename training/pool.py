"""Segments that lie on the training device, drawn at random while background processes replace the oldest.

A CUDA device trains faster than all cores of its machine make mixtures, and faster than one core can put them together
and send them over: so each is sent once and trained on a few times, with ever other neighbours, until it is replaced.
Which segments a batch has depends on how fast they were made: such a run is not reproducible.
"""

from __future__ import annotations

import dataclasses
import itertools
import threading
import time
from pathlib import Path

import torch

from training.features import Shards


class Pool:
    """draw() gives batches [B, T, COLUMNS] on the device. Use as a context manager."""

    def __init__(self, config, folder: Path, device: torch.device, first: int = 0):
        """first: the first shard to be made."""
        self.config, self.device = config, device
        self.size = config.pool // config.shard_segments * config.shard_segments  # whole shards
        self.made = first  # shards so far
        self.waited = 0.0  # seconds spent waiting for data
        self.rows: torch.Tensor | None = None  # float16 [size, T, COLUMNS]
        self.filled = 0  # of them
        self.error: Exception | None = None
        self.lock = threading.Lock()  # a batch has no segment that is half replaced
        self.generator = torch.Generator(device=device).manual_seed(config.seed)
        self.shards = Shards(dataclasses.replace(config, reuse=1), folder, first)
        self.filler = threading.Thread(target=self.fill, daemon=True)

    def __enter__(self) -> Pool:
        self.shards.__enter__()
        self.filler.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.shards.stop.set()
        self.filler.join()
        self.shards.__exit__(*error)

    def fill(self) -> None:
        """Body of the thread that puts shard after shard into the place of the oldest."""
        at = 0
        try:
            for index in itertools.count(self.made):
                shard = torch.from_numpy(self.shards.stage(index)[-1].copy())
                if self.rows is None:
                    shape = (self.size, *shard.shape[1:])
                    self.rows = torch.empty(shape, dtype=torch.float16, device=self.device)
                shard = shard.to(self.device)
                with self.lock:
                    self.rows[at : at + len(shard)] = shard
                    self.filled = max(self.filled, at + len(shard))
                    self.made = index + 1
                at = (at + len(shard)) % self.size
        except Exception as error:  # told where the batch is missed
            self.error = error

    def draw(self) -> torch.Tensor:
        """The next batch. ChildProcessError: the data processes have ended."""
        begun = time.monotonic()
        while self.error is None and self.filled < min(2 * self.config.batch, self.size):
            time.sleep(0.05)
        if self.error:
            raise self.error
        self.waited += time.monotonic() - begun
        with self.lock:
            chosen = torch.randint(self.filled, (self.config.batch,), generator=self.generator, device=self.device)
            return self.rows.index_select(0, chosen)
