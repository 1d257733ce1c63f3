"""Hard segments for training: held notes, level steps, slams, whispers, vocoders, telephones, starts out of silence.

Each kind is drawn with its share in config.py, from a generator of its own: segments without any stay what they are
with the same seed. Validation has none, so that runs with and without them compare. Ranges are drawn; those of the
hard cases in cases.py are fixed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from linnet._core import RATE
from training import voices
from training.data import loud_level

RAMP = RATE // 50  # samples in which a level changes
SHARES = ("held", "level_step", "whisper", "telephone", "muted_start", "vocoded")


@dataclass
class Hard:
    """What makes one segment hard: its kinds, and the draws that are used later on."""

    kinds: set[str] = field(default_factory=set)
    slams: bool = False
    noise_db: float = 0.0  # of the noise, against what the loud speech would have

    @property
    def levelled(self) -> bool:
        """Whether parts of the speech are far below others."""
        return "level_step" in self.kinds


def draw(rng: np.random.Generator, config) -> Hard:
    """The kinds of one segment."""
    kinds = {name for name in SHARES if rng.random() < getattr(config, name)}
    return Hard(kinds, slams="level_step" in kinds and rng.random() < 0.25)


def notes(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    """x [n] with one to three of its vowels held for 0.5 to 4 s, cut to its length."""
    n = len(x)
    at = 0
    for _ in range(int(rng.integers(1, 4))):
        begin = at + int(rng.uniform(0, max(n - at, 1) / 3))
        part = x[begin : begin + 4 * RATE]
        place = voices.voiced_stretch(part, rng.uniform(0, 0.5)) if len(part) > RATE else None
        if place is None:
            continue
        # Spoken vowels are held without vibrato.
        depth = rng.uniform(0.1, 1.0) if rng.random() < 0.6 else 0.0
        seconds = 0.5 * 8 ** rng.random()
        vibrato = (rng.uniform(4, 7), depth)
        note = voices.held(part, place, seconds, rng, vibrato, rng.uniform(0, 0.1), rng.uniform(0, 3))
        inside = begin + place[0] + (place[1] - place[0]) // 2
        x = voices.inserted(x, note, inside)[:n]
        at = inside + len(note)
        if at >= n - RATE:
            break
    return x


def steps(rng: np.random.Generator, samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Gains float32 [n] of two or three parts, and where they change; each -45..+15 dB against the one before.

    None is further from the first than that.
    """
    cuts = np.sort(rng.integers(0, samples, int(rng.integers(1, 3))))
    levels = [0.0]
    for _ in cuts:
        levels.append(float(np.clip(levels[-1] + rng.uniform(-45, 15), -45, 15)))
    gains = np.full(samples, levels[0])
    for cut, level in zip(cuts, levels[1:], strict=True):
        ramp = np.clip((np.arange(samples - cut) + 1) / RAMP, 0, 1)
        gains[cut:] += (level - gains[cut:]) * ramp  # straight in dB
    return (10 ** (gains / 20)).astype(np.float32), cuts


def softest(x: np.ndarray, cuts: np.ndarray) -> float:
    """dB, 0 at most: the level of the softest part of x with speech in it, against that of all."""
    whole = loud_level(x)
    levels = [loud_level(part) for part in np.split(x, cuts) if len(part) > RATE // 2]
    heard = [level for level in levels if level > 1e-3 * whole]
    return min(float(20 * np.log10(min(heard) / whole)), 0.0) if heard else 0.0


def speech(rng: np.random.Generator, hard: Hard, x: np.ndarray) -> np.ndarray:
    """The speech [n] of a hard segment from ordinary speech; float32."""
    if "whisper" in hard.kinds:
        x = voices.whisper(x, rng, rng.uniform(0.001, 0.002))
    elif "held" in hard.kinds:
        x = notes(rng, x)
    if "vocoded" in hard.kinds and "whisper" not in hard.kinds:
        x = voices.vocoded(x, rng, rng.uniform(0.001, 0.003), rng.random())
    if hard.levelled and not hard.slams:
        gains, cuts = steps(rng, len(x))
        x = x * gains
        if rng.random() < 0.5:
            hard.noise_db = softest(x, cuts)
    return x


def band(rng: np.random.Generator) -> tuple[float, np.ndarray]:
    """The upper edge in Hz and the sections [k, 6] of a telephone."""
    high = float(rng.uniform(3000, 3800))
    return high, voices.telephone(float(rng.uniform(200, 400)), high)


def level(rng: np.random.Generator, hard: Hard, drawn: float) -> float:
    """dBFS of the loud speech: before a slam it is soft, before a soft part not too soft."""
    if hard.slams:
        return float(rng.uniform(-60, -30))
    return max(drawn, float(rng.uniform(-35, -8))) if hard.levelled else drawn


def strike(rng: np.random.Generator, noisy: np.ndarray) -> np.ndarray:
    """noisy [n] with one to three slams near full scale, the first within 6 s."""
    noisy = noisy.copy()
    at = int(rng.uniform(0.2, 6) * RATE)
    for _ in range(int(rng.integers(1, 4))):
        burst = voices.slam(rng, rng.uniform(0.02, 0.15), RATE // 2)[: max(len(noisy) - at, 0)]
        noisy[at : at + len(burst)] += burst * np.float32(rng.uniform(0.5, 1))
        at += int(rng.uniform(0.5, 6) * RATE)
    return noisy


def mute_start(rng: np.random.Generator, *signals: np.ndarray) -> None:
    """The first 0.3 to 2 s of each become zeros, in place: a microphone that is switched on."""
    muted = int(rng.uniform(0.3, 2) * RATE)
    for x in signals:
        x[:muted] = 0
