"""Recordings through a network as training knows it: float activations, weights on their int8 grid.

    python training/apply.py runs/NAME/checkpoint.safetensors NOISY OUT    # folders of 48 kHz mono WAV, equal names

Analysis and synthesis are the core's.
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
from training import topology
from training.whole import whole


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
        lookahead, fine = self.config.lookahead, bool(self.config.fine)
        found = _core.analyze(padded, lookahead=lookahead, fine=fine)
        seen = np.concatenate([found["features"], found["fine"]], axis=1) if fine else found["features"]
        seen = torch.from_numpy(seen.astype(np.float16).astype(np.float32))[:, None]
        gains, strengths, _, *taps, _ = self.network(seen, self.network.start(1), self.rounding)
        filters = taps[0][:, 0].contiguous().numpy() if taps and taps[0] is not None else None
        bands = (values[:, 0].contiguous().numpy() for values in (gains, strengths))
        return _core.synthesize(padded, *bands, lookahead=lookahead, taps=filters)[delay : delay + len(noisy)]


def write(path: Path, x: np.ndarray) -> None:
    """x [n] as a WAV of float32 at 48 kHz; the file appears whole or not at all."""
    with whole(path) as part:
        soundfile.write(part, x, RATE, subtype="FLOAT", format="WAV")


def main() -> int:
    """Command line; 2 with one line on stderr for bad input."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path, help="checkpoint.safetensors of a run, or bare weights")
    parser.add_argument("noisy", type=Path, help="folder of WAV files, 48 kHz mono")
    parser.add_argument("out", type=Path, help="folder for the enhanced files")
    args = parser.parse_args()
    torch.set_num_threads(1)
    try:
        if args.out.resolve() == args.noisy.resolve():
            raise ValueError(
                f"{args.out} holds the noisy files, which would be lost; give another folder for the others"
            )
        enhancer = Enhancer(args.weights)
        args.out.mkdir(parents=True, exist_ok=True)
        paths = sorted(args.noisy.glob("*.wav"))
        if not paths:
            raise ValueError(f"no .wav files in {args.noisy}")
        for path in paths:
            noisy, rate = soundfile.read(path, dtype="float32")
            if rate != RATE or noisy.ndim != 1:
                raise ValueError(f"{path}: {rate} Hz; only {RATE} Hz mono")
            write(args.out / path.name, enhancer(noisy))
    except (OSError, ValueError, soundfile.LibsndfileError) as error:
        print(f"apply: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
