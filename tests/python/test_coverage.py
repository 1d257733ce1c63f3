"""The shares that tests/coverage_run.py makes of gcovr's numbers."""

from __future__ import annotations

import coverage_run


def file(name: str, lines: tuple[int, int], branches: tuple[int, int]) -> dict[str, object]:
    """gcovr's entry of a file, of (covered, total) each."""
    numbers = {"line_covered": lines[0], "line_total": lines[1]}
    return {"filename": name, **numbers, "branch_covered": branches[0], "branch_total": branches[1]}


def test_shares_are_sums_over_the_files_of_a_part() -> None:
    files = [
        file("sdk/src/model/blob.cpp", (9, 10), (3, 4)),
        file("sdk/src/model/file.cpp", (10, 10), (1, 4)),
        file("sdk/src/linnet.cpp", (40, 40), (10, 10)),
        file("sdk/src/engine.cpp", (1, 40), (0, 2)),
    ]
    shares = coverage_run.shares(files)
    assert shares["model/"] == {"line_total": 20, "line_covered": 19, "branch_total": 8, "branch_covered": 4}
    assert shares["linnet.cpp"]["line_covered"] == 40
    assert shares["sdk/src"] == {"line_total": 100, "line_covered": 60, "branch_total": 20, "branch_covered": 14}
    assert coverage_run.words(shares["model/"]) == "95.0 % of lines, 50.0 % of branches"
