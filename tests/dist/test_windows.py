"""Windows under wine: every frozen vector in a build by mingw, and in the one by ziglang that is shipped; a C program
by mingw, with the shipped import library and with one that is made of the .def, on the shipped DLL.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import HERE, MODEL, TARGETS, needs, run, scons
from foreign import wine

NAME = "x86_64_windows"
pytestmark = pytest.mark.skipif(NAME not in TARGETS, reason=f"{NAME} was not built")
PREFIX = "x86_64-w64-mingw32-"
TOOLS = {"CC": "gcc", "CXX": "g++", "AR": "ar", "RANLIB": "ranlib"}


def exports(dll: Path) -> list[str]:
    """Names in the table of a DLL."""
    table = run(f"{PREFIX}objdump", "-p", dll).split("[Ordinal/Name Pointer] Table", 1)[1].split("\n\n", 1)[0]
    return re.findall(r"^\s*\[.*\s(\S+)$", table, re.MULTILINE)


def assert_all_pass(text: str) -> None:
    """The self-test has run every backend that an x86 CPU of today has at least."""
    counts = dict(re.findall(r"^(\w+): (\d+) hashes as expected, 0 different$", text, re.MULTILINE))
    assert {"avx2", "scalar"} <= set(counts) and all(int(count) > 100 for count in counts.values())
    assert text.endswith("passed: the bits are as everywhere\n")


def test_every_vector_in_a_build_by_mingw(source: Callable[[str], Path]) -> None:
    tree = source("mingw")
    scons(tree, "lib", "selftest", f"target={NAME}", **{name: PREFIX + tool for name, tool in TOOLS.items()})
    build = tree / f"build/{NAME}-release"
    assert_all_pass(wine(build / "linnet-selftest.exe"))
    needed = set(re.findall(r"DLL Name: (\S+)", run(f"{PREFIX}objdump", "-p", build / "linnet.dll")))
    assert needed == {"KERNEL32.dll", "msvcrt.dll"}


def test_every_vector_in_the_build_that_is_shipped(sdk: Callable[[str], Path]) -> None:
    assert_all_pass(wine(sdk(NAME) / "bin/linnet-selftest.exe"))


def test_the_definition_file_names_what_the_dll_exports(sdk: Callable[[str], Path]) -> None:
    lines = (sdk(NAME) / "lib/linnet.def").read_text().split()
    assert lines[:3] == ["LIBRARY", "linnet.dll", "EXPORTS"]
    assert lines[3:] == sorted(exports(sdk(NAME) / "bin/linnet.dll")) and len(lines) > 17


@pytest.mark.parametrize("library", ["import library", "definition file"])
def test_a_program_of_another_compiler(sdk: Callable[[str], Path], expected: str, tmp_path: Path, library: str) -> None:
    top, imports = sdk(NAME), sdk(NAME) / "lib/liblinnet.dll.a"
    if library == "definition file":
        imports = tmp_path / "made.a"
        run(f"{PREFIX}dlltool", "-d", top / "lib/linnet.def", "-l", imports)
    run(f"{PREFIX}gcc", "-I", top / "include", HERE / "consumer.c", imports, "-o", tmp_path / "consumer.exe")
    (tmp_path / "linnet.dll").write_bytes((top / "bin/linnet.dll").read_bytes())
    assert wine(tmp_path / "consumer.exe", top / f"share/linnet/models/{MODEL}.linnet") == expected


@pytest.mark.parametrize("library", ["linnet::linnet", "linnet::static"])
def test_cmake_finds_the_package(sdk: Callable[[str], Path], expected: str, tmp_path: Path, library: str) -> None:
    needs("cmake")
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.18)\nproject(consumer C)\nfind_package(linnet 0.1 REQUIRED)\n"
        f"add_executable(consumer {HERE}/consumer.c)\ntarget_link_libraries(consumer {library})\n"
    )
    cross = ["-DCMAKE_SYSTEM_NAME=Windows", f"-DCMAKE_C_COMPILER={PREFIX}gcc"]
    run("cmake", "-S", tmp_path, "-B", tmp_path / "b", *cross, f"-Dlinnet_DIR={sdk(NAME)}/lib/cmake/linnet")
    run("cmake", "--build", tmp_path / "b")
    program = tmp_path / "b/consumer.exe"
    if library == "linnet::linnet":
        (tmp_path / "b/linnet.dll").write_bytes((sdk(NAME) / "bin/linnet.dll").read_bytes())
    assert wine(program, sdk(NAME) / f"share/linnet/models/{MODEL}.linnet") == expected
