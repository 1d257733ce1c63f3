"""Ideal band gains and comb strengths: what the network is trained to say, and what the oracles say in its place.

Plain numpy on band statistics: arrays of any shape (usually [T, 34]) of energies xx, yy, pp and inner products xy =
<X, Y>_b, yp = <P, Y>_b, xp = <X, P>_b of the clean signal X, the noisy signal Y and the comb-filtered noisy signal P,
as `linnet._core.analyze` measures them. The method is that of Valin et al., "A Perceptually-Motivated Approach for
Low-Complexity, Real-Time Enhancement of Fullband Speech" (Interspeech 2020), sections 2 and 3; the strength that
maximises coherence is our own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

EMPTY_ENERGY = 1e-9  # band energies (full scale 32768, FFT / 960) at or below this count as nothing at all
MASKING_LIMIT = 0.03  # n_0: noise may be pushed at most this far below the tone, 15.4 dB of extra attenuation
_ROUNDING = 1e-6  # coherence differences below this are float32 noise of the statistics, not a preference


class Strength(NamedTuple):
    """Comb strength r in 0..1, and the extra gain g_att in 0.17..1 of bands that the full comb leaves too noisy."""

    strength: Floats
    attenuation: Floats


def _coherence(product: Floats, energy_1: Floats, energy_2: Floats) -> Floats:
    """<a, b> / (|a| |b|), within -1..1, and 0 where a signal is empty."""
    full = (energy_1 > EMPTY_ENERGY) & (energy_2 > EMPTY_ENERGY)
    norm = np.sqrt(np.where(full, energy_1, 1.0)) * np.sqrt(np.where(full, energy_2, 1.0))
    return np.clip(np.where(full, product / norm, 0.0), -1.0, 1.0)


def _floats(*arrays: ArrayLike) -> tuple[Floats, ...]:
    return np.broadcast_arrays(*(np.asarray(a, dtype=np.float64) for a in arrays))


def ideal_gain(xx: ArrayLike, yy: ArrayLike) -> Floats:
    """Amplitude gain min(1, |x| / |y|) that gives a noisy band the energy of the clean one; 0 where both are empty."""
    xx, yy = _floats(xx, yy)
    ratio = np.sqrt(np.maximum(xx, 0.0) / np.maximum(yy, EMPTY_ENERGY))
    return np.where(xx > EMPTY_ENERGY, np.minimum(ratio, 1.0), 0.0)


def mmse_gain(xy: ArrayLike, yy: ArrayLike) -> Floats:
    """Gain <x, y> / <y, y>, clipped to 0..1: the least squared error, not the right energy; 0 where y is empty."""
    xy, yy = _floats(xy, yy)
    full = yy > EMPTY_ENERGY
    return np.where(full, np.clip(xy / np.where(full, yy, 1.0), 0.0, 1.0), 0.0)


def max_coherence_strength(
    xx: ArrayLike, yy: ArrayLike, pp: ArrayLike, xy: ArrayLike, yp: ArrayLike, xp: ArrayLike
) -> Floats:
    """Strength r in 0..1 for which z = (1 - r) y + r p is most coherent with the clean x, in closed form.

    With b the weight of p relative to y once both have unit norm, the coherence (q_xy + b q_xp) / sqrt(1 + 2 b c +
    b^2) has the derivative's sign of rise - b fall, where rise = q_xp - c q_xy and fall = q_xy - c q_xp. A rise of 0
    or less asks for no comb; a fall of 0 or less for nothing but the comb. Bands in which x, y or p is empty get 0,
    and so do those where x is coherent with neither y nor p. Negative coherences are kept as they are: set to 0, they
    would make the comb look useful in bands where p works against x.
    """
    xx, yy, pp, xy, yp, xp = _floats(xx, yy, pp, xy, yp, xp)
    q_xy = _coherence(xy, xx, yy)
    q_xp = _coherence(xp, xx, pp)
    c = _coherence(yp, yy, pp)
    full = (xx > EMPTY_ENERGY) & (yy > EMPTY_ENERGY) & (pp > EMPTY_ENERGY)
    rise = q_xp - c * q_xy
    fall = q_xy - c * q_xp
    # alpha = (rise / fall) / d with d = |p| / |y|; r = alpha / (1 + alpha), multiplied out so that fall may be 0.
    helps = full & (rise > _ROUNDING) & (np.maximum(q_xy, q_xp) > 0.0)
    down = np.maximum(fall, 0.0) * np.sqrt(np.where(full, pp, 1.0) / np.where(full, yy, 1.0))
    return np.where(helps, rise / np.where(helps, rise + down, 1.0), 0.0)


def comb_taps(future: int, past: int = 5) -> Floats:
    """Hann-shaped weights of periods -past .. future, sum 1. Their sum of squares is what the comb leaves of noise."""
    if not (0 <= future <= past):
        raise ValueError(f"future = {future}: give 0..{past} periods")
    k = np.arange(-past, future + 1)
    taps = 0.5 + 0.5 * np.cos(np.pi * k / (past + 1))
    return np.asarray(taps / taps.sum())


def comb_coherence(q_y: ArrayLike, comb_noise: ArrayLike) -> Floats:
    """Coherence q_p of the comb-filtered signal, if the comb keeps the tone and scales noise power by comb_noise."""
    q_y, comb_noise = _floats(q_y, comb_noise)
    return q_y / np.sqrt((1.0 - comb_noise) * q_y**2 + comb_noise)


def paper_strength(
    q_x: ArrayLike, q_y: ArrayLike, q_p: ArrayLike, c: ArrayLike | None = None, d: ArrayLike = 1.0
) -> Strength:
    """The paper's strength: the mix of y and p gets the clean signal's pitch coherence q_x. All q within 0..1.

    c = <p, y> / (|p| |y|) and d = |p| / |y| may be given where they are measured; the paper takes d = 1 and residual
    noises that are independent, c = q_y q_p. q_x <= q_y asks for no comb; q_p <= q_x for the full comb and, since
    that is not enough, for an attenuation of the band down to n_0 / (1 + n_0) in energy.
    """
    q_x, q_y, q_p, d = (np.maximum(a, 0.0) for a in _floats(q_x, q_y, q_p, d))
    q_x, q_y, q_p = (np.minimum(q, 1.0) for q in (q_x, q_y, q_p))
    c = q_y * q_p if c is None else np.asarray(c, dtype=np.float64)
    d = np.maximum(d, 1e-9)
    none = q_x <= q_y
    whole = ~none & (q_p <= q_x)
    between = ~(none | whole)
    # Outside the cases in between the quadratic is not needed; harmless numbers stand in.
    a = np.where(between, d * d * (q_p**2 - q_x**2), 1.0)
    b = np.where(between, d * (q_y * q_p - q_x**2 * c), 1.0)
    gap = np.where(between, q_x**2 - q_y**2, 0.0)
    # (sqrt(b^2 + a gap) - b) / a, written so that a -> 0 gives the limit gap / (2 b).
    root = np.sqrt(b * b + a * gap)
    alpha = np.where(b > 0.0, gap / np.maximum(root + b, 1e-30), (root - b) / np.maximum(a, 1e-30))
    strength = np.where(none, 0.0, np.where(whole, 1.0, alpha / (1.0 + alpha)))
    shortfall = np.sqrt((1.0 + MASKING_LIMIT - q_x**2) / (1.0 + MASKING_LIMIT - q_p**2))
    return Strength(strength, np.where(whole, np.minimum(shortfall, 1.0), 1.0))
