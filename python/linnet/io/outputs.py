"""Outputs: files that appear whole or not at all, their folders, and the names of what belongs to a recording."""

from __future__ import annotations

import binascii
import errno
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from linnet.io.errors import AudioError, reason

_BEGUN = re.compile(r"\.(.+)\.[0-9a-f]{8}\.part", re.DOTALL)  # names that `replacing` gives
_LONGEST = 255 - len("..01234567.part")  # bytes that a name may have in them


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[str]:
    """A new file beside `path` that takes its name when the with-block ends well, and is removed otherwise."""
    target = os.path.realpath(path)
    folder, name = os.path.split(target)
    _check_replaceable(path)
    temporary = os.path.join(folder, f".{_shortened(name)}.{secrets.token_hex(4)}.part")
    try:  # before the file is there: a signal may come at once
        try:
            os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except OSError as error:
            raise _unwritable(path, error) from error
        yield temporary
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def check_writable(path: str | os.PathLike[str]) -> None:
    """AudioError for what `replacing` refuses, as far as that can be told without writing."""
    _check_replaceable(path)
    folder = os.path.dirname(os.path.realpath(path))
    try:
        os.stat(folder)
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise _unwritable(path, error) from error


def check_place(option: str, path: str | os.PathLike[str], folder: bool = False, outdir: str = ".") -> None:
    """AudioError, before any work, for an option's file (or folder) that cannot be made.

    outdir is a folder that the command makes.
    """
    parent = os.path.dirname(path) or "."
    if not os.path.isdir(parent) and os.path.realpath(parent) != os.path.realpath(outdir):
        raise AudioError(f"{option} {path}: no folder '{parent}'; create it first")
    if os.path.exists(path) and not (os.path.isdir(path) if folder else os.path.isfile(path)):
        raise AudioError(f"{option} {path}: not a {'folder' if folder else 'regular file'}; give another name")


def remove_leftovers(paths: Iterable[str | os.PathLike[str]]) -> None:
    """Removes what processes that were killed have begun of these files."""
    names: dict[str, set[str]] = {}
    for path in paths:
        folder, name = os.path.split(os.path.realpath(path))
        names.setdefault(folder, set()).add(_shortened(name))
    for folder, wanted in names.items():  # each is looked through once, however many files it has
        for entry in Path(folder).iterdir() if os.path.isdir(folder) else ():
            begun = _BEGUN.fullmatch(entry.name)
            if begun and begun[1] in wanted:
                with suppress(OSError):
                    entry.unlink()


def _check_replaceable(path: str | os.PathLike[str]) -> None:
    if os.path.isdir(path):
        raise AudioError(f"{path}: a folder; give the name of a file")
    if os.path.exists(path) and not os.path.isfile(path):
        raise AudioError(f"{path}: not a regular file; give the name of a file, or - for stdout")
    try:
        with suppress(FileNotFoundError):
            os.stat(path)
    except OSError as error:  # the name is too long, which the temporary one is not
        raise _unwritable(path, error) from error


def _unwritable(path: str | os.PathLike[str], error: OSError) -> AudioError:
    return AudioError(f"{path}: cannot be written ({reason(error)}); give a name in a writable folder")


def _shortened(name: str) -> str:
    """A name that leaves room for what `replacing` adds; those that are cut differ in a checksum."""
    whole = os.fsencode(name)
    if len(whole) <= _LONGEST:
        return name
    end = f"~{binascii.crc32(whole):08x}"
    return whole[: _LONGEST - len(end)].decode(errors="ignore") + end  # no half of a letter


def make_folder(path: str | os.PathLike[str]) -> None:
    """Creates a folder and those above it, if they are not there. Raises AudioError if that cannot be."""
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise AudioError(f"{path}: cannot be created ({reason(error)}); give a name in a writable folder") from error


def stems(names: Sequence[Path]) -> list[Path]:
    """The names without their endings, or all of them whole if two differ in nothing else."""
    short = [name.with_suffix("") for name in names]
    return short if len(set(short)) == len(short) else list(names)


def encoded(path: str) -> str | bytes:
    """The path as soundfile takes it: on POSIX the bytes of the name, which need not be text."""
    return path if os.name == "nt" else os.fsencode(path)


def printable(name: str | os.PathLike[str]) -> str:
    """A file's name as text, with \\xNN for bytes that are none."""
    return os.fsencode(name).decode(errors="backslashreplace")
