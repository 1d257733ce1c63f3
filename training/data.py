"""Recordings for training: found by a manifest or by folders, decoded once to 48 kHz mono int16, then read at random.

A collection is one flat file of samples (memory-mapped) with a JSON table of its items beside it, in the cache folder;
its name holds a hash of the files' names, sizes and dates, so a changed corpus makes a new cache. The `eval` split is
never opened. Formats: whatever soundfile reads (wav, flac, ogg, opus, mp3 ...), any rate (soxr), channels averaged.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import soundfile
import soxr

from linnet._core import FRAME, RATE, WINDOW
from training import manifest
from training.licences import is_permissive

SUFFIXES = {".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff"}
VALID_SHARE = 0.08  # of a folder's groups, or of its files where there are few, chosen by a hash of the name
MANY_GROUPS = 10
ANALYSIS = "1"  # changes with what is found out about a recording, and makes new caches


@dataclass
class Item:
    """One recording inside a collection."""

    path: str
    group: str  # speaker, noise source or room
    bandwidth: float  # Hz, up to which the recording has content
    start: int = 0  # samples
    length: int = 0
    level: float = 0.0  # RMS of the loud frames, full scale 1
    part: int = 0  # of the collection's files of samples, the one it lies in


@dataclass
class Collection:
    """Samples of all items, int16 [total] for each folder, and the table."""

    samples: list[np.ndarray]
    items: list[Item]

    def __len__(self) -> int:
        return len(self.items)

    def read(self, item: Item, start: int = 0, length: int | None = None) -> np.ndarray:
        """float32 [length], full scale 1, from `start` samples into the item; cut at its end."""
        stop = item.length if length is None else min(item.length, start + length)
        samples = self.samples[item.part][item.start + start : item.start + stop]
        return samples.astype(np.float32) / np.float32(32768)


def merge(collections: list[Collection]) -> Collection:
    """Several collections as one."""
    samples, items = [], []
    for collection in collections:
        items += [replace(item, part=item.part + len(samples)) for item in collection.items]
        samples += collection.samples
    return Collection(samples, items)


def from_manifest(rows: list[manifest.Row], kind: str, split: str) -> list[Item]:
    """Items of one kind (speech, noise, rir) and split of a manifest."""
    if split not in ("train", "valid"):
        raise ValueError(f"split '{split}': only train and valid may be read")
    wanted = [row for row in rows if row.kind == kind and row.split == split]
    return [Item(str(row.path), row.group, row.bandwidth) for row in wanted]


def manifest_hash(config) -> str:
    """SHA-256 of the manifests that a run draws from; empty where it has folders instead."""
    return "" if config.speech or config.noise else manifest.digest(manifest.folders(config.data))


def split_units(names: list[Path]) -> list[str]:
    """For each file, by its path below the given folder, what goes into one split as a whole.

    That is the folder at the first level that has ten or more of them: with SPEAKER/CHAPTER/FILE the speaker, with
    PART/SPEAKER/FILE and few parts the speaker too. Where no level has ten it is the file.
    """
    parents = [name.parent.parts for name in names]
    for level in range(1, max(map(len, parents), default=0) + 1):
        units = ["/".join(parts[:level]) for parts in parents]
        if len(set(units)) >= MANY_GROUPS:
            return units
    return [name.as_posix() for name in names]


def from_folder(folder: Path, split: str) -> list[Item]:
    """All recordings below a folder; the group is the folder that holds the file; decoding finds the bandwidth.

    Where there are ten speakers or more, each is in one split as a whole: validation hears no voice of the training.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder}; give an existing folder of recordings")
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
    names = [path.relative_to(folder) for path in paths]
    ranks = [
        int.from_bytes(hashlib.sha256(os.fsencode(unit)).digest()[:4], "big") / 2**32 for unit in split_units(names)
    ]
    # A small folder still gets one recording to validate on.
    limit = max(VALID_SHARE, min(ranks, default=0)) if len(ranks) > 1 else -1.0
    return [
        Item(str(path), name.parent.as_posix(), 0.0)
        for path, name, rank in zip(paths, names, ranks, strict=True)
        if (rank <= limit) == (split == "valid")
    ]


def effective_bandwidth(x: np.ndarray, range_db: float = 60.0) -> float:
    """Upper edge in Hz of the highest 500 Hz band within range_db of the strongest one, over the loud frames of x."""
    size = 1920
    if len(x) < size:
        return RATE / 2
    frames = x[: len(x) // size * size].reshape(-1, size) * np.hanning(size).astype(np.float32)
    energy = (frames**2).sum(axis=1)
    spectrum = (np.abs(np.fft.rfft(frames[energy >= np.quantile(energy, 0.7)])) ** 2).mean(axis=0)
    bands = spectrum[: size // 2].reshape(48, 20).sum(axis=1)
    loud = np.flatnonzero(bands > bands.max() * 10 ** (-range_db / 10))
    return float(500 * (loud[-1] + 1)) if len(loud) and bands.max() > 0 else RATE / 2


def loud_level(x: np.ndarray) -> float:
    """RMS over the 20 ms frames within 40 dB of the loudest; 0 for silence."""
    frames = x[: len(x) // WINDOW * WINDOW].reshape(-1, WINDOW) if len(x) >= WINDOW else x[None]
    power = (frames.astype(np.float32) ** 2).mean(axis=1)
    return float(np.sqrt(power[power >= power.max() * 1e-4].mean())) if power.size and power.max() > 0 else 0.0


def decode(path: str) -> np.ndarray:
    """int16 [n] at 48 kHz, mono; ValueError for a file that is no sound."""
    try:
        x, rate = soundfile.read(os.fsencode(path), dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, TypeError) as error:
        raise ValueError(f"{path}: {error}; training/check_data.py lists such files") from None
    x = np.nan_to_num(x.mean(axis=1), posinf=1, neginf=-1)
    if rate != RATE:
        x = soxr.resample(x, rate, RATE, quality="HQ")
    return np.clip(np.rint(x * 32768), -32768, 32767).astype(np.int16)


def make_once(path: Path, make: Callable[[Path], None]) -> None:
    """Has make(part) write the file that becomes `path`, unless it is there. Of runs that need it at once one makes it
    and the others wait."""
    if path.is_file():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.is_file():
            part = path.with_name(f"{path.stem}.part{path.suffix}")
            make(part)
            part.replace(path)


def identity(item: Item) -> str:
    """What decoding it depends on, without a look into the file."""
    about = Path(item.path).stat()
    return f"{item.path} {item.group} {item.bandwidth} {about.st_size} {about.st_mtime_ns}"


def build(items: list[Item], cache: Path, name: str, quiet: bool = False) -> Collection:
    """Opens the cache of this list of files; decodes them first if it is not there. Drops empty recordings."""
    listed = "\n".join([ANALYSIS, *map(identity, items)])
    folder = cache / f"{name}-{hashlib.sha256(os.fsencode(listed)).hexdigest()[:12]}"
    samples = folder / "samples.i16"

    def decode_all(table: Path) -> None:
        if not quiet:
            print(f"decoding {len(items)} recordings of {name} into {folder}", flush=True)
        kept, start = [], 0
        with open(samples, "wb") as file, ThreadPoolExecutor(2) as pool:
            for item, x in zip(items, pool.map(decode, [item.path for item in items]), strict=True):
                if len(x) == 0 or not x.any():
                    continue
                loud = x.astype(np.float32) / 32768
                item.start, item.length, item.level = start, len(x), loud_level(loud)
                item.bandwidth = item.bandwidth or effective_bandwidth(loud)
                x.tofile(file)
                start += len(x)
                kept.append({key: value for key, value in asdict(item).items() if key != "part"})
        table.write_text(json.dumps(kept))

    make_once(folder / "items.json", decode_all)
    kept = [Item(**entry) for entry in json.loads((folder / "items.json").read_text())]
    return Collection([np.memmap(samples, dtype=np.int16, mode="r") if kept else np.zeros(0, np.int16)], kept)


@dataclass
class Corpus:
    """What augmentation draws from."""

    speech: Collection
    noise: Collection
    rooms: Collection
    split: str


def listed(config, kind: str, name: str, split: str) -> Collection:
    """One kind of recordings of the manifests in `data`, those of other licences than asked for left out.

    Each folder has a cache of its own, of all licences: a further folder or another choice decodes nothing twice.
    """
    parts = []
    for rows in manifest.read_all(manifest.folders(config.data)).values():
        items = from_manifest(rows, kind, split)
        if not items:
            continue
        part = build(items, Path(config.cache), f"{name}-{split}")
        if config.licences == "permissive":
            permissive = {str(row.path) for row in rows if is_permissive(row.licence)}
            part.items = [item for item in part.items if item.path in permissive]
        parts.append(part)
    return merge(parts)


def leave_out_short(collection: Collection, name: str) -> None:
    """Drops recordings of less than 10 ms, which a segment of many seconds cannot be made of, and says how many."""
    kept = [item for item in collection.items if item.length >= FRAME]
    # Of the processes of a training the first one says so.
    if len(kept) < len(collection) and multiprocessing.parent_process() is None:
        print(f"{len(collection) - len(kept)} of {len(collection)} recordings of {name} left out: shorter than 10 ms")
    collection.items = kept


def load(config, split: str) -> Corpus:
    """The corpus of one split ("train" or "valid"). ValueError when there is no speech or no noise in it."""
    parts = []
    for kind, name in (("speech", "speech"), ("noise", "noise"), ("rir", "rooms")):
        folder = getattr(config, name)
        own = config.speech or config.noise  # then the manifests are left alone
        if folder or own:
            items = from_folder(Path(folder), split) if folder else []
            parts.append(build(items, Path(config.cache), f"{name}-{split}"))
        else:
            parts.append(listed(config, kind, name, split))
        if kind != "rir":
            leave_out_short(parts[-1], f"{name}-{split}")
        if not len(parts[-1]) and kind != "rir":
            where = folder or config.data
            limit = "" if own or config.licences == "all" else f" with licences={config.licences}"
            raise ValueError(
                f"no {name} for split '{split}' in '{where}'{limit}; give {name}=FOLDER with two recordings"
            )
    return Corpus(*parts, split)
