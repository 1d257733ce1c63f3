"""A voice made into another kind of voice: held vowels, whispers, vocoders, telephones. float32 [n] at 48 kHz.

Everything random comes from `rng`. Held vowels are laid together as in WSOLA (Verhelst and Roelands 1993), from random
places of one voiced stretch; a whisper is noise under the spectral envelope that the cepstrum has without the pitch,
and what a vocoder says is pulses under it.
"""

from __future__ import annotations

import numpy as np
import soxr
from scipy.signal import butter, medfilt, sosfilt

from linnet._core import FRAME, RATE

SLOW = 8000  # Hz, where pitch is looked for
SHORTEST, LONGEST = 20, 114  # periods at that rate: 400 and 70 Hz
WINDOW = 206  # samples at that rate that are compared with those a period later
STRETCH = 12  # hops that a held vowel is made of


def wander(rng: np.random.Generator, samples: int, hertz: float) -> np.ndarray:
    """A random curve [samples] of variance below 1 that changes `hertz` times a second."""
    at = np.arange(samples) * (hertz / RATE)
    knots = rng.standard_normal(int(at[-1]) + 2 if samples else 2)
    return np.interp(at, np.arange(len(knots)), knots)


def periodicity(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each 10 ms: the period in samples, how alike the periods are (1: equal), the mean power; three [T]."""
    y = soxr.resample(x, RATE, SLOW, quality="LQ") if len(x) else x
    whole = WINDOW + LONGEST
    y = np.pad(y, (0, whole)).astype(np.float64)
    frames = np.lib.stride_tricks.sliding_window_view(y, whole)[:: SLOW * FRAME // RATE][: max(len(x) // FRAME, 1)]
    size = 512
    head = np.fft.rfft(frames[:, :WINDOW], size)
    product = np.fft.irfft(head.conj() * np.fft.rfft(frames, size), size)[:, : LONGEST + 1]
    sums = np.cumsum(np.pad(frames**2, ((0, 0), (1, 0))), axis=1)
    power = sums[:, WINDOW : WINDOW + LONGEST + 1] - sums[:, : LONGEST + 1]
    alike = product / np.sqrt(power * power[:, :1] + 1e-12)
    inner = alike[:, SHORTEST:LONGEST]
    peak = (inner >= alike[:, SHORTEST - 1 : LONGEST - 1]) & (inner >= alike[:, SHORTEST + 1 :])
    inner = np.where(peak, inner, 0)
    best = inner.max(axis=1, keepdims=True)
    # Multiples of the period are nearly as alike; the first good one is it.
    first = np.argmax(inner >= 0.92 * best, axis=1)
    clarity = inner[np.arange(len(inner)), first]
    return (first + SHORTEST) * (RATE / SLOW), clarity, power[:, 0] / WINDOW


def voiced_stretch(x: np.ndarray, pick: float = 0.0) -> tuple[int, int, float] | None:
    """Begin, end and period in samples of a steady voiced stretch of 0.12 s; None: there is none.

    pick 0 takes the steadiest, 1 the least steady of those that will do.
    """
    period, clarity, power = periodicity(x)
    if len(period) < STRETCH + 4:
        return None
    view = np.lib.stride_tricks.sliding_window_view
    drift = np.ptp(view(np.log2(period), STRETCH), axis=1)
    change = np.ptp(view(10 * np.log10(power + 1e-12), STRETCH), axis=1)
    lowest = view(clarity, STRETCH).min(axis=1)
    loud = view(power, STRETCH).mean(axis=1) > 0.05 * power.max()
    fits = np.flatnonzero(loud & (lowest > 0.8) & (drift < 0.2) & (change < 8))[:-4]
    if not len(fits):
        return None
    ranked = fits[np.argsort(drift[fits] + (1 - lowest[fits]) + 0.02 * change[fits], kind="stable")]
    start = int(ranked[min(int(pick * len(ranked)), len(ranked) - 1)])
    return start * FRAME, (start + STRETCH) * FRAME, float(np.median(period[start : start + STRETCH]))


def loop(stretch: np.ndarray, period: float, samples: int, rng: np.random.Generator) -> np.ndarray:
    """[samples] that go on as the voiced `stretch` sounds, its periods in phase, its pieces equally loud."""
    hop = int(np.ceil(max(period, 0.012 * RATE)))
    span = int(np.ceil(period))
    last = len(stretch) - 2 * hop - span
    if last < 1:
        raise ValueError(f"a stretch of {len(stretch)} samples: a period of {span} needs at least {3 * hop + span}")
    rise = (0.5 - 0.5 * np.cos(np.pi * (np.arange(hop) + 0.5) / hop)).astype(np.float32)
    level = np.sqrt((stretch**2).mean())
    count = samples // hop + 2
    out = np.zeros(count * hop + hop, np.float32)
    at = int(rng.integers(last))
    for index in range(count):
        grain = stretch[at : at + 2 * hop] * (level / (np.sqrt((stretch[at : at + 2 * hop] ** 2).mean()) + 1e-9))
        out[index * hop : index * hop + hop] += grain[:hop] * rise
        out[index * hop + hop : index * hop + 2 * hop] += grain[hop:] * rise[::-1]
        following = stretch[at + hop : at + 2 * hop]
        start = int(rng.integers(last))
        at = start + int(np.argmax(np.correlate(stretch[start : start + hop + span], following, "valid")))
    return out[hop : hop + samples]


def warp(x: np.ndarray, ratio: np.ndarray) -> np.ndarray:
    """x read at the speed `ratio` [n] -> [n]; x is long enough. Cubic between the samples."""
    at = 1 + np.cumsum(ratio)
    whole = np.minimum(at.astype(np.int64), len(x) - 3)
    t = (at - whole).astype(np.float32)
    a, b, c, d = (x[whole + k] for k in (-1, 0, 1, 2))
    return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))


def held(
    x: np.ndarray,
    place: tuple[int, int, float],
    seconds: float,
    rng: np.random.Generator,
    vibrato: tuple[float, float] = (5.3, 0.5),
    jitter: float = 0.05,
    loudness: float = 1.0,
) -> np.ndarray:
    """The voiced stretch `place` of x held for so long; as loud as it is, apart from the wander.

    vibrato: Hz and semitones; jitter in semitones, 60 times a second; loudness in dB, how far it wanders.
    """
    begin, end, period = place
    n = int(seconds * RATE)
    rate, depth = vibrato
    turn = np.sin(2 * np.pi * (rate * np.arange(n) / RATE + rng.random()))
    ratio = 2 ** ((depth * turn + jitter * wander(rng, n, 60)) / 12)
    note = warp(loop(x[begin:end], period, int(ratio.sum()) + 8, rng), ratio)
    return (note * 10 ** (loudness * wander(rng, n, 2) / 20)).astype(np.float32)


def inserted(x: np.ndarray, note: np.ndarray, at: int, overlap: int = FRAME) -> np.ndarray:
    """x with a note put in at sample `at`, cross-faded over `overlap` samples on both sides; float32."""
    ramp = np.linspace(0, 1, overlap, dtype=np.float32)
    note = note.copy()
    before, after = x[at : at + overlap], x[at : at + overlap]
    note[:overlap] = note[:overlap] * ramp + before * ramp[::-1]
    note[-overlap:] = note[-overlap:] * ramp[::-1] + after * ramp
    return np.concatenate([x[:at], note, x[at + overlap :]])


def under_envelope(x: np.ndarray, excitation: np.ndarray, quefrency: float, corner: float) -> np.ndarray:
    """A flat excitation [n] made to say what x [n] says, as loud from moment to moment; float32.

    quefrency in s: the envelope's fineness; corner in Hz, below which there is less.
    """
    size = 2 * FRAME
    window = np.sqrt(np.hanning(size + 1)[:-1]).astype(np.float32)
    steps = -(-len(x) // FRAME) + 1

    def spectra(signal: np.ndarray) -> np.ndarray:
        padded = np.pad(signal, (FRAME, steps * FRAME - len(signal)))
        return np.fft.rfft(np.lib.stride_tricks.sliding_window_view(padded, size)[::FRAME][:steps] * window)

    voice = spectra(x)
    cepstrum = np.fft.irfft(np.log(np.abs(voice) + 1e-6))
    keep = int(quefrency * RATE)
    cepstrum[:, keep:-keep] = 0
    envelope = np.exp(np.fft.rfft(cepstrum).real)
    frequency = np.fft.rfftfreq(size, 1 / RATE)
    made = spectra(excitation) * envelope * (frequency / np.hypot(frequency, corner))
    made *= np.linalg.norm(voice, axis=1, keepdims=True) / (np.linalg.norm(made, axis=1, keepdims=True) + 1e-9)
    frames = np.fft.irfft(made) * window
    out = np.zeros((steps + 1, FRAME))
    out[:-1] += frames[:, :FRAME]
    out[1:] += frames[:, FRAME:]
    return out.ravel()[FRAME : FRAME + len(x)].astype(np.float32)


def whisper(x: np.ndarray, rng: np.random.Generator, quefrency: float = 0.0015) -> np.ndarray:
    """The same words without a voice; as loud, with less below 500 Hz. quefrency in s: the envelope's fineness."""
    return under_envelope(x, rng.standard_normal(len(x), dtype=np.float32), quefrency, 500)


def vocoded(x: np.ndarray, rng: np.random.Generator, quefrency: float = 0.0015, flat: float = 0.5) -> np.ndarray:
    """The same words by a vocoder, as old synthesisers and codecs speak: pulses, or noise where there is no pitch.

    flat: 0 keeps the melody, 1 is a monotone. quefrency in s: the envelope's fineness.
    """
    period, clarity, _ = periodicity(x)
    voiced = clarity > 0.6
    if not voiced.any():
        return whisper(x, rng, quefrency)
    pitch = -np.log2(period)
    middle = np.median(pitch[voiced])
    pitch = medfilt(np.where(voiced, pitch, middle), 5)
    pitch = middle + (1 - flat) * (pitch - middle)
    at, frames = np.arange(len(x)), (np.arange(len(pitch)) + 0.5) * FRAME
    rate = 2 ** np.interp(at, frames, pitch)  # periods per sample
    turns = np.cumsum(rate)
    pulses = np.diff(np.floor(turns), prepend=0) / np.sqrt(rate)
    share = np.interp(at, frames, medfilt(voiced.astype(float), 5))
    noise = rng.standard_normal(len(x), dtype=np.float32)
    return under_envelope(x, (share * pulses + (1 - share) * noise).astype(np.float32), quefrency, 50)


def telephone(low: float = 300.0, high: float = 3400.0) -> np.ndarray:
    """Second-order sections [k, 6] that leave `low`..`high` Hz."""
    return butter(6, [low, high], "bandpass", fs=RATE, output="sos").astype(np.float32)


def telephoned(x: np.ndarray) -> np.ndarray:
    """x as a telephone lets it through; float32."""
    return sosfilt(telephone().astype(np.float64), x).astype(np.float32)


def slam(rng: np.random.Generator, decay: float, samples: int) -> np.ndarray:
    """A full-scale burst that falls by 8.7 dB in `decay` s: a door, a table; float32 [samples]."""
    noise = sosfilt([[1, 0, 0, 1, -0.95, 0]], rng.standard_normal(samples))
    return np.clip(0.6 * noise * np.exp(-np.arange(samples) / (decay * RATE)), -1, 1).astype(np.float32)
