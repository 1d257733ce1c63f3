"""What WAV files are made of, so that tests can make odd ones."""

from __future__ import annotations

import struct


def chunk(name: bytes, content: bytes, size: int | None = None) -> bytes:
    """A chunk, with a size of its own where that is told wrongly; padded to an even length."""
    return name + struct.pack("<I", len(content) if size is None else size) + content + bytes(len(content) % 2)
