"""What must hold before a release, one step after the other: the machine's part of docs/release.md.

    ./sconsw release                     # all steps; hours, most of them the night's and the fuzzers'
    ./sconsw release --list              # which there are, and what has become of them with these sources
    ./sconsw release --only suites fuzz --seconds 3600

Each step is some lines of the shell, with a log in build/release/. A step that has passed is not run again as long as
no committed file changes but those that hold what the steps measure, so that a release may be stopped at any time and
goes on where it was. Exit status 1 if a step has failed, 2 if there are changes that are not committed. Only the
standard library is used.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build/release"
# What the steps themselves write: the measured promises, and their table.
WRITTEN = ("benchmarks/results/reliability.json", "docs/reliability.md")
PACKAGES = "./sconsw dist wheels aar xcframework target=all"


@dataclass(frozen=True)
class Step:
    """name: for the command line and the log. what: passes, in words. lines: of the shell, until one fails."""

    name: str
    what: str
    lines: tuple[str, ...]


def steps(seconds: int) -> list[Step]:
    """All of them in order; each fuzzer has so many seconds."""
    others = " ".join(f"':!{name}'" for name in WRITTEN)
    clone = FOLDER.relative_to(ROOT) / "clone"
    return [
        Step("version", "the changelog begins with this version and a date", ("python tests/release.py --dated",)),
        Step("suites", "usual tests, vectors, web, dist, mobile and desktop tests", (".ci/run",)),
        Step("night", "sanitizers, a day of audio, every CPU in full", ("./sconsw test suite=long",)),
        Step("fuzz", "no finding of any fuzzer", (f"./sconsw fuzz seconds={seconds}",)),
        Step("counts", "no instruction count and no size has grown", ("./sconsw bench compare target=all",)),
        Step(
            "promises",
            "twelve, measured and met",
            (f"python -m benchmarks.reliability {' '.join(map(str, range(1, 13)))}",),
        ),
        Step(
            "documents",
            "their tables say what the results say",
            ("./sconsw documents", f"git diff --exit-code . {others}"),
        ),
        Step(
            "packages",
            "of all targets, the same bytes from a clone elsewhere",
            (
                PACKAGES,
                f"rm -rf {clone} && git clone --quiet . {clone} && ln -s {ROOT}/.venv {clone}/.venv",
                f"cd {clone} && {PACKAGES}",
                f"diff build/dist/SHA256SUMS {clone}/build/dist/SHA256SUMS",
            ),
        ),
    ]


def dated(changelog: str, version: str) -> bool:
    """Whether the changelog's first heading is of this version and has a date."""
    first = re.search(r"^## (.*)$", changelog, re.MULTILINE)
    return bool(first and re.fullmatch(rf"{re.escape(version)}, \d{{4}}-\d{{2}}-\d{{2}}", first[1]))


def git(root: Path, *words: str) -> str:
    """What git prints."""
    return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True).stdout


def state(root: Path) -> str:
    """A few digits that change with every committed file but those that the steps write."""
    lines = [line for line in git(root, "ls-tree", "-r", "HEAD").splitlines() if line.split("\t")[1] not in WRITTEN]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def uncommitted(root: Path) -> list[str]:
    """Tracked files that differ from what is committed, but those that the steps write."""
    changed = git(root, "status", "--porcelain", "--untracked-files=no").splitlines()
    return [line[3:] for line in changed if line[3:] not in WRITTEN]


class Log:
    """What has become of each step, kept after each one."""

    def __init__(self, root: Path):
        self.folder = root / FOLDER.relative_to(ROOT)
        self.path = self.folder / "steps.json"
        self.entries: dict[str, dict[str, Any]] = json.loads(self.path.read_text()) if self.path.exists() else {}

    def passed(self, step: Step, of: str) -> bool:
        """Whether it has, with these sources and these lines."""
        entry = self.entries.get(step.name, {})
        return (entry.get("state"), entry.get("lines"), entry.get("status")) == (of, list(step.lines), 0)

    def run(self, root: Path, step: Step, of: str) -> bool:
        """Runs the lines of a step; whether all ended with status 0."""
        self.folder.mkdir(parents=True, exist_ok=True)
        start, status = time.monotonic(), 0
        with (self.folder / f"{step.name}.log").open("wb") as log:
            for line in step.lines:
                log.write(f"$ {line}\n".encode())
                log.flush()
                status = subprocess.run(["bash", "-c", line], cwd=root, stdout=log, stderr=subprocess.STDOUT).returncode
                if status:
                    break
        seconds = round(time.monotonic() - start)
        self.entries[step.name] = {"state": of, "lines": step.lines, "status": status, "seconds": seconds}
        partial = self.path.with_suffix(".part")
        partial.write_text(json.dumps(self.entries, indent=1) + "\n")
        partial.replace(self.path)
        return status == 0

    def line(self, step: Step, of: str) -> str:
        """What is known of a step, for the reader."""
        entry = self.entries.get(step.name)
        if not entry or (entry["state"], list(entry["lines"])) != (of, list(step.lines)):
            return f"to do   {step.name:10}{step.what}"
        result = "passed" if entry["status"] == 0 else "FAILED"
        where = "" if entry["status"] == 0 else f", see {self.folder.name}/{step.name}.log below build/"
        return f"{result}  {step.name:10}{step.what}, {entry['seconds']} s{where}"


def release(root: Path, chosen: list[Step]) -> bool:
    """Runs what has not passed yet, and goes on after a failure; whether all have passed."""
    log, of = Log(root), state(root)
    good = True
    for step in chosen:
        if not log.passed(step, of):
            print(f"run     {step.name:10}{'; '.join(step.lines)}", flush=True)
            good &= log.run(root, step, of)
        print(log.line(step, of), flush=True)
    return good


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=3600, help="of each fuzzer (3600)")
    parser.add_argument("--only", nargs="+", metavar="STEP", help="these steps")
    parser.add_argument("--list", action="store_true", help="print the steps and run nothing")
    parser.add_argument("--dated", action="store_true", help="ask only whether the changelog has this version's date")
    options = parser.parse_args()
    if options.dated:
        version = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
        if version and dated((ROOT / "CHANGELOG.md").read_text(), version[1]):
            return 0
        print(f"CHANGELOG.md: the first heading must be `## {version and version[1]}, YYYY-MM-DD`", file=sys.stderr)
        return 1
    every = steps(options.seconds)
    if unknown := sorted({*(options.only or ())} - {step.name for step in every}):
        parser.error(f"no step {', '.join(unknown)}; there are {', '.join(step.name for step in every)}")
    chosen = [step for step in every if not options.only or step.name in options.only]
    if options.list:
        log, of = Log(ROOT), state(ROOT)
        print(*(log.line(step, of) for step in chosen), sep="\n")
        return 0
    if changed := uncommitted(ROOT):
        print(f"release: commit or take back first: {', '.join(changed)}", file=sys.stderr)
        return 2
    good = release(ROOT, chosen)
    print("The rest is a person's: docs/release.md" if good else "Not all steps have passed.")
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
