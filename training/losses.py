"""What the network is trained for: band gains, comb strengths, speech activity, and the error of what will be heard.

All inputs are [T, B, 34] (speech [T, B]) as float32. The gain loss is that of Valin et al. 2021 (perceptual exponent on
power, relative to the larger of the two, with a fourth-order term); the strength loss that of Valin et al. 2020. The
energy loss is computed from six band statistics through the mixing and scaling that the SDK does, so gain and strength
learn together.
"""

from __future__ import annotations

import torch
from torch.nn import functional

from training.features import HEARD, LOW, WEIGHT_EXPONENT
from training.loudness import POWER, points_lost
from training.spectrum import (
    SCALE_LIMIT,
    band_edges,
    band_weights,
    complex_bins,
    compressed_error,
    filtered,
    known_bins,
    spectrum_loss,
)

STATISTICS = ("xx", "pp", "yp", "xy", "xp")
INSIDE = int((band_edges() < LOW).sum()) - 1  # bands that lie within the low bins: 0..INSIDE


def masked_mean(value: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean of value where mask is 1; mask may hold weights."""
    return (value * mask).sum() / mask.sum().clamp(min=1.0)


def gain_loss(target, gain, mask, gamma: float, fourth: float) -> torch.Tensor:
    """D = (t - y)^2 / max(t, y) on t = g^(2 gamma), plus `fourth` D^2."""
    t = (target.square() + 1e-4) ** gamma
    y = (gain.square() + 1e-4) ** gamma
    distance = (t - y).square() / torch.maximum(t, y)
    return masked_mean(distance + fourth * distance.square(), mask)


def strength_loss(target, strength, mask) -> torch.Tensor:
    """Squared error of (1 - r)^0.5."""
    return masked_mean(((1.0001 - target).sqrt() - (1.0001 - strength).sqrt()).square(), mask)


def mix(gain, strength, xx, pp, yp, xy, xp):
    """Scale of the mixed bands, and energy and cross product with the clean signal of z = (1 - r) y + r p."""
    kept = 1 - strength
    energy = (kept.square() + 2 * kept * strength * yp + strength.square() * pp).clamp(min=1e-4)
    return (gain * energy.rsqrt()).clamp(max=SCALE_LIMIT), energy, kept * xy + strength * xp


def error_energy(gain, strength, xx, pp, yp, xy, xp) -> torch.Tensor:
    """Energy of enhanced minus clean, per band, over that of the noisy signal: statistics are over yy as well.

    z = (1 - r) y + r p is scaled to the energy g^2 yy, by at most 6; the error is |s z - x|^2.
    """
    scale, energy, cross = mix(gain, strength, xx, pp, yp, xy, xp)
    return (scale.square() * energy - 2 * scale * cross + xx).clamp(min=0)


def low_bins(rows: dict[str, torch.Tensor], gain, strength, taps: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Low bins as they will be heard: what gain and strength make of them, and the filtered noisy ones added.

    taps [T, B, LOW, N, 2] are those of frames t - N // 2 .. t + N // 2 around the one that is enhanced. Returns noisy,
    enhanced and clean [T - 2 (N // 2), B, LOW], complex: the frames whose neighbours are in the chunk.
    """
    noisy, comb, clean = (complex_bins(rows, name, LOW) for name in ("noisy", "comb", "clean"))
    weights = band_weights()[:, :LOW].to(gain.device)
    scale, *_ = mix(gain, strength, *(rows[name] for name in STATISTICS))
    share = (strength @ weights)[..., None]
    mixed = torch.lerp(torch.view_as_real(noisy), torch.view_as_real(comb), share) * (scale @ weights)[..., None]
    side = taps.shape[3] // 2
    inner = slice(side, len(noisy) - side)
    return noisy[inner], torch.view_as_complex(mixed)[inner] + filtered(noisy, taps[inner]), clean[inner]


def low_loss(rows: dict[str, torch.Tensor], noisy, found, clean) -> torch.Tensor:
    """Compressed error of the low bins, in units of each segment's level."""
    level = torch.view_as_real(noisy).square().sum(-1).mean((0, 2)).clamp(min=1e-3).rsqrt()[None, :, None]
    known = known_bins(rows["gain_mask"], rows["strength_mask"])[:, :LOW]
    return compressed_error(found * level, clean * level, known)


def heard(rows: dict[str, torch.Tensor], gain, strength, taps=None):
    """What comes out: rows, gains and error energies over that of the noisy signal, and the loss of the low bins (None
    without taps). With taps the frames at both ends of the chunk, which lack neighbours, are left out, and gain and
    error of the low bands are those of the filtered bins."""
    error = error_energy(gain, strength, *(rows[name] for name in STATISTICS))
    if taps is None:
        return rows, gain, error, None
    noisy, found, clean = low_bins(rows, gain, strength, taps)
    side = taps.shape[3] // 2
    inner = slice(side, len(gain) - side)
    rows = {name: value[inner] for name, value in rows.items()}
    weights = band_weights()[: INSIDE + 1, :LOW].to(gain.device).t()
    after, before, wrong = (torch.view_as_real(x).square().sum(-1) @ weights for x in (found, noisy, found - clean))
    low_gain = ((after + 1e-6) / (before + 1e-2)).sqrt().clamp(max=1.5)
    gain = torch.cat([low_gain, gain[inner, :, INSIDE + 1 :]], 2)
    error = torch.cat([wrong / before.clamp(min=1e-2), error[inner, :, INSIDE + 1 :]], 2)
    return rows, gain, error, low_loss(rows, noisy, found, clean)


def noisy_power(rows: dict[str, torch.Tensor]) -> torch.Tensor:
    """[T, B, 34], in a unit of each segment's own."""
    return rows["weight"] ** (1 / WEIGHT_EXPONENT)


def disturbance_loss(rows: dict[str, torch.Tensor], gain: torch.Tensor) -> torch.Tensor:
    """Mean of the points lost on the scale of PESQ, over segments with speech; where no gain is known nothing is."""
    level = rows["level"][..., :1]
    spoken = level > 0
    noisy = noisy_power(rows)[..., :HEARD] * torch.where(spoken, POWER / level.clamp(min=1e-6), 0)
    wanted = noisy * rows["xx"][..., :HEARD].clamp(min=0)
    known = rows["gain_mask"][..., :HEARD] > 0
    lost = points_lost(torch.where(known, gain[..., :HEARD].square() * noisy, wanted), wanted)
    return masked_mean(lost, spoken[:1, :, 0].float().expand_as(lost))


def total_loss(config, rows: dict[str, torch.Tensor], gain, strength, speech_logit, taps=None):
    """Weighted sum and its parts (detached) by name. rows: slices of a layout's columns as float32."""
    parts = {
        "strength": strength_loss(rows["strength"], strength, rows["strength_mask"]),
        "speech": functional.binary_cross_entropy_with_logits(speech_logit, rows["speech"][..., 0]),
    }
    if config.weight_spectrum:
        some = slice(0, config.spectrum_segments)
        parts["spectrum"] = spectrum_loss(
            {name: x[:, some] for name, x in rows.items()}, gain[:, some], strength[:, some]
        )
    rows, gain, error, low = heard(rows, gain, strength, taps)
    mask = rows["gain_mask"]
    parts["gain"] = gain_loss(rows["gain"], gain, mask, config.gamma, config.fourth)
    parts["energy"] = masked_mean(error.clamp(max=20.0) * rows["weight"], mask)
    if low is not None:
        parts["low"] = low
    if config.weight_disturbance:
        parts["disturbance"] = disturbance_loss(rows, gain)
    if config.weight_magnitude:
        wanted = (rows["xx"].clamp(min=0) + 1e-4) ** 0.3
        parts["magnitude"] = masked_mean(((gain.square() + 1e-4) ** 0.3 - wanted).square() * rows["weight"], mask)
    total = sum(getattr(config, f"weight_{name}") * value for name, value in parts.items())
    return total, {name: value.detach() for name, value in parts.items()}
