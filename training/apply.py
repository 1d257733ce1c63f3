"""Recordings through a trained network that the SDK does not have yet: float activations, weights on their int8 grid.

    python training/apply.py runs/NAME/best.safetensors NOISY OUT      # folders of 48 kHz mono WAV files of equal names

Analysis is the core's; mixing, scaling and synthesis are those of spectrum.py, which a test holds to the core.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import soundfile
import torch

import training  # noqa: F401  (finds linnet)
from linnet import _core
from linnet._core import FRAME, RATE
from training import spectrum, topology
from training.features import LOW, fine_inputs

FULL_SCALE = 32768  # of the core's spectra


class Enhancer:
    """enhancer(noisy [n]) -> [n], aligned, both float32 at 48 kHz."""

    def __init__(self, path: Path, rounding: bool = True):
        """ValueError, OSError: no weights of a training run. rounding: weights on their int8 grid."""
        self.network, self.config = topology.load(path)
        self.rounding = rounding

    @torch.no_grad()
    def __call__(self, noisy: np.ndarray) -> np.ndarray:
        """Silence stands in for what is before and behind."""
        delay = (self.config.lookahead + 1) * FRAME
        steps = -(-(len(noisy) + delay) // FRAME)
        padded = np.zeros(steps * FRAME, np.float32)
        padded[: len(noisy)] = noisy
        found = _core.analyze(padded, lookahead=self.config.lookahead, spectra=True)
        seen = found["features"]
        if self.config.fine:
            seen = np.concatenate([seen, fine_inputs(found["noisy"], self.config.lookahead)], axis=1)
        seen = torch.from_numpy(seen.astype(np.float16).astype(np.float32))[:, None]
        gains, strengths, _, *taps, _ = self.network(seen, self.network.start(1), self.rounding)
        bins, comb = (torch.from_numpy(found[name][:, None, : spectrum.USED].copy()) for name in ("noisy", "comb"))
        out = spectrum.enhance(bins, comb, gains, strengths)
        if taps and taps[0] is not None:
            out[..., :LOW] += filtered(bins[..., :LOW], taps[0])
        return spectrum.synthesize(out)[0].numpy()[delay : delay + len(noisy)] / np.float32(FULL_SCALE)


def filtered(bins: torch.Tensor, taps: torch.Tensor) -> torch.Tensor:
    """[T, B, LOW]: the complex filters [T, B, LOW, N, 2] over frames t - N // 2 .. t + N // 2; zeros at both ends."""
    side = torch.zeros(taps.shape[3] // 2, *bins.shape[1:], dtype=bins.dtype)
    return spectrum.filtered(torch.cat([side, bins, side]), taps)


def main() -> int:
    """Command line; 2 with one line on stderr for bad input."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path, help="best.safetensors or checkpoint.safetensors of a run")
    parser.add_argument("noisy", type=Path, help="folder of WAV files, 48 kHz mono")
    parser.add_argument("out", type=Path, help="folder for the enhanced files")
    args = parser.parse_args()
    torch.set_num_threads(1)
    try:
        enhancer = Enhancer(args.weights)
        args.out.mkdir(parents=True, exist_ok=True)
        paths = sorted(args.noisy.glob("*.wav"))
        if not paths:
            raise ValueError(f"no .wav files in {args.noisy}")
        for path in paths:
            noisy, rate = soundfile.read(path, dtype="float32")
            if rate != RATE or noisy.ndim != 1:
                raise ValueError(f"{path}: {rate} Hz; only {RATE} Hz mono")
            soundfile.write(args.out / path.name, enhancer(noisy), rate, subtype="FLOAT")
    except (OSError, ValueError, soundfile.LibsndfileError) as error:
        print(f"apply: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
