"""The networks that can be trained, by name, and files of their weights that training goes on from.

`percepnet` is that of model.py, `bandsplit` that of bandsplit.py; export.py makes models of the SDK of both.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from training.bandsplit import BandSplit
from training.config import Config, set_values, to_json
from training.model import Network
from training.quantize import to_int8
from training.whole import whole

SCALE = ".scale"  # behind the name of a matrix that is stored as int8: one value per row
KEPT = ("bias", "place", "dense.weight")  # never rounded by the networks, whatever their dimensions

# What a checkpoint must share with the run that goes on from it.
SHAPE = (
    *("topology", "dense", "hidden", "strength", "lookahead"),
    *("channels", "blocks", "summary", "context", "trunk", "fine", "taps", "diagonal", "comb", "pitch"),
)


def build(config: Config) -> nn.Module:
    """The untrained network of a run."""
    if config.topology == "bandsplit":
        shape = (config.channels, config.blocks, config.summary, config.context, config.fine, config.taps)
        trunk = (config.dense, config.hidden, config.strength) if config.trunk else None
        return BandSplit(*shape, config.diagonal, config.comb, config.pitch, trunk, config.dropout)
    return Network(config.dense, config.hidden, config.strength, config.dropout)


def write_weights(weights: dict[str, torch.Tensor], config: Config, path: Path) -> None:
    """Weights as float16, with the settings of their run; the file is replaced whole."""
    _write({name: value.detach().to(torch.float16).contiguous() for name, value in weights.items()}, config, path)


def write_rounded(weights: dict[str, torch.Tensor], config: Config, path: Path) -> None:
    """As write_weights in half the bytes: matrices on their int8 grid, on which they were trained and will run."""
    stored = {}
    for name, value in weights.items():
        if value.dim() < 2 or name.endswith(KEPT):
            stored[name] = value.detach().to(torch.float16)
            continue
        grid, scales = to_int8(value.flatten(0, -2))
        stored[name], stored[name + SCALE] = grid.view_as(value), scales
    _write(stored, config, path)


def _write(tensors: dict[str, torch.Tensor], config: Config, path: Path) -> None:
    with whole(path) as part:
        save_file(tensors, part, metadata={"config": to_json(config)})


def read_weights(path: Path, average: bool = True) -> tuple[dict[str, torch.Tensor], Config]:
    """Weights as float32 and the settings of their run. ValueError: no run's.

    Of a checkpoint the running average, or the last weights.
    """
    try:
        with safe_open(path, "pt") as file:
            settings = json.loads((file.metadata() or {})["config"])
            names = list(file.keys())
            prefix = "ema." if average else "model."
            prefix = prefix if any(name.startswith(prefix) for name in names) else ""
            weights = {n.removeprefix(prefix): file.get_tensor(n).float() for n in names if n.startswith(prefix)}
            for name in [n.removesuffix(SCALE) for n in weights if n.endswith(SCALE)]:
                weights[name] *= weights.pop(name + SCALE).view(*weights[name].shape[:-1], 1)
    except (KeyError, ValueError, SafetensorError) as error:
        raise ValueError(f"{path}: no weights of a training run: {error}") from None
    known = {key: value for key, value in settings.items() if hasattr(Config, key) or key in Config.__annotations__}
    return weights, set_values(Config(), known)


def load(path: Path) -> tuple[nn.Module, Config]:
    """The trained network of a checkpoint or of write_weights, ready to run."""
    weights, config = read_weights(path)
    network = build(config).eval()
    network.load_state_dict(weights)
    return network, config
