"""Float64 numpy model of the signal path, one function per stage, against which the C++ core is tested.

Written from the published method (Valin et al., "A Perceptually-Motivated Approach for Low-Complexity, Real-Time
Enhancement of Fullband Speech", Interspeech 2020) and the decisions in docs/algorithm.md, in the plainest form there
is: matrix products instead of loops over band edges, numpy's FFT, numpy's log10. Signals given to and returned by
`chain` have full scale 1; every other function works at the internal full scale of 32768. The pitch track is an input:
the model judges it (`normalised_correlation`) but does not search for one. rate: of the signal, 48000 or a lower one,
whose spectra end at its Nyquist frequency and are filled up with zeros to 481 bins.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.signal import lfilter

Array = NDArray[np.float64]
Spectra = NDArray[np.complex128]

RATE = 48000
HOP = 480
WINDOW = 960
BINS = 481
USED_BINS = 400
LOW_BINS, LOW_BANDS = 98, 22
BANDS = 34
COMB_PERIODS = 5
MIN_PERIOD, MAX_PERIOD = 60, 768
FULL_SCALE = 32768.0
POSTFILTER_BETA = 0.02
MAX_BAND_SCALE = 6.0
MIN_BAND_AMPLITUDE = 1e-9
RATIO_FLOOR = 1e-3  # added to the denominator of the coherence: near-silence has none


# ---- input and time-frequency plane ---------------------------------------------------------------------------------


def high_pass(x: ArrayLike, rate: int = RATE) -> Array:
    """Input high-pass, b = (1, -1), a = (1, -(1 - 2^-11 * 48000 / rate)), zero initial state. x: [n] -> [n]."""
    return np.asarray(lfilter([1.0, -1.0], [1.0, -(1 - 2.0**-11 * RATE / rate)], np.asarray(x, np.float64)))


def high_pass_response(hertz: float) -> complex:
    """Transfer function of `high_pass` at a frequency in Hz."""
    z = np.exp(-2j * np.pi * hertz / RATE)
    return complex((1 - z) / (1 - (1 - 2.0**-11) * z))


def window(rate: int = RATE) -> Array:
    """Vorbis power-complementary window at the instants that a rate's samples have at 48 kHz, [rate / 50]."""
    n = np.arange(rate // 50) * RATE / rate
    return np.sin(np.pi / 2 * np.sin(np.pi * (n + 0.5) / WINDOW) ** 2)


def frame_samples(x: ArrayLike, start: int, length: int) -> Array:
    """x[start : start + length] with zeros outside the signal."""
    x = np.asarray(x, np.float64)
    out = np.zeros(length)
    low, high = max(start, 0), min(start + length, len(x))
    if low < high:
        out[low - start : high - start] = x[low:high]
    return out


def stft_frame(samples: ArrayLike, rate: int = RATE) -> Spectra:
    """One analysis frame: FFT(window * samples) / window length, [rate / 50] -> [481]."""
    spectrum = np.fft.rfft(window(rate) * np.asarray(samples, np.float64)) / (rate // 50)
    return np.concatenate([spectrum, np.zeros(BINS - len(spectrum))])


def stft(x: ArrayLike, rate: int = RATE) -> Spectra:
    """All frames l = 0 .. n // hop - 1, frame l over samples [hop (l - 1), hop (l + 1)). Returns [frames, 481]."""
    hop = rate // 100
    frames = len(np.asarray(x)) // hop
    samples = (frame_samples(x, hop * (t - 1), 2 * hop) for t in range(frames))
    return np.array([stft_frame(frame, rate) for frame in samples]).reshape(frames, BINS)


def istft(spectra: ArrayLike, rate: int = RATE) -> Array:
    """Overlap-add of windowed, unscaled inverse transforms. [frames, 481] -> [hop * frames].

    Block l of the result holds the samples that frame l finishes: source samples [hop (l - 1), hop l)."""
    spectra, hop = np.asarray(spectra)[:, : rate // 100 + 1], rate // 100
    out = np.zeros(hop * (len(spectra) + 1))
    for t, spectrum in enumerate(spectra):
        out[hop * t : hop * t + 2 * hop] += window(rate) * np.fft.irfft(spectrum, 2 * hop) * 2 * hop
    return out[: hop * len(spectra)]


INTERPOLATOR_HALF = 8  # samples of the lower rate on each side
INTERPOLATOR_BETA = 5.0


def lag(rate: int) -> int:
    """By how many samples at 48 kHz `interpolate` is late."""
    return 0 if rate == RATE else INTERPOLATOR_HALF * RATE // rate


def interpolate(x: ArrayLike, rate: int) -> Array:
    """x at a lower rate [n] -> at 48 kHz [48000 / rate * n], `lag` samples late: windowed sincs (Kaiser) of 16 samples,
    of unit gain at 0 for every place between two samples."""
    x = np.concatenate([np.zeros(2 * INTERPOLATOR_HALF), np.asarray(x, np.float64)])
    count = (len(x) - 2 * INTERPOLATOR_HALF) * RATE // rate
    up = np.arange(count) * rate
    first, fraction = up // RATE + 1, up % RATE / RATE  # of the taps; between two samples
    t = fraction[:, None] - np.arange(1 - INTERPOLATOR_HALF, INTERPOLATOR_HALF + 1)
    kaiser = np.i0(INTERPOLATOR_BETA * np.sqrt(np.maximum(1 - (t / INTERPOLATOR_HALF) ** 2, 0)))
    taps = np.sinc(t) * kaiser
    taps /= taps.sum(axis=1, keepdims=True)
    return np.sum(taps * x[first[:, None] + np.arange(2 * INTERPOLATOR_HALF)], axis=1)


# ---- bands ----------------------------------------------------------------------------------------------------------


def band_centre() -> NDArray[np.int64]:
    """Peaks of the 34 triangles in bins of 50 Hz, from the ERB recurrence downwards from 20 kHz, [34]."""
    points, c = [400], 400
    while c > 0:
        c = max(0, c - max(2, round(24.7 * (4.37 * c / 20 + 1) / 50)))
        points.append(c)
    points = sorted(points)
    # 35 points; 700 and 800 Hz give way to one at 750 Hz.
    points[points.index(14) : points.index(16) + 1] = [15]
    return np.array(points)


def band_weights() -> Array:
    """Triangle weights, [34, 481]; columns sum to one below bin 400 and to zero from there on."""
    centre = band_centre()
    weights = np.zeros((BANDS, BINS))
    for b in range(BANDS - 1):
        low, high = centre[b], centre[b + 1]
        fraction = (np.arange(low, high) - low) / (high - low)
        weights[b, low:high] += 1 - fraction
        weights[b + 1, low:high] += fraction
    return weights


def band_product(a: ArrayLike, b: ArrayLike) -> Array:
    """sum_k w_b[k] Re(conj(A[k]) B[k]), [..., 481] x [..., 481] -> [..., 34]."""
    return np.real(np.conj(np.asarray(a)) * np.asarray(b)) @ band_weights().T


def band_energy(x: ArrayLike) -> Array:
    """sum_k w_b[k] |X[k]|^2, [..., 481] -> [..., 34]."""
    return np.abs(np.asarray(x)) ** 2 @ band_weights().T


def band_interpolate(bands: ArrayLike) -> Array:
    """Values at band centres spread over bins by the same triangles, [..., 34] -> [..., 481]; 0 from bin 400 up."""
    return np.asarray(bands, np.float64) @ band_weights()


# ---- pitch ----------------------------------------------------------------------------------------------------------


def normalised_correlation(x: ArrayLike, frame: int, period: int) -> float:
    """2 <y, y_T> / (|y|^2 + |y_T|^2) of frame l and the same 960 samples one period earlier; 0 for silence."""
    y = frame_samples(x, HOP * (frame - 1), WINDOW)
    delayed = frame_samples(x, HOP * (frame - 1) - period, WINDOW)
    energy = y @ y + delayed @ delayed
    return float(2 * (y @ delayed) / energy) if energy > 0 else 0.0


def future_periods(period: int, lookahead_samples: int) -> int:
    """K+: whole periods of future that the look-ahead holds, at most 5."""
    return min(COMB_PERIODS, max(lookahead_samples, 0) // period)


def comb_weights(future: int) -> Array:
    """Hann taps k = -5..future, renormalised to sum one, [6 + future]."""
    k = np.arange(-COMB_PERIODS, future + 1)
    taps = 0.5 + 0.5 * np.cos(np.pi * k / (COMB_PERIODS + 1))
    return taps / taps.sum()


def noise_power(future: int) -> float:
    """sigma_w^2: power that white noise keeps through the comb."""
    return float(np.sum(comb_weights(future) ** 2))


def comb_filter(x: ArrayLike, start: int, period: int, lookahead_samples: int) -> Array:
    """Comb output for 960 samples from `start`, zeros outside x, [960]."""
    future = future_periods(period, lookahead_samples)
    out = np.zeros(WINDOW)
    for k, weight in zip(range(-COMB_PERIODS, future + 1), comb_weights(future), strict=True):
        out += weight * frame_samples(x, start + k * period, WINDOW)
    return out


def comb_spectra(x: ArrayLike, periods: ArrayLike, lookahead: int, rate: int = RATE) -> Spectra:
    """Spectra of the comb output; row t concerns frame l = t - lookahead with period periods[t]. [T] -> [T, 481].

    A lower rate is brought up to 48 kHz before, whose delay shortens what the comb knows of the future. No frame knows
    what has not come yet."""
    late = lag(rate)
    x = np.asarray(x) if rate == RATE else interpolate(x, rate)

    def row(t: int, period: int) -> Spectra:
        start = HOP * (t - lookahead - 1) + late
        return stft_frame(comb_filter(x[: HOP * (t + 1)], start, period, HOP * lookahead - late))

    spectra = np.array([row(t, int(period)) for t, period in enumerate(np.asarray(periods))]).reshape(-1, BINS)
    spectra[:, rate // 100 + 1 :] = 0
    return spectra


def coherence(comb: ArrayLike, noisy: ArrayLike) -> Array:
    """<P,Y>_b / (||P||_b ||Y||_b) clipped to 0..1, 0 in silence. [..., 481] x 2 -> [..., 34]."""
    norm = np.sqrt(band_energy(comb) * band_energy(noisy))
    return np.clip(band_product(comb, noisy) / (RATIO_FLOOR + norm), 0.0, 1.0)


# ---- features -------------------------------------------------------------------------------------------------------


def band_features(energy: ArrayLike) -> Array:
    """Features 0-33 of one frame from its band energies: doubled end bands, log10, follower floor, affine. [34]."""
    energy = np.array(energy, np.float64)
    energy[[0, -1]] *= 2
    levels = np.log10(1e-2 + energy)
    log_max = follow = -2.0
    for b in range(BANDS):
        levels[b] = max(levels[b], log_max - 7, follow - 1.5)
        log_max = max(log_max, levels[b])
        follow = max(follow - 1.5, levels[b])
    return 0.3 * (levels - 3)


def delay_rows(rows: NDArray, steps: int) -> NDArray:
    """Row t of the result is row t - steps of the argument, zeros (silence) before."""
    return np.concatenate([np.zeros((steps, *rows.shape[1:]), rows.dtype), rows])[: len(rows)]


def features(x: ArrayLike, periods: ArrayLike, correlations: ArrayLike, lookahead: int, rate: int = RATE) -> Array:
    """The 70 network inputs per step, [T, 70]. x: high-passed signal at full scale 32768; periods and correlations: [T]
    as the tracker gave them. Row t: bands of frame t, coherence and period of frame t - lookahead, correlation of t."""
    spectra = stft(x, rate)
    steps = len(spectra)
    noisy = delay_rows(spectra, lookahead)
    comb = comb_spectra(x, np.asarray(periods)[:steps], lookahead, rate)
    out = np.empty((steps, 2 * BANDS + 2))
    out[:, :BANDS] = [band_features(e) for e in band_energy(spectra)]
    out[:, BANDS : 2 * BANDS] = 2 * (coherence(comb, noisy) - 0.6)
    out[:, -2] = (np.asarray(periods, np.float64) - 300) / 100
    out[:, -1] = 2 * (np.asarray(correlations, np.float64) - 0.5)
    return out


def fine_inputs(x: ArrayLike, rate: int = RATE) -> Array:
    """Of the low bins of each frame: level, then cosine and sine of the turn since the frame before, less that of a
    tone in the bin's middle. [T, 294]."""
    newest = stft(x, rate)[:, :LOW_BINS]
    before = delay_rows(newest, 1)
    turn = newest * before.conj() * (-1.0) ** np.arange(LOW_BINS)
    size = np.abs(newest) * np.abs(before) + 1e-2
    return np.concatenate([0.3 * (np.log10(1e-2 + np.abs(newest) ** 2) - 3), turn.real / size, turn.imag / size], 1)


# ---- gains and synthesis --------------------------------------------------------------------------------------------


def postfilter_gain(energy_ratio: ArrayLike) -> Array:
    """G as a function of E0 / E1."""
    ratio = np.asarray(energy_ratio, np.float64)
    return np.sqrt((1 + POSTFILTER_BETA) * ratio / (1 + POSTFILTER_BETA * ratio**2))


def postfilter(gains: ArrayLike, amplitude: ArrayLike, amount: float = 1.0) -> Array:
    """Envelope post-filter over the last axis, [..., 34]; amount blends linearly from plain gains to filtered."""
    gains, amplitude = np.asarray(gains, np.float64), np.asarray(amplitude, np.float64)
    warped = gains * np.sin(np.pi / 2 * gains)
    before = np.sum((gains * amplitude) ** 2, axis=-1, keepdims=True)
    after = np.sum((warped * amplitude) ** 2, axis=-1, keepdims=True)
    ratio = np.divide(before, after, out=np.ones_like(before), where=after > 0)
    return gains + amount * (postfilter_gain(ratio) * warped - gains)


def mix(noisy: ArrayLike, comb: ArrayLike, strengths: ArrayLike) -> Spectra:
    """(1 - r) Y + r P per bin with r interpolated from bands. [..., 481] x 2, [..., 34] -> [..., 481]."""
    r = band_interpolate(strengths)
    return (1 - r) * np.asarray(noisy) + r * np.asarray(comb)


def scale_bands(mixed: ArrayLike, target: ArrayLike) -> Spectra:
    """Scales each band of the mix to the target amplitude, by at most 6. [..., 481], [..., 34] -> [..., 481]."""
    amplitude = np.maximum(np.sqrt(band_energy(mixed)), MIN_BAND_AMPLITUDE)
    scale = np.minimum(np.asarray(target, np.float64) / amplitude, MAX_BAND_SCALE)
    return band_interpolate(scale) * np.asarray(mixed)


def chain(
    noisy: ArrayLike,
    gains: ArrayLike,
    strengths: ArrayLike,
    periods: ArrayLike,
    lookahead: int,
    amount: float = 0.0,
    taps: ArrayLike | None = None,
    rate: int = RATE,
) -> Array:
    """The whole signal path. noisy: [n] at full scale 1; gains, strengths: [T, 34], periods: [T], taps: None or [T, 98,
    N, 2], row t for frame l = t - lookahead. Returns [hop * T] at full scale 1, hop * (lookahead + 1) samples late."""
    gains = np.asarray(gains, np.float64)
    x = high_pass(np.asarray(noisy, np.float64) * FULL_SCALE, rate)[: rate // 100 * len(gains)]
    spectra = delay_rows(stft(x, rate), lookahead)
    amplitude = np.sqrt(band_energy(spectra))
    target = postfilter(gains, amplitude, amount if taps is None else 0.0) * amplitude
    mixed = mix(spectra, comb_spectra(x, periods, lookahead, rate), strengths)
    enhanced = scale_bands(mixed, target)
    if taps is not None:
        taps = np.asarray(taps, np.float64)
        filters, count = taps[..., 0] + 1j * taps[..., 1], taps.shape[2]
        newest = stft(x, rate)
        for n in range(count):  # its frame is n - count // 2 later than l
            enhanced[:, :LOW_BINS] += filters[:, :, n] * delay_rows(newest, lookahead - n + count // 2)[:, :LOW_BINS]
        if amount > 0:
            heard = np.minimum(np.sqrt(band_energy(enhanced)) / np.maximum(amplitude, MIN_BAND_AMPLITUDE), 1)
            heard = np.where(np.arange(BANDS) < LOW_BANDS, heard, gains)
            rest = postfilter(heard, amplitude, amount) / np.maximum(heard, MIN_BAND_AMPLITUDE)
            enhanced = enhanced * band_interpolate(np.minimum(rest, MAX_BAND_SCALE))
    return istft(enhanced, rate) / FULL_SCALE


# ---- targets --------------------------------------------------------------------------------------------------------


def comb_coherence(q_noisy: ArrayLike, sigma2: float) -> Array:
    """Expected coherence of the comb output with the periodic part, from that of its input and sigma_w^2."""
    q_noisy = np.asarray(q_noisy, np.float64)
    return q_noisy / np.sqrt((1 - sigma2) * q_noisy**2 + sigma2)


def mix_coherence(
    r: ArrayLike, xx: ArrayLike, yy: ArrayLike, pp: ArrayLike, xy: ArrayLike, xp: ArrayLike, yp: ArrayLike
) -> Array:
    """Coherence of (1 - r) Y + r P with X from the six band statistics."""
    r = np.asarray(r, np.float64)
    product = (1 - r) * xy + r * np.asarray(xp)
    energy = (1 - r) ** 2 * yy + 2 * r * (1 - r) * yp + r**2 * np.asarray(pp)
    return product / np.sqrt(np.asarray(xx) * energy)


def best_strength_on_grid(
    xx: float, yy: float, pp: float, xy: float, xp: float, yp: float, points: int = 2001
) -> tuple[float, float]:
    """Strength that maximises `mix_coherence` on an even grid over 0..1, and the coherence it reaches."""
    r = np.linspace(0.0, 1.0, points)
    q = mix_coherence(r, xx, yy, pp, xy, xp, yp)
    return float(r[np.argmax(q)]), float(np.max(q))


# ---- test signals ---------------------------------------------------------------------------------------------------


def harmonic_amplitudes(shape: str, fundamental: float) -> Array:
    """Amplitudes of harmonics 1.. below 20 kHz. "pulse": flat; "saw": 1/k; "vowel": three resonances over 1/k;
    "telephone": flat within 300..3400 Hz, so that a low fundamental is missing."""
    k = np.arange(1, int(20000 / fundamental) + 1)
    hertz = k * fundamental
    if shape == "pulse":
        return np.ones(len(k))
    if shape == "saw":
        return 1.0 / k
    if shape == "telephone":
        return ((hertz >= 300) & (hertz <= 3400)).astype(np.float64)
    if shape == "vowel":
        resonances = sum(1 / (1 + ((hertz - f) / w) ** 2) for f, w in ((600, 80), (1200, 110), (2600, 170)))
        return (resonances + 0.02) / k
    raise ValueError(f"shape {shape!r}: use pulse, saw, vowel or telephone")


def harmonic_signal(fundamental: ArrayLike, shape: str = "pulse", seed: int | None = None) -> Array:
    """Periodic signal whose fundamental in Hz is given per sample, [n] -> [n], peak 0.5. Harmonics start in phase
    (a pulse train), or at random phases when a seed is given."""
    fundamental = np.asarray(fundamental, np.float64)
    turn = np.exp(2j * np.pi * np.cumsum(fundamental) / RATE)
    amplitudes = harmonic_amplitudes(shape, float(fundamental.max()))
    phases = np.zeros(len(amplitudes)) if seed is None else np.random.default_rng(seed).uniform(0, 1, len(amplitudes))
    out, power = np.zeros(len(turn)), np.ones(len(turn), np.complex128)
    for amplitude, phase in zip(amplitudes, phases, strict=True):
        power = power * turn
        if amplitude:
            out += amplitude * np.real(power * np.exp(2j * np.pi * phase))
    return 0.5 * out / np.max(np.abs(out))


def add_white_noise(x: ArrayLike, snr_db: float, seed: int) -> Array:
    """x plus white Gaussian noise at the given signal to noise ratio."""
    x = np.asarray(x, np.float64)
    noise = np.random.default_rng(seed).standard_normal(len(x))
    return x + noise * np.sqrt(np.mean(x**2) / np.mean(noise**2)) * 10 ** (-snr_db / 20)
