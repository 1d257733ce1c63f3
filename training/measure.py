"""Losses of a network on rows, and of one of a run on voices and noises of either split.

    python training/measure.py runs/large/checkpoint.safetensors               # or bare weights
    python training/measure.py WEIGHTS segments=64 data=A,B [any field of training/config.py]

Four sets of mixtures are made alike, of the voices of one split in the noises of one: where a network does better with
the voices that it was trained on, more voices are worth more than longer training; with the noises, more noises.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from torch import nn

import training
from training import data, features, topology
from training.augment import Mixer
from training.config import Config, check, set_values, split_words
from training.losses import heard, noisy_power, total_loss

SEGMENTS = 64
CHUNK = 200  # frames
CLEAN_DB = 35.0  # the SNR from which a mixture counts as clean speech


@torch.no_grad()
def measure(config: Config, network: nn.Module, rows: torch.Tensor, outputs: Callable) -> dict[str, float]:
    """Mean loss parts of a network with int8-rounded weights on [B, T, COLUMNS]; SNR in bands before and after, dB.

    snr_clean is that after of mixtures that were clean, where there are some: what is done to speech without noise.
    outputs: (network, inputs, states, rounding) -> what the network gives, float32.
    """
    row = features.layout(config)
    states = network.start(rows.shape[0])
    sums: dict[str, float] = {}
    energies = torch.zeros(3, rows.shape[0], device=rows.device)  # clean, error before, error after
    starts = range(0, rows.shape[1], CHUNK)
    for start in starts:
        part = row.split(rows[:, start : start + CHUNK].transpose(0, 1).contiguous())
        *found, states = outputs(network, features.seen(part), states, True)
        loss, parts = total_loss(config, part, *found)
        parts["loss"] = loss
        for key, value in parts.items():
            sums[key] = sums.get(key, 0.0) + float(value) / len(starts)
        gain, strength, _, *taps = found
        part, _, error, _ = heard(part, gain, strength, *taps)
        scale = noisy_power(part) * part["gain_mask"]
        before = (1 - 2 * part["xy"] + part["xx"]).clamp(min=0)
        energies += torch.stack([(value * scale).sum((0, 2)) for value in (part["xx"], before, error)])
    spoken = energies[0] > 0
    clean, before, after = energies[:, spoken].clamp(min=1e-9).log10() * 10
    # Nearly clean mixtures would dominate the mean: counted up to 30 dB.
    sums["snr_in"] = float((clean - before).clamp(max=30).mean())
    sums["snr_out"] = float((clean - after).clamp(max=30).mean())
    was_clean = clean - before > CLEAN_DB
    if was_clean.any():
        sums["snr_clean"] = float((clean - after)[was_clean].clamp(max=CLEAN_DB).mean())
    return sums


def mixers(config: Config) -> dict[str, Mixer]:
    """Mixers that differ in the split of the voices and of the noises alone."""
    corpora = {split: data.load(config, split) for split in ("train", "valid")}
    found = {}
    for voices, of_voices in corpora.items():
        for noises, of_noises in corpora.items():
            # The split says that nothing is made hard or computed, and which of the simulated rooms there are.
            corpus = data.Corpus(of_voices.speech, of_noises.noise, corpora["valid"].rooms, "valid")
            found[f"{voices} voices, {noises} noises"] = Mixer(corpus, config)
    return found


def main() -> int:
    """Command line; 2 with one line on stderr for bad input."""
    words = sys.argv[1:]
    if not words or {"-h", "--help"} & set(words):
        print(__doc__.strip())
        return 0 if words else 2
    training.keep_memory()
    torch.set_num_threads(1)
    try:
        network, config = topology.load(Path(words[0]))
        preset, given = split_words(words[1:])
        segments = str(given.pop("segments", SEGMENTS))
        if preset or not segments.isdecimal() or segments == "0":
            raise ValueError(f"'{preset or segments}': behind the weights give key=value, and of segments 1 or more")
        config = set_values(config, {"data": Config.data, "init": "", "device": "cpu"} | given)
        check(config)
        for name, mixer in mixers(config).items():
            rows = torch.from_numpy(features.generate(mixer, [[5, i] for i in range(int(segments))], config.lookahead))
            values = measure(config, network, rows, lambda network, *inputs: network(*inputs))
            print(f"{name}: {' '.join(f'{key} {value:.4g}' for key, value in values.items())}", flush=True)
    except (OSError, ValueError) as error:
        print(f"measure: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
