"""What the network is trained for: band gains, comb strengths, speech activity, and the error of what will be heard.

All inputs are [T, B, 34] (speech [T, B]) as float32. The gain loss is that of Valin et al. 2021 (perceptual exponent on
power, relative to the larger of the two, with a fourth-order term); the strength loss that of Valin et al. 2020. The
energy loss is computed from six band statistics through the mixing and scaling that the SDK does, so gain and strength
learn together.
"""

from __future__ import annotations

import torch
from torch.nn import functional

from training.features import HEARD, WEIGHT_EXPONENT
from training.loudness import POWER, points_lost
from training.spectrum import SCALE_LIMIT, spectrum_loss


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


def error_energy(gain, strength, xx, pp, yp, xy, xp) -> torch.Tensor:
    """Energy of enhanced minus clean, per band, over that of the noisy signal: statistics are over yy as well.

    z = (1 - r) y + r p is scaled to the energy g^2 yy, by at most 6; the error is |s z - x|^2.
    """
    kept = 1 - strength
    energy = (kept.square() + 2 * kept * strength * yp + strength.square() * pp).clamp(min=1e-4)
    cross = kept * xy + strength * xp
    scale = (gain * energy.rsqrt()).clamp(max=SCALE_LIMIT)
    return (scale.square() * energy - 2 * scale * cross + xx).clamp(min=0)


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


def total_loss(config, rows: dict[str, torch.Tensor], gain, strength, speech_logit) -> tuple[torch.Tensor, dict]:
    """Weighted sum and its parts (detached) by name. rows: slices of features.columns as float32."""
    mask = rows["gain_mask"]
    parts = {
        "gain": gain_loss(rows["gain"], gain, mask, config.gamma, config.fourth),
        "strength": strength_loss(rows["strength"], strength, rows["strength_mask"]),
        "speech": functional.binary_cross_entropy_with_logits(speech_logit, rows["speech"][..., 0]),
    }
    statistics = [rows[name] for name in ("xx", "pp", "yp", "xy", "xp")]
    error = error_energy(gain, strength, *statistics)
    parts["energy"] = masked_mean(error.clamp(max=20.0) * rows["weight"], mask)
    if config.weight_disturbance:
        parts["disturbance"] = disturbance_loss(rows, gain)
    if config.weight_magnitude:
        wanted = (rows["xx"].clamp(min=0) + 1e-4) ** 0.3
        parts["magnitude"] = masked_mean(((gain.square() + 1e-4) ** 0.3 - wanted).square() * rows["weight"], mask)
    if config.weight_spectrum:
        some = slice(0, config.spectrum_segments)
        parts["spectrum"] = spectrum_loss(
            {name: x[:, some] for name, x in rows.items()}, gain[:, some], strength[:, some]
        )
    total = sum(getattr(config, f"weight_{name}") * value for name, value in parts.items())
    return total, {name: value.detach() for name, value in parts.items()}
