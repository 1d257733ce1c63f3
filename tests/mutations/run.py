"""Mutation check: does a test fail when one token of the library is changed?

    ./sconsw && python tests/mutations/run.py              # 200 changes, and what has become of each
    python tests/mutations/run.py --again --python         # the survivors once more, with the Python tests of the core
    python tests/mutations/run.py --list                   # the sample alone

Each change of the sample (places.py) is made in a copy of the tree, what depends on it is compiled anew and linked, and
the tests of this machine run, the quickest first, until one fails: the frozen vectors, then the C and C++ programs as
./sconsw test runs them, and if asked for the Python tests of the core. One that does not end has failed. A change that
gives the same object code, or does not compile, does not count; nor do those that reasons.json shows to change nothing
that a caller could see. What is known of a change is kept in build/mutations/results.json as long as its source stays
as it is, so that a run may be stopped and goes on where it was.

Left out of the sample are files that this machine's tests do not run: other CPUs' and systems'. Objects are compiled
with -O1, as no level changes a bit.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import queue
import re
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests/mutations")]
import places  # noqa: E402
from builds import FOLDER, TARGET, Check, Objects, Tree  # noqa: E402

import targets  # noqa: E402
from tests import run as suites  # noqa: E402

RESULTS = FOLDER / "results.json"
REASONS = ROOT / "tests/mutations/reasons.json"
SHARE = 0.9
ELSEWHERE = re.compile(r"kernels/(neon|wasm|avx(512)?_vnni)|base/cpu_(?!x86|rules)")
FIRST = ("network_usual", "impulse", "speech_in_noise", "speech_in_noise_8k_losses", "speech_in_noise_stereo_spread")
PYTHON = ("dsp_stages", "gains", "pitch", "chain", "network", "blob", "bandsplit_blob", "oracle", "rates", "stats")


@dataclass
class Result:
    """What became of a mutant. outcome: killed, survived, same (object code) or invalid; by: the check that failed."""

    file: str
    number: int
    line: str
    becomes: str
    source: str  # digest of the file
    outcome: str
    by: str
    seconds: float

    @property
    def key(self) -> tuple[str, int, str, str]:
        """Mutant and source that this is known of."""
        return self.file, self.number, self.becomes, self.source


def all_checks(python: bool) -> list[Check]:
    """Vectors on each backend, what ./sconsw test runs of programs on this machine, Python tests of the core."""
    target = targets.load(TARGET)
    frozen = json.loads((ROOT / "tests/vectors/manifest.json").read_text())["models"]
    found = []
    every = itertools.product(("avx2", "scalar"), suites.VARIED, [None])
    for backend, model, some in [("avx2", suites.MODEL, FIRST), *every]:
        hashes = {name: frozen[model][name] for name in some or frozen[model]}
        lines = frozenset(f"{name} {what} {value}" for name in hashes for what, value in hashes[name].items())
        words = (model, "--backend", backend, "--only", ",".join(hashes))
        name = f"vectors {'some of ' if some else ''}{Path(model).stem} {backend}"
        found.append(Check(name, "tests/vectors/vector_run", words, lines))
    for item in suites.brief_items(target, Path("build")):
        program, *arguments = item.command
        found.append(Check(item.name.split(" on ")[0], program.removeprefix("build/"), tuple(arguments)))
    return found + [Check(f"python/test_{name}", "", (name,)) for name in PYTHON if python]


def in_order(checks: list[Check], seconds: dict[str, float]) -> list[Check]:
    """Vectors, programs and Python, of each the quickest first."""
    kinds = {"vectors": 0, "python/": 2}
    return sorted(checks, key=lambda check: (kinds.get(check.name[:7], 1), seconds[check.name]))


def digest(file: str) -> str:
    """A few digits that change with the file."""
    return hashlib.sha256((ROOT / file).read_bytes()).hexdigest()[:16]


def reasons() -> dict[tuple[str, str, str], str]:
    """Why a survivor changes nothing, by file, line and what becomes of it."""
    entries = json.loads(REASONS.read_text()) if REASONS.exists() else []
    return {(entry["file"], entry["line"], entry["becomes"]): entry["equivalent"] for entry in entries}


def outdated(known: dict[tuple[str, str, str], str]) -> list[tuple[str, str, str]]:
    """Reasons for a change that cannot be made any more."""
    possible = set()
    for file in {file for file, _, _ in known if (ROOT / file).exists()}:
        for choice in places.mutants(file, (ROOT / file).read_text()):
            possible |= {(file, mutant.line, mutant.becomes) for mutant in choice}
    return sorted(known.keys() - possible)


def sources() -> list[str]:
    """Files of the core that tests of this machine run, below the root."""
    files = [path for path in (ROOT / "sdk/src").rglob("*") if path.suffix in (".cpp", ".h")]
    return sorted(name for path in files if not ELSEWHERE.search(name := str(path.relative_to(ROOT))))


def load() -> dict[tuple[str, int, str, str], Result]:
    """What is known of earlier runs."""
    entries = json.loads(RESULTS.read_text())["mutants"] if RESULTS.exists() else []
    return {result.key: result for entry in entries for result in (Result(**entry),)}


def counted(results: list[Result]) -> dict[str, int]:
    """How many of a sample counted, were killed, and survived without a reason."""
    known = reasons()
    kinds = Counter(result.outcome for result in results)
    excused = sum(
        result.outcome == "survived" and (result.file, result.line, result.becomes) in known for result in results
    )
    return {
        "sampled": len(results) - kinds["invalid"],
        "same": kinds["same"],
        "equivalent": excused,
        "killed": kinds["killed"],
        "survived": kinds["survived"] - excused,
    }


def report(results: list[Result]) -> None:
    """The table: what killed, and what did not."""
    known = reasons()
    for name, count in Counter(result.by for result in results if result.outcome == "killed").most_common():
        print(f"{count:4}  killed by {name}")
    for result in results:
        if result.outcome == "survived":
            reason = known.get((result.file, result.line, result.becomes))
            word = f"equivalent: {reason}" if reason else "SURVIVED"
            print(f"{result.file}:{result.number}: {result.line}\n  ->  {result.becomes}\n      {word}")
    for file, line, becomes in outdated(known):
        print(f"reasons.json: {file} has no such change any more: {line}  ->  {becomes}")
    numbers = counted(results)
    print(", ".join(f"{count} {name}" for name, count in numbers.items()))


def main() -> int:
    """Command line; 1 if less than SHARE of what counts was killed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200, help="of changes that compile (200)")
    parser.add_argument("--seed", type=int, default=1, help="of the sample (1)")
    parser.add_argument("--jobs", type=int, default=1, help="side by side (1)")
    parser.add_argument("--again", action="store_true", help="try survivors without a reason once more")
    parser.add_argument("--python", action="store_true", help="Python tests too, minutes for one that survives")
    parser.add_argument("--list", action="store_true", help="print the sample and try nothing")
    options = parser.parse_args()
    if not targets.load(TARGET).native:
        parser.error(f"the checks are those of {TARGET}, which is not this machine's")
    mutants = places.sample(ROOT, sources(), options.seed)
    if options.list:
        for mutant in mutants[: options.count]:
            print(f"{mutant.file}:{mutant.number}: {mutant.line}\n  ->  {mutant.becomes}")
        return 0

    objects = Objects()
    trees: queue.Queue[Tree] = queue.Queue()
    for index in range(options.jobs):
        trees.put(Tree(objects, f"tree{index}"))
    checks = all_checks(options.python)
    seconds = trees.queue[0].baseline(checks)
    checks = in_order(checks, seconds)
    print(f"{len(checks)} checks, {sum(seconds.values()):.0f} s for one that survives", flush=True)
    known, known_reasons = load(), reasons()
    results: list[Result] = []

    def settle(mutant: places.Mutant) -> Result:
        blank = Result(mutant.file, mutant.number, mutant.line, mutant.becomes, digest(mutant.file), "", "", 0)
        before = known.get(blank.key)
        excused = (mutant.file, mutant.line, mutant.becomes) in known_reasons
        if before and (excused or not (options.again and before.outcome == "survived")):
            return before
        tree = trees.get()
        start = time.monotonic()
        try:
            blank.outcome, blank.by = tree.attempt(mutant, checks, seconds)
        finally:
            trees.put(tree)
        blank.seconds = round(time.monotonic() - start, 1)
        known[blank.key] = blank
        return blank

    def valid() -> int:
        return sum(result.outcome != "invalid" for result in results)

    rest = iter(mutants)
    with ThreadPoolExecutor(options.jobs) as pool:
        while (missing := options.count - valid()) > 0:
            batch = [mutant for _, mutant in zip(range(missing), rest, strict=False)]
            if not batch:
                break
            for result in pool.map(settle, batch):
                results.append(result)
                count = f"{valid()}/{options.count}"
                print(
                    f"{count:>8}  {result.outcome:9}{result.by}  {result.file}:{result.number}  {result.seconds} s",
                    flush=True,
                )
                kept = {
                    "seed": options.seed,
                    "counts": counted(results),
                    "mutants": [asdict(one) for one in known.values()],
                }
                partial = RESULTS.with_suffix(".part")
                partial.write_text(json.dumps(kept, indent=1) + "\n")
                partial.replace(RESULTS)
    report(results)
    counts = counted(results)
    return int(counts["killed"] < SHARE * (counts["killed"] + counts["survived"]))


if __name__ == "__main__":
    raise SystemExit(main())
