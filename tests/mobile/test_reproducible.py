"""The packages are the same to the byte if their sources lie in another folder, of a name that a shell cuts in two."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import scons_backend
from commands import unpack
from conftest import VERSION


def test_the_bytes_do_not_depend_on_the_folder(root: Path, tmp_path: Path) -> None:
    packed = tmp_path / "somebody's folder"
    packed.mkdir()
    unpack(packed / scons_backend.build_sdist(str(packed)), packed)
    folder = packed / scons_backend.NAME
    command = [sys.executable, "-m", "SCons", "-Q", "aar", "xcframework"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    stem = f"org/linnet/linnet/{VERSION}/linnet-{VERSION}"
    names = [
        f"android/linnet-{VERSION}.aar",
        *(f"android/maven/{stem}{end}" for end in (".aar", ".pom", "-sources.jar")),
    ]
    names += [f"apple/Linnet-{VERSION}.zip", f"apple/CLinnet-{VERSION}.xcframework.zip"]
    for name in names:
        assert (folder / "build" / name).read_bytes() == (root / "build" / name).read_bytes(), name
