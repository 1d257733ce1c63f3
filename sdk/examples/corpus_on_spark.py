#!/usr/bin/env python3
"""Enhances every recording below a folder on Spark, and writes a table of numbers. Killed and started again with
--resume, it goes on where it stopped.

Usage: spark-submit [--master URL] corpus_on_spark.py NOISY CLEAN NUMBERS [--resume] [--model NAME|PATH]
Needs the package linnet on every machine, pyspark with pandas and pyarrow (pip install 'pyspark[sql]'), and Java.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator

import pandas
from pyspark.sql import SparkSession

import linnet
from linnet import batch
from linnet.io.errors import AudioError
from linnet.io.folder import summary
from linnet.io.outputs import remove_leftovers
from linnet.io.recording import Options

SCHEMA = ", ".join(f"{name} {'string' if kind is str else 'double'}" for name, kind in batch.COLUMNS.items())


def enhance(frames: Iterator[pandas.DataFrame], options: Options) -> Iterator[pandas.DataFrame]:
    """What a process of Spark does with its rows of `path` and `output`. It keeps the model between tasks."""
    for frame in frames:
        tasks = [batch.Task(path, output) for path, output in zip(frame["path"], frame["output"], strict=True)]
        rows = [batch.as_row(batch.attempt(task, options)) for task in tasks]
        yield pandas.DataFrame(rows, columns=list(batch.COLUMNS))


def last_rows(spark: SparkSession, numbers: str) -> pandas.DataFrame:
    """Of each recording its path and error in the row that finished last."""
    rows = spark.read.schema(SCHEMA).parquet(numbers).select("path", "error", "finished").toPandas()
    return rows.sort_values("finished").drop_duplicates("path", keep="last")


def main() -> int:
    """The exit status is 0, 2 if nothing could be done, 3 if some recordings failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("noisy", help="folder of recordings")
    parser.add_argument("clean", help="folder for the enhanced ones, under the same names")
    parser.add_argument("numbers", help="folder for Parquet files, a row for each recording")
    parser.add_argument("--resume", action="store_true", help="leave out what is done already")
    parser.add_argument("--model", default=linnet.DEFAULT_MODEL)
    args = parser.parse_args()
    try:
        options = Options(linnet.Model(args.model))
        plan = whole = batch.plan(os.path.abspath(args.noisy), os.path.abspath(args.clean))
    except (AudioError, linnet.ModelError) as error:
        print(error, file=sys.stderr)
        return 2
    numbers = os.path.abspath(args.numbers)
    spark = SparkSession.builder.appName("linnet").getOrCreate()
    if args.resume and os.path.isdir(numbers):
        rows = last_rows(spark, numbers)
        known = set(rows.path[rows.error.isnull()])
        plan = whole.without(lambda task: batch.is_done(task) and task.source in known)
    errors = dict(plan.unreadable)
    if plan.tasks:
        # A task of Spark is done again as a whole when its process dies: it is one recording, of a large corpus a few.
        pieces = min(len(plan.tasks), 10_000)
        files = spark.createDataFrame([(task.source, task.target) for task in plan.tasks], "path string, output string")
        rows = files.repartition(pieces).mapInPandas(lambda frames: enhance(frames, options), SCHEMA)
        # Rows are there when their task is done, not when all are: a job that is killed goes on with --resume.
        rows.write.mode("append").option("mapreduce.fileoutputcommitter.algorithm.version", "2").parquet(numbers)
        rows = last_rows(spark, numbers)
        failed = rows[rows.error.notnull() & rows.path.isin([task.source for task in plan.tasks])]
        errors |= dict(zip(failed.path, failed.error, strict=True))
    # Processes that were killed have left what they had begun.
    remove_leftovers(task.target for task in whole.tasks)
    for error in errors.values():
        print(error, file=sys.stderr)
    print(f"{len(plan.tasks) + len(plan.unreadable) - len(errors)} recordings; {len(errors)} failed")
    if plan.skipped:
        print(summary(plan.skipped))
    return 3 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
