"""Scores of a degraded or enhanced recording against its clean reference: PESQ-WB, STOI and SI-SDR, all at 16 kHz.

PESQ-WB is ITU-T P.862.2 (1..4.64) by the package pesq; STOI is Taal et al. 2011 (0..1) by pystoi; SI-SDR is the
scale-invariant signal to distortion ratio of Le Roux et al. 2019 in dB. Both recordings must be aligned to the sample.
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
    clean, degraded = _at_16k(clean, rate), _at_16k(degraded, rate)
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
    """PESQ-WB of two signals at 16 kHz; NaN where PESQ finds no utterance."""
    module = _package("pesq")
    try:
        return float(module.pesq(RATE, clean, degraded, "wb"))
    except (module.NoUtterancesError, module.BufferTooShortError):
        return float("nan")


def stoi(clean: Signal, degraded: Signal) -> float:
    """STOI of two signals at 16 kHz; NaN for less than 0.4 s of speech, which is too little for it."""
    module = _package("pystoi")
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            return float(module.stoi(clean, degraded, RATE))
        except RuntimeWarning:
            return float("nan")


def check_packages() -> None:
    """Raises ImportError now, in one line, if a package that scoring needs is missing."""
    for name in ("pesq", "pystoi"):
        _package(name)


def _package(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise ImportError(f"{name} is not installed, scores need it: pip install 'linnet[measure]'") from error


def _at_16k(x: Signal, rate: int) -> NDArray[np.float64]:
    return soxr.resample(x.astype(np.float64), rate, RATE, "HQ")


def _check_pair(clean: Signal, degraded: Signal) -> None:
    if clean.shape != degraded.shape or clean.ndim != 1:
        raise ValueError(
            f"clean has shape {clean.shape}, degraded {degraded.shape}; give two mono signals of one length"
        )
