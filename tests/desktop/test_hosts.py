"""The plug-ins in FFmpeg and GStreamer, against what `linnet enhance` makes of the same file."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from commands import need, output
from conftest import DELAY, FORMS, Sound, ratio_db, read, write

from linnet.cli import main

Environment = dict[str, str]
Host = Callable[..., str]  # filter of a form with controls


def by_command_line(source: Path, *options: str) -> Sound:
    """What `linnet enhance` makes of a file, without a delay, in floats."""
    target = source.with_name("cli.wav")
    assert main(["enhance", str(source), str(target), *options]) == 0
    return read(target)


def by_ffmpeg(source: Path, chain: str, environment: Environment) -> Sound:
    """What FFmpeg's filters make of a file."""
    target = source.with_name("ffmpeg.wav")
    command = ("ffmpeg", "-v", "error", "-y", "-i", source, "-af", chain, "-c:a", "pcm_f32le", target)
    assert output(*command, env=environment) == ""
    return read(target)


def at_rate(noisy: Sound, rate: int, tmp_path: Path) -> Path:
    """The recording as a file of another rate, resampled by FFmpeg."""
    source = write(tmp_path / "48000.wav", noisy, 48000)
    if rate == 48000:
        return source
    target = tmp_path / f"{rate}.wav"
    output("ffmpeg", "-v", "error", "-y", "-i", source, "-ar", str(rate), "-c:a", "pcm_f32le", target)
    return target


def ladspa(form: str, controls: str = "") -> str:
    return f"ladspa=file=linnet_ladspa:plugin={form}" + (f":controls={controls}" if controls else "")


def lv2(form: str, controls: str = "") -> str:
    name = FORMS[form].replace(":", r"\\:")  # its colons pass two readers
    return f"lv2=p={name}" + (f":controls={controls}" if controls else "")


@pytest.mark.parametrize("host", [ladspa, lv2])
@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_ffmpeg_gives_the_bits_of_the_command_line(
    host: Host, rate: int, noisy: Sound, tmp_path: Path, environment: Environment
) -> None:
    need("ffmpeg")
    source = at_rate(noisy, rate, tmp_path)
    expected, delay = by_command_line(source), int(DELAY * rate)
    for blocks in (1, 128, 1000, 4096):  # samples that FFmpeg hands over at a time
        if blocks == 1 and rate != 8000:
            continue
        out = by_ffmpeg(source, f"asetnsamples=n={blocks}:p=0,{host('linnet_mono')}", environment)
        assert np.array_equal(out[delay:], expected[: len(out) - delay]) and len(out) == len(expected)


@pytest.mark.parametrize("host", [ladspa, lv2])
def test_ffmpeg_sets_the_controls(host: Host, noisy: Sound, tmp_path: Path, environment: Environment) -> None:
    need("ffmpeg")
    source, delay = write(tmp_path / "in.wav", noisy, 48000), int(DELAY * 48000)
    names = {ladspa: "c0=12|c1=0.5", lv2: "limit=12|postfilter=0.5"}[host]
    out = by_ffmpeg(source, host("linnet_light_mono", names), environment)
    expected = by_command_line(source, "--model", "light", "--attenuation-limit", "12", "--postfilter", "0.5")
    assert np.array_equal(out[delay:], expected[:-delay])


@pytest.mark.parametrize("host", [ladspa, lv2])
def test_ffmpeg_has_stereo_linked(host: Host, noisy: Sound, tmp_path: Path, environment: Environment) -> None:
    need("ffmpeg")
    stereo = np.stack([noisy, np.roll(noisy, 30)], axis=1)
    source, delay = write(tmp_path / "in.wav", stereo, 48000), int(DELAY * 48000)
    out = by_ffmpeg(source, host("linnet_stereo"), environment)
    assert np.array_equal(out[delay:], by_command_line(source)[:-delay])


def test_ffmpeg_takes_the_latency_out(noisy: Sound, tmp_path: Path, environment: Environment) -> None:
    need("ffmpeg")
    for rate in (48000, 44100):
        source = at_rate(noisy, rate, tmp_path)
        late = by_ffmpeg(source, ladspa("linnet_mono"), environment)
        out = by_ffmpeg(source, ladspa("linnet_mono") + ":latency=1", environment)
        lag = next(lag for lag in range(len(late)) if np.array_equal(late[lag:], out[: len(late) - lag]))
        extra = 0 if rate == 48000 else 257  # of the resamplers
        assert lag == int(DELAY * rate) + extra


@pytest.mark.parametrize("rate", [22050, 44100, 96000])
def test_ffmpeg_at_other_rates_is_close_to_the_command_line(
    rate: int, noisy: Sound, tmp_path: Path, environment: Environment
) -> None:
    need("ffmpeg")
    source = at_rate(noisy, rate, tmp_path)
    out = by_ffmpeg(source, ladspa("linnet_mono") + ":latency=1", environment)
    expected = by_command_line(source)
    count = min(len(out), len(expected))
    # Two libraries resample: they differ at the edge of the band, and with it what the network sees.
    assert ratio_db(expected[:count], out[:count]) > 35


@pytest.mark.parametrize(
    "element", ["ladspa-linnet-ladspa-so-linnet-mono", "urn-linnet-mono", "ladspa-linnet-ladspa-so-linnet-stereo"]
)
def test_gstreamer_gives_the_bits_of_the_command_line(
    element: str, noisy: Sound, tmp_path: Path, environment: Environment
) -> None:
    need("gst-launch-1.0", "gst-inspect-1.0")
    channels = 2 if element.endswith("stereo") else 1
    sound = np.stack([noisy, np.roll(noisy, 30)], axis=1)[:, :channels]
    source, target, delay = write(tmp_path / "in.wav", sound, 48000), tmp_path / "out.wav", int(DELAY * 48000)
    found = subprocess.run(["gst-inspect-1.0", element], env=environment, capture_output=True, text=True)
    assert found.returncode == 0, f"{element}: gstreamer1.0-plugins-bad missing? {found.stderr}"
    form = f"audio/x-raw,format=F32LE,channels={channels},rate=48000"
    words = f"filesrc location={source} ! wavparse ! audioconvert ! {form} ! {element} ! wavenc ! filesink"
    output("gst-launch-1.0", "-q", *words.split(), f"location={target}", env=environment)
    out = read(target)
    expected = by_command_line(source)
    assert np.array_equal(out[delay:], expected[: len(out) - delay]) and len(out) > len(noisy) - 4096


def test_lv2bench_runs_all_of_them(environment: Environment) -> None:
    need("lv2bench")
    for uri in FORMS.values():
        assert uri in output("lv2bench", "-n", "48000", uri, env=environment)
