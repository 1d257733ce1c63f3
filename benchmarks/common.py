"""What the benchmark programs share: the models that ship, the machine in words, tables in plain text, results."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "build" / "bench"
RESULTS = ROOT / "benchmarks" / "results"
FRAME_SECONDS = 0.01
MODELS = ("light", "small", "sparse", "large", "base")  # the trained ones, by their cost


def model(name: str) -> bytes:
    """A model of sdk/models. FileNotFoundError if there is none of that name."""
    return (ROOT / "sdk" / "models" / f"{name}.linnet").read_bytes()


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


def count(text: str) -> int:
    """A number of things in an argument, at least one. Raises ArgumentTypeError."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number of at least 1")
    return int(text)


def seconds(text: str) -> float:
    """How long something lasts, in an argument. Raises ArgumentTypeError."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of seconds above 0")
    return value


def status_of(main: Callable[[], int]) -> int:
    """The exit status of a program: that of main, or 2 after one line about what is missing or cannot be done."""
    try:
        return main()
    except (RuntimeError, OSError, ValueError) as error:
        print(f"linnet: {error}", file=sys.stderr)
        return 2
