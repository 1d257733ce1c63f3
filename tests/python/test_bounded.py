"""The bounds of a frame's time are taken over all frames of all sounds, and one that is passed is seen."""

from __future__ import annotations

import pytest

from benchmarks import bounded, counts


def run(*frames: int) -> counts.Counts:
    """A run of so many instructions in each frame."""
    return counts.Counts(1, windows=[(frame, 0, 0, 0, 0, 0) for frame in frames])


def test_worst_is_held_against_the_median_of_all() -> None:
    runs = {"speech": run(100, 100, 100), "noise": run(90, 130), "denormal tail": run(100, 104, 104)}
    assert bounded.bounds(runs) == (1.3, "noise", 1.04)


@pytest.mark.parametrize(("worst", "tail", "status"), [(150, 105, 0), (151, 100, 1), (100, 106, 1)])
def test_a_passed_bound_is_an_error(monkeypatch: pytest.MonkeyPatch, worst: int, tail: int, status: int) -> None:
    frames = {"noise_bursts": (100, 100, worst), "denormal_tail": (tail, tail, tail)}

    def count(*_: object, recipe: str) -> counts.Counts:
        return run(*frames.get(recipe, (100, 100, 100)))

    monkeypatch.setattr(counts, "why_not", lambda target: None)
    monkeypatch.setattr(bounded, "jobs", lambda target: [("max", "avx2"), ("other", "avx2")])
    monkeypatch.setattr(counts, "count", count)
    monkeypatch.setattr("sys.argv", ["bounded", "--targets", "x86_64_linux"])
    assert bounded.main() == status


def test_nothing_counted_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "why_not", lambda target: "no emulator")
    monkeypatch.setattr("sys.argv", ["bounded", "--targets", "x86_64_linux"])
    assert bounded.main() == 1
