"""95 % intervals of means over files, and of paired differences between two systems, by the bootstrap.

The files of a set are drawn anew with replacement, as many as there are, RESAMPLES times with a fixed seed; the
interval is between the 2.5 % and 97.5 % quantiles of the means (Efron and Tibshirani 1993, chapter 13).
Differences are taken file by file first, so that what is hard for both systems does not widen the interval.
"""

from __future__ import annotations

import functools

import numpy as np

RESAMPLES = 2000
SEED = 1
LEVEL = 0.95
WORST = {"pesq_wb": 1.0, "stoi": 0.0, "estoi": 0.0}


@functools.cache
def _draws(files: int) -> np.ndarray:
    """Which files each resample has, int [RESAMPLES, files]."""
    return np.random.default_rng([SEED, files]).integers(files, size=(RESAMPLES, files))


def bootstrap(values: np.ndarray) -> list[float] | None:
    """Low and high end of the mean of values [files]; None for fewer than two, which say nothing of their spread."""
    if len(values) < 2:
        return None
    means = np.asarray(values, np.float64)[_draws(len(values))].mean(axis=1)
    return np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).tolist()


def compare(old: dict, new: dict) -> dict[str, dict]:
    """Enhanced scores of `new` minus those of `old`, two evaluations of the same files.

    Returns {score: {"mean", "interval", "files"}}, "interval" as bootstrap says. A file for which only `new`
    lacks a score, as PESQ of silence, counts with the worst there is. ValueError if they share no file, or if the noisy
    scores of a file differ: then it is not the same file.
    """
    before, after = ({entry["id"]: entry for entry in result["files"]} for result in (old, new))
    common = [name for name in after if name in before]
    if not common:
        raise ValueError("the two evaluations share no file; give scores of the same set")
    found = {}
    for key in new["mean"]["enhanced"]:
        pairs = []
        for name in common:
            first, second = before[name], after[name]
            noisy = [entry["noisy"].get(key) for entry in (first, second)]
            if None not in noisy and abs(noisy[0] - noisy[1]) > 1e-3 * max(1.0, abs(noisy[0])):
                raise ValueError(
                    f"{name}: noisy {key} is {noisy[0]:.4f} and {noisy[1]:.4f}; give scores of the same set"
                )
            values = [entry["enhanced"].get(key) for entry in (first, second)]
            if values[0] is not None and values[1] is None:
                values[1] = WORST.get(key)
            if None not in values:
                pairs.append(values)
        if pairs:
            gain = np.diff(np.array(pairs, np.float64), axis=1)[:, 0]
            found[key] = {"mean": float(gain.mean()), "interval": bootstrap(gain), "files": len(gain)}
    return found


def text(gains: dict[str, dict], title: str) -> str:
    """A line per score: the mean difference and its interval."""
    lines = [title]
    for key, gain in gains.items():
        ends = "{:+.3f} .. {:+.3f}".format(*gain["interval"]) if gain["interval"] else "-"
        lines.append(f"{key:>14}{gain['mean']:>+9.3f}   95 % {ends}   {gain['files']} files")
    return "\n".join(lines)
