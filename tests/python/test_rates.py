"""Streams at 8, 16, 24 and 32 kHz: each stage against golden.py, the whole against the signal brought up to 48 kHz.

The tolerances of features are what a resampler's transition band leaves of two ways to the same bands: none is asked
for in the bands around the Nyquist frequency.
"""

from __future__ import annotations

import golden
import numpy as np
import pytest
import soundfile
import soxr
from conftest import ROOT
from numpy.testing import assert_allclose

import linnet
from linnet import _core

LOWER = (8000, 16000, 24000, 32000)
MODEL = (ROOT / "sdk/models/tiny.linnet").read_bytes()


def demo(name: str, rate: int, seconds: float = 4.0) -> np.ndarray:
    """The bundled recording at a rate, [n]."""
    x, own = soundfile.read(ROOT / f"sdk/examples/demo_{name}.flac", dtype="float32")
    return soxr.resample(x[: int(seconds * own)], own, rate, "VHQ").astype(np.float32)


def stream(rate: int, **config: bool) -> _core.Stream:
    return _core.Stream(_core.Model(MODEL), sample_rate=rate, **config)


def test_the_rates() -> None:
    assert list(_core.RATES) == [*LOWER, 48000]


@pytest.mark.parametrize("rate", LOWER)
def test_transforms_equal_numpy(rate: int) -> None:
    rng = np.random.default_rng(rate)
    x = rng.standard_normal(rate // 50).astype(np.float32)
    bins = _core.fft(x, rate)
    assert_allclose(bins, np.fft.rfft(x.astype(np.float64)), rtol=0, atol=2e-6 * np.abs(bins).max())
    assert_allclose(_core.ifft(bins, rate) / len(x), x, rtol=0, atol=2e-6 * np.abs(x).max())


@pytest.mark.parametrize("rate", _core.RATES)
def test_window_and_high_pass_equal_the_model(rate: int) -> None:
    window = _core.window(rate)
    assert_allclose(window, golden.window(rate), rtol=0, atol=1e-7)
    assert_allclose(window[: rate // 100] ** 2 + window[rate // 100 :] ** 2, 1, rtol=0, atol=3e-7)
    x = (1000 * np.random.default_rng(1).standard_normal(rate)).astype(np.float32)
    assert_allclose(_core.high_pass(x, rate), golden.high_pass(x, rate), rtol=0, atol=1e-3)


@pytest.mark.parametrize("rate", LOWER)
def test_interpolation_equals_the_model_and_keeps_a_tone(rate: int) -> None:
    hertz, n = 0.15 * rate, np.arange(rate)
    x = (1000 * np.sin(2 * np.pi * hertz * n / rate)).astype(np.float32)
    for backend in _core.backends():
        out = _core.interpolate(x, rate, backend)
        assert_allclose(out, golden.interpolate(x, rate), rtol=0, atol=2e-3)
    instants = (np.arange(48000) - golden.lag(rate)) / 48000
    assert_allclose(out[1000:], 1000 * np.sin(2 * np.pi * hertz * instants)[1000:], rtol=0, atol=4)


@pytest.mark.parametrize("lookahead", [0, 2])
@pytest.mark.parametrize("rate", LOWER)
def test_features_and_synthesis_equal_the_model(rate: int, lookahead: int) -> None:
    noisy = demo("noisy", rate, 1.5)
    found = _core.analyze(noisy, lookahead=lookahead, fine=True, rate=rate)
    steps = len(found["features"])
    noisy = noisy[: steps * (rate // 100)]
    x = golden.high_pass(noisy.astype(np.float64) * golden.FULL_SCALE, rate)
    expected = golden.features(x, found["period"], found["correlation"], lookahead, rate)
    assert_allclose(found["features"], expected, rtol=0, atol=2e-3)
    assert_allclose(found["fine"], golden.fine_inputs(x, rate), rtol=0, atol=5e-3)
    rng = np.random.default_rng(2)
    gains, strengths = (rng.uniform(0, 1, (steps, 34)).astype(np.float32) for _ in range(2))
    taps = rng.uniform(-1, 1, (steps, 98, 1, 2)).astype(np.float32)
    out = _core.synthesize(noisy, gains, strengths, lookahead, 0.5, taps=taps, rate=rate)
    wanted = golden.chain(noisy, gains, strengths, found["period"], lookahead, 0.5, taps, rate)
    assert_allclose(out, wanted, rtol=0, atol=1e-4 * np.abs(wanted).max())


@pytest.mark.parametrize("rate", LOWER)
def test_bands_are_those_of_the_signal_brought_up_to_48_khz(rate: int) -> None:
    low = demo("noisy", rate)
    full = soxr.resample(low, rate, 48000, "VHQ").astype(np.float32)
    native, reference = (_core.analyze(x, rate=r)["features"][8:-1, :34] for x, r in ((low, rate), (full, 48000)))
    difference = np.abs(native - reference[: len(native)])
    centre = _core.band_centre()
    below = [b for b in range(1, 33) if centre[b + 1] < 0.9 * rate / 100]
    assert difference[:, below].max() < 0.01
    assert np.quantile(difference[:, below], 0.99) < 0.002
    assert difference[:, 0].max() < 0.03
    if (above := below[-1] + 7) < 34:
        assert difference[:, above:].max() < 0.01


@pytest.mark.parametrize("rate", LOWER)
@pytest.mark.parametrize("lookahead", [0, 2, 3])
def test_unit_gains_give_the_delayed_input(rate: int, lookahead: int) -> None:
    x = demo("noisy", rate, 2)
    x = x[: len(x) // (rate // 100) * (rate // 100)]
    ones = np.ones((len(x) // (rate // 100), 34), np.float32)
    out = _core.synthesize(x, ones, None, lookahead, rate=rate)
    delay = rate // 100 * (lookahead + 1)
    # Bands end at 20 kHz, above what these rates have.
    expected = golden.high_pass(x, rate)[:-delay]
    assert_allclose(out[delay:], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("rate", LOWER)
def test_a_limit_of_0_gives_the_input_bit_for_bit_after_the_delay(rate: int) -> None:
    x = demo("noisy", rate, 1)
    for config, frames in (({}, 3), ({"any_block": True}, 4), ({"spread": True}, 5)):
        s = stream(rate, **config)
        s.set_attenuation_limit(0)
        assert (s.sample_rate, s.frame_size, s.delay) == (rate, rate // 100, frames * rate // 100)
        out = s.process(x)
        assert np.array_equal(out[s.delay :], x[: -s.delay])
        assert not out[: s.delay].any()


@pytest.mark.parametrize("rate", LOWER)
def test_blocks_spread_gaps_and_reset_change_no_bit(rate: int) -> None:
    x = demo("noisy", rate, 2)
    whole, frame = stream(rate), rate // 100
    out = whole.process(x)
    assert whole.stats()["frame"] == len(x) // frame
    single = stream(rate)
    assert np.array_equal(np.concatenate([single.process(x[n : n + frame]) for n in range(0, len(x), frame)]), out)
    whole.reset()
    assert np.array_equal(whole.process(x), out)
    for config, late in (({"any_block": True}, frame), ({"spread": True}, 2 * frame)):
        cut, n, parts = stream(rate, **config), 0, []
        while n < len(x):
            count = 1 + n * 7 % 401
            parts.append(cut.process(x[n : n + count]))
            n += count
        assert np.array_equal(np.concatenate(parts)[late:], out[:-late])
    for backend in _core.backends():
        assert np.array_equal(_core.Stream(_core.Model(MODEL), backend=backend, sample_rate=rate).process(x), out)


@pytest.mark.parametrize("rate", _core.RATES)
def test_mean_gain_is_that_of_the_bands_that_a_rate_has(rate: int) -> None:
    x = demo("noisy", rate, 1)
    s = stream(rate)
    s.process(x)
    gains = _core.network(MODEL, _core.analyze(x, rate=rate)["features"])["gains"][-1]
    own = _core.band_centre() <= rate // 100
    assert s.stats()["mean_gain"] == pytest.approx(gains[own].mean(), abs=1e-6)


@pytest.mark.parametrize("rate", LOWER)
def test_lost_samples_neither_click_nor_shift(rate: int) -> None:
    time = np.arange(rate) / rate
    x = (0.3 * np.sin(2 * np.pi * 200 * time)).astype(np.float32)
    s = stream(rate)
    s.set_attenuation_limit(0)
    half = rate // 2
    lost = rate // 50
    out = np.concatenate([s.process(x[:half]), s.conceal(lost), s.process(x[half + lost :])])
    largest = 2 * np.pi * 200 / rate * 0.3
    assert np.abs(np.diff(out)).max() < 1.5 * largest
    after = slice(half + lost + s.delay + rate // 100, None)
    assert np.array_equal(out[after], x[half + lost + rate // 100 : -s.delay])


@pytest.mark.parametrize("rate", [0, 11025, 44100, 96000, -8000])
def test_other_rates_are_refused_by_name(rate: int) -> None:
    with pytest.raises(ValueError, match=f"rate {rate}: a stream runs at 8000, 16000, 24000, 32000 or 48000 Hz"):
        linnet.Enhancer("tiny", rate=rate)
    with pytest.raises(ValueError, match=f"rate must be 8000, .* got {rate}"):
        _core.analyze(np.zeros(480, np.float32), rate=rate)
    if rate:
        with pytest.raises(_core.LinnetError, match=f"sample rate other than 8000, .*got {rate}"):
            stream(rate)


@pytest.mark.parametrize("rate", LOWER)
def test_python_runs_these_rates_without_a_resampler(rate: int) -> None:
    x = demo("noisy", rate, 1)
    with linnet.Enhancer("tiny", rate=rate, any_block=False) as enhancer:
        assert (enhancer.rate, enhancer.frame_size, enhancer.delay) == (rate, rate // 100, 3 * rate // 100)
        assert np.array_equal(enhancer.enhance(x), linnet.enhance(x, rate, model="tiny"))
    assert np.array_equal(linnet.enhance(x, rate, model="tiny", attenuation_limit_db=0), x)


@pytest.mark.parametrize("model", ["small", "light"])
@pytest.mark.parametrize("rate", LOWER)
def test_native_and_48_khz_paths_score_alike(rate: int, model: str) -> None:
    pesq = pytest.importorskip("pesq").pesq
    clean, noisy = demo("clean", rate, 6), demo("noisy", rate, 6)
    full = soxr.resample(noisy, rate, 48000, "VHQ").astype(np.float32)
    reference = soxr.resample(linnet.enhance(full, 48000, model=model), 48000, rate, "VHQ")
    scored = min(rate, 16000)

    def score(x: np.ndarray) -> float:
        pair = (soxr.resample(y.astype(np.float64), rate, scored, "VHQ") for y in (clean, x))
        return float(pesq(scored, *pair, "nb" if scored == 8000 else "wb"))

    before, native, resampled = score(noisy), score(linnet.enhance(noisy, rate, model=model)), score(reference)
    assert native > before
    assert abs(native - resampled) <= 0.03, (native, resampled)
