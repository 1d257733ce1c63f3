"""The example programs, on every target: what they print and write is what the Python package gives for the same sound,
so that the code that users copy is known to run, and to run with the right bits.
"""

from __future__ import annotations

import os
import re
import struct
import subprocess
import threading
from itertools import accumulate, cycle
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import Build
from riff import chunk

import linnet

RATE = 48000


def run(build: Build, name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs an example of a target on the CPU whose backends are the most: the last one that runs here."""
    program = build.folder / "examples" / name
    assert program.exists(), f"{program} is not built: run ./sconsw target={build.target.name} examples"
    cpu = "host" if build.target.native else build.target.here()[-1].name
    command = build.target.command(cpu, str(program), *map(str, arguments))
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def random_numbers(count: int) -> np.ndarray:
    """uint32, those of the generator in the examples."""
    steps = accumulate(range(count), lambda value, _: (value * 1664525 + 1013904223) % (1 << 32), initial=1)
    return np.array(list(steps)[1:], np.uint32)


@pytest.mark.parametrize(("limit", "hertz"), [(100, RATE), (12, RATE), (100, 8000), (100, 32000)])
def test_enhance_file_gives_the_bits_of_the_package(
    build: Build, root: Path, tiny_model: Path, tmp_path: Path, limit: int, hertz: int
) -> None:
    clip, _ = soundfile.read(root / "sdk/examples/demo_noisy.flac", frames=24007, dtype="int16")
    x = np.column_stack([clip, clip[::-1]])
    soundfile.write(tmp_path / "in.wav", x, hertz)
    done = run(build, "enhance_file", tiny_model, tmp_path / "in.wav", tmp_path / "out.wav", limit)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    y, rate = soundfile.read(tmp_path / "out.wav", dtype="int16")
    assert rate == hertz and np.array_equal(y, linnet.enhance(x, hertz, model="tiny", attenuation_limit_db=limit))
    assert not np.array_equal(y, x)


def test_enhance_file_names_a_rate_that_no_stream_has(build: Build, tiny_model: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "in.wav", np.zeros(480, np.int16), 44100)
    done = run(build, "enhance_file", tiny_model, tmp_path / "in.wav", tmp_path / "out.wav")
    assert done.returncode == 2 and not (tmp_path / "out.wav").exists()
    assert done.stderr == f"{tmp_path / 'in.wav'}: not at 8000, 16000, 24000, 32000 or 48000 Hz: resample it first\n"


def test_enhance_file_loses_nothing(build: Build, tiny_model: Path, tmp_path: Path) -> None:
    noise = (random_numbers(4800) >> 20).astype(np.int16)
    paths = tmp_path / "in.wav", tmp_path / "out.wav"
    for path in paths:
        soundfile.write(path, noise, RATE)
    whole = paths[0].read_bytes()
    paths[0].write_bytes(whole[:-1000])
    done = run(build, "enhance_file", tiny_model, *paths)
    assert done.returncode == 2 and "cut short" in done.stderr
    assert paths[1].read_bytes() == whole
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.wav", "out.wav"]
    # Another name of the input.
    done = run(build, "enhance_file", tiny_model, paths[1], tmp_path / "." / ".." / tmp_path.name / "out.wav")
    assert (done.returncode, done.stderr) == (0, "")
    assert np.array_equal(soundfile.read(paths[1], dtype="int16")[0], linnet.enhance(noise, RATE, model="tiny"))


def test_enhance_file_writes_over_nothing_but_its_output(build: Build, tiny_model: Path, tmp_path: Path) -> None:
    """The place where it writes until it has finished is a file, such as the input, that was there."""
    paths = tmp_path / "out.wav.part", tmp_path / "out.wav"
    soundfile.write(paths[0], np.zeros(4800, np.int16), RATE, format="WAV")
    whole = paths[0].read_bytes()
    done = run(build, "enhance_file", tiny_model, *paths)
    assert paths[0].read_bytes() == whole and not paths[1].exists()
    assert done.returncode == 2 and done.stderr.startswith(f"{paths[1]}: cannot be written while its name with .part")


def wav(*chunks: bytes, kind: bytes = b"RIFF") -> bytes:
    """A WAV file of one channel at 48 kHz, with chunks behind its format."""
    format = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16))
    return chunk(kind, b"WAVE" + format + b"".join(chunks))


def test_enhance_file_reads_a_pipe(build: Build, tiny_model: Path, tmp_path: Path) -> None:
    noise = (random_numbers(4800) >> 20).astype("<i2")
    pipe, output = tmp_path / "pipe", tmp_path / "out.wav"
    os.mkfifo(pipe)

    def sent(content: bytes) -> subprocess.CompletedProcess[str]:
        threading.Thread(target=pipe.write_bytes, args=(content,), daemon=True).start()
        return run(build, "enhance_file", tiny_model, pipe, output)

    done = sent(wav(chunk(b"LIST", b"odd"), chunk(b"data", noise.tobytes(), 0xFFFFFFFF)))
    assert (done.returncode, done.stderr) == (0, "")
    assert np.array_equal(soundfile.read(output, dtype="int16")[0], linnet.enhance(noise, RATE, model="tiny"))
    done = sent(noise.tobytes())  # of which the first bytes are gone when it shows to be no WAV
    assert (done.returncode, done.stderr) == (2, f"{pipe}: raw samples of a pipe: give a file, or a WAV\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (wav(chunk(b"data", bytes(960), 0)), "without samples, or of a recorder that did not finish it"),
        (wav(chunk(b"LIST", b"", 0xFFFFFFF8), chunk(b"data", bytes(960))), "without samples"),
        (wav(chunk(b"data", bytes(960)), kind=b"RF64"), "of another kind than RIFF: convert it first"),
        (wav(chunk(b"data", bytes(960)))[:36], "without samples"),
    ],
    ids=["unfinished", "huge-chunk", "rf64", "cut"],
)
def test_enhance_file_makes_no_sound_of_other_bytes(
    build: Build, tiny_model: Path, tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "in.wav").write_bytes(content)
    done = run(build, "enhance_file", tiny_model, tmp_path / "in.wav", tmp_path / "out.wav")
    assert done.returncode == 2 and done.stderr.endswith(f"a WAV file {message}\n")
    assert not (tmp_path / "out.wav").exists()


def test_realtime_callback_prints_the_stream_s_state(build: Build, tiny_model: Path) -> None:
    done = run(build, "realtime_callback", tiny_model)
    assert done.returncode == 0, done.stderr
    enhancer = linnet.Enhancer("tiny")
    at = np.arange(4 * RATE)
    noise = (random_numbers(len(at)) >> 8).astype(np.float32) / np.float32(8388608) - np.float32(1)
    x = np.where(at % 400 == 0, np.float32(0.5), np.float32(0)) + np.float32(0.05) * noise
    position, lines = 0, []
    for call, samples in enumerate(cycle((128, 441, 64, 512, 1, 480, 1024)), start=1):
        enhancer.process(x[position : position + samples])
        position += samples
        if call % 100 == 0:
            speech, snr, gain, pitch, _ = enhancer.stats
            text = f"speech {speech:.2f}  input SNR {snr:5.1f} dB  mean gain {gain:.2f}  pitch {pitch:5.1f} Hz"
            lines.append(f"{position / RATE:5.2f} s  {text}")
            enhancer.attenuation_limit_db = 100 if position < 2 * RATE else 12
        if position >= 3 * RATE:
            break
    heading, *printed = done.stdout.splitlines()
    assert re.fullmatch(rf"delay {enhancer.delay} samples, backend \w+", heading)
    assert printed == lines and len(lines) == 3


def test_a_worker_s_thread_gives_the_bits_of_the_package(build: Build, tiny_model: Path) -> None:
    done = run(build, "realtime_worker", tiny_model)
    assert done.returncode == 0, done.stderr
    enhancer, at = linnet.Enhancer("tiny", any_block=False), np.arange(3 * RATE)
    noise = (random_numbers(len(at)) >> 8).astype(np.float32) / np.float32(8388608) - np.float32(1)
    x = np.where(at % 400 == 0, np.float32(0.5), np.float32(0)) + np.float32(0.05) * noise
    y = np.abs(np.concatenate([np.zeros(960, np.float32), enhancer.process(x)])[: 3 * RATE])
    loudest = f"loudest sample {y.max():.7f} at {y.argmax()}"
    assert done.stdout == f"delay {enhancer.delay + 960} samples, late by 0, {loudest}\n"


def test_opus_packets_are_those_of_the_package(build: Build, tiny_model: Path) -> None:
    done = run(build, "opus_packets", tiny_model)
    assert done.returncode == 0, done.stderr
    enhancer = linnet.Enhancer("tiny", any_block=False)
    noise = (random_numbers(96000) >> 21).astype(np.int16) - np.int16(1024)
    y = enhancer.process(np.where(np.arange(96000) % 300 == 0, np.int16(12000), noise))
    heading = f"100 packets of 960 samples, delay {enhancer.delay} samples"
    loudest = np.abs(y.astype(int)).max()
    assert re.fullmatch(rf"{heading}, [1-9]\d+ bytes of state, loudest sample {loudest}\n", done.stdout), done.stdout


def test_threads_share_one_model(build: Build, tiny_model: Path) -> None:
    done = run(build, "shared_model_threads", tiny_model, 3, 2)
    heading = f"3 streams in 2 threads over one model of {linnet.Model('tiny').weights} weights"
    assert re.fullmatch(rf"{heading}, [1-9]\d+ bytes each, 0 errors\n", done.stdout), done.stdout + done.stderr
    assert done.returncode == 0


@pytest.mark.parametrize(
    "name", ["enhance_file", "realtime_callback", "realtime_worker", "opus_packets", "shared_model_threads"]
)
def test_a_damaged_model_is_named_in_one_line(build: Build, root: Path, tmp_path: Path, name: str) -> None:
    model = tmp_path / "damaged.linnet"
    model.write_bytes((root / "sdk/models/tiny.linnet").read_bytes()[:-1])
    soundfile.write(tmp_path / "in.wav", np.zeros(480, np.int16), RATE)
    done = run(build, name, model, *((tmp_path / "in.wav", tmp_path / "out.wav") if name == "enhance_file" else ()))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{model}: ") and done.stderr.count("\n") == 1
    assert not (tmp_path / "out.wav").exists()
