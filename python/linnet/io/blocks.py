"""A recording block by block, so that memory stays constant on recordings of any length.

Blocks are float32 [n, channels], full scale +-1. Where they come from or go to is the business of file.py and pipe.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from linnet.io.errors import empty, truncated
from linnet.io.formats import Block, Format, to_subtype


class Reader:
    """A recording being read: its format, and its blocks."""

    def __init__(self, name: str, format: Format, read: Callable[[int], Block]) -> None:
        self.name = name
        self.format = format
        self._read = read

    def blocks(self, samples: int) -> Iterator[Block]:
        """Blocks of so many samples, the last one shorter. AudioError if the recording is empty or cut short.

        Of a missing end tell WAV, RF64, AIFF and FLAC; in other formats libsndfile takes what is there for the whole.
        """
        total = 0
        while True:
            block = self._read(samples)
            total += len(block)
            if len(block):
                yield block
            if len(block) < samples:
                break
        if self.format.frames is not None and total < self.format.frames:
            raise truncated(self.name, self.format.frames, total)
        if total == 0:
            raise empty(self.name)


class Writer:
    """A recording being written, in the sample type `subtype`."""

    def __init__(self, subtype: str, write: Callable[[NDArray[np.generic]], None]) -> None:
        self.subtype = subtype
        self._write = write

    def write(self, block: Block) -> None:
        """Appends a block: rounded to nearest and saturated where the sample type is an integer."""
        if len(block):
            self._write(to_subtype(block, self.subtype))
