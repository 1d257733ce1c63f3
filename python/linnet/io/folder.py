"""A folder of recordings: which of its files are worked on, what their outputs are called, what is left out and why."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from linnet.io import ffmpeg
from linnet.io.formats import is_sound_file
from linnet.io.outputs import printable

# Endings of what libsndfile reads, but writes under another one or not at all.
_READ_ONLY = {".mp1", ".mp2", ".mpa", ".mpga", ".m1a", ".m2a", ".bwf", ".sph", ".sf", ".iff", ".8svx"}
_NAMED = 3  # files of a kind that a summary names


@dataclass(frozen=True)
class Skipped:
    """A file or folder that is not worked on, below the folder of inputs."""

    name: Path
    reason: str

    @property
    def kind(self) -> str:
        """What a summary counts under one name: the ending of a file of another format."""
        return self.name.suffix.lower() or "no ending"


OTHER_FORMAT, NEEDS_FFMPEG, HEADERLESS = "of other formats", "in need of ffmpeg", "headerless"
APPLE_DOUBLE, HIDDEN_FILE, HIDDEN_FOLDER = "droppings of macOS", "hidden files", "hidden folders"
LINKED_FOLDER, NO_FILE, DONE = "links to folders", "no regular files", "done already"
_BY_ENDING = {OTHER_FORMAT, NEEDS_FFMPEG}


@dataclass(frozen=True)
class Listing:
    """What a folder holds. names: (input, output) below the folders of inputs and outputs; unreadable: folders."""

    names: list[tuple[Path, Path]]
    skipped: list[Skipped]
    unreadable: list[tuple[Path, OSError]]


def list_folder(source: Path, target: Path) -> Listing:
    """All recordings below `source`, in the order of their names; `target` may lie below it and is left out."""
    native: list[Path] = []
    converted: list[Path] = []
    skipped: list[Skipped] = []
    unreadable: list[tuple[Path, OSError]] = []
    installed = ffmpeg.find() is not None
    for name, error in _walk(source, target, skipped):
        if error:
            unreadable.append((name, error))
        elif reason := _reason_to_skip(source / name, installed):
            skipped.append(Skipped(name, reason))
        else:
            (native if is_sound_file(name) else converted).append(name)
    outputs = {name: name for name in native} | _wav_names(converted, set(native))
    return Listing(
        sorted(outputs.items()), sorted(skipped, key=lambda one: one.name), sorted(unreadable, key=lambda one: one[0])
    )


def output_name(source: str | os.PathLike[str]) -> str:
    """What the output of one recording is called in a folder, as if the recordings beside it were to go there too."""
    path = Path(source)
    if is_sound_file(path):
        return path.name
    taken = {Path(path.stem + ".wav")} if path.with_suffix(".wav").exists() else set()
    return str(_wav_names([Path(path.name)], taken)[Path(path.name)])


def summary(skipped: Sequence[Skipped]) -> str:
    """What was left out, in one line: how many of each kind, and their endings or names."""
    parts = []
    for reason in dict.fromkeys(one.reason for one in skipped):
        group = [one for one in skipped if one.reason == reason]
        if reason in _BY_ENDING:
            counts = Counter(one.kind for one in group)
            named = [f"{kind} {count}" for kind, count in sorted(counts.items())]
        elif reason == DONE:
            named = []
        else:
            named = [printable(one.name) for one in group[:_NAMED]] + ["..."] * (len(group) > _NAMED)
        parts.append(f"{len(group)} {reason}" + (f" ({', '.join(named)})" if named else ""))
    return f"skipped {', '.join(parts)}"


def is_done(source: str, target: str, plot: str | None) -> bool:
    """True if the output is there, is not empty, and was made after the recording was last changed."""
    try:
        made = [os.stat(path) for path in filter(None, (target, plot))]
        return all(one.st_size > 0 and one.st_mtime_ns >= os.stat(source).st_mtime_ns for one in made)
    except OSError:
        return False


def _walk(source: Path, target: Path, skipped: list[Skipped]) -> Iterator[tuple[Path, OSError | None]]:
    """Files below a folder, and folders that cannot be read; adds those that are not looked into to `skipped`."""
    errors: list[OSError] = []
    for folder, folders, files in os.walk(source, onerror=errors.append):
        below = Path(folder).relative_to(source)
        for name in list(folders):
            path = Path(folder) / name
            reason = HIDDEN_FOLDER if name.startswith(".") else LINKED_FOLDER if path.is_symlink() else None
            if reason or (target.exists() and path.samefile(target)):
                folders.remove(name)
                skipped.extend([Skipped(below / name, reason)] if reason else [])
        for name in files:
            yield below / name, None
    for error in errors:
        yield Path(os.fsdecode(error.filename)).relative_to(source), error


def _reason_to_skip(path: Path, ffmpeg_is_there: bool) -> str | None:
    if path.name.startswith("._"):
        return APPLE_DOUBLE
    if path.name.startswith("."):
        return HIDDEN_FILE
    if not path.is_file():
        return NO_FILE
    if is_sound_file(path) or path.suffix.lower() in _READ_ONLY:
        return None
    if path.suffix.lower() == ".raw":
        return HEADERLESS
    if ffmpeg.is_foreign(path):
        return None if ffmpeg_is_there else NEEDS_FFMPEG
    return OTHER_FORMAT


def _wav_names(names: Sequence[Path], taken: set[Path]) -> dict[Path, Path]:
    """Names ending in .wav for recordings of other formats; where two would be alike, behind their own endings."""
    wanted = Counter(name.with_suffix(".wav") for name in names)
    found = {}
    for name in names:
        new = name.with_suffix(".wav")
        if new in taken or wanted[new] > 1:
            new = name.with_name(f"{name.name}.wav")
        while new in taken:
            new = new.with_name(f"_{new.name}")
        taken.add(new)
        found[name] = new
    return found
