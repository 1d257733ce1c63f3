"""Times a frame of the npm package in node beside one of the native library, in one run.

    python -m benchmarks.web [--models A,B] [--backend avx2] [--rounds 5] [--frames 1000] [--core N]

CPU time of a call of one frame of 10 ms at 48 kHz, any_block, calls back to back: native by bench_process, in node by
the engine of the package's audio thread. The two take turns, round by round, on one core; a ratio is the median of the
rounds'. Writes build/bench/web.json. Exit status 1 if a model that suits a page takes more than three times as long.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
from pathlib import Path
from typing import Any

import targets
from benchmarks import common
from benchmarks.counts import program_of
from linnet.model.blob import checksum

PACKAGE = common.ROOT / "build/web/package/dist"
SCRIPT = Path(__file__).with_suffix(".mjs")
LIMIT = 3.0
LIMITED = ("light", "small")


def output_of(command: list[str], model: bytes | None = None) -> dict[str, Any]:
    """The JSON that a program prints. Raises RuntimeError with what it says instead."""
    done = subprocess.run(command, input=model, capture_output=True)
    if done.returncode:
        raise RuntimeError(done.stderr.decode().strip() or f"exit status {done.returncode} of {' '.join(command)}")
    return json.loads(done.stdout)


def in_node(name: str, frames: int) -> dict[str, Any]:
    """Kernels and median microseconds of a model in the package."""
    model = common.ROOT / "sdk/models" / f"{name}.linnet"
    return output_of(
        ["node", str(SCRIPT), str(PACKAGE / "engine.js"), str(PACKAGE / "linnet.wasm"), str(model), str(frames)]
    )


def native(name: str, backend: str, frames: int, core: int) -> float:
    """Median microseconds of a model in the library of this machine."""
    program = str(program_of(targets.load(targets.host())))
    command = [program, "callbacks", backend, "0", "480", str(frames), str(core)]
    return output_of(command, common.model(name))["mean"]  # of the one place that a call has in its frame


def measure(name: str, backend: str, rounds: int, frames: int, core: int) -> dict[str, Any]:
    """Both times of a model, microseconds, and their ratio."""
    pairs = []
    for _ in range(rounds):
        ours = native(name, backend, frames, core)
        node = in_node(name, frames)
        pairs.append((node["microseconds"], ours))
    return {
        "model": name,
        "crc": checksum(common.model(name)),
        "backend": node["backend"],
        "microseconds": statistics.median(time for time, _ in pairs),
        "native_backend": backend,
        "native_microseconds": statistics.median(time for _, time in pairs),
        "ratio": statistics.median(time / ours for time, ours in pairs),
    }


def main() -> int:
    """Prints the table and writes the file; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join(common.MODELS))
    parser.add_argument("--backend", default="avx2", help="native kernels")
    parser.add_argument("--rounds", type=common.count, default=5)
    parser.add_argument("--frames", type=common.count, default=1000, help="of each round")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)), help="to run on")
    options = parser.parse_args()
    if not (PACKAGE / "engine.js").exists():
        parser.error(f"{PACKAGE.relative_to(common.ROOT)} is missing: ./sconsw dist target=wasm32_web makes it")
    if not program_of(targets.load(targets.host())).exists():
        parser.error("bench_process is missing: ./sconsw bench makes it")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    os.sched_setaffinity(0, {options.core})  # node's too
    print(f"machine: {common.machine()}, core {options.core}, node {version}")
    runs = []
    for name in options.models.split(","):
        runs.append(measure(name, options.backend, options.rounds, options.frames, options.core))
    rows = [
        [f"{run['model']}", f"{run['microseconds']:.1f}", f"{run['native_microseconds']:.1f}", f"{run['ratio']:.2f}"]
        for run in runs
    ]
    head = ["microseconds per frame", f"node {runs[0]['backend']}", f"native {options.backend}", "ratio"]
    print(common.table(head, rows))
    data = {"machine": common.machine(), "node": version, "runs": runs}
    print(common.save("web", data).relative_to(common.ROOT))
    return int(any(run["ratio"] > LIMIT for run in runs if run["model"] in LIMITED))


if __name__ == "__main__":
    raise SystemExit(common.status_of(main))
