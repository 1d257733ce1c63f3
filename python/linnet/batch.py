"""Many recordings, one after the other or in several processes, with the same files and the same order of results.

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
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import NoReturn

from linnet.io.errors import AudioError
from linnet.io.outputs import make_folder, printable, remove_leftovers
from linnet.io.pipe import PIPE
from linnet.io.recording import Options, Result, enhance_file


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
        outcome = _attempt(task, options)
        done()
        yield outcome


def engine(result: Result) -> str:
    """Model and backend, in words."""
    model = os.fspath(result.options.model) if isinstance(result.options.model, (str, os.PathLike)) else "model"
    return f"model {Path(model).stem if model.endswith('.linnet') else model} on {result.backend}"


def _facts(result: Result) -> str:
    facts = [engine(result), f"CPU {result.cpu_percent:.1f} % of one core", f"delay {result.delay_ms:g} ms"]
    if result.noise_reduction_db is not None:
        facts.insert(1, f"noise reduced by {result.noise_reduction_db:.1f} dB in pauses")
    return "   |   ".join(facts)


def _attempt(task: Task, options: Options) -> Outcome:
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
    for path in filter(None, (task.target, task.plot)):
        remove_leftovers(path)
    what = f"signal {-code}" if code < 0 else f"status {code}"
    return Outcome(task, error=f"{task.source}: its process ended with {what}; try again with --jobs 1")


def _serve(connection: Connection, options: Options) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in {signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)}:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _stop)
    with suppress(EOFError, OSError):  # there is nobody left to work for
        while True:
            connection.send(_attempt(connection.recv(), options))


def _stop(number: int, _: object) -> NoReturn:
    signal.signal(number, signal.SIG_IGN)  # once is enough
    sys.exit(128 + number)
