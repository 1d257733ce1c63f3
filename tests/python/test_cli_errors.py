"""The command line: one line for everything that can be wrong, and nothing lost by it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command_line import TINY, fails, run, write

from linnet.cli import main


def test_demo_without_matplotlib_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert "matplotlib is not installed" in fails(capsys, "demo", tmp_path / "out", *TINY)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", [[], ["fly"], ["enhance"], ["enhance", "a.wav"], ["info", "--colour"]])
def test_wrong_usage(capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    assert "--help" in fails(capsys, *command)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--attenuation-limit", "120"], "'120' is not a number within 0..100"),
        (["--attenuation-limit", "-3"], "'-3' is not a number within 0..100"),
        (["--attenuation-limit", "nan"], "'nan' is not a number"),
        (["--attenuation-limit", "some"], "'some' is not a number"),
        (["--postfilter", "2"], "'2' is not a number within 0..1"),
        (["--backend", "abacus"], "--backend abacus: not available on this CPU; give one of .*scalar"),
        (["--model", "nonesuch"], "model 'nonesuch': no such model or file; give one of .*tiny"),
        (["--model", "/none/x.linnet"], "model '/none/x.linnet': no such model or file"),
        (["--raw", "16000,1"], "--raw 16000,1: describes stdin"),
        (["--raw", "16000"], "'16000' is not a rate"),
        (["--raw", "0,1"], "'0,1' is not a rate"),
        (["--json", "none/a.json"], "--json none/a.json: no folder 'none'; create it first"),
        (["--plot", "none/a.png"], "--plot none/a.png: no folder 'none'; create it first"),
        (["--json", "."], "--json .: not a regular file; give another name"),
        (["--json", os.devnull], f"--json {os.devnull}: not a regular file; give another name"),
        (["--plot", "a.doc"], "a.doc: cannot draw a picture of type 'doc'; end the name in .png, .svg or .pdf"),
        (["--plot", "-"], "--plot -: a picture cannot go to stdout; give a file"),
        (["--plot", ""], "--plot '': an empty name; give a file"),
        (["--json", ""], "--json '': an empty name; give a file"),
    ],
)
def test_bad_options(tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], text: str) -> None:
    source = write(tmp_path / "in.wav")
    assert re.search(text, fails(capsys, "enhance", source, tmp_path / "out.wav", *TINY, *options))
    assert [path.name for path in tmp_path.iterdir()] == ["in.wav"]


@pytest.mark.parametrize(
    "options",
    [
        ["in.wav", "out.wav", "--json", "in.wav"],
        ["in.wav", "out.wav", "--json", "link"],
        ["in.wav", "out.wav", "--json", "out.wav"],
        ["in.wav", "folder", "--json", "folder/in.wav"],
        ["in.wav", "out.wav", "--plot", "in.wav"],
        ["in.wav", "out.wav", "--plot", "out.wav"],
        ["in.wav", "out.wav", "--plot", "a.png", "--json", "./a.png"],
        ["folder", "folder/out", "--json", "folder/a.wav"],
        ["folder", "folder/out", "--json", "folder/out/a.wav"],
        ["folder", "folder/out", "--plot", "folder", "--json", "folder/a.png"],
    ],
)
def test_results_replace_no_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder/out").mkdir(parents=True)
    Path("link").symlink_to("in.wav")
    recordings = [Path(write(Path(name), 4800)) for name in ("in.wav", "folder/a.wav")]
    before = [path.read_bytes() for path in recordings]
    assert "also an input or another output; give another name" in fails(capsys, "enhance", *options, *TINY)
    assert [path.read_bytes() for path in recordings] == before
    assert sorted(map(str, Path().rglob("*"))) == ["folder", "folder/a.wav", "folder/out", "in.wav", "link"]


def test_oracle_checks_its_options_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.wav", 4800)
    for path, text in (("none/x.json", "no folder 'none'"), (".", "not a regular file"), ("a.wav", "also an input")):
        assert text in fails(capsys, "oracle", "a.wav", "a.wav", "out", "--json", path, *TINY)
        assert text in fails(capsys, "oracle", ".", ".", "out", "--json", path, *TINY)
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def damaged(tmp_path: Path, kind: str) -> Path:
    """A recording that cannot be enhanced."""
    path = tmp_path / "in.wav"
    if kind == "missing":
        return path
    write(path)
    data = path.read_bytes()
    if kind == "empty":
        soundfile.write(path, np.zeros(0), 48000)
    elif kind == "no bytes":
        path.write_bytes(b"")
    elif kind == "truncated":
        path.write_bytes(data[:-7])
    elif kind == "header only":
        path.write_bytes(data[:20])
    elif kind == "text":
        path.write_text("These are words.")
    elif kind == "rate":
        soundfile.write(path, np.zeros(100), 999)
    elif kind == "channels":
        soundfile.write(path, np.zeros((100, 65)), 48000)
    return path


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("missing", "no such file; give an existing"),
        ("empty", "holds no samples; give a recording"),
        ("no bytes", "holds no samples; give a recording"),
        ("truncated", "cut short: 24000 samples promised, 23996 there; give the whole"),
        ("header only", "not readable as sound .*; give WAV"),
        ("text", "not readable as sound .*; give WAV"),
        ("rate", "sample rate 999 Hz; give 4000..384000 Hz"),
        ("channels", "65 channels; give 1..64"),
    ],
)
def test_bad_inputs(tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, text: str, dry: list[str]) -> None:
    source = damaged(tmp_path, kind)
    before = {path.name for path in tmp_path.iterdir()}
    options = [*TINY, "--strict", "--json", tmp_path / "out.json", *dry]
    line = fails(capsys, "enhance", source, tmp_path / "out.wav", *options)
    assert re.search(rf"in\.wav: {text}", line)
    assert {path.name for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
@pytest.mark.parametrize(
    ("output", "text"),
    [
        ("none/out.wav", "out.wav: cannot be written .No such file or directory.; give a name in a writable folder"),
        ("out", "cannot tell the format from ''"),
        ("out.doc", "cannot tell the format from '.doc'; end the name in .wav"),
        ("out.opus", "OGG with OPUS cannot hold 1 channel at 44100 Hz"),
        ("in.wav", "input and output are the same file"),
        (f"{'n' * 252}.wav", "cannot be written .File name too long."),
        ("/proc/out.wav", "/proc/out.wav: cannot be written"),
    ],
)
def test_bad_outputs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], output: str, text: str, dry: list[str]
) -> None:
    if dry and output.startswith("/proc") and os.access("/proc", os.W_OK):
        pytest.skip("this user may write anywhere, as far as the system tells")
    source = write(tmp_path / "in.wav", rate=44100)
    before = Path(source).read_bytes()
    assert re.search(text, fails(capsys, "enhance", source, tmp_path / output, *TINY, *dry))
    assert [path.name for path in tmp_path.iterdir()] == ["in.wav"]
    assert Path(source).read_bytes() == before


def test_bad_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    assert "no sound files in this folder" in fails(capsys, "enhance", tmp_path / "empty", tmp_path / "out", *TINY)
    write(tmp_path / "a.wav")
    assert "a folder cannot go to stdout" in fails(capsys, "enhance", tmp_path, "-", *TINY)
    assert "a file, but the input is a folder" in fails(capsys, "enhance", tmp_path, tmp_path / "file", *TINY)
    assert "are the same folder" in fails(capsys, "enhance", tmp_path, tmp_path, *TINY)
    assert "not a folder" in fails(capsys, "enhance", tmp_path, tmp_path / "o", *TINY, "--plot", tmp_path / "file")
    (tmp_path / "day/day").mkdir(parents=True)
    for name in ("day/a.wav", "day/day/a.wav"):
        write(tmp_path / name)
    assert "day/a.wav: both an input and an output" in fails(capsys, "enhance", tmp_path / "day", tmp_path, *TINY)
    assert "stdout carries the sound" in fails(capsys, "enhance", tmp_path / "a.wav", "-", *TINY, "--json", "-")


def test_a_dry_run_without_its_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write(tmp_path / "in.wav")
    for words in ([source], ["-"]):
        line = fails(capsys, "enhance", *words, tmp_path / "out.wav", "--dry-run", "--model", "nonesuch")
        assert "model 'nonesuch': no such model" in line


def test_a_package_that_is_missing_is_named(tmp_path: Path, root: Path) -> None:
    """What an installation holds, and whether it is well, is told without it."""
    source = write(tmp_path / "in.wav")
    code = "import sys; sys.modules['soundfile'] = None; from linnet.cli import main; sys.exit(main())"
    environment = {**os.environ, "PYTHONPATH": str(root / "python")}
    found = {}
    for words in (["info"], ["doctor", *TINY], ["enhance", source, str(tmp_path / "out.wav"), *TINY]):
        command = [sys.executable, "-c", code, *words]
        ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        found[words[0]] = ran.returncode, ran.stdout, ran.stderr
    assert found["info"][0] == 0
    assert found["doctor"][0] == 1 and "PROBLEM    soundfile cannot be loaded" in found["doctor"][1]
    wanted = "linnet: soundfile is not installed, this command needs it: pip install soundfile\n"
    assert found["enhance"] == (2, "", wanted)


@pytest.mark.parametrize("cut", [0, 40, 5000])
def test_truncated_model(tmp_path: Path, capsys: pytest.CaptureFixture[str], tiny_model: Path, cut: int) -> None:
    source = write(tmp_path / "in.wav")
    model = tmp_path / "cut.linnet"
    model.write_bytes(tiny_model.read_bytes()[:cut])
    line = fails(capsys, "enhance", source, tmp_path / "out.wav", "--model", model)
    assert re.search(r"model '.*cut\.linnet': .*; give .*\.linnet file", line)
    assert not (tmp_path / "out.wav").exists()


def test_truncated_pipe(tmp_path: Path, root: Path) -> None:
    data = Path(write(tmp_path / "in.wav")).read_bytes()[:-100]
    ran = run("enhance", "-", tmp_path / "out.wav", *TINY, "--strict", root=root, input=data)
    assert ran.returncode == 2
    assert re.fullmatch(rb"linnet: stdin: cut short: 24000 samples promised, 23950 there; .*\n", ran.stderr)
    assert [path.name for path in tmp_path.iterdir()] == ["in.wav"]
    ran = run("enhance", "-", tmp_path / "out.wav", *TINY, "--json", tmp_path / "a.json", root=root, input=data)
    assert ran.returncode == 0
    assert re.fullmatch(rb"linnet: stdin: cut short: 24000 samples promised, 23950 there; .*\n", ran.stderr)
    (entry,) = json.loads((tmp_path / "a.json").read_text())["files"]
    assert (entry["samples"], [f"linnet: {line}\n" for line in entry["warnings"]]) == (23950, [ran.stderr.decode()])


@pytest.mark.parametrize("name", ["/dev/stdin", "<(cat in.wav)"])
def test_pipes_by_their_names(tmp_path: Path, root: Path, name: str) -> None:
    write(tmp_path / "in.wav")
    environment = {**os.environ, "PYTHONPATH": str(root / "python")}
    command = f"cat in.wav | '{sys.executable}' -m linnet enhance {name} out.wav --model tiny"
    subprocess.run(["bash", "-c", command], cwd=tmp_path, env=environment, check=True, capture_output=True)
    assert main(["enhance", str(tmp_path / "in.wav"), str(tmp_path / "same.wav"), *TINY]) == 0
    assert (tmp_path / "out.wav").read_bytes() == (tmp_path / "same.wav").read_bytes()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_termination_leaves_nothing_behind(tmp_path: Path, root: Path, number: signal.Signals) -> None:
    environment = {**os.environ, "PYTHONPATH": str(root / "python")}
    command = [sys.executable, "-m", "linnet", "enhance", "-", str(tmp_path / "out.wav"), "--model", "tiny"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment)
    assert process.stdin
    process.stdin.write(Path(write(tmp_path / "in.wav", 480_000)).read_bytes()[:-1000])
    process.stdin.flush()
    while not list(tmp_path.glob(".out.wav.*")):  # wait until it writes
        assert process.poll() is None
    process.send_signal(number)
    assert process.wait() == 128 + number
    process.stdin.close()
    assert [path.name for path in tmp_path.iterdir()] == ["in.wav"]


@pytest.mark.parametrize("handler", [signal.SIG_DFL, signal.SIG_IGN])
def test_hangup_stays_ignored_under_nohup(monkeypatch: pytest.MonkeyPatch, handler: signal.Handlers) -> None:
    ignored = []
    monkeypatch.setattr(
        "linnet.cli._info", lambda _: ignored.append(signal.getsignal(signal.SIGHUP) == signal.SIG_IGN) or 0
    )
    before = signal.signal(signal.SIGHUP, handler)
    try:
        main(["info"])
        assert signal.getsignal(signal.SIGHUP) == handler
    finally:
        signal.signal(signal.SIGHUP, before)
    assert ignored == [handler == signal.SIG_IGN]
