"""What the hard cases are made from: a few clean voices and noises by category, from manifests or from folders.

Of a manifest the voices are those of the validation split, and the noises too where it has the category; the others are
of the training split, since few sources have some of them. The eval split is never opened.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

from linnet._core import RATE
from training.data import SUFFIXES, decode
from training.manifest import folders, read_all

VOICES = 4  # at most
RECORDINGS = 4  # of a noise category, at most
SHORTEST = 4.0  # s, of a voice
LONGEST = 16.0  # s that are kept of one
PAUSE = 0.3  # s, between the recordings of one speaker
CATEGORIES = ("sneeze", "cough_breath", "baby_cry", "alarm_bell", "construction", "music")


@dataclass
class Material:
    """voices: float32 [n] each, peak 0.5; noises: those of a category, float32 [n] each, peak 0.5; both at 48 kHz."""

    voices: list[np.ndarray]
    noises: dict[str, list[np.ndarray]] = field(default_factory=dict)

    def voice(self, index: int, length: float) -> np.ndarray:
        """So many seconds of a voice, which begins again where it ends; float32 [n]."""
        x = self.voices[index % len(self.voices)]
        return np.resize(np.pad(x, (0, int(PAUSE * RATE))), int(length * RATE))


def scaled(x: np.ndarray) -> np.ndarray:
    """x with its peak at 0.5; float32."""
    return (x * (0.5 / max(float(np.abs(x).max(initial=0)), 1e-9))).astype(np.float32)


def spread(values: list, most: int) -> list:
    """At most so many of them, evenly far apart."""
    places = np.unique(np.linspace(0, len(values) - 1, min(most, len(values))).astype(int)) if values else []
    return [values[place] for place in places]


def seconds(path: Path) -> float:
    """How long a recording is, without decoding it; 0 for what is no sound."""
    try:
        return float(soundfile.info(path).duration)
    except soundfile.LibsndfileError:
        return 0.0


def voice_of(paths: list[Path]) -> np.ndarray:
    """The recordings of one speaker one after the other, until there is enough; float32 [n]."""
    parts: list[np.ndarray] = []
    for path in paths:
        parts += [scaled(decode(str(path)).astype(np.float32)), np.zeros(int(PAUSE * RATE), np.float32)]
        if sum(map(len, parts)) > LONGEST * RATE:
            break
    return np.concatenate(parts[:-1])[: int(LONGEST * RATE)]


def recordings(folder: Path) -> list[Path]:
    """All files of sound below a folder. FileNotFoundError: it is none."""
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder}; give an existing folder of recordings")
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)


def gather(speakers: dict[str, list[Path]], noises: dict[str, list[Path]], where: str) -> Material:
    """Decodes a few of each. ValueError: no voice is long enough."""
    long_enough = [name for name in sorted(speakers) if sum(map(seconds, speakers[name])) >= SHORTEST]
    chosen = [voice_of(speakers[name]) for name in spread(long_enough, VOICES)]
    if not chosen:
        raise ValueError(f"no voice of {SHORTEST:g} s or more in {where}; give a folder of clean speech")
    heard = {
        name: [scaled(decode(str(path)).astype(np.float32)) for path in spread(sorted(paths), RECORDINGS)]
        for name, paths in noises.items()
    }
    return Material(chosen, heard)


def category_of(path: Path, folder: Path) -> str | None:
    """The one of CATEGORIES that a folder of the path below `folder` is named after."""
    return next((part for part in path.relative_to(folder).parts[:-1] if part in CATEGORIES), None)


def from_folders(speech: Path, noise: Path | None = None) -> Material:
    """SPEECH/SPEAKER/FILE, or files side by side, each a voice; NOISE/CATEGORY/FILE. ValueError: no voice."""
    speakers: dict[str, list[Path]] = {}
    for path in recordings(speech):
        below = path.relative_to(speech)
        speakers.setdefault(below.parts[0] if len(below.parts) > 1 else below.name, []).append(path)
    noises: dict[str, list[Path]] = {}
    for path in recordings(noise) if noise else []:
        category = category_of(path, noise)
        if category:
            noises.setdefault(category, []).append(path)
    return gather(speakers, noises, str(speech))


def from_manifests(data: str) -> Material:
    """From the manifests of the folders `data`, "A" or "A,B". ValueError, FileNotFoundError: there are none."""
    speakers: dict[str, list[Path]] = {}
    noises: dict[str, dict[str, list[Path]]] = {"valid": {}, "train": {}}
    for folder, rows in read_all(folders(data)).items():
        for row in rows:
            if row.kind == "speech" and row.split == "valid":
                speakers.setdefault(row.group, []).append(row.path)
            elif row.kind == "noise" and row.split in noises:
                category = category_of(row.path, folder)
                if category:
                    noises[row.split].setdefault(category, []).append(row.path)
    return gather(speakers, noises["train"] | noises["valid"], data)
