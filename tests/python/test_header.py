"""The header beside other code: what a program of somebody else may call its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

WRAPPER = """
#include <linnet.h>
namespace linnet {
class Model { linnet_model *handle = nullptr; };
class Stream { linnet_stream *handle = nullptr; };
}
int linnet_of_ours(linnet::Model *, linnet::Stream *);
"""


@pytest.mark.parametrize("standard", ["c++11", "c++17", "c++20"])
def test_a_wrapper_may_have_the_namespace(root: Path, tmp_path: Path, standard: str) -> None:
    (tmp_path / "wrapper.cpp").write_text(WRAPPER)
    flags = [f"-std={standard}", "-Wall", "-Wextra", "-Werror", "-Wno-unused-private-field", "-fsyntax-only"]
    subprocess.run(["g++", *flags, f"-I{root}/sdk/include", "wrapper.cpp"], cwd=tmp_path, check=True)
