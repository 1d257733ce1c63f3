"""Runs the frozen vectors everywhere and compares: one line per target, CPU, backend, compiler and floating-point mode
of the caller, with the number of vectors compared and the hash of the hashes of those that every run has.

    tests/vectors/run.py [--targets A,B] [--mode release] [--compiler gcc] [--brief | --whole] [--freeze]

The release build of gcc runs on every CPU: the first backend of a target with every model, each further one on the
first CPU that has it with the vectors of NETWORKS, and on others with those of BACKEND. With it go the further builds
that targets/ lists as proofs, whose kernels are tested as well, and the floating-point modes of `hostile` CPUs: the
first backend of such a build and every mode take the vectors of BRIEF, further backends those of BACKEND. This machine,
and with `--whole` every CPU, takes all models for each backend, and never less than PROOFS. With `--brief`, which is
what `./sconsw test` has, emulated targets take FIRST where others take every model, and further builds and
floating-point modes are tried on this machine alone, the modes by the fastest backend. `manifest.json` holds the hashes
that every run must give, for each model the vectors that belong to it. Exit status 1 if any hash differs, if a CPU
chooses another backend by itself than targets/ says, or if a run fails.
`--freeze` writes the manifest anew, provided that all runs agree; a change of it is a change of what linnet sounds like
and has to be said in the changelog. Only the standard library is used. Build first: `./sconsw vectors` does both.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
import targets  # noqa: E402

MANIFEST = ROOT / "tests" / "vectors" / "manifest.json"
TIMEOUT = 1800  # seconds after which a run counts as hung
COLUMNS = (14, 11, 9, 32, 6, 7, 7, 16, 16)
LEVELS = {"release": "the target's", "o2": "-O2", "o3": "-O3", "debug": "-O0", "ubsan": "-O1", "coverage": "-O0"}
TINY, TOKENS, HYBRID = "sdk/models/tiny.linnet", "tests/data/tokens.linnet", "tests/data/hybrid.linnet"

# Vectors by name, or None for all. The tiny model carries the proof of the signal path, two others of random weights
# that of what networks with shared layers add to it: fine inputs, filters, no pitch. Shipped models show on a few that
# wide layers agree as well, one frame at a time and two, which under emulation costs about as much as all vectors of
# the tiny one. Of further builds the wide layers are what is left to show.
Hashes = dict[str, dict[str, str]]
Choice = dict[str, tuple[str, ...] | None]
NETWORK = ("network_usual", "network_two_frames")
USES = ("", "_postfilter", "_two_frames", "_spread", "_pause", "_losses", "_8k", "_16k", "_24k", "_32k")
USES += ("_stereo", "_stereo_postfilter", "_stereo_spread")
MODELS: Choice = {
    TINY: None,
    **dict.fromkeys(
        (TOKENS, HYBRID),
        (
            *(*NETWORK, "network_large", "network_zero", "sine_sweep", "denormals", "specials_in_speech"),
            *(f"speech_in_noise{use}" for use in USES),
        ),
    ),
    "sdk/models/small.linnet": (
        *NETWORK,
        "speech_in_noise",
        "speech_in_noise_postfilter",
        "speech_in_noise_two_frames",
    ),
    "sdk/models/sparse.linnet": (*NETWORK, "speech_in_noise"),
    "sdk/models/light.linnet": (*NETWORK, "speech_in_noise", "speech_in_noise_two_frames"),
    "sdk/models/large.linnet": (*NETWORK, "speech_in_noise"),
    "sdk/models/base.linnet": (*NETWORK, "speech_in_noise"),
}
WIDE: Choice = {"sdk/models/small.linnet": NETWORK, "sdk/models/sparse.linnet": NETWORK}
PROOFS: Choice = {
    TINY: None,
    **WIDE,
    TOKENS: (*NETWORK, "speech_in_noise"),
    HYBRID: (*NETWORK, "speech_in_noise_postfilter", "speech_in_noise_pause"),
}
# Under an emulator a second of sound takes a quarter of one and more. These execute every line of the library that all
# vectors do (tests/python/test_vectors.py), with the signals that ask most of floating-point arithmetic: the rest would
# show once more what they show of a compiler or a mode.
BRIEF: Choice = {
    **PROOFS,
    TINY: (
        *(*NETWORK, "impulse", "level_steps", "specials_in_speech", "denormals", "denormal_tail_32k"),
        *("speech_in_noise", "speech_in_noise_bypass", "speech_in_noise_8k_losses", "speech_in_noise_16k_postfilter"),
        *("speech_in_noise_24k_pause", "speech_in_noise_stereo_spread", "speech_in_noise_3_channels"),
    ),
}
# Backends of one build differ in kernels alone, which are tested by themselves: in layers of every shape, and once at
# work in the signal path.
BACKEND: Choice = {**dict.fromkeys((TOKENS, HYBRID), NETWORK), **WIDE, TINY: (*NETWORK, "speech_in_noise")}
NETWORKS: Choice = {**dict.fromkeys(MODELS, NETWORK), **BACKEND}
FIRST: Choice = {**NETWORKS, **BRIEF}
VECTORS, KERNELS = "vectors/vector_run", "kernels/checkkernels"  # programs of a build's tests


class RunError(Exception):
    """A program that could not be run to its end; the message says which and why."""


@dataclass(frozen=True)
class Run:
    """One build on one CPU with one backend, the caller in one floating-point mode."""

    target: targets.Target
    cpu: targets.Cpu
    folder: Path  # of the build's tests
    backend: str
    compiler: str
    level: str  # of optimisation
    mode: str = ""  # of floating point; "" is the usual one
    choice: Choice = field(default_factory=lambda: MODELS)
    kernels: bool = False  # whether the kernels are tested before

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
        raise RunError(f"exit status {done.returncode} of {' '.join(command)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def folder_of(target: targets.Target, mode: str, compiler: str) -> Path:
    """Where the test programs of a build lie. Raises RunError if that of the vectors is not there."""
    folder = ROOT / targets.folder(target.name, mode, compiler) / "tests"
    if not (folder / VECTORS).exists():
        program = f"{folder.relative_to(ROOT)}/{VECTORS}"
        raise RunError(f"{program} is missing: ./sconsw vectors target={target.name} builds it")
    return folder


def build_runs(target: targets.Target, cpu: targets.Cpu, mode: str, compiler: str) -> list[Run]:
    """One run for each backend that a CPU can run in a build, fastest first. Raises RunError."""
    folder = folder_of(target, mode, compiler)
    name = output_of(target, cpu, folder / VECTORS, "--compiler").strip()
    backends = output_of(target, cpu, folder / VECTORS, "--backends").split()
    level = f"{target.levels[0]}/{target.levels[1][2:]}" if mode == "release" else LEVELS[mode]
    return [Run(target, cpu, folder, backend, name, level) for backend in backends]


def further(run: Run, whole: bool, choice: Choice) -> Run:
    """The run with the vectors that are enough for a further one: that choice under an emulator."""
    return replace(run, choice=PROOFS if whole or run.cpu.name == "host" else choice)


def hostile_runs(run: Run, whole: bool) -> list[Run]:
    """The same in each floating-point mode that a caller may leave behind. Raises RunError."""
    modes = output_of(run.target, run.cpu, run.folder / VECTORS, "--modes").split()
    if not modes:
        raise RunError(f"{run.target.name} {run.cpu.name}: no floating-point mode is known")
    return [replace(further(run, whole, BRIEF), mode=mode, kernels=False) for mode in modes]


def runs_of(target: targets.Target, mode: str, compiler: str, whole: bool) -> list[Run]:
    """The runs of one build: every backend on its tested CPUs, the CPU's own choice on the others. whole: at length.

    A hostile CPU has further ones in each mode: every backend of this machine, an emulated CPU's own choice. Raises
    RunError if the program is missing or a CPU's own choice is not the backend that targets/ expects.
    """
    runs: list[Run] = []
    seen: set[str] = set()  # backends
    for cpu in target.here():
        if not target.runnable(cpu):
            print(f"linnet: skipping {target.name} {cpu.name}: {target.emulator[0]} not found")
            continue
        usual = build_runs(target, cpu, mode, compiler)
        if cpu.backend not in (None, usual[0].backend):
            raise RunError(f"{target.name} {cpu.name} chooses {usual[0].backend}, expected {cpu.backend}")
        for run in usual if cpu.tested else usual[:1]:
            if run.backend in seen:
                runs.append(further(run, whole, BACKEND))
            elif runs and cpu.name != "host" and not whole:
                runs.append(replace(run, choice=NETWORKS))
            else:
                runs.append(run)
            seen.add(run.backend)
        if cpu.hostile:
            for run in usual if cpu.name == "host" else usual[:1]:
                runs += hostile_runs(run, whole)
    return runs


def shortened(runs: list[Run]) -> list[Run]:
    """Of these runs what shows a fault at once.

    A caller's mode acts on what all backends of a build share: the fastest one on this machine meets it, and of
    emulated CPUs tests/api/test_fp_mode.c has to tell. Every other further run has its kernels to show.
    """
    kept: list[Run] = []
    fastest: dict[Path, str] = {}  # backend of a build
    for run in runs:
        here = run.cpu.name == "host"
        first = fastest.setdefault(run.folder, run.backend) == run.backend
        if run.mode and not (here and first):
            continue
        if run.choice is MODELS:
            kept.append(run if here else replace(run, choice=FIRST))
        elif first and run.choice is PROOFS:
            kept.append(replace(run, choice=BRIEF) if run.mode else run)
        else:
            kept.append(replace(run, choice=BACKEND))
    return kept


def proofs_of(target: targets.Target, whole: bool) -> list[Run]:
    """The runs of the further builds of a target, every backend on one CPU. Raises RunError."""
    runs: list[Run] = []
    for proof in target.proofs:
        if reason := target.why_not(proof):
            print(f"linnet: skipping {target.name} with {proof.compiler} {LEVELS[proof.mode]}: {reason}")
            continue
        for index, run in enumerate(build_runs(target, targets.Cpu(proof.cpu, None), proof.mode, proof.compiler)):
            runs.append(replace(further(run, whole, BACKEND if index else BRIEF), kernels=True))
            runs += hostile_runs(run, whole) if proof.hostile else []
    return runs


def hashes_of(run: Run, model: str) -> Hashes:
    """Hashes of one run with one model, {vector: {what: hash}}. Raises RunError."""
    names = run.choice[model]
    arguments = [model, "--backend", run.backend]
    arguments += ["--only", ",".join(names)] if names else []
    arguments += ["--hostile", run.mode] if run.mode else []
    hashes: Hashes = {}
    for line in output_of(run.target, run.cpu, run.folder / VECTORS, *arguments).splitlines():
        name, what, value = line.split()
        hashes.setdefault(name, {})[what] = value
    return hashes


def all_hashes_of(run: Run, models: list[str]) -> dict[str, Hashes]:
    """Hashes of one run with those of its models, after a test of its kernels if that is a part. Raises RunError."""
    if run.kernels:
        output_of(run.target, run.cpu, run.folder / KERNELS, "--backend", run.backend)
    return {model: hashes_of(run, model) for model in models if model in run.choice}


def chosen(hashes: dict[str, Hashes], choice: Choice) -> dict[str, Hashes]:
    """Those hashes that belong to a choice of vectors."""
    return {
        model: {name: what for name, what in hashes[model].items() if names is None or name in names}
        for model, names in choice.items()
        if model in hashes
    }


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
    extent = parser.add_mutually_exclusive_group()
    extent.add_argument("--brief", action="store_true", help="under emulators a first look alone: minutes")
    extent.add_argument("--whole", action="store_true", help="all that is left out under emulators too: hours")
    parser.add_argument("--freeze", action="store_true", help="rewrite the manifest from the runs, if they agree")
    options = parser.parse_args()

    reference = {} if options.freeze else load_manifest()
    models = [model for model in MODELS if (ROOT / model).exists()]
    failures = [f"frozen model {model} is missing" for model in reference if model not in models]
    if not (reference or options.freeze) or not models:
        print("vectors: nothing to compare with: tests/vectors/run.py --freeze writes tests/vectors/manifest.json")
        return 1

    runs: list[Run] = []
    for name in options.targets.split(","):
        try:
            target = targets.load(name)
            found = runs_of(target, options.mode, options.compiler, options.whole)
            if (options.mode, options.compiler) == ("release", "gcc") and (target.native or not options.brief):
                found += proofs_of(target, options.whole)
            runs += shortened(found) if options.brief else found
        except (RunError, ValueError) as error:
            failures.append(str(error))

    def everything(run: Run) -> dict[str, Hashes] | str:
        try:
            return all_hashes_of(run, models)
        except RunError as error:
            return str(error)

    print(row("target", "cpu", "backend", "compiler", "level", "mode", "vectors", "some of tiny", "wide layers"))
    with ThreadPoolExecutor(targets.cores()) as pool:
        # The longest begin first, so that none of them is waited for alone at the end.
        order = sorted(range(len(runs)), key=lambda index: runs[index].choice is not MODELS)
        begun = {index: pool.submit(everything, runs[index]) for index in order}
        for index, run in enumerate(runs):
            found = begun[index].result()
            label = " ".join(cell for cell in run.cells if cell != run.compiler)
            if isinstance(found, str):
                print(row(*run.cells, "failed", "", ""), flush=True)
                failures.append(found)
                continue
            compared = sum(len(hashes) for hashes in found.values())
            parts = (digest(chosen(found, part))[:16] for part in ({TINY: BACKEND[TINY]}, WIDE))  # which every run has
            print(row(*run.cells, str(compared), *parts), flush=True)
            reference = reference or found  # when freezing, the first run is what the others must equal
            different = differences(found, chosen(reference, run.choice))
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
