"""The arrows of sdk/src/README.md and python/linnet/README.md, read off the include and import lines: a file uses its
own folder and lower levels.

Core: 0 base; 1 kernels, model; 2 dsp, nn; 3 engine, choice, lab; 4 linnet.cpp. Those of one level do not know each
other.
Python: training -> python/linnet, never back; nothing that is shipped sees tests or benchmarks.
"""

from __future__ import annotations

import ast
import graphlib
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

import targets

LEVELS = {"base": 0, "kernels": 1, "model": 1, "dsp": 2, "nn": 2, "choice": 3, "engine": 3, "lab": 3, "linnet": 4}
ROOMS = {"_core": 0, "model": 1, "catalog": 2, "enhancer": 3, "io": 4, "study": 5, "demo": 6}
ROOMS |= {"batch": 6, "doctor": 6, "filter_chain": 6, "page": 6, "cli": 7, "ray": 7, "__main__": 8}
# What a compiler without an operating system brings, plus the C library; each with a reason to be there.
SYSTEM_HEADERS = {
    *("cfloat", "cstddef", "cstdint", "cstring", "stddef.h", "stdint.h", "string.h"),
    *("cmath", "math.h"),  # sqrtf, which compiles to one instruction
    *("atomic", "new", "type_traits"),  # header-only parts of the C++ library
    *("cerrno", "cstdio", "cstdlib", "errno.h", "stdio.h", "stdlib.h"),  # memory and the model's file
    *("cpuid.h", "sys/auxv.h", "sys/sysctl.h"),  # base/cpu_*.cpp
    *("immintrin.h", "arm_neon.h", "wasm_simd128.h", "xmmintrin.h"),  # kernels, and the floating-point mode
}
LABORATORY = {"algorithm", "complex", "vector"}  # of the C++ library, as lab/ is in no library that is shipped
UNUSUAL = {"cerrno", "cstdio", "cstdlib", "errno.h", "stdio.h", "stdlib.h"}
# Who may allocate, and who may read files.
RESERVED = {
    "linnet.cpp": {"cstdlib"},
    "model/file.h": {"cstdio"},
    "model/file.cpp": {"cerrno"},
}


def place(path: str) -> str:
    """Folder of a file of sdk/src, or its stem at the top: "dsp/fft.cpp" -> "dsp", "engine.h" -> "engine"."""
    return path.split("/")[0].split(".")[0]


def broken_arrows(files: Mapping[str, str]) -> list[str]:
    """Includes that go up or sideways, or leave the list of system headers. files: path below sdk/src -> text."""
    broken = []
    for path, text in files.items():
        for quote, included in re.findall(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', text, re.MULTILINE):
            here, there = place(path), place(included)
            if quote == "<":
                usual = SYSTEM_HEADERS - UNUSUAL | RESERVED.get(path, set())
                fine = included in usual | (LABORATORY if here == "lab" else set())
            elif included == "linnet.h":
                fine = here in ("choice", "engine", "linnet")
            else:
                fine = included in files and (there == here or LEVELS[there] < LEVELS[here])
            if not fine:
                broken.append(f"{path} includes {included}")
    return broken


def source_files(root: Path) -> dict[str, str]:
    top = root / "sdk/src"
    return {
        str(path.relative_to(top)): path.read_text() for path in sorted(top.rglob("*")) if path.suffix in (".h", ".cpp")
    }


def test_no_include_goes_up_or_sideways(root: Path) -> None:
    files = source_files(root)
    assert {place(path) for path in files} == set(LEVELS)
    assert broken_arrows(files) == []


def test_the_reader_of_arrows_sees_each_kind_of_fault() -> None:
    good = {
        "base/span.h": "",
        "dsp/fft.h": '#include "base/span.h"\n#include <cstdint>\n',
        "nn/layers.h": "",
        "engine.h": "",
        "lab/analyse.h": '#include <vector>\n#include "nn/layers.h"\n',
    }
    assert broken_arrows(good) == []
    for path, line in {
        "base/span.h": '#include "dsp/fft.h"',
        "dsp/fft.h": '# include "nn/layers.h"',
        "nn/layers.h": "#include <vector>",
        "dsp/fft.h ": "#include <cstdio>",
        "engine.h": '#include "missing.h"',
        "nn/layers.h ": '  #include "linnet.h"',
        "lab/analyse.h": '#include "engine.h"',
        "engine.h ": '#include "lab/analyse.h"',
    }.items():
        assert len(broken_arrows(good | {path: line})) == 1, line


def test_namespaces_follow_folders(root: Path) -> None:
    for path, text in source_files(root).items():
        for name in re.findall(r"^namespace (linnet[\w:]*)", text, re.MULTILINE):
            folder = path.split("/")[0] if "/" in path else None
            assert name.split("::")[1:2] == ([folder] if folder else []), f"{path} opens namespace {name}"


def test_every_kernel_file_belongs_to_a_target(root: Path) -> None:
    named = {kernel.name for name in targets.names() for kernel in targets.load(name).kernels}
    files = {path.stem for path in (root / "sdk/src/kernels").glob("*.cpp")}
    assert files == named | {"scalar", "select"}


def imports(text: str) -> set[str]:
    """What a module of the package imports of it, anywhere in its text, without "linnet." in front."""
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            names |= {f"{'.' * node.level}{node.module or ''}.{name.name}" for name in node.names}
        elif isinstance(node, ast.Import):
            names |= {name.name for name in node.names}
    return {name.removeprefix("linnet.") for name in names if name.startswith((".", "linnet."))}


def broken_imports(files: Mapping[str, str]) -> list[str]:
    """Imports that go up or sideways. files: path below python/linnet -> text."""
    broken = []
    for path, text in files.items():
        for name in sorted(imports(text)):
            here, there = place(path), name.split(".")[0]
            if here != there and ROOMS.get(there, len(ROOMS)) >= ROOMS[here]:
                broken.append(f"{path} imports {name}")
    return broken


def package_files(root: Path) -> dict[str, str]:
    top = root / "python/linnet"
    files = {str(path.relative_to(top)): path.read_text() for path in sorted(top.rglob("*.py"))}
    del files["__init__.py"]  # loads others by their names
    return files


def test_no_import_goes_up_or_sideways(root: Path) -> None:
    files = package_files(root)
    assert {place(path) for path in files} == ROOMS.keys() - {"_core"}
    assert broken_imports(files) == []


def test_no_module_is_imported_in_a_circle(root: Path) -> None:
    modules = {path.removesuffix(".py").replace("/", "."): text for path, text in package_files(root).items()}
    graph = {
        importer: {module for module in modules for name in imports(text) if f"{name}.".startswith(f"{module}.")}
        for importer, text in modules.items()
    }
    assert "io.wav" in graph["io.pipe"]
    graphlib.TopologicalSorter(graph).prepare()


@pytest.mark.parametrize(
    "path, line",
    [
        ("io/wav.py", "from linnet.study import metrics"),
        ("catalog.py", "def f():\n    from linnet.enhancer import RATE"),
        ("study/oracle.py", "import linnet.cli"),
        ("model/blob.py", "from .layout import MAGIC"),
        ("model/blob.py", "from linnet import Enhancer"),
    ],
)
def test_the_reader_of_imports_sees_each_kind_of_fault(path: str, line: str) -> None:
    good = {"model/blob.py": "from linnet import _core\nfrom linnet.model.layout import MAGIC\nimport numpy\n"}
    assert broken_imports(good) == []
    assert len(broken_imports(good | {path: line})) == 1


def test_python_arrows(root: Path) -> None:
    forbidden = {"python": {"training", "tests", "benchmarks"}, "sdk": {"training", "tests", "benchmarks"}}
    forbidden |= {"training": {"tests", "benchmarks"}, "targets": {"linnet", "training", "tests", "benchmarks"}}
    for folder, strangers in forbidden.items():
        for path in (root / folder).rglob("*.py"):
            found = set(re.findall(r"^\s*(?:from|import)\s+(\w+)", path.read_text(), re.MULTILINE))
            assert not found & strangers, f"{path.relative_to(root)} imports {found & strangers}"
