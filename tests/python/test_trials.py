"""Trials of networks: the file, the runs, the table."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from recordings import QUICK, TINY

from training import apply, evaluate, topology, trial_table, trials
from training.config import CHECKPOINT, load_preset

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
    kept, runs = tmp_path / "kept.json", tmp_path / "runs"
    words = ["trials", str(path), "--minutes", "0.1", "--runs", str(runs), "--keep", str(kept)]
    monkeypatch.setattr(sys, "argv", words)
    assert trials.main() == 0
    rows = json.loads(kept.read_text())
    assert list(rows) == ["one-0.1", "two-0.1"]
    assert rows["one-0.1"]["updates"] == rows["two-0.1"]["updates"] == 4
    printed = capsys.readouterr().out
    assert "| as it is | 0.1 | 4 |" in printed and "| tokens | 0.1 | 4 |" in printed
    weights = runs / "one-0.1/last.linnet"
    before = weights.stat().st_mtime_ns
    assert trials.main() == 0
    assert json.loads(kept.read_text()) == rows and weights.stat().st_mtime_ns == before
    # What is in the file is not run again on a machine that has no runs, unless the settings are others.
    monkeypatch.setattr(sys, "argv", [*words, "--runs", str(tmp_path / "other"), "--only", "one"])
    assert trials.main() == 0
    assert not (tmp_path / "other").exists()
    path.write_text(path.read_text().replace("steps = 4", "steps = 5"))
    assert trials.main() == 0
    assert json.loads(kept.read_text())["one-0.1"]["settings"]["steps"] == 5
    # A run of other settings is not taken for it, and an interrupted one is neither kept nor followed by the next.
    capsys.readouterr()
    monkeypatch.setattr(sys, "argv", [*words[:-2], "--only", "two"])
    assert trials.main() == 2
    error = capsys.readouterr().err
    assert "two-0.1/config.json has steps=4, not 5; give the trial another name" in error and error.count("\n") == 1
    again = tmp_path / "again.json"
    monkeypatch.setattr(sys, "argv", [*words[:-1], str(again), "--runs", str(tmp_path / "again")])
    path.write_text(path.read_text().replace("steps = 5", "steps = 5000"))
    generate = trials.train.Run.train_batch

    def interrupted(*arguments):
        signal.raise_signal(signal.SIGINT)
        return generate(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(trials.train.Run, "train_batch", interrupted)
        assert trials.main() == 130
    assert "interrupted" in capsys.readouterr().err
    assert not again.exists() and [each.name for each in (tmp_path / "again").iterdir()] == ["one-0.1"]
    monkeypatch.setattr(sys, "argv", [*words, "--only", "three"])
    capsys.readouterr()
    assert trials.main() == 2
    assert "no trial three" in capsys.readouterr().err


def test_scores_are_of_what_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = load_preset("tiny")
    made.runs, made.name = str(tmp_path), "one"
    made.folder().mkdir()
    topology.write_weights(dict(topology.build(made).named_parameters()), made, made.folder() / CHECKPOINT)
    listed, calls = tmp_path / "list.csv", []

    def scored(*arguments: object, **named: object) -> dict:
        calls.append(arguments)
        return {"mean": {"noisy": {"stoi": 0.5}, "enhanced": {"stoi": float(len(calls))}}}

    monkeypatch.setattr(evaluate, "evaluate", scored)
    monkeypatch.setattr(trials, "network", lambda: None)
    trial = trials.Trial("x", {}, made)
    found = []
    for folder, text in (("a", "1"), ("a", "1"), ("b", "1"), ("b", "2")):
        listed.write_text(text)
        (tmp_path / folder / "noisy").mkdir(parents=True, exist_ok=True)
        found.append(trials.score(trial, tmp_path / folder, listed)["float"]["stoi"])
    assert found == [2, 2, 4, 6]
    assert not list(made.folder().glob("*.part"))


def test_applying_a_network_keeps_the_noisy_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made, noisy, weights = load_preset("tiny"), tmp_path / "noisy", tmp_path / "x.safetensors"
    noisy.mkdir()
    soundfile.write(noisy / "a.wav", 0.1 * np.random.default_rng(1).standard_normal(4800), 48000)
    before = (noisy / "a.wav").read_bytes()
    topology.write_weights(dict(topology.build(made).named_parameters()), made, weights)
    monkeypatch.setattr(sys, "argv", ["apply", str(weights), str(noisy), str(tmp_path / "x/../noisy")])
    assert apply.main() == 2
    error = capsys.readouterr().err
    assert "would be lost" in error and error.count("\n") == 1
    assert (noisy / "a.wav").read_bytes() == before
    monkeypatch.setattr(sys, "argv", ["apply", str(weights), str(noisy), str(tmp_path / "out")])
    assert apply.main() == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.wav"]
    assert soundfile.info(tmp_path / "out/a.wav").frames == 4800


def test_a_table_has_the_scores_of_those_that_have_been_scored() -> None:
    noisy = {"pesq_wb": 1.4, "stoi": 0.77, "si_sdr": 3.0, "dnsmos_ovrl": 1.8, "dnsmos_bak": 2.0}
    better = {"pesq_wb": 2.0, "stoi": 0.81, "si_sdr": 9.0, "dnsmos_ovrl": 2.4, "dnsmos_bak": 3.2}
    row = {"what": "one", "minutes": 20.0, "updates": 2520, "frames_per_s": 6730.4, "loss": 1.7}
    row |= {"gain": 0.4, "disturbance": 0.9, "snr_out": 9.0}
    row |= {"multiply_adds": 2_010_000, "weights": 2_020_000, "recurrent": 1_000_000}
    scored = row | {"what": "two", "scores": {"noisy": noisy, "rounded": better, "float": noisy}}
    heads, _, first, second = trial_table.table([row, scored]).splitlines()
    assert len({line.count("|") for line in (heads, first, second)}) == 1
    assert heads.startswith("| trial | minutes | updates |") and heads.endswith("| KB | recurrent KB |")
    assert "| 2.000 (1.400) |" in second and "| 1.000 (0.000) |" in second
    assert "|  |" in first and "|  |" not in second
    without = scored | {"scores": {"noisy": {}, "rounded": {}, "float": {}}}
    assert trial_table.chosen_by(without, "rounded") is None
