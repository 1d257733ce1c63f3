"""A recording block by block, so that memory stays constant on recordings of any length.

Blocks are float32 [n, channels], full scale +-1. Where they come from or go to is the business of file.py and pipe.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from linnet.io.errors import empty
from linnet.io.formats import Block, Format, to_subtype


class Reader:
    """A recording being read: its format, its blocks, and what is wrong with it that can be passed over.

    read: gives the next so many samples, fewer at the end. warnings: lines that name the recording, complete after the
    last block. live: it may come in as it is being made. end: told how many samples there were, after the last one.
    """

    def __init__(
        self,
        name: str,
        format: Format,
        read: Callable[[int], Block],
        warnings: list[str] | None = None,
        end: Callable[[int], None] | None = None,
        live: bool = False,
    ) -> None:
        self.name = name
        self.format = format
        self.warnings = [] if warnings is None else warnings
        self.live = live
        self.read = read
        self._end = end

    def blocks(self, samples: int) -> Iterator[Block]:
        """Blocks of so many samples, the last one shorter. AudioError if the recording is empty."""
        total = 0
        while True:
            block = self.read(samples)
            total += len(block)
            if len(block):
                yield block
            if len(block) < samples:
                break
        if self._end:
            self._end(total)
        if total == 0:
            raise empty(self.name)


class Writer:
    """A recording being written, in the sample type `subtype`.

    warnings: what of the source did not come along, complete when the output is closed.
    """

    def __init__(self, subtype: str, write: Callable[[NDArray[np.generic]], None]) -> None:
        self.subtype = subtype
        self.warnings: list[str] = []
        self._write = write

    def write(self, block: Block) -> None:
        """Appends a block: rounded to nearest and saturated where the sample type is an integer."""
        if len(block):
            self._write(to_subtype(block, self.subtype))
