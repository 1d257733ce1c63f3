"""What the benchmark programs share: the models to measure, the machine in words, tables in plain text, results."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from linnet.model.blob import random_model

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "build" / "bench"
RESULTS = ROOT / "benchmarks" / "results"
FRAME_SECONDS = 0.01
# Stand-ins for models that are not there: cost depends on widths and density alone.
# (dense, hidden, strength, lookahead, seed, density)
SHAPES = {"small": (64, 256, 64, 2, 1), "sparse": (128, 512, 128, 2, 1, 0.25), "base": (128, 512, 128, 2, 1)}
MODELS = ",".join(SHAPES)


def models(names: Sequence[str]) -> dict[str, tuple[bytes, str]]:
    """The model of each name and where it comes from: sdk/models/NAME.linnet, else random weights of its shape."""
    found = {}
    for name in names:
        path = ROOT / "sdk" / "models" / f"{name}.linnet"
        if path.exists():
            found[name] = (path.read_bytes(), str(path.relative_to(ROOT)))
        elif name in SHAPES:
            found[name] = (random_model(*SHAPES[name]), "random weights")
        else:
            raise ValueError(f"no model '{name}': {path} does not exist; known shapes are {', '.join(SHAPES)}")
    return found


def machine() -> str:
    """The processor of this machine and its number of cores, in words."""
    name = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    return f"{name}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"


def compiler(command: str) -> str:
    """First line of a compiler's --version."""
    return subprocess.run([command, "--version"], capture_output=True, text=True).stdout.split("\n")[0]


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Text columns, the first one to the left and the others to the right."""
    cells = [list(head), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def save(name: str, data: Any) -> Path:
    """Writes build/bench/NAME.json."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    path = OUTPUT / f"{name}.json"
    path.write_text(json.dumps(data, indent=1) + "\n")
    return path


def load(name: str) -> Any | None:
    """What `save` wrote, or None."""
    path = OUTPUT / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None
