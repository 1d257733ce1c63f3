"""linnet report: one page about a folder, which loads nothing and leaves nothing out in silence."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command_line import TINY, fails, sound, write

import linnet
from linnet import page
from linnet.cli import main


def test_page(tmp_path: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = tmp_path / "in & out", tmp_path / "page.html"
    (source / "deep").mkdir(parents=True)
    write(source / "a<b>.wav", 24000, 44100, 2)
    soundfile.write(source / "deep/quiet.flac", np.zeros(4800), 48000)
    (source / "bad.wav").write_text("not sound")
    (source / "notes.txt").write_text("not sound")
    assert main(["report", str(source), "-o", str(target), *TINY]) == 3
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1 and "bad.wav: not readable" in captured.err
    assert captured.out == f"{target}: 2 recordings, model tiny\nskipped 1 of other formats (.txt 1)\n"
    text = target.read_text()
    assert "<h1>in &amp; out</h1>" in text and "<td>a&lt;b&gt;.wav</td>" in text and "<td>deep/quiet.flac</td>" in text
    assert "bad.wav: not readable" in text and "skipped 1 of other formats" in text
    assert not re.search(r"https?:|<link|<script src", text)
    assert all(one.startswith("data:") for one in re.findall(r'src="([^"]{5})', text))
    assert text.count("data:image/png") == 2
    sounds = [base64.b64decode(one) for one in re.findall(r"data:audio/ogg;base64,([^\"]+)", text)]
    assert [soundfile.info(io.BytesIO(one)).duration for one in sounds] == pytest.approx(
        [0.544, 0.544, 0.1, 0.1], abs=0.01
    )


def test_numbers_of_an_excerpt(tmp_path: Path) -> None:
    source = write(tmp_path / "a.wav", 48001, 48000, 1, "FLOAT")
    excerpt = page.examine(source, linnet.Model("tiny"))
    samples = soundfile.read(source, dtype="float32")[0]
    assert np.array_equal(excerpt.before, samples)
    assert np.array_equal(excerpt.after, linnet.enhance(samples, 48000, model="tiny"))
    assert excerpt.level_db == pytest.approx(10 * np.log10(np.mean(sound(48001) ** 2)), abs=0.01)
    assert 0 <= excerpt.speech_percent <= 100


def test_samples_far_beyond_full_scale_are_taken_as_a_stream_takes_them(tmp_path: Path) -> None:
    samples = np.zeros(48000, np.float32)
    samples[:3] = [1e30, np.inf, np.nan]
    soundfile.write(tmp_path / "a.wav", samples, 48000, "FLOAT")
    excerpt = page.examine(str(tmp_path / "a.wav"), linnet.Model("tiny"))
    assert excerpt.before[:3].tolist() == [4, 0, 0]
    assert excerpt.level_db == pytest.approx(10 * np.log10(16 / 48000), abs=0.01)


def test_only_the_beginning_of_a_long_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "PREVIEW_SECONDS", 0.25)
    excerpt = page.examine(write(tmp_path / "a.wav", 48000, 24000), linnet.Model("tiny"))
    assert len(excerpt.before) == len(excerpt.after) == 12000


def test_pages_that_cannot_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    target = tmp_path / "page.html"
    assert "no sound files" in fails(capsys, "report", tmp_path / "in", "-o", target, *TINY)
    assert "end it in .html" in fails(capsys, "report", tmp_path / "in", "-o", tmp_path / "page", *TINY)
    (tmp_path / "in/bad.wav").write_text("not sound")
    assert "bad.wav: not readable" in fails(capsys, "report", tmp_path / "in", "-o", target, *TINY)
    assert "no such file" in fails(capsys, "report", tmp_path / "none.wav", "-o", target, *TINY)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]
