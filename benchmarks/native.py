"""Times a frame on this machine: back to back, paced, with cold caches, by stage, by backend, many streams.

    python -m benchmarks.native [--seconds 1] [--core 0] [--models A,B] [--backends all]

Percent of a core: CPU time per 10 ms frame. hot and cold are times of a call; paced is from one wake-up to the next
with a sleep after every call, what a client pays, since the core has cooled down meanwhile; besides, the same with
nothing but loads of every byte of the model. cold: 64 MB of other data were read and written before each call; flushed:
model and state were put out of every cache by instruction.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from typing import Any

import targets
from benchmarks import common
from benchmarks.counts import STAGES, program_of
from linnet.model.blob import checksum

WAYS = (("hot", "hot"), ("paced_cpu", "paced (CPU)"), ("paced_read", "paced, only reading the model"))
WAYS += (("cold", "cold"), ("flushed", "flushed"))


def run(model: bytes, backend: str, seconds: float, core: int) -> dict[str, Any]:
    """Times of one model on one backend, microseconds per frame; keys as bench_process prints them."""
    command = [str(program_of(targets.load(targets.host()))), "native", backend, str(seconds), str(core)]
    done = subprocess.run(command, input=model, capture_output=True)
    if done.returncode:
        raise RuntimeError(done.stderr.decode().strip())
    return json.loads(done.stdout)


def gru(backend: str, core: int) -> float:
    """Median microseconds of one step of a GRU layer of 512 units on 512 inputs by itself."""
    command = [str(program_of(targets.load(targets.host()))), "gru", backend, str(core)]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["gru"]["median"]


def bandwidth(core: int) -> dict[str, float]:
    """Bytes per second that one core reads out of blocks of so many bytes; and "clock_hz"."""
    command = [str(program_of(targets.load(targets.host()))), "bandwidth", str(core)]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def percent(microseconds: float) -> str:
    """Percent of a core at a hundred frames per second."""
    return f"{microseconds / 100:.2f} %"


def main() -> int:
    """Runs everything, prints tables and writes build/bench/native.json; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=common.seconds, default=1.0, help="of each item")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)), help="to run on")
    parser.add_argument("--models", default=",".join(common.MODELS))
    parser.add_argument("--backends", default="", help="comma-separated; without it, all of this CPU")
    options = parser.parse_args()
    program = str(program_of(targets.load(targets.host())))
    names = subprocess.run([program, "backends"], capture_output=True, text=True, check=True).stdout.split()
    chosen = options.backends.split(",") if options.backends else names
    print(f"machine: {common.machine()}, core {options.core}")
    rows, stage_rows, stream_rows, results = [], [], [], []
    for name in options.models.split(","):
        model = common.model(name)
        for backend in chosen:
            times = run(model, backend, options.seconds, options.core)
            results.append({"model": name, "crc": checksum(model)} | times)
            for key, words in WAYS:
                for frames in (1, 2):
                    item = times[f"{key}_{frames}"]
                    numbers = [f"{item[part]:.1f}" for part in ("median", "p99", "p999", "worst")]
                    rows.append([f"{name} {backend} {words}", frames, *numbers, percent(item["median"])])
            stages = times["stages"]
            stage_rows.append([f"{name} {backend}", *(f"{stages[stage]['median']:.1f}" for stage in STAGES)])
            dsp = sum(stages[stage]["median"] for stage in STAGES if stage != "network")
            stage_rows[-1] += [f"{dsp:.1f}", f"{times['create']['median']:.1f}", times["stream_bytes"]]
            streams = times["streams"].values()
            stream_rows.append([f"{name} {backend}", *(f"{item['median']:.1f}" for item in streams)])
    print(f"\nmicroseconds per 10 ms frame ({options.seconds:g} s each)")
    print(common.table(["model, backend, way", "frames/call", "median", "p99", "p99.9", "worst", "of a core"], rows))
    print("\nby stage, hot, median microseconds, as is create, of a stream; bytes per stream beside the model")
    print(common.table(["model, backend", *STAGES, "all but network", "create", "stream"], stage_rows))
    print("\nN streams on one model, in turn: median microseconds per frame and stream")
    print(common.table(["model, backend", "1", "2", "4", "8", "16", "32", "64"], stream_rows))
    data = {"machine": common.machine(), "core": options.core, "bandwidth": bandwidth(options.core), "runs": results}
    print(f"\n{common.save('native', data).relative_to(common.ROOT)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(common.status_of(main))
