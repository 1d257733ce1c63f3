"""The npm package without a browser: its tests in JavaScript, the native library's bits, the archive. What needs a
browser is in tests/web (`./sconsw test suite=web`).
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import tomllib
from pathlib import Path

import numpy as np
import pytest

import linnet
import targets

BUILT = list(filter(None, os.environ.get("LINNET_TEST_LIBRARIES", "").split(",")))
WEB = ("wasm32_web", "wasm32_web_scalar")
SAMPLES = 96000


@pytest.fixture(scope="module")
def package(root: Path) -> Path:
    """The unpacked package of this run, or of the last `./sconsw dist target=wasm32_web` if the test runs alone."""
    folder = root / "build/web/package"
    if not ({*WEB} <= {*BUILT} or (not BUILT and folder.exists())):
        reason = targets.load(WEB[0]).missing() or "./sconsw dist target=wasm32_web was not run"
        pytest.skip(f"the npm package was not built: {reason}")
    if shutil.which("node") is None:
        pytest.skip("node not found; on Debian install nodejs")
    return folder


def noise(samples: int) -> np.ndarray:
    """As in audio_thread.mjs."""
    state = np.empty(samples, np.uint32)
    value = 1
    for i in range(samples):
        value = (value * 1664525 + 1013904223) % (1 << 32)
        state[i] = value
    loud = np.arange(samples) // 16000 % 2 == 0
    return np.where(loud, (state.view(np.int32) >> 16) / 131072, 0).astype(np.float32)


def node(package: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = ["node", *map(str, arguments)]
    return subprocess.run(
        command, env=os.environ | {"LINNET_PACKAGE": str(package)}, capture_output=True, text=True, timeout=300
    )


@pytest.mark.parametrize("name", ["choice", "main", "node", "package"])
def test_in_javascript(root: Path, package: Path, name: str) -> None:
    done = node(package, "--test", root / f"tests/web/{name}.test.mjs")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("module", ["linnet.wasm", "linnet-scalar.wasm"])
@pytest.mark.parametrize("rate", [8000, 16000, 24000, 32000, 48000])
def test_the_bits_are_those_of_the_native_library(root: Path, package: Path, module: str, rate: int) -> None:
    output = linnet.Enhancer("light", rate=rate).process(noise(SAMPLES))
    done = node(package, root / "tests/web/hash.mjs", module, "models/light.linnet", str(SAMPLES), str(rate))
    assert done.stdout.strip() == hashlib.sha256(output.astype("<f4").tobytes()).hexdigest(), done.stderr


def test_models_are_those_of_the_sdk(root: Path, package: Path) -> None:
    found = {path.stem: path for folder in (package, package.parent / "large") for path in folder.rglob("*.linnet")}
    assert sorted(found) == ["large", "light"]
    for path in found.values():
        assert path.read_bytes() == (root / "sdk/models" / path.name).read_bytes()


def test_the_order_of_models_is_that_of_the_kept_scores(root: Path, package: Path) -> None:
    kept = json.loads((root / "benchmarks/results/scores.json").read_text())["models"]
    text = "".join((package.parent / name / "dist/index.js").read_text() for name in ("package", "large"))
    for name in ("light", "large"):
        score = kept[name]["parts"]["noise"]["enhanced"]["pesq_wb"]
        assert f'name: "{name}", quality: {score:.3f}' in text


@pytest.mark.parametrize(("name", "folder", "limit"), [("linnet", "package", 2.5e6), ("linnet-large", "large", 3e6)])
def test_archive_holds_the_package_and_nothing_of_this_machine(
    root: Path, package: Path, name: str, folder: str, limit: float
) -> None:
    package = package.parent / folder
    version = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    data = (root / f"build/web/{name}-{version}.tgz").read_bytes()
    assert len(data) < limit
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        entries = tar.getmembers()
        found = {entry.name: tar.extractfile(entry) for entry in entries}
        for path, file in found.items():
            assert file and file.read() == (package / path.removeprefix("package/")).read_bytes(), path
    assert {f"package/{path.relative_to(package)}" for path in package.rglob("*") if path.is_file()} == {*found}
    assert all((entry.uid, entry.gid, entry.uname, entry.mode) == (0, 0, "", 0o644) for entry in entries)
    assert str(root).encode() not in b"".join(path.read_bytes() for path in package.rglob("*") if path.is_file())
    description = json.loads((package / "package.json").read_text())
    assert (description["name"], description["version"]) == (name, version)
