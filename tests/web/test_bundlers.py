"""The npm packages as a user takes them: installed from their archives, bundled by Vite, webpack and esbuild and run in
Chromium under a strict policy, read by tsc --strict and publint, packed by npm. Tools are installed under build/web/.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest
from conftest import LARGE, PACKAGE, ROOT, Page
from test_browsers import native_hash

SOURCES = ROOT / "tests/web/bundlers"
TOOLS = ROOT / "build/web/tools"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
ARCHIVES = {name: ROOT / f"build/web/{name}-{VERSION}.tgz" for name in ("linnet", "linnet-large")}
TIMEOUT = 300


def run(*command: str | Path, cwd: Path) -> str:
    """What a program prints; it has to succeed."""
    done = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 0, f"{' '.join(map(str, command))}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def tools() -> Path:
    """node_modules/.bin of the bundlers, of the versions and with the hashes of package-lock.json."""
    if shutil.which("npm") is None:
        pytest.skip("npm not found; on Debian install npm")
    lock = (SOURCES / "package-lock.json").read_bytes()
    stamp = TOOLS / "stamp"
    if not stamp.exists() or stamp.read_text() != hashlib.sha256(lock).hexdigest():
        TOOLS.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(SOURCES / name, TOOLS)
        run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=TOOLS)
        stamp.write_text(hashlib.sha256(lock).hexdigest())
    for name in ("build.mjs", "dev.mjs"):
        shutil.copy(SOURCES / name, TOOLS)
    return TOOLS / "node_modules/.bin"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An application that has installed both archives, without a network."""
    if not all(path.exists() for path in ARCHIVES.values()):
        pytest.skip("the npm packages were not built: ./sconsw dist target=wasm32_web")
    folder = tmp_path_factory.mktemp("project")
    for path in (SOURCES / "app.js", SOURCES / "user.ts", ROOT / "tests/web/noise.mjs", ROOT / "tests/web/report.mjs"):
        shutil.copy(path, folder)
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    run("npm", "install", "--offline", "--no-audit", "--no-fund", *ARCHIVES.values(), cwd=folder)
    return folder


@pytest.mark.parametrize("bundler", ["vite", "webpack", "esbuild"])
def test_a_bundled_application_gives_the_native_bits(tools: Path, project: Path, page: Page, bundler: str) -> None:
    shutil.rmtree(project / "dist", ignore_errors=True)
    run("node", tools.parents[1] / "build.mjs", bundler, project, cwd=project)
    assert page("bundle", bundle=project / "dist") == native_hash("light")


def test_vite_serves_the_files_while_an_application_is_developed(tools: Path, project: Path) -> None:
    """With README's setting: without it Vite moves a package's scripts, and leaves its other files where they are."""
    [setting] = re.findall(r"`(optimizeDeps: .*)`", (ROOT / "sdk/web/README.md").read_text())
    (project / "vite.config.js").write_text(f"export default {{ {setting} }};")
    try:
        found = json.loads(run("node", tools.parents[1] / "dev.mjs", project, cwd=project))
    finally:
        (project / "vite.config.js").unlink()
    modules = dict.fromkeys(("linnet.wasm", "linnet-scalar.wasm"), "\0asm\1\0")
    assert found == modules | {"light.linnet": "linnet", "worklet.js": "// One"}


def test_types_are_those_of_the_package(tools: Path, project: Path) -> None:
    flags = ["--strict", "--noEmit", "--module", "nodenext", "--target", "es2022", "--lib", "es2022,dom,dom.iterable"]
    run(tools / "tsc", *flags, "user.ts", cwd=project)


@pytest.mark.parametrize("folder", [PACKAGE, LARGE], ids=["linnet", "linnet-large"])
def test_publint_finds_nothing(tools: Path, folder: Path) -> None:
    assert "All good" in run(tools / "publint", "--strict", folder, cwd=ROOT)


def test_npm_packs_the_same_files(tools: Path) -> None:
    for name, folder in (("linnet", PACKAGE), ("linnet-large", LARGE)):
        [found] = json.loads(run("npm", "pack", "--dry-run", "--json", cwd=folder))
        with tarfile.open(ARCHIVES[name]) as tar:
            ours = {entry.name.removeprefix("package/"): entry.size for entry in tar.getmembers()}
        assert {one["path"]: one["size"] for one in found["files"]} == ours


def test_archives_are_reproducible(tmp_path: Path) -> None:
    modules = [ROOT / f"build/{target}-release/linnet.wasm" for target in ("wasm32_web", "wasm32_web_scalar")]
    environment = os.environ | {"TZ": "Asia/Tokyo"}
    command = [sys.executable, "sdk/packaging/npm.py", VERSION, *map(str, modules), str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, env=environment)
    for archive in ARCHIVES.values():
        assert (tmp_path / archive.name).read_bytes() == archive.read_bytes()
