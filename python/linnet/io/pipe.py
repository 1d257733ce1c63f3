"""Recordings on stdin and stdout: WAV of known or unknown length, or headerless 16-bit samples."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedIOBase
from typing import cast

import numpy as np
from numpy.typing import NDArray

from linnet.io import wav
from linnet.io.blocks import Reader, Writer
from linnet.io.errors import AudioError, empty, reason
from linnet.io.formats import Block, Format

PIPE = "-"  # in place of a file's name


def open_stdin(raw: tuple[int, int] | None) -> Reader:
    """WAV, or with raw = (rate, channels) headerless 16-bit little-endian samples."""
    if sys.stdin is None:
        raise AudioError("stdin: closed; send the recording there, or give a file")
    stream = cast(BufferedIOBase, sys.stdin.buffer)
    left: int | None = None  # bytes; None: until the end of the stream
    if raw is not None:
        format = Format(*raw, None)
    else:
        format, left = wav.read_header(stream, "stdin")
        if format.frames == 0:
            raise empty("stdin")
    width = wav.frame_bytes(format)

    def read(samples: int) -> Block:
        nonlocal left
        data = wav.read_fully(stream, samples * width if left is None else min(samples * width, left))
        rest = len(data) % width
        if left is not None:
            left -= len(data)
        elif rest:
            raise AudioError(f"stdin: ends inside a sample, after {rest} of its {width} bytes; send whole samples")
        return wav.decode(data[: len(data) - rest], format)

    return Reader("stdin", format, read)


@contextmanager
def open_stdout(source: Format, raw: bool) -> Iterator[Writer]:
    """WAV of the source's sample type where there is such a WAV, else of 16 bits; raw: headerless 16-bit samples."""
    if sys.stdout is None:
        raise AudioError("stdout: closed; redirect it, or give a file for the output")
    stream = sys.stdout.buffer
    subtype = source.subtype if source.subtype in wav.TYPES and not raw else "PCM_16"

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
        send(wav.encode(samples, subtype))

    if not raw:
        send(wav.write_header(source, subtype))
    yield Writer(subtype, write)
