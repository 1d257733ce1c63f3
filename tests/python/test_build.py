"""The build itself: what it says to bad options, and that a source archive unpacked elsewhere gives the same bytes, a
complete archive of the SDK and a wheel that can be imported.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import scons_backend

import targets


def scons(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "SCons", "-Q", *arguments], cwd=folder, capture_output=True, text=True)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source archive, unpacked in a folder with another path, and built there."""
    packed = tmp_path_factory.mktemp("packed")
    with tarfile.open(packed / scons_backend.build_sdist(str(packed))) as archive:
        archive.extractall(packed, filter="data")
    folder = packed / scons_backend.NAME
    done = scons(folder, "lib", "dist", "binding")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["speed=fast", "lib"], "speed=fast"),
        (["target=vax_vms", "lib"], "vax_vms"),
        (["mode=fastest", "lib"], "fastest"),
        (["compiler=tcc", "lib"], "tcc"),
    ],
)
def test_a_bad_option_is_named_in_one_line(elsewhere: Path, arguments: list[str], named: str) -> None:
    done = scons(elsewhere, *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("linnet: ") and done.stderr.count("\n") == 1
    assert named in done.stderr


def test_help_lists_every_word_and_option(elsewhere: Path) -> None:
    text = scons(elsewhere, "--help").stdout
    for word in ("lib", "python", "examples", "dist", "demo", "check", "format", "vectors", "test", "enhance", "train"):
        assert f" {word} " in text
    for option in ("target", "mode", "compiler", "verbose"):
        assert f"\n{option}: " in text
    for name in targets.names():
        assert name in text


def test_nothing_is_built_twice(elsewhere: Path) -> None:
    assert "compile " not in scons(elsewhere, "lib", "binding").stdout


def test_the_bytes_do_not_depend_on_the_folder(elsewhere: Path, root: Path) -> None:
    build = f"build/{targets.host()}-release"
    names = ["liblinnet.a", "liblinnet.so", f"python/_core{scons_backend.SUFFIX}"]
    for name in names:
        here, there = root / build / name, elsewhere / build / name
        assert here.read_bytes() == there.read_bytes(), f"{name} differs; is {here} the build of these sources?"
        assert str(elsewhere).encode() not in there.read_bytes()


def test_sdk_archive_is_complete(elsewhere: Path) -> None:
    top = f"{scons_backend.NAME}-{targets.host()}"
    with tarfile.open(elsewhere / f"build/{targets.host()}-release/dist/{top}.tar.gz") as archive:
        names = {name.removeprefix(f"{top}/") for name in archive.getnames()}
        link = archive.getmember(f"{top}/lib/liblinnet.so").linkname
        pkgconfig = archive.extractfile(f"{top}/lib/pkgconfig/linnet.pc").read().decode()
    assert {"include/linnet.h", "lib/liblinnet.a", f"lib/{link}", "lib/cmake/linnet/linnet-config.cmake"} <= names
    assert {"share/doc/linnet/LICENSE", "share/linnet/models/tiny.linnet"} <= names
    assert f"Version: {scons_backend.PROJECT['version']}\n" in pkgconfig and "@" not in pkgconfig


def test_wheel_is_complete_and_can_be_imported(elsewhere: Path, tmp_path: Path) -> None:
    code = "import sys, scons_backend; print(scons_backend.build_wheel(sys.argv[1]))"
    command = [sys.executable, "-c", code, str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(elsewhere / "python")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    with zipfile.ZipFile(tmp_path / done.stdout.split()[-1]) as wheel:
        contents = {name: wheel.read(name) for name in wheel.namelist()}
        wheel.extractall(tmp_path / "site")
    info = f"{scons_backend.NAME}.dist-info"
    assert {"linnet/__init__.py", "linnet/_core.pyi", "linnet/py.typed", "linnet/models/tiny.linnet"} <= set(contents)
    assert f"linnet/_core{scons_backend.SUFFIX}" in contents
    assert b"linnet = linnet.cli:main" in contents[f"{info}/entry_points.txt"]
    for dependency in tomllib.loads((elsewhere / "pyproject.toml").read_text())["project"]["dependencies"]:
        assert f"\nRequires-Dist: {dependency}\n".encode() in contents[f"{info}/METADATA"]
    record = {row[0]: row[1] for row in csv.reader(io.StringIO(contents[f"{info}/RECORD"].decode()))}
    assert set(record) == set(contents)
    for name, digest in record.items():
        wanted = base64.urlsafe_b64encode(hashlib.sha256(contents[name]).digest()).decode().rstrip("=")
        assert digest == (f"sha256={wanted}" if name != f"{info}/RECORD" else "")

    code = "import linnet, linnet._core as core; print(linnet.__file__, core.version())"
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=tmp_path)
    place, version = done.stdout.split()
    assert Path(place).is_relative_to(tmp_path) and version == scons_backend.PROJECT["version"]
