"""The input's speech to noise ratio as the statistics tell it, against mixtures whose parts are known.

The truth is made of both parts alone, through the same bands: the power of the speech in frames with speech over that
of the noise, both averaged over 1 s. The voices are the demo recording's, which are synthetic, and syllables that are
computed. `pytest -s` prints the medians.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from recordings import syllables

import linnet
from linnet import _core

RATE = 48000
HOP = 480
SECONDS = 8
SNRS = (0, 5, 10, 15, 20, 30, 40)
SETTLED = 100  # frames
MODELS = ("small", "light")  # one of either topology
LOOKAHEAD = 2  # frames, of both


def shaped(frequency: list[float], decibel: list[float], seed: int) -> np.ndarray:
    """Gaussian noise whose spectrum runs straight, in dB over the logarithm of frequency, through these points."""
    samples = SECONDS * RATE
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(samples))
    grid = np.log(np.maximum(np.fft.rfftfreq(samples, 1 / RATE), 1))
    return np.fft.irfft(spectrum * 10 ** (np.interp(grid, np.log(frequency), decibel) / 20), samples)


def babble(voice: np.ndarray) -> np.ndarray:
    """Eight voices at once, none of which can be understood: shifted and reversed."""
    return sum(np.roll(voice[:: 1 - 2 * (i % 2)], i * 41000) for i in range(8))


def street() -> np.ndarray:
    """A rumble that swells and fades as cars pass."""
    time = np.arange(SECONDS * RATE) / RATE
    return shaped([20, 100, 20000], [-10, 0, -45], 3) * 10 ** (0.25 * np.sin(2 * np.pi * 0.3 * time))


@pytest.fixture(scope="module")
def voice(root: Path) -> np.ndarray:
    return soundfile.read(root / "sdk/examples/demo_clean.flac", dtype="float32")[0][: SECONDS * RATE]


@pytest.fixture(scope="module")
def noises(voice: np.ndarray) -> dict[str, np.ndarray]:
    return {
        "white": shaped([20, 24000], [0, 0], 0),
        "pink": shaped([20, 20000], [0, -30], 1),
        "fan": shaped([20, 200, 1000, 8000, 24000], [-20, 0, -10, -30, -60], 2),
        "babble": babble(voice),
        "street": street(),
    }


def power(x: np.ndarray) -> np.ndarray:
    """Of each frame, aligned with the statistics."""
    return _core.analyze(x.astype(np.float32), lookahead=LOOKAHEAD)["yy"].sum(axis=1).astype(np.float64)


def averaged(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Over 1 s, forgetting exponentially."""
    out, total, weight = np.zeros(len(values)), 0.0, 1e-9
    for i, (value, share) in enumerate(zip(values, weights, strict=True)):
        total += 0.01 * share * (value - total)
        weight += 0.01 * share * (1 - weight)
        out[i] = total / weight
    return out


def told(model: str, x: np.ndarray) -> np.ndarray:
    """input_snr_db after each frame."""
    values = []
    with linnet.Enhancer(model, any_block=False) as enhancer:
        for start in range(0, len(x), HOP):
            enhancer.process(x[start : start + HOP].astype(np.float32))
            values.append(enhancer.stats.input_snr_db)
    return np.array(values)


class Mixer:
    """One voice and one noise at any ratio."""

    def __init__(self, voice: np.ndarray, noise: np.ndarray) -> None:
        self._voice, self._noise = voice * (0.3 / np.abs(voice).max()), noise
        self._speech, self._noise_power = power(self._voice), power(noise)
        self.active = self._speech > 1e-3 * np.quantile(self._speech, 0.98)

    def __call__(self, snr: float) -> tuple[np.ndarray, np.ndarray]:
        """The mixture and the true ratio in dB of each frame."""
        scale = self._scale(snr)
        speech = averaged(self._speech, self.active)
        noise = scale * averaged(self._noise_power, np.ones(len(speech)))
        truth = 10 * np.log10((1e-2 + speech) / (1e-2 + noise))
        return self._voice + self.noise(snr), truth

    def noise(self, snr: float) -> np.ndarray:
        """The noise as it is in the mixture."""
        return np.sqrt(self._scale(snr)) * self._noise

    def _scale(self, snr: float) -> float:
        return float(self._speech[self.active].mean() / self._noise_power.mean() / 10 ** (snr / 10))


@pytest.mark.parametrize("model", MODELS)
def test_input_snr_is_the_speech_to_noise_ratio(model: str, voice: np.ndarray, noises: dict[str, np.ndarray]) -> None:
    """Median of the absolute errors at most 3 dB from 0 to 20 dB; medians rise up to 40 dB."""
    print(f"\n{model + ': |error| (reading)':>24}", *(f"{snr:>12}" for snr in SNRS))
    wrong = []
    for name, noise in noises.items():
        mix, errors, readings = Mixer(voice, noise), [], []
        frames = mix.active & (np.arange(len(mix.active)) >= SETTLED)
        for snr in SNRS:
            mixture, truth = mix(snr)
            values = told(model, mixture)[frames]
            errors.append(float(np.median(np.abs(values - truth[frames]))))
            readings.append(float(np.median(values)))
        print(f"{name:>24}", *(f"{e:5.1f} ({r:4.1f})" for e, r in zip(errors, readings, strict=True)))
        wrong += [f"{name} at {snr} dB: {error:.1f}" for snr, error in zip(SNRS[:5], errors, strict=False) if error > 3]
        assert all(np.diff(readings) > 0), f"{name}: {readings}"
    assert not wrong


@pytest.mark.parametrize("model", ["small", "light"])
def test_syllables_are_told_from_noise(model: str, noises: dict[str, np.ndarray]) -> None:
    """Computed syllables are speech to the network only in noise; their readings rise with the ratio nevertheless."""
    mix = Mixer(syllables(RATE, SECONDS, 140, np.random.default_rng(6)), noises["pink"])
    readings = [float(np.median(told(model, mix(snr)[0])[SETTLED:])) for snr in SNRS[:5]]
    print(f"\n{'syllables in pink':>24}", *(f"{r:12.1f}" for r in readings))
    assert all(np.diff(readings) > 0)


@pytest.mark.parametrize("model", MODELS)
def test_noise_alone_has_no_speech(model: str, noises: dict[str, np.ndarray]) -> None:
    for name in ("white", "pink", "fan"):
        assert np.median(told(model, noises[name] * (0.05 / noises[name].std()))[SETTLED:]) < -3, name


@pytest.mark.parametrize("model", MODELS)
def test_ratio_stays_in_pauses_and_follows_the_noise(
    model: str, voice: np.ndarray, noises: dict[str, np.ndarray]
) -> None:
    mix = Mixer(voice, noises["pink"])
    noise = mix.noise(15)[: 5 * RATE]
    values = told(model, np.concatenate([mix(15)[0][: 6 * RATE], noise, noise * 10 ** (10 / 20)]))
    at_end, after_pause, after_rise = (values[seconds * 100 - 1] for seconds in (6, 11, 16))
    assert after_pause == pytest.approx(at_end, abs=2)
    assert after_rise == pytest.approx(after_pause - 10, abs=2)
