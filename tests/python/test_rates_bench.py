"""benchmarks/rates.py without PESQ: which recordings it takes, and whose numbers it writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

import linnet
from benchmarks import common, rates
from linnet.model.blob import checksum


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[int]:
    """Numbers of the recordings that were scored, of a set with 31; each is a constant, its number."""
    for kind in ("noisy", "clean"):
        (tmp_path / "set" / kind).mkdir(parents=True)
        for number in range(31):
            samples = np.full(480, number / 64, np.float32)
            soundfile.write(tmp_path / "set" / kind / f"{number:03}.wav", samples, 16000, subtype="FLOAT")
    numbers: list[int] = []

    def scores(clean: np.ndarray, noisy: np.ndarray, rate: int, model: linnet.Model) -> tuple[float, float, float]:
        numbers.append(round(64 * float(np.median(noisy))))
        return 1.0, 2.0, 2.01

    monkeypatch.setattr(rates, "scores", scores)
    monkeypatch.setattr(common, "ROOT", tmp_path)
    monkeypatch.setattr(common, "OUTPUT", tmp_path / "bench")
    return numbers


@pytest.mark.parametrize(("count", "expected"), [(16, range(0, 31, 2)), (3, (0, 10, 20)), (99, range(31))])
def test_recordings_are_evenly_spaced(
    scored: list[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, count: int, expected: list[int]
) -> None:
    monkeypatch.setattr("sys.argv", ["rates", str(tmp_path / "set"), "--model", "tiny", "--count", str(count)])
    assert rates.main() == 0
    numbers = np.array(scored).reshape(4, -1)
    assert (numbers == numbers[0]).all() and len(numbers[0]) == min(count, 31)
    assert np.abs(numbers[0] - np.array(expected)).max() <= 1


def test_numbers_are_of_the_model_by_its_name(
    scored: list[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_model: Path
) -> None:
    monkeypatch.setattr("sys.argv", ["rates", str(tmp_path / "set"), "--model", str(tiny_model), "--count", "1"])
    assert rates.main() == 0
    data = common.load("rates")
    assert (data["model"], data["crc"]) == ("tiny", checksum(tiny_model.read_bytes()))
    found = {"rate": 8000, "recordings": 1, "noisy": 1.0, "resampled": 2.0, "native": 2.01}
    assert data["rates"][0] == pytest.approx(found | {"difference": 0.01, "worst": 0.01})


def test_a_set_without_speech_is_told(scored: list[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def none(*_: object) -> None:
        raise rates.NoUtterancesError

    monkeypatch.setattr(rates, "scores", none)
    monkeypatch.setattr("sys.argv", ["rates", str(tmp_path / "set"), "--model", "tiny", "--count", "2"])
    with pytest.raises(RuntimeError, match="PESQ finds speech"):
        rates.main()
