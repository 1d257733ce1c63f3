"""The packages of all targets: what is listed, that they come out the same in another folder, and that programs outside
the tree build and run with them by plain gcc, pkg-config and CMake, here and under emulators.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import scons_backend
from conftest import FOLDER, HERE, MODEL, PACKAGED, ROOT, TARGETS, needs, run, scons, sums

import targets

LINUX = [name for name in TARGETS if not targets.load(name).foreign]
WEB = "wasm32_web" in TARGETS
MATERIALS = FOLDER / f"{scons_backend.NAME}.cdx.json"
Sdk = Callable[[str], Path]
VERSION = scons_backend.PROJECT["version"]
# Packages of several targets, which are made if all of these are.
BUNDLES = {
    f"linnet-{VERSION}.aar": ("android", {*targets.of_systems("android")}),
    f"CLinnet-{VERSION}.xcframework.zip": ("apple", {*targets.of_systems(*targets.APPLE_SDKS)}),
    f"Linnet-{VERSION}.zip": ("apple", {*targets.of_systems(*targets.APPLE_SDKS)}),
}
by_target = pytest.mark.parametrize("name", PACKAGED)
by_linux = pytest.mark.parametrize("name", LINUX)
# test_shipped.py runs every self-test, which takes minutes under emulators, if it can make its table.
ALONE = LINUX if {*targets.names()} - {*TARGETS} else [name for name in LINUX if targets.load(name).native]


def contents(package: Path) -> set[str]:
    """Names of the files in an archive, without the folder that they lie in."""
    if package.suffix == ".zip":
        names = zipfile.ZipFile(package).namelist()
    else:
        with tarfile.open(package) as archive:
            names = archive.getnames()
    return {name.split("/", 1)[1] for name in names}


def execute(name: str, program: Path, *arguments: str | Path, **variables: str) -> str:
    """What a program for a Linux target prints on the newest of its CPUs that runs here."""
    target = targets.load(name)
    cpu = next(cpu for cpu in reversed(target.here()) if target.runnable(cpu))
    return run(*target.command(cpu, str(program), *map(str, arguments)), **variables)


def test_every_package_is_listed_with_its_hash() -> None:
    for name, digest in sums().items():
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == digest, name
    endings = [f"-{name}.{'zip' if name.endswith('windows') else 'tar.gz'}" for name in PACKAGED]
    endings += [f"/{name}-{VERSION}.tgz" for name in ("linnet", "linnet-large")] if WEB else []
    endings += [f"{scons_backend.NAME}.tar.gz", ".cdx.json", "-py3-none-any.whl"]
    endings += [f"/{name}" for name, (_, parts) in BUNDLES.items() if parts <= {*TARGETS}]
    for ending in endings:
        assert sum(f"/{name}".endswith(ending) for name in sums()) == 1, ending
    run("sha256sum", "--check", "--strict", "SHA256SUMS", folder=FOLDER)


@by_target
def test_an_archive_is_complete(name: str) -> None:
    names = contents(next(FOLDER / path for path in sums() if f"-{name}." in path))
    libraries = {"liblinnet.a", "pkgconfig/linnet.pc", "cmake/linnet/linnet-config.cmake"}
    libraries |= {
        "linux": {"liblinnet.so", "liblinnet.so.1"},
        "android": {"liblinnet.so"},
        "macos": {"liblinnet.dylib"},
        "windows": {"liblinnet.dll.a", "linnet.def"},
    }.get(targets.load(name).foreign.system if targets.load(name).foreign else "linux", set())
    wanted = {f"lib/{library}" for library in libraries} | {"include/linnet.h"}
    wanted |= {f"share/doc/linnet/{one}" for one in ("LICENSE", "README.md", "MODELS.md", "CHANGELOG.md")}
    wanted |= {f"share/doc/linnet/docs/{path.name}" for path in (ROOT / "docs").glob("*.md")}
    wanted |= {f"share/linnet/models/{path.name}" for path in (ROOT / "sdk/models").glob("*.linnet")}
    wanted |= {"bin/linnet.dll", "bin/linnet-selftest.exe"} if name.endswith("windows") else set()
    wanted |= {"bin/linnet-selftest"} if name in LINUX or name.endswith("macos") else set()
    assert wanted - names == set()
    assert {one for one in names if one.startswith(("bin/", "include/", "lib/lib"))} <= wanted


@pytest.mark.parametrize("name", BUNDLES)
def test_a_package_of_several_targets_is_what_its_word_makes(name: str) -> None:
    room, parts = BUNDLES[name]
    if not parts <= {*TARGETS}:
        pytest.skip(f"this run has not all of {', '.join(sorted(parts))}")
    assert (FOLDER / name).read_bytes() == (ROOT / "build" / room / name).read_bytes()
    with zipfile.ZipFile(FOLDER / name) as archive:
        paths = archive.namelist()
    assert {path.split("/")[-2] for path in paths if path.endswith(("/liblinnet.so", "/liblinnet.a"))} == {
        "android": {f"{start}{abi}" for start in ("", "android.") for abi in ("arm64-v8a", "armeabi-v7a", "x86_64")},
        "apple": {"ios-arm64", "ios-arm64_x86_64-simulator", "macos-arm64_x86_64"},
    }[room]


def test_a_package_of_several_targets_wants_them_all(source: Callable[[str], Path]) -> None:
    """dist of some of them goes without it, and so it does without its tool, which it says."""
    tree = source("a new folder")
    for room, word in (("android", "aar"), ("apple", "xcframework")):
        names = {name for name, (one, _) in BUNDLES.items() if one == room}
        parts = next(sorted(parts) for one, parts in BUNDLES.values() if one == room)
        for given, without, made in ((parts, False, True), (parts[1:], False, False), (parts, True, False)):
            # No JDK and none of the commands, but for what the build itself is run by.
            variables = {"JAVA_HOME": str(tree), "PATH": str(tree)} if without else {}
            said = scons(tree, "-n", "dist", f"target={','.join(given)}", **variables)
            assert {name for name in names if f"build/{room}/{name}" in said} == (names if made else set())
            assert (f"linnet: dist without {word}, which needs " in said) == without


def test_the_bill_of_materials_is_one() -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    text = MATERIALS.read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bill = json.loads(text)
    assert bill["metadata"]["component"]["version"] == scons_backend.PROJECT["version"]
    hashes = {one["name"]: one["hashes"][0]["content"] for one in bill["components"] if "hashes" in one}
    assert {name: digest for name, digest in sums().items() if name != MATERIALS.name}.items() <= hashes.items()
    assert {path.name for path in (ROOT / "sdk/models").glob("*.linnet")} <= set(hashes)
    known = {one["bom-ref"] for one in bill["components"]}
    parts = {one["ref"]: one["dependsOn"] for one in bill["dependencies"]}
    assert all(part in known for whole in parts.values() for part in whole)
    for name in sums():
        if "manylinux" in name:
            held = {part.split("@")[0] for part in parts[name]}
            assert held == {"pybind11", "llvm-runtimes", "numpy", "soundfile", "soxr", "tqdm"}
    for name in LINUX:
        held = {part.split("@")[0] for part in parts[f"{scons_backend.NAME}-{name}.tar.gz"]}
        assert held == {"glibc", "libgcc"}


@pytest.mark.parametrize("name", ALONE)
def test_the_self_test_of_an_archive_passes(sdk: Sdk, name: str) -> None:
    assert execute(name, sdk(name) / "bin/linnet-selftest").endswith("passed: the bits are as everywhere\n")


@by_linux
@pytest.mark.parametrize("library", ["liblinnet.a", "liblinnet.so"])
def test_a_program_by_plain_gcc(sdk: Sdk, expected: str, tmp_path: Path, name: str, library: str) -> None:
    top, program = sdk(name), tmp_path / "consumer"
    command = [targets.load(name).compiler("gcc")[0], "-I", top / "include", HERE / "consumer.c", top / "lib" / library]
    run(*command, f"-Wl,-rpath,{top}/lib", "-o", program)
    assert execute(name, program, top / f"share/linnet/models/{MODEL}.linnet") == expected


@by_linux
def test_a_program_by_pkg_config(sdk: Sdk, expected: str, tmp_path: Path, name: str) -> None:
    needs("pkg-config")
    top, program = sdk(name), tmp_path / "consumer"
    compiler = targets.load(name).compiler("gcc")[0]
    line = f"eval {compiler} {HERE}/consumer.c $(pkg-config --cflags --libs linnet) -o {program}"
    run("sh", "-c", line, PKG_CONFIG_LIBDIR=str(top / "lib/pkgconfig"))
    found = execute(name, program, top / f"share/linnet/models/{MODEL}.linnet", LD_LIBRARY_PATH=str(top / "lib"))
    assert found == expected


@by_linux
@pytest.mark.parametrize("library", ["linnet::linnet", "linnet::static"])
def test_a_program_by_cmake(sdk: Sdk, expected: str, tmp_path: Path, name: str, library: str) -> None:
    needs("cmake")
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.18)\nproject(consumer C)\nfind_package(linnet 0.1 REQUIRED)\n"
        f"add_executable(consumer {HERE}/consumer.c)\ntarget_link_libraries(consumer {library})\n"
    )
    target = targets.load(name)
    cross = [] if target.native else ["-DCMAKE_SYSTEM_NAME=Linux", f"-DCMAKE_C_COMPILER={target.compiler('gcc')[0]}"]
    run("cmake", "-S", tmp_path, "-B", tmp_path / "b", *cross, f"-Dlinnet_DIR={sdk(name)}/lib/cmake/linnet")
    run("cmake", "--build", tmp_path / "b")
    program = tmp_path / "b/consumer"
    assert execute(name, program, sdk(name) / f"share/linnet/models/{MODEL}.linnet") == expected


def test_another_folder_gives_the_same_bytes(source: Callable[[str], Path]) -> None:
    """One CPython stands for all, whose modules differ by their headers alone."""
    tree = source("somebody's folder")
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    scons(tree, "dist", "wheels", f"target={','.join(TARGETS)}", f"pythons={python}")
    lines = (tree / "build/dist/SHA256SUMS").read_text().splitlines()
    found = {name: digest for digest, name in (line.split() for line in lines) if not name.endswith(".cdx.json")}
    tag = f"-cp{python.replace('.', '')}-"
    packages = [name for name in sums() if not name.endswith(".cdx.json")]
    assert found == {name: sums()[name] for name in packages if "manylinux" not in name or tag in name}
    # With the modules for the other CPythons, which are not built here again, their list and bill are the same too.
    gathered = tree / "gathered"
    run(sys.executable, tree / "sdk/packaging/release.py", gathered, *(FOLDER / name for name in packages))
    for name in ("SHA256SUMS", MATERIALS.name):
        assert (gathered / name).read_bytes() == (FOLDER / name).read_bytes()
