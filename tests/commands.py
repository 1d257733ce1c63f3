"""Commands of the tests of packages and plug-ins, which must succeed or may be missing, and their archives."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest


def output(*command: str | Path, **options: Any) -> str:
    """What a command prints on both streams; fails the test with it if the command fails."""
    words = [str(word) for word in command]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600, **options)
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}"
    return done.stdout


def need(*programs: str) -> None:
    """Skips the test where a program is not installed."""
    if absent := [program for program in programs if shutil.which(program) is None]:
        pytest.skip(f"{', '.join(absent)} not found: ./sconsw test installs what is missing for the suite that it runs")


def unpack(packed: Path, folder: Path) -> None:
    """Unpacks a tar or zip archive into a folder."""
    with (zipfile.ZipFile if packed.suffix == ".zip" else tarfile.open)(packed) as archive:
        # An attribute and no argument: Python 3.11 has filters since 3.11.4, and Debian 12 began with 3.11.2.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(folder)
