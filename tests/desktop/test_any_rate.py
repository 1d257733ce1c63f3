"""sdk/examples/any_rate.c, compiled as it says: at rates that no stream has, the output is as long as the input and as
late as it prints, and what is enhanced is the sound that a stream at 48 kHz hears.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from commands import output
from conftest import ROOT, Sound, band_limited, ratio_db

import linnet
import targets

MODEL = ROOT / "sdk/models/light.linnet"
SOURCE = ROOT / "sdk/examples/any_rate.c"
RATES = (8000, 11025, 22050, 44100, 88200, 96000, 192000)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("example") / "any_rate"
    library = ROOT / targets.folder(targets.host() or "", "release", "gcc") / "liblinnet.a"
    strict = ("-std=c11", "-Wall", "-Wextra", "-Werror", f"-I{ROOT}/sdk/include")
    output("cc", *strict, "-fsanitize=address,undefined", SOURCE, library, "-lspeexdsp", "-lm", "-o", path)
    return path


def enhanced(program: Path, sound: Sound, rate: int, *limit: str) -> tuple[Sound, int, int]:
    """The output, the delay in samples, and how much of it the resamplers are said to make."""
    command = [str(program), str(MODEL), str(rate), *limit]
    done = subprocess.run(command, input=sound.tobytes(), capture_output=True, check=True)
    delay, lead = map(int, re.findall(r"\d+", done.stderr.decode()))
    return np.frombuffer(done.stdout, np.float32), delay, lead


@pytest.mark.parametrize("rate", RATES)
def test_the_delay_is_as_printed(program: Path, rate: int) -> None:
    sound = band_limited(rate)
    got, delay, lead = enhanced(program, sound, rate, "0")
    assert len(got) == len(sound) and delay == lead + rate // 25
    assert not got[:lead].any()
    assert ratio_db(sound[:-delay], got[delay:]) > 55


def test_it_is_the_sound_that_a_stream_hears(program: Path, noisy: Sound) -> None:
    """Enhanced at 44.1 kHz is enhanced by way of soxr, to what two resamplers differ by."""
    import soxr

    sound = soxr.resample(noisy, 48000, 44100).astype(np.float32)
    got, delay, _ = enhanced(program, sound, 44100)
    expected = linnet.enhance(sound, 44100, model="light")[:-delay]
    assert ratio_db(expected, got[delay:]) > 25
    assert ratio_db(sound[:-delay], expected) < 10


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("44111",), "rate 44111: give a multiple of 25 from 8000 to 192000 Hz"),
        (("4000",), "rate 4000: give"),
        (("fast",), "rate fast: give"),
        (("44100Hz",), "rate 44100Hz: give"),
        (("44100", "200"), "a limit that is not within 0..100 dB"),
        (("44100", "low"), "a limit that is not within 0..100 dB"),
        (("44100", ""), "a limit that is not within 0..100 dB"),
        ((), "usage"),
    ],
)
def test_what_is_wrong_is_named(program: Path, words: tuple[str, ...], message: str) -> None:
    done = subprocess.run([program, MODEL, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == "" and message in done.stderr


def test_a_full_disk_and_a_folder_are_named(program: Path) -> None:
    """Also where the last samples alone do not fit, which wait in a buffer until the end."""
    command = (program, MODEL, "44100")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, input=bytes(400), stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 2 and b"the output not be written" in done.stderr
    folder = os.open("/", os.O_RDONLY)
    done = subprocess.run(command, stdin=folder, capture_output=True)
    os.close(folder)
    assert done.returncode == 2 and b"the input cannot be read" in done.stderr
