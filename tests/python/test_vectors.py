"""The choice of vectors that runs under emulators: no line of the library is left out by it."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import targets


@pytest.fixture(scope="module")
def runner(root: Path) -> ModuleType:
    """tests/vectors/run.py, which is a program."""
    spec = importlib.util.spec_from_file_location("vectors_run", root / "tests/vectors/run.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look
    spec.loader.exec_module(module)
    return module


def test_choices_are_parts_of_each_other_and_of_the_manifest(runner: ModuleType) -> None:
    frozen = runner.load_manifest()

    def names(choice: dict, model: str) -> set[str]:
        return set(frozen[model] if choice[model] is None else choice[model])

    for smaller, larger in (
        (runner.BRIEF, runner.PROOFS),
        (runner.PROOFS, runner.MODELS),
        (runner.BACKEND, runner.BRIEF),
        (runner.BACKEND, runner.NETWORKS),
        (runner.NETWORKS, runner.MODELS),
        (runner.WIDE, runner.BACKEND),
    ):
        for model in smaller:
            assert names(smaller, model) <= names(larger, model) <= set(frozen[model])
    assert set(runner.NETWORKS) == set(runner.MODELS) == set(frozen)


def executed(folder: Path) -> set[tuple[str, int]]:
    """(source, line) of everything below sdk/src that the programs of a coverage build have executed so far."""
    found = set()
    for path in folder.rglob("sdk/src/**/*.gcda"):
        command = ["gcov", "--json-format", "--stdout", path]
        for report in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
            for file in json.loads(report)["files"]:
                if "sdk/src/" in file["file"]:
                    found |= {(file["file"], line["line_number"]) for line in file["lines"] if line["count"]}
    return found


@pytest.mark.long
def test_brief_executes_every_line_that_all_vectors_do(root: Path, runner: ModuleType) -> None:
    folder = root / targets.folder(targets.host(), targets.COVERAGE.mode, targets.COVERAGE.compiler)
    program = folder / "tests" / runner.VECTORS
    assert program.exists(), f"{program} is missing: ./sconsw test suite=long builds it"
    for path in folder.rglob("*.gcda"):
        path.unlink()
    lines = []
    for choice in (runner.BRIEF, runner.MODELS):
        for model, names in choice.items():
            only = ["--only", ",".join(names)] if names else []
            command = [program, model, "--backend", "scalar", *only]
            subprocess.run(command, cwd=root, check=True, stdout=subprocess.DEVNULL)
        lines.append(executed(folder))
    assert len(lines[0]) > 2000
    assert sorted(lines[1] - lines[0]) == []
