"""WAV of plain samples, read and written as bytes: RIFF, RF64 and BW64, files and pipes alike.

What the format chunk says is believed whole: samples are as wide as the block alignment tells, if the byte rate agrees,
with their valid bits on top. Sizes are not: recorders that died left zeros, pipes tell none, and 32 bits overflow.
References: RIFF (Microsoft 1991), WAVEFORMATEXTENSIBLE, EBU Tech 3306 (RF64), ITU-R BS.2088 (BW64).
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field
from io import BufferedIOBase

import numpy as np
from numpy.typing import NDArray

from linnet.io.blocks import Reader
from linnet.io.chunks import Chunk, info_chunk, is_id, read_chunk, read_tags
from linnet.io.errors import AudioError, cut_short, empty, truncated
from linnet.io.formats import LARGEST_WAV, Block, Format
from linnet.io.stream import LOOK_AHEAD, Stream

KINDS = (b"RIFF", b"RF64", b"BW64")
_UNKNOWN_SIZE = 0xFFFFFFFF  # in a header written to a pipe
_DS64 = 28  # bytes of an RF64's chunk of sizes
_STRAY = 4096  # bytes behind the sound; fewer are no sound of their own
_EXTENSIBLE = 0xFFFE
_GUID = bytes.fromhex("000000001000800000aa00389b71")  # of a tag made a sub-format
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


class BrokenHeader(AudioError):
    """A WAV whose header ends or makes no sense before the sound."""


class NotPlain(AudioError):
    """A WAV whose samples are coded; libsndfile or ffmpeg may read it."""


@dataclass
class Header:
    """What stands before the sound. size: its bytes as told, 0 included; None if the header says that it is unknown."""

    rate: int
    channels: int
    subtype: str
    mask: int | None
    size: int | None = None
    chunks: list[Chunk] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    @property
    def align(self) -> int:
        """Bytes of one sample of all channels."""
        return TYPES[self.subtype][1] // 8 * self.channels


def is_wav(head: bytes) -> bool:
    """True for the first 12 bytes of a WAV."""
    return head[:4] in KINDS and head[8:12] == b"WAVE"


def read_header(stream: Stream, name: str) -> Header:
    """Reads up to the first byte of the sound. Raises NotPlain for coded samples, or BrokenHeader."""
    stream.read(12)
    header: Header | None = None
    chunks: list[Chunk] = []
    lost: list[str] = []
    long_size: int | None = None
    while True:
        head = stream.read(8)
        if len(head) < 8:
            raise BrokenHeader(f"{name}: a WAV stream that ends inside its header; send the whole stream")
        id, size = struct.unpack("<4sI", head)
        if id == b"data":
            break
        if id in (b"fmt ", b"ds64"):
            body = stream.read(min(size, 64))
            stream.skip(size + size % 2 - len(body))
            if id == b"fmt " and len(body) >= 16:
                header = _read_format(body, name)
            elif id == b"ds64" and len(body) >= 16:
                long_size = struct.unpack("<Q", body[8:16])[0]
        elif what := read_chunk(stream, id, size, chunks, after=False):
            lost.append(what)
    if header is None:
        raise BrokenHeader(f"{name}: a WAV stream without a format; send WAV, or raw samples with --raw RATE,CHANNELS")
    header.chunks, header.lost = chunks, lost
    if size == _UNKNOWN_SIZE and long_size is not None:
        header.size = long_size if long_size < 1 << 62 else None
    else:
        header.size = None if _says_unknown(size, stream) else size
    return header


@dataclass
class CodedSound:
    """The sound of a WAV file whatever its samples are: the first of its bytes, how many the header tells (None if it
    says that it does not know), and how many there are. chunks: those that go on into outputs."""

    start: int
    told: int | None
    present: int
    chunks: list[Chunk]


def find_sound(stream: Stream) -> CodedSound | None:
    """Looks through a WAV file that libsndfile is to read; None if there is no sound in it."""
    size = stream.size or 0
    chunks: list[Chunk] = []
    sound = None
    stream.seek(12)
    while len(head := stream.read(8)) == 8 and is_id(head[:4]):
        length = struct.unpack("<I", head[4:])[0]
        if head[:4] == b"data" and not sound:
            start = stream.position
            unknown = _says_unknown(length, stream)
            sound = CodedSound(start, None if unknown else length, size - start, chunks)
            if unknown or length > sound.present:
                break
        read_chunk(stream, head[:4], length, chunks, after=sound is not None)
    if sound and sound.told == 0:
        if stream.position == size:
            sound.present = 0  # chunks, and nothing else
        else:
            sound.chunks = [chunk for chunk in chunks if not chunk.after]
    return sound


def open_wav(stream: Stream, name: str, strict: bool) -> Reader:
    """A recording whose first 12 bytes say WAV. strict: wrong sizes are errors, else warnings.

    Raises NotPlain for coded samples, BrokenHeader, or AudioError for a recording without samples.
    """
    header = read_header(stream, name)
    sound = _Sound(stream, name, header, strict)
    format = Format(
        header.rate,
        header.channels,
        sound.frames,
        "WAV",
        header.subtype,
        read_tags(header.chunks),
        header.chunks,
        header.mask,
    )
    warnings = [f"{name}: {what}" for what in header.lost]

    def read(samples: int) -> Block:
        return decode(sound.read(samples * header.align), format)

    def end(total: int) -> None:
        reader.warnings += sound.end(total)

    reader = Reader(name, format, read, warnings, end)
    return reader


class _Sound:
    """The bytes of the sound, wherever they end, and the chunks behind them."""

    def __init__(self, stream: Stream, name: str, header: Header, strict: bool) -> None:
        self._stream, self._name, self._header, self._strict = stream, name, header, strict
        self._left: int | None = header.size  # bytes; None: to the end of the stream
        self._said: list[str] = []
        self.frames = None if header.size is None else header.size // header.align
        start = stream.position
        if header.size == 0:
            self._open_zero()
        if stream.size is None:
            return
        # A file shows its end before any work is done.
        present = stream.size - start
        if self._left is not None and self._left <= present:
            stream.seek(start + self._left)
            self._look_behind()
            stream.seek(start)
        if self._left is None or self._left > present:
            self.frames = present // header.align
            if strict and (problem := self._problem_of(self.frames)):
                raise problem[1]
        if self.frames == 0:
            raise empty(name)

    def read(self, size: int) -> bytes:
        """Whole samples, fewer only at the end."""
        align = self._header.align
        data = self._stream.read(size if self._left is None else min(size, self._left))
        if self._left is not None:
            self._left -= len(data)
            if self._left == 0 and data and self._stream.size is None:
                self._look_behind()
                if self._left is None and len(data) < size:  # the header told too little
                    data += self._stream.read(size - len(data))
        return data[: len(data) // align * align]

    def end(self, total: int) -> list[str]:
        """After the last sample, of which there were `total`: what is wrong with the recording, line by line.
        AudioError if that is not to be passed over."""
        if problem := self._problem_of(total):
            if self._strict:
                raise problem[1]
            self._said.insert(0, problem[0])
        return self._said

    def _problem_of(self, total: int) -> tuple[str, AudioError] | None:
        """What is wrong with the size that the header tells: as a warning, and as an error."""
        if self._header.size is None:
            return None
        promised = self._header.size // self._header.align
        if total < promised:
            return cut_short(self._name, promised, total), truncated(self._name, promised, total)
        if total == promised:
            return None
        what = "data size 0 in the header" if promised == 0 else f"{promised} samples promised, {total} there"
        error = AudioError(f"{self._name}: {what}; correct the header, or leave out --strict")
        return f"{self._name}: {what}; read to the end{f', {total} samples' if promised == 0 else ''}", error

    def _say(self, what: str) -> None:
        self._said.append(f"{self._name}: {what}")

    def _open_zero(self) -> None:
        """A size of 0 is that of a recorder or a pipe that never told, unless nothing but chunks follows."""
        stream = self._stream
        start = stream.position
        found: list[Chunk] = []
        if stream.size is None:
            stream.mark()
        whole = self._read_chunks(found, stream.size is None)
        if whole:
            raise empty(self._name)
        if stream.size is None:
            stream.rewind()
        else:
            stream.seek(start)
        self._left = self.frames = None

    def _read_chunks(self, found: list[Chunk], ahead: bool) -> bool:
        """Chunks up to the end into `found`. True if there is nothing else; ahead: within what can be put back."""
        start = self._stream.position
        while head := self._stream.read(8):
            if len(head) < 8 or not is_id(head[:4]):
                return False
            size = struct.unpack("<I", head[4:])[0]
            room = LOOK_AHEAD - (self._stream.position - start) - 64
            if ahead and size > room:
                return False
            if self._stream.size is not None and size > self._stream.size - self._stream.position:
                return False
            if lost := read_chunk(self._stream, head[:4], size, found, after=True):
                if ahead or "cut short" in lost:
                    return False
                self._say(lost)
        return True

    def _look_behind(self) -> None:
        """Behind the bytes that the header told: chunks, more sound than told, or stray bytes."""
        stream = self._stream
        head = stream.peek(_STRAY + 1)
        pad = (self._header.size or 0) % 2 if not is_id(head[:4]) else 0  # some leave out the byte that makes it even
        if is_id(head[pad : pad + 4]):
            stream.skip(pad)
            if not self._read_chunks(self._header.chunks, ahead=False):
                self._say("the chunks behind the sound are damaged; some are left out")
        elif len(head) > _STRAY and any(head):
            self._left = None  # the size is that of an earlier moment, or of 32 bits that were too few
        elif any(head[pad:]):
            self._say(f"{len(head) - pad} bytes behind the sound are no chunk; left out")


def _says_unknown(size: int, stream: Stream) -> bool:
    """True for the sizes with which programs write to pipes: the most of 31 or 32 bits, or a header's length less."""
    if stream.size is not None and size <= stream.size - stream.position:
        return False
    return 0x7FFFF000 <= size <= 0x80001000 or size >= 0xFFFF0000


def _read_format(body: bytes, name: str) -> Header:
    tag, channels, rate, byte_rate, align, bits = struct.unpack("<HHIIHH", body[:16])
    mask = None
    if tag == _EXTENSIBLE and len(body) >= 26:  # the tag lies in the first bytes of the GUID
        mask, tag = struct.unpack("<IH", body[20:26])
    width = (bits + 7) // 8
    if channels and align and align % channels == 0 and (byte_rate == rate * align or not bits):
        width = max(width, align // channels)
    subtype = _SUBTYPES.get((tag, 8 * width))
    if subtype is None or channels == 0:
        raise NotPlain(f"{name}: WAV of type {tag} with {bits} bits; send 8 to 32-bit integers or 32 or 64-bit floats")
    return Header(rate, channels, subtype, mask)


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


def read_raw(stream: Stream, name: str, raw: tuple[int, int], strict: bool) -> Reader:
    """Headerless 16-bit little-endian samples; raw = (rate, channels)."""
    format = Format(*raw, None)
    width = 2 * format.channels

    def read(samples: int) -> Block:
        data = stream.read(samples * width)
        if rest := len(data) % width:
            what = f"{name}: ends inside a sample, after {rest} of its {width} bytes"
            if strict:
                raise AudioError(f"{what}; send whole samples, or leave out --strict")
            reader.warnings.append(f"{what}; these are left out")
        return decode(data[: len(data) - rest], format)

    reader = Reader(name, format, read)
    return reader


class WavWriter:
    """WAV written to a file or a pipe: header, chunks, samples, chunks behind them.

    Of a file (open for reading too), the sizes are set right at the end; what got longer than 4 GiB becomes an RF64. To
    a pipe goes what is known at the start.
    """

    def __init__(self, stream: BufferedIOBase, source: Format, subtype: str, file: bool, rf64: bool = False) -> None:
        self._stream, self._subtype, self._source, self._file = stream, subtype, source, file
        tag, bits, _ = TYPES[subtype]
        self._align = source.channels * bits // 8
        self._bytes = 0
        chunks = list(source.chunks)
        self.untold: list[str] = []  # names of tags that a WAV cannot hold
        if not any(chunk.is_info for chunk in chunks):
            tags, self.untold = info_chunk(source.tags)
            chunks += [tags] if tags else []
        self._before = [chunk for chunk in chunks if not (file and chunk.after)]
        form = struct.pack("<HHIIHH", tag, source.channels, source.rate, source.rate * self._align, self._align, bits)
        if source.mask is not None:
            form = struct.pack("<H", _EXTENSIBLE) + form[2:]
            form += struct.pack("<HHIH", 22, bits, source.mask, tag) + _GUID
        self._rf64 = rf64
        head = Chunk(b"JUNK", bytes(_DS64)).stored() if rf64 else b""  # to become ds64
        head += Chunk(b"fmt ", form).stored()
        self._fact = 12 + len(head) + 8 if file and tag == 3 else None
        head += Chunk(b"fact", bytes(4)).stored() if self._fact else b""
        self._head = head + b"".join(chunk.stored() for chunk in self._before)
        size = _UNKNOWN_SIZE if source.frames is None else source.frames * self._align
        size = size if size + len(self._head) < LARGEST_WAV else _UNKNOWN_SIZE
        riff = size if size == _UNKNOWN_SIZE else 4 + len(self._head) + 8 + size
        stream.write(struct.pack("<4sI4s", b"RIFF", riff, b"WAVE") + self._head + struct.pack("<4sI", b"data", size))

    def write(self, samples: NDArray[np.generic]) -> None:
        """Samples as `to_subtype` gives them."""
        data = encode(samples, self._subtype)
        self._stream.write(data)
        self._bytes += len(data)

    def close(self) -> list[str]:
        """After the last sample; returns the names of chunks that came too late for a pipe."""
        if not self._file:
            return [chunk.name for chunk in self._source.chunks if chunk not in self._before]
        after = [chunk for chunk in self._source.chunks if chunk.after and chunk not in self._before]
        self._stream.write(bytes(self._bytes % 2) + b"".join(chunk.stored() for chunk in after))
        riff = self._stream.tell() - 8
        if not self._rf64 and riff > LARGEST_WAV:  # more than was to be expected
            self._make_room(12, 8 + _DS64)
            riff += 8 + _DS64
            self._head, self._rf64 = bytes(8 + _DS64) + self._head, True
            self._fact = self._fact and self._fact + 8 + _DS64
        frames = self._bytes // self._align
        self._patch(4, "<I", _UNKNOWN_SIZE if self._rf64 else riff)
        self._patch(12 + len(self._head) + 4, "<I", _UNKNOWN_SIZE if self._rf64 else self._bytes)
        if self._fact:
            self._patch(self._fact, "<I", min(frames, _UNKNOWN_SIZE))
        if self._rf64:
            self._patch(0, "<4s", b"RF64")
            self._patch(12, "<4sIQQQI", b"ds64", _DS64, riff, self._bytes, frames, 0)
        return []

    def _make_room(self, at: int, size: int) -> None:
        """Moves what is there from `at` on."""
        position = self._stream.seek(0, os.SEEK_END)
        while position > at:
            length = min(position - at, 1 << 20)
            position -= length
            self._stream.seek(position)
            moved = self._stream.read(length)
            self._stream.seek(position + size)
            self._stream.write(moved)

    def _patch(self, at: int, layout: str, *values: int | bytes) -> None:
        self._stream.seek(at)
        self._stream.write(struct.pack(layout, *values))


def encode(samples: NDArray[np.generic], subtype: str) -> bytes:
    """Samples as `to_subtype` gives them, as they are stored."""
    if subtype == "PCM_24":
        return samples.astype("<i4").view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()
    if subtype == "PCM_U8":
        return ((samples >> np.int32(24)) + 128).astype(np.uint8).tobytes()  # type: ignore[operator]
    return samples.astype(TYPES[subtype][2]).tobytes()
