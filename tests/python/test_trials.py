"""Trials of networks: the file, the runs, the table."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from recordings import QUICK, TINY

from training import trials

ROOT = Path(trials.__file__).parent


def test_the_trials_of_the_repository_are_valid() -> None:
    found = trials.read_trials(ROOT / "trials.toml", 20, "runs")
    assert found["percepnet"].config.topology == "percepnet"
    assert len({trial.what for trial in found.values()}) == len(found) >= 8
    assert all(trial.config.hours == pytest.approx(1 / 3) for trial in found.values())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no \\[trials.NAME\\]"),
        ("[trials.a]\nbatch = 8", "trial a has no line `what`"),
        ('[trials.a]\nwhat = "x"\ncolour = 1', "unknown setting 'colour'"),
        ('[trials.a]\nwhat = "x"\ntopology = "tree"', "topology=tree"),
    ],
)
def test_a_wrong_file_is_told(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "trials.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        trials.read_trials(path, 1, "runs")


def test_trials_run_once_and_make_a_table(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = {name: str(corpus / name) for name in ("speech", "noise", "rooms")}
    own |= {"cache": str(corpus / "cache"), "steps": 4, "dense": 8, "hidden": 8, "strength": 8, **TINY, **QUICK}
    path = tmp_path / "trials.toml"
    lines = [
        "[common]",
        *(f"{key} = {str(value).lower() if isinstance(value, bool) else repr(value)}" for key, value in own.items()),
    ]
    lines += ["[trials.one]", 'what = "as it is"', "[trials.two]", 'what = "tokens"', 'topology = "bandsplit"']
    lines += ["channels = 8", "blocks = 1", "context = 8"]
    path.write_text("\n".join(lines))
    words = [
        "trials",
        str(path),
        "--minutes",
        "0.1",
        "--runs",
        str(tmp_path / "runs"),
        "--table",
        str(tmp_path / "t.md"),
    ]
    monkeypatch.setattr(sys, "argv", words)
    assert trials.main() == 0
    first = (tmp_path / "t.md").read_text()
    assert [line.split(" | ")[0] for line in first.splitlines()[2:]] == ["| as it is", "| tokens"]
    assert "M multiply-adds" in first.splitlines()[0]
    weights = tmp_path / "runs/one-0.1/last.linnet"
    before = weights.stat().st_mtime_ns
    assert trials.main() == 0
    assert (tmp_path / "t.md").read_text() == first
    assert weights.stat().st_mtime_ns == before
    monkeypatch.setattr(sys, "argv", [*words, "--only", "three"])
    capsys.readouterr()
    assert trials.main() == 2
    assert "no trial three" in capsys.readouterr().err
