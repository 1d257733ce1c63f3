"""The twelve promises of reliability: for each a number, the suite that measures it, the command, and the last value.

    python -m benchmarks.reliability                 # what is promised and what was measured last
    python -m benchmarks.reliability 2 4 8           # runs the commands of these and keeps their values
    python -m benchmarks.reliability --read 1 3      # keeps what the last run of a longer suite has left in build/

Values go into benchmarks/results/reliability.json with the date and the commit, and ./sconsw documents makes the table
of docs/reliability.md of them. A promise whose command has not been run stands there as not measured: no value is
typed by hand.
"""

from __future__ import annotations

import argparse
import datetime
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import targets
from benchmarks import common
from tests.fuzz import run as fuzzers

RELEASE = targets.folder(targets.host() or "", "release", "gcc")
COUNTED = targets.folder(targets.host() or "", "coverage", "gcc")
TSAN = targets.folder(targets.host() or "", "tsan", "gcc")
TINY = "sdk/models/tiny.linnet"
MUTATED, COVERED = "build/mutations/results.json", "build/coverage/results.json"
VALUES = common.RESULTS / "reliability.json"


@dataclass(frozen=True)
class Measured:
    """value: in words; met: whether it is what the promise asks for."""

    value: str
    met: bool


@dataclass(frozen=True)
class Promise:
    """One row.

    wanted: the measure and its threshold. suite: files below tests/. commands: shell lines, run from the root, the
    first one builds. read: what their outputs say, those of the commands behind the first.
    """

    name: str
    wanted: str
    suite: str
    commands: tuple[str, ...]
    read: Callable[[list[str]], Measured]
    # What measures it, for the reader, where that is a whole suite with other words.
    words: str = ""
    left: bool = False  # whether `read` finds all in build/, where the suite leaves it


def passed(outputs: list[str]) -> Measured:
    """Programs of check.h and pytest: how many checks, and that none failed."""
    good = sum(int(number) for text in outputs for number in re.findall(r"(\d+) passed", text))
    bad = sum(int(number) for text in outputs for number in re.findall(r"(\d+) failed", text))
    return Measured(f"{good:,} checks passed, {bad:,} failed", good > 0 and bad == 0)


def fuzzed(wanted: int, what: str, *names: str) -> Callable[[list[str]], Measured]:
    """Reads what ./sconsw fuzz has done with these programs since library and fuzzers are as they are.

    what: `executions` or `frames`, of which there are to be as many as wanted.
    """

    def read(_: list[str]) -> Measured:
        results, of = fuzzers.results(), fuzzers.sources()
        if absent := [name for name in names if not fuzzers.is_of(results.get(name, {}), of)]:
            return Measured(f"no executions of {', '.join(absent)} as they are now: ./sconsw fuzz", False)
        totals = {name: results[name]["total"] for name in names}
        found = sum(total["findings"] for total in totals.values())
        shares = {name: results[name]["covered"] / results[name]["edges"] for name in names}
        parts = [
            f"{name} {total['executions']:,}"
            + (f" ({total['frames']:,} frames)" if total["frames"] else "")
            + f", {100 * shares[name]:.0f} % of edges"
            for name, total in totals.items()
        ]
        reached = sum(total[what] for total in totals.values())
        hours = sum(total["seconds"] for total in totals.values()) / 3600
        value = f"{reached:,} {what} in {hours:.2g} h, {found} findings; executions of {'; '.join(parts)}"
        return Measured(value, reached >= wanted and found == 0)

    return read


def realtime(outputs: list[str]) -> Measured:
    """The program's own line on what it did, and the symbols."""
    done = re.search(r"(\d+) backends, (\d+) frames .*", outputs[0])
    checks = passed(outputs)
    enough = done is not None and int(done[2]) >= 33_400 and "seccomp too" in done[0]  # in three ways to call
    return Measured(f"{done[0] if done else 'no line'}; {checks.value}", enough and checks.met)


def vectors(outputs: list[str]) -> Measured:
    """The last line of the runner."""
    agree = re.search(r"vectors: (\d+) runs of (\d+) vectors agree", outputs[0])
    return Measured(agree[0].removeprefix("vectors: ") if agree else "they differ", bool(agree and int(agree[1]) >= 16))


def kernels(outputs: list[str]) -> Measured:
    """Kernel tests and the differential fuzzer."""
    checks, scripts = passed(outputs), fuzzed(1_000_000, "executions", "fuzz_backends")([])
    return Measured(f"{checks.value}; {scripts.value}", checks.met and scripts.met)


def day(outputs: list[str]) -> Measured:
    """Minutes of audio, the drift of time, and random points of reset."""
    done = re.search(r"([\d.]+) minutes.*: (\d+) frames, \d+ KB held, last tenth .* ([\d.]+)", outputs[0])
    checks = passed(outputs)
    if not done:
        return Measured("no line of the program", False)
    value = (
        f"{float(done[1]) / 60:g} h, {int(done[2]):,} frames, time of the last tenth {float(done[3]):.2f} of the first"
    )
    return Measured(f"{value}; {checks.value}", float(done[1]) >= 1440 and checks.met)


def crowd(outputs: list[str]) -> Measured:
    """The crowd of threads."""
    done = re.search(r"\d+ streams in \d+ threads, \d+ rounds", outputs[0])
    checks = passed(outputs)
    return Measured(f"{done[0] if done else 'no line'} under TSan; {checks.value}", done is not None and checks.met)


def bounded(outputs: list[str]) -> Measured:
    """The last line of the program."""
    done = re.search(r"\d+ backends: worst frame ([\d.]+) of the median, denormal tail ([\d.]+) of speech", outputs[0])
    if not done:
        return Measured("no line of the program", False)
    return Measured(done[0], float(done[1]) <= 1.5 and float(done[2]) <= 1.05)


# Part of the sources: percent of lines and of branches that must be executed.
COVERAGE = {"model/": (100, 98), "linnet.cpp": (100, 98), "sdk/src": (97, 92)}


def meaning(_: list[str]) -> Measured:
    """What the last runs of coverage and of the mutation check have counted."""
    values, met = [], True
    for path in (common.ROOT / COVERED, common.ROOT / MUTATED):
        if not path.exists():
            return Measured(f"{path.relative_to(common.ROOT)} is not there", False)
    shares = json.loads((common.ROOT / COVERED).read_text())
    for part, wanted in COVERAGE.items():
        share = shares[part]
        lines, branches = (100 * share[f"{kind}_covered"] / share[f"{kind}_total"] for kind in ("line", "branch"))
        values.append(f"{part} {lines:.1f} % of lines, {branches:.1f} % of branches")
        met &= lines >= wanted[0] and branches >= wanted[1]
    counts = json.loads((common.ROOT / MUTATED).read_text())["counts"]
    real = counts["killed"] + counts["survived"]
    nothing = counts["same"] + counts["equivalent"]
    values.append(f"{counts['killed']} of {real} mutations killed, {nothing} further ones change nothing")
    return Measured("; ".join(values), met and counts["sampled"] >= 200 and counts["killed"] >= 0.9 * real)


EMULATED = ",".join(name for name in targets.names() if not targets.load(name).foreign)
BUILD = f"./sconsw {RELEASE}/tests {RELEASE}/liblinnet.so"
UNIT, API = f"{RELEASE}/tests/unit", f"{RELEASE}/tests/api"
PYTEST = "python -m pytest -q"

PROMISES = {
    1: Promise(
        "The loader survives any blob",
        ">= 100 M executions under ASan and UBSan, checksum repaired; what is accepted runs; 0 findings",
        "fuzz/fuzz_blob.cpp, fuzz_patch.cpp",
        ("./sconsw fuzz seconds=30",),
        fuzzed(100_000_000, "executions", "fuzz_blob", "fuzz_patch"),
        "./sconsw fuzz seconds=N",
        left=True,
    ),
    2: Promise(
        "Every cut and every flipped bit is refused",
        "all lengths, all single bits, every field's extremes of tiny: documented errors, 0 accepted",
        "unit/test_blob_damage.cpp",
        (BUILD, f"{UNIT}/test_blob_damage {TINY}"),
        passed,
    ),
    3: Promise(
        "Any samples in, sane samples out",
        ">= 20 M frames of raw-bit scripts: finite, within +-4, the bits of cleaned input; 0 findings",
        "fuzz/fuzz_process.cpp, api/test_input.c",
        ("./sconsw fuzz seconds=30",),
        fuzzed(20_000_000, "frames", "fuzz_process"),
        "./sconsw fuzz seconds=N",
        left=True,
    ),
    4: Promise(
        "Real-time safe",
        "0 allocations, locks, system calls in 100,000 frames on each backend, at every rate and number of channels: "
        "counted, under seccomp, by symbols",
        "api/test_realtime.c, python/test_exports.py",
        (BUILD, f"{API}/test_realtime {TINY} 33400", f"{PYTEST} tests/python/test_exports.py -k 'allowed or main'"),
        realtime,
    ),
    5: Promise(
        "Bounded time",
        "instructions of the worst frame <= 1.5 times the median over six kinds of sound; denormal tails as speech "
        "(5 %), on every backend",
        "python/test_bounded.py, test_bench.py (spread and rest)",
        (
            f"./sconsw target={EMULATED} python "
            + " ".join(f"{targets.folder(name, 'release', 'gcc')}/benchmarks" for name in EMULATED.split(",")),
            "python -m benchmarks.bounded",
        ),
        bounded,
    ),
    6: Promise(
        "The same bits everywhere",
        "one hash for each vector on >= 16 runs of CPUs, backends, compilers, levels and hostile modes",
        "vectors/",
        ("./sconsw vectors",),
        vectors,
        "./sconsw vectors",
    ),
    7: Promise(
        "Kernels equal the reference",
        "each entry, every length 0..67, alignments, guard pages: 0 differing bits; >= 1 M scripts on all backends",
        "kernels/checkkernels.cpp, fuzz/fuzz_backends.cpp",
        (BUILD, f"{RELEASE}/tests/kernels/checkkernels"),
        kernels,
    ),
    8: Promise(
        "A day without drift",
        "24 h in one stream: memory constant, output finite, frames counted, reset as fresh; 10,000 random resets",
        "api/test_day.c, api/test_reset.c",
        (BUILD, f"{API}/test_day {TINY} 1440", f"{API}/test_reset {TINY} 10000"),
        day,
    ),
    9: Promise(
        "Threads",
        "64 streams of one model in 16 threads, controls moved, models made and destroyed: TSan 0 reports, equal bits",
        "api/test_crowd.cpp, api/test_threads.cpp",
        (
            f"./sconsw mode=tsan {TSAN}/tests/api/test_crowd {TSAN}/tests/api/test_threads",
            f"{TSAN}/tests/api/test_crowd {TINY} 5",
            f"{TSAN}/tests/api/test_threads {TINY}",
        ),
        crowd,
    ),
    10: Promise(
        "Failure loops and misuse",
        "each allocation fails once and for ever, each read fails or is cut, each misuse: its documented status, "
        "0 leaks; a full disk or a kill leaves no half file",
        "api/test_memory.c, test_files.c, test_contract.c, python/test_failures.py",
        (
            BUILD,
            *(f"{API}/test_{name} {TINY}" for name in ("memory", "files", "contract")),
            f"{PYTEST} tests/python/test_failures.py",
        ),
        passed,
    ),
    11: Promise(
        "Coverage with meaning",
        "model/ and linnet.cpp 100 % lines, >= 98 % branches; sdk/src >= 97 % and >= 92 %; >= 90 % of mutations killed",
        "coverage_run.py, mutations/run.py",
        (
            f"./sconsw mode=coverage {COUNTED}/tests",
            "python tests/coverage_run.py",
            "./sconsw",
            "python tests/mutations/run.py",
        ),
        meaning,
        "python tests/coverage_run.py; python tests/mutations/run.py",
        left=True,
    ),
    12: Promise(
        "Small, known, reproducible",
        "equal bytes from two folders; exports and imports as listed; stack and heap as promised",
        "python/test_build.py, test_exports.py, api/test_memory.c",
        (
            BUILD,
            f"{PYTEST} tests/python/test_exports.py",
            f"{API}/test_memory {TINY}",
            f"{PYTEST} tests/python/test_build.py -k the_bytes_do_not_depend",
        ),
        passed,
    ),
}


def kept() -> dict[str, dict[str, Any]]:
    """Values by the number of the promise."""
    return json.loads(VALUES.read_text()) if VALUES.exists() else {}


def shown(promise: Promise) -> str:
    """The command as a reader would type it, without the part that builds; TARGET is this machine's."""
    if promise.words:
        return promise.words
    line = "; ".join(promise.commands[1:])
    return line.replace(RELEASE, "build/TARGET-release").replace(TSAN, "build/TARGET-tsan")


def commit() -> str:
    """What the working tree is of; "-dirty" behind it if files other than that of the values differ."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=common.ROOT, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", f":!{VALUES.relative_to(common.ROOT)}")
    return git("rev-parse", "--short=10", "HEAD") + ("-dirty" if changed else "")


def measure(promise: Promise, run: bool) -> Measured:
    """Runs the commands of a promise, or with run False reads what they have left."""
    outputs = []
    for line in promise.commands if run else ():
        words = shlex.split(line)
        command = [sys.executable, *words[1:]] if words[0] == "python" else words
        done = subprocess.run(command, cwd=common.ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        outputs.append(done.stdout)
        if done.returncode:
            print(done.stdout[-4000:])
            return Measured(f"failed: `{line}`, status {done.returncode}", False)
    return promise.read(outputs[1:] if len(outputs) > 1 else outputs)


def main() -> int:
    """Command line; 1 if a promise that was measured is not met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("numbers", nargs="*", type=int, metavar="N", help="of promises")
    parser.add_argument("--read", action="store_true", help="run nothing, read what lies in build/")
    options = parser.parse_args()
    for number in options.numbers:
        if number not in PROMISES:
            parser.error(f"{number} is no promise: give numbers of {min(PROMISES)} to {max(PROMISES)}")
        if options.read and not PROMISES[number].left:
            left = ", ".join(str(one) for one, promise in PROMISES.items() if promise.left)
            parser.error(f"--read {number}: its commands leave nothing in build/, as those of {left} do; go without")
    for number in options.numbers:
        of = commit()
        measured = measure(PROMISES[number], not options.read)
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        values = kept()  # another run may have written meanwhile
        values[str(number)] = {"value": measured.value, "met": measured.met, "date": today, "commit": of}
        ordered = {key: values[key] for key in sorted(values, key=int)}
        VALUES.write_text(json.dumps(ordered, indent=1) + "\n")
    values = kept()
    for number in options.numbers or PROMISES:
        entry = values.get(str(number))
        state = "not measured" if not entry else f"{'met' if entry['met'] else 'not met'}: {entry['value']}"
        print(f"{number:2}  {PROMISES[number].name}: {state}")
    return int(any(not values[str(number)]["met"] for number in options.numbers))


if __name__ == "__main__":
    raise SystemExit(main())
