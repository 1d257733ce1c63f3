"""Runs the frozen vectors everywhere and compares: one line per target, CPU, backend, compiler and floating-point mode
of the caller, with the hash of all hashes.

    tests/vectors/run.py [--targets A,B] [--mode release] [--compiler gcc] [--freeze]

The release build of gcc runs on every CPU with every model. With it go the further builds that targets/ lists as proofs
and the floating-point modes of `hostile` CPUs, with the tiny model alone. `manifest.json` holds the hashes that every
run must give, for each model the vectors that belong to it. Exit status 1 if any hash differs, if a CPU chooses another
backend by itself than targets/ says, or if a run fails. `--freeze` writes the manifest anew, provided that all runs
agree; a change of it is a change of what linnet sounds like and has to be said in the changelog. Only the standard
library is used. Build first: `./sconsw vectors` does both.
"""

from __future__ import annotations

import argparse
import hashlib
import json
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
COLUMNS = (14, 11, 9, 32, 6, 7, 16)
LEVELS = {"release": "-O2/3", "o2": "-O2", "o3": "-O3", "debug": "-O0", "ubsan": "-O1", "coverage": "-O0"}
PROOF = "sdk/models/tiny.linnet"

# Vectors by name, or None for all. The tiny model carries the proof; a shipped model shows on a few that wide layers
# agree as well, which under emulation costs about as much as all vectors of the tiny one.
Hashes = dict[str, dict[str, str]]
MODELS: dict[str, tuple[str, ...] | None] = {
    "sdk/models/tiny.linnet": None,
    "sdk/models/small.linnet": ("network_usual", "speech_in_noise", "speech_in_noise_postfilter"),
    "sdk/models/sparse.linnet": ("network_usual", "speech_in_noise"),
    "sdk/models/base.linnet": ("network_usual", "speech_in_noise"),
}


class RunError(Exception):
    """A program that could not be run to its end; the message says which and why."""


@dataclass(frozen=True)
class Run:
    """One program on one CPU with one backend, the caller in one floating-point mode."""

    target: targets.Target
    cpu: targets.Cpu
    program: Path
    backend: str
    compiler: str
    level: str  # of optimisation
    mode: str = ""  # of floating point; "" is the usual one
    small: bool = False  # whether only the tiny model is run

    @property
    def cells(self) -> tuple[str, ...]:
        """What the table says of it."""
        names = (self.target.name, self.cpu.name, self.backend, self.compiler, self.level)
        return (*names, self.mode or "usual")


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


def program_of(target: targets.Target, mode: str, compiler: str) -> Path:
    """The program of a build. Raises RunError if it is not there."""
    program = ROOT / targets.folder(target.name, mode, compiler) / "tests" / "vectors" / "vector_run"
    if not program.exists():
        raise RunError(f"{program.relative_to(ROOT)} is missing: ./sconsw vectors target={target.name} builds it")
    return program


def runs_of(target: targets.Target, mode: str, family: str) -> list[Run]:
    """The runs of one build: every backend on its tested CPUs, the CPU's own choice on the others and in each mode.

    Raises RunError if the program is missing or a CPU's own choice is not the backend that targets/ expects.
    """
    program = program_of(target, mode, family)
    found = []
    for cpu in target.here():
        if not target.runnable(cpu):
            print(f"linnet: skipping {target.name} {cpu.name}: {target.emulator[0]} not found")
            continue
        backends = output_of(target, cpu, program, "--backends").split()
        if cpu.backend is not None and backends[:1] != [cpu.backend]:
            raise RunError(f"{target.name} {cpu.name} chooses {backends[:1]}, expected {cpu.backend}")
        plain = (target, cpu, program), (output_of(target, cpu, program, "--compiler").strip(), LEVELS[mode])
        chosen = backends if cpu.tested else backends[:1]
        found += [Run(*plain[0], backend, *plain[1]) for backend in chosen]
        if cpu.hostile:
            modes = output_of(target, cpu, program, "--modes").split()
            if not modes:
                raise RunError(f"{target.name} {cpu.name}: no floating-point mode is known")
            found += [Run(*plain[0], backends[0], *plain[1], name, small=True) for name in modes]
    return found


def proofs_of(target: targets.Target) -> list[Run]:
    """The runs of the further builds of a target, every backend on one CPU. Raises RunError."""
    found = []
    for proof in target.proofs:
        cpu = targets.Cpu(proof.cpu, None)
        reason = "the environment names a compiler" if target.given_compiler else target.missing(proof.compiler)
        if not reason and not target.runnable(cpu):
            reason = f"{target.name} programs do not run here"
        if reason:
            print(f"linnet: skipping {target.name} with {proof.compiler} {LEVELS[proof.mode]}: {reason}")
            continue
        program = program_of(target, proof.mode, proof.compiler)
        compiler = output_of(target, cpu, program, "--compiler").strip()
        backends = output_of(target, cpu, program, "--backends").split()
        found += [Run(target, cpu, program, name, compiler, LEVELS[proof.mode], small=True) for name in backends]
    return found


def hashes_of(run: Run, model: str) -> Hashes:
    """Hashes of one run with one model, {vector: {what: hash}}. Raises RunError."""
    names = MODELS.get(model)
    arguments = [model, "--backend", run.backend]
    arguments += ["--only", ",".join(names)] if names else []
    arguments += ["--hostile", run.mode] if run.mode else []
    found: Hashes = {}
    for line in output_of(run.target, run.cpu, run.program, *arguments).splitlines():
        name, what, value = line.split()
        found.setdefault(name, {})[what] = value
    return found


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
    host = targets.host()
    parser.add_argument("--targets", default=host, required=host is None, help="comma-separated, of those in targets/")
    parser.add_argument("--mode", default="release", choices=LEVELS, help="which build")
    parser.add_argument("--compiler", default="gcc", choices=targets.COMPILERS, help="which build")
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
            target = targets.load(name)
            runs += runs_of(target, options.mode, options.compiler)
            if (options.mode, options.compiler) == ("release", "gcc"):
                runs += proofs_of(target)
        except (RunError, ValueError) as error:
            failures.append(str(error))

    def everything(run: Run) -> dict[str, Hashes] | str:
        try:
            return {model: hashes_of(run, model) for model in models if model == PROOF or not run.small}
        except RunError as error:
            return str(error)

    print(row("target", "cpu", "backend", "compiler", "level", "mode", "hash of tiny's hashes"))
    with ThreadPoolExecutor(targets.cores()) as pool:
        for run, found in zip(runs, pool.map(everything, runs), strict=True):
            label = " ".join(cell for cell in run.cells if cell != run.compiler)
            if isinstance(found, str):
                print(row(*run.cells, "failed"), flush=True)
                failures.append(found)
                continue
            print(row(*run.cells, digest({PROOF: found.get(PROOF, {})})[:16]), flush=True)
            reference = reference or found  # when freezing, the first run is what the others must equal
            wanted = {model: hashes for model, hashes in reference.items() if model in found}
            different = differences(found, wanted)
            failures += [f"{label}: {item} differs" for item in different[:5]]
            failures += [f"{label}: and {len(different) - 5} more"] if len(different) > 5 else []

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
