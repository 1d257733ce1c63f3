"""The channels of a signal together: what is taken away is the same in all of them, so that the image stays where it
was, whatever signs, levels and sides a voice has in them; or each by itself.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command_line import write

import linnet
from linnet import _core
from linnet.cli import main

RATE = 48000
MODELS = ["light", "small", "large"]  # without pitch, the article's network, both at once


@pytest.fixture(scope="module")
def voice() -> np.ndarray:
    """Three seconds of speech, float64, peak 0.2."""
    path = Path(__file__).parents[1] / "data/kathleen.flac"
    clip, rate = soundfile.read(path, frames=3 * RATE)
    assert rate == RATE
    return 0.2 * clip / np.abs(clip).max()


def noise(samples: int, channels: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((samples, channels))


def energies(x: np.ndarray) -> np.ndarray:
    """Of each 20 ms, by channel."""
    frames = x[: len(x) // 960 * 960].astype(float).reshape(-1, 960, *x.shape[1:])
    return (frames**2).sum(1)


def speaking(voice: np.ndarray) -> np.ndarray:
    """Which 20 ms are within 20 dB of the loudest."""
    return energies(voice) > 0.01 * energies(voice).max()


def level_difference(x: np.ndarray, when: np.ndarray) -> np.ndarray:
    """Of the right ear against the left one, in dB."""
    left, right = energies(x)[when].T
    return 10 * np.log10((right + 1e-12) / (left + 1e-12))


def distortion_ratio(y: np.ndarray, clean: np.ndarray) -> float:
    """Of the clean signal to all that differs from it, in dB."""
    return 10 * np.log10((clean**2).sum() / ((y - clean) ** 2).sum())


@pytest.mark.parametrize("snr", [0, 10])
@pytest.mark.parametrize("model", MODELS)
def test_the_image_stays(voice: np.ndarray, model: str, snr: int) -> None:
    """A voice 6 dB louder on the right, each ear with a noise of its own."""
    clean = np.stack([voice, 2 * voice], 1)
    hiss = noise(len(voice), 2) * np.sqrt((clean**2).mean() / 10 ** (snr / 10))
    noisy = (clean + hiss).astype(np.float32)
    together = linnet.enhance(noisy, RATE, model=model)
    apart = linnet.enhance(noisy, RATE, model=model, independent=True)
    before, after, other = (level_difference(x, speaking(voice)) for x in (noisy, together, apart))
    figures = [f"mean {x.mean():.2f}, sd {x.std():.2f} dB" for x in (before, after, other)]
    print(f"{model}, {snr} dB: input {figures[0]}; together {figures[1]}; independent {figures[2]}")
    assert after.std() <= before.std()
    assert abs(after.mean() - 6.02) < abs(before.mean() - 6.02)
    if snr == 0:
        assert other.std() > 1.5 * after.std()
    quality = [distortion_ratio(x, clean) for x in (noisy, together, apart)]
    print(f"signal to distortion: {', '.join(f'{x:.1f}' for x in quality)} dB")
    assert quality[1] > quality[0] + 3 and quality[1] > quality[2] - 0.6


@pytest.mark.parametrize("model", MODELS)
def test_what_is_done_to_one_ear_is_done_to_the_other(voice: np.ndarray, model: str) -> None:
    """Two equal or opposite channels are enhanced as one is, bit for bit; a fainter one stays as much fainter."""
    x = (voice + 0.02 * noise(len(voice), 1)[:, 0]).astype(np.float32)
    alone = linnet.enhance(x, RATE, model=model)
    assert np.array_equal(linnet.enhance(np.stack([x, x], 1), RATE, model=model), np.stack([alone, alone], 1))
    opposite = linnet.enhance(np.stack([x, -x], 1), RATE, model=model)
    assert np.array_equal(opposite, np.stack([alone, -alone], 1))
    fainter = linnet.enhance(np.stack([x, x / 4], 1), RATE, model=model)
    assert np.abs(fainter[:, 1] - fainter[:, 0] / 4).max() < 1e-9
    # Of eight the mean is rounded.
    many = linnet.enhance(np.stack([x, -x] * 4, 1), RATE, model=model)
    assert np.abs(many - np.stack([alone, -alone] * 4, 1)).max() < 1e-4
    assert np.array_equal(many[:, 0], -many[:, 7])


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("side", [0, 1])
def test_a_voice_on_one_side_is_kept(voice: np.ndarray, model: str, side: int) -> None:
    """The other side silent, or with a noise 30 dB below the voice: as the voice alone in one channel."""
    clean, other = np.zeros((len(voice), 2)), 1 - side
    clean[:, side] = voice
    x = clean.copy()
    x[:, side] += 0.01 * noise(len(voice), 1)[:, 0]
    alone = linnet.enhance(x[:, side].astype(np.float32), RATE, model=model)
    silent = linnet.enhance(x.astype(np.float32), RATE, model=model)
    assert not silent[:, other].any()
    x[:, other] += voice.std() / 10**1.5 * noise(len(voice), 1, seed=2)[:, 0]
    hissing = linnet.enhance(x.astype(np.float32), RATE, model=model)
    of_alone = distortion_ratio(alone, voice)
    of_silent, of_hissing = (distortion_ratio(y[:, side], voice) for y in (silent, hissing))
    print(f"{model}: signal to distortion {of_alone:.1f} dB alone, {of_silent:.1f} and {of_hissing:.1f} dB beside")
    assert of_silent > of_alone - 0.5
    assert of_hissing > of_alone - 2


def test_a_delay_between_ears_stays(voice: np.ndarray) -> None:
    """0.5 ms, as from the side: the cross-correlation of the output has its peak where that of the voice has it."""
    shift = 24
    clean = np.stack([voice[shift:], voice[:-shift]], 1)
    noisy = (clean + 0.01 * noise(len(clean), 2)).astype(np.float32)
    left, right = linnet.enhance(noisy, RATE, model="light").T.astype(float)
    lags = range(-60, 61)
    products = [np.dot(left[100:-100], np.roll(right, -lag)[100:-100]) for lag in lags]
    assert lags[int(np.argmax(products))] == shift


def test_pitch_does_not_depend_on_signs() -> None:
    """Of a buzz whose two channels cancel, in noise that is not the same."""
    at = np.arange(2 * RATE)
    buzz = 0.3 * np.sin(2 * np.pi * 150 * at / RATE) + 0.2 * np.sin(2 * np.pi * 450 * at / RATE)
    x = np.stack([buzz, -buzz], 1) + 0.05 * noise(len(at), 2)
    with linnet.Enhancer("small", channels=2) as enhancer:
        enhancer.process(x.astype(np.float32))
        assert enhancer.stats.pitch_hz == pytest.approx(150, rel=0.01)


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
@pytest.mark.parametrize("channels", [2, 3, 8])
def test_streams_and_recordings(rate: int, channels: int) -> None:
    """Blocks, losses and whole recordings, at native rates; int16 is the float path rounded."""
    x = (0.1 * noise(rate, channels)).astype(np.float32)
    with linnet.Enhancer("tiny", rate=rate, channels=channels) as enhancer:
        assert (enhancer.channels, enhancer.independent) == (channels, False)
        whole = enhancer.process(x)
        enhancer.reset()
        pieces = [enhancer.process(x[a : a + 333]) for a in range(0, rate, 333)]
        assert np.array_equal(np.concatenate(pieces), whole)
        assert enhancer.channel_stats == (enhancer.stats,) * channels
        lost = enhancer.conceal(500)
        assert (lost.shape, lost.dtype) == ((500, channels), np.float32) and lost.any()
        enhancer.gap(77)
        assert enhancer.flush().shape == (enhancer.delay, channels)
        doubles = enhancer.process(x.astype(np.float64))
        assert doubles.dtype == np.float64 and np.array_equal(doubles, whole)
        assert np.array_equal(linnet.enhance(x, rate, model="tiny"), enhancer.enhance(x))
        short = np.rint(x * 32767).astype(np.int16)
        enhancer.reset()
        rounded = enhancer.process(short)
        enhancer.reset()
        exact = enhancer.process(short.astype(np.float32) / np.float32(32768))
        assert np.array_equal(rounded, np.rint(exact * 32768).clip(-32768, 32767).astype(np.int16))


def test_more_than_eight_are_independent() -> None:
    x = (0.1 * noise(4800, 9)).astype(np.float32)
    with linnet.Enhancer("tiny", channels=9) as enhancer, linnet.Enhancer("tiny") as single:
        assert (enhancer.channels, enhancer.independent) == (9, True)
        assert np.array_equal(enhancer.process(x)[:, 8], single.process(x[:, 8]))


def test_the_core_names_a_wrong_number_of_channels() -> None:
    model = _core.Model(Path(linnet.models()["tiny"].path).read_bytes())
    for channels in (-1, 9):
        with pytest.raises(linnet.LinnetError, match=f"{channels} channels"):
            _core.Stream(model, channels=channels)
    stream = _core.Stream(model, channels=2)
    for shape in ((960,), (480, 1), (480, 3), (2, 480, 2)):
        with pytest.raises(ValueError, match=r"samples must have shape"):
            stream.process(np.zeros(shape, np.float32))


def test_the_command_line_enhances_channels_together(tmp_path: Path) -> None:
    source, tiny = write(tmp_path / "in.wav", 24000, RATE, 2, "FLOAT"), ["--model", "tiny"]
    x, _ = soundfile.read(source, dtype="float32")
    for name, options, independent in [("a", [], False), ("b", ["--independent"], True)]:
        target, facts = str(tmp_path / f"{name}.wav"), tmp_path / f"{name}.json"
        assert main(["enhance", source, target, *tiny, *options, "--json", str(facts)]) == 0
        y, _ = soundfile.read(target, dtype="float32")
        assert np.array_equal(y, linnet.enhance(x, RATE, model="tiny", independent=independent))
        assert json.loads(facts.read_text())["files"][0]["independent"] is independent
    mono = write(tmp_path / "mono.wav")
    assert main(["enhance", mono, str(tmp_path / "c.wav"), *tiny, "--independent", "--json", str(facts)]) == 0
    assert json.loads(facts.read_text())["files"][0]["independent"] is False
