"""Which optimiser has which weights."""

from __future__ import annotations

import torch

from training.config import Config
from training.muon import Muon


def make_optimisers(config: Config, network: torch.nn.Module) -> dict[str, torch.optim.Optimizer]:
    """AdamW, and Muon for the matrices between layers where config.matrix_rate is above 0.

    network.matrices() names these.
    """
    named = dict(network.named_parameters())
    inner = network.matrices() if config.matrix_rate else []
    rest = [value for name, value in named.items() if name not in inner]
    groups = [
        {"params": [p for p in rest if p.dim() > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in rest if p.dim() == 1], "weight_decay": 0.0},
    ]
    betas = (config.beta1, config.beta2)
    found: dict[str, torch.optim.Optimizer] = {"adam": torch.optim.AdamW(groups, betas=betas, fused=True)}
    if inner:
        found["muon"] = Muon([named[name] for name in inner], weight_decay=config.weight_decay)
    return found
