"""The snippets of docs/integration.md: those in C and C++ are compiled, those in Python run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "integration.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


def snippets(language: str) -> list[str]:
    return [text for name, text in SNIPPETS if name == language]


def test_every_snippet_is_of_a_language_that_is_tried() -> None:
    assert TEXT.count("\n```") == 2 * len(SNIPPETS)
    assert {name for name, _ in SNIPPETS} == {"c", "python"}


@pytest.mark.parametrize(("compiler", "standard"), [("gcc", "c99"), ("g++", "c++17")])
@pytest.mark.parametrize("text", snippets("c"))
def test_c_compiles_as_it_stands(tmp_path: Path, text: str, compiler: str, standard: str) -> None:
    path = tmp_path / ("snippet.c" if compiler == "gcc" else "snippet.cpp")
    path.write_text(text)
    flags = [f"-std={standard}", "-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers", "-fsyntax-only"]
    subprocess.run([compiler, *flags, f"-I{ROOT}/sdk/include", path.name], cwd=tmp_path, check=True)


@pytest.mark.parametrize("text", snippets("python"))
def test_python_runs_as_it_stands(tmp_path: Path, text: str) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "python")}
    subprocess.run([sys.executable, "-c", text], cwd=tmp_path, env=environment, check=True)


def test_the_targets_of_the_cmake_package_are_named() -> None:
    packaging = ROOT / "sdk/packaging"
    text = "".join((packaging / name).read_text() for name in ("archive.py", "linnet-config.cmake.in"))
    names = set(re.findall(r"add_library\((linnet::\w+)", text))
    assert len(names) == 2 and {name for name in names if f"`{name}`" not in TEXT} == set()
