"""Levels of a recording over frames of 20 ms, all channels together, and how far they fall in the pauses of speech."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linnet import _core
from linnet.io.formats import Block

MOST_POWERS = 2**18  # kept of a stream: all of the first 87 minutes, then evenly chosen ones
PREVIEW_SECONDS = 30.0  # of the first channel, kept for a figure
_SILENCE = 1e-10  # power of -100 dBFS, added so that digital silence has a level


def frame_powers(audio: NDArray[np.floating[Any]], rate: int) -> NDArray[np.float64]:
    """Mean power of each whole 20 ms frame; audio [n] or [n, channels]."""
    frame = max(1, rate // 50)
    channels = 1 if audio.ndim == 1 else audio.shape[1]
    whole = audio[: len(audio) // frame * frame].astype(np.float64).reshape(-1, frame * channels)
    return (whole**2).mean(axis=1)


def level_db(power: float) -> float:
    """Level of a mean power over full scale; -100 of digital silence."""
    return 10.0 * math.log10(power + _SILENCE)


def pauses(powers: NDArray[np.float64], below_db: float = 15.0) -> NDArray[np.bool_]:
    """Frames so far below the active speech, which is the mean of all frames within 40 dB of the loudest.

    The default suits enhanced speech, in whose pauses some noise is left.
    """
    if not len(powers) or powers.max() <= _SILENCE:
        return np.zeros(len(powers), dtype=bool)
    active = powers[powers > powers.max() * 1e-4].mean()
    return powers < active * 10 ** (-below_db / 10)


def noise_reduction(before: NDArray[np.float64], after: NDArray[np.float64], where: NDArray[np.bool_]) -> float | None:
    """Fall in level in dB, the median over the chosen frames; None if they make up less than 0.2 s."""
    length = min(len(before), len(after), len(where))
    chosen = where[:length]
    if np.count_nonzero(chosen) < 10:
        return None
    ratio = (before[:length][chosen] + _SILENCE) / (after[:length][chosen] + _SILENCE)
    return 10.0 * math.log10(float(np.median(ratio)))


class Meter:
    """Frame powers of a stream that comes in blocks, and its first seconds if a preview is wanted.

    Memory does not grow with the stream: of a long one every second, fourth, ... frame is kept, the same ones by meters
    that were given as many samples.
    """

    def __init__(self, rate: int, preview: bool) -> None:
        self._rate = rate
        self._rest: Block | None = None
        self._powers = np.zeros(MOST_POWERS)
        self._kept, self._every, self._frames = 0, 1, 0
        self._missing = int(PREVIEW_SECONDS * rate) if preview else 0
        self._first: list[NDArray[np.float32]] = []

    def add(self, block: Block) -> None:
        """The next block."""
        if self._missing > 0:
            self._first.append(np.array(block[: self._missing, 0]))
            self._missing -= len(self._first[-1])
        block = np.nan_to_num(np.clip(block, -_core.MAX_SAMPLE, _core.MAX_SAMPLE), nan=0.0)
        if self._rest is not None:
            block = np.concatenate([self._rest, block])
        powers = frame_powers(block, self._rate)
        chosen = powers[-self._frames % self._every :: self._every]
        while self._kept + len(chosen) > MOST_POWERS:
            half = self._powers[: self._kept : 2].copy()
            self._kept, self._every = len(half), 2 * self._every
            self._powers[: self._kept] = half
            chosen = powers[-self._frames % self._every :: self._every]
        self._powers[self._kept : self._kept + len(chosen)] = chosen
        self._kept, self._frames = self._kept + len(chosen), self._frames + len(powers)
        frame = max(1, self._rate // 50)
        self._rest = block[len(block) // frame * frame :]

    def powers(self) -> NDArray[np.float64]:
        """Of the whole frames so far, all or evenly chosen ones."""
        return self._powers[: self._kept]

    def preview(self) -> NDArray[np.float32]:
        """The first seconds of the first channel."""
        return np.concatenate(self._first) if self._first else np.zeros(0, np.float32)
