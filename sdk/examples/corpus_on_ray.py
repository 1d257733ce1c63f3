#!/usr/bin/env python3
"""Enhances every recording below a folder on the cores of this machine, or of a Ray cluster, and writes a table of
numbers. Killed and started again with --resume, it goes on where it stopped.

Usage: corpus_on_ray.py NOISY CLEAN NUMBERS [--resume] [--model NAME|PATH] [--workers N] [--address ADDRESS]
Needs the package linnet, and Ray: pip install 'ray[data]'.
"""

from __future__ import annotations

import argparse
import sys
import time

import ray.data
from tqdm import tqdm

import linnet.ray
from linnet.io.errors import AudioError
from linnet.io.folder import summary


def main() -> int:
    """The exit status is 0, 2 if nothing could be done, 3 if some recordings failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("noisy", help="folder of recordings; like the others the same on every machine of a cluster")
    parser.add_argument("clean", help="folder for the enhanced ones, under the same names")
    parser.add_argument("numbers", help="folder for Parquet files, a row for each recording")
    parser.add_argument("--resume", action="store_true", help="leave out what is done already")
    parser.add_argument("--model", default=linnet.DEFAULT_MODEL)
    parser.add_argument("--workers", type=int, help="processes; default: one per core")
    parser.add_argument("--address", help="of a running cluster, such as auto; default: this machine alone")
    args = parser.parse_args()
    ray.init(address=args.address or "local", log_to_driver=False, logging_level="WARNING")
    ray.data.DataContext.get_current().enable_progress_bars = False  # there is one below
    started = time.monotonic()
    try:
        with tqdm(unit="file", disable=not sys.stderr.isatty()) as bar:
            options = {"model": args.model, "workers": args.workers, "progress": bar.update}
            done = linnet.ray.enhance_folder(args.noisy, args.clean, args.numbers, resume=args.resume, **options)
    except (AudioError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    for _, error in done.failed:
        print(error, file=sys.stderr)
    took = time.monotonic() - started
    print(f"{done.done} recordings of {done.seconds:.1f} s in all, in {took:.1f} s; {len(done.failed)} failed")
    if done.skipped:
        print(summary(done.skipped))
    return 3 if done.failed else 0


if __name__ == "__main__":
    sys.exit(main())
