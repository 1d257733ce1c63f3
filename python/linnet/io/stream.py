"""Bytes of a file or of a pipe, read forwards: a pipe cannot be sought, but what was read of it can be put back."""

from __future__ import annotations

import os
from io import BufferedIOBase, FileIO
from typing import Any

_MOST_SKIPPED = 1 << 16  # bytes read at once to be thrown away
LOOK_AHEAD = 1 << 20  # bytes that are kept to be read again


class Stream:
    """A readable source of bytes. size: bytes in all of a regular file, which may be sought; None of a pipe."""

    def __init__(self, source: BufferedIOBase, size: int | None = None) -> None:
        self._source = source
        self.size = size
        self.position = 0
        self._back = b""  # put back, to be read again
        self._marked: list[bytes] | None = None
        self._kept = 0

    def read(self, size: int) -> bytes:
        """size bytes, fewer only at the end; a pipe may hand them out in pieces."""
        pieces = [self._back[:size]]
        got = len(pieces[0])
        self._back = self._back[got:]
        while got < size:
            # read() would fetch several pieces without looking for signals in between, and sleep on after a SIGTERM.
            piece = self._source.read1(size - got)
            if not piece:
                break
            pieces.append(piece)
            got += len(piece)
        data = b"".join(pieces)
        self.position += got
        if self._marked is not None:
            self._marked.append(data)
            self._kept += got
            if self._kept > LOOK_AHEAD:
                self.release()
        return data

    def skip(self, size: int) -> int:
        """Passes over so many bytes, and returns how many there were."""
        if self.size is not None and not self._back and self._marked is None:
            skipped = max(0, min(size, self.size - self.position))
            self._source.seek(skipped, os.SEEK_CUR)
            self.position += skipped
            return skipped
        left = size
        while left and (got := len(self.read(min(left, _MOST_SKIPPED)))):
            left -= got
        return size - left

    def peek(self, size: int) -> bytes:
        """What the next read of that size would give."""
        marked, self._marked = self._marked, None
        data = self.read(size)
        self._put_back(data)
        self._marked = marked
        return data

    def mark(self) -> None:
        """From here on all that is read is kept, up to a megabyte, until `rewind` or `release`."""
        self._marked, self._kept = [], 0

    def release(self) -> None:
        """Forgets the mark."""
        self._marked = None

    def rewind(self) -> bool:
        """Goes back to the mark and forgets it. False if that is too far behind."""
        if self._marked is None:
            return False
        data, self._marked = b"".join(self._marked), None
        self._put_back(data)
        return True

    def seek(self, position: int) -> None:
        """Goes to a byte of a file."""
        self._source.seek(position)
        self.position, self._back = position, b""

    def _put_back(self, data: bytes) -> None:
        self._back = data + self._back
        self.position -= len(data)


class Corrected(FileIO):
    """A file of which some bytes read as others, so that a header with a wrong size need not be written anew."""

    def __init__(self, path: str, at: int, correct: bytes) -> None:
        super().__init__(path)
        self._at, self._correct = at, correct

    def readinto(self, buffer: Any) -> int:
        """As of any file."""
        start = self.tell()
        view = memoryview(buffer).cast("B")
        got = super().readinto(view) or 0
        for index, byte in enumerate(self._correct, self._at - start):
            if 0 <= index < got:
                view[index] = byte
        return got


class Written(FileIO):
    """A new file for a library that does not tell of every write that fails: the first error is kept in `error`."""

    def __init__(self, path: str) -> None:
        super().__init__(path, "w+")
        self.error: OSError | None = None

    def write(self, data: Any) -> int:
        """All of the data, or 0 when it failed."""
        view = memoryview(data).cast("B")
        done = 0
        try:
            while done < len(view):
                done += super().write(view[done:]) or 0
        except OSError as error:
            self.error = self.error or error
            return 0
        return done
