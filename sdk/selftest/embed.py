"""Writes expected.cpp of the self-test: a model and the hashes that its vectors must have, as C++ constants.

Usage: embed.py OUT.cpp MODEL.linnet MANIFEST.json, where the manifest names the model by the end of its path.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def source(model: Path, manifest: Path) -> str:
    """Text of the C++ file. Raises ValueError if the manifest knows no hashes of this model."""
    known = {Path(name).name: vectors for name, vectors in json.loads(manifest.read_text())["models"].items()}
    if model.name not in known:
        raise ValueError(f"{manifest}: no hashes of {model.name}; freeze them with tests/vectors/run.py --freeze")
    data = model.read_bytes()
    rows = ["  " + "".join(f"{byte}," for byte in data[at : at + 32]) for at in range(0, len(data), 32)]
    hashes = [
        f'    {{"{vector}", "{what}", "{value}"}},'
        for vector, values in sorted(known[model.name].items())
        for what, value in sorted(values.items())
    ]
    return "\n".join(
        [
            f"// {model.name} and its hashes, written by sdk/selftest/embed.py.",
            '#include "selftest/check.h"',
            "namespace selftest {",
            "alignas(64) const uint8_t kModel[] = {",
            *rows,
            "};",
            "const size_t kModelSize = sizeof kModel;",
            "const Expected kExpected[] = {",
            *hashes,
            "};",
            "const size_t kExpectedCount = sizeof kExpected / sizeof kExpected[0];",
            "}  // namespace selftest",
            "",
        ]
    )


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(source(Path(sys.argv[2]), Path(sys.argv[3])))
