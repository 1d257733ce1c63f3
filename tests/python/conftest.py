"""What the Python tests share: where things lie, and which targets were built for this run."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import targets

ROOT = Path(__file__).resolve().parents[2]
# Set by tests/run.py; without it the tests look at what `./sconsw lib` made for this machine.
TARGETS = list(filter(None, os.environ.get("LINNET_TEST_TARGETS", targets.host() or "").split(",")))


@dataclass(frozen=True)
class Build:
    """The release build of one target."""

    target: targets.Target
    folder: Path

    @property
    def objects(self) -> dict[str, Path]:
        """Objects of the library by their source below sdk/src without its ending, such as "dsp/fft"."""
        top = self.folder / "sdk/src"
        return {str(path.relative_to(top).with_suffix("")): path for path in sorted(top.rglob("*.os"))}


@pytest.fixture(scope="session")
def root() -> Path:
    """Top of the source tree."""
    return ROOT


@pytest.fixture(scope="session")
def tiny_model(root: Path) -> Path:
    """The smallest model: a few kilobytes, the same network."""
    return root / "sdk/models/tiny.linnet"


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings to train on."""
    from recordings import make_corpus  # not every test has the packages

    folder = tmp_path_factory.mktemp("corpus")
    make_corpus(folder)
    return folder


@pytest.fixture(autouse=True)
def denormals() -> Iterator[None]:
    """Training in this process has PyTorch flush them; the next test may be about them."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)


def slow(name: str) -> bool:
    """Whether a target is emulated without kernels of its own: the slowest, and the plainest code."""
    target = targets.load(name)
    return not (target.native or target.kernels)


@pytest.fixture(
    scope="session",
    params=[pytest.param(name, marks=pytest.mark.long) if slow(name) else name for name in TARGETS],
)
def build(request: pytest.FixtureRequest) -> Build:
    """Each target of this run in turn; a missing build is a failure, not a reason to skip."""
    folder = ROOT / "build" / f"{request.param}-release"
    assert (folder / "liblinnet.a").exists(), f"{folder} is not built: run ./sconsw target={request.param} lib"
    return Build(targets.load(request.param), folder)
