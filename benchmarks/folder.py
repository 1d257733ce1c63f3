"""Folders of many short recordings: how much faster two processes are than one, and whether a run that is stopped goes
on without doing anything twice.

    python -m benchmarks.folder --load "what else ran"       # 1,000 recordings -> benchmarks/results/folder.json
    python -m benchmarks.folder --files 40 --output build/folder.json

Recordings of one to three seconds, pieces of the demo at several levels, go through `linnet enhance` with --jobs 1 and
with --jobs 2; the times are of the whole command, from its start to its end. A third run with two processes gets a
SIGTERM after a third of the recordings and is resumed, gets a SIGKILL after another third and is resumed again. What
is not as it has to be (bits, counts, a recording that is done twice) ends it with one line and status 1.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from benchmarks import common
from benchmarks.keep import rounded
from linnet.catalog import DEFAULT_MODEL, example_path, model_path
from linnet.model.blob import checksum

JOBS = (1, 2)
STOPS = (signal.SIGTERM, signal.SIGKILL)
ENVIRONMENT = os.environ | {"PYTHONPATH": str(common.ROOT / "python")}


class WrongError(Exception):
    """What is not as it has to be, in one line."""


def make_recordings(folder: Path, count: int) -> float:
    """Writes so many recordings, the same ones whenever it is called; their length in seconds."""
    sound, rate = soundfile.read(example_path("demo_noisy.flac"), dtype="float32")
    rng = np.random.default_rng(0)
    total = 0
    folder.mkdir()
    for number in range(count):
        length = int(rate * rng.uniform(1, 3))
        start = rng.integers(len(sound) - length)
        soundfile.write(folder / f"{number:04}.wav", sound[start : start + length] * rng.uniform(0.3, 1.0), rate)
        total += length
    return total / rate


def command(noisy: Path, clean: Path, model: str, jobs: int, *options: str | Path) -> list[str]:
    """The command line of a run."""
    words = (sys.executable, "-m", "linnet", "enhance", noisy, clean, "--model", model, "--jobs", jobs, *options)
    return [str(word) for word in words]


def enhance(noisy: Path, clean: Path, model: str, jobs: int, skipped: int = 0, *options: str) -> float:
    """Runs the command to its end; seconds. WrongError if its counts are not those of the folder."""
    report = clean.with_suffix(".json")
    start = time.monotonic()
    words = command(noisy, clean, model, jobs, "--json", report, *options)
    done = subprocess.run(words, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
    seconds = time.monotonic() - start
    if done.returncode:
        raise WrongError(f"--jobs {jobs}: status {done.returncode}")
    facts = json.loads(report.read_text())
    counts = [len(facts[key]) for key in ("files", "failed", "skipped")]
    if counts != [len(list(noisy.iterdir())) - skipped, 0, skipped]:
        raise WrongError(f"--jobs {jobs}: done, failed and skipped are {counts}, {skipped} were done before")
    told = done.stdout.splitlines()
    if not told[0].startswith(f"{counts[0]} recording") or (skipped and told[1] != f"skipped {skipped} done already"):
        raise WrongError(f"--jobs {jobs}: the summary is {told}, the counts are {counts}")
    return seconds


def stop(noisy: Path, clean: Path, model: str, number: signal.Signals, after: int, *options: str) -> None:
    """Starts the command with two processes and sends it a signal when so many outputs are there."""
    words = command(noisy, clean, model, 2, *options)
    process = subprocess.Popen(
        words, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    while len(outputs(clean)) < after and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(number)
    status = process.wait()
    if status not in (-number, 128 + number):
        raise WrongError(f"it ended with status {status} before {number.name} could stop it: take more --files")
    while alive(process.pid):  # the processes of one that was killed end by themselves
        time.sleep(0.01)


def alive(group: int) -> bool:
    """Whether a process of the group still runs."""
    return subprocess.run(["pgrep", "-g", str(group)], stdout=subprocess.DEVNULL).returncode == 0


def outputs(clean: Path) -> dict[str, int]:
    """When each of the outputs was made."""
    return {path.name: path.stat().st_mtime_ns for path in clean.glob("[!.]*")}


def compare(clean: Path, whole: Path, names: set[str]) -> None:
    """WrongError if the outputs are not those of a whole run, bit by bit."""
    if different := [name for name in sorted(names) if (clean / name).read_bytes() != (whole / name).read_bytes()]:
        raise WrongError(f"{clean.name}/{different[0]} differs from {whole.name}/{different[0]}")


def measure(folder: Path, count: int, model: str) -> dict[str, Any]:
    """All runs, in a folder that is empty."""
    noisy = folder / "noisy"
    seconds = make_recordings(noisy, count)
    names = {path.name for path in noisy.iterdir()}
    clean = {jobs: folder / f"jobs{jobs}" for jobs in JOBS}
    walls = {jobs: enhance(noisy, clean[jobs], model, jobs) for jobs in JOBS}
    for jobs in JOBS:
        if outputs(clean[jobs]).keys() != names:
            raise WrongError(f"--jobs {jobs}: not all outputs are there")
    compare(clean[2], clean[1], names)
    stopped, there, stops = folder / "stopped", {}, []
    for step, number in enumerate(STOPS, 1):
        stop(noisy, stopped, model, number, count * step // (len(STOPS) + 1), "--resume")
        before, there = there, outputs(stopped)
        compare(stopped, clean[1], set(there))
        if any(there[name] != made for name, made in before.items()):
            raise WrongError("a recording that was done was done again")
        stops.append({"signal": number.name, "done": len(there)})
    enhance(noisy, stopped, model, 2, len(there), "--resume")
    if any(outputs(stopped)[name] != made for name, made in there.items()):
        raise WrongError("a recording that was done was done again")
    if {path.name for path in stopped.iterdir()} != names:
        raise WrongError("outputs are missing, or parts of some are left")
    compare(stopped, clean[1], names)
    path = model_path(model)
    return {
        "files": count,
        "seconds": seconds,
        "model": path.stem,
        "crc": checksum(path.read_bytes()),
        "walls": {str(jobs): wall for jobs, wall in walls.items()},
        "ratio": walls[1] / walls[2],
        "stops": stops,
    }


def main(argv: list[str] | None = None) -> int:
    """Command line; 1 with one line if anything is not as it has to be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1000, help="recordings, at least 12")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--load", default="idle", help="what else ran on the machine, in words")
    parser.add_argument("--output", type=Path, default=common.RESULTS / "folder.json")
    options = parser.parse_args(argv)
    if options.files < 12:
        parser.error(f"--files {options.files}: a run of so few is over before it is stopped; give at least 12")
    if not options.output.resolve().parent.is_dir():
        parser.error(f"--output {options.output}: no folder of that name; create it first")
    try:
        with tempfile.TemporaryDirectory() as folder:
            data = measure(Path(folder), options.files, options.model)
    except WrongError as error:
        print(f"folder: {error}", file=sys.stderr)
        return 1
    about = {"command": "python -m benchmarks.folder", "machine": common.machine(), "load": options.load}
    options.output.write_text(json.dumps(rounded(about | data), indent=1) + "\n")
    print(f"{data['files']} recordings of {data['seconds']:.0f} s, model {data['model']}")
    for jobs, wall in data["walls"].items():
        print(f"--jobs {jobs}: {wall:.1f} s, {data['files'] / wall:.1f} recordings per second")
    print(f"two processes are {data['ratio']:.2f} times as fast as one")
    for one in data["stops"]:
        print(f"{one['signal']} after {one['done']} recordings: gone on with the others")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
