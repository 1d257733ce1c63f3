"""One recording enhanced from file to file in constant memory, with the numbers that the command line reports.

CPU load is process time over the length of the recording, so 100 % is one core kept busy in real time. Noise
reduction is the fall in level over the pauses of speech. Levels are taken over frames of 20 ms, all channels
together.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linnet.audio import AudioError, Block, Format, open_input, open_output
from linnet.catalog import DEFAULT_MODEL, ModelError, ModelLike, model_label
from linnet.enhancer import DEFAULT_POSTFILTER, HIGHEST_RATE, LOWEST_RATE, MAX_CHANNELS, RATE, RateAdapter, Stats

BLOCK_SECONDS = 1.0
PREVIEW_SECONDS = 30.0  # of the first channel, kept for a figure
_SILENCE = 1e-10  # power of -100 dBFS, added so that digital silence has a level


@dataclass(frozen=True)
class Options:
    """How to enhance. raw: (rate, channels) of headerless samples on stdin, and stdout headerless too."""

    model: ModelLike = DEFAULT_MODEL
    attenuation_limit_db: float = 100.0
    postfilter: float = DEFAULT_POSTFILTER
    backend: str | None = None
    compensate: bool = True
    raw: tuple[int, int] | None = None


@dataclass
class Result:
    """What was done. delay: samples at 48 kHz of the live stream; noise_reduction_db None where no pause was found."""

    input: str
    output: str
    format: Format
    samples: int
    options: Options
    backend: str
    delay: int
    cpu_seconds: float
    nonfinite: int
    stats: Stats
    noise_reduction_db: float | None
    preview: tuple[NDArray[np.float32], NDArray[np.float32]] | None = field(default=None, repr=False)

    @property
    def seconds(self) -> float:
        """Length of the recording."""
        return self.samples / self.format.rate

    @property
    def cpu_percent(self) -> float:
        """Load of one core, if the recording had come in live."""
        return 100.0 * self.cpu_seconds / self.seconds

    @property
    def delay_ms(self) -> float:
        """Delay of the live stream; files come out without it unless asked otherwise."""
        return 1000.0 * self.delay / RATE

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "input": self.input,
            "output": self.output,
            "seconds": round(self.seconds, 6),
            "samples": self.samples,
            "rate": self.format.rate,
            "channels": self.format.channels,
            "subtype": self.format.subtype,
            "model": model_label(self.options.model),
            "backend": self.backend,
            "attenuation_limit_db": self.options.attenuation_limit_db,
            "postfilter": self.options.postfilter,
            "delay_samples": self.delay,
            "delay_ms": self.delay_ms,
            "delay_compensated": self.options.compensate,
            "cpu_percent": round(self.cpu_percent, 3),
            "nonfinite_samples": self.nonfinite,
            "noise_reduction_db": None if self.noise_reduction_db is None else round(self.noise_reduction_db, 2),
            "last_frame": {name: round(value, 4) for name, value in self.stats._asdict().items()},
        }


def enhance_file(
    source: str,
    target: str,
    options: Options,
    *,
    preview: bool = False,
    progress: Callable[[float], None] | None = None,
) -> Result:
    """Enhances one recording; paths may be "-". Raises AudioError, ModelError or ValueError; leaves no partial file.

    preview True keeps the first 30 s for a figure. progress is told the seconds done since its last call.
    """
    with ExitStack() as stack:
        reader = stack.enter_context(open_input(source, options.raw))
        form = reader.format
        _check_format(source, form)
        _check_distinct(source, target)
        adapter = RateAdapter(
            options.model,
            form.rate,
            form.channels,
            compensate=options.compensate,
            attenuation_limit_db=options.attenuation_limit_db,
            postfilter=options.postfilter,
            backend=options.backend,
        )
        backend, delay = adapter.engine.backend, adapter.engine.delay
        writer = stack.enter_context(open_output(target, form, options.raw is not None))
        before, after = _Meter(form.rate, preview), _Meter(form.rate, preview)
        samples, cpu = 0, 0.0
        for block in reader.blocks(int(BLOCK_SECONDS * form.rate)):
            samples += len(block)
            started = time.process_time()
            ready = adapter.feed(block)
            cpu += time.process_time() - started
            before.add(block)
            after.add(ready)
            writer.write(ready)
            if progress:
                progress(len(block) / form.rate)
        stats = adapter.engine.stats
        started = time.process_time()
        rest = adapter.finish()
        cpu += time.process_time() - started
        after.add(rest)
        writer.write(rest)
    reduction = None
    if options.compensate:
        powers = before.powers(), after.powers()
        reduction = noise_reduction(*powers, pauses(powers[1]))
    images = (before.preview(), after.preview()) if preview else None
    return Result(
        source, target, form, samples, options, backend, delay, cpu, adapter.nonfinite, stats, reduction, images
    )


def frame_powers(audio: NDArray[np.floating[Any]], rate: int) -> NDArray[np.float64]:
    """Mean power of each whole 20 ms frame; audio [n] or [n, channels]."""
    frame = max(1, rate // 50)
    channels = 1 if audio.ndim == 1 else audio.shape[1]
    whole = audio[: len(audio) // frame * frame].astype(np.float64).reshape(-1, frame * channels)
    return (whole**2).mean(axis=1)


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


class _Meter:
    """Frame powers of a stream that comes in blocks, and its first seconds if a preview is wanted."""

    def __init__(self, rate: int, preview: bool) -> None:
        self._rate = rate
        self._rest: Block | None = None
        self._powers: list[NDArray[np.float64]] = []
        self._wanted = int(PREVIEW_SECONDS * rate) if preview else 0
        self._first: list[NDArray[np.float32]] = []

    def add(self, block: Block) -> None:
        if self._wanted > 0:
            self._first.append(np.array(block[: self._wanted, 0]))
            self._wanted -= len(self._first[-1])
        block = np.nan_to_num(np.clip(block, -4, 4), nan=0.0)
        if self._rest is not None:
            block = np.concatenate([self._rest, block])
        self._powers.append(frame_powers(block, self._rate))
        frame = max(1, self._rate // 50)
        self._rest = block[len(block) // frame * frame :]

    def powers(self) -> NDArray[np.float64]:
        return np.concatenate(self._powers) if self._powers else np.zeros(0)

    def preview(self) -> NDArray[np.float32]:
        return np.concatenate(self._first) if self._first else np.zeros(0, np.float32)


def _check_format(name: str, form: Format) -> None:
    if not LOWEST_RATE <= form.rate <= HIGHEST_RATE:
        raise AudioError(f"{name}: sample rate {form.rate} Hz; give {LOWEST_RATE}..{HIGHEST_RATE} Hz")
    if not 1 <= form.channels <= MAX_CHANNELS:
        raise AudioError(f"{name}: {form.channels} channels; give 1..{MAX_CHANNELS}")


def _check_distinct(source: str, target: str) -> None:
    if source != "-" and target != "-" and os.path.exists(target) and os.path.samefile(source, target):
        raise AudioError(f"{target}: input and output are the same file; give another name for the output")


__all__ = ["AudioError", "ModelError", "Options", "Result", "enhance_file", "frame_powers", "noise_reduction", "pauses"]
