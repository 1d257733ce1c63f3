"""What run.py tries changes in: the objects of the sound tree, compiled once, and copies of the tree where a change is
made, what depends on it compiled anew, and tests run.
"""

from __future__ import annotations

import filecmp
import hashlib
import json
import math
import re
import resource
import shlex
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import places

import targets

ROOT = Path(__file__).resolve().parents[2]
TARGET = "x86_64_linux"
FOLDER = ROOT / "build/mutations"
BASELINE = FOLDER / "baseline.json"
MEMORY = 4 << 30  # bytes of addresses that a test program may have
# A check has hung when it takes SLOWER times the CPU seconds of the sound tree and PATIENCE more, or waits for WAIT.
SLOWER, PATIENCE, WAIT = 4, 3, 1800


@dataclass(frozen=True)
class Check:
    """One run of a test. expected: lines that it must print; without them its exit status tells."""

    name: str
    program: str  # below the folder of a build; "" for Python
    arguments: tuple[str, ...]
    expected: frozenset[str] | None = None


class Objects:
    """What the sound tree compiles to, by the names of compile_commands.json, and what each object depends on."""

    def __init__(self) -> None:
        self.folder = FOLDER / "objects"
        build = targets.folder(TARGET, "release", "gcc")
        database = ROOT / "compile_commands.json"
        if not database.exists():
            raise SystemExit("mutations: compile_commands.json is missing: ./sconsw writes it")
        wanted = re.compile(r"(sdk/src|lab|sdk/selftest|selftest|python|tests)/")
        self.commands = {
            entry["output"].removeprefix(f"{build}/"): shlex.split(entry["command"])
            for entry in json.loads(database.read_text())
            if wanted.match(entry["output"].removeprefix(f"{build}/"))
        }
        self.library = [name for name in self.commands if name.startswith("sdk/src/")]
        self.laboratory = [name for name in self.commands if name.startswith("lab/")]
        self.selftest = [name for name in self.commands if re.fullmatch(r"(sdk/)?selftest/.*\.os", name)]
        self.binding = [name for name in self.commands if name.startswith("python/")]
        for name in filter(self.stale, self.commands):
            print(f"compile {name}", flush=True)
            if not self.compile(name, ROOT, self.folder, "-MMD"):
                raise SystemExit(f"mutations: {name} does not compile: ./sconsw says why")
        self.dependents: dict[str, list[str]] = {}
        for name in self.commands:
            for file in self.dependencies(name):
                self.dependents.setdefault(file, []).append(name)

    def dependencies(self, name: str) -> list[str]:
        """Sources of an object, below the root."""
        rule = (self.folder / name).with_suffix(".d").read_text().replace("\\\n", " ")
        return rule.partition(":")[2].split()

    def stale(self, name: str) -> bool:
        """Whether an object is missing or older than a source."""
        path = self.folder / name
        if not path.exists() or not path.with_suffix(".d").exists():
            return True
        files = [ROOT / file for file in self.dependencies(name)]
        return any(not file.exists() or file.stat().st_mtime > path.stat().st_mtime for file in files)

    def compile(self, name: str, tree: Path, into: Path, *flags: str) -> bool:
        """Compiles an object in a tree, as the build would but for the level and without warnings."""
        command = list(self.commands[name])
        path = into / name
        path.parent.mkdir(parents=True, exist_ok=True)
        command[command.index("-o") + 1] = str(path)
        return done([*command, "-O1", "-w", *flags], tree, 120) is not None

    def parts(self, program: str) -> list[str]:
        """The objects of a test program, or of the binding for ""."""
        if not program:
            return self.binding + self.selftest + self.laboratory + self.library
        own = next(name for name in self.commands if name in (f"{program}.c.o", f"{program}.cpp.o"))
        return [own, *(self.selftest if program.startswith("tests/vectors") else []), *self.library]


def done(command: list[str], folder: Path, seconds: float) -> str | None:
    """What a command that ends in time with status 0 prints; None of others."""
    try:
        result = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        return None
    return None if result.returncode else result.stdout.decode(errors="replace")


class Tree:
    """A copy of the sources, in which one mutant after the other is tried."""

    def __init__(self, objects: Objects, name: str) -> None:
        self.objects = objects
        self.top = FOLDER / name
        self.changed = self.top / "build/changed"  # objects that the mutant has of its own
        self.programs = self.top / "build/programs"
        self.clear()
        listed = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard", "-z", "python", "sdk", "targets", "tests", "benchmarks"]
            + ["training", "pyproject.toml"],
            cwd=ROOT, check=True, capture_output=True, text=True,
        )  # fmt: skip
        generated = [str(path.relative_to(ROOT)) for path in ROOT.glob("build/*-release/selftest/*.cpp")]
        for file in filter(None, listed.stdout.split("\0") + generated):
            source, copy = ROOT / file, self.top / file
            if source.exists() and not (copy.exists() and filecmp.cmp(source, copy, shallow=False)):
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, copy)

    def clear(self) -> None:
        """Forgets what was built of a mutant."""
        for folder in (self.changed, self.programs):
            shutil.rmtree(folder, ignore_errors=True)
        self.linked("").unlink(missing_ok=True)

    def linked(self, program: str) -> Path:
        """Where a program lies, or the binding for ""."""
        binding = self.top / f"python/linnet/_core{sysconfig.get_config_var('EXT_SUFFIX')}"
        return self.programs / program if program else binding

    def link(self, program: str) -> bool:
        """Links a program of the mutant's objects and those that it has not changed."""
        parts = []
        for name in self.objects.parts(program):
            own = self.changed / name
            if name in self.affected and not own.exists() and not self.objects.compile(name, self.top, self.changed):
                return False
            parts.append(str(own if own.exists() else self.objects.folder / name))
        path = self.linked(program)
        path.parent.mkdir(parents=True, exist_ok=True)
        shared = [] if program else ["-shared"]
        return done(["g++", "-pthread", *shared, "-o", str(path), *parts], self.top, 120) is not None

    def passes(self, check: Check, limit: float) -> bool:
        """Whether a check passes with what lies in the tree, in so many seconds of a CPU."""
        command = ["prlimit", f"--cpu={math.ceil(limit)}", "--core=0"]
        if check.program:
            command += [f"--as={MEMORY}", str(self.programs / check.program), *check.arguments]
        else:
            files = [str(self.top / f"tests/python/test_{name}.py") for name in check.arguments]
            command += [
                "env",
                f"PYTHONPATH={self.top / 'python'}:{self.top}",
                sys.executable,
                "-m",
                "pytest",
                "-x",
                "-q",
            ]
            command += [f"--rootdir={self.top}", "-c", "pyproject.toml", *files]
        output = done(command, self.top, WAIT)
        return output is not None and (check.expected is None or check.expected == {*output.splitlines()})

    def baseline(self, checks: list[Check]) -> dict[str, float]:
        """CPU seconds of each check on the sound sources, where all must pass; kept while its program is as it was."""
        kept = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
        self.affected: set[str] = set()
        for check in checks:
            program = self.linked(check.program)
            if not program.is_file() and not self.link(check.program):
                raise SystemExit(f"mutations: {check.program or 'the binding'} does not link")
            of = hashlib.sha256(program.read_bytes()).hexdigest()
            if kept.get(check.name, {}).get("of") == of:
                continue
            start = resource.getrusage(resource.RUSAGE_CHILDREN)
            if not self.passes(check, WAIT):
                raise SystemExit(f"mutations: {check.name} fails without any change")
            end = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds = end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime
            print(f"{seconds:6.2f} s  {check.name}", flush=True)
            kept[check.name] = {"of": of, "seconds": seconds}
            BASELINE.write_text(json.dumps(kept, indent=1) + "\n")
        return {check.name: kept[check.name]["seconds"] for check in checks}

    def attempt(self, mutant: places.Mutant, checks: list[Check], seconds: dict[str, float]) -> tuple[str, str]:
        """Outcome of a mutant, and the check that killed it."""
        path = self.top / mutant.file
        sound = path.read_text()
        path.write_text(mutant.apply(sound))
        self.clear()
        try:
            return self.fate(mutant, checks, seconds)
        finally:
            path.write_text(sound)

    def fate(self, mutant: places.Mutant, checks: list[Check], seconds: dict[str, float]) -> tuple[str, str]:
        """The same, of what lies in the tree."""
        objects = self.objects
        self.affected = set(objects.dependents.get(mutant.file, ()))
        shipped = [name for name in objects.library + objects.laboratory if name in self.affected]
        for name in shipped:
            if not objects.compile(name, self.top, self.changed):
                return "invalid", "compiler"
        if all(filecmp.cmp(self.changed / name, objects.folder / name, shallow=False) for name in shipped):
            return "same", ""
        for check in checks:
            if not self.linked(check.program).is_file() and not self.link(check.program):
                return "killed", f"{check.name}: does not compile"
            if not self.passes(check, SLOWER * seconds[check.name] + PATIENCE):
                return "killed", check.name
        return "survived", ""
