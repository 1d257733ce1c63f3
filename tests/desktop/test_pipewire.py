"""The microphone that `linnet install-filter` makes, in a PipeWire without devices: a file is played into a microphone
that is none, PipeWire connects it to linnet's, and what comes out of that is recorded.

Sound flows in real time. Where other work holds up PipeWire's clock, some of it is missing, which is why bits are
looked for in pieces, and why what failed is tried again.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest
from commands import need
from conftest import LADSPA, Sound, read, write

from linnet.cli import main

MICROPHONE = """\
context.objects = [
  {
    factory = adapter
    args = {
      factory.name = support.null-audio-sink
      node.name = microphone
      media.class = Audio/Source/Virtual
      audio.position = [ MONO ]
    }
  }
]
"""
FORMAT = ("--rate", "48000", "--channels", "1", "--format", "f32")
TRIES = 3


@contextmanager
def running(*command: str | Path, environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program for as long as the with-block takes."""
    with log.open("ab") as file:
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=file, stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.send_signal(2)  # upon which pw-cat completes its file
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def until(environment: dict[str, str], ports: set[str], log: Path, seconds: float = 20) -> None:
    """Waits for ports to appear."""
    end = time.monotonic() + seconds
    while True:
        done = subprocess.run(["pw-link", "-oi"], env=environment, capture_output=True, text=True)
        if ports <= set(done.stdout.split()):
            return
        assert time.monotonic() < end, f"{ports} are not among\n{done.stdout}{done.stderr}{log.read_text()}"
        time.sleep(0.2)


def through_pipewire(noisy: Sound, limit: float, folder: Path) -> Sound:
    """What a program records of linnet's microphone while the recording is played into the one behind it."""
    folder.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PIPEWIRE", "XDG"))}
    environment |= {"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder / "run")}
    (folder / "run").mkdir(mode=0o700)
    drop_ins = folder / ".config/pipewire/pipewire.conf.d"
    options = ("--folder", str(drop_ins), "--plugin", str(LADSPA), "--attenuation-limit", str(limit))
    assert main(["install-filter", *options]) == 0
    (drop_ins / "microphone.conf").write_text(MICROPHONE)
    log, source, target = folder / "log.txt", write(folder / "in.wav", noisy, 48000), folder / "out.wav"

    def program(*command: str | Path) -> AbstractContextManager[subprocess.Popen[bytes]]:
        return running(*command, environment=environment, log=log)

    bus = subprocess.run(
        ["dbus-daemon", "--session", "--fork", "--print-address=1", "--print-pid=1"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    environment["DBUS_SESSION_BUS_ADDRESS"] = bus[0]
    try:
        with program("pipewire"):
            end = time.monotonic() + 20
            while not (folder / "run/pipewire-0").exists():
                assert time.monotonic() < end, log.read_text()
                time.sleep(0.1)
            with program("wireplumber"):
                until(environment, {"linnet.microphone:capture_MONO", "linnet.input:input_MONO"}, log)
                with program("pw-cat", "--record", "--target", "linnet.microphone", *FORMAT, target):
                    until(environment, {"pw-cat:input_MONO"}, log)
                    with program("pw-cat", "--playback", "--target", "0", *FORMAT, source) as player:
                        until(environment, {"pw-cat:output_MONO"}, log)
                        link = ["pw-link", "pw-cat:output_MONO", "microphone:input_MONO"]
                        subprocess.run(link, env=environment, check=True)
                        player.wait(60)
                    time.sleep(0.5)  # for what is on its way
    finally:
        os.kill(int(bus[1]), 15)
    return read(target)


def longest_piece(recorded: Sound, played: Sound) -> int:
    """Samples of the longest stretch of what was played that was recorded bit for bit."""
    places = {played[at : at + 8].tobytes(): at for at in range(len(played) - 8) if played[at : at + 8].all()}
    longest = 0
    for at in range(0, len(recorded) - 8, 240):
        if (there := places.get(recorded[at : at + 8].tobytes())) is not None:
            count = min(len(recorded) - at, len(played) - there)
            same = recorded[at : at + count] == played[there : there + count]
            longest = max(longest, count if same.all() else int(np.argmin(same)))
    return longest


@pytest.fixture(scope="module", autouse=True)
def programs() -> None:
    need("pipewire", "wireplumber", "pw-cat", "pw-link", "dbus-daemon")


def test_a_limit_of_zero_passes_the_bits_of_the_microphone(noisy: Sound, tmp_path: Path) -> None:
    found = []
    for turn in range(TRIES):
        found.append(longest_piece(through_pipewire(noisy, 0, tmp_path / str(turn)), noisy))
        if found[-1] >= 4800:
            return
    pytest.fail(f"longest exact pieces of the recording: {found} samples")


def test_the_microphone_is_enhanced(noisy: Sound, tmp_path: Path) -> None:
    # The quietest tenth of the street: what is between the words.
    def background(sound: Sound) -> float:
        powers = np.mean(np.square(sound[: len(sound) // 480 * 480].reshape(-1, 480)), axis=1)
        return 10 * np.log10(np.quantile(powers[powers > 1e-16], 0.1))

    found = []
    for turn in range(TRIES):
        recorded = through_pipewire(noisy, 100, tmp_path / str(turn))
        found.append((background(noisy) - background(recorded), float(np.abs(recorded).max())))
        if found[-1][0] > 10 and found[-1][1] > 0.5 * np.abs(noisy).max():
            return
    pytest.fail(f"background lowered in dB, peak: {found}")
