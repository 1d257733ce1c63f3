"""Failures of the system around the command line: a disk that is full after any number of bytes, a stdout that takes
nothing, a process that is killed. A file under its final name is always whole, and what failed is told in one line.
"""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import soundfile
from command_line import TINY, fails, write

from linnet.cli import main
from linnet.io import outputs


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file can grow beyond so many bytes: a write that would is cut short, and the next one is an error."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def sizes(whole: int) -> list[int]:
    """Room for the header alone, for some of the sound, for all but the last bytes, which go out when a file closes."""
    return [0, 44, whole // 2, whole - 1000, whole - 1]


@pytest.mark.parametrize("ending", ["wav", "flac", "mp3", "opus", "aiff"])
def test_a_full_disk_leaves_no_part_of_a_recording(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], ending: str
) -> None:
    source, target = write(tmp_path / "in.wav", 9000, 48000, 2), tmp_path / f"out.{ending}"
    assert main(["enhance", source, str(target), *TINY]) == 0
    capsys.readouterr()
    whole = target.read_bytes()
    for size in sizes(len(whole)):
        with room_for(size):
            line = fails(capsys, "enhance", source, target, *TINY)
        assert re.fullmatch(rf"linnet: \S*out\.{ending}: cannot be written \(.+\); is the disk full\?", line), size
        assert target.read_bytes() == whole, "the recording that was there has to stay"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["in.wav", target.name], size
    target.unlink()
    with room_for(len(whole) - 1):
        fails(capsys, "enhance", source, target, *TINY)
    assert [path.name for path in tmp_path.iterdir()] == ["in.wav"]
    with room_for(len(whole) + 1000):
        assert main(["enhance", source, str(target), *TINY]) == 0


def test_a_full_disk_leaves_no_part_of_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write(tmp_path / "in.wav", 100)  # as a recording it fits
    with room_for(256):
        assert main(["enhance", source, str(tmp_path / "out.wav"), *TINY, "--json", str(tmp_path / "report")]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("linnet: ")
    assert {path.name for path in tmp_path.iterdir()} == {"in.wav", "out.wav"}


@pytest.mark.parametrize("buffered", [True, False])
@pytest.mark.parametrize("words", ["info", "enhance in.wav out.wav --json -", "enhance in.wav -"])
def test_a_stdout_that_takes_nothing_is_told_in_one_line(
    tmp_path: Path, root: Path, words: str, buffered: bool
) -> None:
    write(tmp_path / "in.wav", 4800)
    environment = {**os.environ, "PYTHONPATH": str(root / "python"), "PYTHONUNBUFFERED": "" if buffered else "1"}
    command = [sys.executable, "-m", "linnet", *words.split(), *(TINY if words != "info" else [])]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, cwd=tmp_path, env=environment, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert re.fullmatch(r"linnet: .*No space left on device.*", last)
    assert done.stderr.count("\n") <= 2, "the line of the recording, and that of the failure"


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_kill_in_the_middle_loses_nothing(tmp_path: Path, root: Path, jobs: str) -> None:
    """SIGKILL to the program that leads: what stands under a final name is whole, and --resume does the rest."""
    source, whole, target = tmp_path / "in", tmp_path / "whole", tmp_path / "out"
    source.mkdir()
    for number in range(6):
        write(source / f"{number}.wav", 48000 * 2, 44100)
    assert main(["enhance", str(source), str(whole), *TINY]) == 0
    environment = {**os.environ, "PYTHONPATH": str(root / "python")}
    command = [sys.executable, "-m", "linnet", "enhance", str(source), str(target), *TINY, "--jobs", jobs]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, start_new_session=True)
    while not list(target.glob("*.wav")):
        assert process.poll() is None
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    while subprocess.run(
        ["pgrep", "-g", str(process.pid)], capture_output=True
    ).stdout:  # its workers end by themselves
        time.sleep(0.01)
    for path in target.glob("*.wav"):
        assert path.read_bytes() == (whole / path.name).read_bytes()
    assert main(["enhance", str(source), str(target), *TINY, "--resume"]) == 0
    names = [path.name for path in sorted(whole.iterdir())]
    assert [path.name for path in sorted(target.glob("[!.]*"))] == names
    assert all((target / name).read_bytes() == (whole / name).read_bytes() for name in names)


def test_the_limit_of_these_tests_limits(tmp_path: Path) -> None:
    with room_for(1000), pytest.raises(OSError, match="too large"):
        (tmp_path / "a").write_bytes(bytes(2000))
    soundfile.write(tmp_path / "b.wav", [0.0] * 2000, 8000)
    assert (tmp_path / "b.wav").stat().st_size > 1000


def test_a_signal_just_when_a_file_is_made_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: object) -> int:
        os.close(make(*arguments))
        raise KeyboardInterrupt

    make = os.open
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(outputs.os, "open", interrupted)
        with outputs.replacing(tmp_path / "out.wav"):
            raise AssertionError("it was not interrupted")
    assert list(tmp_path.iterdir()) == []
