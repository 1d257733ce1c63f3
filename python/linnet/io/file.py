"""Sound files, and the way in and out for pipes too: plain WAV as bytes, all else through libsndfile, the rest through
an installed ffmpeg.

Outputs are written beside their final name and renamed when whole. Samples are float32 [n, channels], full scale +-1.
Every failure is an AudioError whose message is one line that names the file and the remedy.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import BufferedIOBase
from typing import IO, Any, cast

import numpy as np
import soundfile
from numpy.typing import NDArray

from linnet.io import ffmpeg, wav
from linnet.io.blocks import Reader, Writer
from linnet.io.chunks import Chunk, append, other_info
from linnet.io.errors import READABLE, AudioError, cut_short, empty, reason, truncated
from linnet.io.formats import Block, Format, output_format
from linnet.io.outputs import encoded, replacing
from linnet.io.pipe import HEAD, PIPE, incoming, is_pipe, open_pipe, open_stdout, spooled
from linnet.io.stream import Corrected, Stream, Written

_UNKNOWN_FRAMES = 1 << 62  # libsndfile's count when a header does not tell
_USUAL_MASKS = {0, 0x3, 0x4, 0x7, 0x33, 0x37, 0x3F, 0x60F, 0x63F, 0x70F}  # what a number of channels means anyway


@contextmanager
def open_input(path: str, raw: tuple[int, int] | None = None, strict: bool = False) -> Iterator[Reader]:
    """A file, "-" for stdin, or another pipe: any format, or with raw = (rate, channels), of a pipe, headerless 16-bit
    little-endian samples. strict: a recording that is cut short is an error, else a warning of the reader's.
    """
    if is_pipe(path):
        with incoming(path) as (stream, name):
            reader = open_pipe(stream, name, raw, strict)
            if reader:
                yield reader
                return
            with spooled(stream, name) as temporary, _open_file(temporary, name, strict) as reader:
                yield reader
        return
    if not os.path.exists(path):
        raise AudioError(f"{path}: no such file; give an existing sound file, or - for stdin")
    if os.path.isdir(path):
        raise AudioError(f"{path}: a folder; give a sound file")
    if path.lower().endswith(".raw"):  # to soundfile the ending is decisive
        raise AudioError(f"{path}: headerless samples; send them to stdin, with - as the name and --raw RATE,CHANNELS")
    with _open_file(path, path, strict) as reader:
        yield reader


@contextmanager
def _open_file(path: str, name: str, strict: bool) -> Iterator[Reader]:
    """A regular file, whatever its format. name: what errors call it."""
    try:
        file = open(path, "rb")  # noqa: SIM115
    except OSError as error:
        raise AudioError(f"{name}: cannot be read ({reason(error)}); give a readable sound file") from error
    with file:
        size = os.fstat(file.fileno()).st_size
        if size == 0:
            raise empty(name)
        stream = Stream(cast(BufferedIOBase, file), size)
        head = stream.peek(HEAD)
        found: wav.CodedSound | None = None
        if wav.is_wav(head):
            try:
                reader = wav.open_wav(stream, name, strict)
            except wav.NotPlain:
                found = wav.find_sound(stream)
            except wav.BrokenHeader:
                pass  # libsndfile will judge
            else:
                yield reader
                return
        promised = _aiff_frames(file) if head[:4] == b"FORM" else None
    warnings, correction = _coded_sizes(found, head, size, name, strict)
    with ExitStack() as stack:
        given = stack.enter_context(Corrected(path, *correction)) if correction else encoded(path)
        try:
            sound = stack.enter_context(soundfile.SoundFile(given))
            if sound.format == "OGG" and not 0 < sound.frames < _UNKNOWN_FRAMES:
                raise OSError("its end is missing")  # without the last page libsndfile reads nothing
        except (soundfile.LibsndfileError, OSError) as error:
            yield stack.enter_context(_open_foreign(path, name, head, strict, error))
            return
        reader = _libsndfile_reader(sound, name, strict, promised, found.chunks if found else [])
        reader.warnings += warnings
        yield reader


def _coded_sizes(
    found: wav.CodedSound | None, head: bytes, size: int, name: str, strict: bool
) -> tuple[list[str], tuple[int, bytes] | None]:
    """Warnings about the size that a header tells, and what has to stand where in it for libsndfile to read all."""
    if found:
        start, told, present = found.start, found.told, found.present
        correction = start - 4, struct.pack("<I", min(present, 0xFFFFFFFF))
    elif head[:4] == b".snd" and len(head) >= 12:
        start, told = struct.unpack(">II", head[4:12])
        told, present = None if told == 0xFFFFFFFF else told, max(0, size - start)
        correction = 8, struct.pack(">I", 0xFFFFFFFF)
    else:
        return [], None
    if told is None or present == 0 or 0 < told <= present:
        return [], None
    what = "data size 0 in the header" if told == 0 else f"cut short: {told} bytes of sound promised, {present} there"
    if strict:
        raise AudioError(f"{name}: {what}; give the whole recording, or leave out --strict")
    what += f"; read to the end, {present} bytes" if told == 0 else "; what is there was processed"
    return [f"{name}: {what}"], correction if told == 0 else None


def _libsndfile_reader(sound: Any, name: str, strict: bool, promised: int | None, carried: list[Chunk]) -> Reader:
    """promised: samples per channel that the header claims, where libsndfile corrects that quietly."""
    frames: int | None = sound.frames if 0 <= sound.frames < _UNKNOWN_FRAMES else None
    if frames is not None and promised is not None and promised > frames and strict:
        raise truncated(name, promised, frames)
    if frames == 0 and not promised:
        raise empty(name)
    warnings = []
    if promised == 0 and frames:
        warnings.append(f"{name}: no samples in the header, {frames} there; read to the end")
        if strict:
            raise AudioError(f"{name}: no samples in the header; correct it, or leave out --strict")
    if sound.format in ("MPEG", "MP3"):
        frames = promised = None  # an estimate
    else:
        promised = max(promised or 0, frames or 0)
    done = 0

    def read(samples: int) -> Block:
        nonlocal done
        block = np.zeros((samples, sound.channels), np.float32)
        try:
            block = sound.read(out=block)
        except soundfile.LibsndfileError as error:
            block = block[: max(0, sound.tell() - done)]
            if strict or done + len(block) == 0:
                raise AudioError(f"{name}: damaged ({reason(error)}); give an intact file") from error
            seconds = f"{(done + len(block)) / sound.samplerate:.1f} s"
            reader.warnings.append(f"{name}: damaged after {seconds} ({reason(error)}); what is before was processed")
        done += len(block)
        return cast(Block, block)

    def end(total: int) -> None:
        if promised and total < promised and not reader.warnings:
            if strict:
                raise truncated(name, promised, total)
            reader.warnings.append(cut_short(name, promised, total))

    tags = sound.copy_metadata()
    format = Format(sound.samplerate, sound.channels, frames, sound.format, sound.subtype, tags, carried)
    reader = Reader(name, format, read, warnings, end)
    return reader


@contextmanager
def _open_foreign(path: str, name: str, head: bytes, strict: bool, error: BaseException) -> Iterator[Reader]:
    """What libsndfile has refused with this error."""
    foreign, kind = ffmpeg.is_foreign(name), ffmpeg.format_name(head)
    known = foreign or kind is not None
    if known and ffmpeg.find():
        with ffmpeg.open_decoded(path, name, strict) as reader:
            yield reader
        return
    if known and (foreign or kind not in ffmpeg.LIBSNDFILE):
        what = os.path.splitext(name)[1][1:].upper() if foreign else kind
        raise AudioError(f"{name}: {what} needs ffmpeg, which is not installed; {ffmpeg.advice(name)}") from error
    more = ", or install ffmpeg, which reads more" if known else ""
    raise AudioError(f"{name}: not readable as sound ({reason(error)}); give {READABLE}{more}") from error


@contextmanager
def open_output(path: str, source: Format, raw: bool = False) -> Iterator[Writer]:
    """A file, or "-" for stdout, in the format that its ending names, as close to the source as that format can be.

    The file appears under its name when the with-block ends, and not at all if it ends in an error. It gets the tags
    of the source and, if both are WAV, its chunks and channel mask; the writer's warnings tell what it cannot hold.
    """
    if path == PIPE:
        with open_stdout(source, raw) as writer:
            yield writer
        return
    container, subtype = output_format(path, source)
    with replacing(path) as temporary:
        if container in ("WAV", "RF64") and subtype in wav.TYPES:
            with _wav_output(temporary, path, source, container, subtype) as writer:
                yield writer
        else:
            with _libsndfile_output(temporary, path, source, container, subtype) as writer:
                yield writer


@contextmanager
def _wav_output(temporary: str, path: str, source: Format, container: str, subtype: str) -> Iterator[Writer]:
    with ExitStack() as stack:
        try:
            file = stack.enter_context(open(temporary, "w+b"))
            output = wav.WavWriter(cast(BufferedIOBase, file), source, subtype, file=True, rf64=container == "RF64")
        except OSError as error:
            raise _unwritable(path, error) from error

        def write(samples: NDArray[np.generic]) -> None:
            try:
                output.write(samples)
            except OSError as error:
                raise _unwritable(path, error) from error

        writer = Writer(subtype, write)
        try:
            yield writer
        except BaseException:
            # What is left in the buffer goes with the file; on a full disk closing would fail once more.
            with suppress(OSError):
                file.close()
            raise
        try:
            output.close()
            file.close()
        except OSError as error:
            with suppress(OSError):
                file.close()
            raise _unwritable(path, error) from error
        _tell_missing(writer, path, container, output.untold)


@contextmanager
def _libsndfile_output(temporary: str, path: str, source: Format, container: str, subtype: str) -> Iterator[Writer]:
    written = 0
    with ExitStack() as stack:
        try:
            kept = stack.enter_context(Written(temporary))
            file = stack.enter_context(
                soundfile.SoundFile(kept, "w", source.rate, source.channels, subtype, None, container)
            )
        except (soundfile.LibsndfileError, OSError) as error:
            raise _unwritable(path, error) from error
        missing = []
        for name, text in source.tags.items():
            # To MP3 libsndfile hands UTF-8 as if it were Latin-1.
            taken = container != "MP3" or text.isascii()
            try:
                if taken:
                    setattr(file, name, text)
            except soundfile.LibsndfileError:
                taken = False
            if not taken and text:
                missing.append(name)

        def write(samples: NDArray[np.generic]) -> None:
            nonlocal written
            try:
                file.write(samples)
            except (soundfile.LibsndfileError, OSError, AssertionError) as error:  # the last is soundfile's count
                raise _unwritable(path, kept.error or error) from error
            if kept.error:  # a block that went into libsndfile's memory hides it
                raise _unwritable(path, kept.error)
            written += len(samples)

        writer = Writer(subtype, write)
        yield writer
    if kept.error:  # of what libsndfile writes when it closes a file
        raise _unwritable(path, kept.error)
    try:
        complete = container == "MP3" or soundfile.info(encoded(temporary)).frames >= written
    except soundfile.LibsndfileError as error:
        raise _unwritable(path, error) from error
    if not complete:
        raise _unwritable(path, OSError("its end is missing"))
    carried = [chunk for chunk in source.chunks if not chunk.is_info]  # tags are there already
    if container in ("WAV", "WAVEX", "RF64"):
        try:
            append(temporary, carried, source.mask)
        except OSError as error:
            raise _unwritable(path, error) from error
    else:
        missing += [chunk.name for chunk in carried] + other_info(source.chunks)
        missing += ["channel mask"] if source.mask and source.mask not in _USUAL_MASKS else []
    _tell_missing(writer, path, container, missing)


def _tell_missing(writer: Writer, path: str, container: str, missing: list[str]) -> None:
    if missing:
        writer.warnings.append(f"{path}: {container} cannot hold {', '.join(dict.fromkeys(missing))}; left out")


def _aiff_frames(file: IO[bytes]) -> int | None:
    """Samples per channel that the header claims; libsndfile corrects it quietly in a file cut short."""
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
