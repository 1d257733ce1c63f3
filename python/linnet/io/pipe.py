"""Recordings that come in or go out byte after byte: stdin, stdout, named pipes, process substitution.

WAV and headerless samples are read as they come in. What else comes in is put into a temporary file first.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import BufferedIOBase
from typing import cast

import numpy as np
from numpy.typing import NDArray

from linnet.io import wav
from linnet.io.blocks import Reader, Writer
from linnet.io.errors import AudioError, empty, reason
from linnet.io.ffmpeg import format_name
from linnet.io.formats import Format
from linnet.io.stream import Stream

PIPE = "-"  # in place of a file's name
_COPIED = 1 << 16  # bytes at once
HEAD = 64  # bytes that tell a format


def is_pipe(path: str) -> bool:
    """True for "-" and for whatever has a name but is no regular file: its bytes come once, in their order."""
    if path == PIPE:
        return True
    with suppress(OSError):
        mode = os.stat(path).st_mode
        return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)
    return False


@contextmanager
def incoming(path: str) -> Iterator[tuple[Stream, str]]:
    """The bytes of stdin or of a pipe with a name, and what errors call it."""
    if path == PIPE:
        if sys.stdin is None:
            raise AudioError("stdin: closed; send the recording there, or give a file")
        yield Stream(cast(BufferedIOBase, sys.stdin.buffer)), "stdin"
        return
    try:
        file = open(path, "rb")  # noqa: SIM115
    except OSError as error:
        raise AudioError(f"{path}: cannot be read ({reason(error)}); give a readable sound file") from error
    with file:
        yield Stream(file), path


def open_pipe(stream: Stream, name: str, raw: tuple[int, int] | None, strict: bool) -> Reader | None:
    """WAV, or with raw = (rate, channels) headerless 16-bit little-endian samples; None if it is of another format,
    and all of its bytes are still to come."""
    if raw is not None:
        reader = wav.read_raw(stream, name, raw, strict)
        reader.live = True
        return reader
    head = stream.peek(12)
    if not head:
        raise empty(name)
    if wav.is_wav(head):
        stream.mark()
        try:
            reader = wav.open_wav(stream, name, strict)
        except wav.NotPlain:
            if stream.rewind():
                return None
            raise
        reader.live = True
        return reader
    if format_name(stream.peek(HEAD)) is None:
        raise AudioError(f"{name}: not a WAV stream; send WAV, or raw 16-bit samples with --raw RATE,CHANNELS")
    return None


@contextmanager
def spooled(stream: Stream, name: str) -> Iterator[str]:
    """The path of a temporary file with all that comes in; it is removed at the end."""
    with ExitStack() as stack:
        try:
            file = stack.enter_context(tempfile.NamedTemporaryFile(prefix="linnet-"))
            while data := stream.read(_COPIED):
                file.write(data)
            file.flush()
        except OSError as error:
            folder = tempfile.gettempdir()
            raise AudioError(
                f"{name}: cannot be put aside in {folder} ({reason(error)}); make room there, or set TMPDIR"
            ) from error
        yield file.name


@contextmanager
def open_stdout(source: Format, raw: bool) -> Iterator[Writer]:
    """WAV of the source's sample type where there is such a WAV, else of 16 bits; raw: headerless 16-bit samples."""
    if sys.stdout is None:
        raise AudioError("stdout: closed; redirect it, or give a file for the output")
    subtype = source.subtype if source.subtype in wav.TYPES and not raw else "PCM_16"
    output = None if raw else wav.WavWriter(cast(BufferedIOBase, _Stdout()), source, subtype, file=False)

    def write(samples: NDArray[np.generic]) -> None:
        if output:
            output.write(samples)
        else:
            _Stdout().write(wav.encode(samples, subtype))

    writer = Writer(subtype, write)
    yield writer
    if output and (late := output.close()):
        writer.warnings.append(f"stdout: {', '.join(late)} came behind the sound, too late for a pipe; left out")


class _Stdout:
    """stdout, written through."""

    def write(self, data: bytes) -> int:
        with _sending():
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        return len(data)


def flush_stdout() -> None:
    """Sends what was printed. AudioError if that cannot be, which at exit would be told in Python's words."""
    if sys.stdout is not None:
        with _sending():
            sys.stdout.flush()


@contextmanager
def _sending() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # Nothing more can be sent; without this Python would complain about stdout once more at exit.
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        remedy = "make room where it goes" if error.errno == errno.ENOSPC else "keep the reader open to the end"
        raise AudioError(f"stdout: cannot be written ({reason(error)}); {remedy}") from error
