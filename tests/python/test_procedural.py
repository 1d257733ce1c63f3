"""Computed noises: what is heard of each kind, and that it is a function of the seed."""

from __future__ import annotations

import numpy as np
import pytest
from recordings import RATE

from training import procedural
from training.procedural import KINDS

SECONDS = 3
SEEDS = range(6)


@pytest.fixture(scope="module")
def noises() -> dict[str, list[np.ndarray]]:
    """Some of each kind."""
    return {
        name: [kind.make(np.random.default_rng([seed, 1]), SECONDS * RATE) for seed in SEEDS]
        for name, kind in KINDS.items()
    }


def spectrum(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies in Hz and power, over the whole sound."""
    return np.arange(len(x) // 2 + 1) * RATE / len(x), np.abs(np.fft.rfft(x * np.hanning(len(x)))) ** 2


def share(x: np.ndarray, low: float, high: float) -> float:
    """Of the power, in a range of frequencies."""
    frequencies, power = spectrum(x)
    return float(power[(frequencies >= low) & (frequencies < high)].sum() / power.sum())


def tonality(x: np.ndarray) -> float:
    """Share of the power in the strongest 4 % of all lines, mean over the frames of 21 ms that are not silent."""
    frames = x[: len(x) // 1024 * 1024].reshape(-1, 1024)
    frames = frames[np.square(frames).mean(axis=1) > 0.1]
    power = np.sort(np.abs(np.fft.rfft(frames * np.hanning(1024))) ** 2, axis=1)
    return float((power[:, -20:].sum(axis=1) / power.sum(axis=1)).mean())


def frame_levels(x: np.ndarray) -> np.ndarray:
    """dB of frames of 20 ms."""
    return 10 * np.log10(np.square(x[: len(x) // 960 * 960]).reshape(-1, 960).mean(axis=1) + 1e-9)


def crest(x: np.ndarray) -> float:
    return float(np.abs(x).max())  # RMS is 1


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("length", [480, 9601, 2 * RATE])
def test_each_is_a_function_of_the_seed_at_level_one(name: str, length: int) -> None:
    for seed in range(4):
        first, again, other = (
            KINDS[name].make(np.random.default_rng([7, number]), length) for number in (seed, seed, seed + 100)
        )
        assert np.array_equal(first, again)
        assert not np.array_equal(first, other)
        assert first.shape == (length,)
        assert first.dtype == np.float32
        assert np.isfinite(first).all()
        assert np.sqrt(np.mean(np.square(first, dtype=np.float64))) == pytest.approx(1, abs=1e-3)


def test_all_kinds_are_drawn_by_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    for name, kind in KINDS.items():
        spy = procedural.Kind(lambda rng, n, name=name: drawn.append(name) or np.zeros(n, np.float32), kind.weight)
        monkeypatch.setitem(KINDS, name, spy)
    rng = np.random.default_rng(0)
    for _ in range(4000):
        procedural.generate(rng, 1)
    for name, kind in KINDS.items():
        assert drawn.count(name) / 4000 == pytest.approx(kind.weight, abs=0.03), name
    assert sum(kind.weight for kind in KINDS.values()) == pytest.approx(1)


def test_hum_has_lines_at_multiples_of_the_mains(noises: dict[str, list[np.ndarray]]) -> None:
    mains = set()
    for x in noises["hum"]:
        frequencies, power = spectrum(x)
        best = {}
        for base in (50, 60):
            distance = np.abs(frequencies - base * np.maximum(np.round(frequencies / base), 1))
            best[base] = power[(distance < 1.5) & (frequencies < 2600)].sum() / power.sum()
        mains.add(max(best, key=best.get))
        assert max(best.values()) > 0.9
    assert mains == {50, 60}


def test_machines_have_harmonics_of_their_turns() -> None:
    found = 0
    for seed in range(12):
        x = procedural.machine(np.random.default_rng(seed), SECONDS * RATE)
        # Turns come back: the autocorrelation of the frames has a second peak.
        frame = x[RATE : RATE + 16384]
        lags = np.fft.irfft(np.abs(np.fft.rfft(frame, 32768)) ** 2)[:4800]
        lags /= lags[0] * (1 - np.arange(4800) / 16384)
        found += lags[100:].max() > 0.3
    assert found >= 9


def test_colours_are_steady_and_have_no_pitch(noises: dict[str, list[np.ndarray]]) -> None:
    for x in noises["coloured"]:
        assert frame_levels(x).std() < 3.5
        assert crest(x) < 7
    slopes = [share(x, 20, 500) for x in noises["coloured"]]
    assert max(slopes) - min(slopes) > 0.3


def test_impacts_and_thumps_are_short_and_loud(noises: dict[str, list[np.ndarray]]) -> None:
    for x in noises["impacts"] + noises["thumps"]:
        assert crest(x) > 6
        assert np.ptp(frame_levels(x)) > 20
    for x in noises["thumps"]:
        assert share(x, 0, 600) > 0.6
    for x in noises["impacts"]:
        assert share(x, 250, 24000) > 0.8


def test_rain_is_bright_and_full_of_drops(noises: dict[str, list[np.ndarray]]) -> None:
    for x in noises["rain"]:
        assert share(x, 500, 24000) > 0.8
        assert frame_levels(x).std() < 6
    assert max(map(crest, noises["rain"])) > 12


def test_wind_is_low_and_comes_in_gusts(noises: dict[str, list[np.ndarray]]) -> None:
    for x in noises["wind"]:
        assert share(x, 0, 500) > 0.8
        assert np.ptp(np.quantile(frame_levels(x), [0.05, 0.95])) > 6


def test_sirens_and_beeps_are_tones_that_change(noises: dict[str, list[np.ndarray]]) -> None:
    for x in noises["siren"] + noises["beeps"]:
        assert tonality(x) > 0.75
        assert share(x, 300, 20500) > 0.97
    for x in noises["siren"]:
        frames = x[: len(x) // 4096 * 4096].reshape(-1, 4096)
        peaks = np.abs(np.fft.rfft(frames * np.hanning(4096), axis=1)).argmax(axis=1) * RATE / 4096
        assert peaks.max() > 1.03 * peaks.min()
    for x in noises["beeps"]:
        levels = frame_levels(x)
        assert levels.min() < -20 < levels.max()


def test_no_two_kinds_are_the_same(noises: dict[str, list[np.ndarray]]) -> None:
    marks = {
        name: np.mean([[tonality(x), share(x, 0, 500), np.log(crest(x)), frame_levels(x).std() / 10] for x in found], 0)
        for name, found in noises.items()
    }
    names = list(marks)
    for i, one in enumerate(names):
        for other in names[:i]:
            assert np.abs(marks[one] - marks[other]).max() > 0.1, (one, other)


def test_tones_keep_below_the_ceiling() -> None:
    phase = procedural.phase_of(np.full(RATE, 1000.0))
    x = procedural.tone(phase, np.array([1.0, 0.0, 0.5]), np.random.default_rng(0))
    frequencies, power = spectrum(x)
    lines = {hertz: np.sqrt(power[np.abs(frequencies - hertz) < 3].sum() / power.sum()) for hertz in (1000, 2000, 3000)}
    assert lines[3000] / lines[1000] == pytest.approx(0.5, abs=0.01)
    assert lines[2000] < 1e-3
    assert sum(value**2 for value in lines.values()) > 1 - 1e-6
