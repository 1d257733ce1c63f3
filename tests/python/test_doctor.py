"""linnet doctor: what it tells of a good installation, and of one that is not."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command_line import TINY, fails

import linnet
from linnet import _core, doctor
from linnet.cli import main


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_FRAMES", 10)
    monkeypatch.setattr(_core, "selftest", lambda backend: [("vector", "samples", "abc", "abc")])


def test_a_good_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "_FRAMES", 10)
    (tmp_path / "ffmpeg").write_text("#!/bin/sh\necho ffmpeg version 9.9 Copyright\n")
    (tmp_path / "ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["doctor", "--json", *TINY]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["version"] == linnet.version
    assert facts["backends"] == linnet.backends()
    assert facts["selftest"] == dict.fromkeys(linnet.backends(), True)
    assert facts["libraries"]["numpy"] == np.__version__
    assert facts["libsndfile"] == soundfile.__libsndfile_version__
    assert facts["ffmpeg"] == {"path": str(tmp_path / "ffmpeg"), "version": "9.9"}
    assert {model["name"] for model in facts["models"]} == set(linnet.models())
    assert (facts["frame"]["model"], facts["frame"]["delay_samples"]) == ("tiny", 1440)
    assert facts["frame"]["hot_us"] > 0
    assert facts["problems"] == []


def test_one_screen(quick: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert main(["doctor", *TINY]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) < 25
    assert lines[0] == f"linnet     {linnet.version}, ABI {_core.abi()}"
    assert f"self-test  {', '.join(f'{name} ok' for name in linnet.backends())}" in lines
    assert "ffmpeg     not found; without it no m4a, mp4, webm, aac, wma and the like" in lines
    assert "delay      30 ms = 1440 samples at 48000 Hz" in lines
    assert lines[-1] == "verdict    all is well"


def test_what_is_wrong_is_told(
    quick: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(_core, "selftest", lambda backend: [("vector", "samples", "abc", "abd")])
    monkeypatch.setitem(sys.modules, "soxr", None)
    assert main(["doctor", *TINY]) == 1
    text = capsys.readouterr().out
    assert f"{linnet.backends()[0]} DIFFERS" in text
    assert "PROBLEM    backend scalar: 1 hashes differ; build anew" in text
    assert "PROBLEM    soxr cannot be loaded" in text
    assert "all is well" not in text


def test_a_self_test_that_stops_is_a_problem(
    quick: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stops(backend: str) -> None:
        raise ValueError("the allocator returned NULL")

    monkeypatch.setattr(_core, "selftest", stops)
    assert main(["doctor", *TINY]) == 1
    assert "PROBLEM    backend scalar: the self-test stops (the allocator returned NULL)" in capsys.readouterr().out


def test_a_model_given_as_bytes(quick: None) -> None:
    assert doctor.examine(linnet.models()["tiny"].path.read_bytes())["frame"]["model"] == "bytes"


def test_without_a_model(quick: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(doctor, "models", dict)
    assert main(["doctor"]) == 1
    assert "no default model: put large.linnet" in capsys.readouterr().out
    assert "no such model" in fails(capsys, "doctor", "--model", "nonesuch")
