"""A real WebRTC call through the Python package: the example sends a recording as Opus over DTLS-SRTP to itself."""

from __future__ import annotations

import asyncio
import fractions
import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import soundfile

import linnet

EXAMPLES = Path(__file__).resolve().parents[2] / "sdk/examples"
SECONDS = 5
pytest.importorskip("aiortc", reason="pip install -r requirements/web.txt")


def quietest_tenth(x: np.ndarray) -> float:
    """Mean RMS of the quietest tenth of frames of 10 ms, in dB."""
    rms = np.sort(np.sqrt((x[: len(x) // 480 * 480].reshape(-1, 480) ** 2).mean(1)))
    return float(20 * np.log10(rms[: len(rms) // 10].mean() + 1e-9))


def test_a_call_is_enhanced_in_real_time(tmp_path: Path) -> None:
    noisy = EXAMPLES / "demo_noisy.flac"
    command = [sys.executable, str(EXAMPLES / "webrtc_loopback.py"), noisy, tmp_path / "out.wav", str(SECONDS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found = re.fullmatch(r"(\d+) packets of 960 samples, (\d+) lost\n", done.stdout)
    assert found and int(found[1]) >= 50 * SECONDS and int(found[2]) <= 5, done.stdout
    output, rate = soundfile.read(tmp_path / "out.wav")
    assert rate == 48000 and len(output) == rate * SECONDS
    # The speech is there, and what is between its words is gone.
    assert quietest_tenth(output[rate:]) < quietest_tenth(soundfile.read(noisy)[0]) - 15
    assert output.std() > 0.01


@pytest.fixture
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("webrtc_loopback", EXAMPLES / "webrtc_loopback.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("layout", ["mono", "stereo"])
def test_packets_keep_their_times_and_come_one_delay_late(example: ModuleType, layout: str) -> None:
    from aiortc import MediaStreamTrack
    from av import AudioFrame

    samples = np.random.default_rng(1).integers(-10000, 10000, (20, 960), np.int16)

    class Source(MediaStreamTrack):
        kind = "audio"
        sent = 0

        async def recv(self) -> Any:
            packet = samples[self.sent] if layout == "mono" else np.repeat(samples[self.sent], 2)
            frame = AudioFrame.from_ndarray(packet[None], format="s16", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = 48000, 960 * self.sent, fractions.Fraction(1, 48000)
            self.sent += 1
            return frame

    enhancer = linnet.Enhancer("light", any_block=False, attenuation_limit_db=0)
    track = example.EnhancedTrack(Source(), enhancer)

    async def receive() -> list[Any]:
        return [await track.recv() for _ in samples]

    frames = asyncio.run(receive())
    assert [(frame.pts, frame.samples) for frame in frames] == [(960 * i, 960) for i in range(20)]
    output = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    late = enhancer.delay
    assert late == 1440 and np.array_equal(output[late:], samples.ravel()[:-late]) and not output[:late].any()
