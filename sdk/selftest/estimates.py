"""Writes estimates.cpp of the self-test: the estimates for named CPUs, as C++ constants.

Usage: estimates.py OUT.cpp CPU_LOAD.json, where the JSON is benchmarks/results/cpu_load.json.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def source(estimates: Path) -> str:
    """Text of the C++ file: a line for each CPU, what its cores say of themselves, and model; microseconds."""
    data = json.loads(estimates.read_text())
    rows = [
        f'    {{"{core}", "{row["cpu"]}", "{row["backend"]}", {data["multiply_adds"][row["model"]]}, '
        f"{1e6 * row['total']:.1f}, {100 * row['low']:.1f}, {100 * row['high']:.1f}}},"
        for row in data["estimates"]
        for core in row["cores"]
    ]
    return "\n".join(
        [
            "// Estimates for named CPUs, written by sdk/selftest/estimates.py.",
            '#include "selftest/estimates.h"',
            "namespace selftest {",
            "const Estimate kEstimates[] = {",
            *rows,
            "};",
            "const size_t kEstimateCount = sizeof kEstimates / sizeof kEstimates[0];",
            "}  // namespace selftest",
            "",
        ]
    )


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(source(Path(sys.argv[2])))
