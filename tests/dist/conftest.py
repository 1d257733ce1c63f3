"""What the tests of packages share: the packages that this run has made, unpacked, and the hash that a user's program
prints with each of them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import unpack

import targets

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build/dist"
HERE = Path(__file__).parent
# Set by tests/run.py: all targets that were built, of which only some can be run here.
TARGETS = [
    name
    for variable in ("LINNET_TEST_TARGETS", "LINNET_TEST_LIBRARIES")
    for name in os.environ.get(variable, "").split(",")
    if name
]
PACKAGED = [name for name in TARGETS if not name.startswith("wasm32_web")]  # in archives of their own
MODEL = "light"


def sums() -> dict[str, str]:
    """Packages of the last `./sconsw dist wheels` and their SHA-256."""
    path = FOLDER / "SHA256SUMS"
    assert path.exists(), f"{path} is missing: ./sconsw dist wheels target=all makes it"
    return {name: digest for digest, name in (line.split() for line in path.read_text().splitlines())}


def run(*command: str | Path, folder: Path | None = None, **variables: str) -> str:
    """What a command prints, which finds no Python package of this tree; what it says on the way to a failure is that
    of the test."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | variables
    done = subprocess.run(
        list(map(str, command)), cwd=folder, env=environment, capture_output=True, text=True, timeout=1800
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.stdout[-4000:]}{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="session")
def sdk(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The unpacked archive of a target, by name; each is unpacked once."""
    known: dict[str, Path] = {}

    def unpacked(name: str) -> Path:
        if name not in known:
            packed = next(FOLDER / path for path in sums() if path.endswith((f"-{name}.tar.gz", f"-{name}.zip")))
            folder = tmp_path_factory.mktemp("an sdk")
            unpack(packed, folder)
            known[name] = next(folder.iterdir())
        return known[name]

    return unpacked


@pytest.fixture(scope="session")
def expected(sdk: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> str:
    """What consumer.c prints with the static library of this machine."""
    top = sdk(targets.host() or "")
    program = tmp_path_factory.mktemp("consumer") / "consumer"
    run("gcc", "-I", top / "include", HERE / "consumer.c", top / "lib/liblinnet.a", "-o", program)
    return run(program, top / f"share/linnet/models/{MODEL}.linnet")


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A new copy of the sources, out of their archive, with what ziglang has compiled for this tree at hand."""
    packed = next(FOLDER / name for name in sums() if name.count("-") == 1 and name.endswith(".tar.gz"))

    def unpacked(name: str) -> Path:
        folder = tmp_path_factory.mktemp(name)
        unpack(packed, folder)
        tree = next(folder.iterdir())
        (tree / "build").mkdir()
        (tree / "build/ziglang").symlink_to(ROOT / "build/ziglang")
        return tree

    return unpacked


def scons(folder: Path, *arguments: str, **variables: str) -> str:
    """A build in another folder."""
    return run(sys.executable, "-m", "SCons", "-Q", *arguments, folder=folder, **variables)


def needs(command: str) -> None:
    """Fails where a program is missing that `./sconsw test suite=dist` installs on Debian."""
    package = targets.DIST_PACKAGES.get(command, command)
    assert shutil.which(command), f"{command} not found; on Debian install {package}"
