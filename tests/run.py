"""Runs what the build has made ready and counts: checks of style, C++ programs on every CPU, vectors, Python tests.

    tests/run.py [--mode M] [--compiler C] [--targets A,B] [SUITE ...]

The suites are check, programs, vectors, python, format, long, web, dist, mobile and desktop; without words the first
four, which is what `./sconsw test` calls it for, with suite= for that alone. One line per item, the output of those
that failed, and at the end `N passed, N failed`; exit status 1 if anything failed. Only the standard library is used.

Under an emulator, which takes some seventy times as long as this machine, the usual suites leave out what another CPU
or this machine has shown already; `long` is all of that, and what takes hours anywhere.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
import targets  # noqa: E402

MODEL, SPARSE = "sdk/models/tiny.linnet", "sdk/models/sparse.linnet"
HYBRID = "tests/data/hybrid.linnet"  # random weights, layers that all parts of the spectrum share
TOKENS = "tests/data/tokens.linnet"  # such layers alone
VARIED = (MODEL, HYBRID, TOKENS, SPARSE)  # each kind of network and of matrix once; wide ones show the same
# Programs of the API that are run with it too; others change look-aheads, which its filters do not allow.
WITH_HYBRID = ("contract", "fp_mode", "input", "loss", "memory", "realtime", "rest", "stats", "threads")
TIMEOUT, LONG_TIMEOUT = 900, 6 * 3600  # seconds after which a program counts as hung, usually and in a night
PACKAGES_TIMEOUT = 3600  # a file of tests that has every package run every vector, most under emulators
SUITES = ("unit", "api", "kernels")
# Programs about what a CPU offers and chooses: all that further tested CPUs of a target usually run besides kernels.
OF_BACKENDS = ("test_cpu", "test_backend")
# Programs that take the word "brief" behind the model: fewer combinations of what they vary.
ABRIDGED = ("test_channels", "test_realtime", "test_rest", "test_spread", "test_blob_damage")
# Programs that take minutes under an emulator, where the vectors make the same calls and a night runs them.
AT_LENGTH = ("test_channels", "test_crowd", "test_reset", "test_rest", "test_spread", "test_threads")
# Programs that valgrind is not run with: it replaces malloc as they do, runs no threads side by side, rounds as the CPU
# was told only in part, or would take as long as a night.
NOT_UNDER_VALGRIND = ("test_memory", "test_realtime", "test_threads", "test_crowd", "test_fp_mode", "test_day")
NOT_UNDER_VALGRIND += ("test_reset",)
# Variants of a file that each program is tried with, usually and in a night.
FUZZ = {"fuzz_blob": "20000", "fuzz_process": "300"}
# Programs that do more when a further argument says how much: rounds of a crowd of 64 streams in 16 threads, random
# points of reset, minutes of audio in one stream; usually, and in a night. A day has 1440 minutes.
LASTING = {"crowd": "1", "reset": "300", "day": "2"}
LONG_LASTING = {"crowd": "100", "reset": "10000", "day": "1440"}
# Variants of each input of the corpora, which is tried as it is too.
REPLAY = {"fuzz_blob": "20", "fuzz_patch": "20", "fuzz_process": "0", "fuzz_backends": "0", "fuzz_api": "2"}
# Files of the Python tests that are begun first, so that none of them is waited for alone at the end.
LONGEST = ("test_training", "test_build", "test_bench", "test_selftest", "test_harm", "test_shipped")
LONG_FUZZ = {"fuzz_blob": "1000000", "fuzz_process": "20000"}
LONG_REPLAY = {"fuzz_blob": "1000", "fuzz_patch": "1000", "fuzz_process": "20", "fuzz_backends": "20", "fuzz_api": "50"}


@dataclass
class Item:
    """One thing that passes or fails: a command."""

    name: str
    command: list[str]
    timeout: float = TIMEOUT


@dataclass
class Count:
    """Sums over all items, and the one place that reports them."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, name: str, ok: bool, seconds: float, output: str) -> None:
        """Counts one item and prints its line, after its output if it failed."""
        if not ok:
            print(output.rstrip() or "(no output)")
        print(f"{'passed' if ok else 'FAILED'}  {name}  {seconds:.1f} s", flush=True)
        self.passed += ok
        self.failed += not ok


def execute(item: Item) -> tuple[Item, bool, float, str]:
    """Runs an item to its end. A program that cannot be started or does not end has failed."""
    start = time.monotonic()
    try:
        done = subprocess.run(
            item.command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=item.timeout,
        )
        ok, output = done.returncode == 0, done.stdout.decode(errors="replace")
        if not ok:
            output += f"\nexit status {done.returncode} of: {' '.join(item.command)}"
    except (OSError, subprocess.TimeoutExpired) as error:
        ok, output = False, str(error)
    return item, ok, time.monotonic() - start, output


class Passed:
    """Commands that have passed, by the contents of the files that they name: programs, models and emulators.

    What takes a night goes on with it where it was stopped, and runs again what has changed since.
    """

    def __init__(self, path: Path):
        self.path = path
        self.keys: set[str] = {*json.loads(path.read_text())} if path.exists() else set()
        self.lock = threading.Lock()

    @staticmethod
    def key(item: Item) -> str:
        """A command and its files."""
        digest = hashlib.sha256()
        for word in item.command:
            digest.update(word.encode() + b"\0")
            path = ROOT / (shutil.which(word) or word if word is item.command[0] else word)
            if path.is_file():
                digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()[:32]

    def execute(self, item: Item) -> tuple[Item, bool, float, str]:
        """Runs an item that has not passed yet."""
        key = self.key(item)
        if key in self.keys:
            return item, True, 0.0, ""
        result = execute(item)
        if result[1]:
            with self.lock:
                self.keys.add(key)
                partial = self.path.with_suffix(".part")
                partial.write_text(json.dumps(sorted(self.keys)) + "\n")
                partial.replace(self.path)
        return result


def side_by_side(items: list[Item], passed: Passed | None = None) -> Iterator[tuple[Item, bool, float, str]]:
    """Runs items, as many at once as there are cores, and tells of them in their order."""
    with ThreadPoolExecutor(targets.cores()) as pool:
        yield from pool.map(passed.execute if passed else execute, items)


def execute_all(items: list[Item], count: Count, passed: Passed | None = None) -> None:
    """Runs items side by side and counts each as one."""
    for item, ok, seconds, output in side_by_side(items, passed):
        count.add(item.name, ok, seconds, output)


def sources(*suffixes: str) -> list[str]:
    """Our own files with these suffixes, wherever they lie, relative to the root."""
    folders = ("sdk", "python", "tests", "benchmarks", "training", "targets")
    found = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in suffixes]
    return sorted(str(path.relative_to(ROOT)) for path in found if path.is_file())


def check(builds: list[Path], count: Count) -> None:
    """Style and static analysis; clang-tidy's findings were collected by the build."""
    tools = {
        "clang-format": ["clang-format", "--dry-run", "-Werror", *sources(".h", ".c", ".cpp")],
        "ruff check": ["ruff", "check", "--quiet", "."],
        "ruff format": ["ruff", "format", "--check", "."],
    }
    execute_all([Item(f"check: {name}", command) for name, command in tools.items()], count)
    findings = [path for build in builds for path in sorted(build.glob("check/*.txt"))]
    if not findings:
        count.add("check: clang-tidy", False, 0, "the build has left nothing in build/TARGET-MODE/check/")
    for path in findings:
        text = path.read_text()
        count.add(f"check: clang-tidy {path.stem}", not text, 0, text)
        if text:
            path.unlink()  # so that it is looked at again even if it was the tool that failed


def format_sources() -> int:
    """Rewrites the sources in the style that `check` wants."""
    commands = (
        ["clang-format", "-i", *sources(".h", ".c", ".cpp")],
        ["ruff", "check", "--fix", "."],
        ["ruff", "format", "."],
    )
    return max(subprocess.run(command, cwd=ROOT).returncode for command in commands)


def items_of(
    target: targets.Target,
    cpu: targets.Cpu | str,
    build: Path,
    suites: tuple[str, ...],
    model: str = MODEL,
    note: str = "",
    brief: bool = False,
    only: tuple[str, ...] = (),
    without: tuple[str, ...] = (),
    backend: str = "",
) -> list[Item]:
    """The test programs of these suites of a build, all or only some, to be run on one CPU with a model.

    backend: the one whose kernels are tested; all of them otherwise.
    """
    items = []
    for suite in filter(target.suites.__contains__, suites):
        for path in sorted((ROOT / "tests" / suite).glob("*.c*")):
            if (only and path.stem not in only) or path.stem in without:
                continue
            program = str(build / "tests" / suite / path.stem)
            arguments = [model] if suite != "kernels" else ["--backend", backend] if backend else []
            arguments += ["brief"] if brief and path.stem in ABRIDGED else []
            name = cpu if isinstance(cpu, str) else cpu.name
            command = target.command(cpu, program, *arguments)
            items.append(Item(f"{suite}/{path.stem} on {target.name} {name}{note}", command))
    return items


def hybrid_items(target: targets.Target, build: Path, note: str = "") -> list[Item]:
    """Programs of the API with a network of shared layers, on this machine."""
    commands = {name: [str(build / "tests/api" / f"test_{name}"), HYBRID] for name in WITH_HYBRID}
    commands["realtime"] += ["brief"]  # as long as all the others otherwise
    return [Item(f"api/test_{name} {HYBRID} on {target.name}{note}", commands[name]) for name in commands]


def usual_items(target: targets.Target, build: Path, mode: str) -> list[Item]:
    """The programs on every CPU of a target, without what one of them has shown for the next.

    This machine, or else the first CPU that is tested, runs all of them but those that are at length under an emulator.
    Of further ones those count whose backends are new: what all backends share are the same instructions, which an
    emulator carries out for every model alike.
    """
    items: list[Item] = []
    tested, seen = False, set()
    for cpu in target.here(mode):
        emulated = cpu.name != "host"
        if cpu.tested and not tested:
            items += items_of(target, cpu, build, SUITES, brief=emulated, without=AT_LENGTH if emulated else ())
        elif cpu.backend and cpu.backend not in seen:
            items += items_of(target, cpu, build, ("kernels",), backend=cpu.backend)
            items += items_of(target, cpu, build, SUITES, only=OF_BACKENDS) if cpu.tested else []
        tested |= cpu.tested
        seen.add(cpu.backend)
    return items


def lasting_items(target: targets.Target, build: Path, amounts: dict[str, str], note: str = "") -> list[Item]:
    """The programs of LASTING, on this machine."""
    items = []
    for name, amount in amounts.items():
        command = [str(build / "tests/api" / f"test_{name}"), MODEL, amount]
        items.append(Item(f"api/test_{name} {amount} on {target.name}{note}", command, 8 * TIMEOUT))
    return items


def valgrind_items(target: targets.Target, build: Path) -> list[Item]:
    """The release build's programs under valgrind, on this machine."""
    items = items_of(target, "host", build, ("unit", "api"), brief=True) + hybrid_items(target, build)
    command = ["valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full"]
    return [
        Item(f"{item.name} valgrind", [*command, *item.command])
        for item in items
        if Path(item.command[0]).name not in NOT_UNDER_VALGRIND
    ]


def fuzz_items(target: targets.Target, build: Path, variants: dict[str, str], note: str = "") -> list[Item]:
    """The programs that try damaged input, on this machine."""
    items = []
    for name, count in variants.items():
        command = [str(build / "tests/fuzz" / name), "--mutate", count]
        items += [Item(f"fuzz/{name} {model} on {target.name}{note}", [*command, model]) for model in (MODEL, HYBRID)]
    return items


def replay_items(target: targets.Target, build: Path, variants: dict[str, str], note: str = "") -> list[Item]:
    """The fuzzers on the inputs that are kept of them, on this machine."""
    items = []
    for name, count in variants.items():
        kept = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests/fuzz/corpus" / name).iterdir())
        command = [str(build / "tests/fuzz" / name), "--mutate", count, *kept]
        items.append(Item(f"fuzz/{name} {len(kept)} inputs of its corpus on {target.name}{note}", command))
    return items


def brief_items(target: targets.Target, build: Path) -> list[Item]:
    """What notices most in little time, on this machine: without test_realtime, which is as long as all the others and
    counts what the library asks of the system alone."""
    items = items_of(target, "host", build, SUITES) + hybrid_items(target, build)
    return [item for item in items if "test_realtime" not in item.name] + replay_items(target, build, REPLAY)


def programs(chosen: list[targets.Target], builds: list[Path], mode: str, plain: bool, count: Count) -> None:
    """C and C++ test programs: those of the kernels on every CPU, the others on the CPUs that are marked for them.

    Damaged input, the real-time promises of a wide, sparse model, and the API with a network of shared layers are tried
    on this machine alone. With the plain build go the suites of its proofs, whose kernels are tested with the vectors.
    """
    items = []
    for target, build in zip(chosen, builds, strict=True):
        for proof in target.proofs if plain else ():
            if proof.suites and not target.why_not(proof):
                folder = ROOT / targets.folder(target.name, proof.mode, proof.compiler)
                note = f" {proof.compiler} {proof.mode}"
                # What it counts is of the release build; a debug one has checks of its own.
                without = ("test_realtime",)
                items += items_of(target, proof.cpu, folder, proof.suites, note=note, brief=True, without=without)
        if target.native:
            name = f"api/test_realtime {SPARSE} on {target.name}"
            items.append(Item(name, [f"{build}/tests/api/test_realtime", SPARSE, "brief"]))
            items += hybrid_items(target, build)
            items += lasting_items(target, build, LASTING)
            items += fuzz_items(target, build, FUZZ)
            items += replay_items(target, build, REPLAY)
        items += usual_items(target, build, mode)
    # One queue for all: the longest are among the first, and no core waits for another at the end of a target.
    execute_all(items, count)


def long_programs(chosen: list[targets.Target], builds: list[Path], count: Count) -> None:
    """What a night has time for.

    On this machine all programs under the sanitizers and valgrind, those of the API with a wide model too, fuzzing, and
    the real-time promises of wide models at length; then under the emulators everything on every CPU.
    """
    items: list[Item] = []
    for target, build in zip(chosen, builds, strict=True):
        if not target.native:
            continue
        for model in (SPARSE, HYBRID):
            items.append(
                Item(f"api/test_realtime {model} on {target.name}", [f"{build}/tests/api/test_realtime", model])
            )
        items += lasting_items(target, build, LONG_LASTING) + valgrind_items(target, build)
        for proof in targets.SANITIZED:
            if reason := target.why_not(proof):
                count.add(f"mode={proof.mode} on {target.name}", False, 0, reason)
                continue
            folder = ROOT / targets.folder(target.name, proof.mode, proof.compiler)
            items += items_of(target, proof.cpu, folder, SUITES, note=f" {proof.mode}")
            items += items_of(target, proof.cpu, folder, ("api",), SPARSE, f" {proof.mode} {SPARSE}")
            items += hybrid_items(target, folder, f" {proof.mode}")
            items += lasting_items(target, folder, {"crowd": "10"}, f" {proof.mode}")
            if "fuzz" in proof.suites:
                items += replay_items(target, folder, LONG_REPLAY, f" {proof.mode}")
                items += fuzz_items(target, folder, LONG_FUZZ, f" {proof.mode}")
    for target, build in zip(chosen, builds, strict=True):
        for cpu in target.here():
            if cpu.name != "host":
                items += items_of(target, cpu, build, SUITES if cpu.tested else ("kernels",))
    execute_all([replace(item, timeout=LONG_TIMEOUT) for item in items], count, Passed(ROOT / "build/night.json"))


def vectors(chosen: list[targets.Target], mode: str, compiler: str, count: Count, *extent: str) -> None:
    """The frozen vectors; their runner prints one line for each hash. extent: its word for fewer or more of them."""
    command = [sys.executable, "tests/vectors/run.py", "--targets", ",".join(target.name for target in chosen)]
    command += ["--mode", mode, "--compiler", compiler, *extent]
    start = time.monotonic()
    ok = subprocess.run(command, cwd=ROOT).returncode == 0
    count.add("vectors", ok, time.monotonic() - start, "see above")


def notes(output: str) -> str:
    """Lines that say what was skipped or is known to fall short, in pytest's summary, and what tests have measured."""
    return "\n".join(line for line in output.splitlines() if line.startswith(("SKIPPED", "XFAIL", "MEASURED")))


def python_tests(
    chosen: list[targets.Target],
    libraries: str,
    mode: str,
    count: Count,
    folder: str = "python",
    whole: bool = False,
) -> None:
    """pytest, one process for each file and as many at once as there are cores, counted test by test.

    conftest.py gets the targets that were built, and those of libraries alone. whole: the tests marked `long`, which
    are left out otherwise.
    """
    names = ",".join(target.name for target in chosen if not target.foreign)
    os.environ |= {"LINNET_TEST_TARGETS": names, "LINNET_TEST_LIBRARIES": libraries, "LINNET_TEST_MODE": mode}
    reports = ROOT / "build" / "pytest"
    shutil.rmtree(reports, ignore_errors=True)
    paths = sorted((ROOT / "tests" / folder).glob("test_*.py"), key=lambda path: (path.stem not in LONGEST, path.stem))
    start = [sys.executable, "-m", "pytest", "-q", *(["-m", "long"] if whole else [])]
    timeout = LONG_TIMEOUT if whole else PACKAGES_TIMEOUT if folder == "dist" else TIMEOUT
    items = [Item(path.stem, [*start, f"--junitxml={reports / path.stem}.xml", str(path)], timeout) for path in paths]
    for item, ok, seconds, output in side_by_side(items):
        try:
            suite = ElementTree.parse(reports / f"{item.name}.xml").getroot().find("testsuite")
            numbers = (int(suite.get(key)) for key in ("tests", "failures", "errors", "skipped"))
            tests, failed, errors, skipped = numbers
        except (OSError, ElementTree.ParseError, AttributeError):
            tests, failed, errors, skipped = 0, 0, 1, 0
        failed += errors
        passed = max(tests - failed - skipped, 0)
        nothing = whole and not tests and not failed  # of the tests marked, none is about these targets
        failed = failed if failed or ok or nothing else 1
        if text := output.rstrip() if failed else notes(output):
            print(text)
        word = "FAILED" if failed else "passed"
        print(f"{word}  {folder}/{item.name}: {passed} tests  {seconds:.1f} s", flush=True)
        count.passed += passed
        count.failed += failed
        count.skipped += skipped


def main() -> int:
    """Runs the suites that were asked for, in a fixed order."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mode", default="release")
    parser.add_argument("--compiler", default="gcc", choices=targets.COMPILERS)
    host = targets.host()
    parser.add_argument("--targets", default=host, required=host is None)
    parser.add_argument("--libraries", default="", help="targets of which only libraries were built")
    known = ("check", "programs", "vectors", "python", "format", "long", "web", "dist", "mobile", "desktop")
    parser.add_argument("suites", nargs="*", metavar="suite", help=", ".join(known))
    options = parser.parse_args()
    if unknown := set(options.suites) - set(known):
        parser.error(f"unknown suite {', '.join(unknown)}: choose from {', '.join(known)}")
    if "format" in options.suites:
        return format_sources()
    plain = options.mode == "release" and options.compiler == "gcc"
    # Style does not depend on the mode, and the Python tests are about the build that is shipped.
    everything = ["check", "programs", "vectors", "python"] if plain else ["programs", "vectors"]
    if options.mode in targets.NATIVE_MODES:
        everything.remove("vectors")
    suites = options.suites or everything

    # This machine's own target first: it is quick to say what is wrong.
    chosen = sorted(map(targets.load, options.targets.split(",")), key=lambda target: not target.native)
    builds = [ROOT / targets.folder(target.name, options.mode, options.compiler) for target in chosen]
    count = Count()
    if "long" in suites:
        long_programs(chosen, builds, count)
        vectors(chosen, options.mode, options.compiler, count, "--whole")
        python_tests(chosen, options.libraries, options.mode, count, whole=True)
    if "check" in suites:
        check(builds, count)
    if "programs" in suites:
        programs(chosen, builds, options.mode, plain, count)
    if "vectors" in suites:
        vectors(chosen, options.mode, options.compiler, count, *([] if options.suites else ["--brief"]))
    if "python" in suites:
        python_tests(chosen, options.libraries, options.mode, count)
    for folder in ("web", "dist", "mobile", "desktop"):
        if folder in suites:
            python_tests(chosen, options.libraries, options.mode, count, folder)
    print(f"{count.passed} passed, {count.failed} failed" + (f", {count.skipped} skipped" if count.skipped else ""))
    return 1 if count.failed or not count.passed else 0


if __name__ == "__main__":
    sys.exit(main())
