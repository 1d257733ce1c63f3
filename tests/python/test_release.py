"""`./sconsw release`: steps run in order, one that failed does not hide the next, and what has passed is not run again
until a source changes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import release


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository with a source and one of the files that the steps write."""
    for name in ("source.c", release.WRITTEN[0]):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1\n")
    (tmp_path / ".gitignore").write_text("build/\nruns\n")
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    commit(tmp_path)
    return tmp_path


def commit(tree: Path) -> None:
    """Everything that is there."""
    person = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *person, "add", "."], cwd=tree, check=True)
    subprocess.run(["git", *person, "commit", "--quiet", "-m", "x"], cwd=tree, check=True)


def counting(name: str, last: str) -> release.Step:
    """A step that adds its name to the file `runs`; the second line is `last`."""
    return release.Step(name, "counts", (f"echo {name} >> runs", last))


def test_what_has_passed_is_not_run_again_until_a_source_changes(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = [counting("first", "true"), counting("second", "echo so what; false"), counting("third", "true")]
    assert not release.release(tree, steps)
    assert (tree / "runs").read_text().split() == ["first", "second", "third"]
    assert (tree / "build/release/second.log").read_text() == "$ echo second >> runs\n$ echo so what; false\nso what\n"
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["run", "passed", "run", "FAILED", "run", "passed"]
    assert "release/second.log" in lines[3]

    assert not release.release(tree, steps)
    assert (tree / "runs").read_text().split()[3:] == ["second"]
    (tree / release.WRITTEN[0]).write_text("measured\n")
    assert release.uncommitted(tree) == []
    commit(tree)
    assert release.release(tree, [steps[0], counting("second", "true"), steps[2]])  # what a step does has changed
    assert (tree / "runs").read_text().split()[4:] == ["second"]

    (tree / "source.c").write_text("2\n")
    assert release.uncommitted(tree) == ["source.c"]
    commit(tree)
    log = release.Log(tree)
    assert log.line(steps[0], release.state(tree)).startswith("to do")
    assert release.release(tree, steps[:1])
    assert (tree / "runs").read_text().split()[5:] == ["first"]


def test_a_changelog_without_a_date_is_no_release() -> None:
    assert release.dated("# Changelog\n\n## 1.2.3, 2026-11-27\n\n## 1.2.2, 2026-01-01\n", "1.2.3")
    assert not release.dated("# Changelog\n\n## 1.2.3, unreleased\n", "1.2.3")
    assert not release.dated("# Changelog\n\n## 1.2.4, unreleased\n\n## 1.2.3, 2026-11-27\n", "1.2.3")
    assert not release.dated("", "1.2.3")


def test_every_step_stands_in_the_list_of_a_release(root: Path) -> None:
    text = (root / "docs/release.md").read_text()
    for step in release.steps(60):
        assert f"`{step.name}`" in text, step.name
    assert all((root / name).exists() for name in release.WRITTEN)
