"""How much of a recording is speech, and how far that stands above the noise, by the statistics of a stream."""

from __future__ import annotations

import numpy as np

from linnet.enhancer import Stats

SPEECH = 0.5  # speech probability from which a frame counts as speech
_LOWEST, _HIGHEST, _STEP = -30.0, 60.0, 0.1  # dB, the range of Stats.input_snr_db and what is told apart of it


class Activity:
    """Gathers the statistics of a stream, in memory that does not grow with it."""

    def __init__(self) -> None:
        self._frames = 0
        self._ratios = np.zeros(round((_HIGHEST - _LOWEST) / _STEP) + 1, np.int64)  # frames with speech by their SNR

    def add(self, stats: Stats, frames: int = 1) -> None:
        """The state at the last of so many frames, which stands for them all."""
        self._frames += frames
        if stats.speech_probability >= SPEECH:
            self._ratios[round((stats.input_snr_db - _LOWEST) / _STEP)] += frames

    @property
    def speech_percent(self) -> float | None:
        """Share of the time with speech; None before the first frame."""
        return 100.0 * float(self._ratios.sum()) / self._frames if self._frames else None

    @property
    def snr_db(self) -> float | None:
        """Speech to noise ratio of the input, the median over the time with speech; None without speech."""
        passed = np.cumsum(self._ratios)
        if not passed[-1]:
            return None
        return round(_LOWEST + _STEP * int(np.searchsorted(passed, passed[-1] / 2)), 1)
