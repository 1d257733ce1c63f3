"""WAV as bytes, for pipes: libsndfile wants to seek, so its header and samples are read and written here.

Also tells how many samples the header of a file promises, which libsndfile corrects quietly in a file cut short.
"""

from __future__ import annotations

import struct
from io import BufferedIOBase

import numpy as np
from numpy.typing import NDArray

from linnet.io.errors import AudioError, empty
from linnet.io.formats import LARGEST_WAV, Block, Format

_UNKNOWN_SIZE = 0xFFFFFFFF  # in a header written to a pipe
# Sample type -> WAV's tag and bits, and numpy's type of what is stored; 24-bit samples are packed by hand.
TYPES = {
    "PCM_U8": (1, 8, "u1"),
    "PCM_16": (1, 16, "<i2"),
    "PCM_24": (1, 24, "u1"),
    "PCM_32": (1, 32, "<i4"),
    "FLOAT": (3, 32, "<f4"),
    "DOUBLE": (3, 64, "<f8"),
}
_SUBTYPES = {(tag, bits): subtype for subtype, (tag, bits, _) in TYPES.items()}


def read_fully(stream: BufferedIOBase, size: int) -> bytes:
    """size bytes, fewer only at the end of the stream; a pipe may hand them out in pieces."""
    pieces, got = [], 0
    while got < size:
        # read() would fetch several pieces without looking for signals in between, and sleep on after a SIGTERM.
        piece = stream.read1(size - got)
        if not piece:
            break
        pieces.append(piece)
        got += len(piece)
    return b"".join(pieces)


def read_header(stream: BufferedIOBase, name: str) -> tuple[Format, int | None]:
    """Format, and bytes of sound that follow (None: until the end of the stream). AudioError names the file."""
    head = read_fully(stream, 12)
    if not head:
        raise empty(name)
    if len(head) < 12 or head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
        raise AudioError(f"{name}: not a WAV stream; send WAV, or raw 16-bit samples with --raw RATE,CHANNELS")
    parts: tuple[int, ...] | None = None
    long_size = 0  # of the sound in an RF64
    while True:
        chunk = read_fully(stream, 8)
        if len(chunk) < 8:
            raise AudioError(f"{name}: a WAV stream that ends inside its header; send the whole stream")
        size = struct.unpack("<I", chunk[4:])[0]
        if chunk[:4] == b"data":
            break
        size += size % 2
        body = read_fully(stream, min(size, 64))
        left = size - len(body)
        while left and (skipped := len(read_fully(stream, min(left, 1 << 16)))):
            left -= skipped
        if chunk[:4] == b"fmt " and len(body) >= 16:
            parts = struct.unpack("<HHIIHH", body[:16])
            if parts[0] == 0xFFFE and len(body) >= 26:  # extensible: the tag lies in the first bytes of the GUID
                parts = (struct.unpack("<H", body[24:26])[0], *parts[1:])
        elif chunk[:4] == b"ds64" and len(body) >= 16:
            long_size = struct.unpack("<Q", body[8:16])[0]
    if parts is None:
        raise AudioError(f"{name}: a WAV stream without a format; send WAV, or raw samples with --raw RATE,CHANNELS")
    tag, channels, rate, _, _, bits = parts
    if (tag, bits) not in _SUBTYPES or channels == 0:
        raise AudioError(
            f"{name}: WAV of type {tag} with {bits} bits; send 8 to 32-bit integers or 32 or 64-bit floats"
        )
    if size == _UNKNOWN_SIZE and long_size:
        size, open_end = long_size, False
    else:  # the ways in which programs say "unknown"
        open_end = size >= 0x7FFFF000 or (size == 0 and not stream.seekable())
    frames = None if open_end else size // (channels * bits // 8)
    return Format(rate, channels, frames, "WAV", _SUBTYPES[tag, bits]), None if open_end else size


def frame_bytes(format: Format) -> int:
    """Bytes of one sample of all channels."""
    return TYPES[format.subtype][1] // 8 * format.channels


def decode(data: bytes, format: Format) -> Block:
    """Whole samples of all channels, as they are stored."""
    if format.subtype == "PCM_24":
        parts = np.frombuffer(data, np.uint8).reshape(-1, 3).astype(np.int32)
        whole = (parts[:, 0] << 8 | parts[:, 1] << 16 | parts[:, 2] << 24) >> 8
        values = whole.astype(np.float32) / np.float32(2**23)
    else:
        stored = np.frombuffer(data, TYPES[format.subtype][2])
        if format.subtype == "PCM_U8":
            values = (stored.astype(np.float32) - 128) / np.float32(128)
        elif stored.dtype.kind == "i":
            values = (stored.astype(np.float64) / 2.0 ** (8 * stored.itemsize - 1)).astype(np.float32)
        else:
            with np.errstate(over="ignore"):
                values = stored.astype(np.float32)
    return values.reshape(-1, format.channels)


def write_header(source: Format, subtype: str) -> bytes:
    """Header of a recording like the source with samples of this type; of unknown length if the source's is."""
    tag, bits, _ = TYPES[subtype]
    align = source.channels * bits // 8
    size = _UNKNOWN_SIZE if source.frames is None else source.frames * align
    size = size if size < LARGEST_WAV else _UNKNOWN_SIZE
    riff = size if size == _UNKNOWN_SIZE else 36 + size
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, tag, source.channels, source.rate, source.rate * align, align, bits)
    return struct.pack("<4sI4s", b"RIFF", riff, b"WAVE") + form + struct.pack("<4sI", b"data", size)


def encode(samples: NDArray[np.generic], subtype: str) -> bytes:
    """Samples as `to_subtype` gives them, as they are stored."""
    if subtype == "PCM_24":
        return samples.astype("<i4").view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()
    if subtype == "PCM_U8":
        return ((samples >> np.int32(24)) + 128).astype(np.uint8).tobytes()  # type: ignore[operator]
    return samples.astype(TYPES[subtype][2]).tobytes()
