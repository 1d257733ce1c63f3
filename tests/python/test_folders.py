"""Folders of recordings: nothing dropped in silence, many at once, going on where one stopped."""

from __future__ import annotations

import json
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import soundfile
from command_line import TINY, fails, write

from benchmarks import folder
from linnet import batch
from linnet.cli import main
from linnet.io.folder import Skipped, list_folder, summary
from linnet.io.outputs import remove_leftovers, replacing
from linnet.io.recording import Options


@pytest.fixture
def no_ffmpeg(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path_factory.mktemp("nothing")))


@pytest.fixture
def ffmpeg(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in: what it is given is a WAV under another name, of which the first eight bytes hide that."""
    folder = tmp_path_factory.mktemp("programs")
    (folder / "ffmpeg").write_text(
        '#!/bin/sh\nwhile [ "$1" != -i ]; do shift; done\nPATH=/usr/bin:/bin\ntail -c +9 "$2"\n'
    )
    (folder / "ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def hidden_wav(path: Path) -> None:
    write(path.with_suffix(".tmp.wav"), 4800)
    path.write_bytes(b"\0\0\0\x18ftyp" + path.with_suffix(".tmp.wav").read_bytes())
    path.with_suffix(".tmp.wav").unlink()


def mixed(folder: Path) -> Path:
    (folder / "sub").mkdir(parents=True)
    (folder / ".trash").mkdir()
    write(folder / "ok.wav", 4800)
    write(folder / "sub/UPPER.WAV", 4800)
    write(folder / ".trash/old.wav", 4800)
    for name in ("memo.m4a", "ok.webm", "sub/b.m4a"):
        hidden_wav(folder / name)
    (folder / "._ok.wav").write_bytes(b"\0\5\26\7junk")
    (folder / "notes.txt").write_text("not sound")
    (folder / "take").write_text("not sound")
    (folder / "x.raw").write_bytes(bytes(10))
    (folder / "cut.wav").write_bytes((folder / "ok.wav").read_bytes()[:5000])
    (folder / "broken.wav").write_text("not sound")
    (folder / "elsewhere").symlink_to(folder / "sub")
    (folder / "nowhere.wav").symlink_to(folder / "none.wav")
    os.mkfifo(folder / "pipe.wav")
    return folder


SKIPPED = {
    ".trash": "hidden folders",
    "._ok.wav": "droppings of macOS",
    "elsewhere": "links to folders",
    "notes.txt": "of other formats",
    "nowhere.wav": "no regular files",
    "pipe.wav": "no regular files",
    "take": "of other formats",
    "x.raw": "headerless",
}


def test_everything_is_accounted_for(tmp_path: Path, no_ffmpeg: None, capsys: pytest.CaptureFixture[str]) -> None:
    source = mixed(tmp_path / "in")
    report = tmp_path / "a.json"
    assert main(["enhance", str(source), str(tmp_path / "out"), *TINY, "--json", str(report)]) == 3
    captured = capsys.readouterr()
    assert captured.out.splitlines()[1:] == [
        "failed 1 (broken.wav)",
        "skipped 1 droppings of macOS (._ok.wav), 1 hidden folders (.trash), 1 links to folders (elsewhere), "
        "3 in need of ffmpeg (.m4a 2, .webm 1), 2 of other formats (.txt 1, no ending 1), "
        "2 no regular files (nowhere.wav, pipe.wav), 1 headerless (x.raw)",
    ]
    assert captured.err.count("\n") == 2  # one that failed, one that is cut short
    facts = json.loads(report.read_text())
    assert [Path(file["input"]).name for file in facts["files"]] == ["cut.wav", "ok.wav", "UPPER.WAV"]
    assert "cut short" in facts["files"][0]["warnings"][0]
    assert [Path(one["input"]).name for one in facts["failed"]] == ["broken.wav"]
    assert f"linnet: {facts['failed'][0]['error']}\n" in captured.err
    needed = dict.fromkeys(("memo.m4a", "ok.webm", "sub/b.m4a"), "in need of ffmpeg")
    got = {os.path.relpath(one["input"], source): one["reason"] for one in facts["skipped"]}
    assert got == SKIPPED | needed
    found = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert found == ["cut.wav", "ok.wav", "sub/UPPER.WAV"]


def test_other_formats_become_wav(tmp_path: Path, ffmpeg: None) -> None:
    source = mixed(tmp_path / "in")
    report = tmp_path / "a.json"
    assert main(["enhance", str(source), str(tmp_path / "out"), *TINY, "--json", str(report)]) == 3
    found = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.*"))
    assert found == ["cut.wav", "memo.wav", "ok.wav", "ok.webm.wav", "sub/UPPER.WAV", "sub/b.wav"]
    assert (tmp_path / "out/memo.wav").read_bytes() == (tmp_path / "out/ok.wav").read_bytes()
    facts = json.loads(report.read_text())
    assert {os.path.relpath(one["input"], source): one["reason"] for one in facts["skipped"]} == SKIPPED


def test_names_that_would_be_alike(tmp_path: Path, ffmpeg: None) -> None:
    for name in ("a.m4a", "a.webm", "a.webm.wav", "b.mp2", "b.wav", "c.mp4"):
        (tmp_path / name).touch()
    listing = list_folder(tmp_path, tmp_path / "out")
    assert {str(name): str(new) for name, new in listing.names} == {
        "a.m4a": "a.m4a.wav",
        "a.webm": "_a.webm.wav",
        "a.webm.wav": "a.webm.wav",
        "b.mp2": "b.mp2.wav",
        "b.wav": "b.wav",
        "c.mp4": "c.wav",
    }


@pytest.mark.parametrize(("name", "beside", "made"), [("a.m4a", [], "a.wav"), ("a.m4a", ["a.wav"], "a.m4a.wav")])
def test_one_file_into_a_folder_is_called_as_in_a_folder(
    tmp_path: Path, ffmpeg: None, name: str, beside: list[str], made: str
) -> None:
    for other in beside:
        write(tmp_path / other, 4800)
    hidden_wav(tmp_path / name)
    (tmp_path / "out").mkdir()
    assert main(["enhance", str(tmp_path / name), str(tmp_path / "out"), *TINY]) == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == [made]
    assert dict(list_folder(tmp_path, tmp_path / "out").names)[Path(name)] == Path(made)


@pytest.mark.parametrize("name", ["n" * 251 + ".wav", "\u00e9" * 125 + ".wav", "n" * 237 + ".wav"])
def test_the_longest_names(tmp_path: Path, name: str) -> None:
    source = write(tmp_path / "in.wav", 4800)
    assert main(["enhance", source, str(tmp_path / name), *TINY]) == 0
    with replacing(tmp_path / name) as temporary:
        begun = Path(temporary).read_bytes()
        remove_leftovers([tmp_path / f"{name[:-5]}x.wav"])
        assert Path(temporary).read_bytes() == begun  # of another one
    for _ in range(2):
        with pytest.raises(FileNotFoundError), replacing(tmp_path / name):
            remove_leftovers([tmp_path / name])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["in.wav", name])


def test_summary_names_some_and_counts_all() -> None:
    names = [Skipped(Path(f".{name}"), "hidden files") for name in "abcde"]
    assert summary(names) == "skipped 5 hidden files (.a, .b, .c, ...)"


def test_folder_with_nothing_to_do(tmp_path: Path, no_ffmpeg: None, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    hidden_wav(tmp_path / "in/memo.m4a")
    line = fails(capsys, "enhance", tmp_path / "in", tmp_path / "out", *TINY)
    assert "no sound files in this folder; skipped 1 in need of ffmpeg (.m4a 1)" in line
    assert "install ffmpeg" in line
    assert not (tmp_path / "out").exists()


def test_none_done_is_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.wav").write_text("not sound")
    report = tmp_path / "a.json"
    assert main(["enhance", str(tmp_path / "in"), str(tmp_path / "out"), *TINY, "--json", str(report)]) == 2
    assert "failed 1 (a.wav)" in capsys.readouterr().out
    assert len(json.loads(report.read_text())["failed"]) == 1


def recordings(folder: Path, count: int = 5) -> Path:
    folder.mkdir()
    for number in range(count):
        write(folder / f"{number}.wav", 4800 * (count - number), 44100)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_jobs_change_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = recordings(tmp_path / "in")
    (source / "1.wav").write_text("not sound")
    (source / "3.wav").write_bytes((source / "3.wav").read_bytes()[:-100])
    facts, lines = [], []
    for jobs in ("1", "2"):
        report = tmp_path / f"{jobs}.json"
        options = [*TINY, "--jobs", jobs, "--json", str(report)]
        assert main(["enhance", str(source), str(tmp_path / f"out{jobs}"), *options]) == 3
        lines.append(capsys.readouterr().err)
        facts.append(json.loads(report.read_text()))
        for file in facts[-1]["files"]:
            del file["output"], file["cpu_percent"]
    assert contents(tmp_path / "out1") == contents(tmp_path / "out2")
    assert facts[0] == facts[1]
    assert lines[0] == lines[1]
    assert lines[0].index("1.wav: not readable") < lines[0].index("3.wav: cut short")


def test_a_process_that_dies_costs_one_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for ffmpeg kills whoever runs it."""
    source = recordings(tmp_path / "in", 3)
    (source / "1.wav").rename(source / "1.m4a")
    (source / "1.m4a").write_bytes(b"\0\0\0\x18ftyp" + bytes(100))
    (tmp_path / "ffmpeg").write_text(f"#!/bin/sh\n: > '{tmp_path}/out/.1.m4a.0123abcd.part'\nkill -9 $PPID\n")
    (tmp_path / "ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    tasks = [batch.Task(str(path), str(tmp_path / "out" / path.name)) for path in sorted(source.iterdir())]
    first, second, third = batch.run(tasks, Options("tiny"), 2)
    assert second.error == f"{source}/1.m4a: its process ended with signal 9; try again with --jobs 1"
    assert first.result and third.result
    assert sorted(contents(tmp_path / "out")) == ["0.wav", "2.wav"]


def test_results_of_many_recordings_stay_small(tmp_path: Path) -> None:
    source = recordings(tmp_path / "in", 1) / "0.wav"
    source.write_bytes(source.read_bytes() + b"id3 " + (10**6).to_bytes(4, "little") + bytes(10**6))
    (outcome,) = batch.run([batch.Task(str(source), str(tmp_path / "out.wav"))], Options("tiny"), 1)
    assert len(pickle.dumps(outcome)) < 10_000
    assert (tmp_path / "out.wav").stat().st_size > 10**6


def test_resume(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = recordings(tmp_path / "in", 4), tmp_path / "out"
    assert main(["enhance", str(source), str(target), *TINY]) == 0
    whole = contents(target)
    (target / "0.wav").unlink()
    (target / "1.wav").write_bytes(b"")
    old = (target / "2.wav").stat().st_mtime_ns - 10**9
    os.utime(source / "3.wav", ns=(old, old))
    changed = (target / "2.wav").stat().st_mtime_ns + 10**9
    os.utime(source / "2.wav", ns=(changed, changed))
    capsys.readouterr()
    report = tmp_path / "a.json"
    assert main(["enhance", str(source), str(target), *TINY, "--resume", "--json", str(report)]) == 0
    facts = json.loads(report.read_text())
    assert [Path(file["input"]).name for file in facts["files"]] == ["0.wav", "1.wav", "2.wav"]
    assert facts["skipped"] == [{"input": str(source / "3.wav"), "reason": "done already"}]
    assert contents(target) == whole
    assert "skipped 1 done already\n" in capsys.readouterr().out
    os.utime(source / "2.wav", ns=(old, old))
    assert main(["enhance", str(source), str(target), *TINY, "--resume"]) == 0
    assert capsys.readouterr().out == "0 recordings of 0.0 s in all\nskipped 4 done already\n"


def test_dry_run(tmp_path: Path, no_ffmpeg: None, capsys: pytest.CaptureFixture[str]) -> None:
    source = mixed(tmp_path / "in")
    assert main(["enhance", str(source), str(tmp_path / "out"), *TINY, "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{source}/broken.wav -> {tmp_path}/out/broken.wav"
    assert lines[-2].startswith("skipped 1 droppings of macOS")
    assert lines[-1] == "4 to do; nothing was written"
    words = ["enhance", str(source / "ok.wav"), str(tmp_path / "out.wav"), *TINY, "--dry-run"]
    assert main(words) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    assert main([*words, "--json", str(tmp_path / "a.json")]) == 0
    planned = json.loads((tmp_path / "a.json").read_text())["files"]
    assert planned == [{"input": str(source / "ok.wav"), "output": str(tmp_path / "out.wav")}]


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_whole_files_only(tmp_path: Path, root: Path, jobs: str, number: signal.Signals) -> None:
    source, target = recordings(tmp_path / "in", 3), tmp_path / "out"
    for name in ("8.wav", "9.wav"):
        write(source / name, 48000 * 120, 44100, 2)  # longer than it takes to be interrupted
    environment = {**os.environ, "PYTHONPATH": str(root / "python")}
    command = [sys.executable, "-m", "linnet", "enhance", str(source), str(target), "--model", "base", "--jobs", jobs]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, start_new_session=True)
    short = [target / f"{number}.wav" for number in range(3)]
    while not (list(target.glob(".[89].wav.*.part")) and all(path.exists() for path in short)):
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, number)  # as a terminal does it
    assert process.stderr
    said = process.stderr.read().decode()
    assert process.wait() == 128 + number
    assert said.count("\n") == 1
    told = re.match("linnet: stopped when ([0-3]) of 5 recordings were done; --resume goes on", said)
    assert told
    # What another process has just done may not have been told yet.
    assert int(told[1]) >= (2 if jobs == "1" else 0)
    assert sorted(contents(target)) == ["0.wav", "1.wav", "2.wav"]
    assert all(soundfile.info(path).frames for path in target.iterdir())
    while subprocess.run(["pgrep", "-g", str(process.pid)], capture_output=True).stdout:  # else it would not end
        time.sleep(0.01)


def test_a_folder_stopped_twice_is_done_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The benchmark on few recordings, with the model that takes longest: it has to last until it is stopped."""
    result = tmp_path / "folder.json"
    assert folder.main(["--files", "24", "--model", "base", "--output", str(result)]) == 0, capsys.readouterr().err
    facts = json.loads(result.read_text())
    assert facts["files"] == 24 and facts["walls"].keys() == {"1", "2"}
    first, second = facts["stops"]
    assert (first["signal"], second["signal"]) == ("SIGTERM", "SIGKILL")
    assert 8 <= first["done"] <= second["done"] and 16 <= second["done"] < 24


def test_the_benchmark_sees_wrong_counts_and_bits(tmp_path: Path) -> None:
    source, one, two = recordings(tmp_path / "in", 3), tmp_path / "one", tmp_path / "two"
    folder.enhance(source, one, "tiny", 1)
    with pytest.raises(folder.WrongError, match=r"done, failed and skipped are \[3, 0, 0\], 1 were done before"):
        folder.enhance(source, two, "tiny", 1, 1)
    folder.compare(two, one, {"0.wav", "1.wav", "2.wav"})
    (two / "1.wav").write_bytes(b"")
    with pytest.raises(folder.WrongError, match=r"two/1\.wav differs from one/1\.wav"):
        folder.compare(two, one, {"0.wav", "1.wav", "2.wav"})
