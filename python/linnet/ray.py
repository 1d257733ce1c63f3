"""A corpus on Ray Data: what `linnet enhance` makes of a folder, on the cores of one machine or of many.

    ray.init()                                                        # or the address of a cluster
    summary = linnet.ray.enhance_folder("noisy/", "clean/", "numbers/", resume=True)

`enhance_files` and `enhance_audio` are its steps, for datasets of your own. Each process of the pool reads the model
once and works on one recording at a time, on one core; one that dies is started anew and its recordings are done again.
Paths have to mean the same on every machine, and linnet to be installed there. Ray is a package of its own:
pip install 'ray[data]'. docs/scale_out.md is the recipe.
"""

from __future__ import annotations

import dataclasses
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linnet import batch
from linnet.catalog import Model
from linnet.enhancer import Enhancer, enhance
from linnet.io.folder import Skipped
from linnet.io.outputs import make_folder, remove_leftovers, replacing
from linnet.io.recording import Options

try:
    import pyarrow
    import pyarrow.compute
    import pyarrow.parquet
    import ray
    import ray.data
except ImportError as error:
    raise ImportError(f"linnet.ray needs Ray Data ({error}): pip install 'ray[data]'") from error

SCHEMA = pyarrow.schema(
    [(name, pyarrow.string() if kind is str else pyarrow.float64()) for name, kind in batch.COLUMNS.items()]
)
_ATTEMPTS = 3  # at a recording whose process dies, as one does that it exhausts the memory of
_AT_ONCE = 10_000  # recordings that Ray keeps account of with ease, each for itself
_PERIOD = 30.0  # seconds from one file of numbers to the next


@dataclass(frozen=True)
class Summary:
    """What became of a folder. failed: (path, error); seconds: of the recordings that were enhanced."""

    done: int
    failed: list[tuple[str, str]]
    skipped: list[Skipped]
    seconds: float


class _FileEnhancer:
    """A process of the pool: enhances from file to file, for each row with `path` and `output`."""

    def __init__(self, options: Options) -> None:
        self._options = options

    def __call__(self, rows: dict[str, NDArray[Any]]) -> pyarrow.Table:
        """A row with the numbers of each recording."""
        files = zip(_column(rows, "path"), _column(rows, "output"), strict=True)
        return _table(batch.attempt(batch.Task(str(path), str(output)), self._options) for path, output in files)


class _AudioEnhancer:
    """A process of the pool: enhances the arrays of a column."""

    def __init__(self, options: Options, column: str, rate: str | int) -> None:
        self._column, self._rate = column, rate
        self._controls = {
            "model": options.model,
            "attenuation_limit_db": options.attenuation_limit_db,
            "postfilter": options.postfilter,
            "backend": options.backend,
            "independent": options.independent,
            "compensate": options.compensate,
        }

    def __call__(self, rows: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """The rows with the column enhanced, and why not in `error`."""
        audio = _column(rows, self._column)
        rates = [self._rate] * len(audio) if isinstance(self._rate, int) else _column(rows, self._rate)
        enhanced, errors = np.empty(len(audio), object), np.full(len(audio), "", object)
        for number, (samples, rate) in enumerate(zip(audio, rates, strict=True)):
            try:
                enhanced[number] = enhance(np.asarray(samples), rate, **self._controls)
            except (TypeError, ValueError) as error:  # of one row, the others shall not suffer
                enhanced[number], errors[number] = samples, str(error)
        return rows | {self._column: enhanced, "error": errors}


def enhance_files(dataset: ray.data.Dataset, *, workers: int | None = None, **options: Any) -> ray.data.Dataset:
    """The numbers of the recordings that the rows of a dataset name, which are enhanced as the dataset is consumed.

    A row has `path`, a recording, and `output`, where it goes; its folder is made. What comes out has the columns of
    `SCHEMA`; `error` is one line about a recording that failed, else null. A block of rows is done again if its process
    dies. workers: processes, without it one per core of the cluster. options: of `linnet.io.recording.Options`, such as
    model and attenuation_limit_db. Raises ValueError (ModelError for the model) naming the bad value.
    """
    return _pool(dataset, _FileEnhancer, (_checked(options),), workers)


def enhance_audio(
    dataset: ray.data.Dataset,
    *,
    column: str = "audio",
    rate: str | int = "rate",
    workers: int | None = None,
    **options: Any,
) -> ray.data.Dataset:
    """A dataset with a column of sound enhanced, each array as `linnet.enhance` does it.

    column: arrays [n] or [n, channels] of float32 or float64 with full scale +-1, or int16, which keep shape and dtype.
    rate: Hz, or the column that has it. A row that cannot be enhanced stays as it is and says why in `error`, which is
    empty otherwise. workers, options and errors are those of `enhance_files`.
    """
    return _pool(dataset, _AudioEnhancer, (_checked(options), column, rate), workers)


def enhance_folder(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    numbers: str | os.PathLike[str],
    *,
    resume: bool = False,
    workers: int | None = None,
    progress: Callable[[int], object] = lambda count: None,
    **options: Any,
) -> Summary:
    """Every recording below `source`, enhanced under the same name below `target`, as `linnet enhance` does it.

    numbers: a folder to which Parquet files of `SCHEMA` are added, one every half minute; of several rows of a
    recording the one that finished last counts. resume: leaves out recordings whose output is newer than they are, if
    their row is there as well. progress is told how many recordings have been finished since its last call. workers and
    options are those of `enhance_files`. Raises AudioError if there is nothing to do or a folder cannot be written, and
    what that raises.
    """
    checked = _checked(options)
    plan = whole = batch.plan(os.path.abspath(source), os.path.abspath(target))
    make_folder(numbers)
    if resume:
        known = _known(Path(numbers))
        plan = whole.without(lambda task: batch.is_done(task) and task.source in known)
    failed, done, seconds = list(plan.unreadable), 0, 0.0
    with _Numbers(Path(numbers)) as table:
        for rows in _outcomes(plan.tasks, checked, workers):
            table.add(rows)
            progress(rows.num_rows)
            for row in rows.to_pylist():
                if row["error"] is None:
                    done, seconds = done + 1, seconds + row["seconds"]
                else:
                    failed.append((row["path"], row["error"]))
    # Processes that were killed have left what they had begun.
    remove_leftovers(task.target for task in whole.tasks)
    return Summary(done, failed, plan.skipped, seconds)


def _outcomes(tasks: list[batch.Task], options: Options, workers: int | None) -> Iterator[pyarrow.Table]:
    """Rows about the tasks as they are done, in the end about those whose processes died too often."""
    lost = {task.source: task for task in tasks}
    for start in range(0, len(tasks), _AT_ONCE):
        items = [{"path": task.source, "output": task.target} for task in tasks[start : start + _AT_ONCE]]
        # A block is what is lost with a process: one recording.
        dataset = _pool(ray.data.from_items(items, override_num_blocks=len(items)), _FileEnhancer, (options,), workers)
        dataset.context.max_errored_blocks = -1
        for rows in dataset.iter_batches(batch_size=None, batch_format="pyarrow"):
            for path in rows["path"].to_pylist():
                del lost[path]
            yield rows
    if lost:
        what = f"its process ended {_ATTEMPTS} times; try it alone with linnet enhance"
        yield _table(batch.Outcome(task, error=f"{path}: {what}") for path, task in lost.items())


def _pool(dataset: ray.data.Dataset, worker: type, arguments: tuple[Any, ...], workers: int | None) -> ray.data.Dataset:
    if workers is None:
        if not ray.is_initialized():
            ray.init()
        workers = max(1, int(ray.cluster_resources().get("CPU", 1)))
    if workers < 1:
        raise ValueError(f"workers {workers}: give a number of processes, 1 or more")
    return dataset.map_batches(
        worker,
        fn_constructor_args=arguments,
        # One block at a time: those that wait for a process that dies would count that as an attempt at them.
        compute=ray.data.ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=1),
        batch_size=None,
        num_cpus=1,
        max_task_retries=_ATTEMPTS - 1,  # not taken by Ray from 2.64 on, which pyproject.toml therefore leaves out
    )


def _checked(options: dict[str, Any]) -> Options:
    """The options with the model read, so that what is wrong with them is told before any work."""
    found = Options(**options)
    model = Model(found.model)
    controls = {"attenuation_limit_db": found.attenuation_limit_db, "postfilter": found.postfilter}
    Enhancer(model, backend=found.backend, **controls).close()
    return dataclasses.replace(found, model=model)


def _column(rows: dict[str, NDArray[Any]], name: str) -> NDArray[Any]:
    if name not in rows:
        raise ValueError(f"no column {name!r} in the dataset: it has {', '.join(rows)}")
    return rows[name]


def _table(outcomes: Iterable[batch.Outcome]) -> pyarrow.Table:
    return pyarrow.Table.from_pylist([batch.as_row(outcome) for outcome in outcomes], schema=SCHEMA)


def _known(numbers: Path) -> set[str]:
    """Recordings that have a row without an error."""
    good = pyarrow.compute.field("error").is_null()
    tables = (pyarrow.parquet.read_table(file, columns=["path"], filters=good) for file in numbers.glob("*.parquet"))
    return {path for table in tables for path in table["path"].to_pylist()}


class _Numbers:
    """Files of rows, which appear whole: one in a period, and one at the end, whatever ends it."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._run, self._files = folder, secrets.token_hex(4), 0
        self._rows: list[pyarrow.Table] = []

    def __enter__(self) -> _Numbers:
        self._written = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        if self._rows:
            self._write()

    def add(self, rows: pyarrow.Table) -> None:
        """More rows."""
        self._rows.append(rows)
        if time.monotonic() - self._written >= _PERIOD:
            self._write()

    def _write(self) -> None:
        with replacing(self._folder / f"{self._run}-{self._files:05}.parquet") as temporary:
            pyarrow.parquet.write_table(pyarrow.concat_tables(self._rows), temporary)
        self._rows, self._files, self._written = [], self._files + 1, time.monotonic()
