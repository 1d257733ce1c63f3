"""What the tests of the packages share: where these lie, and their contents."""

from __future__ import annotations

import io
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def unpacked(path: Path) -> dict[str, bytes]:
    """Files of a zip archive, having looked at what makes its bytes depend on nothing else."""
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
        assert {(entry.date_time, entry.external_attr) for entry in entries} == {
            ((1985, 10, 26, 8, 15, 0), 0o644 << 16)
        }
        return {entry.filename: archive.read(entry) for entry in entries}


@pytest.fixture(scope="session")
def root() -> Path:
    """Top of the source tree."""
    return ROOT


@pytest.fixture(scope="session")
def aar() -> dict[str, bytes]:
    """Contents of the package for Android."""
    path = ROOT / f"build/android/linnet-{VERSION}.aar"
    assert path.exists(), "the package for Android is not built: ./sconsw aar"
    return unpacked(path)


@pytest.fixture(scope="session")
def classes(aar: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its classes.jar."""
    path = tmp_path_factory.mktemp("aar") / "classes.jar"
    path.write_bytes(aar["classes.jar"])
    return path


def class_files(aar: dict[str, bytes]) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(aar["classes.jar"])) as jar:
        return {name: jar.read(name) for name in jar.namelist()}
