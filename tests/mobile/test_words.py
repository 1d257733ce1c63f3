"""What the build says of words for packages that it cannot carry out, in one line; nothing is built meanwhile."""

from __future__ import annotations

import subprocess
import sys

import pytest
from conftest import ROOT


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["aar", "target=aarch64_android"], "leave out target=, or add armv7_android, x86_64_android to it"),
        (["xcframework", "target=arm64_ios,aarch64_macos"], "add arm64_ios_simulator, x86_64_ios_simulator"),
        (["aar", "mode=debug"], "leave out mode="),
        (["xcframework", "compiler=clang"], "compiler="),
        (["lib", "suite=mobile"], "suite=mobile is for test alone"),
        (["test", "suite=mobile", "target=x86_64_linux"], "holds"),
        (["aar", "JAVA_HOME=/nowhere"], "openjdk-17-jdk-headless"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_packed_is_said_in_one_line(
    words: list[str], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = [word for word in words if word.startswith("JAVA_HOME=")]
    for variable in variables:
        monkeypatch.setenv(*variable.split("="))
    command = [sys.executable, "-m", "SCons", "-Q", "-n", *(word for word in words if word not in variables)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1 and named in done.stderr


def test_packages_go_with_other_words() -> None:
    command = [sys.executable, "-m", "SCons", "-Q", "-n", "lib", "aar", "xcframework"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
