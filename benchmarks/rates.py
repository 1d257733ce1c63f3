"""Whether a stream at a low rate is as good as one at 48 kHz with a resampler before and after it.

    PYTHONPATH=python python -m benchmarks.rates SET [SET ...] [--model NAME] [--count 8]

SET holds noisy/ and clean/ with files of the same names, as `training/evaluate.py` takes them. Every recording is first
brought to the rate (soxr VHQ), so that both ways start from the same samples. PESQ against the clean recording at that
rate: narrow band at 8 kHz, wide band of 16 kHz above. Prints a table of means and of the largest difference, and writes
it to build/bench/rates.json; exit status 1 if the means differ by more than 0.03. A single recording says little:
shifting it by a part of a frame moves the score of either way by up to 0.2.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import soundfile
import soxr
from pesq import NoUtterancesError, pesq

import linnet
from benchmarks import common
from linnet import _core
from linnet.model.blob import checksum

LIMIT = 0.03


def scores(clean: np.ndarray, noisy: np.ndarray, rate: int, model: linnet.Model) -> tuple[float, float, float]:
    """PESQ of signals [n] at a rate in Hz: as they are, by way of 48 kHz, and native."""
    full = soxr.resample(noisy, rate, _core.RATE, "VHQ").astype(np.float32)
    resampled = soxr.resample(linnet.enhance(full, _core.RATE, model=model), _core.RATE, rate, "VHQ")
    at = min(rate, 16000)

    def score(x: np.ndarray) -> float:
        pair = (soxr.resample(y[: len(clean)].astype(np.float64), rate, at, "VHQ") for y in (clean, x))
        return float(pesq(at, *pair, "nb" if at == 8000 else "wb"))

    return score(noisy), score(resampled), score(linnet.enhance(noisy, rate, model=model))


def chosen(folder: Path, count: int) -> list[Path]:
    """At most so many noisy recordings of a set, evenly spaced in their order. Raises OSError."""
    found = sorted((folder / "noisy").iterdir())
    count = min(count, len(found))
    return [found[number * len(found) // count] for number in range(count)]


def main() -> int:
    """Prints the table; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", type=Path, metavar="SET")
    parser.add_argument("--model", default="small")
    parser.add_argument(
        "--count", type=common.count, default=8, help="recordings of each set, evenly spaced in their order"
    )
    options = parser.parse_args()
    model = linnet.Model(options.model)
    files = [path for folder in options.sets for path in chosen(folder, options.count)]
    failed, kept = False, []
    print(f"{'rate':>6} {'noisy':>7} {'48 kHz':>7} {'native':>7} {'mean':>8} {'worst':>8}  recordings")
    for rate in _core.RATES[:-1]:
        rows = []
        for path in files:
            signals = []
            for kind in ("clean", "noisy"):
                x, own = soundfile.read(path.parent.parent / kind / path.name, dtype="float32")
                signals.append(soxr.resample(x, own, rate, "VHQ").astype(np.float32))
            try:
                rows.append(scores(*signals, rate, model))
            except NoUtterancesError:
                print(f"{path}: no speech for PESQ, left out", file=sys.stderr)
        if not rows:
            raise RuntimeError(f"no recording in {', '.join(map(str, options.sets))} that PESQ finds speech in")
        table = np.array(rows)
        difference = table[:, 2] - table[:, 1]
        mean, worst = difference.mean(), difference[np.abs(difference).argmax()]
        failed = failed or abs(mean) > LIMIT
        before, resampled, native = table.mean(axis=0)
        print(
            f"{rate:6} {before:7.3f} {resampled:7.3f} {native:7.3f} {mean:+8.3f} {worst:+8.3f}  {len(rows)}", flush=True
        )
        means = {"noisy": before, "resampled": resampled, "native": native, "difference": mean, "worst": worst}
        kept.append({"rate": rate, "recordings": len(rows)} | {key: float(value) for key, value in means.items()})
    path = common.save("rates", {"model": model.name, "crc": checksum(model.to_bytes()), "rates": kept})
    print(path.relative_to(common.ROOT))
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(common.status_of(main))
