"""The command line: every format, pipe and folder that it takes."""

from __future__ import annotations

import json
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command_line import TINY, run, sound, write

import linnet
from linnet.cli import main
from linnet.io import level
from linnet.study.ladder import _pairs
from linnet.study.metrics import score


@pytest.mark.parametrize("channels", [1, 2, 8])
@pytest.mark.parametrize("rate", [8000, 44100, 48000])
def test_length_rate_channels_and_subtype_are_kept(tmp_path: Path, rate: int, channels: int) -> None:
    source = write(tmp_path / "in.wav", 30001, rate, channels, "PCM_24")
    for name in ("out.wav", "out.flac"):
        assert main(["enhance", source, str(tmp_path / name), *TINY]) == 0
        info = soundfile.info(tmp_path / name)
        assert (info.frames, info.samplerate, info.channels, info.subtype) == (30001, rate, channels, "PCM_24")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.wav", "out.flac", "out.wav"]


@pytest.mark.parametrize("rate", [44100, 48000])
def test_file_is_what_the_function_gives(tmp_path: Path, rate: int) -> None:
    source = write(tmp_path / "in.wav", 130_000, rate, 2, "FLOAT")
    options = ["--attenuation-limit", "20", "--postfilter", "0.5", "--backend", "scalar"]
    assert main(["enhance", source, str(tmp_path / "out.wav"), *TINY, *options]) == 0
    x, _ = soundfile.read(source, dtype="float32")
    want = linnet.enhance(x, rate, model="tiny", attenuation_limit_db=20, postfilter=0.5)
    assert np.array_equal(soundfile.read(tmp_path / "out.wav", dtype="float32")[0], want)


@pytest.mark.parametrize("ending", ["wav", "flac", "aiff", "au", "caf", "w64", "rf64", "ogg", "opus", "mp3"])
def test_formats(tmp_path: Path, ending: str) -> None:
    source = tmp_path / f"in.{ending}"
    known = {"format": "OGG", "subtype": "OPUS"} if ending == "opus" else {}
    soundfile.write(source, sound(24000), 48000, **known)
    form = soundfile.info(source)
    assert main(["enhance", str(source), str(tmp_path / f"out.{ending}"), *TINY]) == 0
    info = soundfile.info(tmp_path / f"out.{ending}")
    assert (info.format, info.subtype, info.frames) == (form.format, form.subtype, form.frames)
    # Full attenuation limit: the sound comes through in place, but for what a lossy format changes.
    assert main(["enhance", str(source), str(tmp_path / "same.wav"), *TINY, "--attenuation-limit", "0"]) == 0
    same, before = (soundfile.read(path, dtype="float32")[0] for path in (tmp_path / "same.wav", source))
    assert np.abs(same - before).max() <= 1 / 32768


def test_no_limit_0_changes_no_bit_of_a_file(tmp_path: Path) -> None:
    for subtype in ("PCM_16", "PCM_24", "FLOAT"):
        source = write(tmp_path / "in.wav", 100_000, 48000, 2, subtype)
        assert main(["enhance", source, str(tmp_path / "out.wav"), *TINY, "--attenuation-limit", "0"]) == 0
        before, after = (soundfile.read(path, dtype="int32")[0] for path in (source, tmp_path / "out.wav"))
        assert np.array_equal(before, after)


@pytest.mark.parametrize("rate", [24000, 48000])
def test_no_delay_compensation(tmp_path: Path, rate: int) -> None:
    source = str(tmp_path / "in.wav")
    soundfile.write(source, 0.3 * np.sin(0.05 * np.arange(30000)), rate, "FLOAT")
    options = [*TINY, "--attenuation-limit", "0", "--no-delay-compensation"]
    assert main(["enhance", source, str(tmp_path / "out.wav"), *options]) == 0
    before, after = (soundfile.read(path)[0] for path in (source, tmp_path / "out.wav"))
    delay = 1440 * rate // 48000
    assert len(after) == 30000
    assert np.abs(after[delay + 600 :] - before[600:-delay]).max() < 1e-4
    assert np.abs(after[: delay - 600]).max() < 1e-4


@pytest.mark.parametrize("samples", [1, 2, 100])
@pytest.mark.parametrize("rate", [16000, 48000])
def test_very_short_files(tmp_path: Path, samples: int, rate: int) -> None:
    source = write(tmp_path / "in.wav", samples, rate, 2)
    assert main(["enhance", source, str(tmp_path / "out.wav"), *TINY, "--json", str(tmp_path / "out.json")]) == 0
    assert soundfile.info(tmp_path / "out.wav").frames == samples
    assert json.loads((tmp_path / "out.json").read_text())["files"][0]["noise_reduction_db"] is None


def test_nan_samples_are_counted_and_taken_as_silence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x = sound(24000).astype(np.float32)
    x[[5, 600, 601]] = [[np.nan], [np.inf], [-np.inf]]
    soundfile.write(tmp_path / "in.wav", x, 44100, "FLOAT")
    assert main(["enhance", str(tmp_path / "in.wav"), str(tmp_path / "out.wav"), *TINY, "--json", "-"]) == 0
    captured = capsys.readouterr()
    assert "in.wav: 3 samples are NaN or infinite and were taken as 0" in captured.err
    assert json.loads(captured.out)["files"][0]["nonfinite_samples"] == 3
    assert np.isfinite(soundfile.read(tmp_path / "out.wav")[0]).all()


def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write(tmp_path / "in.wav", 96000, 44100, 2)
    target = str(tmp_path / "out.wav")
    assert main(["enhance", source, target, *TINY, "--json", str(tmp_path / "a.json"), "--postfilter", "0.25"]) == 0
    text = capsys.readouterr().out
    assert text.count("\n") == 1
    assert re.search(r"out\.wav: 2\.2 s, 2 channels at 44100 Hz, model tiny on \w+, delay 30 ms \(compensated\)", text)
    data = json.loads((tmp_path / "a.json").read_text())
    assert data["linnet"] == linnet.version
    (entry,) = data["files"]
    want = {
        "input": source,
        "output": target,
        "samples": 96000,
        "rate": 44100,
        "channels": 2,
        "subtype": "PCM_16",
        "model": "tiny",
        "backend": linnet.backends()[0],
        "attenuation_limit_db": 100.0,
        "postfilter": 0.25,
        "delay_samples": 1440,
        "delay_ms": 30.0,
        "delay_compensated": True,
        "nonfinite_samples": 0,
    }
    assert {name: entry[name] for name in want} == want
    assert entry["seconds"] == pytest.approx(96000 / 44100, abs=1e-6)
    assert entry["cpu_percent"] > 0
    assert set(entry["last_frame"]) == {"speech_probability", "input_snr_db", "mean_gain", "pitch_hz", "frame"}


@pytest.mark.parametrize(("limit", "low", "high"), [("0", -0.01, 0.01), ("6", 0.5, 6.01)])
def test_noise_reduction_is_measured_in_the_pauses(tmp_path: Path, limit: str, low: float, high: float) -> None:
    time = np.arange(144_000) / 48000
    bursts = 0.3 * np.sin(2 * np.pi * 200 * time) * (time % 1 < 0.5)
    x = bursts + 0.002 * np.random.default_rng(5).standard_normal(len(time))
    soundfile.write(tmp_path / "in.wav", x, 48000, "FLOAT")
    options = [*TINY, "--attenuation-limit", limit, "--json", str(tmp_path / "a.json")]
    assert main(["enhance", str(tmp_path / "in.wav"), str(tmp_path / "out.wav"), *options]) == 0
    value = json.loads((tmp_path / "a.json").read_text())["files"][0]["noise_reduction_db"]
    before, after = (soundfile.read(tmp_path / name)[0][30000:45000] for name in ("in.wav", "out.wav"))
    assert value == pytest.approx(10 * np.log10((before**2).mean() / (after**2).mean()), abs=0.5)
    assert low <= value <= high


@pytest.mark.parametrize("rate", [22050, 48000])
def test_plot(tmp_path: Path, rate: int) -> None:
    source = write(tmp_path / "in.wav", 2 * rate, rate, 2)
    for name in ("out.png", "out.svg"):
        assert main(["enhance", source, str(tmp_path / "out.wav"), *TINY, "--plot", str(tmp_path / name)]) == 0
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (tmp_path / "out.svg").read_bytes()


@pytest.mark.parametrize("name", ["a$\\foo$.wav", os.fsdecode(b"a\xff.wav")])
def test_any_name(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    Path(write(tmp_path / "in.wav", 4800)).rename(tmp_path / name)
    assert main(["enhance", str(tmp_path / name), str(tmp_path / f"out{name}"), *TINY, "--plot", f"{tmp_path}/p"]) == 0
    assert "model tiny" in capsys.readouterr().out
    assert (tmp_path / "p").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / f"out{name}").exists()


def test_closed_stderr_does_not_send_the_summary_to_stdout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr", None)
    assert main(["enhance", write(tmp_path / "in.wav"), str(tmp_path / "out.wav"), *TINY, "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["files"]


def test_wav_pipe_equals_the_file_path(tmp_path: Path, root: Path) -> None:
    source = write(tmp_path / "in.wav", 100_000, 44100, 2)
    piped = run("enhance", "-", "-", *TINY, root=root, input=Path(source).read_bytes())
    assert piped.returncode == 0
    assert b"stdout" not in piped.stderr
    (tmp_path / "piped.wav").write_bytes(piped.stdout)
    assert main(["enhance", source, str(tmp_path / "out.wav"), *TINY]) == 0
    (x, rate_1), (y, rate_2) = (soundfile.read(tmp_path / name, dtype="int16") for name in ("piped.wav", "out.wav"))
    assert rate_1 == rate_2 == 44100
    assert np.array_equal(x, y)
    # One side a pipe, the other a file.
    into = run("enhance", "-", tmp_path / "into.wav", *TINY, root=root, input=Path(source).read_bytes())
    outof = run("enhance", source, "-", *TINY, root=root)
    assert (into.returncode, outof.returncode) == (0, 0)
    assert (tmp_path / "into.wav").read_bytes() == (tmp_path / "out.wav").read_bytes()
    assert outof.stdout == piped.stdout


@pytest.mark.parametrize("size", [None, 0, 0xFFFFFFFF])
def test_a_live_pipe_is_answered_while_it_goes_on(root: Path, size: int | None) -> None:
    """Headerless samples, or a WAV that does not tell its size."""
    raw = ["--raw", "48000,1"] if size is None else []
    command = [sys.executable, "-m", "linnet", "enhance", "-", "-", *raw, "--model", "tiny"]
    environment = {**os.environ, "PYTHONPATH": str(root / "python")}
    live = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
    assert live.stdin and live.stdout
    if size is not None:
        form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 48000, 96000, 2, 16)
        live.stdin.write(b"RIFF" + struct.pack("<I", size) + b"WAVE" + form + b"data" + struct.pack("<I", size))
    live.stdin.write(bytes(2 * 9600))  # 0.2 s, of which 30 ms stay inside
    live.stdin.flush()
    assert len(live.stdout.read(2 * 4800)) == 2 * 4800  # a longer wait would not end
    live.stdin.close()
    live.stdout.read()
    assert live.wait() == 0


def test_raw_pipe(tmp_path: Path, root: Path) -> None:
    x = np.rint(sound(50000, 2) * 32767).astype("<i2")
    piped = run("enhance", "-", "-", *TINY, "--raw", "16000,2", root=root, input=x.tobytes())
    assert piped.returncode == 0
    got = np.frombuffer(piped.stdout, "<i2").reshape(-1, 2)
    assert np.array_equal(got, linnet.enhance(x, 16000, model="tiny"))


def test_reader_of_stdout_that_goes_away(tmp_path: Path, root: Path) -> None:
    source = write(tmp_path / "in.wav", 480_000)
    environment = {**os.environ, "PYTHONPATH": str(root / "python")}
    command = f"'{sys.executable}' -m linnet enhance '{source}' - --model tiny | head -c 100; exit ${{PIPESTATUS[0]}}"
    ran = subprocess.run(["bash", "-c", command], capture_output=True, check=False, env=environment)
    assert ran.returncode == 2
    assert re.fullmatch(rb"linnet: stdout: cannot be written \(Broken pipe\); .*\n", ran.stderr)


def test_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = tmp_path / "in", tmp_path / "new/out"
    (source / "deep").mkdir(parents=True)
    write(source / "a.wav", 24000)
    write(source / "deep/b.flac", 12000, 44100, 2)
    (source / "notes.txt").write_text("not sound")
    options = ["--json", str(tmp_path / "all.json"), "--plot", str(tmp_path / "plots")]
    assert main(["enhance", str(source), str(target), *TINY, *options]) == 0
    assert re.match(r"2 recordings of 0\.8 s in all, model tiny", capsys.readouterr().out)
    assert sorted(str(path.relative_to(target)) for path in target.rglob("*.*")) == ["a.wav", "deep/b.flac"]
    assert soundfile.info(target / "deep/b.flac").frames == 12000
    assert len(json.loads((tmp_path / "all.json").read_text())["files"]) == 2
    assert (tmp_path / "plots/deep/b.png").exists()
    assert (tmp_path / "plots/a.png").exists()


def test_folder_with_a_bad_file_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "in"
    source.mkdir()
    (source / "a.wav").write_text("not sound")
    write(source / "b.wav", 24000)
    assert main(["enhance", str(source), str(tmp_path / "out"), *TINY]) == 3
    captured = capsys.readouterr()
    assert re.fullmatch(r"linnet: .*a\.wav: not readable as sound.*\n", captured.err)
    assert re.fullmatch(r"1 recording of 0\.5 s in all, .*\nfailed 1 \(a\.wav\)\n", captured.out)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b.wav"]


def test_output_folder_inside_the_input_folder(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", 4800)
    for _ in range(2):  # the second time the first results lie there
        assert main(["enhance", str(tmp_path), str(tmp_path / "out"), *TINY]) == 0
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.wav")) == ["a.wav", "out/a.wav"]


def test_input_folder_inside_the_output_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in/deep").mkdir(parents=True)
    write(tmp_path / "in/deep/a.wav", 4800)
    assert main(["enhance", "in", ".", *TINY]) == 0
    assert sorted(map(str, Path().rglob("*.wav"))) == ["deep/a.wav", "in/deep/a.wav"]


def test_pictures_of_equal_stems_have_names_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linnet.study.report.draw_report", lambda _, path: Path(path).touch())
    (tmp_path / "in").mkdir()
    for name in ("a.wav", "a.flac"):
        write(tmp_path / "in" / name, 4800)
    assert main(["enhance", str(tmp_path / "in"), str(tmp_path / "out"), *TINY, "--plot", str(tmp_path / "plots")]) == 0
    assert sorted(path.name for path in (tmp_path / "plots").iterdir()) == ["a.flac.png", "a.wav.png"]
    assert sorted(name for name, _, _ in _pairs(*2 * [str(tmp_path / "in")])) == ["a.flac", "a.wav"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("samples", [1, 479, 4800])
@pytest.mark.parametrize("model", ["small", "light"])
def test_picture_of_either_topology(tmp_path: Path, model: str, samples: int) -> None:
    source, picture = write(tmp_path / "a.wav", samples), tmp_path / "a.png"
    assert main(["enhance", source, str(tmp_path / "b.wav"), "--model", model, "--plot", str(picture)]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_file_into_a_folder_keeps_its_name(tmp_path: Path) -> None:
    source = write(tmp_path / "a.wav", 4800)
    (tmp_path / "out").mkdir()
    assert main(["enhance", source, str(tmp_path / "out"), *TINY]) == 0
    assert soundfile.info(tmp_path / "out/a.wav").frames == 4800


def test_info(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["version"] == linnet.version
    assert facts["abi"] == 1
    assert facts["backend"] == facts["backends"][0] == linnet.backends()[0]
    tiny = next(model for model in facts["models"] if model["name"] == "tiny")
    assert (tiny["lookahead"], tiny["delay_samples"]) == (2, 1440)
    assert tiny["widths"] == {"dense": 8, "hidden": 8, "strength": 8}
    assert main(["info"]) == 0
    text = capsys.readouterr().out
    assert f"linnet {linnet.version}, ABI 1" in text
    assert "tiny" in text
    assert "delay 30 ms = 1440 samples at 48000 Hz" in text


def test_demo(tmp_path: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new/demo"
    assert main(["demo", str(folder), *TINY]) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["enhanced.wav", "noisy.wav", "report.png"]
    noisy, bundled = (
        soundfile.read(path, dtype="int16")[0] for path in (folder / "noisy.wav", root / "sdk/examples/demo_noisy.flac")
    )
    assert np.array_equal(noisy, bundled)
    assert soundfile.info(folder / "enhanced.wav").frames == len(noisy)
    text = capsys.readouterr().out
    for pattern in (
        rf"backend +{linnet.backends()[0]}\n",
        r"delay +30 ms\n",
        r"CPU load +\d+\.\d % of one core\n",
        r"noise reduction +-?\d+\.\d dB in the pauses of speech\n",
        r"SI-SDR +-?\d+\.\d dB before, -?\d+\.\d dB after: [+-]\d+\.\d dB\n",
    ):
        assert re.search(pattern, text), pattern


def test_oracle(tmp_path: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = []
    for name in ("clean", "noisy"):
        samples, rate = soundfile.read(root / f"sdk/examples/demo_{name}.flac")
        paths.append(str(tmp_path / f"{name}.wav"))
        soundfile.write(paths[-1], samples[60000:140000], rate)
    options = ["--json", str(tmp_path / "out/table.json")]  # in the folder that the command makes
    assert main(["oracle", *paths, str(tmp_path / "out"), *TINY, *options]) == 0
    text = capsys.readouterr().out
    assert "PESQ-WB" in text
    assert "trained network" in text
    assert json.loads((tmp_path / "out/table.json").read_text())["recordings"] == 1


@pytest.mark.parametrize("samples", [1, 100, 481, 1000])
def test_scores_of_very_short_recordings_are_nan(samples: int) -> None:
    scores = score(sound(samples)[:, 0], sound(samples)[:, 0], 48000)
    assert np.isnan(scores.pesq_wb) and np.isnan(scores.stoi)


def test_oracle_of_a_very_short_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write(tmp_path / "in.wav", 1)
    assert main(["oracle", source, source, str(tmp_path / "out"), *TINY]) == 0
    assert re.search(r"noisy +- +- ", capsys.readouterr().out)


def test_help_names_the_models(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["enhance", "--help"])
    assert f"{', '.join(linnet.models())}, or a .linnet file" in " ".join(capsys.readouterr().out.split())


def test_a_meter_keeps_a_bounded_share_of_a_long_stream() -> None:
    rate, seconds = 1000, 6 * 3600  # a low rate, because only the number of frames matters
    rng = np.random.default_rng(5)
    whole, other = (level.Meter(rate, False) for _ in range(2))
    loud = rng.uniform(0.01, 0.1, (seconds, 1)).astype(np.float32)
    for value in loud:
        whole.add(np.full((rate, 1), value))
    for values in loud.reshape(-1, 8):  # blocks of another length
        other.add(np.repeat(values, rate)[:, None])
    assert np.array_equal(whole.powers(), other.powers())
    assert level.MOST_POWERS // 2 < len(whole.powers()) <= level.MOST_POWERS
    assert np.median(whole.powers()) == pytest.approx(np.median(loud**2), rel=0.01)


def test_memory_does_not_grow_with_the_file(tmp_path: Path, root: Path) -> None:
    code = """
import re, sys
from linnet.cli import main
assert main(["enhance", sys.argv[1], sys.argv[2], "--model", "tiny"]) == 0
print(re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1], file=sys.stderr)
"""
    peaks = []
    for seconds in (10, 120):
        source = write(tmp_path / "in.wav", 44100 * seconds, 44100, 2)
        environment = {**os.environ, "PYTHONPATH": str(root / "python")}
        ran = subprocess.run(
            [sys.executable, "-c", code, source, str(tmp_path / "out.wav")],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        )
        peaks.append(int(ran.stderr) / 1024)  # MiB
    assert peaks[0] < 200
    assert peaks[1] - peaks[0] < 10  # the longer file holds 84 MB more as floats
