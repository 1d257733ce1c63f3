"""Mix, band scaling and synthesis of sdk/src/dsp/gains.cpp and stft.cpp once more, differentiable, and a loss on them.

What is heard is compared with the clean signal in windows of 10, 20 and 40 ms: magnitudes and complex values, both
compressed to the power 0.3, which is near loudness. Spectra are [T, B, USED] with the core's scaling (FFT / 960, full
scale 32768); the bins above 20 kHz are zero in the output and left out. Compressed losses in several resolutions: Braun
and Tashev 2021; Valin et al. 2021 train the method on the gains alone.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import torch
from torch.nn import functional

import training  # noqa: F401  (finds linnet)
from linnet import _core
from linnet._core import BANDS, BINS, FRAME, WINDOW

USED = _core.USED_BINS  # the others are silent in what the core gives out
SCALE_LIMIT = 6.0  # of a band
POWER = 0.3
FLOOR = 1e-7  # of the mean power of the noisy bins: below it nothing is heard, and the gradient would be infinite
COMPLEX_SHARE = 0.3
OTHER_WINDOWS = (WINDOW // 2, 2 * WINDOW)


@cache
def band_edges() -> np.ndarray:
    """Peaks of the 34 triangles, in bins of 50 Hz."""
    return np.asarray(_core.band_centre())


@cache
def band_weights() -> torch.Tensor:
    """[34, USED]: the triangles of sdk/src/dsp/erb, asked of the core."""
    units = np.eye(BANDS, dtype=np.float32)
    return torch.from_numpy(np.stack([_core.band_interpolate(unit)[:USED] for unit in units]))


@cache
def vorbis(size: int) -> torch.Tensor:
    """The power-complementary window of the core."""
    inner = torch.sin(math.pi / size * (torch.arange(size, dtype=torch.float64) + 0.5))
    return torch.sin(math.pi / 2 * inner.square()).float()


def enhance(noisy: torch.Tensor, comb: torch.Tensor, gains: torch.Tensor, strengths: torch.Tensor) -> torch.Tensor:
    """Complex [T, B, USED] from the spectra of noisy and comb-filtered signal and band values [T, B, 34]."""
    weights = band_weights().to(gains.device)
    strength = strengths @ weights
    mixed = torch.lerp(torch.view_as_real(noisy), torch.view_as_real(comb), strength[..., None])
    energy = mixed.square().sum(-1) @ weights.t()
    wanted = gains * (torch.view_as_real(noisy).square().sum(-1) @ weights.t()).sqrt()
    scale = (wanted * energy.clamp(min=1e-6).rsqrt()).clamp(max=SCALE_LIMIT)
    return torch.view_as_complex(mixed * (scale @ weights)[..., None])


def filtered(bins: torch.Tensor, taps: torch.Tensor) -> torch.Tensor:
    """[T, B, K] of the complex filters taps [T, B, K, N, 2] over N frames: bins [T + N - 1, B, K] begin N // 2 frames
    before the first filter's own."""
    frames = len(taps)
    filters = torch.view_as_complex(taps).unbind(3)
    return sum(values * bins[tap : tap + frames] for tap, values in enumerate(filters))


def synthesize(spectrum: torch.Tensor) -> torch.Tensor:
    """[T, B, USED] -> samples [B, (T + 1) * 480], the first and last frame half faded: frame t begins at 480 t."""
    frames, batch, _ = spectrum.shape
    pieces = torch.fft.irfft(functional.pad(spectrum, (0, BINS - USED)) * WINDOW, n=WINDOW)
    pieces = pieces * vorbis(WINDOW).to(spectrum.device)
    zero = pieces.new_zeros(1, batch, FRAME)
    joined = torch.cat([pieces[:, :, :FRAME], zero]) + torch.cat([zero, pieces[:, :, FRAME:]])
    return joined.transpose(0, 1).reshape(batch, (frames + 1) * FRAME)


def compressed_error(found: torch.Tensor, wanted: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Mean over the known bins of the squared error of compressed magnitudes and of compressed complex values.

    Arguments are complex and share their last axis with known, 1 or 0; power 1 is the mean of the noisy signal.
    """
    power_found = torch.view_as_real(found).square().sum(-1) + FLOOR
    power_wanted = torch.view_as_real(wanted).square().sum(-1) + FLOOR
    magnitude = (power_found ** (POWER / 2) - power_wanted ** (POWER / 2)).square()
    shrunk = torch.view_as_real(found) * power_found[..., None] ** ((POWER - 1) / 2)
    target = torch.view_as_real(wanted) * power_wanted[..., None] ** ((POWER - 1) / 2)
    error = (1 - COMPLEX_SHARE) * magnitude + COMPLEX_SHARE * (shrunk - target).square().sum(-1)
    known = known.expand_as(error)
    return (error * known).sum() / known.sum().clamp(min=1)


def known_bins(gain_mask: torch.Tensor, strength_mask: torch.Tensor) -> torch.Tensor:
    """[B, USED], 1 where the clean spectrum can be believed: below the bandwidth of the speech, everywhere without."""
    spoken = (strength_mask > 0).any(0)
    bands = torch.where(spoken.any(1, keepdim=True), spoken, (gain_mask > 0).any(0)).float()
    # A gap in a band that was silent by chance is no bandwidth: all up to the highest known one.
    bands = bands.flip(1).cummax(1).values.flip(1)
    return (bands @ band_weights().to(bands.device) > 0.999).float()


def complex_bins(rows: dict[str, torch.Tensor], name: str, bins: int = USED) -> torch.Tensor:
    """[T, B, bins] of "noisy", "comb" or "clean"."""
    return torch.view_as_complex(rows[f"{name}_bins"].unflatten(-1, (-1, 2))[..., :bins, :].contiguous())


def spectrum_loss(rows: dict[str, torch.Tensor], gains: torch.Tensor, strengths: torch.Tensor) -> torch.Tensor:
    """Loss of one chunk; rows as features.Layout.split gives them, with the spectra."""
    noisy, comb, clean = (complex_bins(rows, name) for name in ("noisy", "comb", "clean"))
    level = torch.view_as_real(noisy).square().sum(-1).mean((0, 2)).clamp(min=1e-3).rsqrt()[None, :, None]
    noisy, comb, clean = noisy * level, comb * level, clean * level
    found = enhance(noisy, comb, gains, strengths)
    known = known_bins(rows["gain_mask"], rows["strength_mask"])
    total = compressed_error(found, clean, known)
    heard, wanted = synthesize(found), synthesize(clean)
    for size in OTHER_WINDOWS:
        window = vorbis(size).to(heard.device)
        spectra = [
            torch.stft(x, size, size // 2, window=window, center=False, return_complex=True).transpose(1, 2) / size
            for x in (heard, wanted)
        ]
        # Bins of the 20 ms windows, every second one or each twice.
        numbers = torch.arange(size // 2 + 1, device=known.device)
        bins = (numbers * WINDOW // size).clamp(max=USED - 1)
        inside = (numbers * WINDOW // size < USED).float()
        total = total + compressed_error(*spectra, (known[:, bins] * inside)[:, None])
    return total / (1 + len(OTHER_WINDOWS))
