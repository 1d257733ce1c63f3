"""Renders the mixtures that models are chosen by: voices, noises and rooms of the valid split, which none trains on.

    python training/validation.py OUT [count=60] [data=FOLDER | speech=DIR noise=DIR rooms=DIR] [cache=DIR] [seed=1]
    python training/evaluate.py --model M --set OUT --list OUT/list.csv --json scores.json

Writes OUT/noisy/ID.wav and OUT/clean/ID.wav, 48 kHz mono 16-bit, 6 to 8 s, and OUT/list.csv (id, snr_db, part,
category). SNRs go round SNRS; every fourth mixture is in a room, part "reverb", whose clean side is what a network is
trained towards. Each mixture is a function of the seed, its number and the recordings, whatever `count` is.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import soundfile
from scipy.signal import oaconvolve

import training  # noqa: F401  (finds linnet)
from linnet._core import RATE
from training import config as settings
from training import manifest
from training.augment import Mixer, decibels, fade
from training.data import Corpus, Item, load, loud_level
from training.whole import whole

SNRS = (-5, 0, 5, 10, 15)  # dB, active speech power to mean noise power
ROOM_EVERY = 4
SECONDS = 6.0, 8.0
LEVEL = -32.0, -18.0  # dBFS, active speech level
COUNT = 60


def category(item: Item, config: settings.Config) -> str:
    """The CATEGORY of noise/CATEGORY/... in a manifest's folder; elsewhere the folder that holds the recording."""
    path = Path(item.path)
    bases = [Path(config.noise)] if config.noise else manifest.folders(config.data)
    folders = next(path.relative_to(base).parts[:-1] for base in bases if path.is_relative_to(base))
    folders = folders[1:] if not config.noise and folders[:1] == ("noise",) else folders
    return folders[0] if folders else "other"


def speech(rng: np.random.Generator, mixer: Mixer, speaker: str, length: int) -> np.ndarray:
    """Recordings of one speaker with short pauses, at one level; float32 [length]."""
    items = mixer.groups[speaker]
    out = np.zeros(length, np.float32)
    at = int(rng.uniform(0.2, 0.6) * RATE)
    while at < length:
        item = items[int(rng.integers(len(items)))]
        x = fade(mixer.piece(rng, mixer.corpus.speech, item, min(length - at, 5 * RATE)).copy())
        out[at : at + len(x)] = x / np.float32(max(item.level, 1e-4))
        at += len(x) + int(rng.uniform(0.2, 0.7) * RATE)
    return out


def noise(rng: np.random.Generator, corpus: Corpus, item: Item, length: int) -> np.ndarray:
    """A piece of one recording, repeated where it is shorter, at RMS 1; a silent place is drawn again."""
    for _ in range(20):
        start = int(rng.integers(0, max(item.length - length, 0) + 1))
        x = np.resize(fade(corpus.noise.read(item, start, length).copy()), length)
        power = float(np.sqrt(np.mean(x**2)))
        if power > 0.1 * item.level:
            return x / np.float32(power)
    raise ValueError(f"{item.path}: silent wherever it was tried; leave it out")


def mixture(number: int, mixer: Mixer) -> tuple[np.ndarray, np.ndarray, dict[str, object]]:
    """Noisy and clean signal, float32 [n], and the row of the list."""
    c, corpus = mixer.config, mixer.corpus
    rng = np.random.default_rng([c.seed, 4711, number])
    length = int(rng.uniform(*SECONDS) * RATE)
    # Speakers and noises take turns, in an order of their own, so that a small set has many of each.
    speakers = np.random.default_rng([c.seed, 4712]).permutation(mixer.speakers)
    order = np.random.default_rng([c.seed, 4713]).permutation(len(corpus.noise))
    clean = heard = speech(rng, mixer, str(speakers[number % len(speakers)]), length)
    item = corpus.noise.items[int(order[number % len(order)])]
    in_room = number % ROOM_EVERY == ROOM_EVERY - 1 and bool(mixer.recorded or mixer.simulated)
    if in_room:
        response, kept = mixer.room(rng)
        heard, clean = (oaconvolve(clean, side)[:length].astype(np.float32) for side in (response, kept))
    level, snr = loud_level(heard), SNRS[number % len(SNRS)]
    noisy = heard + noise(rng, corpus, item, length) * np.float32(level) * decibels(-snr)
    scale = float(decibels(rng.uniform(*LEVEL))) / level
    scale = np.float32(min(scale, 0.98 / max(np.abs(noisy).max(), np.abs(clean).max())))
    row = {"snr_db": snr, "part": "reverb" if in_room else "noise", "category": category(item, c)}
    return noisy * scale, clean * scale, {"id": f"{number:04d}"} | row


def render(out: Path, config: settings.Config, count: int = COUNT) -> None:
    """Writes the set. ValueError for a corpus without valid speech or noise, or a folder that holds another set."""
    listed = out / "list.csv"
    if out.exists() and any(out.iterdir()):
        raise ValueError(f"{out}: not empty; give a new folder")
    mixer = Mixer(load(config, "valid"), config)
    for name in ("noisy", "clean"):
        (out / name).mkdir(parents=True)
    rows = []
    for number in range(count):
        noisy, clean, row = mixture(number, mixer)
        for name, x in (("noisy", noisy), ("clean", clean)):
            soundfile.write(out / name / f"{row['id']}.wav", x, RATE, "PCM_16")
        rows.append(row)
    with whole(listed) as part, open(part, "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def main() -> int:
    """Command line; 2 with one line on stderr for bad input."""
    words = sys.argv[1:]
    if not words or words[0] in ("-h", "--help") or "=" in words[0]:
        print(__doc__)
        return 0 if words[:1] in (["-h"], ["--help"]) else 2
    try:
        given = [word.removeprefix("count=") for word in words[1:] if word.startswith("count=")]
        try:
            count = int(given[-1]) if given else COUNT
        except ValueError:
            count = 0
        if count < 1:
            raise ValueError(f"count={given[-1]}: give a number of mixtures, 1 or more")
        config = settings.from_command_line([word for word in words[1:] if not word.startswith("count=")])
        render(Path(words[0]), config, count)
    except (OSError, ValueError) as error:
        print(f"validation: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
