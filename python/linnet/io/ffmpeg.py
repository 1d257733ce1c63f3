"""Formats that libsndfile does not read (recordings of phones, browsers and cameras), decoded by an installed ffmpeg.

ffmpeg is run as a program that writes WAV to a pipe; without it, errors name the format and the pipe that works.
"""

from __future__ import annotations

import dataclasses
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedIOBase
from typing import IO, cast

from linnet.io import wav
from linnet.io.blocks import Reader
from linnet.io.errors import READABLE, AudioError, reason
from linnet.io.stream import Stream

# Endings of sound and video files that are not libsndfile's.
_ENDINGS = """
3g2 3ga 3gp 3gpp aa3 aac aax ac3 ac4 adts alac amr ape asf avi awb dff divx dsf dts dtshd eac3 f4a f4b f4v flv gsm m2ts
m4a m4b m4r m4v mka mkv mlp mov mp4 mpc mpe mpeg mpg mts mxf oma ofr ogm ogv ogx opx qcp qt ra rm rmvb shn spx tak thd
tta ts vob vqf weba webm wma wmv wv
"""
ENDINGS = frozenset(_ENDINGS.split())
# What the first bytes say: position, bytes, name. libsndfile's formats are here too, for pipes.
_SIGNATURES = (
    (0, b"fLaC", "FLAC"),
    (0, b"OggS", "Ogg"),
    (0, b"ID3", "MP3"),
    (0, b"FORM", "AIFF"),
    (0, b"RIFX", "WAV"),
    (0, b"riff", "W64"),
    (0, b"caff", "CAF"),
    (0, b".snd", "AU"),
    (0, b"NIST_1A", "NIST"),
    (0, b"Creative Voice", "VOC"),
    (4, b"ftyp", "MP4"),
    (4, b"moov", "QuickTime"),
    (4, b"mdat", "QuickTime"),
    (4, b"wide", "QuickTime"),
    (0, b"\x1aE\xdf\xa3", "WebM or Matroska"),
    (0, b"\x30\x26\xb2\x75", "WMA"),
    (0, b"#!AMR", "AMR"),
    (0, b"wvpk", "WavPack"),
    (0, b"MAC ", "Monkey's Audio"),
    (0, b"TTA1", "TTA"),
    (0, b"tBaK", "TAK"),
    (0, b"MPCK", "Musepack"),
    (0, b"MP+", "Musepack"),
    (0, b"DSD ", "DSD"),
    (0, b"FRM8", "DSD"),
    (0, b"FLV", "FLV"),
    (0, b".RMF", "RealMedia"),
    (0, b".ra\xfd", "RealAudio"),
    (0, b"\x0bw", "AC-3"),
    (0, b"\x7f\xfe\x80\x01", "DTS"),
    (0, b"ADIF", "AAC"),
    (0, b"ajkg", "Shorten"),
    (0, b"\x00\x00\x01\xba", "MPEG"),
    (0, b"\x00\x00\x01\xb3", "MPEG"),
    (8, b"AVI ", "AVI"),
    (8, b"WAVE", "WAV"),
)
# Names of signatures that libsndfile should have read.
LIBSNDFILE = frozenset({"FLAC", "Ogg", "MP3", "AIFF", "WAV", "W64", "CAF", "AU", "NIST", "VOC"})
_LOSSLESS = re.compile(r"Audio: (alac|ape|dsd\w*|flac|mlp|pcm_\w+|shorten|tak|truehd|tta|wavpack|wmalossless)\b")


def format_name(head: bytes) -> str | None:
    """The sound format that the first 64 bytes tell of, None if they tell of none."""
    for at, signature, name in _SIGNATURES:
        if head[at : at + len(signature)] == signature:
            return name
    if len(head) < 4 or head[0] != 0xFF:
        return None
    # A word of sync, then fields that do not hold every value.
    if head[1] & 0xF6 == 0xF0 and head[2] >> 2 & 0xF < 13:
        return "AAC"
    if head[1] & 0xE0 == 0xE0 and head[1] & 0x18 != 0x08 and head[1] & 0x06:
        return "MP3" if 0 < head[2] >> 4 < 15 and head[2] >> 2 & 3 < 3 else None
    return None


def is_foreign(path: str | os.PathLike[str]) -> bool:
    """True if the ending is that of a sound or video format that needs ffmpeg."""
    return os.path.splitext(path)[1][1:].lower() in ENDINGS


def find() -> str | None:
    """Path of the program, None if it is not installed."""
    return shutil.which("ffmpeg")


def advice(name: str) -> str:
    """What to do about a recording that needs ffmpeg where there is none."""
    return (
        "install ffmpeg, or send what it gives on another machine: "
        f"ffmpeg -i {'-' if name == 'stdin' else shlex.quote(name)} -f wav - | linnet enhance - OUT.wav"
    )


@contextmanager
def open_decoded(path: str, name: str, strict: bool) -> Iterator[Reader]:
    """The first sound track of a file. AudioError if ffmpeg is missing, refuses the file, or fails on the way."""
    program = find()
    if program is None:
        raise AudioError(f"{name}: ffmpeg is not installed; {advice(name)}")
    command = [program, "-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+info"]
    # A list of files in disguise shall not reach into the network.
    command += ["-protocol_whitelist", "file,pipe", "-i", os.path.abspath(path), "-map", "0:a:0"]
    command += ["-c:a", "pcm_f32le", "-bitexact", "-f", "wav", "pipe:1"]
    with tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said)
        except OSError as error:
            raise AudioError(f"{name}: ffmpeg cannot be run ({reason(error)}); install it anew") from error
        try:
            yield _reader(process, said, name, strict)
        finally:
            with suppress(OSError):
                process.kill()
            cast(IO[bytes], process.stdout).close()
            process.wait()


def _reader(process: subprocess.Popen[bytes], said: IO[bytes], name: str, strict: bool) -> Reader:
    stream = Stream(cast(BufferedIOBase, process.stdout))
    head = stream.peek(12)
    if not wav.is_wav(head):
        if len(head) == 12:
            process.kill()  # it may have more to say than the pipe holds
        process.wait()
        raise AudioError(f"{name}: not readable as sound (ffmpeg: {_complaint(said) or 'no samples'}); give {READABLE}")
    inner = wav.open_wav(stream, name, strict)

    def end(total: int) -> None:
        stream.skip(1 << 62)
        status = process.wait()
        if status != 0:
            raise failed(status, total)
        if problem := _complaint(said, errors_only=True):
            if strict:
                raise AudioError(f"{name}: damaged (ffmpeg: {problem}); give an intact file, or leave out --strict")
            reader.warnings.append(f"{name}: ffmpeg complains: {problem}")

    def failed(status: int, total: int) -> AudioError:
        what = _complaint(said) or (f"signal {-status}" if status < 0 else f"exit status {status}")
        seconds = f"{total / inner.format.rate:.1f} s"
        return AudioError(f"{name}: ffmpeg failed after {seconds} ({what}); give an intact file")

    text = re.split("Stream mapping|Output #0", _text(said))[0]  # what is said of the output may have come by now
    subtype = inner.format.subtype if inner.format.subtype != "FLOAT" else "PCM_16"
    if _LOSSLESS.search(text):
        form = (re.search(r"Audio: .*?\b(s32|flt|dbl)p?\b", text) or ("", ""))[1]
        subtype = {"s32": "PCM_24", "flt": "FLOAT", "dbl": "FLOAT"}.get(form, subtype)
    mask = inner.format.mask if inner.format.channels > 2 else None  # not worth a longer header
    format = dataclasses.replace(inner.format, container="FFMPEG", subtype=subtype, mask=mask)
    reader = Reader(name, format, inner.read, [], end)
    return reader


def _text(said: IO[bytes]) -> str:
    said.seek(0)
    return said.read(1 << 20).decode(errors="replace")


def _complaint(said: IO[bytes], errors_only: bool = False) -> str | None:
    """The last line in which ffmpeg says that something is wrong."""
    lines = [line.strip() for line in _text(said).splitlines() if line.strip()]
    errors = [line for line in lines if re.search(r"\[(error|fatal|panic)\]", line)]
    chosen = errors or ([] if errors_only else [line for line in lines if "[info]" not in line])
    # The path at the start of some lines is said already.
    return re.sub(r"^(\[[^\]]*\] *)+", "", chosen[-1]).removeprefix("pipe:") or None if chosen else None
