"""Runs the frozen vectors everywhere and compares: one line per target, CPU and backend with the hash of all hashes.

    tests/vectors/run.py [--targets A,B] [--mode release] [--freeze]

`manifest.json` holds the hashes that every run must give, for each model the vectors that belong to it. Exit status 1
if any hash differs, if a CPU chooses another backend by itself than targets/ says, or if a run fails. `--freeze` writes
the manifest anew, provided that all runs agree; a change of it is a change of what linnet sounds like and has to be
said in the changelog. Only the standard library is used. Build first: `./sconsw vectors` does both.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
import targets  # noqa: E402

MANIFEST = ROOT / "tests" / "vectors" / "manifest.json"
TIMEOUT = 1800  # seconds after which a run counts as hung
COLUMNS = (16, 14, 10, 30, 16)

# Vectors by name, or None for all. The tiny model carries the proof; a shipped model shows on a few that wide layers
# agree as well, which under emulation costs about as much as all vectors of the tiny one.
Hashes = dict[str, dict[str, str]]
MODELS: dict[str, tuple[str, ...] | None] = {
    "sdk/models/tiny.linnet": None,
    "sdk/models/small.linnet": ("network_usual", "speech_in_noise", "speech_in_noise_postfilter"),
    "sdk/models/base.linnet": ("network_usual", "speech_in_noise"),
}


class RunError(Exception):
    """A program that could not be run to its end; the message says which and why."""


@dataclass(frozen=True)
class Run:
    """One program on one CPU with one backend."""

    target: targets.Target
    cpu: targets.Cpu
    program: Path
    backend: str
    compiler: str


def output_of(target: targets.Target, cpu: targets.Cpu, program: Path, *arguments: str) -> str:
    """What a run of the program prints. Raises RunError if it cannot be started, fails or hangs."""
    command = target.command(cpu, str(program), *arguments)
    try:
        done = subprocess.run(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RunError(str(error)) from error
    if done.returncode != 0:
        raise RunError(f"exit status {done.returncode} of {' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def runs_of(target: targets.Target, mode: str) -> list[Run]:
    """The runs of one target: every backend on its tested CPUs, the CPU's own choice on the others.

    Raises RunError if the program is missing or a CPU's own choice is not the backend that targets/ expects.
    """
    program = ROOT / "build" / f"{target.name}-{mode}" / "tests" / "vectors" / "vector_run"
    if not program.exists():
        raise RunError(f"{program.relative_to(ROOT)} is missing: ./sconsw vectors target={target.name} builds it")
    found = []
    for cpu in target.here():
        if not target.runnable(cpu):
            print(f"linnet: skipping {target.name} {cpu.name}: {target.emulator[0]} not found")
            continue
        backends = output_of(target, cpu, program, "--backends").split()
        if cpu.backend is not None and backends[:1] != [cpu.backend]:
            raise RunError(f"{target.name} {cpu.name} chooses {backends[:1]}, expected {cpu.backend}")
        compiler = output_of(target, cpu, program, "--compiler").strip()
        chosen = backends if cpu.tested else backends[:1]
        found += [Run(target, cpu, program, backend, compiler) for backend in chosen]
    return found


def hashes_of(run: Run, model: str) -> Hashes:
    """Hashes of one run with one model, {vector: {what: hash}}. Raises RunError."""
    names = MODELS.get(model)
    arguments = [model, "--backend", run.backend, *(["--only", ",".join(names)] if names else [])]
    lines = [line.split() for line in output_of(run.target, run.cpu, run.program, *arguments).splitlines()]
    return {name: dict(zip(rest[::2], rest[1::2], strict=True)) for name, *rest in lines}


def digest(hashes: dict[str, Hashes]) -> str:
    """One hash over all hashes, whatever their order."""
    return hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest()


def differences(found: dict[str, Hashes], wanted: dict[str, Hashes]) -> list[str]:
    """What is not equal, as "MODEL VECTOR WHAT"."""
    result = []
    for model in sorted({*found, *wanted}):
        ours, theirs = found.get(model, {}), wanted.get(model, {})
        for name in sorted({*ours, *theirs}):
            a, b = ours.get(name, {}), theirs.get(name, {})
            result += [f"{model} {name} {what}" for what in sorted({*a, *b}) if a.get(what) != b.get(what)]
    return result


def row(*cells: str) -> str:
    """One line of the table."""
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, COLUMNS, strict=True)).rstrip()


def load_manifest() -> dict[str, Hashes]:
    """The frozen hashes, {model: {vector: {what: hash}}}; none if nothing has been frozen yet."""
    return json.loads(MANIFEST.read_text())["models"] if MANIFEST.exists() else {}


def main() -> int:
    """Runs, prints the table, compares or freezes; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", default=targets.host(), help="comma-separated, of those in targets/")
    parser.add_argument("--mode", default="release", help="which build, e.g. release, debug or release-clang")
    parser.add_argument("--freeze", action="store_true", help="rewrite the manifest from the runs, if they agree")
    options = parser.parse_args()

    reference = {} if options.freeze else load_manifest()
    models = [model for model in (MODELS if options.freeze else reference) if (ROOT / model).exists()]
    failures = [f"frozen model {model} is missing" for model in reference if model not in models]
    if reference:
        shipped = [model for model in MODELS if (ROOT / model).exists() and model not in reference]
        failures += [f"{model} is not frozen: tests/vectors/run.py --freeze" for model in shipped]
    if not models:
        print("vectors: nothing to compare with: tests/vectors/run.py --freeze writes tests/vectors/manifest.json")
        return 1

    runs: list[Run] = []
    for name in options.targets.split(","):
        try:
            runs += runs_of(targets.load(name), options.mode)
        except (RunError, ValueError) as error:
            failures.append(str(error))

    def everything(run: Run) -> dict[str, Hashes] | str:
        try:
            return {model: hashes_of(run, model) for model in models}
        except RunError as error:
            return str(error)

    print(row("target", "cpu", "backend", "compiler", "hash of hashes"))
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for run, found in zip(runs, pool.map(everything, runs), strict=True):
            label = (run.target.name, run.cpu.name, run.backend, run.compiler)
            if isinstance(found, str):
                print(row(*label, "failed"), flush=True)
                failures.append(found)
                continue
            print(row(*label, digest(found)[:16]), flush=True)
            reference = reference or found  # when freezing, the first run is what the others must equal
            different = differences(found, reference)
            failures += [f"{' '.join(label[:3])}: {item} differs" for item in different[:5]]
            failures += [f"{' '.join(label[:3])}: and {len(different) - 5} more"] if len(different) > 5 else []

    if not runs:
        failures.append("no run: none of these targets can be run here")
    for failure in failures:
        print(f"vectors: {failure}")
    if failures:
        return 1
    count = sum(len(hashes) for hashes in reference.values())
    if options.freeze:
        MANIFEST.write_text(json.dumps({"models": reference}, indent=1, sort_keys=True) + "\n")
        print(f"vectors: {count} frozen")
    print(f"vectors: {len(runs)} runs of {count} vectors agree: {digest(reference)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
