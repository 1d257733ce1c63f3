"""The wheels: what they ask of a system, what is in them, and that they work in clean environments, for each CPython
here with both generations of numpy, and on aarch64 under an emulator with Debian's own Python.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import dataclass
from email.parser import Parser
from pathlib import Path

import interpreters
import pytest
from conftest import FOLDER, HERE, MODEL, ROOT, TARGETS, needs, run, sums
from foreign import arm64_python, arm64_wheel, with_wheel

import targets

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
WHEELS = [FOLDER / name for name in sums() if name.endswith(".whl")]
COMPILED = [path for path in WHEELS if not path.stem.endswith("-any")]
LARGEST = 12_000_000  # bytes of a wheel


def machine(wheel: Path) -> str:
    return wheel.stem.rsplit("manylinux_2_17_", 1)[1]


def name(wheel: Path) -> str:
    """Short, for reports."""
    return f"{wheel.stem.split('-')[3]}-{machine(wheel)}"


compiled = pytest.mark.parametrize("wheel", COMPILED, ids=name)
HERE_TO_RUN = [path for path in COMPILED if machine(path) == targets.load(targets.host() or "").machine]


def test_there_is_a_wheel_for_every_python_here() -> None:
    wanted = {target.machine for target in map(targets.load, TARGETS) if target.wheel}
    tags = [interpreter.tag for interpreter in interpreters.find().values()]
    assert {f"{tag}-{one}" for tag in tags for one in wanted} == {
        f"{'-'.join(path.stem.split('-')[2:4])}-{machine(path)}" for path in COMPILED
    }
    assert len(WHEELS) == len(COMPILED) + 1


@compiled
def test_what_it_asks_of_a_system(wheel: Path) -> None:
    text = run(sys.executable, "-m", "auditwheel", "show", wheel)
    assert f'is consistent with the following platform tag: "manylinux_2_17_{machine(wheel)}"' in " ".join(text.split())


@compiled
def test_its_module_is_of_its_python_and_machine_and_needs_no_other_library(wheel: Path, tmp_path: Path) -> None:
    python = wheel.stem.split("-")[3].removeprefix("cp")
    triple = f"{machine(wheel)}-linux-gnu"
    with zipfile.ZipFile(wheel) as archive:
        modules = [name for name in archive.namelist() if name.endswith(".so")]
        assert modules == [f"linnet/_core.cpython-{python}-{triple}.so"]
        module = Path(archive.extract(modules[0], tmp_path))
    header = run("readelf", "-h", module)
    assert {"x86_64": "X86-64", "aarch64": "AArch64"}[machine(wheel)] in header
    exported, wanted = set(), set()
    for line in run("readelf", "-W", "--dyn-syms", module).splitlines():
        cells = line.split()
        if len(cells) == 8 and cells[0][:-1].isdigit():
            (wanted if cells[6] == "UND" else exported).add(cells[7])
    assert exported - {"_init", "_fini"} == {"PyInit__core"}
    # What has no version is the interpreter's.
    assert not [symbol for symbol in wanted if "@" not in symbol and not re.match(r"_?Py[A-Z_]", symbol)]
    needed = set(re.findall(r"\(NEEDED\).*\[(.+)\]", run("readelf", "-d", module)))
    libraries = {name.split(".so")[0] for name in needed if not name.startswith("ld-linux-")}
    assert libraries <= {"libc", "libm", "libpthread", "libdl", "librt"}


@pytest.mark.parametrize("wheel", WHEELS, ids=lambda path: path.name)
def test_its_metadata_and_record(wheel: Path) -> None:
    assert wheel.stat().st_size < LARGEST
    with zipfile.ZipFile(wheel) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    info = next(name for name in contents if name.endswith("/METADATA")).removesuffix("/METADATA")
    record = {row[0]: row[1:] for row in csv.reader(io.StringIO(contents[f"{info}/RECORD"].decode()))}
    assert record.pop(f"{info}/RECORD") == ["", ""]
    assert set(record) == set(contents) - {f"{info}/RECORD"}
    for name, (digest, size) in record.items():
        found = base64.urlsafe_b64encode(hashlib.sha256(contents[name]).digest()).decode().rstrip("=")
        assert (digest, size) == (f"sha256={found}", str(len(contents[name]))), name
    tags = Parser().parsestr(contents[f"{info}/WHEEL"].decode()).get_all("Tag")
    python, abi, platforms = wheel.stem.split("-")[2:]
    assert tags == [f"{python}-{abi}-{platform}" for platform in platforms.split(".")]
    metadata = Parser().parsestr(contents[f"{info}/METADATA"].decode())
    assert metadata["Version"] == PROJECT["version"] and metadata["License-Expression"] == PROJECT["license"]
    assert f"{info}/licenses/LICENSE" in contents
    if wheel in COMPILED:
        assert metadata["Requires-Python"] == ">=3.10"
        assert set(PROJECT["dependencies"]) <= set(metadata.get_all("Requires-Dist"))
        assert "THE COPYRIGHT HOLDERS" in contents[f"{info}/licenses/pybind11/LICENSE"].decode()


@dataclass
class Installed:
    """A clean environment with a wheel."""

    python: Path
    numpy: str
    report: dict


def environments() -> list[tuple[Path, str]]:
    """Each wheel for this machine with each numpy that there is for its Python."""
    return [
        (wheel, numpy)
        for wheel in HERE_TO_RUN
        for numpy in ("1.26", "2")
        if numpy == "2" or name(wheel).split("-")[0] in ("cp310", "cp311", "cp312")
    ]


@pytest.fixture(scope="module", params=environments(), ids=lambda pair: f"{name(pair[0])}-numpy{pair[1]}")
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    wheel, numpy = request.param
    found = interpreters.find()
    tag = wheel.stem.split("-")[3]
    interpreter = next(one for one in found.values() if one.tag.endswith(f"-{tag}"))
    folder = tmp_path_factory.mktemp("clean")
    run(interpreter.executable, "-m", "venv", folder)
    python = folder / "bin/python"
    run(python, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", wheel, f"numpy=={numpy}.*")
    return Installed(python, numpy, json.loads(run(python, HERE / "installed.py", folder=folder)))


def test_it_works_in_a_clean_environment(installed: Installed, expected: str) -> None:
    report = installed.report
    assert report["numpy"].startswith(f"{installed.numpy}.")
    assert report["hashes"] > 100 and report["different"] == []
    assert report["models"] == ["large", "light", "small", "sparse", "tiny"]
    assert run(installed.python, HERE / "enhance_noise.py", MODEL) == expected


def test_it_is_loaded_in_a_moment_and_without_a_resampler(installed: Installed) -> None:
    """What is beside numpy is small and of the standard library: numpy's own import is nearly all the time it takes."""
    assert installed.report["packages"] in (["linnet"], ["linnet", "numpy"])
    assert installed.report["modules"] < 40
    assert installed.report["without_soxr"]


def test_it_needs_no_global_lock(installed: Installed) -> None:
    """Of a Python that can do without; another one has its lock."""
    probe = "import sysconfig; print(bool(sysconfig.get_config_var('Py_GIL_DISABLED')))"
    assert installed.report["lock"] == (run(installed.python, "-c", probe) == "False\n")


def test_the_model_apart_is_asked_for_by_name_and_installed_beside(installed: Installed) -> None:
    assert (
        installed.report["base"]
        == "model 'base': not in this installation; the wheel linnet_base of ./sconsw wheels adds it"
    )
    wheel = next(path for path in WHEELS if path not in COMPILED)
    run(installed.python, "-m", "pip", "install", "--quiet", "--no-index", "--find-links", FOLDER, "linnet[base]")
    question = "import linnet; print(linnet.Model('base').weights, linnet.models()['base'].size)"
    size = (ROOT / "sdk/models/base.linnet").stat().st_size
    assert run(installed.python, "-c", question).split()[1] == str(size)
    run(installed.python, "-m", "pip", "uninstall", "--quiet", "--yes", wheel.name.split("-")[0])
    question = "import linnet; print(sorted(linnet.models()))"
    assert "base" not in run(installed.python, "-c", question)


def test_a_users_file_passes_the_strict_checker(installed: Installed, tmp_path: Path) -> None:
    check = [sys.executable, "-m", "mypy", "--strict", "--python-executable", installed.python]
    check += ["--cache-dir", tmp_path / "cache"]
    assert "Success: no issues found in 1 source file" in run(*check, HERE / "user.py", folder=tmp_path)
    wrong = (HERE / "user.py").read_text().replace("enhancer.postfilter = 0.5", "enhancer.postfilter = 'strong'")
    (tmp_path / "wrong.py").write_text(wrong)
    done = subprocess.run([*map(str, check), "wrong.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout.count("error:") == 1 and "[assignment]" in done.stdout


def test_the_module_compiles_for_a_python_without_a_global_lock() -> None:
    interpreter = interpreters.find().get("3.13")
    if interpreter is None:
        pytest.skip("no CPython 3.13 with its headers is here")
    import pybind11

    include = [f"-I{ROOT}/{folder}" for folder in ("sdk", "sdk/include", "sdk/src")]
    include += ["-isystem", str(interpreter.include), "-isystem", pybind11.get_include()]
    for name in ("_core", "_lab", "_selftest"):
        command = ["g++", "-std=c++17", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-DPy_GIL_DISABLED=1"]
        run(*command, *include, ROOT / f"python/linnet/{name}.cpp")


@pytest.fixture(scope="module")
def arm64(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Debian's Python for arm64."""
    if shutil.which("apt-get") is None:
        pytest.skip("apt-get not found: Debian's Python for arm64 is what runs under the emulator")
    if "aarch64_linux" not in TARGETS:
        pytest.skip("aarch64_linux was not built")
    needs("qemu-aarch64")
    return arm64_python(tmp_path_factory.mktemp("apt"))


def test_the_wheel_for_aarch64_works_under_an_emulator(arm64: Path, expected: str, tmp_path: Path) -> None:
    if (wheel := arm64_wheel(arm64)) is None:
        pytest.skip(f"no wheel for Debian's {arm64.name}")
    python, variables = with_wheel(arm64, wheel, tmp_path)
    assert run(*python, HERE / "enhance_noise.py", MODEL, **variables) == expected
    question = "from linnet import _core; print(all(a == b for _, _, a, b in _core.selftest()), *_core.backends())"
    answer = run(*python, "-c", question, **variables).split()
    assert answer[0] == "True" and {"neon", "scalar"} <= set(answer)
