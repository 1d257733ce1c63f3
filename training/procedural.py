"""Noises that are computed instead of recorded: colours, machines, hum, impacts, rain, wind, sirens, thumps, beeps.

    x = generate(rng, length)                    # one of KINDS, drawn by its weight
    x = KINDS["wind"].make(rng, length)          # a certain one

Each is float32 [length] at 48 kHz with RMS 1, and a function of `rng` alone. They are recipes from what makes the
sound: damped modes for things that are hit (van den Doel and Pai 1998), a shaft and its harmonics for machines, drops
at random times for rain, a gust that moves level and colour together for wind. Parameters are drawn wide, so no two
are alike; they stand beside recordings, of which there are few of each kind, and not for them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.fft

from linnet._core import RATE

STEP = 32  # samples from one computed value of a slow curve to the next
TABLE = 8192  # samples of one period of a periodic tone
CEILING = 20000.0  # Hz, of its harmonics
EDGE = 0.004  # s, of a tone that is switched on or off


def level(x: np.ndarray) -> np.ndarray:
    """x at RMS 1, float32; silence stays."""
    power = float(np.sqrt(np.mean(np.square(x, dtype=np.float64))))
    return (x / max(power, 1e-9)).astype(np.float32)


def between(rng: np.random.Generator, low: float, high: float, size: int | None = None):
    """Drawn evenly on a logarithmic scale."""
    return np.exp(rng.uniform(np.log(low), np.log(high), size))


def curve(rng: np.random.Generator, length: int, per_second: float) -> np.ndarray:
    """float32 [length], a line through random values in 0..1, so many of them a second."""
    knots = rng.random(max(2, int(length / RATE * per_second) + 2), dtype=np.float32)
    coarse = np.interp(np.linspace(0, len(knots) - 1, length // STEP + 2), np.arange(len(knots)), knots)
    coarse = coarse.astype(np.float32)[:, None]
    ramp = np.arange(STEP, dtype=np.float32) / np.float32(STEP)
    return (coarse[:-1] + (coarse[1:] - coarse[:-1]) * ramp).ravel()[:length]


def shape(x: np.ndarray, frequencies: np.ndarray, decibels: np.ndarray) -> np.ndarray:
    """x [n] filtered, without phase, by a gain in dB given at rising frequencies in Hz; circular."""
    size = scipy.fft.next_fast_len(len(x), real=True)
    spectrum = scipy.fft.rfft(x.astype(np.float32, copy=False), size)
    bins = np.arange(len(spectrum)) * np.float32(RATE / size)
    # The gain is interpolated on a coarse grid of octaves and read from there: a logarithm for every bin costs more.
    grid = np.geomspace(10.0, RATE / 2, 512)
    gain = 10 ** (np.interp(np.log(grid), np.log(frequencies), decibels) / 20)
    spectrum *= np.interp(bins, grid, gain).astype(np.float32)
    return scipy.fft.irfft(spectrum, size)[: len(x)]


def white(rng: np.random.Generator, length: int) -> np.ndarray:
    """float32 [length], normal."""
    return rng.standard_normal(length, dtype=np.float32)


def colour(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A random spectrum: a slope above a corner, some bumps, often an upper end; frequencies in Hz and dB."""
    frequencies = np.geomspace(20, RATE / 2, 64)
    octaves = np.log2(frequencies)
    decibels = rng.uniform(-9, 1) * np.maximum(octaves - np.log2(between(rng, 50, 1000)), 0)
    for _ in range(int(rng.integers(1, 6))):
        centre, width = rng.uniform(6, 13.5), rng.uniform(0.15, 0.8)
        decibels += rng.uniform(3, 16) * np.exp(-0.5 * ((octaves - centre) / width) ** 2)
    end = between(rng, 2500, 40000)
    return frequencies, decibels - 40 * np.maximum(octaves - np.log2(end), 0)


def coloured(rng: np.random.Generator, length: int) -> np.ndarray:
    """Air, fans, distant roads: noise of one colour, its level nearly steady."""
    swell = np.float32(10 ** (rng.uniform(0, 4) / 20)) ** curve(rng, length, rng.uniform(0.1, 1))
    return level(shape(white(rng, length), *colour(rng)) * swell)


def tone(phase: np.ndarray, amplitudes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A periodic sound with these amplitudes of its harmonics, their phases random; phase [n] in periods."""
    spectrum = np.zeros(TABLE // 2 + 1, np.complex128)
    spectrum[1 : len(amplitudes) + 1] = amplitudes * np.exp(2j * np.pi * rng.random(len(amplitudes)))
    period = np.fft.irfft(spectrum) * TABLE / 2
    table = np.append(period, period[0]).astype(np.float32)
    place = (phase - np.floor(phase)) * TABLE
    index = place.astype(np.int32)
    rest = (place - index).astype(np.float32)
    return table[index] + rest * (table[index + 1] - table[index])


def phase_of(frequency: np.ndarray) -> np.ndarray:
    """Phase in periods of a frequency [n] in Hz that changes; in float64, for minutes of it add up."""
    return np.cumsum(frequency, dtype=np.float64) / RATE


def machine(rng: np.random.Generator, length: int) -> np.ndarray:
    """Motors, engines, drills, fans: a shaft of 15 to 400 turns a second that wanders, its harmonics, and noise of one
    colour that swells with every turn."""
    base = between(rng, 15, 400)
    wander = rng.choice([0.005, 0.05, 0.4])
    frequency = base * (1 + np.float32(wander) * (curve(rng, length, between(rng, 0.1, 2)) - np.float32(0.5)))
    phase = phase_of(frequency)
    count = int(min(rng.integers(10, 60), CEILING / (base * (1 + wander / 2))))
    harmonics = np.arange(1, count + 1)
    decibels = rng.uniform(-9, -2) * np.log2(harmonics) + rng.normal(0, 5, count)
    # One or two groups of harmonics stand out: blades, teeth, cylinders.
    for _ in range(int(rng.integers(1, 3))):
        decibels[int(rng.integers(2, 8)) - 1 :: int(rng.integers(2, 8))] += rng.uniform(3, 10)
    turning = tone(phase, 10 ** (decibels / 20), rng)
    pulse = tone(phase, 0.5 ** np.arange(1, 5), rng)
    beat = 1 + np.float32(rng.uniform(0.1, 0.9)) * pulse / max(float(np.abs(pulse).max()), 1e-9)
    noise = level(shape(white(rng, length), *colour(rng))) * beat
    return level(level(turning) + noise * np.float32(10 ** (rng.uniform(-18, 3) / 20)))


def hum(rng: np.random.Generator, length: int) -> np.ndarray:
    """Mains: 50 or 60 Hz, steady to a few hundredths of 1 Hz, odd or even harmonics louder, some hiss."""
    mains = rng.choice([50.0, 60.0])
    phase = phase_of(mains + np.float32(0.04) * (curve(rng, length, 0.3) - np.float32(0.5)))
    count = int(rng.integers(6, 50))
    harmonics = np.arange(1, count + 1)
    decibels = rng.uniform(-8, -3) * np.log2(harmonics) + rng.normal(0, 4, count)
    decibels[int(rng.integers(2)) :: 2] -= rng.uniform(0, 15)
    hiss = level(white(rng, length)) * np.float32(10 ** (rng.uniform(-45, -15) / 20))
    return level(level(tone(phase, 10 ** (decibels / 20), rng)) + hiss)


def modes(rng: np.random.Generator, low: float, high: float, longest: float, seconds: float) -> np.ndarray:
    """Eight hits on one object, float32 [8, n]: the same damped modes, struck at another place each time."""
    count = int(rng.integers(3, 12))
    frequencies = between(rng, low, high, count)
    decay = between(rng, longest / 30, longest, count) * (low / frequencies) ** 0.3
    t = np.arange(int(seconds * RATE), dtype=np.float32) / np.float32(RATE)
    ringing = np.exp((-1 / decay[:, None] + 2j * np.pi * frequencies[:, None]) * t).imag.astype(np.float32)
    hits = (rng.standard_normal((8, count), dtype=np.float32)) @ ringing
    contact = int(rng.uniform(0.001, 0.008) * RATE)
    noise = rng.standard_normal((8, contact), dtype=np.float32) * np.linspace(1, 0, contact, dtype=np.float32) ** 2
    hits[:, :contact] += noise * np.float32(rng.uniform(0.2, 1.5))
    return hits * np.linspace(1, 0, len(t), dtype=np.float32) ** np.float32(0.3)


def times(rng: np.random.Generator, length: int, per_second: float, pause: float) -> np.ndarray:
    """Samples of events, one at the least: log-normal distances, after one in twenty a pause of so many s (mean)."""
    count = int(length / RATE * per_second * 2) + 8
    gaps = rng.lognormal(np.log(1 / per_second), 0.45, count) + rng.exponential(pause, count) * (
        rng.random(count) < 0.05
    )
    at = (np.cumsum(gaps) - gaps[0] * rng.random()) * RATE
    at = at[at < length].astype(np.int64)
    return at if len(at) else rng.integers(length, size=1)


def strike(rng: np.random.Generator, length: int, at: np.ndarray, hits: np.ndarray, spread: float) -> np.ndarray:
    """One of the hits [k, n] at each of the samples `at`, levels spread by so many dB; float32 [length]."""
    out = np.zeros(length + hits.shape[1], np.float32)
    which = rng.integers(len(hits), size=len(at))
    gains = (10 ** (rng.normal(0, spread, len(at)) / 20)).astype(np.float32)
    for start, index, gain in zip(at, which, gains, strict=True):
        out[start : start + hits.shape[1]] += hits[index] * gain
    return out[:length]


def impacts(rng: np.random.Generator, length: int) -> np.ndarray:
    """Keys, switches, dishes, cutlery, tools: one to three small hard objects that are hit 2 to 10 times a second."""
    out = np.zeros(length, np.float32)
    for _ in range(int(rng.integers(1, 4))):
        hits = modes(rng, between(rng, 250, 1500), 12000, between(rng, 0.03, 0.3), 0.5)
        hits /= np.sqrt((hits**2).mean()) + np.float32(1e-9)
        out += strike(rng, length, times(rng, length, between(rng, 2, 10), 1.0), hits, 4)
    return level(out)


def thumps(rng: np.random.Generator, length: int) -> np.ndarray:
    """Footsteps, doors, knocks on the table or the microphone: low modes, a few times a second at most."""
    hits = modes(rng, between(rng, 30, 90), 300, between(rng, 0.05, 0.2), 0.4)
    out = strike(rng, length, times(rng, length, between(rng, 0.7, 4), 1.0), hits, 5)
    return level(out)


def rain(rng: np.random.Generator, length: int) -> np.ndarray:
    """Drops: clicks at random times, 100 to 5000 a second, log-normal in level, over the rush of those far away."""
    count = max(8, int(length / RATE * between(rng, 100, 5000)))
    drops = np.zeros(length, np.float32)
    sizes = rng.lognormal(0, 0.5, count) * rng.choice([-1.0, 1.0], count)
    drops[rng.integers(length, size=count)] = sizes
    frequencies = np.geomspace(20, RATE / 2, 64)
    near = -rng.uniform(3, 9) * np.abs(np.log2(frequencies / between(rng, 1500, 8000)))
    far = -rng.uniform(2, 5) * np.abs(np.log2(frequencies / between(rng, 1000, 6000)))
    rush = level(shape(white(rng, length), frequencies, far))
    return level(level(shape(drops, frequencies, near)) + rush * np.float32(10 ** (rng.uniform(-9, 6) / 20)))


def wind(rng: np.random.Generator, length: int) -> np.ndarray:
    """Wind in a microphone: turbulence that falls with frequency; a gust makes it louder and brighter, and may clip."""
    speed = curve(rng, length, rng.uniform(0.3, 1.5)) * curve(rng, length, rng.uniform(2, 6)) + np.float32(0.15)
    frequencies = np.geomspace(10, RATE / 2, 64)
    corner, slope = between(rng, 20, 120), rng.uniform(8, 14)
    falling = -slope * np.maximum(np.log2(frequencies / corner), 0)
    calm = level(shape(white(rng, length), frequencies, falling))
    gust = level(shape(white(rng, length), frequencies, falling * rng.uniform(0.6, 0.8)))
    x = level(calm * speed**2 + gust * speed**4)
    if rng.random() < 0.2:
        top = np.float32(rng.uniform(1.5, 4))
        x = level(np.clip(x, -top, top))
    return x


def switched(length: int, starts: np.ndarray, spans: np.ndarray) -> np.ndarray:
    """float32 [length], 1 from each of the rising starts for its span (both s), 0 between."""
    spans = np.maximum(spans, 3 * EDGE)
    corners = np.stack([starts, starts + EDGE, starts + spans - EDGE, starts + spans], 1).ravel()
    values = np.tile(np.array([0, 1, 1, 0], np.float32), len(starts))
    return np.interp(np.arange(length) / RATE, corners, values).astype(np.float32)


def siren(rng: np.random.Generator, length: int) -> np.ndarray:
    """Sirens and alarms: a tone with harmonics between two pitches, gliding, in steps or upwards, or switched."""
    low, high = np.sort(between(rng, 400, 3000, 2))
    place = np.arange(length) / RATE / between(rng, 0.2, 6) + rng.random()
    form = rng.integers(4)
    if form == 0:
        way = 0.5 + 0.5 * np.sin(2 * np.pi * place)
    elif form == 1:
        way = (place % 1 < 0.5).astype(np.float64)
    elif form == 2:
        way = place % 1
    else:
        way = np.abs(2 * (place % 1) - 1)
    frequency = low * (high / low) ** way
    count = int(min(rng.integers(1, 12), CEILING / high))
    amplitudes = 10 ** (-rng.uniform(2, 10) * np.arange(count) / 20)
    x = tone(phase_of(frequency), amplitudes, rng)
    if rng.random() < 0.3:
        period = between(rng, 0.1, 1)
        starts = np.arange(0, length / RATE, period)
        x *= switched(length, starts, np.full(len(starts), period / 2))
    return level(x)


def beeps(rng: np.random.Generator, length: int) -> np.ndarray:
    """Signals of devices and ring tones: a pattern of notes, one or two tones at once, that repeats with a pause."""
    count = int(rng.integers(1, 9))
    semitones = rng.choice([0, 2, 4, 5, 7, 9, 11, 12], count) if rng.random() < 0.7 else np.zeros(count)
    notes = between(rng, 350, 2500) * 2 ** (semitones / 12)
    duration, pause = between(rng, 0.06, 0.5), between(rng, 0.1, 2)
    rounds = int(length / RATE / (count * duration + pause)) + 1
    starts = (np.arange(rounds)[:, None] * (count * duration + pause) + np.arange(count) * duration).ravel()
    lengths = np.diff((starts * RATE).astype(np.int64), append=(rounds * (count * duration + pause) + 1) * RATE)
    frequency = np.repeat(np.tile(notes, rounds), lengths.astype(np.int64))[:length]
    harmonics = int(min(rng.integers(1, 10), CEILING / notes.max()))
    amplitudes = 10 ** (-rng.uniform(3, 20) * np.arange(harmonics) / 20)
    x = tone(phase_of(frequency), amplitudes, rng)
    if rng.random() < 0.4:
        second = rng.choice([1.25, 4 / 3, 1.5, 1.617])
        x += tone(phase_of(frequency * second), amplitudes[: max(1, int(CEILING / notes.max() / second))], rng)
    return level(x * switched(length, starts, np.full(len(starts), duration * rng.uniform(0.4, 0.95))))


@dataclass(frozen=True)
class Kind:
    """One of the noises, and how often it is drawn among them."""

    make: Callable[[np.random.Generator, int], np.ndarray]
    weight: float


KINDS = {
    "coloured": Kind(coloured, 0.20),
    "machine": Kind(machine, 0.20),
    "hum": Kind(hum, 0.07),
    "impacts": Kind(impacts, 0.18),
    "rain": Kind(rain, 0.08),
    "wind": Kind(wind, 0.10),
    "siren": Kind(siren, 0.04),
    "thumps": Kind(thumps, 0.07),
    "beeps": Kind(beeps, 0.06),
}
_WEIGHTS = np.array([kind.weight for kind in KINDS.values()])


def generate(rng: np.random.Generator, length: int) -> np.ndarray:
    """One of KINDS by weight: float32 [length] at 48 kHz, RMS 1."""
    names = list(KINDS)
    return KINDS[names[int(rng.choice(len(names), p=_WEIGHTS / _WEIGHTS.sum()))]].make(rng, length)
