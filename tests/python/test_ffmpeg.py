"""Formats that need ffmpeg: a stand-in on the PATH that gives what it is told, the real one where it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command_line import TINY, fails, sound, write

from linnet.cli import main
from linnet.io import ffmpeg
from linnet.io.file import open_input

MP4 = b"\0\0\0\x18ftypmp42" + bytes(100)  # of which libsndfile knows nothing


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder: ffmpeg there writes `given.wav`, says `said` and ends with `status`, where these files are."""
    folder = tmp_path / "programs"
    folder.mkdir()
    script = folder / "ffmpeg"
    script.write_text(
        f"#!/bin/sh\nPATH=/usr/bin:/bin\ncd '{folder}'\necho \"$@\" > arguments\ncat said >&2 2> /dev/null\n"
        "cat given.wav\nexit $(cat status 2> /dev/null || echo 0)\n"
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    write(folder / "given.wav", 24000, 44100, 2)
    (folder / "said").touch()
    return folder


@pytest.fixture
def phone(tmp_path: Path) -> Path:
    path = tmp_path / "memo.m4a"
    path.write_bytes(MP4)
    return path


def test_a_phone_s_recording(tmp_path: Path, stand_in: Path, phone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["enhance", str(phone), str(tmp_path / "a.wav"), *TINY]) == 0
    assert main(["enhance", str(stand_in / "given.wav"), str(tmp_path / "b.wav"), *TINY]) == 0
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()
    assert capsys.readouterr().err == ""
    assert f" -i {phone} " in (stand_in / "arguments").read_text()


def test_from_a_pipe(tmp_path: Path, stand_in: Path, phone: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    sender = subprocess.Popen(["/bin/sh", "-c", f"/bin/cat '{phone}' > '{tmp_path}/pipe'"])
    with open_input(str(tmp_path / "pipe")) as reader:
        assert sum(map(len, reader.blocks(1000))) == 24000
    assert sender.wait() == 0
    assert (reader.format.rate, reader.format.channels, reader.format.container) == (44100, 2, "FFMPEG")


@pytest.mark.parametrize("said", ["[mov @ 0x1] [error] the tape is torn\n", ""])
def test_failure_in_the_middle(
    tmp_path: Path, stand_in: Path, phone: Path, capsys: pytest.CaptureFixture[str], said: str
) -> None:
    (stand_in / "said").write_text(said)
    (stand_in / "status").write_text("69")
    line = fails(capsys, "enhance", phone, tmp_path / "out.wav", *TINY)
    reason = "the tape is torn" if said else "exit status 69"
    assert line == f"linnet: {phone}: ffmpeg failed after 0.5 s ({reason}); give an intact file"
    assert not list(tmp_path.glob("*out.wav*"))


def test_complaints_are_warnings(
    tmp_path: Path, stand_in: Path, phone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (stand_in / "said").write_text("[info] all is well\n[aac @ 0x1] [error] one packet is bad\n[info] done\n")
    assert main(["enhance", str(phone), str(tmp_path / "a.wav"), *TINY]) == 0
    assert capsys.readouterr().err == f"linnet: {phone}: ffmpeg complains: one packet is bad\n"
    assert "one packet is bad" in fails(capsys, "enhance", phone, tmp_path / "b.wav", *TINY, "--strict")


def test_refusal(tmp_path: Path, stand_in: Path, phone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (stand_in / "given.wav").write_bytes(b"")
    (stand_in / "said").write_text("[mov @ 0x1] [error] moov atom not found\n")
    (stand_in / "status").write_text("1")
    line = fails(capsys, "enhance", phone, tmp_path / "out.wav", *TINY)
    assert line.startswith(f"linnet: {phone}: not readable as sound (ffmpeg: moov atom not found); give WAV")


@pytest.mark.parametrize(
    ("form", "subtype"),
    [("aac (LC), 44100 Hz, mono, fltp", "PCM_16"), ("alac, 44100 Hz, mono, s32p (24 bit)", "PCM_24")]
    + [("wavpack, 44100 Hz, mono, fltp", "FLOAT"), ("ape, 44100 Hz, mono, s16p", "PCM_16")],
)
def test_sample_type_is_that_of_the_recording(stand_in: Path, phone: Path, form: str, subtype: str) -> None:
    write(stand_in / "given.wav", 4800, 44100, 1, "FLOAT")
    output = "Output #0, wav\n  Stream #0:0: Audio: pcm_f32le, 44100 Hz, mono, flt\n"
    (stand_in / "said").write_text(f"  Stream #0:0: Audio: {form}\nStream mapping:\n{output}")
    with open_input(str(phone)) as reader:
        assert reader.format.subtype == subtype


def test_without_ffmpeg(
    tmp_path: Path, phone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    line = fails(capsys, "enhance", phone, tmp_path / "out.wav", *TINY)
    assert line.startswith(f"linnet: {phone}: M4A needs ffmpeg, which is not installed; ")
    assert line.endswith(f"ffmpeg -i {phone} -f wav - | linnet enhance - OUT.wav")
    named_wrongly = phone.rename(tmp_path / "memo.wav")
    assert "MP4 needs ffmpeg" in fails(capsys, "enhance", named_wrongly, tmp_path / "out.wav", *TINY)


def test_what_is_no_sound_is_not_given_to_ffmpeg(
    tmp_path: Path, stand_in: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.wav").write_text("These are words.")
    assert "not readable as sound" in fails(capsys, "enhance", tmp_path / "text.wav", tmp_path / "out.wav", *TINY)
    assert not (stand_in / "arguments").exists()


@pytest.mark.parametrize("ending", ["m4a", "webm", "mka", "wma", "wv"])
def test_the_real_one(tmp_path: Path, ending: str) -> None:
    if not shutil.which("ffmpeg"):
        pytest.skip("ffmpeg is not installed")
    source, path = write(tmp_path / "a.wav", 48000), tmp_path / f"b.{ending}"
    done = subprocess.run(["ffmpeg", "-v", "error", "-i", source, "-metadata", "title=T", path], capture_output=True)
    if done.returncode:
        pytest.skip(f"this ffmpeg cannot write {ending}")
    with open_input(str(path)) as reader:
        samples = np.concatenate(list(reader.blocks(1000)))
    assert reader.warnings == []
    assert (reader.format.rate, reader.format.subtype) == (48000, "PCM_16")
    assert abs(len(samples) - 48000) < 4800
    assert np.abs(samples).max() == pytest.approx(np.abs(soundfile.read(source)[0]).max(), rel=0.3)


@pytest.mark.parametrize(
    ("head", "name"),
    [(MP4, "MP4"), (b"\xff\xf1\x50\x80", "AAC"), (b"\xff\xfb\x90\x64", "MP3"), (b"OggS", "Ogg"), (b"\1\2\3\4", None)],
)
def test_signatures(head: bytes, name: str | None) -> None:
    assert ffmpeg.format_name(head) == name


def test_samples_are_no_signature() -> None:
    for seed in range(20):
        head = (sound(32, seed=seed) * 32767).astype("<i2").tobytes()
        assert ffmpeg.format_name(head) is None
    assert ffmpeg.format_name(bytes(64)) is None
    assert ffmpeg.format_name(b"\xff\xff" * 32) is None
