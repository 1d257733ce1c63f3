"""Sound files and pipes for the command line: block by block, so that memory stays constant on files of any length.

Files go through libsndfile. Pipes carry WAV (read and written here, because libsndfile wants to seek) or raw 16-bit
samples. Outputs are written beside their final name and renamed when whole. Samples are float32 [n, channels], full
scale +-1. Every failure is an AudioError whose message is one line that names the file and the remedy.
"""

from __future__ import annotations

import io
import os
import secrets
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import numpy as np
import soundfile
from numpy.typing import NDArray

Block = NDArray[np.float32]

PIPE = "-"
_UNKNOWN_SIZE = 0xFFFFFFFF  # in a WAV header written to a pipe
_UNKNOWN_FRAMES = 1 << 62  # libsndfile's count when a header does not tell
_SYSTEM_ERROR = 2  # of libsndfile
_READABLE = "WAV, FLAC, Ogg, Opus, MP3 or AIFF"
_LARGEST_WAV = 0xFFFFFFFF - 4096  # bytes; longer recordings become RF64
_FORMATS = {".opus": "OGG", ".oga": "OGG", ".aif": "AIFF", ".aifc": "AIFF", ".wave": "WAV", ".snd": "AU"}
_SUBTYPES = {".opus": "OPUS"}
# What to take, in this order, where a format cannot hold the input's own sample type.
_INSTEAD = {
    "FLOAT": ("PCM_24", "PCM_16"),
    "DOUBLE": ("FLOAT", "PCM_24", "PCM_16"),
    "PCM_32": ("PCM_24", "PCM_16"),
    "PCM_U8": ("PCM_S8", "PCM_16"),
    "PCM_S8": ("PCM_U8", "PCM_16"),
}
_PLAIN = {"PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"}  # may move to another container
_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "ULAW": 16, "ALAW": 16, "ALAC_16": 16}
# WAV's (tag, bits) and numpy's type of its samples; 24-bit samples are unpacked by hand.
_WAV_TYPES = {
    (1, 8): ("PCM_U8", "u1"),
    (1, 16): ("PCM_16", "<i2"),
    (1, 24): ("PCM_24", "u1"),
    (1, 32): ("PCM_32", "<i4"),
    (3, 32): ("FLOAT", "<f4"),
    (3, 64): ("DOUBLE", "<f8"),
}


class AudioError(Exception):
    """Something is wrong with a sound file; the message is one line."""


@dataclass(frozen=True)
class Format:
    """What a recording is made of. frames: samples per channel, or None if only the end of the stream will tell."""

    rate: int
    channels: int
    frames: int | None
    container: str = "WAV"
    subtype: str = "PCM_16"


class Reader:
    """A recording being read: its format, and its blocks."""

    def __init__(self, name: str, format: Format, read: Callable[[int], Block]) -> None:
        self.name = name
        self.format = format
        self._read = read

    def blocks(self, samples: int) -> Iterator[Block]:
        """Blocks of so many samples, the last one shorter. AudioError if the recording is cut short or empty."""
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
        yield _pipe_reader(cast(io.BufferedIOBase, sys.stdin.buffer), raw)
        return
    if not os.path.exists(path):
        raise AudioError(f"{path}: no such file; give an existing sound file, or - for stdin")
    if os.path.isdir(path):
        raise AudioError(f"{path}: a folder; give a sound file")
    promised = _promised_frames(path)
    if promised is None and os.path.getsize(path) == 0:
        raise _empty(path)
    try:
        file = soundfile.SoundFile(path)
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError(f"{path}: not readable as sound ({_reason(error)}); give {_READABLE}") from error
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
                raise AudioError(f"{path}: damaged ({_reason(error)}); give an intact file") from error

        yield Reader(path, Format(file.samplerate, file.channels, frames, file.format, file.subtype), read)


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

    The file appears under its name when the with-block ends, and not at all if it ends in an error.
    """
    if path == PIPE:
        with _pipe_writer(sys.stdout.buffer, source, raw) as writer:
            yield writer
        return
    container, subtype = output_format(path, source)
    written = 0
    with replacing(path) as temporary:
        try:
            file = soundfile.SoundFile(temporary, "w", source.rate, source.channels, subtype, None, container)
        except (soundfile.LibsndfileError, OSError, ValueError) as error:
            if getattr(error, "code", None) == _SYSTEM_ERROR:
                raise _unwritable(path, error) from error
            kind = f"{container} with {subtype}"
            what = f"{source.channels} channel{'s'[: source.channels != 1]} at {source.rate} Hz"
            raise AudioError(f"{path}: {kind} cannot hold {what} ({_reason(error)}); choose .wav or .flac") from error
        with file:

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
            complete = container == "MP3" or soundfile.info(temporary).frames == written
        except soundfile.LibsndfileError as error:
            raise _unwritable(path, error) from error
        if not complete:
            raise _unwritable(path, OSError("its end is missing"))


def output_format(path: str, source: Format) -> tuple[str, str]:
    """Container and sample type for an output name. AudioError if its ending is none that can be written."""
    ending = Path(path).suffix.lower()
    container = _FORMATS.get(ending, ending[1:].upper())
    if container not in soundfile.available_formats() or container == "RAW":
        raise AudioError(
            f"{path}: cannot tell the format from '{ending}'; end the name in .wav, .flac, .ogg, .opus or .mp3"
        )
    default = _SUBTYPES.get(ending, soundfile.default_subtype(container))
    wanted: tuple[str, ...] = ()
    if ending not in _SUBTYPES and (source.container == container or source.subtype in _PLAIN):
        wanted = (source.subtype, *_INSTEAD.get(source.subtype, ()))
    subtype = next((name for name in wanted if soundfile.check_format(container, name)), default)
    if container == "WAV" and (source.frames or 0) * source.channels * 8 > _LARGEST_WAV:
        container = "RF64"
    return container, subtype


def is_sound_file(path: Path) -> bool:
    """True if the ending is that of a format that can be read and written."""
    ending = path.suffix.lower()
    return ending in _FORMATS or ending[1:].upper() in set(soundfile.available_formats()) - {"RAW"}


def to_subtype(block: Block, subtype: str) -> NDArray[np.generic]:
    """Samples as libsndfile stores them without rounding of its own: int16 or int32 for integer types, else float32."""
    bits = _BITS.get(subtype)
    if bits is None:
        return block
    scale = 2.0 ** (bits - 1)
    whole = np.clip(np.rint(block.astype(np.float64) * scale), -scale, scale - 1)
    if bits == 16:
        return whole.astype(np.int16)
    return whole.astype(np.int32) << np.int32(32 - bits)


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[str]:
    """A new file beside `path` that takes its name when the with-block ends well, and is removed otherwise."""
    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    if os.path.isdir(target):
        raise AudioError(f"{path}: a folder; give the name of a file")
    if os.path.exists(target) and not os.path.isfile(target):
        raise AudioError(f"{path}: not a regular file; give the name of a file, or - for stdout")
    temporary = os.path.join(folder, f".{os.path.basename(target)}.{secrets.token_hex(4)}.part")
    try:
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except OSError as error:
        raise AudioError(f"{path}: cannot be written ({_reason(error)}); give a name in a writable folder") from error
    try:
        yield temporary
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


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
    if parts is None:
        raise AudioError(f"{name}: a WAV stream without a format; send WAV, or raw samples with --raw RATE,CHANNELS")
    tag, channels, rate, _, _, bits = parts
    if (tag, bits) not in _WAV_TYPES or channels == 0:
        raise AudioError(
            f"{name}: WAV of type {tag} with {bits} bits; send 8 to 32-bit integers or 32 or 64-bit floats"
        )
    subtype, type_name = _WAV_TYPES[tag, bits]
    open_end = size in (0, _UNKNOWN_SIZE) or size >= 0x7FFFF000  # the ways in which programs say "unknown"
    if size == 0 and stream.seekable():
        open_end = False
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
            raise AudioError(
                f"stdout: cannot be written ({_reason(error)}); keep the reader open to the end"
            ) from error

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
    size = size if size < _LARGEST_WAV else _UNKNOWN_SIZE
    riff = size if size == _UNKNOWN_SIZE else 36 + size
    tag = 3 if subtype in ("FLOAT", "DOUBLE") else 1
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, tag, source.channels, source.rate, source.rate * align, align, bits)
    return struct.pack("<4sI4s", b"RIFF", riff, b"WAVE") + form + struct.pack("<4sI", b"data", size)


def _promised_frames(path: str) -> int | None:
    """Samples per channel that a WAV file's header claims; libsndfile corrects it quietly in a file cut short."""
    try:
        with open(path, "rb") as file:
            if file.read(4) != b"RIFF":
                return None
            file.seek(0)
            format, _, _ = _read_wav_header(file, path)
            return format.frames
    except AudioError:
        return None  # not plain PCM, or not WAV at all: libsndfile will judge
    except OSError as error:
        raise AudioError(f"{path}: cannot be read ({_reason(error)}); give a readable sound file") from error


def _truncated(name: str, promised: int, found: int) -> AudioError:
    return AudioError(f"{name}: cut short: {promised} samples promised, {found} there; give the whole recording")


def _empty(name: str) -> AudioError:
    return AudioError(f"{name}: holds no samples; give a recording")


def _unwritable(name: str, error: BaseException) -> AudioError:
    return AudioError(f"{name}: cannot be written ({_reason(error)}); is the disk full?")


def _reason(error: BaseException) -> str:
    if isinstance(error, soundfile.LibsndfileError):
        text = error.error_string
    else:
        text = getattr(error, "strerror", None) or str(error)
    return str(text).strip().rstrip(".").splitlines()[0] if str(text).strip() else type(error).__name__
