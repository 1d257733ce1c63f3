"""One recording enhanced from file to file in constant memory, with the numbers that the command line reports.

CPU load is process time over the length of the recording, so 100 % is one core kept busy in real time. Noise
reduction is the fall in level over the pauses of speech.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linnet.catalog import DEFAULT_MODEL, ModelLike, model_label, open_model
from linnet.enhancer import DEFAULT_POSTFILTER, HIGHEST_RATE, LOWEST_RATE, MAX_CHANNELS, RateAdapter, Stats
from linnet.io.activity import Activity
from linnet.io.errors import AudioError
from linnet.io.file import open_input, open_output
from linnet.io.formats import Format, output_container, output_format
from linnet.io.level import Meter, level_db, noise_reduction, pauses
from linnet.io.outputs import check_writable
from linnet.io.pipe import PIPE, is_pipe

BLOCK_SECONDS = 1.0
PIPE_SECONDS = 0.02  # of a pipe, so that what comes in live goes on at once


@dataclass(frozen=True)
class Options:
    """How to enhance. raw: (rate, channels) of headerless samples on stdin, and stdout headerless too. strict: what is
    wrong with a recording's size is an error, not a warning. independent: each channel by itself, as of more than eight
    it always is."""

    model: ModelLike = DEFAULT_MODEL
    attenuation_limit_db: float = 100.0
    postfilter: float = DEFAULT_POSTFILTER
    backend: str | None = None
    compensate: bool = True
    raw: tuple[int, int] | None = None
    strict: bool = False
    independent: bool = False


@dataclass
class Result:
    """What was done. delay: samples of the live stream at stream_rate (Hz); independent: whether each of several
    channels was enhanced by itself; level_db: of the input over full scale; noise_reduction_db None without pauses;
    snr_db: of the input, None without speech; speech_percent: share of the time, None of a recording shorter than a
    frame; warnings: what was wrong with the recording, or of it could not be kept, a line each."""

    input: str
    output: str
    format: Format
    samples: int
    options: Options
    backend: str
    delay: int
    stream_rate: int
    independent: bool
    cpu_seconds: float
    nonfinite: int
    stats: Stats
    level_db: float
    noise_reduction_db: float | None
    snr_db: float | None
    speech_percent: float | None
    warnings: list[str] = field(default_factory=list)
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
        return 1000.0 * self.delay / self.stream_rate

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
            "independent": self.independent,
            "delay_samples": self.delay,
            "stream_rate": self.stream_rate,
            "delay_ms": self.delay_ms,
            "delay_compensated": self.options.compensate,
            "cpu_percent": round(self.cpu_percent, 3),
            "nonfinite_samples": self.nonfinite,
            "level_db": round(self.level_db, 2),
            "noise_reduction_db": _rounded(self.noise_reduction_db),
            "snr_db": _rounded(self.snr_db),
            "speech_percent": _rounded(self.speech_percent),
            "warnings": self.warnings,
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
        reader = stack.enter_context(open_input(source, options.raw, options.strict))
        form = reader.format
        _check_format(source, form)
        _check_distinct(source, target)
        activity = Activity()
        adapter = RateAdapter(
            options.model,
            form.rate,
            form.channels,
            compensate=options.compensate,
            observe=activity.add,
            attenuation_limit_db=options.attenuation_limit_db,
            postfilter=options.postfilter,
            backend=options.backend,
            independent=options.independent,
        )
        independent = adapter.engine.independent
        backend, delay, stream_rate = adapter.engine.backend, adapter.engine.delay, adapter.engine.rate
        writer = stack.enter_context(open_output(target, form, options.raw is not None))
        before, after = Meter(form.rate, preview), Meter(form.rate, preview)
        samples, cpu = 0, 0.0
        for block in reader.blocks(int((PIPE_SECONDS if reader.live else BLOCK_SECONDS) * form.rate)):
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
    powers = before.powers(), after.powers()
    reduction = noise_reduction(*powers, pauses(powers[1])) if options.compensate else None
    images = (before.preview(), after.preview()) if preview else None
    warnings = reader.warnings + writer.warnings
    return Result(
        source,
        target,
        form,
        samples,
        options,
        backend,
        delay,
        stream_rate,
        independent,
        cpu,
        adapter.nonfinite,
        stats,
        level_db(float(powers[0].mean()) if len(powers[0]) else 0.0),
        reduction,
        activity.snr_db,
        activity.speech_percent,
        warnings,
        images,
    )


def check_file(source: str, target: str, options: Options) -> None:
    """Raises what `enhance_file` would before its first sample; nothing is written, and of a pipe nothing is read."""
    open_model(options.model)
    form = None
    if not is_pipe(source):
        with open_input(source, options.raw, options.strict) as reader:
            form = reader.format
        _check_format(source, form)
    _check_distinct(source, target)
    if target != PIPE:
        output_container(target)
        if form:
            output_format(target, form)
        check_writable(target)


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 2)


def _check_format(name: str, form: Format) -> None:
    if not LOWEST_RATE <= form.rate <= HIGHEST_RATE:
        raise AudioError(f"{name}: sample rate {form.rate} Hz; give {LOWEST_RATE}..{HIGHEST_RATE} Hz")
    if not 1 <= form.channels <= MAX_CHANNELS:
        raise AudioError(f"{name}: {form.channels} channels; give 1..{MAX_CHANNELS}")


def _check_distinct(source: str, target: str) -> None:
    if PIPE not in (source, target) and os.path.exists(target) and os.path.samefile(source, target):
        raise AudioError(f"{target}: input and output are the same file; give another name for the output")
