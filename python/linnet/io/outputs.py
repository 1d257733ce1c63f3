"""Outputs: files that appear whole or not at all, their folders, and the names of what belongs to a recording."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from linnet.io.errors import AudioError, reason

_BEGUN = re.compile(r"\.(.+)\.[0-9a-f]{8}\.part", re.DOTALL)  # names that `replacing` gives


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
    try:  # before the file is there: a signal may come at once
        try:
            os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except OSError as error:
            raise AudioError(
                f"{path}: cannot be written ({reason(error)}); give a name in a writable folder"
            ) from error
        yield temporary
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def remove_leftovers(paths: Iterable[str | os.PathLike[str]]) -> None:
    """Removes what processes that were killed have begun of these files."""
    names: dict[str, set[str]] = {}
    for path in paths:
        folder, name = os.path.split(os.path.realpath(path))
        names.setdefault(folder, set()).add(name)
    for folder, wanted in names.items():  # each is looked through once, however many files it has
        for entry in Path(folder).iterdir() if os.path.isdir(folder) else ():
            begun = _BEGUN.fullmatch(entry.name)
            if begun and begun[1] in wanted:
                with suppress(OSError):
                    entry.unlink()


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
