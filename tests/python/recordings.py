"""Voices, noises and a small corpus made here, and the settings of a tiny training on it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import soundfile

from training import config

RATE = 48000
TINY = {"seconds": 2.0, "shard_segments": 8, "batch": 8, "chunk": 50, "simulated_rooms": 2, "valid_segments": 2}
# What is drawn now and then makes two batches of so few segments incomparable; it has tests of its own.
TINY |= dict.fromkeys(("procedural", "held", "level_step", "whisper", "vocoded", "telephone", "muted_start"), 0.0)
QUICK = {"learning_rate": 1e-2, "warm_up": 5, "valid_minutes": 1e6, "report_seconds": 0.0, "tensorboard": False}


def syllables(rate: int, seconds: float, pitch: float, rng: np.random.Generator) -> np.ndarray:
    """Harmonics of a gliding pitch, switched on and off four times a second."""
    t = np.arange(int(rate * seconds)) / rate
    phase = 2 * np.pi * np.cumsum(pitch * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * t + rng.random()))) / rate
    harmonics = range(1, int(min(rate / 2, 6000) / pitch / 1.2))
    voice = sum(np.sin(k * phase + k) / k for k in harmonics)
    return 0.1 * voice * (np.sin(2 * np.pi * 4 * t) > -0.3)


def make_corpus(folder: Path) -> None:
    """Folders speech, noise and rooms in three formats and four rates."""
    rng = np.random.default_rng(5)
    for name in ("speech/a", "speech/b", "noise", "rooms"):
        (folder / name).mkdir(parents=True)
    kinds = [("wav", 44100), ("flac", 16000), ("ogg", 22050), ("wav", 48000), ("flac", 32000)]
    for index, (suffix, rate) in enumerate(kinds):
        speaker = "ab"[index % 2]
        voice = syllables(rate, 4.0, 110 + 20 * index, rng)
        soundfile.write(folder / f"speech/{speaker}/voice{index}.{suffix}", voice, rate)
        noise = np.convolve(rng.standard_normal(rate * 3), np.hanning(3 + 4 * index), "same")
        stereo = np.stack([noise, noise], 1) * 0.02
        soundfile.write(folder / f"noise/noise{index}.{suffix}", stereo, rate)
    for index in range(3):
        tail = rng.standard_normal(RATE // 4) * 10 ** (-3 * np.arange(RATE // 4) / RATE / 0.3) * 0.2
        tail[40] = 1.0
        soundfile.write(folder / f"rooms/room{index}.wav", tail * 0.5, RATE)


def settings(corpus: Path, folder: Path, **values: object) -> config.Config:
    """A tiny run on the corpus."""
    own = {"speech": str(corpus / "speech"), "noise": str(corpus / "noise"), "rooms": str(corpus / "rooms")}
    own |= {"runs": str(folder), "cache": str(corpus / "cache"), "threads": 1}
    return dataclasses.replace(config.load_preset("tiny"), **{**TINY, **QUICK, **own, **values})
