"""Scores of a degraded or enhanced recording against its clean reference, and of a speech detector against the truth.

At 16 kHz: PESQ-WB, ITU-T P.862.2 (1..4.64) by the package pesq; STOI, Taal et al. 2011, and ESTOI, Jensen and Taal
2016 (0..1) by pystoi; SI-SDR, the scale-invariant signal to distortion ratio of Le Roux et al. 2019 in dB. At the
recording's own rate: log-spectral distance in dB. Both recordings must be aligned to the sample.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

RATE = 16000
Signal = NDArray[np.floating[Any]]


_RANGE = 1e-8  # 80 dB below its loudest bin a spectrum counts as silent
_ACTIVE = 1e-4  # frames within 40 dB of the loudest one hold speech


@dataclass(frozen=True)
class Scores:
    """NaN stands for a score that this pair lacks: PESQ and STOI need speech, SI-SDR a reference that is not silent."""

    pesq_wb: float
    stoi: float
    si_sdr: float


def score(clean: Signal, degraded: Signal, rate: int) -> Scores:
    """All three scores of two aligned mono recordings [n] at any rate.

    Raises ValueError if they differ in shape, ImportError if pesq or pystoi is not installed.
    """
    _check_pair(clean, degraded)
    clean, degraded = at_16k(clean, rate), at_16k(degraded, rate)
    return Scores(pesq_wb(clean, degraded), stoi(clean, degraded), si_sdr(clean, degraded))


def si_sdr(clean: Signal, degraded: Signal) -> float:
    """SI-SDR in dB of two aligned signals [n]: NaN if the reference is silent, -inf if the degraded one is silent."""
    _check_pair(clean, degraded)
    reference, estimate = clean.astype(np.float64), degraded.astype(np.float64)
    energy = float(reference @ reference)
    if energy == 0.0:
        return float("nan")
    target = (float(reference @ estimate) / energy) * reference
    kept, rest = float(target @ target), float(((estimate - target) ** 2).sum())
    if kept == 0.0:
        return float("-inf")
    return 10.0 * math.log10(kept / rest) if rest else float("inf")


def pesq_wb(clean: Signal, degraded: Signal) -> float:
    """PESQ-WB of two signals at 16 kHz; NaN for less than 0.25 s, where either is silent, and where PESQ finds no
    utterance."""
    module = _package("pesq")
    if len(clean) < RATE // 4 or not (clean.any() and degraded.any()):
        return float("nan")
    try:
        return float(module.pesq(RATE, clean, degraded, "wb"))
    except (module.NoUtterancesError, ValueError):  # the latter if one is so much louder that the other becomes silence
        return float("nan")


def stoi(clean: Signal, degraded: Signal, extended: bool = False) -> float:
    """STOI of two signals at 16 kHz; NaN for less than 0.4 s of speech, which is too little for it, or none at all."""
    module = _package("pystoi")
    if len(clean) < 0.4 * RATE or not clean.any():
        return float("nan")
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            return float(module.stoi(clean, degraded, RATE, extended))
        except RuntimeWarning:
            return float("nan")


def estoi(clean: Signal, degraded: Signal) -> float:
    """Extended STOI of two signals at 16 kHz; NaN where STOI is."""
    return stoi(clean, degraded, extended=True)


def log_spectral_distance(clean: Signal, degraded: Signal, rate: int) -> float:
    """Root mean square over frequency, mean over time, of the level difference in dB of two aligned signals [n].

    Hann windows of 40 ms every 10 ms, all frequencies up to rate / 2 alike. Levels more than 80 dB below the loudest
    bin of the clean signal count as 80 dB below. NaN if the clean signal is silent or shorter than a window.
    """
    _check_pair(clean, degraded)
    size, hop = rate // 25, rate // 100
    if len(clean) < size or not clean.any():
        return float("nan")
    window = np.hanning(size + 1)[:-1]
    floor, total, frames = 0.0, 0.0, 0
    views = [np.lib.stride_tricks.sliding_window_view(x.astype(np.float64), size)[::hop] for x in (clean, degraded)]
    # Part by part, because whole spectrograms of long recordings would not fit into memory.
    parts = [slice(start, start + 500) for start in range(0, len(views[0]), 500)]
    for part in parts:
        floor = max(floor, _RANGE * float((np.abs(np.fft.rfft(views[0][part] * window)) ** 2).max()))
    for part in parts:
        levels = [10 * np.log10(np.maximum(np.abs(np.fft.rfft(view[part] * window)) ** 2, floor)) for view in views]
        distance = np.sqrt(((levels[0] - levels[1]) ** 2).mean(axis=1))
        total, frames = total + float(distance.sum()), frames + len(distance)
    return total / frames


def speech_frames(clean: Signal, rate: int) -> NDArray[np.bool_]:
    """Where a clean recording [n] holds speech: frame l is the 20 ms around sample l * rate / 100, up to its end.

    A frame counts as speech if its power is within 40 dB of the loudest one's; none does in silence.
    """
    hop = rate // 100
    padded = np.zeros((-(-len(clean) // hop) + 1) * hop)
    padded[hop : hop + len(clean)] = clean
    halves = (padded.reshape(-1, hop) ** 2).sum(axis=1)
    power = halves[:-1] + halves[1:]
    return (power >= _ACTIVE * power.max(initial=0.0)) & (power > 0)


def roc_auc(truth: NDArray[np.bool_], score: NDArray[np.floating[Any]]) -> float:
    """Area under the ROC curve of a detector: the chance that a frame with speech gets the higher score of two.

    truth and score [n]; equal scores count half. NaN if the frames are all of one kind. ValueError if shapes differ.
    """
    if truth.shape != score.shape or truth.ndim != 1:
        raise ValueError(f"truth has shape {truth.shape}, score {score.shape}; give two rows of one length")
    positives = int(np.count_nonzero(truth))
    negatives = len(truth) - positives
    if not positives or not negatives:
        return float("nan")
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = np.cumsum(count) - (count - 1) / 2  # of equal scores, the mean of their ranks
    return float((rank[place][truth].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def check_packages() -> None:
    """Raises ImportError now, in one line, if a package that scoring needs is missing."""
    for name in ("pesq", "pystoi"):
        _package(name)


def _package(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise ImportError(f"{name} is not installed, scores need it: pip install {name}") from error


def at_16k(x: Signal, rate: int) -> NDArray[np.float64]:
    """A mono signal [n] at any rate, resampled to the rate of the speech scores."""
    return soxr.resample(x.astype(np.float64), rate, RATE, "HQ")


def _check_pair(clean: Signal, degraded: Signal) -> None:
    if clean.shape != degraded.shape or clean.ndim != 1:
        raise ValueError(
            f"clean has shape {clean.shape}, degraded {degraded.shape}; give two mono signals of one length"
        )
