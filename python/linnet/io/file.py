"""Sound files, read and written through libsndfile, and the way in and out for pipes too.

Outputs are written beside their final name and renamed when whole. Samples are float32 [n, channels], full scale +-1.
Every failure is an AudioError whose message is one line that names the file and the remedy.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

import numpy as np
import soundfile
from numpy.typing import NDArray

from linnet.io import wav
from linnet.io.blocks import Reader, Writer
from linnet.io.errors import AudioError, empty, reason, truncated
from linnet.io.formats import Block, Format, output_format
from linnet.io.outputs import encoded, replacing
from linnet.io.pipe import PIPE, open_stdin, open_stdout

_UNKNOWN_FRAMES = 1 << 62  # libsndfile's count when a header does not tell
_READABLE = "WAV, FLAC, Ogg, Opus, MP3 or AIFF"


@contextmanager
def open_input(path: str, raw: tuple[int, int] | None = None) -> Iterator[Reader]:
    """A file, or "-" for stdin: WAV, or with raw = (rate, channels) headerless 16-bit little-endian samples."""
    if path == PIPE:
        yield open_stdin(raw)
        return
    if not os.path.exists(path):
        raise AudioError(f"{path}: no such file; give an existing sound file, or - for stdin")
    if os.path.isdir(path):
        raise AudioError(f"{path}: a folder; give a sound file")
    if path.lower().endswith(".raw"):  # to soundfile the ending is decisive
        raise AudioError(f"{path}: headerless samples; send them to stdin, with - as the name and --raw RATE,CHANNELS")
    promised = _promised_frames(path)
    if promised is None and os.path.getsize(path) == 0:
        raise empty(path)
    try:
        file = soundfile.SoundFile(encoded(path))
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError(f"{path}: not readable as sound ({reason(error)}); give {_READABLE}") from error
    with file:
        frames: int | None = file.frames if 0 <= file.frames < _UNKNOWN_FRAMES else None
        if promised is not None:
            frames = max(promised, file.frames)
        if frames is not None and file.frames < frames:
            raise truncated(path, frames, file.frames)
        if frames == 0:
            raise empty(path)
        if file.format in ("MPEG", "MP3"):
            frames = None  # an estimate

        def read(samples: int) -> Block:
            try:
                return file.read(samples, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                raise AudioError(f"{path}: damaged ({reason(error)}); give an intact file") from error

        format = Format(file.samplerate, file.channels, frames, file.format, file.subtype, file.copy_metadata())
        yield Reader(path, format, read)


@contextmanager
def open_output(path: str, source: Format, raw: bool = False) -> Iterator[Writer]:
    """A file, or "-" for stdout, in the format that its ending names, as close to the source as that format can be.

    The file appears under its name when the with-block ends, and not at all if it ends in an error. It gets the tags of
    the source that its format takes.
    """
    if path == PIPE:
        with open_stdout(source, raw) as writer:
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


def _promised_frames(path: str) -> int | None:
    """Samples per channel that a WAV or AIFF header claims; libsndfile corrects it quietly in a file cut short."""
    try:
        with open(path, "rb") as file:
            kind = file.read(4)
            file.seek(0)
            if kind == b"FORM":
                return _aiff_frames(file)
            return wav.read_header(file, path)[0].frames if kind in (b"RIFF", b"RF64") else None
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


def _unwritable(name: str, error: BaseException) -> AudioError:
    return AudioError(f"{name}: cannot be written ({reason(error)}); is the disk full?")
