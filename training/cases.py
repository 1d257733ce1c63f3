"""Hard cases: what a user hears first when an enhancer fails, each with what is right and a number that tells it.

    python training/evaluate.py --cases --model sdk/models/small.linnet --data FOLDER --json cases.json

A case makes its trials from clean voices and from noises, each a function of the seed; an enhancer is any callable
noisy [n] -> [n], aligned, float32 at 48 kHz. The voices are those of the validation split: no training heard them.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import soxr
from scipy.signal import oaconvolve, sosfilt

from linnet import _core
from linnet._core import FRAME, RATE, WINDOW
from linnet.study import metrics
from training import procedural, voices
from training.material import Material

Enhance = Callable[[np.ndarray], np.ndarray]
ACTIVE = 1e-3  # of the loudest frame's power: what counts as speech
SEED = 2026
SETTLE = 0.3  # s that a change of level may cost
PINK = (np.array([20.0, 20000.0]), np.array([0.0, -30.0]))


@dataclass(frozen=True)
class Trial:
    """noisy [n] as the enhancer gets it, reference [n] as it should come out, and the samples that are measured."""

    noisy: np.ndarray
    reference: np.ndarray
    span: slice = field(default_factory=partial(slice, None))


@dataclass(frozen=True)
class Case:
    """`make` gives the trial of an index, None without recordings for it; `measure` a number of trial and output.

    The number of the case is the mean, or the worst, over the trials; it is right where it is at most (sign "<=") or at
    least (">=") `limit`. With `beside` it is how far the measure is from that of another trial.
    """

    name: str
    right: str
    sign: str
    limit: float
    unit: str
    make: Callable[[Material, np.random.Generator, int], Trial | None]
    measure: Callable[[Trial, np.ndarray], float]
    worst: bool = False
    trials: int = 4
    beside: Callable[[Material, np.random.Generator, int], Trial] | None = None

    def holds(self, value: float) -> bool:
        """Whether a value is right; never where it is no number."""
        return bool(value <= self.limit if self.sign == "<=" else value >= self.limit)

    def number(self, material: Material, enhance: Enhance, seed: int = SEED) -> float | None:
        """What the case gives for an enhancer; None where there are no recordings for it."""
        values = []
        for index in range(self.trials):
            trials = [
                make(material, np.random.default_rng([seed, zlib.crc32(self.name.encode()), index]), index)
                for make in (self.make, self.beside)
                if make
            ]
            if trials[0] is None:
                continue
            found = [self.measure(trial, enhance(trial.noisy)) for trial in trials]
            values.append(found[0] if len(found) == 1 else abs(found[0] - found[1]))
        return self.over(values) if values else None

    def over(self, values: Sequence[float]) -> float:
        """The number of the case of those of its trials."""
        if not self.worst:
            return float(np.mean(values))
        return float(np.max(values) if self.sign == "<=" else np.min(values))


# Measures


def power(x: np.ndarray, frame: int = WINDOW) -> np.ndarray:
    """Mean power of the pieces of `frame` samples, float64."""
    return (x[: len(x) // frame * frame].reshape(-1, frame).astype(np.float64) ** 2).mean(axis=1)


def active_power(x: np.ndarray) -> float:
    """Mean power of the frames with speech."""
    frames = power(x)
    return float(frames[frames >= ACTIVE * frames.max()].mean())


def decibels(value: np.ndarray | float) -> np.ndarray:
    """Of a power; silence is -200 dB."""
    return 10 * np.log10(np.asarray(value, np.float64) + 1e-20)


def lost(trial: Trial, out: np.ndarray) -> float:
    """Percent of the frames with speech that come out more than 10 dB too soft."""
    wanted, got = power(trial.reference[trial.span]), power(out[trial.span])
    active = wanted >= ACTIVE * wanted.max()
    return float(100 * np.mean(got[active] < wanted[active] / 10))


def held_change(trial: Trial, out: np.ndarray) -> float:
    """dB, the greatest change of level of a half second."""
    half = RATE // 2
    return float(np.abs(decibels(power(out[trial.span], half)) - decibels(power(trial.noisy[trial.span], half))).max())


def level_change(trial: Trial, out: np.ndarray) -> float:
    """dB, how far the frames with speech are from their level as a whole."""
    wanted, got = power(trial.reference[trial.span]), power(out[trial.span])
    active = wanted >= ACTIVE * wanted.max()
    return float(abs(decibels(got[active].sum()) - decibels(wanted[active].sum())))


def onset_change(trial: Trial, out: np.ndarray) -> float:
    """dB, how far the 20 ms in which speech begins, 15 dB over the 40 ms before, are from their level."""
    wanted, got = power(trial.reference), power(out)
    before = (np.concatenate([[0, 0], wanted[:-2]]) + np.concatenate([[0], wanted[:-1]])) / 2
    begins = (wanted > ACTIVE * 10 * wanted.max()) & (wanted > 10**1.5 * before)
    return float(abs(decibels(got[begins].sum()) - decibels(wanted[begins].sum())))


def lowered(trial: Trial, out: np.ndarray) -> float:
    """dB, how much less there is of what is measured."""
    return float(decibels(power(trial.noisy[trial.span], 1).mean()) - decibels(power(out[trial.span], 1).mean()))


def pauses_lowered(trial: Trial, out: np.ndarray) -> float:
    """dB, how much less there is where the reference has been silent for SETTLE."""
    sounds = np.cumsum(np.pad(trial.reference != 0, (int(SETTLE * RATE), 0)))
    silent = sounds[int(SETTLE * RATE) :] == sounds[: len(out)]
    silent[: RATE // 2] = False
    return float(decibels((trial.noisy[silent] ** 2).mean()) - decibels((out[silent] ** 2).mean()))


def gain(trial: Trial, out: np.ndarray) -> float:
    """dB of SI-SDR more than the input has."""
    return metrics.si_sdr(trial.reference, out) - metrics.si_sdr(trial.reference, trial.noisy)


# Trials


def pink(rng: np.random.Generator, samples: int) -> np.ndarray:
    """float32 [n] with RMS 1."""
    return procedural.level(procedural.shape(procedural.white(rng, samples), *PINK))


def mixed(speech: np.ndarray, noise: np.ndarray, snr: float) -> Trial:
    """Speech as the reference, and noise of RMS 1 below its frames with speech by `snr` dB."""
    noise = procedural.level(noise) * np.float32(np.sqrt(active_power(speech)) * 10 ** (-snr / 20))
    return Trial((speech + noise).astype(np.float32), speech)


def hold(material: Material, rng: np.random.Generator, index: int, hertz: float = 5.3) -> Trial | None:
    """4 s of a held vowel over a hiss at -72 dBFS, half a second of which comes before."""
    x = material.voice(index, 16)
    place = voices.voiced_stretch(x)
    if place is None:
        return None
    note = voices.held(x, place, 4.0, rng, (hertz, 0.5), 0.05, 2.0)
    time = np.arange(len(note)) / RATE
    note *= (np.clip(np.minimum(time / 0.1, (4 - time) / 0.2), 0, 1) * 0.4 / np.abs(note).max()).astype(np.float32)
    clean = np.pad(note, RATE // 2)
    hiss = rng.standard_normal(len(clean), dtype=np.float32) * np.float32(10 ** (-72 / 20))
    return Trial(clean + hiss, clean, slice(RATE // 2, RATE // 2 + 4 * RATE))


def over_soft(rng: np.random.Generator, loud: np.ndarray, soft: np.ndarray) -> Trial:
    """The loud part, then the soft one with noise 30 dB under it throughout; the soft one is measured."""
    clean = np.concatenate([loud, soft])
    noise = sosfilt([[1, 0, 0, 1, -0.9, 0]], rng.standard_normal(len(clean)))
    noise *= np.sqrt(active_power(soft) / 1000 / (noise**2).mean())
    return Trial((clean + noise).astype(np.float32), clean, slice(len(loud) + int(SETTLE * RATE), None))


def soft_talker(material: Material, rng: np.random.Generator, index: int, softer: float) -> Trial:
    """4 s of one voice, then 4 s of another so many dB softer."""
    soft = material.voice(index + 1, 4) * np.float32(10 ** (-softer / 20))
    return over_soft(rng, material.voice(index, 4), soft)


def soft_after_slam(material: Material, rng: np.random.Generator, index: int, softer: float = 40) -> Trial:
    """A full-scale slam, a second later soft speech."""
    burst = np.pad(voices.slam(rng, 0.05, RATE // 2), (0, RATE // 2))
    return over_soft(rng, burst, material.voice(index, 4) * np.float32(10 ** (-softer / 20)))


def whispered(material: Material, rng: np.random.Generator, index: int) -> Trial:
    """A whisper over pink noise 25 dB below it."""
    return mixed(voices.whisper(material.voice(index, 8), rng), pink(rng, 8 * RATE), 25)


def spoken(material: Material, rng: np.random.Generator, index: int, snr: float) -> Trial:
    """Speech over pink noise."""
    return mixed(material.voice(index, 8), pink(rng, 8 * RATE), snr)


def child(material: Material, rng: np.random.Generator, index: int) -> Trial:
    """A voice whose pitch and formants are 1.35 times as high, over pink noise 15 dB below it."""
    x = soxr.resample(material.voice(index, 8 * 1.35 + 0.01), RATE * 1.35, RATE)[: 8 * RATE].astype(np.float32)
    return mixed(x, pink(rng, 8 * RATE), 15)


def noise_after_silence(material: Material, rng: np.random.Generator, index: int) -> Trial:
    """Digital silence for a second, then noise at -30 dBFS: pink, white, a machine, rain; its first 50 ms."""
    make = (pink, procedural.white, procedural.machine, procedural.rain)[index % 4]
    noise = procedural.level(make(rng, 2 * RATE)) * np.float32(10 ** (-30 / 20))
    x = np.pad(noise, (RATE, 0))
    return Trial(x, np.zeros_like(x), slice(RATE, RATE + RATE // 20))


def noise_alone(material: Material, rng: np.random.Generator, index: int, category: str) -> Trial | None:
    """6 s of a recording at -30 dBFS, again and again where it is shorter; measured after a second."""
    found = material.noises.get(category, [])
    if index >= len(found):
        return None
    x = procedural.level(np.resize(found[index], 6 * RATE)) * np.float32(10 ** (-30 / 20))
    return Trial(x, np.zeros_like(x), slice(RATE, None))


def under_tone(material: Material, rng: np.random.Generator, index: int, harmonics: int) -> Trial:
    """Speech 5 dB over a steady tone, or over the buzz of so many harmonics."""
    hertz = rng.uniform(900, 1300) if harmonics == 1 else rng.uniform(95, 125)
    time = np.arange(8 * RATE) / RATE
    return mixed(
        material.voice(index, 8), sum(np.sin(2 * np.pi * hertz * k * time + k * k) for k in range(1, harmonics + 1)), 5
    )


def by_telephone(material: Material, rng: np.random.Generator, index: int) -> Trial:
    """300 to 3400 Hz of speech and of white noise 15 dB below it."""
    noise = voices.telephoned(rng.standard_normal(8 * RATE, dtype=np.float32))
    return mixed(voices.telephoned(material.voice(index, 8)), noise, 15)


def far(material: Material, rng: np.random.Generator, index: int) -> Trial:
    """Speech in a room whose sound decays by 60 dB in 0.7 s and is 6 dB over the direct one; no noise to speak of.

    The reference is what arrives in the first 50 ms.
    """
    time = np.arange(int(0.8 * RATE)) / RATE
    tail = rng.standard_normal(len(time)) * 10 ** (-3 * time / 0.7)
    tail[: int(0.003 * RATE)] = 0  # the first wall
    response = tail / np.sqrt((tail**2).sum())
    response[0] = 0.5
    x = material.voice(index, 8)
    whole = oaconvolve(x, response)[: len(x)]
    wanted = oaconvolve(x, np.where(time < 0.05, response, 0))[: len(x)]
    hiss = 1e-4 * rng.standard_normal(len(x))
    return Trial((whole + hiss).astype(np.float32), wanted.astype(np.float32))


def rounded(material: Material, rng: np.random.Generator, index: int, dbfs: float) -> Trial:
    """Speech at a level over pink noise 5 dB below it, in 16 bits."""
    trial = spoken(material, rng, index, 5)
    scale = 10 ** (dbfs / 20) / np.sqrt(active_power(trial.reference))
    noisy = np.rint(np.clip(trial.noisy * scale, -1, 1) * 32767) / 32768
    return Trial(noisy.astype(np.float32), (trial.reference * scale).astype(np.float32))


def with_music(material: Material, rng: np.random.Generator, index: int) -> Trial | None:
    """Phrases of 2 s with pauses of 1.5 s over music 5 dB below them."""
    found = material.noises.get("music", [])
    if not found:
        return None
    phrases = [np.pad(part, (0, 3 * RATE // 2)) for part in np.split(material.voice(index, 8), 4)]
    speech = np.concatenate(phrases)
    return mixed(speech, np.resize(found[index % len(found)], len(speech)), 5)


# Cases


LOST = {"sign": "<=", "limit": 5.0, "unit": "% lost", "measure": lost}
CASES: tuple[Case, ...] = (
    Case("held vowel", "within 3 dB for 4 s", "<=", 3.0, "dB", hold, held_change),
    *(Case(f"talker {q} dB softer", "under 5 % lost", make=partial(soft_talker, softer=q), **LOST) for q in (35, 40)),
    Case("soft after slam", "under 5 % lost", make=soft_after_slam, **LOST),
    Case("whisper", "under 5 % lost", make=whispered, **LOST),
    Case("child", "under 5 % lost", make=child, **LOST),
    Case("onsets at 15 dB", "within 3 dB", "<=", 3.0, "dB", partial(spoken, snr=15), onset_change),
    Case("noise after silence", "25 dB lower at once", ">=", 25.0, "dB", noise_after_silence, lowered, worst=True),
    *(
        Case(f"{name} alone", "15 dB lower", ">=", 15.0, "dB", partial(noise_alone, category=name), lowered, worst=True)
        for name in ("sneeze", "cough_breath", "baby_cry", "alarm_bell", "construction")
    ),
    Case("tone under speech", "SI-SDR 5 dB up", ">=", 5.0, "dB", partial(under_tone, harmonics=1), gain),
    Case("buzz under speech", "SI-SDR 5 dB up", ">=", 5.0, "dB", partial(under_tone, harmonics=30), gain),
    Case("telephone at 15 dB", "SI-SDR not lower", ">=", 0.0, "dB", by_telephone, gain),
    Case(
        "gain at -66 dBFS",
        "as at -26 dBFS, 1.5 dB",
        "<=",
        1.5,
        "dB",
        partial(rounded, dbfs=-66),
        gain,
        beside=partial(rounded, dbfs=-26),
    ),
    Case("far room, words", "under 5 % lost", make=far, **LOST),
    Case("far room, level", "within 2 dB", "<=", 2.0, "dB", far, level_change),
    Case("music under speech", "6 dB lower in pauses", ">=", 6.0, "dB", with_music, pauses_lowered),
)


def run(enhance: Enhance, material: Material, seed: int = SEED) -> dict[str, float | None]:
    """The number of every case, by its name; None where there are no recordings for it."""
    return {case.name: case.number(material, enhance, seed) for case in CASES}


def enhancer(path: Path) -> Enhance:
    """A model of the SDK, or the weights of a training run (*.safetensors). OSError, ValueError: neither."""
    if path.suffix == ".safetensors":
        from training.apply import Enhancer  # needs PyTorch

        return Enhancer(path)
    model = _core.Model(path.read_bytes())

    def through(noisy: np.ndarray) -> np.ndarray:
        stream = _core.Stream(model)
        padded = np.zeros(-(-(len(noisy) + stream.delay) // FRAME) * FRAME, np.float32)
        padded[: len(noisy)] = noisy
        return stream.process(padded)[stream.delay : stream.delay + len(noisy)]

    return through
