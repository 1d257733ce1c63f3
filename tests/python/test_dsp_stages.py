"""Each stage of the C++ signal path alone, against the float64 model of golden.py and the method's published numbers.

Tolerances are relative to the largest value of the result unless said otherwise. 2e-6 is what float32 leaves after the
960-point transform or a sum of a hundred products (rounding 6e-8, growth with the logarithm or the root of the length).
"""

from __future__ import annotations

import golden
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from linnet import _core

FLOAT_ERROR = 2e-6

few = settings(max_examples=25, deadline=None, derandomize=True)


def random_signal(seed: int, n: int, scale: float = 1000.0) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(n) * scale).astype(np.float32)


def random_spectrum(seed: int, scale: float = 1000.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (scale * (rng.standard_normal(481) + 1j * rng.standard_normal(481))).astype(np.complex64)


def assert_close(actual: np.ndarray, expected: np.ndarray, tolerance: float = FLOAT_ERROR) -> None:
    assert np.shape(actual) == np.shape(expected)
    assert_allclose(actual, expected, rtol=0, atol=tolerance * np.max(np.abs(expected)))


# ---- transform ------------------------------------------------------------------------------------------------------


@few
@given(seed=st.integers(0, 2**32 - 1), exponent=st.integers(-8, 8))
def test_fft_of_random_signals_equals_numpy(seed: int, exponent: int) -> None:
    x = random_signal(seed, 960, 2.0**exponent)
    assert_close(_core.fft(x), np.fft.rfft(x.astype(np.float64)))


@pytest.mark.parametrize("position", [0, 1, 2, 7, 59, 239, 240, 479, 480, 481, 958, 959])
def test_fft_of_an_impulse_is_flat_with_linear_phase(position: int) -> None:
    x = np.zeros(960, np.float32)
    x[position] = 1.0
    assert_close(_core.fft(x), np.exp(-2j * np.pi * np.arange(481) * position / 960))


def test_fft_puts_a_cosine_and_a_sine_of_every_bin_into_that_bin() -> None:
    n = np.arange(960)
    for k in range(481):
        expected = np.zeros(481, np.complex128)
        expected[k] = 960 if k in (0, 480) else 480
        assert_close(_core.fft(np.cos(2 * np.pi * k * n / 960).astype(np.float32)), expected)
        if 0 < k < 480:
            assert_close(_core.fft(np.sin(2 * np.pi * k * n / 960).astype(np.float32)), -1j * expected)


@few
@given(seed=st.integers(0, 2**32 - 1))
def test_inverse_fft_of_random_spectra_is_960_times_numpys(seed: int) -> None:
    spectrum = random_spectrum(seed)
    reference = spectrum.astype(np.complex128)
    reference[[0, 480]] = reference[[0, 480]].real
    assert_close(_core.ifft(spectrum), 960 * np.fft.irfft(reference, 960))


def test_inverse_fft_of_every_single_bin_is_its_cosine() -> None:
    n = np.arange(960)
    for k in range(481):
        spectrum = np.zeros(481, np.complex64)
        spectrum[k] = 1.0
        assert_close(_core.ifft(spectrum), (1 if k in (0, 480) else 2) * np.cos(2 * np.pi * k * n / 960))


def test_inverse_fft_ignores_imaginary_parts_of_the_real_bins() -> None:
    spectrum = random_spectrum(1)
    without = spectrum.copy()
    without[[0, 480]] = without[[0, 480]].real
    assert_array_equal(_core.ifft(spectrum), _core.ifft(without))


@few
@given(seed=st.integers(0, 2**32 - 1))
def test_fft_and_inverse_return_960_times_the_signal(seed: int) -> None:
    x = random_signal(seed, 960)
    assert_close(_core.ifft(_core.fft(x)), 960.0 * x)


# ---- window and reconstruction --------------------------------------------------------------------------------------


def test_window_has_its_published_values() -> None:
    w = _core.window()
    assert w.shape == (960,)
    published = {0: 4.20549e-06, 1: 3.78492e-05, 10: 1.85389e-03, 120: 0.229786376, 240: 0.708921853, 479: 1.0}
    for n, value in published.items():
        assert w[n] == pytest.approx(value, rel=2e-6), n
    assert_allclose(w, golden.window(), rtol=1e-7)
    assert_array_equal(w, w[::-1])


def test_window_is_power_complementary() -> None:
    w = _core.window().astype(np.float64)
    assert_allclose(w[:480] ** 2 + w[480:] ** 2, 1.0, atol=2e-7)


def test_windowed_transforms_overlap_to_the_signal() -> None:
    x = random_signal(5, 480 * 12)
    w = _core.window()
    out = np.zeros(len(x) + 480)
    for start in range(0, len(x) - 480, 480):
        spectrum = _core.fft(w * x[start : start + 960]) / np.float32(960)
        out[start : start + 960] += w * _core.ifft(spectrum)
    assert_close(out[480 : len(x) - 480], x[480:-480].astype(np.float64))


# ---- high-pass ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hertz", "decibels", "tolerance"),
    [(4.0, -2.72, 0.05), (20.0, -0.15, 0.05), (50.0, 0.0, 0.05), (1000.0, 0.0, 0.05), (10000.0, 0.0, 0.05)],
)
def test_high_pass_gain_on_tones(hertz: float, decibels: float, tolerance: float) -> None:
    n = np.arange(2 * 48000)
    out = _core.high_pass((1000 * np.sin(2 * np.pi * hertz * n / 48000)).astype(np.float32)).astype(np.float64)
    carrier = np.exp(-2j * np.pi * hertz * n[48000:] / 48000)
    gain = abs(np.mean(out[48000:] * carrier)) * 2 / 1000
    assert 20 * np.log10(gain) == pytest.approx(decibels, abs=tolerance)
    assert gain == pytest.approx(abs(golden.high_pass_response(hertz)), rel=1e-4)


def test_high_pass_removes_a_constant_and_ends_in_true_zeros() -> None:
    out = _core.high_pass(np.concatenate([np.full(48000, 8192, np.float32), np.zeros(4 * 48000, np.float32)]))
    assert out[0] == 8192
    assert np.max(np.abs(out[36000:48000])) < 8192 * 1e-6
    assert not np.any(out[-48000:])


def test_high_pass_equals_the_model() -> None:
    x = random_signal(2, 480 * 40)
    assert_close(_core.high_pass(x), golden.high_pass(x), 1e-6)


# ---- bands ----------------------------------------------------------------------------------------------------------


def test_band_centres_come_from_the_erb_recurrence() -> None:
    assert_array_equal(_core.band_centre(), golden.band_centre())
    assert_array_equal(np.diff(_core.band_centre())[[0, 6, 14, 32]], [2, 3, 6, 44])


def test_bands_sum_to_one_below_20_khz_and_to_zero_above() -> None:
    ones = _core.band_interpolate(np.ones(34, np.float32))
    assert_allclose(ones[:400], 1.0, atol=1.2e-7)
    assert not np.any(ones[400:])
    for k in range(481):
        spectrum = np.zeros(481, np.complex64)
        spectrum[k] = 3 + 4j
        assert np.sum(_core.band_energy(spectrum)) == pytest.approx(25.0 if k < 400 else 0.0, rel=3e-7)


def test_effective_band_widths() -> None:
    published = [1.5, 2, 2, 2, 2, 2, 2.5, 3, 3, 3, 3.5, 4, 4, 4.5, 5.5, 6, 6.5, 7.5, 8.5, 9.5, 10.5, 11.5, 13, 15, 16.5]
    published += [18, 20.5, 23.5, 26.5, 29.5, 33, 37, 41.5, 21.5]
    assert_allclose(_core.band_energy(np.ones(481, np.complex64)), published, rtol=1e-6)


@few
@given(seed=st.integers(0, 2**32 - 1))
def test_band_energies_and_interpolation_equal_the_model(seed: int) -> None:
    spectrum = random_spectrum(seed)
    assert_allclose(_core.band_energy(spectrum), golden.band_energy(spectrum.astype(np.complex128)), rtol=FLOAT_ERROR)
    bands = np.random.default_rng(seed).uniform(0, 1, 34).astype(np.float32)
    assert_close(_core.band_interpolate(bands), golden.band_interpolate(bands), 2e-7)


def test_interpolation_hits_the_band_values_at_their_centres() -> None:
    bands = np.random.default_rng(3).uniform(0, 1, 34).astype(np.float32)
    assert_array_equal(_core.band_interpolate(bands)[_core.band_centre()[:-1]], bands[:-1])


# ---- comb -----------------------------------------------------------------------------------------------------------

# Future periods, look-ahead samples, largest period that still fits as often, sigma_w^2 and centre tap.
COMB_TABLE = [
    (5, 1440, 288, 0.125000, 0.166667),
    (4, 1440, 360, 0.127711, 0.168548),
    (3, 1440, 480, 0.137259, 0.175963),
    (2, 1440, 720, 0.155713, 0.192938),
    (1, 1440, 768, 0.184235, 0.225580),
    (5, 960, 192, 0.125000, 0.166667),
    (4, 960, 240, 0.127711, 0.168548),
    (3, 960, 320, 0.137259, 0.175963),
    (2, 960, 480, 0.155713, 0.192938),
    (1, 960, 768, 0.184235, 0.225580),
    (0, 0, 768, 0.224490, 0.285714),
]


def comb_taps(period: int, lookahead: int) -> dict[int, float]:
    """Taps {k: weight} that are not zero, read off the responses to impulses k periods away from the frame's start."""
    start = 5 * 768
    taps = {}
    for k in range(-5, 6):
        if start + k * period + 1 > start + 960 + lookahead:
            continue
        x = np.zeros(start + 960 + lookahead, np.float32)
        x[start + k * period] = 1.0
        out = _core.comb(x, start, period, lookahead)
        if out[0]:
            taps[k] = float(out[0])
    return taps


@pytest.mark.parametrize(("future", "lookahead", "period", "sigma2", "centre"), COMB_TABLE)
def test_comb_taps_and_their_noise_power(
    future: int, lookahead: int, period: int, sigma2: float, centre: float
) -> None:
    taps = comb_taps(period, lookahead)
    assert sorted(taps) == list(range(-5, future + 1))
    assert sum(taps.values()) == pytest.approx(1.0, abs=2e-7)
    assert taps[0] == pytest.approx(centre, abs=6e-7)
    assert sum(w * w for w in taps.values()) == pytest.approx(sigma2, abs=6e-7)
    if period < 768:
        shorter_future = future - 1
        assert max(comb_taps(period + 1, lookahead)) == shorter_future


def test_comb_taps_of_the_whole_comb_have_their_published_values() -> None:
    taps = comb_taps(100, 1440)
    for k, weight in enumerate([0.166667, 0.155502, 0.125, 0.083333, 0.041667, 0.011165]):
        assert taps[k] == pytest.approx(weight, abs=6e-7)
        assert taps[-k] == taps[k]


@pytest.mark.parametrize(("future", "lookahead", "period", "sigma2", "centre"), COMB_TABLE)
def test_comb_lowers_white_noise_by_sigma_squared(
    future: int, lookahead: int, period: int, sigma2: float, centre: float
) -> None:
    x = random_signal(period, 5 * 768 + 100 * 960 + 1440)
    powers = [
        np.mean(np.square(_core.comb(x, 5 * 768 + 960 * i, period, lookahead), dtype=np.float64)) for i in range(100)
    ]
    # 96,000 samples in periods that share taps: the estimate's own spread is about 1 %.
    assert np.mean(powers) / np.mean(np.square(x, dtype=np.float64)) == pytest.approx(sigma2, rel=0.04)


@few
@given(period=st.integers(60, 768), lookahead=st.integers(0, 3), seed=st.integers(0, 1000))
def test_comb_of_a_periodic_signal_with_that_period_is_the_signal(period: int, lookahead: int, seed: int) -> None:
    start = 5 * period
    cycle = np.random.default_rng(seed).uniform(-1000, 1000, period)
    n = start + 960 + 480 * lookahead
    x = np.tile(cycle, n // period + 1)[:n].astype(np.float32)
    assert_close(_core.comb(x, start, period, 480 * lookahead), x[start : start + 960].astype(np.float64), 5e-7)


@few
@given(period=st.integers(60, 768), lookahead=st.integers(0, 3), seed=st.integers(0, 1000))
def test_comb_equals_the_model(period: int, lookahead: int, seed: int) -> None:
    start = 5 * 768
    x = random_signal(seed, start + 960 + 480 * lookahead)
    expected = golden.comb_filter(x, start, period, 480 * lookahead)
    assert_close(_core.comb(x, start, period, 480 * lookahead), expected, 5e-7)


def test_white_noise_is_coherent_with_its_own_comb_by_the_centre_tap() -> None:
    x = random_signal(11, 5 * 768 + 300 * 960 + 1440)
    w = _core.window() / np.float32(960)
    product, comb_energy, noise_energy = np.zeros(34), np.zeros(34), np.zeros(34)
    for i in range(300):
        start = 5 * 768 + 960 * i
        noisy, comb = _core.fft(w * x[start : start + 960]), _core.fft(w * _core.comb(x, start, 240, 1440))
        product += golden.band_product(comb, noisy)
        comb_energy += _core.band_energy(comb)
        noise_energy += _core.band_energy(noisy)
    # 0.471 = w_0 / sigma_w, the mean over bands: neither 0 nor the 0.577 of a comb of three periods.
    assert np.mean(product / np.sqrt(comb_energy * noise_energy)) == pytest.approx(0.471, abs=0.02)


# ---- kernels' activations -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", _core.backends())
def test_activations_stay_near_the_true_functions_and_saturate(backend: str) -> None:
    x = np.concatenate([np.linspace(-12, 12, 4001), [-1e4, 1e4, 0.0]]).astype(np.float32)
    sigmoid, tanh = _core.sigmoid(x, backend), _core.tanh(x, backend)
    # A minimax fit good to 1.54e-6; the step of the int8 activations that follow is 1/127.
    assert_allclose(sigmoid, 0.5 + 0.5 * np.tanh(x.astype(np.float64) / 2), atol=2e-6)
    assert_allclose(tanh, np.tanh(x.astype(np.float64)), atol=2e-6)
    assert sigmoid.min() >= 0 and sigmoid.max() <= 1 and np.abs(tanh).max() <= 1
    assert tanh[-1] == 0 and sigmoid[-1] == 0.5


@pytest.mark.parametrize("backend", _core.backends())
def test_quantize_rounds_to_nearest_and_ties_to_even(backend: str) -> None:
    x = np.concatenate([np.linspace(-1, 1, 999), np.arange(-127, 127) / 127.0 + 0.5 / 127]).astype(np.float32)
    assert_array_equal(_core.quantize(x, backend), np.rint(np.float32(127) * x).astype(np.int8))


@pytest.mark.parametrize("backend", _core.backends())
def test_activations_have_the_same_bits_on_every_backend(backend: str) -> None:
    x = random_signal(4, 1003, 3.0)
    assert_array_equal(_core.sigmoid(x, backend).view(np.int32), _core.sigmoid(x, "scalar").view(np.int32))
    assert_array_equal(_core.tanh(x, backend).view(np.int32), _core.tanh(x, "scalar").view(np.int32))
