"""Sound files and pipes for the command line: block by block, so that memory stays constant on files of any length.

Files go through libsndfile. Pipes carry WAV (read and written here, because libsndfile wants to seek) or raw 16-bit
samples. Outputs are written beside their final name and renamed when whole. Samples are float32 [n, channels], full
scale +-1. Every failure is an AudioError whose message is one line that names the file and the remedy.
"""

from __future__ import annotations

import io
import os
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, cast

import numpy as np
import soundfile
from numpy.typing import NDArray

from linnet.formats import LARGEST_WAV, Block, Format, output_format, to_subtype
from linnet.outputs import AudioError, encoded, reason, replacing

PIPE = "-"
_UNKNOWN_SIZE = 0xFFFFFFFF  # in a WAV header written to a pipe
_UNKNOWN_FRAMES = 1 << 62  # libsndfile's count when a header does not tell
_READABLE = "WAV, FLAC, Ogg, Opus, MP3 or AIFF"
# WAV's (tag, bits) and numpy's type of its samples; 24-bit samples are unpacked by hand.
_WAV_TYPES = {
    (1, 8): ("PCM_U8", "u1"),
    (1, 16): ("PCM_16", "<i2"),
    (1, 24): ("PCM_24", "u1"),
    (1, 32): ("PCM_32", "<i4"),
    (3, 32): ("FLOAT", "<f4"),
    (3, 64): ("DOUBLE", "<f8"),
}


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
            raise _truncated(self.name, self.format.frames, total)
        if total == 0:
            raise _empty(self.name)


@contextmanager
def open_input(path: str, raw: tuple[int, int] | None = None) -> Iterator[Reader]:
    """A file, or "-" for stdin: WAV, or with raw = (rate, channels) headerless 16-bit little-endian samples."""
    if path == PIPE:
        if sys.stdin is None:
            raise AudioError("stdin: closed; send the recording there, or give a file")
        yield _pipe_reader(cast(io.BufferedIOBase, sys.stdin.buffer), raw)
        return
    if not os.path.exists(path):
        raise AudioError(f"{path}: no such file; give an existing sound file, or - for stdin")
    if os.path.isdir(path):
        raise AudioError(f"{path}: a folder; give a sound file")
    if path.lower().endswith(".raw"):  # to soundfile the ending is decisive
        raise AudioError(f"{path}: headerless samples; send them to stdin, with - as the name and --raw RATE,CHANNELS")
    promised = _promised_frames(path)
    if promised is None and os.path.getsize(path) == 0:
        raise _empty(path)
    try:
        file = soundfile.SoundFile(encoded(path))
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError(f"{path}: not readable as sound ({reason(error)}); give {_READABLE}") from error
    with file:
        frames: int | None = file.frames if 0 <= file.frames < _UNKNOWN_FRAMES else None
        if promised is not None:
            frames = max(promised, file.frames)
        if frames is not None and file.frames < frames:
            raise _truncated(path, frames, file.frames)
        if frames == 0:
            raise _empty(path)
        if file.format in ("MPEG", "MP3"):
            frames = None  # an estimate

        def read(samples: int) -> Block:
            try:
                return file.read(samples, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                raise AudioError(f"{path}: damaged ({reason(error)}); give an intact file") from error

        format = Format(file.samplerate, file.channels, frames, file.format, file.subtype, file.copy_metadata())
        yield Reader(path, format, read)


class Writer:
    """A recording being written, in the sample type `subtype`."""

    def __init__(self, subtype: str, write: Callable[[NDArray[np.generic]], None]) -> None:
        self.subtype = subtype
        self._write = write

    def write(self, block: Block) -> None:
        """Appends a block: rounded to nearest and saturated where the sample type is an integer."""
        if len(block):
            self._write(to_subtype(block, self.subtype))


@contextmanager
def open_output(path: str, source: Format, raw: bool = False) -> Iterator[Writer]:
    """A file, or "-" for stdout, in the format that its ending names, as close to the source as that format can be.

    The file appears under its name when the with-block ends, and not at all if it ends in an error. It gets the tags of
    the source that its format takes.
    """
    if path == PIPE:
        if sys.stdout is None:
            raise AudioError("stdout: closed; redirect it, or give a file for the output")
        with _pipe_writer(sys.stdout.buffer, source, raw) as writer:
            yield writer
        return
    container, subtype = output_format(path, source)
    written = 0
    with replacing(path) as temporary:
        try:
            file = soundfile.SoundFile(encoded(temporary), "w", source.rate, source.channels, subtype, None, container)
        except (soundfile.LibsndfileError, OSError) as error:
            raise _unwritable(path, error) from error
        with file:
            for name, text in source.tags.items():
                # To MP3 libsndfile hands UTF-8 as if it were Latin-1.
                if container != "MP3" or text.isascii():
                    with suppress(soundfile.LibsndfileError):
                        setattr(file, name, text)

            def write(samples: NDArray[np.generic]) -> None:
                nonlocal written
                try:
                    file.write(samples)
                except (soundfile.LibsndfileError, OSError) as error:
                    raise _unwritable(path, error) from error
                written += len(samples)

            yield Writer(subtype, write)
        # What libsndfile writes when it closes a file can fail without a word.
        try:
            complete = container == "MP3" or soundfile.info(encoded(temporary)).frames >= written
        except soundfile.LibsndfileError as error:
            raise _unwritable(path, error) from error
        if not complete:
            raise _unwritable(path, OSError("its end is missing"))


def _pipe_reader(stream: io.BufferedIOBase, raw: tuple[int, int] | None) -> Reader:
    if raw is not None:
        rate, channels = raw
        format, type_name, left = Format(rate, channels, None), "<i2", None
    else:
        format, type_name, left = _read_wav_header(stream, "stdin")
        if format.frames == 0:
            raise _empty("stdin")
    width = np.dtype(type_name).itemsize * (3 if format.subtype == "PCM_24" else 1) * format.channels
    state = {"left": left}

    def read(samples: int) -> Block:
        wanted = samples * width if state["left"] is None else min(samples * width, state["left"])
        data = _read_fully(stream, wanted)
        if state["left"] is not None:
            state["left"] -= len(data)
        if len(data) % width and state["left"] is None:
            raise AudioError(
                f"stdin: ends inside a sample, after {len(data) % width} of its {width} bytes; send whole samples"
            )
        return _decode(data[: len(data) // width * width], format, type_name)

    return Reader("stdin", format, read)


def _read_fully(stream: io.BufferedIOBase, size: int) -> bytes:
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


def _read_wav_header(stream: io.BufferedIOBase, name: str) -> tuple[Format, str, int | None]:
    """Format, numpy type of a sample, and bytes of sound that follow (None: until the end of the stream)."""
    head = _read_fully(stream, 12)
    if not head:
        raise _empty(name)
    if len(head) < 12 or head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
        raise AudioError(f"{name}: not a WAV stream; send WAV, or raw 16-bit samples with --raw RATE,CHANNELS")
    parts: tuple[int, ...] | None = None
    long_size = 0  # of the sound in an RF64
    while True:
        chunk = _read_fully(stream, 8)
        if len(chunk) < 8:
            raise AudioError(f"{name}: a WAV stream that ends inside its header; send the whole stream")
        size = struct.unpack("<I", chunk[4:])[0]
        if chunk[:4] == b"data":
            break
        size += size % 2
        body = _read_fully(stream, min(size, 64))
        left = size - len(body)
        while left and (skipped := len(_read_fully(stream, min(left, 1 << 16)))):
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
    if (tag, bits) not in _WAV_TYPES or channels == 0:
        raise AudioError(
            f"{name}: WAV of type {tag} with {bits} bits; send 8 to 32-bit integers or 32 or 64-bit floats"
        )
    subtype, type_name = _WAV_TYPES[tag, bits]
    if size == _UNKNOWN_SIZE and long_size:
        size, open_end = long_size, False
    else:  # the ways in which programs say "unknown"
        open_end = size >= 0x7FFFF000 or (size == 0 and not stream.seekable())
    frames = None if open_end else size // (channels * bits // 8)
    return Format(rate, channels, frames, "WAV", subtype), type_name, None if open_end else size


def _decode(data: bytes, format: Format, type_name: str) -> Block:
    if format.subtype == "PCM_24":
        parts = np.frombuffer(data, np.uint8).reshape(-1, 3).astype(np.int32)
        values = ((parts[:, 0] << 8 | parts[:, 1] << 16 | parts[:, 2] << 24) >> 8).astype(np.float32) / np.float32(
            2**23
        )
    else:
        stored = np.frombuffer(data, type_name)
        if format.subtype == "PCM_U8":
            values = (stored.astype(np.float32) - 128) / np.float32(128)
        elif stored.dtype.kind == "i":
            values = (stored.astype(np.float64) / 2.0 ** (8 * stored.itemsize - 1)).astype(np.float32)
        else:
            with np.errstate(over="ignore"):
                values = stored.astype(np.float32)
    return values.reshape(-1, format.channels)


@contextmanager
def _pipe_writer(stream: IO[bytes], source: Format, raw: bool) -> Iterator[Writer]:
    subtype = source.subtype if source.subtype in {name for name, _ in _WAV_TYPES.values()} and not raw else "PCM_16"
    bits = {"PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "FLOAT": 32, "DOUBLE": 64}[subtype]

    def send(data: bytes) -> None:
        try:
            stream.write(data)
            stream.flush()
        except OSError as error:
            # Nothing more can be sent; without this Python would complain about stdout once more at exit.
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise AudioError(f"stdout: cannot be written ({reason(error)}); keep the reader open to the end") from error

    def write(samples: NDArray[np.generic]) -> None:
        if subtype == "PCM_24":
            send(samples.astype("<i4").view(np.uint8).reshape(-1, 4)[:, 1:].tobytes())
        elif subtype == "PCM_U8":
            send(((samples >> np.int32(24)) + 128).astype(np.uint8).tobytes())  # type: ignore[operator]
        else:
            send(samples.astype({"PCM_16": "<i2", "PCM_32": "<i4", "FLOAT": "<f4", "DOUBLE": "<f8"}[subtype]).tobytes())

    if not raw:
        send(_wav_header(source, subtype, bits))
    yield Writer(subtype, write)


def _wav_header(source: Format, subtype: str, bits: int) -> bytes:
    align = source.channels * bits // 8
    size = _UNKNOWN_SIZE if source.frames is None else source.frames * align
    size = size if size < LARGEST_WAV else _UNKNOWN_SIZE
    riff = size if size == _UNKNOWN_SIZE else 36 + size
    tag = 3 if subtype in ("FLOAT", "DOUBLE") else 1
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, tag, source.channels, source.rate, source.rate * align, align, bits)
    return struct.pack("<4sI4s", b"RIFF", riff, b"WAVE") + form + struct.pack("<4sI", b"data", size)


def _promised_frames(path: str) -> int | None:
    """Samples per channel that a WAV or AIFF header claims; libsndfile corrects it quietly in a file cut short."""
    try:
        with open(path, "rb") as file:
            kind = file.read(4)
            file.seek(0)
            if kind == b"FORM":
                return _aiff_frames(file)
            return _read_wav_header(file, path)[0].frames if kind in (b"RIFF", b"RF64") else None
    except AudioError:
        return None  # not plain PCM, or not WAV at all: libsndfile will judge
    except OSError as error:
        raise AudioError(f"{path}: cannot be read ({reason(error)}); give a readable sound file") from error


def _aiff_frames(file: IO[bytes]) -> int | None:
    file.seek(12)
    while len(head := file.read(8)) == 8:
        name, size = struct.unpack(">4sI", head)
        body = file.read(min(size, 8))
        if name == b"COMM" and len(body) == 8:
            channels, frames, bits = struct.unpack(">HIH", body)
            return frames if frames * channels * bits // 8 < 0x7EFFFF00 else None  # as sox writes to pipes
        file.seek(size + size % 2 - len(body), os.SEEK_CUR)
    return None


def _truncated(name: str, promised: int, found: int) -> AudioError:
    return AudioError(f"{name}: cut short: {promised} samples promised, {found} there; give the whole recording")


def _empty(name: str) -> AudioError:
    return AudioError(f"{name}: holds no samples; give a recording")


def _unwritable(name: str, error: BaseException) -> AudioError:
    return AudioError(f"{name}: cannot be written ({reason(error)}); is the disk full?")
