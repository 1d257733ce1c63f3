"""Many recordings, one after the other or in several processes, with the same files and the same order of results; and
which recordings of a folder are to be done.

A recording that fails does not stop the others. Every process works on one recording at a time; when this one is
stopped, or dies, the others remove what they have begun and end.
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import NoReturn

from linnet.io import ffmpeg, folder
from linnet.io.errors import READABLE, AudioError, reason
from linnet.io.outputs import make_folder, printable, remove_leftovers, stems
from linnet.io.pipe import PIPE
from linnet.io.recording import Options, Result, enhance_file

# Of a table about recordings, and what they hold. finished: when, in UTC, by ISO 8601.
COLUMNS: dict[str, type] = {"path": str, "output": str, "seconds": float, "level_db": float}
COLUMNS |= {"noise_reduction_db": float, "snr_db": float, "speech_percent": float, "error": str, "finished": str}


@dataclass(frozen=True)
class Task:
    """One recording: where it is, where it goes, and where its picture goes if one is wanted."""

    source: str
    target: str
    plot: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a task: its result, or in one line why there is none."""

    task: Task
    result: Result | None = None
    error: str | None = None


@dataclass(frozen=True)
class Plan:
    """What is to be done of a folder. unreadable: (path, error) of folders in it."""

    source: Path
    tasks: list[Task]
    skipped: list[folder.Skipped]
    unreadable: list[tuple[str, str]]

    def without(self, done: Callable[[Task], bool]) -> Plan:
        """The same less what is done already."""
        left, skipped = [], list(self.skipped)
        for task in self.tasks:
            if done(task):
                skipped.append(folder.Skipped(Path(task.source).relative_to(self.source), folder.DONE))
            else:
                left.append(task)
        return dataclasses.replace(self, tasks=left, skipped=skipped)


def plan(source: str | os.PathLike[str], target: str | os.PathLike[str], plots: str | None = None) -> Plan:
    """Every recording below a folder, to go under the same name below another; plots: a folder for their pictures.

    Raises AudioError if there is none, or if the folders are not two.
    """
    source, target = Path(source), Path(target)
    if target.exists() and not target.is_dir():
        raise AudioError(f"{target}: a file, but the input is a folder; give a folder for the output")
    if target.exists() and target.samefile(source):
        raise AudioError(f"{target}: input and output are the same folder; give another one for the output")
    listing = folder.list_folder(source, target)
    unreadable = [
        (str(source / name), f"{source / name}: {reason(error)}; give a readable folder")
        for name, error in listing.unreadable
    ]
    if not listing.names:
        what = f"; {folder.summary(listing.skipped)}" if listing.skipped else ""
        more = "" if ffmpeg.find() else ", or install ffmpeg for other formats"
        first = f"{unreadable[0][1]}; " if unreadable else ""
        raise AudioError(f"{first}{source}: no sound files in this folder{what}; give one with {READABLE} files{more}")
    files = [(str(source / name), str(target / new)) for name, new in listing.names]
    inputs, outputs = (set(map(os.path.realpath, paths)) for paths in zip(*files, strict=True))
    if clash := inputs & outputs:
        raise AudioError(f"{min(clash)}: both an input and an output; give another folder for the output")
    names = stems([name for name, _ in listing.names])
    pictures = [plots and os.path.join(plots, f"{stem}.png") for stem in names]
    tasks = [Task(*file, picture) for file, picture in zip(files, pictures, strict=True)]
    return Plan(source, tasks, list(listing.skipped), unreadable)


def is_done(task: Task) -> bool:
    """True if all that a task makes is there and newer than its recording."""
    return folder.is_done(task.source, task.target, task.plot)


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def enhance(task: Task, options: Options, progress: Callable[[float], None] | None = None) -> Result:
    """One recording, with its picture. Raises what `enhance_file` raises."""
    result = enhance_file(task.source, task.target, options, preview=task.plot is not None, progress=progress)
    if task.plot and result.preview:
        from linnet.study.report import Report, draw_report

        before, after = result.preview
        title = "stdin" if task.source == PIPE else printable(os.path.basename(task.source))
        draw_report(Report(before, after, result.format.rate, options.model, title, _facts(result)), task.plot)
    return result


def run(
    tasks: Sequence[Task], options: Options, jobs: int, done: Callable[[], object] = lambda: None
) -> Iterator[Outcome]:
    """The outcomes in the order of the tasks; `done` is called whenever one is there."""
    jobs = min(jobs, len(tasks))
    if jobs > 1:
        yield from _run_in_processes(tasks, options, jobs, done)
        return
    for task in tasks:
        outcome = attempt(task, options)
        done()
        yield outcome


def as_row(outcome: Outcome) -> dict[str, str | float | None]:
    """An outcome as a row of a table with COLUMNS: None where there is no number, or no error."""
    result = outcome.result
    return {
        "path": outcome.task.source,
        "output": outcome.task.target,
        "seconds": result and result.seconds,
        "level_db": result and result.level_db,
        "noise_reduction_db": result and result.noise_reduction_db,
        "snr_db": result and result.snr_db,
        "speech_percent": result and result.speech_percent,
        "error": outcome.error,
        "finished": now(),
    }


def now() -> str:
    """The time in UTC, by ISO 8601, so that later ones sort behind earlier ones."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")


def engine(result: Result) -> str:
    """Model and backend, in words."""
    model = os.fspath(result.options.model) if isinstance(result.options.model, (str, os.PathLike)) else "model"
    return f"model {Path(model).stem if model.endswith('.linnet') else model} on {result.backend}"


def _facts(result: Result) -> str:
    facts = [engine(result), f"CPU {result.cpu_percent:.1f} % of one core", f"delay {result.delay_ms:g} ms"]
    if result.noise_reduction_db is not None:
        facts.insert(1, f"noise reduced by {result.noise_reduction_db:.1f} dB in pauses")
    return "   |   ".join(facts)


def attempt(task: Task, options: Options) -> Outcome:
    """One recording, whose folder is made; whatever goes wrong with it is told in the outcome."""
    try:
        for path in filter(None, (task.target, task.plot)):
            make_folder(Path(path).parent)
        result = enhance(task, options)
    except AudioError as error:
        return Outcome(task, error=str(error))
    except Exception as error:  # of one recording, the others shall not suffer
        return Outcome(task, error=f"{task.source}: {error or type(error).__name__}; leave it out, or report this")
    # Of many recordings the numbers are kept, not what is in them.
    form = dataclasses.replace(result.format, chunks=[], tags={})
    return Outcome(task, dataclasses.replace(result, format=form, preview=None))


class _Worker:
    """A process that does one task after the other."""

    def __init__(self, options: Options) -> None:
        # Not forked: threads of libraries would not come along.
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, options), daemon=True)
        self.number: int | None = None  # of the task that it works on
        # An interrupt of the terminal reaches all processes. This one decides, and the others shall not die while they
        # start: what is ignored stays so.
        before = None
        with suppress(ValueError):  # not the main thread
            before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            self.process.start()
        finally:
            if before is not None:
                signal.signal(signal.SIGINT, before)
        theirs.close()

    def end(self, now: bool) -> None:
        """Lets it end; now: without finishing what it works on."""
        self.connection.close()
        if now:
            self.process.terminate()
        self.process.join(10)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def _run_in_processes(
    tasks: Sequence[Task], options: Options, jobs: int, done: Callable[[], object]
) -> Iterator[Outcome]:
    waiting = deque(range(len(tasks)))
    there: dict[int, Outcome] = {}
    workers: list[_Worker] = []
    unharmed = False
    try:
        workers.extend(_Worker(options) for _ in range(jobs))
        for number in range(len(tasks)):
            while number not in there:
                for worker in workers:
                    if worker.number is None and waiting:
                        worker.number = waiting.popleft()
                        with suppress(OSError):  # if it has died, that is found below
                            worker.connection.send(tasks[worker.number])
                busy = {worker.connection: worker for worker in workers if worker.number is not None}
                for connection in wait(list(busy)):
                    worker = busy[connection]  # type: ignore[index]
                    assert worker.number is not None
                    try:
                        outcome: Outcome = worker.connection.recv()
                    except (EOFError, OSError):
                        outcome = _lost(worker, tasks[worker.number])
                        workers[workers.index(worker)] = _Worker(options)
                    there[worker.number] = outcome
                    worker.number = None
                    done()
            yield there.pop(number)
        unharmed = True
    finally:
        for worker in workers:
            with suppress(OSError):
                if not unharmed:
                    worker.process.terminate()
        for worker in workers:
            worker.end(now=not unharmed)


def _lost(worker: _Worker, task: Task) -> Outcome:
    """Of a task whose process has died: killed by the system for its memory, most likely."""
    worker.end(now=True)
    code = worker.process.exitcode or 0
    remove_leftovers(filter(None, (task.target, task.plot)))
    what = f"signal {-code}" if code < 0 else f"status {code}"
    return Outcome(task, error=f"{task.source}: its process ended with {what}; try again with --jobs 1")


def _serve(connection: Connection, options: Options) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in {signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)}:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _stop)
    with suppress(EOFError, OSError):  # there is nobody left to work for
        while True:
            connection.send(attempt(connection.recv(), options))


def _stop(number: int, _: object) -> NoReturn:
    signal.signal(number, signal.SIG_IGN)  # once is enough
    sys.exit(128 + number)
