"""The build itself: what it says to bad options, and that a source archive unpacked elsewhere gives the same bytes, a
complete archive of the SDK that C projects can use, and a wheel that can be imported.
"""

from __future__ import annotations

import ast
import base64
import csv
import hashlib
import io
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import interpreters
import pytest
import scons_backend
from commands import unpack

import targets

# Starts a program where there is no network, which root may, and on most systems everyone.
ALONE = ("unshare", "--map-root-user", "--net")


@cache
def alone() -> tuple[str, ...]:
    """ALONE, or nothing on a system that forbids it."""
    try:
        return ALONE if subprocess.run([*ALONE, "true"], capture_output=True).returncode == 0 else ()
    except OSError:
        return ()


def scons(
    folder: Path, *arguments: str, start: tuple[str, ...] = (), **variables: str
) -> subprocess.CompletedProcess[str]:
    command = [*start, sys.executable, "-m", "SCons", "-Q", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=os.environ | variables)


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source archive, unpacked in a folder with another path, of a name that a shell cuts in two, behind a link."""
    top = tmp_path_factory.mktemp("unpacked")
    packed = top / "somebody's folder"
    packed.mkdir()
    unpack(packed / scons_backend.build_sdist(str(packed)), packed)
    (top / "link").symlink_to(packed.name)
    return top / "link" / scons_backend.NAME


@pytest.fixture(scope="module")
def elsewhere(unpacked: Path) -> Path:
    """The same, built there, without a network if that can be."""
    done = scons(unpacked, "lib", "dist", "binding", start=alone())
    assert done.returncode == 0, done.stdout + done.stderr
    return unpacked


LIBDIRS = ("lib", "lib/x86_64-linux-gnu", "lib64")


@pytest.fixture(scope="module", params=LIBDIRS)
def libdir(request: pytest.FixtureRequest) -> str:
    """Where the libraries lie below the top of an unpacked SDK: as we have it, Debian and Fedora."""
    return request.param


@pytest.fixture(scope="module")
def sdk(elsewhere: Path, libdir: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of the SDK for this machine, unpacked."""
    folder, name = tmp_path_factory.mktemp("an sdk"), f"{scons_backend.NAME}-{targets.host()}"
    packed = elsewhere / f"build/{targets.host()}-release/dist/{name}.tar.gz"
    if libdir != "lib":
        dry = scons(elsewhere, "-n", "verbose=yes", "dist", f"libdir={libdir}").stdout
        assert f"pack    {packed.relative_to(elsewhere)}\n" in dry
        soname = next(packed.parents[1].glob("liblinnet.so.*"))
        script, packed = elsewhere / "sdk/packaging/archive.py", packed.with_name("another") / packed.name
        packed.parent.mkdir(exist_ok=True)
        arguments = [scons_backend.PROJECT["version"], soname.suffix[1:], "linux", libdir, "8"]
        arguments += [packed.parents[2] / name for name in ("liblinnet.a", soname.name, "linnet-selftest")]
        place = packed.parents[1] / packed.name.replace("linnet", "other", 1)
        subprocess.run([sys.executable, script, place, *arguments], check=True)
        packed, name = place, name.replace("linnet", "other", 1)
    unpack(packed, folder)
    return folder / name


def test_source_archive_holds_no_strays(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in scons_backend.ROOT_FILES:
        shutil.copy(root / name, tmp_path)
    (tmp_path / "clean.wav").touch()
    monkeypatch.setattr(scons_backend, "ROOT", tmp_path)
    with tarfile.open(tmp_path / scons_backend.build_sdist(str(tmp_path))) as archive:
        names = {name.removeprefix(f"{scons_backend.NAME}/") for name in archive.getnames()}
    assert names == {*scons_backend.ROOT_FILES, "PKG-INFO"}


def test_source_archive_holds_every_file_of_the_root(root: Path) -> None:
    done = subprocess.run(["git", "ls-files", ":(glob)*"], cwd=root, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("not a git repository")
    assert sorted(scons_backend.ROOT_FILES) == sorted(done.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["speed=fast", "lib"], "speed=fast"),
        (["libdir=/usr/lib", "dist"], "libdir=/usr/lib"),
        (["libdir=lib/../..", "dist"], "libdir=lib/../.."),
        (["target=vax_vms", "lib"], "vax_vms"),
        (["mode=fastest", "lib"], "fastest"),
        (["compiler=tcc", "lib"], "tcc"),
        (["mode=asan", "python"], "mode=asan"),
        (["mode=msan", "build"], "compiler=clang"),
        (["suite=night", "test"], "night"),
        (["suite=long", "lib"], "suite=long"),
        (["suite=long", "test", "mode=asan"], "suite=long"),
        (["suite=dist", "lib"], "suite=dist"),
        (["suite=desktop", "lib"], "suite=desktop"),
        (["mode=debug", "plugins"], "mode=debug"),
        (["target=x86_64_windows", "plugins"], "leave out target="),
        (["mode=debug", "wheels"], "mode=debug"),
        (["target=x86_64_windows", "wheels"], "aarch64_linux, x86_64_linux"),
        (["mode=o2", "demo"], "mode=o2"),
        (["mode=debug", "bench"], "mode=debug"),
        (["compiler=clang", "bench", "compare"], "compiler=clang"),
        *((["target=x86_64_windows", word], "x86_64_windows") for word in ("check", "test", "vectors", "bench")),
    ],
)
def test_a_bad_option_is_named_in_one_line(unpacked: Path, arguments: list[str], named: str) -> None:
    done = scons(unpacked, *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("linnet: ") and done.stderr.count("\n") == 1
    assert named in done.stderr


def as_machine(folder: Path, system: str, machine: str) -> dict[str, str]:
    """Variables for a Python that finds itself on a computer of another kind, where no core can be asked for."""
    lines = ("import os, platform", "del os.sched_getaffinity")
    lines += tuple(f"platform.{name} = lambda: {value!r}" for name, value in (("system", system), ("machine", machine)))
    (folder / "sitecustomize.py").write_text("\n".join(lines))
    return environment(PYTHONPATH=str(folder))


def test_a_machine_without_a_target_is_told_so_in_one_line(unpacked: Path, tmp_path: Path) -> None:
    machine = as_machine(tmp_path, "SunOS", "sun4v")
    done = scons(unpacked, "lib", **machine)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("linnet: no target describes this machine (SunOS sun4v)")
    assert done.stderr.count("\n") == 1 and "target=" in done.stderr
    assert "\ntarget: " in scons(unpacked, "--help", **machine).stdout


def a_cross_target(tmp_path: Path) -> tuple[str, dict[str, str]]:
    """A Linux target that is not this machine's, and what the environment needs for a dry run of its build."""
    for target in map(targets.load, targets.names()):
        if not (target.foreign or target.native or target.missing()):
            return target.name, {}
    commands = tmp_path / "bin"  # no cross compiler is here: a dry run only looks for its name
    commands.mkdir()
    for command in (targets.load("riscv64_linux").gcc[1], "riscv64-linux-gnu-ar"):
        (commands / command).symlink_to(shutil.which("true") or "")
    return "riscv64_linux", {"PATH": f"{commands}:{os.environ['PATH']}"}


def test_benchmarks_of_another_target_have_the_binding_of_this_machine(unpacked: Path, tmp_path: Path) -> None:
    """Which tells the shapes of the models that they make."""
    name, variables = a_cross_target(tmp_path)
    done = scons(unpacked, "-n", "bench", f"target={name}", **environment(**variables))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"build/{targets.host()}-release/python/_core" in done.stdout
    assert f"build/{name}-release/benchmarks/bench_process" in done.stdout


def test_a_machine_without_a_target_builds_for_others(unpacked: Path, tmp_path: Path) -> None:
    name, variables = a_cross_target(tmp_path)
    machine = as_machine(tmp_path, "SunOS", "sun4v") | variables
    done = scons(unpacked, "-n", "lib", f"target={name}", **machine)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"build/{name}-release/liblinnet.so" in done.stdout


def test_a_mac_builds_with_the_compiler_of_its_system(unpacked: Path, tmp_path: Path) -> None:
    machine = as_machine(tmp_path, "Darwin", "arm64")
    if targets.load("aarch64_macos").missing():
        done = scons(unpacked, "lib", **machine)
        assert done.returncode == 2
        assert (
            done.stderr.startswith("linnet: target aarch64_macos: xcrun not found: ") and done.stderr.count("\n") == 1
        )
    (tmp_path / "xcrun").symlink_to(shutil.which("true") or "")
    machine["PATH"] = f"{tmp_path}:{os.environ['PATH']}"
    done = scons(unpacked, "-n", "verbose=yes", "lib", "python", **machine)
    assert done.returncode == 0, done.stdout + done.stderr
    commands = [line.split() for line in done.stdout.splitlines() if line.startswith("xcrun ")]
    compiled = [command for command in commands if "-c" in command]
    assert len(compiled) > 20
    assert all("--target=arm64-apple-macos11.0" in command for command in compiled)
    linked = [command for command in commands if "-bundle" in command]
    assert len(linked) == 1 and "dynamic_lookup" in linked[0]
    assert "-Wl,--gc-sections" not in done.stdout and " rcD " not in done.stdout
    done = scons(unpacked, "-n", "verbose=yes", "lib", "target=arm64_ios", **machine)
    assert "xcrun --sdk iphoneos clang++ " in done.stdout


def environment(**variables: str) -> dict[str, str]:
    """These variables of a toolchain, and none of those that the tests were started with."""
    return dict.fromkeys(targets.VARIABLES, "") | variables


def compiled_by(done: subprocess.CompletedProcess[str], source: str) -> list[str]:
    """The command of a dry run that compiles a source."""
    assert done.returncode == 0, done.stdout + done.stderr
    return next(line for line in done.stdout.splitlines() if " -c " in line and line.endswith(source)).split()


def test_flags_of_the_environment_are_taken_and_exactness_follows_them(unpacked: Path) -> None:
    variables = environment(CPPFLAGS="-DC1", CFLAGS="-DC2", CXXFLAGS="-DC3 -Os -ffast-math", LDFLAGS="-Wl,-z,now")
    done = scons(unpacked, "-n", "verbose=yes", "lib", "examples", **variables)
    command = compiled_by(done, "sdk/src/dsp/erb.cpp")
    order = ["-O3", "-DC1", "-DC3", "-Os", "-ffast-math", "-fno-fast-math", "-ffp-contract=off", "-fno-math-errno"]
    assert [command.index(flag) for flag in order] == sorted(command.index(flag) for flag in order)
    assert "-DC2" not in command
    example = compiled_by(done, "sdk/examples/enhance_file.c")
    assert {"-DC1", "-DC2"} <= set(example) and "-DC3" not in example
    linked = [line for line in done.stdout.splitlines() if f"-o build/{targets.host()}-release/liblinnet.so" in line]
    assert len(linked) == 1 and "-Wl,-z,now" in linked[0]


def test_hostile_flags_of_the_environment_change_no_instruction_of_the_signal_path(unpacked: Path) -> None:
    """One file of a build that nothing else here looks at, whose headers refuse a compiler that may cheat."""
    name = f"build/{targets.host()}-debug/sdk/src/dsp/gains.os"
    texts = []
    for flags in ("", "-ffast-math -funsafe-math-optimizations -ffp-contract=fast"):
        done = scons(unpacked, "mode=debug", name, **environment(CXXFLAGS=flags))
        assert done.returncode == 0, done.stdout + done.stderr
        texts.append(subprocess.run(["objdump", "-d", name], cwd=unpacked, capture_output=True, text=True).stdout)
    assert "<" in texts[0] and texts[0] == texts[1]


@pytest.mark.parametrize("name", ["aarch64_linux", "aarch64_macos", "armv7_android"])
def test_a_cross_toolchain_of_the_environment_is_taken_as_it_is(unpacked: Path, tmp_path: Path, name: str) -> None:
    for command in ("our-gcc", "our-g++", "our-ar", "our-ranlib"):
        (tmp_path / command).symlink_to(shutil.which("true") or "")
    variables = environment(
        CC="our-gcc -mlittle-endian",
        CXX="our-g++ -mlittle-endian",
        AR="our-ar",
        RANLIB="our-ranlib",
        SYSROOT="/root of it",
    )
    variables["PATH"] = f"{tmp_path}:{os.environ['PATH']}"
    done = scons(unpacked, "-n", "verbose=yes", "lib", f"target={name}", **variables)
    command = compiled_by(done, "sdk/src/dsp/erb.cpp")
    assert command[:2] == ["our-g++", "-mlittle-endian"] and "--sysroot=/root of it" in " ".join(command)
    assert not [part for part in command if part.startswith("--target=")]
    assert "\nour-ar rc" in done.stdout and "\nour-ranlib " in done.stdout
    done = scons(unpacked, "-n", "lib", f"target={name}", **environment(CC="no-such-gcc", CXX="no-such-g++"))
    assert done.returncode == 2 and "no-such-g" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["aarch64_macos", "aarch64_android", "x86_64_windows"])
def test_a_sysroot_of_the_environment_is_linked_with_as_well(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for variable, value in environment(CC="our-cc", SYSROOT="/root of it", LDFLAGS="-Wl,-z,now").items():
        monkeypatch.setenv(variable, value)
    tools = targets.load(name).tools
    assert tools
    for command in (tools.link, tools.program):
        words = shlex.split(command or "")
        assert words[0] == "our-cc" and "--sysroot=/root of it" in words and words[-1] == "-Wl,-z,now"


def test_a_toolchain_of_the_environment_is_for_one_target(unpacked: Path, tmp_path: Path) -> None:
    variables = environment(CXXFLAGS="-DFROM_ENVIRONMENT", ANDROID_NDK_HOME=str(tmp_path))
    done = scons(unpacked, "-n", "verbose=yes", "target=all", "lib", **variables)
    assert "linnet: several targets are built: CXXFLAGS of the environment left out\n" in done.stdout
    assert "-DFROM_ENVIRONMENT" not in done.stdout


@pytest.mark.parametrize("older", ["compiler", "assembler"])
def test_a_table_is_left_out_where_the_toolchain_does_not_know_its_instructions(
    unpacked: Path, tmp_path: Path, older: str
) -> None:
    target = targets.load(targets.host() or "")
    if not target.kernels:
        pytest.skip(f"{target.name} has no tables")
    kernel, compiler = target.kernels[-1], tmp_path / "old-c++"
    if not kernel.flags:
        pytest.skip(f"{kernel.name} needs no flag")
    real = target.compiler("gcc")[1]
    refused = f"case \" $* \" in *' {kernel.flags[-1]} '*) echo 'unrecognized option' >&2; exit 1 ;; esac"
    if older == "assembler":
        refused = ""
        word = kernel.instruction.removeprefix("{vex} ").split()[0]
        script = f'for last; do :; done; grep -q "{word}" "$last" && echo "no such instruction" >&2 && exit 1'
        (tmp_path / "as").write_text(f'#!/bin/sh\n{script}\nexec {shutil.which("as")} "$@"\n')
        (tmp_path / "as").chmod(0o755)
        real += f" -B{tmp_path}/"
    compiler.write_text(f'#!/bin/sh\n{refused}\nexec {real} "$@"\n')
    compiler.chmod(0o755)
    done = scons(unpacked, "-n", "verbose=yes", "lib", **environment(CXX=str(compiler)))
    message = f"linnet: {target.name} without {kernel.name}: {compiler} or its assembler does not know "
    assert message in done.stdout, done.stdout + done.stderr
    assert kernel.macro not in compiled_by(done, "sdk/src/kernels/select.cpp")
    assert f"sdk/src/kernels/{kernel.name}.cpp" not in done.stdout
    assert f"sdk/src/kernels/{target.kernels[0].name}.cpp" in done.stdout


def test_a_compiler_that_compiles_nothing_says_itself_why(unpacked: Path, tmp_path: Path) -> None:
    compiler = tmp_path / "c++"
    compiler.write_text('#!/bin/sh\n[ "$LICENCE" ] || { echo "no licence server" >&2; exit 1; }\nexec g++ "$@"\n')
    compiler.chmod(0o755)
    done = scons(unpacked, "-n", "lib", **environment(CXX=str(compiler)))
    assert done.returncode == 2 and "compiles nothing:\nno licence server\n" in done.stderr
    assert "without" not in done.stdout
    assert scons(unpacked, "-n", "lib", **environment(CXX=str(compiler), LICENCE="5280@host")).returncode == 0


@pytest.mark.parametrize(
    ("system", "kind", "bits", "machine"),
    [
        ("Linux", "aarch64", 32, "armv7l"),
        ("Linux", "armv8l", 32, "armv7l"),
        ("Linux", "aarch64", 64, "aarch64"),
        ("Linux", "armv7l", 32, "armv7l"),
        ("Linux", "x86_64", 32, "i686"),
        ("Darwin", "arm64", 64, "arm64"),
    ],
)
def test_a_machine_is_what_its_programs_run_as(
    monkeypatch: pytest.MonkeyPatch, system: str, kind: str, bits: int, machine: str
) -> None:
    """A 32-bit system on a 64-bit kernel, as small boards have it: the wheel's tag too."""
    monkeypatch.setattr(targets.platform, "system", lambda: system)
    monkeypatch.setattr(targets.platform, "machine", lambda: kind)
    monkeypatch.setattr(targets.sys, "maxsize", 2 ** (bits - 1) - 1)
    assert targets.machine() == machine
    other = {"Linux": f"linux-{kind}", "Darwin": "macosx-10.13-universal2"}[system]
    monkeypatch.setattr(scons_backend.sysconfig, "get_platform", lambda: other)
    assert scons_backend._tag().endswith({"Linux": f"-linux_{machine}", "Darwin": f"-macosx_11_0_{machine}"}[system])


def test_a_warning_is_an_error_where_the_sources_are_checked_alone(unpacked: Path) -> None:
    """Else next year's compiler ends the build of somebody who cannot help it."""
    for word, wanted in (("lib", False), ("python", False), ("check", True)):
        command = compiled_by(scons(unpacked, "-n", "verbose=yes", word, "lib"), "sdk/src/dsp/erb.cpp")
        assert ("-Werror" in command) == wanted and "-Wall" in command


def compilers() -> list[str]:
    """C++ compilers of this machine, by the names that Debian gives to versions of them; each once."""
    names = ("g++", *(f"g++-{n}" for n in range(9, 17)), *(f"clang++-{n}" for n in range(14, 24)))
    found = {os.path.realpath(path): name for name in reversed(names) if (path := shutil.which(name))}
    return sorted(found.values())


@pytest.mark.parametrize("compiler", compilers())
def test_the_sources_of_the_library_give_no_warning_in_any_language_of_the_compiler(root: Path, compiler: str) -> None:
    """C++17 is what the build asks for; who builds the sources with his own may ask for a later one."""
    known = []
    for language in ("17", "20", "23", "26", "2a", "2b", "2c"):
        command = [compiler, f"-std=c++{language}", "-fsyntax-only", "-x", "c++", os.devnull]
        if subprocess.run(command, capture_output=True).returncode == 0:
            known.append(language)
    assert "17" in known
    tables = {kernel.name for name in targets.names() for kernel in targets.load(name).kernels}
    sources = [path for path in sorted((root / "sdk/src").rglob("*.cpp")) if path.stem not in tables]
    assert len(sources) > 15
    for language in {"17", known[-1]}:
        flags = [f"-std=c++{language}", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", '-DLINNET_VERSION="1"']
        command = [compiler, *flags, f"-I{root}/sdk/include", f"-I{root}/sdk/src", *map(str, sources)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, f"C++{language}: {done.stderr}"


def test_cores_are_counted_where_the_system_cannot_say_which(monkeypatch: pytest.MonkeyPatch) -> None:
    assert targets.cores() == len(os.sched_getaffinity(0))
    monkeypatch.delattr(os, "sched_getaffinity")
    assert targets.cores() == os.cpu_count()
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert targets.cores() == 1


@pytest.fixture
def locked(unpacked: Path) -> Iterator[tuple[Path, list[str]]]:
    """A copy of the sources that may be read alone, and what to run a program by so that this stops it."""
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("the superuser may write everywhere, and setpriv is not here to take that from him")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        shutil.copytree(unpacked, folder / "sources", ignore=shutil.ignore_patterns("build", "*.so"))
        (folder / "free").mkdir()
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o777 if path.name == "free" else 0o555 if path.is_dir() else 0o444)
        # Permissions do not stop the superuser, unless that right is taken from him.
        yield folder, ["setpriv", "--bounding-set=-all"] if os.geteuid() == 0 else []
        for path in (folder, *folder.rglob("*")):
            if path.is_dir():
                path.chmod(0o755)


def test_sources_that_cannot_be_written_are_said_to_be_so(locked: tuple[Path, list[str]]) -> None:
    folder, prefix = locked
    command = [*prefix, sys.executable, "-B", "-m", "SCons", "-Q", "lib"]
    done = subprocess.run(command, cwd=folder / "sources", capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"linnet: cannot write to {folder}/sources/build: ") and done.stderr.count("\n") == 1


def test_a_wheel_is_made_of_sources_that_cannot_be_written(locked: tuple[Path, list[str]]) -> None:
    """In a copy of them; a stand-in for SCons says where it ran, what a compiler makes is tested elsewhere."""
    folder, prefix = locked
    (folder / "free/SCons.py").write_text(
        "import pathlib, sys, os\n"
        "assert os.access('.', os.W_OK) and pathlib.Path('SConstruct').exists(), os.getcwd()\n"
        "sys.path.insert(0, '.'); import targets\n"
        f"module = pathlib.Path(f'build/{{targets.host()}}-release/python/_core{scons_backend.SUFFIX}')\n"
        "module.parent.mkdir(parents=True); module.write_text(os.getcwd())\n"
    )
    code = "import sys, scons_backend; print(scons_backend.build_wheel(sys.argv[1]))"
    variables = {"PYTHONPATH": f"{folder}/free:{folder}/sources/python", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [*prefix, sys.executable, "-c", code, str(folder / "free")],
        cwd=folder / "sources",
        capture_output=True,
        text=True,
        env=os.environ | variables,
    )
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(folder / "free" / done.stdout.split()[-1]) as wheel:
        place = Path(wheel.read(f"linnet/_core{scons_backend.SUFFIX}").decode())
    assert not place.is_relative_to(folder) and not place.exists()
    assert not (folder / "sources/build").exists()


def test_a_target_without_its_toolchain_is_an_error_if_named(unpacked: Path, tmp_path: Path) -> None:
    done = scons(unpacked, "target=aarch64_android", "lib", ANDROID_NDK_HOME=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.startswith("linnet: target aarch64_android: ") and done.stderr.count("\n") == 1
    assert f"ANDROID_NDK_HOME={tmp_path}" in done.stderr


def test_all_targets_leave_out_those_without_a_toolchain_and_say_why(unpacked: Path, tmp_path: Path) -> None:
    done = scons(unpacked, "-n", "target=all", "lib", ANDROID_NDK_HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    for name in ("aarch64_android", "armv7_android"):
        assert f"linnet: skipping target {name}: ANDROID_NDK_HOME={tmp_path} " in done.stdout


def test_help_lists_every_word_and_option(unpacked: Path) -> None:
    text = scons(unpacked, "--help").stdout
    for word in (
        "lib",
        "python",
        "examples",
        "selftest",
        "dist",
        "wheels",
        "demo",
        "check",
        "format",
        "bench",
        "documents",
        "vectors",
        "test",
        "enhance",
        "oracle",
        "info",
        "train",
        "evaluate",
    ):
        assert word in text.split()
    for option in ("target", "mode", "compiler", "pythons", "verbose"):
        assert f"\n{option}: " in text
    for name in targets.names():
        assert name in text


def test_nothing_is_built_twice(elsewhere: Path) -> None:
    done = scons(elsewhere, "lib", "dist", "binding")
    assert done.returncode == 0, done.stderr
    # That database is written anew every time.
    idle = (" is up to date.", " compile_commands.json")
    assert [line for line in done.stdout.splitlines() if not line.endswith(idle)] == []


def test_once_set_up_nothing_asks_the_network(elsewhere: Path, root: Path, tmp_path: Path) -> None:
    """The build has not, in the fixture; nor does the package, whose models are in it."""
    if not alone():
        pytest.skip(f"this system does not allow {' '.join(ALONE)}")
    question = "import socket; socket.create_connection(('192.0.2.1', 80), 5)"
    refused = subprocess.run([*alone(), sys.executable, "-c", question], capture_output=True, text=True)
    assert "unreachable" in refused.stderr
    command = [*alone(), sys.executable, "-m", "linnet", "enhance"]
    clip, out = root / "sdk/examples/demo_noisy.flac", tmp_path / "out.flac"
    done = subprocess.run([*command, clip, out], capture_output=True, text=True)
    assert done.returncode == 0 and out.exists(), done.stderr


def test_the_bytes_do_not_depend_on_the_folder(elsewhere: Path, root: Path) -> None:
    build = f"build/{targets.host()}-release"
    names = ["liblinnet.a", "liblinnet.so", f"python/_core{scons_backend.SUFFIX}"]
    for name in names:
        here, there = root / build / name, elsewhere / build / name
        assert here.read_bytes() == there.read_bytes(), f"{name} differs; is {here} the build of these sources?"
        assert str(elsewhere).encode() not in there.read_bytes()


def test_sdk_archive_is_complete(sdk: Path, libdir: str) -> None:
    names = {str(path.relative_to(sdk)) for path in sdk.rglob("*")}
    link = (sdk / libdir / "liblinnet.so").readlink()
    pkgconfig = (sdk / libdir / "pkgconfig/linnet.pc").read_text()
    libraries = ("liblinnet.a", link, "cmake/linnet/linnet-config.cmake")
    assert {"include/linnet.h", *(f"{libdir}/{name}" for name in libraries)} <= names
    assert "bin/linnet-selftest" in names
    assert {"share/doc/linnet/LICENSE", "share/linnet/models/tiny.linnet"} <= names
    assert f"Version: {scons_backend.PROJECT['version']}\n" in pkgconfig and "@" not in pkgconfig


PROGRAM = """#include <linnet.h>
#include <stdio.h>
int main(void) { return puts(linnet_version()) < 0; }
"""


def test_a_program_finds_the_sdk_by_pkg_config(sdk: Path, libdir: str, tmp_path: Path) -> None:
    if shutil.which("pkg-config") is None:
        pytest.skip("pkg-config not found; on Debian install pkg-config")
    (tmp_path / "main.c").write_text(PROGRAM)
    places = {"PKG_CONFIG_PATH": str(sdk / libdir / "pkgconfig"), "LD_LIBRARY_PATH": str(sdk / libdir)}
    environment = os.environ | places
    command = "eval gcc main.c $(pkg-config --cflags --libs linnet) -o main && ./main"
    done = subprocess.run(command, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stdout == f"{scons_backend.PROJECT['version']}\n", done.stderr


@pytest.mark.parametrize("library", ["linnet::linnet", "linnet::static"])
def test_a_program_finds_the_sdk_by_cmake(sdk: Path, libdir: str, tmp_path: Path, library: str) -> None:
    if shutil.which("cmake") is None:
        pytest.skip("cmake not found; on Debian install cmake")
    (tmp_path / "main.c").write_text(PROGRAM)
    package = f"linnet {scons_backend.PROJECT['version']} REQUIRED"
    (tmp_path / "CMakeLists.txt").write_text(
        f"cmake_minimum_required(VERSION 3.18)\nproject(main C)\nfind_package({package})\n"
        f"add_executable(main main.c)\ntarget_link_libraries(main {library})\n"
    )
    # As on a system where the folder of the libraries is found through a link first.
    place = tmp_path / "link"
    place.symlink_to(sdk / libdir / "cmake")
    command = f"cmake -S . -B build -Dlinnet_DIR={place}/linnet && cmake --build build"
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    done = subprocess.run([tmp_path / "build/main"], capture_output=True, text=True)
    assert done.stdout == f"{scons_backend.PROJECT['version']}\n", done.stderr


# What find_package asks for, and whether our version, given as 0.1.0 here, is an answer to it.
QUESTIONS = {
    "": True,
    "0": True,
    "0.1": True,
    "0.1.0": True,
    "0.1.1": False,
    "0.0.9": False,
    "0.2": False,
    "1": False,
    "1.1": False,
    "0.1...0.1.0": True,
    "0.0.5...<0.2": True,
    "0.0...1.0": True,
    "0.0...<0.1.0": False,
    "0.1.1...0.2": False,
    "0...<1": True,
}


def test_the_cmake_package_answers_for_its_version(root: Path, tmp_path: Path) -> None:
    """As cmake-packages(7) describes the variables that CMake sets and reads."""
    if shutil.which("cmake") is None:
        pytest.skip("cmake not found; on Debian install cmake")
    for version in ("0.1.0", "1.1.0"):
        text = (root / "sdk/packaging/linnet-config-version.cmake.in").read_text()
        (tmp_path / f"{version}.cmake").write_text(text.replace("@VERSION@", version).replace("@POINTER@", "8"))
    script = """cmake_minimum_required(VERSION 3.18)
function(ask version wanted pointer)
  set(CMAKE_SIZEOF_VOID_P ${pointer})
  foreach(end MIN MAX)
    set(PACKAGE_FIND_VERSION_${end} "")
  endforeach()
  if(wanted MATCHES "^(.*)[.][.][.](<?)(.*)$")
    set(PACKAGE_FIND_VERSION_RANGE ${wanted})
    set(PACKAGE_FIND_VERSION_MIN ${CMAKE_MATCH_1})
    set(PACKAGE_FIND_VERSION_MAX ${CMAKE_MATCH_3})
    set(PACKAGE_FIND_VERSION_RANGE_MAX INCLUDE)
    if(CMAKE_MATCH_2)
      set(PACKAGE_FIND_VERSION_RANGE_MAX EXCLUDE)
    endif()
    set(wanted ${PACKAGE_FIND_VERSION_MIN})
  endif()
  string(REPLACE "." ";" parts "${wanted}")
  list(LENGTH parts PACKAGE_FIND_VERSION_COUNT)
  list(APPEND parts 0 0 0)
  list(GET parts 0 PACKAGE_FIND_VERSION_MAJOR)
  list(GET parts 1 PACKAGE_FIND_VERSION_MINOR)
  set(PACKAGE_FIND_VERSION "${wanted}")
  set(PACKAGE_VERSION_UNSUITABLE FALSE)
  include(${CMAKE_CURRENT_LIST_DIR}/${version}.cmake)
  message("${PACKAGE_VERSION_COMPATIBLE} ${PACKAGE_VERSION_EXACT} ${PACKAGE_VERSION_UNSUITABLE} ${PACKAGE_VERSION}")
endfunction()
"""
    more = [("1.1.0", "1"), ("1.1.0", "1.0"), ("1.1.0", "1.2"), ("1.1.0", "0.1"), ("1.1.0", "2")]
    for version, wanted in [*(("0.1.0", wanted) for wanted in QUESTIONS), *more]:
        script += f'ask({version} "{wanted}" 8)\n'
    (tmp_path / "ask.cmake").write_text(script + 'ask(0.1.0 "0.1" 4)\nask(0.1.0 "0.1" "")\n')
    done = subprocess.run(["cmake", "-P", tmp_path / "ask.cmake"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answers = [line.split() for line in done.stderr.splitlines()]
    for (wanted, compatible), answer in zip(QUESTIONS.items(), answers, strict=False):
        exact = str(wanted in ("0.1", "0.1.0")).upper()
        assert answer == [str(compatible).upper(), exact, "FALSE", "0.1.0"], wanted
    assert [answer[0] for answer in answers[len(QUESTIONS) :]] == [
        "TRUE",
        "TRUE",
        "FALSE",
        "FALSE",
        "FALSE",
        "TRUE",
        "TRUE",
    ]
    assert answers[-2][2:] == ["TRUE", "0.1.0", "(64-bit)"] and answers[-1][2:] == ["FALSE", "0.1.0"]


def test_the_model_apart_is_the_largest_and_asked_for_by_its_name(root: Path, tmp_path: Path) -> None:
    files = {path.stem: path.stat().st_size for path in (root / "sdk/models").glob("*.linnet")}
    assert max(files, key=files.__getitem__) == scons_backend.APART
    assert set(scons_backend.PROJECT["optional-dependencies"]["base"]) == {f"linnet-{scons_backend.APART}>=0.1"}
    assert f"linnet/models/{scons_backend.APART}.linnet" not in scons_backend.package_files()
    shutil.copytree(root / "python/linnet", tmp_path / "linnet")  # an installation that has no models at all
    code = f"import linnet\ntry: linnet.Model('{scons_backend.APART}')\nexcept linnet.ModelError as error: print(error)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "model 'base': not in this installation; the wheel linnet_base of ./sconsw wheels adds it\n"


@pytest.mark.parametrize(("flags", "abi"), [("", "cp312"), ("t", "cp312t")])
def test_a_wheel_is_tagged_for_its_interpreter(monkeypatch: pytest.MonkeyPatch, flags: str, abi: str) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 12, 1))
    monkeypatch.setattr(sys, "abiflags", flags)
    assert scons_backend._tag().startswith(f"cp312-{abi}-linux_")
    one = interpreters.Interpreter(Path(sys.executable), (3, 12, 1), flags, tmp := Path(), tmp)
    assert one.tag == f"cp312-{abi}" and one.name == f"3.12{flags}"
    assert one.suffix("x86_64-linux-gnu") == f".cpython-312{flags}-x86_64-linux-gnu.so"


def test_an_interpreter_tells_where_its_headers_are(tmp_path: Path) -> None:
    found = interpreters.ask(Path(sys.executable))
    assert found is not None and found.version == sys.version_info[:3]
    assert (found.include / "Python.h").exists() and found.config.name == "pyconfig.h" and found.config.exists()
    assert found.suffix(targets.load(targets.host() or "").triple) == scons_backend.SUFFIX
    assert f"{found.version[0]}.{found.version[1]}" in interpreters.wanted()
    assert interpreters.ask(tmp_path / "python3.11") is None
    (tmp_path / "broken").write_text("#!/bin/sh\necho no JSON\n")
    (tmp_path / "broken").chmod(0o755)
    assert interpreters.ask(tmp_path / "broken") is None


def test_the_package_and_its_build_are_python_3_10(root: Path) -> None:
    """In their grammar; that nothing else is newer is tried by the tests of wheels, where 3.10 is."""
    assert scons_backend.PROJECT["requires-python"] == ">=3.10"
    paths = [*(root / "python").rglob("*.py"), *(root / "targets").rglob("*.py"), *root.rglob("sdk/**/SConscript")]
    for path in [*paths, root / "SConstruct", root / "python/SConscript", root / "python/linnet/SConscript"]:
        ast.parse(path.read_text(), feature_version=(3, 10))


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

    sources = {str(path.relative_to(elsewhere / "python")) for path in (elsewhere / "python/linnet").rglob("*.py")}
    assert sources == {name for name in contents if name.endswith(".py")}

    code = """
import importlib, pkgutil, sys
import linnet
sys.modules["ray"] = None  # an extra, which the import of this module then asks for
for module in pkgutil.walk_packages(linnet.__path__, "linnet."):
    if module.name == "linnet.ray":
        try:
            importlib.import_module(module.name)
        except ImportError as error:
            assert str(error).endswith("pip install 'ray[data]'"), error
        else:
            raise AssertionError("imported without Ray")
    elif module.name != "linnet.__main__":
        importlib.import_module(module.name)
print(linnet.__file__, linnet.version)
"""
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=tmp_path)
    place, version = done.stdout.split()
    assert Path(place).is_relative_to(tmp_path) and version == scons_backend.PROJECT["version"]
