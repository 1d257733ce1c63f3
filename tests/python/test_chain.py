"""The whole signal path of the C++ core against the float64 model: features, statistics, synthesis from given gains
and strengths; alignment and delay at every look-ahead; the same bits on every backend. The model takes the period and
its correlation from the core, because only these two are the result of a search; test_pitch.py judges them.
"""

from __future__ import annotations

import golden
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from linnet import _core

LOOKAHEADS = [0, 1, 2, 3]


def speech_like(seconds: float = 0.6, seed: int = 0) -> np.ndarray:
    """A gliding vowel that starts, stops and fades, over noise 30 dB below it; float32, peak about 0.4."""
    rng = np.random.default_rng(seed)
    n = int(48000 * seconds)
    t = np.arange(n) / 48000
    voice = golden.harmonic_signal(140 * 1.3 ** np.sin(2 * np.pi * 0.7 * t + seed), "vowel", seed)
    voice *= np.clip(np.sin(2 * np.pi * 2.5 * t), 0, 1)
    return (0.8 * voice + 0.01 * rng.standard_normal(n)).astype(np.float32)


def internal(x: np.ndarray) -> np.ndarray:
    """The high-passed signal at internal full scale."""
    return golden.high_pass(x.astype(np.float64) * golden.FULL_SCALE)


def relative_error(actual: np.ndarray, expected: np.ndarray) -> float:
    return float(np.sqrt(np.sum((actual - expected) ** 2) / np.sum(expected**2)))


# ---- analysis -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lookahead", LOOKAHEADS)
def test_spectra_of_noisy_clean_and_comb_equal_the_model(lookahead: int) -> None:
    noisy, clean = speech_like(seed=1), speech_like(seed=2)
    result = _core.analyze(noisy, clean, lookahead=lookahead, spectra=True)
    expected = {
        "noisy": golden.delay_rows(golden.stft(internal(noisy)), lookahead),
        "clean": golden.delay_rows(golden.stft(internal(clean)), lookahead),
        "comb": golden.comb_spectra(internal(noisy), result["period"], lookahead),
    }
    for name, spectra in expected.items():
        assert result[name].shape == spectra.shape == (len(noisy) // 480, 481)
        # The error of a float transform is relative to the frame's largest bin.
        peak = np.max(np.abs(spectra), axis=1, keepdims=True) + 1e-3
        assert np.max(np.abs(result[name] - spectra) / peak) < 1e-6, name


@pytest.mark.parametrize("lookahead", LOOKAHEADS)
def test_features_equal_the_model(lookahead: int) -> None:
    noisy = speech_like(seed=3)
    result = _core.analyze(noisy, lookahead=lookahead)
    expected = golden.features(internal(noisy), result["period"], result["correlation"], lookahead)
    assert result["features"].shape == expected.shape
    # Bands: 0.3 times the logarithm's error, 1e-6 by its series and its rounding near 8, and that of the band energies.
    assert_allclose(result["features"][:, :34], expected[:, :34], atol=2e-6, rtol=0)
    # Coherence: a quotient of three float sums over bands that lie up to 50 dB below the frame's peak, whose spectra
    # carry the peak's rounding of 1e-7: 3e-5 of such a band.
    assert_allclose(result["features"][:, 34:68], expected[:, 34:68], atol=3e-5, rtol=0)
    assert_allclose(result["features"][:, 68:], expected[:, 68:], atol=1e-6, rtol=0)
    assert_allclose(result["coherence"], (expected[:, 34:68] / 2 + 0.6), atol=2e-5, rtol=0)


@pytest.mark.parametrize("lookahead", [0, 2])
def test_fine_inputs_equal_the_model(lookahead: int) -> None:
    noisy = speech_like(seed=3)
    noisy[:4800] = 0  # nothing turns in silence
    actual, expected = _core.analyze(noisy, lookahead=lookahead, fine=True)["fine"], golden.fine_inputs(internal(noisy))
    assert actual.shape == expected.shape == (len(noisy) // 480, _core.FINE)
    low = _core.LOW_BINS
    assert not np.any(actual[:9, low:]) and np.any(np.abs(actual[:, low:]) > 0.99)
    # The transform's rounding, 1e-7 of the frame's peak, beside the floor of 1e-2 in power: 1e-3 where that is next to
    # nothing else.
    assert_allclose(actual[:, :low], expected[:, :low], atol=2e-3, rtol=0)
    assert np.median(np.abs(actual[:, :low] - expected[:, :low])) < 1e-6
    loud = expected[:, :low] > 0.3 * (2 - 3)  # both frames: what is turned by is the smaller of them
    loud[1:] &= loud[:-1]
    assert loud.mean() > 0.1
    for part in (slice(low, 2 * low), slice(2 * low, None)):
        assert_allclose(actual[:, part][loud], expected[:, part][loud], atol=2e-3, rtol=0)


@pytest.mark.parametrize("hertz", [120, 300, 1000, 5000])
def test_band_features_of_a_loud_tone_show_the_floor_that_follows_it(hertz: float) -> None:
    tone = (0.9 * np.sin(2 * np.pi * hertz / 48000 * np.arange(9600))).astype(np.float32)
    actual = _core.analyze(tone, lookahead=0)["features"][2:, :34]
    energy = golden.band_energy(golden.stft(internal(tone)))[2:]
    expected = np.array([golden.band_features(e) for e in energy])
    # Above the tone the levels fall by 1.5 a band until they meet the one 7 below the tone; the energies lie lower.
    free = 0.3 * (np.log10(1e-2 + energy) - 3)
    falling, level = np.diff(expected, axis=1), expected - expected.max(axis=1, keepdims=True)
    assert np.any(np.abs(falling + 0.45) < 1e-9) and np.any(np.abs(level + 2.1) < 1e-9)
    assert np.any(expected > free + 0.3)
    # Bands that are free and faint hold the transform's rounding, 1e-7 of the tone's 7000, beside the floor of 1e-2.
    assert_allclose(actual, expected, atol=2e-4, rtol=0)


@pytest.mark.parametrize("lookahead", [0, 2])
def test_band_statistics_equal_the_model(lookahead: int) -> None:
    noisy, clean = speech_like(seed=4), speech_like(seed=5)
    result = _core.analyze(noisy, clean, lookahead=lookahead)
    y = golden.delay_rows(golden.stft(internal(noisy)), lookahead)
    x = golden.delay_rows(golden.stft(internal(clean)), lookahead)
    p = golden.comb_spectra(internal(noisy), result["period"], lookahead)
    for name, a, b in (("yy", y, y), ("pp", p, p), ("yp", p, y), ("xx", x, x), ("xy", x, y), ("xp", x, p)):
        # Relative to the two norms: a product of nearly orthogonal bands is small by cancellation. 2e-5 as above.
        norm = np.sqrt(golden.band_energy(a) * golden.band_energy(b))
        error = np.abs(result[name] - golden.band_product(a, b)) / (norm + 1e-3)
        assert np.max(error) < 2e-5, name


def test_statistics_without_clean_signal_are_the_same_and_no_others() -> None:
    noisy = speech_like(0.2, seed=6)
    alone, both = _core.analyze(noisy), _core.analyze(noisy, noisy)
    for name, values in alone.items():
        assert_array_equal(values, both[name])
    assert {"xx", "xy", "xp"} <= set(both) - set(alone)
    assert_array_equal(both["xx"], both["yy"])
    assert_array_equal(both["xp"], both["yp"])


def test_band_features_lead_the_frame_by_the_lookahead() -> None:
    noisy = speech_like(0.4, seed=7)
    causal = _core.analyze(noisy, lookahead=0)
    for lookahead in LOOKAHEADS[1:]:
        ahead = _core.analyze(noisy, lookahead=lookahead)
        assert_array_equal(ahead["features"][:, :34], causal["features"][:, :34])
        assert_array_equal(ahead["yy"][lookahead:], causal["yy"][:-lookahead])
        assert not np.any(ahead["yy"][:lookahead])


def test_analysis_at_a_step_does_not_see_later_samples() -> None:
    noisy = speech_like(0.4, seed=8)
    changed = noisy.copy()
    changed[480 * 20 :] = speech_like(0.4, seed=9)[480 * 20 :]
    before, after = _core.analyze(noisy), _core.analyze(changed)
    for name in before:
        assert_array_equal(before[name][:20], after[name][:20])
    assert np.any(before["features"][20] != after["features"][20])


def test_analysis_cuts_to_whole_frames() -> None:
    noisy = speech_like(0.2, seed=1)
    assert_array_equal(_core.analyze(noisy[:4799])["features"], _core.analyze(noisy[: 480 * 9])["features"])


def test_level_moves_the_band_features_alone() -> None:
    noisy = speech_like(0.4, seed=10)
    loud, soft = _core.analyze(noisy), _core.analyze(np.float32(0.5) * noisy)
    assert_array_equal(loud["period"], soft["period"])
    # Halving is exact in binary, but for the floor of 1e-3 under the coherence.
    assert_array_equal(soft["yy"], np.float32(0.25) * loud["yy"])
    floor = golden.RATIO_FLOOR / (golden.RATIO_FLOOR + np.sqrt(soft["yy"].astype(np.float64) * soft["pp"]))
    assert np.all(np.abs(loud["coherence"] - soft["coherence"]) <= floor + 1e-6)
    assert np.median(floor) < 1e-3
    # 0.3 log10(4) where neither the floor of 1e-2 nor the follower holds the level up.
    steps = loud["features"][:, :34] - soft["features"][:, :34]
    assert np.min(steps) > -1e-6 and np.max(steps) < 0.3 * np.log10(4) + 1e-6
    assert np.median(steps) == pytest.approx(0.3 * np.log10(4), abs=1e-4)


def test_silence_gives_finite_features_and_no_coherence() -> None:
    result = _core.analyze(np.zeros(4800, np.float32))
    assert np.all(np.isfinite(result["features"]))
    assert not np.any(result["coherence"])
    assert_allclose(result["features"][:, :34], 0.3 * (-2 - 3), atol=1e-5)


@pytest.mark.parametrize("backend", _core.backends())
def test_analysis_has_the_same_bits_on_every_backend(backend: str) -> None:
    noisy, clean = speech_like(0.5, seed=11), speech_like(0.5, seed=12)
    reference = _core.analyze(noisy, clean, backend="scalar", spectra=True)
    result = _core.analyze(noisy, clean, backend=backend, spectra=True)
    assert set(result) == set(reference)
    for name, values in reference.items():
        assert result[name].tobytes() == values.tobytes(), name


# ---- synthesis ------------------------------------------------------------------------------------------------------


def band_limited_reference(noisy: np.ndarray, lookahead: int) -> np.ndarray:
    """What gains of one must give: the high-passed input without the bins from 20 kHz up, delayed."""
    spectra = golden.delay_rows(golden.stft(internal(noisy)), lookahead)
    spectra[:, golden.USED_BINS :] = 0
    return golden.istft(spectra) / golden.FULL_SCALE


@pytest.mark.parametrize("lookahead", LOOKAHEADS)
def test_unit_gains_without_comb_give_the_delayed_input(lookahead: int) -> None:
    noisy = (0.2 * np.random.default_rng(1).standard_normal(480 * 40)).astype(np.float32)
    steps = len(noisy) // 480
    out = _core.synthesize(
        noisy, np.ones((steps, 34), np.float32), np.zeros((steps, 34), np.float32), lookahead=lookahead
    )
    assert out.shape == noisy.shape
    assert relative_error(out, band_limited_reference(noisy, lookahead)) < 1e-6
    # The same seen from outside: below 20 kHz nothing but the delay and the high-pass.
    delay = 480 * (lookahead + 1)
    spectrum = np.fft.rfft(noisy.astype(np.float64))
    spectrum[int(18000 / 48000 * len(noisy)) :] = 0
    low = np.fft.irfft(spectrum, len(noisy)).astype(np.float32)
    out = _core.synthesize(
        low, np.ones((steps, 34), np.float32), np.zeros((steps, 34), np.float32), lookahead=lookahead
    )
    expected = golden.high_pass(low)[: len(low) - delay]
    # Past the step at the signal's start, which reaches above 20 kHz; 1e-5: the window's leakage from 18 kHz to there.
    assert relative_error(out[delay + 960 :], expected[960:]) < 1e-5
    assert not np.any(out[: delay - 480])


@pytest.mark.parametrize("lookahead", LOOKAHEADS)
def test_an_impulse_comes_out_at_the_promised_delay(lookahead: int) -> None:
    noisy = np.zeros(480 * 20, np.float32)
    noisy[480 * 7 + 123] = 0.5
    ones, zeros = np.ones((20, 34), np.float32), np.zeros((20, 34), np.float32)
    out = _core.synthesize(noisy, ones, zeros, lookahead=lookahead)
    assert np.argmax(np.abs(out)) == 480 * 7 + 123 + 480 * (lookahead + 1)


def test_zero_gains_give_silence() -> None:
    noisy = speech_like(seed=13)
    steps = len(noisy) // 480
    strengths = np.random.default_rng(1).uniform(0, 1, (steps, 34)).astype(np.float32)
    for amount in (0.0, 1.0):
        out = _core.synthesize(noisy, np.zeros((steps, 34), np.float32), strengths, postfilter=amount)
        assert not np.any(out)


@pytest.mark.parametrize("amount", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("lookahead", LOOKAHEADS)
def test_random_gains_and_strengths_equal_the_model(lookahead: int, amount: float) -> None:
    rng = np.random.default_rng(14 + lookahead)
    noisy = speech_like(seed=15 + lookahead)
    steps = len(noisy) // 480
    gains = rng.uniform(0, 1, (steps, 34)).astype(np.float32)
    strengths = rng.uniform(0, 1, (steps, 34)).astype(np.float32)
    periods = _core.analyze(noisy, lookahead=lookahead)["period"]
    out = _core.synthesize(noisy, gains, strengths, lookahead=lookahead, postfilter=amount)
    expected = golden.chain(noisy, gains, strengths, periods, lookahead, amount)
    assert relative_error(out, expected) < 1e-6
    assert np.max(np.abs(out - expected)) < 2e-6 * np.max(np.abs(expected))


@pytest.mark.parametrize(("lookahead", "count"), [(0, 1), (1, 3), (2, 3), (2, 5), (3, 5)])
def test_filters_of_low_bins_equal_the_model(lookahead: int, count: int) -> None:
    rng = np.random.default_rng(17 + count)
    noisy = speech_like(seed=18 + lookahead)
    steps = len(noisy) // 480
    gains, strengths = rng.uniform(0, 1, (2, steps, 34)).astype(np.float32)
    taps = rng.uniform(-1, 1, (steps, _core.LOW_BINS, count, 2)).astype(np.float32)
    periods = _core.analyze(noisy, lookahead=lookahead)["period"]
    out = _core.synthesize(noisy, gains, strengths, lookahead=lookahead, taps=taps)
    expected = golden.chain(noisy, gains, strengths, periods, lookahead, taps=taps)
    assert relative_error(out, expected) < 1e-6
    assert relative_error(_core.synthesize(noisy, gains, strengths, lookahead=lookahead), expected) > 0.1


def test_filters_that_see_beyond_the_lookahead_are_refused() -> None:
    noisy, gains = np.zeros(4800, np.float32), np.zeros((10, 34), np.float32)
    for shape in [(10, 98, 5, 2), (10, 98, 2, 2), (10, 97, 3, 2), (9, 98, 3, 2), (10, 98, 3)]:
        with pytest.raises(ValueError, match=r"taps must have shape \(10, 98, N, 2\)"):
            _core.synthesize(noisy, gains, gains, lookahead=1, taps=np.zeros(shape, np.float32))


def test_gains_of_a_row_act_on_the_frame_that_lies_the_lookahead_back() -> None:
    noisy = (0.1 * np.random.default_rng(16).standard_normal(480 * 30)).astype(np.float32)
    for lookahead in LOOKAHEADS:
        gains = np.zeros((30, 34), np.float32)
        gains[15] = 1
        out = _core.synthesize(noisy, gains, np.zeros((30, 34), np.float32), lookahead=lookahead)
        # Frame l = 15 - M is finished at steps 15 and 16 and nowhere else.
        active = np.flatnonzero(np.abs(out).reshape(30, 480).max(axis=1) > 0)
        assert_array_equal(active, [15, 16])
        frame = golden.stft(internal(noisy))[15 - lookahead].copy()
        frame[golden.USED_BINS :] = 0
        expected = golden.window() * np.fft.irfft(frame, 960) * 960 / golden.FULL_SCALE
        assert relative_error(out[480 * 15 : 480 * 17], expected) < 2e-6


def test_comb_restores_a_buried_tone() -> None:
    # A voice at 0 dB in white noise, its period known to the tracker: full strength must bring SI-SDR up by several dB.
    clean = golden.harmonic_signal(np.full(48000, 240.0), "pulse")
    noisy = golden.add_white_noise(clean, 5, seed=17).astype(np.float32)
    steps = len(noisy) // 480
    ones = np.ones((steps, 34), np.float32)

    def distance(strengths: np.ndarray) -> float:
        out = _core.synthesize(noisy, ones, strengths)[480 * 30 :]
        reference = golden.high_pass(clean)[480 * 27 : len(clean) - 1440]
        scale = (out @ reference) / (reference @ reference)
        return 10 * np.log10(np.sum((scale * reference) ** 2) / np.sum((out - scale * reference) ** 2))

    assert distance(ones) > distance(0 * ones) + 5


@pytest.mark.parametrize("amount", [0.0, 1.0])
def test_level_scales_through_the_chain(amount: float) -> None:
    rng = np.random.default_rng(18)
    noisy = speech_like(seed=19)
    steps = len(noisy) // 480
    gains, strengths = (rng.uniform(0, 1, (steps, 34)).astype(np.float32) for _ in range(2))
    loud = _core.synthesize(noisy, gains, strengths, postfilter=amount)
    soft = _core.synthesize(np.float32(0.25) * noisy, gains, strengths, postfilter=amount)
    assert_allclose(4.0 * soft, loud, atol=1e-6 * np.max(np.abs(loud)))


@pytest.mark.parametrize("backend", _core.backends())
def test_synthesis_has_the_same_bits_on_every_backend(backend: str) -> None:
    rng = np.random.default_rng(20)
    noisy = speech_like(seed=21)
    steps = len(noisy) // 480
    gains, strengths = (rng.uniform(0, 1, (steps, 34)).astype(np.float32) for _ in range(2))
    reference = _core.synthesize(noisy, gains, strengths, postfilter=0.7, backend="scalar")
    assert _core.synthesize(noisy, gains, strengths, postfilter=0.7, backend=backend).tobytes() == reference.tobytes()


def test_bin_gains_apply_to_every_bin() -> None:
    rng = np.random.default_rng(22)
    noisy = speech_like(seed=23)
    steps = len(noisy) // 480
    gains = rng.uniform(0, 1, (steps, 481)).astype(np.float32)
    out = _core.synthesize_bins(noisy, gains)
    spectra = golden.delay_rows(golden.stft(internal(noisy)), 2) * gains
    assert relative_error(out, golden.istft(spectra) / golden.FULL_SCALE) < 1e-6
