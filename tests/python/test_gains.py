"""Gains and strengths: the envelope post-filter in C++, the training targets in python/linnet/study/oracle.py, both
against published values, a float64 model and, where a closed form claims an optimum, a search that knows nothing of it.
"""

from __future__ import annotations

import golden
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from linnet import _core
from linnet.study import oracle

few = settings(max_examples=40, deadline=None, derandomize=True)
unit = st.floats(0, 1, width=32)


# ---- post-filter ----------------------------------------------------------------------------------------------------


def filtered(gains: np.ndarray, amplitude: np.ndarray, amount: float = 1.0) -> np.ndarray:
    return _core.postfilter(np.asarray(gains, np.float32), np.asarray(amplitude, np.float32), amount)


@pytest.mark.parametrize(
    ("gain", "warped"), [(0.1, 0.015643), (0.25, 0.095671), (0.5, 0.353553), (0.75, 0.692910), (0.9, 0.888920), (1, 1)]
)
def test_warped_gain_has_its_published_values(gain: float, warped: float) -> None:
    # One weak band of that gain beside a strong one of gain 1: nothing to restore, G is 1 and the warp itself shows.
    gains, amplitude = np.ones(34), np.full(34, 1e4)
    gains[7], amplitude[7] = gain, 1.0
    assert filtered(gains, amplitude)[7] == pytest.approx(warped, abs=1e-6)


@pytest.mark.parametrize(
    ("ratio", "restored"), [(1, 1), (1.5, 1.21001), (2, 1.37437), (4, 1.75810), (50**0.5, 1.89901), (100, 0.71236)]
)
def test_global_gain_has_its_published_values(ratio: float, restored: float) -> None:
    # With one gain in all bands E0 / E1 is 1 / sin^2(pi/2 g), whatever the amplitudes.
    gain = 2 / np.pi * np.arcsin(ratio**-0.5)
    amplitude = np.random.default_rng(1).uniform(10, 1000, 34)
    out = filtered(np.full(34, gain), amplitude)
    assert_allclose(out / (gain * np.sin(np.pi / 2 * gain)), restored, rtol=1e-5)
    assert restored <= 1.89902  # 5.57 dB


@few
@given(seed=st.integers(0, 2**32 - 1), amount=unit, decades=st.floats(0, 3))
def test_postfilter_equals_the_model(seed: int, amount: float, decades: float) -> None:
    rng = np.random.default_rng(seed)
    gains = rng.uniform(0, 1, 34).astype(np.float32)
    amplitude = (10 ** rng.uniform(0, decades, 34)).astype(np.float32)
    assert_allclose(
        filtered(gains, amplitude, amount), golden.postfilter(gains, amplitude, amount), rtol=5e-6, atol=1e-7
    )


@pytest.mark.parametrize("gain", [6.3e-4, 6.5e-4, 1e-4, 3e-5])
def test_global_gain_is_that_of_a_ratio_of_a_million_at_least(gain: float) -> None:
    # E0 / E1 is 1.02e6, 0.96e6 and far above; a silent band of gain 1, which the warp leaves alone, shows G.
    gains, amplitude = np.full(34, gain), np.full(34, 1e5)
    gains[7], amplitude[7] = 1, 0
    ratio = min(np.sin(np.pi / 2 * gain) ** -2, 1e6)
    assert filtered(gains, amplitude)[7] == pytest.approx(golden.postfilter_gain(ratio), rel=1e-4)


@few
@given(seed=st.integers(0, 2**32 - 1))
def test_postfilter_off_keeps_the_gains_bit_for_bit(seed: int) -> None:
    rng = np.random.default_rng(seed)
    gains = rng.uniform(0, 1, 34).astype(np.float32)
    assert_array_equal(filtered(gains, rng.uniform(0, 1000, 34), 0.0), gains)


def test_postfilter_of_silence_and_of_zero_gains_is_zero_or_finite() -> None:
    assert not np.any(filtered(np.zeros(34), np.full(34, 100.0)))
    quiet = filtered(np.full(34, 0.5), np.zeros(34))
    assert np.all(np.isfinite(quiet)) and np.all((quiet >= 0) & (quiet <= 2))


def test_postfilter_compares_energies_not_amplitudes() -> None:
    # Summing g * ||y|| linearly would weigh the ninefold amplitude 9 times instead of 81 times.
    gains, amplitude = np.full(34, 0.3), np.ones(34)
    gains[20], amplitude[20] = 0.9, 9.0
    assert_allclose(filtered(gains, amplitude), golden.postfilter(gains, amplitude), rtol=5e-6)


# ---- ideal gain -----------------------------------------------------------------------------------------------------


def test_ideal_gain_is_a_ratio_of_amplitudes_and_never_above_one() -> None:
    assert_allclose(oracle.ideal_gain([25.0, 100.0, 400.0, 0.0], [100.0, 100.0, 100.0, 100.0]), [0.5, 1, 1, 0])
    assert oracle.ideal_gain(0.0, 0.0) == 0.0


# ---- strength of the paper ------------------------------------------------------------------------------------------

PAPER_VECTORS = [  # q_x, q_y, sigma_w^2 -> coherence of the comb output, strength, attenuation
    (0.9, 0.6, 0.125, 0.904534, 0.668885, 1.0),
    (0.75, 0.5, 0.125, 0.852803, 0.394169, 1.0),
    (0.95, 0.3, 0.125, 0.664619, 1.0, 0.465546),
    (0.99, 0.2, 0.125, 0.5, 1.0, 0.252932),
    (0.9, 0.6, 0.22449, 0.8454, 1.0, 0.8354),
]


@pytest.mark.parametrize(("q_x", "q_y", "sigma2", "q_p", "strength", "attenuation"), PAPER_VECTORS)
def test_paper_strength_has_its_published_values(
    q_x: float, q_y: float, sigma2: float, q_p: float, strength: float, attenuation: float
) -> None:
    measured = oracle.comb_coherence(q_y, sigma2)
    assert measured == pytest.approx(q_p, abs=5e-5 if sigma2 > 0.2 else 6e-7)
    assert golden.comb_coherence(q_y, sigma2) == pytest.approx(q_p, abs=5e-5 if sigma2 > 0.2 else 6e-7)
    result = oracle.paper_strength(q_x, q_y, measured)
    assert result.strength == pytest.approx(strength, abs=6e-7)
    assert result.attenuation == pytest.approx(attenuation, abs=5e-5 if sigma2 > 0.2 else 6e-7)


def test_paper_strength_is_zero_where_the_noisy_signal_is_periodic_enough() -> None:
    result = oracle.paper_strength(0.5, 0.6, oracle.comb_coherence(0.6, 0.125))
    assert result.strength == 0.0 and result.attenuation == 1.0


@few
@given(q_y=st.floats(0.05, 0.95), position=st.floats(0.05, 0.95), sigma2=st.sampled_from([0.125, 0.155713, 0.22449]))
def test_paper_strength_gives_the_mix_the_clean_coherence(q_y: float, position: float, sigma2: float) -> None:
    q_p = float(oracle.comb_coherence(q_y, sigma2))
    q_x = q_y + position * (q_p - q_y)
    r = float(oracle.paper_strength(q_x, q_y, q_p).strength)
    # Unit-norm y and comb output with independent residuals: <p, z> / ||z||, p of unit norm.
    mixed = ((1 - r) * q_y + r * q_p) / np.sqrt((1 - r) ** 2 + r**2 + 2 * r * (1 - r) * q_y * q_p)
    assert mixed == pytest.approx(q_x, abs=1e-9)


@few
@given(q_y=st.floats(0.1, 0.9), q_p=st.floats(0.2, 0.99), position=st.floats(0.05, 0.95), d=st.floats(0.2, 2.0),
       spread=st.floats(0, 1))  # fmt: skip
def test_exact_strength_with_measured_norm_and_correlation(
    q_y: float, q_p: float, position: float, d: float, spread: float
) -> None:
    assume(q_p > q_y + 0.01)
    q_x = q_y + position * (q_p - q_y)
    # Any correlation of y and comb output that three unit vectors with these angles can have; not opposed beyond p.
    half = np.sqrt((1 - q_y**2) * (1 - q_p**2))
    c = q_y * q_p + spread * half * 0.9
    assume(q_y * q_p - q_x**2 * c > 0)
    r = float(oracle.paper_strength(q_x, q_y, q_p, c, d).strength)
    mixed = ((1 - r) * q_y + r * d * q_p) / np.sqrt((1 - r) ** 2 + (r * d) ** 2 + 2 * r * (1 - r) * d * c)
    assert 0 <= r <= 1
    assert mixed == pytest.approx(q_x, abs=1e-7)


# ---- strength of largest coherence ----------------------------------------------------------------------------------


def band_statistics(seed: int, noise: float, comb_noise: float, keep: float) -> dict[str, float]:
    """Statistics of one band of 12 bins: X, Y = X + noise, P = part of X + a weaker noise that is partly Y's own."""
    rng = np.random.default_rng(seed)
    x, n, m = (rng.standard_normal(12) + 1j * rng.standard_normal(12) for _ in range(3))
    y = x + noise * n
    p = keep * x + comb_noise * (0.5 * noise * n + m)

    def inner(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.real(np.vdot(a, b)))

    return {
        "xx": inner(x, x),
        "yy": inner(y, y),
        "pp": inner(p, p),
        "xy": inner(x, y),
        "yp": inner(y, p),
        "xp": inner(x, p),
    }


@settings(max_examples=300, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1), noise=st.floats(0.05, 8), comb_noise=st.floats(0.02, 4), keep=st.floats(0, 1.5))
def test_max_coherence_strength_beats_a_grid_search(seed: int, noise: float, comb_noise: float, keep: float) -> None:
    s = band_statistics(seed, noise, comb_noise, keep)
    assume(max(s["xy"], s["xp"]) > 0 and s["yp"] >= 0)
    r = float(oracle.max_coherence_strength(**s))
    best_r, best_q = golden.best_strength_on_grid(**s)
    assert 0 <= r <= 1
    # No grid point may be more coherent. 1e-6: smaller preferences for the comb count as rounding of the statistics.
    assert float(golden.mix_coherence(r, **s)) >= best_q - 1e-6
    # And the optimum is at the same place wherever 0.05 to either side would cost something.
    for side in (best_r - 0.05, best_r + 0.05):
        if 0 <= side <= 1 and float(golden.mix_coherence(side, **s)) < best_q - 1e-4:
            assert (r - side) * (best_r - side) > 0


def test_max_coherence_strength_at_its_limits() -> None:
    # Clean input: no comb. Comb output equal to the clean signal: all comb. An empty comb band: none.
    one = {"xx": 1.0, "yy": 1.0, "pp": 0.5, "xy": 1.0, "yp": 0.4, "xp": 0.4}
    assert oracle.max_coherence_strength(**one) == 0.0
    assert oracle.max_coherence_strength(xx=1.0, yy=2.0, pp=1.0, xy=1.0, yp=1.0, xp=1.0) == 1.0
    assert oracle.max_coherence_strength(xx=1.0, yy=2.0, pp=0.0, xy=1.0, yp=0.0, xp=0.0) == 0.0
    # Both numerators at or below zero.
    assert oracle.max_coherence_strength(xx=1.0, yy=1.0, pp=1.0, xy=-0.5, yp=0.5, xp=-0.5) == 0.0


def test_max_coherence_strength_does_not_depend_on_levels_of_the_clean_signal() -> None:
    s = band_statistics(3, 1.5, 0.4, 0.9)
    louder = dict(s, xx=s["xx"] * 100, xy=s["xy"] * 10, xp=s["xp"] * 10)
    assert oracle.max_coherence_strength(**louder) == pytest.approx(
        float(oracle.max_coherence_strength(**s)), abs=1e-12
    )


def test_target_functions_take_matrices() -> None:
    rows = [band_statistics(seed, 1.0, 0.5, 1.0) for seed in range(6)]
    matrix = {key: np.array([row[key] for row in rows]).reshape(2, 3) for key in rows[0]}
    strengths = oracle.max_coherence_strength(**matrix)
    assert strengths.shape == (2, 3)
    for value, row in zip(strengths.ravel(), rows, strict=True):
        assert value == oracle.max_coherence_strength(**row)
