"""Manifests of recordings: one line per file with kind, split, speaker, source and licence; several folders as one.

A manifest is a CSV whose name begins with MANIFEST, in the folder that its paths are relative to; a folder may have
more than one. Columns `path`, `kind` (speech, noise, rir) and `split` (train, valid, eval) are needed. Used besides:
`speaker_id`, `source_id`, `licence`, `source_repo`, `attribution`, `seconds`, `effective_bandwidth_hz`.

A name is one speaker, source or room wherever it occurs: the recordings of a speaker in two folders are one voice, and
a name in two splits is an error, since validation would then hear what was trained on.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
import os
from dataclasses import dataclass, replace
from pathlib import Path

NEEDED = ("path", "kind", "split")
KINDS = ("speech", "noise", "rir")
SPLITS = ("train", "valid", "eval")
SYNTHETIC = ("kokoro_", "espeak_")  # begin the names of speakers that are voices of a synthesiser


@dataclass(frozen=True)
class Row:
    """One recording as its manifest tells of it."""

    path: Path
    manifest: Path
    kind: str
    split: str
    speaker: str = ""
    source: str = ""
    licence: str = ""
    repository: str = ""
    attribution: str = ""
    seconds: float = 0.0
    bandwidth: float = 0.0  # Hz; 0: not known

    @property
    def group(self) -> str:
        """Speaker, noise source or room."""
        return self.speaker or self.source or self.path.parent.name


def is_synthetic(speaker: str) -> bool:
    """Whether a speaker of this name is no person."""
    return speaker.startswith(SYNTHETIC)


def folders(text: str) -> list[Path]:
    """The folders of a setting `data=A,B`. ValueError: it names none, or one twice."""
    found = [Path(name.strip()) for name in text.split(",") if name.strip()]
    if not found:
        raise ValueError(f"data='{text}' names no folder; give data=FOLDER or data=FOLDER,FOLDER")
    if len({folder.resolve() for folder in found}) < len(found):
        raise ValueError(f"data='{text}' names a folder twice; give each once")
    return found


def files(folder: Path) -> list[Path]:
    """The manifests of a folder. FileNotFoundError: it has none."""
    found = sorted(folder.glob("MANIFEST*.csv"))
    if not found:
        raise FileNotFoundError(
            f"no manifest {folder}/MANIFEST*.csv: give data=FOLDER that has one, or speech= and noise= folders"
        )
    return found


def read(folder: Path) -> list[Row]:
    """The recordings of one folder, in the order of its manifests.

    ValueError: a column, a word or a number is wrong, or a file is listed twice in different ways.
    """
    rows: dict[str, Row] = {}
    for manifest in files(folder):
        for row in _rows(folder, manifest):
            known = rows.setdefault(os.path.normpath(row.path), row)
            if known.split != row.split:
                raise ValueError(f"{row.path} is in {known.split} and, by {manifest}, in {row.split}; give it one")
            if replace(known, manifest=manifest, path=row.path) != row:
                raise ValueError(f"{row.path} is listed in two ways, by {known.manifest} and {manifest}; leave one out")
    return list(rows.values())


def _rows(folder: Path, manifest: Path) -> list[Row]:
    """The lines of one manifest, in UTF-8 with or without a byte order mark."""
    stored = manifest.read_bytes()
    try:
        text = stored.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = stored.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{manifest}:{line}: not UTF-8; save the file in that encoding") from None
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        lacking = [name for name in NEEDED if name not in (reader.fieldnames or [])]
        if lacking:
            raise ValueError(f"{manifest}: no column {lacking[0]}; it needs {', '.join(NEEDED)}")
        return [_row(folder, manifest, fields, reader.line_num) for fields in reader]
    except csv.Error as error:
        raise ValueError(f"{manifest}:{reader.reader.line_num}: {error}; is a quotation mark missing?") from None


def _row(folder: Path, manifest: Path, fields: dict[str, str], line: int) -> Row:
    def number(column: str) -> float:
        try:
            value = float(fields.get(column) or 0)
        except ValueError:
            raise ValueError(f"{manifest}:{line}: {column} {fields[column]} is no number") from None
        if not 0 <= value < math.inf:
            raise ValueError(f"{manifest}:{line}: {column} {fields[column]}: must be at least 0, and finite")
        return value

    texts = {
        name: fields.get(column) or ""
        for name, column in (
            ("kind", "kind"),
            ("split", "split"),
            ("speaker", "speaker_id"),
            ("source", "source_id"),
            ("licence", "licence"),
            ("repository", "source_repo"),
            ("attribution", "attribution"),
        )
    }
    if not fields["path"]:
        raise ValueError(f"{manifest}:{line}: no path; give one, relative to {folder}")
    place = Path(os.path.normpath(fields["path"]))
    if place.is_absolute() or not place.parts or place.parts[0] == "..":
        raise ValueError(f"{manifest}:{line}: path {fields['path']} is not below {folder}; give one that is")
    for name, legal in (("kind", KINDS), ("split", SPLITS)):
        if texts[name] not in legal:
            raise ValueError(f"{manifest}:{line}: {name} '{texts[name]}': must be {', '.join(legal)}")
    seconds, bandwidth = number("seconds"), number("effective_bandwidth_hz")
    return Row(folder / fields["path"], manifest, seconds=seconds, bandwidth=bandwidth, **texts)


def check_splits(rows: list[Row]) -> None:
    """ValueError names a speaker, source or room that is in two splits, and the manifests that say so."""
    seen: dict[tuple[str, str], Row] = {}
    for row in rows:
        names = {"speaker": row.speaker, "source" if row.kind != "rir" else "room": row.source}
        for what, name in names.items():
            first = seen.setdefault((f"{row.kind} {what}", name), row) if name else row
            if first.split != row.split:
                raise ValueError(
                    f"{what} '{name}' is in {first.split} ({first.manifest}) and in {row.split} ({row.manifest}); "
                    "give it one split, or two names if they are two"
                )


def read_all(chosen: list[Path]) -> dict[Path, list[Row]]:
    """The recordings of several folders, by folder, after check_splits over all of them."""
    found = {folder: read(folder) for folder in chosen}
    check_splits([row for rows in found.values() for row in rows])
    return found


def digest(chosen: list[Path]) -> str:
    """SHA-256 over the manifests of the folders, in this order; of a single one it is the SHA-256 of the file."""
    each = [hashlib.sha256(path.read_bytes()).hexdigest() for folder in chosen for path in files(folder)]
    return each[0] if len(each) == 1 else hashlib.sha256("\n".join(each).encode()).hexdigest()
