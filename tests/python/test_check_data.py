"""The check of recordings before training: each problem is found in a file that has it and in no other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from training import check_data

RATE = 48000


def voice(seed: int = 0, rate: int = RATE, seconds: float = 1.0) -> np.ndarray:
    """Noise without much treble that comes and goes, peak 0.5."""
    time = np.arange(int(rate * seconds)) / rate
    x = np.random.default_rng(seed).standard_normal(len(time)) * np.sin(2 * np.pi * 2 * time)
    x = np.convolve(x, np.hanning(14), "same")
    x -= x.mean()
    return 0.5 * x / np.abs(x).max()


def tone(seconds: float) -> np.ndarray:
    """Hum of the mains."""
    time = np.arange(int(RATE * seconds)) / RATE
    return sum(0.2 / k * np.sin(2 * np.pi * 50 * k * time) for k in range(1, 6))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Recordings without a fault: three formats, three rates, one of them normalised to full scale, one quiet."""
    top = tmp_path / "recordings"
    (top / "a").mkdir(parents=True)
    soundfile.write(top / "a/plain.wav", voice(1), RATE)
    soundfile.write(top / "a/stereo.flac", np.stack([voice(2, 16000), voice(3, 16000)], 1), 16000)
    soundfile.write(top / "lossy.ogg", voice(4, 44100), 44100)
    soundfile.write(top / "full.wav", 2 * voice(5), RATE, "PCM_16")
    soundfile.write(top / "quiet.wav", 0.004 * voice(6), RATE, "PCM_16")
    (top / "notes.txt").write_text("not a recording")
    return top


def problems(folder: Path, **limits: float) -> dict[str, list[str]]:
    """Names of the problems of each file that has any."""
    findings = check_data.check([folder], check_data.Limits(**limits))
    return {Path(finding.path).name: list(finding.problems) for finding in findings if finding.problems}


def test_good_recordings_pass(folder: Path) -> None:
    findings = check_data.check([folder])
    assert len(findings) == 5
    assert not problems(folder)
    assert "no problem found" in check_data.report(findings)


def test_each_problem_has_its_name(folder: Path) -> None:
    bad = {
        "clipped.wav": np.clip(4 * voice(10), -1, 32767 / 32768),
        "clipped_low.wav": np.clip(2 * voice(11), -0.4, 0.4),  # and turned down afterwards
        "one_channel.wav": np.stack([np.clip(4 * voice(12), -1, 1), 0.1 * voice(13)], 1),
        "zeros.wav": np.zeros(RATE),
        "faint.wav": 0.0005 * voice(14),
        "offset.wav": voice(15) + 0.02,
        "short.wav": voice(16)[:2400],
        "empty.wav": np.zeros(0),
    }
    for name, x in bad.items():
        soundfile.write(folder / name, x, RATE, "PCM_16")
    soundfile.write(folder / "telephone.wav", voice(17, 8000), 8000)
    hot = voice(18)
    hot[100:104] = np.nan
    soundfile.write(folder / "nan.wav", hot, RATE, "FLOAT")
    soundfile.write(folder / "hot.wav", 4 * voice(19), RATE, "FLOAT")
    (folder / "text.wav").write_text("this is not sound")
    whole = (folder / "a/plain.wav").read_bytes()
    (folder / "cut.wav").write_bytes(whole[: len(whole) // 2])
    whole = (folder / "a/stereo.flac").read_bytes()
    (folder / "cut.flac").write_bytes(whole[: len(whole) // 2])
    assert problems(folder) == {
        "clipped.wav": ["clipped"],
        "clipped_low.wav": ["clipped"],
        "one_channel.wav": ["clipped"],
        "zeros.wav": ["silent"],
        "faint.wav": ["silent"],
        "offset.wav": ["offset"],
        "short.wav": ["short"],
        "empty.wav": ["short"],
        "telephone.wav": ["low rate"],
        "nan.wav": ["not finite"],
        "hot.wav": ["clipped"],
        "text.wav": ["unreadable"],
        "cut.wav": ["unreadable"],
        "cut.flac": ["unreadable"],
    }


def test_duplicates_are_found_by_what_is_heard(folder: Path) -> None:
    """Another format, name and folder; not a silence, which is one problem only, nor another rate."""
    x, _ = soundfile.read(folder / "a/plain.wav")
    soundfile.write(folder / "same.flac", x, RATE)
    soundfile.write(folder / "rate.flac", x, 44100)
    for name in ("zeros_a.wav", "zeros_b.wav"):
        soundfile.write(folder / name, np.zeros(RATE), RATE)
    (folder / "link.wav").symlink_to(folder / "a/plain.wav")  # one file under two names is no second recording
    assert problems(folder) == {"same.flac": ["duplicate"], "zeros_a.wav": ["silent"], "zeros_b.wav": ["silent"]}
    found = {Path(finding.path).name: finding for finding in check_data.check([folder])}
    assert found["same.flac"].problems["duplicate"].endswith("plain.wav")


def test_limits(folder: Path) -> None:
    assert problems(folder, rate=RATE) == {"stereo.flac": ["other rate"], "lossy.ogg": ["other rate"]}
    assert problems(folder, min_rate=44100) == {"stereo.flac": ["low rate"]}
    assert list(problems(folder, silence=0.01)) == ["quiet.wav"]
    assert len(problems(folder, min_seconds=1.5)) == 5


def test_voices_are_found_among_noise(tmp_path: Path, root: Path) -> None:
    """A network that is told that they are noise learns to take such voices away."""
    clean, rate = soundfile.read(root / "sdk/examples/demo_clean.flac")
    for name, x in {"said": clean, "murmured": 0.01 * clean, "hiss": voice(20, seconds=4), "hum": tone(4)}.items():
        soundfile.write(tmp_path / f"{name}.flac", x, rate)
    assert problems(tmp_path, noise="base") == {"said.flac": ["speech"], "murmured.flac": ["speech"]}
    assert problems(tmp_path) == {}
    done = run(tmp_path, "--noise", "none")
    assert done.returncode == 2
    assert "none" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_flat_tops_are_runs_at_the_extremes() -> None:
    top = [0.0, 0.5, 0.5, 0.5, 0.0, 0.5, 0.5, 0.0, -0.9, -0.9, -0.9, -0.9]
    assert check_data.flat_samples(np.array(top)) == 7
    assert check_data.flat_samples(np.array(top) * 0.1) == 0
    # Rounded to 16 bits, a low tone has the same value several times in a row at its top.
    tone = np.rint(32767 * np.sin(2 * np.pi * 20 * np.arange(RATE) / RATE)) / 32768
    top = np.flatnonzero(tone == tone.max())[:3]
    assert top[2] - top[0] == 2
    assert check_data.flat_samples(tone) == 0
    assert check_data.flat_samples(np.clip(1.2 * tone, -1, 1)) > 0.3 * RATE


def test_offset_is_what_all_of_a_recording_has() -> None:
    rumble = 0.3 * np.sin(2 * np.pi * 0.7 * np.arange(RATE) / RATE)[:, None]
    assert abs(rumble.mean()) > check_data.OFFSET
    assert check_data.constant_part(rumble) == 0
    assert check_data.constant_part(voice()[:, None] - 0.03) == pytest.approx(0.03, abs=0.005)
    assert check_data.constant_part(np.full((2, 1), 0.1)) == pytest.approx(0.1)


def run(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, check_data.__file__, *map(str, words)], capture_output=True, text=True)


def test_command(folder: Path, tmp_path: Path) -> None:
    done = run(folder, "--jobs", 2)
    assert done.returncode == 0, done.stderr
    assert "5 files" in done.stdout
    assert "no problem found" in done.stdout

    other = tmp_path / "other"
    other.mkdir()
    (other / "copy.wav").write_bytes((folder / "full.wav").read_bytes())
    soundfile.write(other / "zeros.wav", np.zeros(RATE), RATE)
    done = run(folder, other, "--json", tmp_path / "found.json")
    assert done.returncode == 1
    assert f"{'silent':<11}{other / 'zeros.wav'}: peak 0" in done.stdout
    assert "2 with a problem" in done.stdout
    found = {Path(entry["path"]).name: entry["problems"] for entry in json.loads((tmp_path / "found.json").read_text())}
    assert found == {"copy.wav": {"duplicate": f"of {folder / 'full.wav'}"}, "zeros.wav": {"silent": "peak 0"}}


def test_a_name_that_is_not_utf_8_is_reported(tmp_path: Path) -> None:
    names = [os.fsencode(tmp_path / "zeros") + bytes([byte]) + b".wav" for byte in (254, 255)]
    for name in names:
        soundfile.write(name, np.zeros(RATE), RATE, format="WAV")
    done = run(tmp_path, "--json", tmp_path / "found.json")
    assert done.returncode == 1, done.stderr
    assert "zeros\\udcff.wav: peak 0" in done.stdout and "2 with a problem" in done.stdout
    found = json.loads((tmp_path / "found.json").read_text())
    assert [os.fsencode(entry["path"]) for entry in found] == names


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["missing"], "no such folder"),
        (["."], "no recordings"),
        ([".", "--json", "nowhere/x.json"], "--json nowhere/x.json: no file can be written there"),
        ([".", "--min-seconds", "nan"], "--min-seconds nan: must be"),
        ([".", "--silence", "nan"], "--silence nan: must be"),
        ([".", "--min-rate", "-1"], "--min-rate -1: must be"),
    ],
)
def test_bad_words_end_in_one_line(words: list[str], told: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, check_data.__file__, *words], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert told in done.stderr
