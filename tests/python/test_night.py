"""A night of tests goes on where it was stopped: what has passed is not run again until one of its files changes."""

from __future__ import annotations

from pathlib import Path

import pytest

import targets
from tests import run


def test_what_has_passed_is_not_run_again_until_a_file_changes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, runs = tmp_path / "model", tmp_path / "runs"
    model.write_text("1")
    line = f'echo "$0" >> {runs}; test "$0" != bad'
    items = [run.Item(name, ["sh", "-c", line, name, str(model)]) for name in ("good", "bad")]

    def night() -> tuple[int, int, list[str]]:
        """A new process has only the file."""
        runs.write_text("")
        count = run.Count()
        run.execute_all(items, count, run.Passed(tmp_path / "night.json"))
        return count.passed, count.failed, sorted(runs.read_text().split())

    assert night() == (1, 1, ["bad", "good"])
    assert night() == (1, 1, ["bad"])
    model.write_text("2")
    assert night() == (1, 1, ["bad", "good"])
    model.write_text("1")
    assert night() == (1, 1, ["bad"])
    (tmp_path / "night.json").unlink()
    assert night() == (1, 1, ["bad", "good"])
    assert capsys.readouterr().out.count("passed  good") == 5


def test_another_argument_is_another_command(tmp_path: Path) -> None:
    keys = {run.Passed.key(run.Item("name", ["true", *words])) for words in ([], ["1"], ["2"], ["1", "2"], ["12"])}
    assert len(keys) == 5


def test_valgrind_runs_all_but_what_is_named(root: Path) -> None:
    target = targets.load("x86_64_linux")
    found = {Path(item.command[4]).name for item in run.valgrind_items(target, Path("build"))}
    every = {path.stem for folder in ("unit", "api") for path in (root / "tests" / folder).glob("test_*.c*")}
    assert found == every - {*run.NOT_UNDER_VALGRIND} and {*run.NOT_UNDER_VALGRIND} <= every
