"""What the tests of the plug-ins share: where these lie, the demo's recording."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from linnet.catalog import example_path

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "build/plugins"
LADSPA, BUNDLE = PLUGINS / "ladspa/linnet_ladspa.so", PLUGINS / "lv2/linnet.lv2"
FORMS = {
    "linnet_mono": "urn:linnet:mono",
    "linnet_stereo": "urn:linnet:stereo",
    "linnet_light_mono": "urn:linnet:light:mono",
    "linnet_light_stereo": "urn:linnet:light:stereo",
}
DELAY = 0.04  # seconds, of a stream of blocks of any length
Sound = NDArray[np.float32]


def read(path: Path) -> Sound:
    """Samples of a file, [n] or [n, channels]."""
    samples: Sound = soundfile.read(path, dtype="float32")[0]
    return samples


def write(path: Path, samples: Sound, rate: int) -> Path:
    """A WAV of floats."""
    soundfile.write(path, samples, rate, subtype="FLOAT")
    return path


def ratio_db(signal: Sound, other: Sound) -> float:
    """Power of a signal over that of its difference from another."""
    difference = signal.astype(float) - other
    return float(10 * np.log10(np.sum(signal.astype(float) ** 2) / np.sum(difference**2)))


def band_limited(rate: int, seconds: float = 0.6) -> Sound:
    """Noise below a quarter of the rate, and below 12 kHz, which every resampler passes; it fades in and out."""
    random = np.random.default_rng(rate)
    count = int(seconds * rate)
    spectrum = np.fft.rfft(random.standard_normal(count) * np.hanning(count))
    spectrum[np.fft.rfftfreq(count, 1 / rate) > min(rate / 4, 12000)] = 0
    signal = np.fft.irfft(spectrum, count)
    return (0.3 * signal / np.abs(signal).max()).astype(np.float32)


@pytest.fixture(scope="session", autouse=True)
def built() -> None:
    """The tests look at what `./sconsw plugins` has made."""
    assert LADSPA.exists() and BUNDLE.is_dir(), "the plug-ins are not built: ./sconsw plugins"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """For hosts that look for plug-ins; what they keep of their search is thrown away."""
    places = {"LADSPA_PATH": LADSPA.parent, "LV2_PATH": BUNDLE.parent, "GST_REGISTRY": tmp_path / "registry"}
    return os.environ | {name: str(place) for name, place in places.items()}


@pytest.fixture(scope="session")
def noisy() -> Sound:
    """Four seconds of two people in a street, at 48 kHz."""
    return read(example_path("demo_noisy.flac"))[: 4 * 48000]
