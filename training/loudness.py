"""What a listener would object to, frame by frame: the disturbance of ITU-T P.862 on the bands of the network.

P.862 (PESQ) compares the loudness of a signal and its original, in Bark bands: differences that the quieter of the two
would mask do not count, added sound counts more than missing sound, a frame whose level alone is off is forgiven, and
bad moments weigh more than their share. All of that needs band energies only, and those of the output are g^2 times
those of the noisy signal, so gains can be trained on it directly. As a loss per frame: Martin-Donas et al. 2018.
Alignment in time and the equalisation of the whole recording are left out: target and output are aligned and filtered
alike.
"""

from __future__ import annotations

import numpy as np
import torch

from training.features import CENTRES, HEARD

POWER = 3.4e6  # of speech at the listening level, 79 dB SPL: all bands together, mean over the recording
EXPONENT, SLOPE = 0.23, 0.1866  # Zwicker's law, to sone per Bark
POINTS = (0.1, 0.0309)  # what a unit of the symmetric and of the asymmetric disturbance costs on the scale of PESQ
INTERVAL = 25  # frames; nearly the 320 ms of the standard
WORST = 45.0  # disturbance of a frame


def bark(hertz: np.ndarray) -> np.ndarray:
    """Critical-band rate (Traunmueller 1990)."""
    return np.maximum(26.81 * hertz / (1960 + hertz) - 0.53, 0)


def hearing_threshold(hertz: np.ndarray) -> np.ndarray:
    """Power at the threshold of hearing (Terhardt 1979); 1 is 0 dB SPL."""
    khz = np.maximum(hertz, 50) / 1000
    return 10 ** (0.364 * khz**-0.8 - 0.65 * np.exp(-0.6 * (khz - 3.3) ** 2) + 1e-4 * khz**4)


_centres = CENTRES[: HEARD + 1]
_width = np.diff(bark(np.concatenate([[0], (_centres[1:] + _centres[:-1]) / 2])))
WIDTH = torch.tensor(_width, dtype=torch.float32)  # Bark
TOTAL = float(_width.sum())
DENSITY = torch.tensor(0.5 / np.maximum(_width, 0.1), dtype=torch.float32)  # the standard's bands are half a Bark wide
THRESHOLD = torch.tensor(hearing_threshold(_centres[:HEARD]), dtype=torch.float32)


def loudness(power: torch.Tensor) -> torch.Tensor:
    """Sone per Bark of powers [..., HEARD]; 0 below the threshold."""
    least = 2 * THRESHOLD.to(power.device)
    return (SLOPE * least**EXPONENT * ((0.5 + power / least) ** EXPONENT - 1)).clamp(min=0)


def audible_power(power: torch.Tensor) -> torch.Tensor:
    """[..., 1]: of the bands above the threshold together."""
    return (power * (power > THRESHOLD.to(power.device))).sum(-1, keepdim=True)


def points_lost(found: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Points of PESQ, one value per interval and segment, from band powers [T, B, HEARD] at the listening level."""
    width, density = WIDTH.to(found.device), DENSITY.to(found.device)
    found, wanted = found * density, wanted * density
    meant_power = audible_power(wanted)
    found = found * ((meant_power + 5e3) / (audible_power(found) + 5e3)).clamp(3e-4, 5.0)
    heard, meant = loudness(found), loudness(wanted)
    audible = ((heard - meant).abs() - 0.25 * torch.minimum(heard, meant)).clamp(min=0)
    excess = ((found + 50) / (wanted + 50)) ** 1.2
    excess = torch.where(excess < 3, torch.zeros_like(excess), excess.clamp(max=12))
    symmetric = TOTAL * ((audible.square() * width).sum(-1) / TOTAL + 1e-6).sqrt()
    asymmetric = (audible * excess * width).sum(-1)
    loud = ((meant_power[..., 0] + 1e5) / 1e7) ** 0.04
    total = 0.0
    for value, cost in zip((symmetric, asymmetric), POINTS, strict=True):
        intervals = (value / loud).clamp(max=WORST).split(INTERVAL)
        total = total + cost * torch.stack([(part**6).mean(0) + 1e-9 for part in intervals]) ** (1 / 6)
    return total
