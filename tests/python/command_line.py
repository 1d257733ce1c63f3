"""What the tests of the command line share: a sound, the program as users call it, and what it says when it fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from linnet.cli import main

TINY = ["--model", "tiny"]


def sound(samples: int, channels: int = 1, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    time = np.arange(samples) / 48000
    tone = np.sin(2 * np.pi * 150 * time) + 0.5 * np.sin(2 * np.pi * 900 * time)
    return 0.2 * tone[:, None] + 0.05 * rng.standard_normal((samples, channels))


def write(path: Path, samples: int = 24000, rate: int = 48000, channels: int = 1, subtype: str = "PCM_16") -> str:
    soundfile.write(path, sound(samples, channels), rate, subtype)
    return str(path)


def run(*arguments: str | Path, root: Path, **options: object) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(root / "python")}
    command = [sys.executable, "-m", "linnet", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=False, env=environment, **options)  # type: ignore[call-overload]


def fails(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """Runs a command that must fail, and returns its one line."""
    try:
        status = main([str(argument) for argument in arguments])
    except SystemExit as error:
        status = error.code
    captured = capsys.readouterr()
    assert status == 2
    assert captured.out == ""
    assert captured.err.startswith("linnet: ")
    assert captured.err.endswith("\n")
    assert captured.err.count("\n") == 1
    return captured.err.strip()
