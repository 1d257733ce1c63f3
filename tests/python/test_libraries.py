"""Libraries for systems that nothing here can run: each is of its kind, exports the public functions alone and asks its
system for nothing but a few functions of the C library. Mach-O, PE and archives are read here, byte by byte (Apple's
`mach-o/loader.h`, Microsoft's "PE Format"); ELF by readelf and nm, which know every machine.
"""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

import targets

BUILT = list(filter(None, os.environ.get("LINNET_TEST_LIBRARIES", "").split(",")))
# What the core may ask of a C library; elsewhere test_exports.py says which file may ask for what.
WANTED = {"malloc", "free", "fopen", "fclose", "fread", "fgetc", "ferror", "getauxval", "strcmp", "memcmp"}
WANTED |= {"memcpy", "memmove", "memset"}
HELPERS = r"__errno|__aeabi_mem(?:clr|cpy|move|set)[48]?"
# How each system is asked for the CPU's features: without that function no fast table would ever be chosen there.
QUESTION = {"android": "getauxval", "macos": "sysctlbyname", "ios": "sysctlbyname"}
TABLES = {
    "x86": {"avx2", "avx_vnni", "avx512_vnni"},
    "linux_arm": {"neon", "neon_dot", "neon_i8mm"},
    "apple": {"neon", "neon_dot", "neon_i8mm"},
    "windows_arm": {"neon", "neon_dot", "neon_i8mm"},
    "none": {"wasm128"},  # a module with vectors is refused whole where there are none
}
# What Apple's compiler adds: guards of the stack, and other names.
APPLE = {QUESTION["macos"], "__error", "bzero", "__bzero", "memset_pattern16", "__stack_chk_fail", "__stack_chk_guard"}
MACOS, IOS, IOS_SIMULATOR = 1, 2, 7  # platforms of LC_BUILD_VERSION
PROCESSORS = {"arm64": 0x0100000C, "x86_64": 0x01000007}


def folder_of(root: Path, name: str) -> Path:
    """Where the release build of a target lies; skips the test if this run has none."""
    if name not in BUILT:
        reason = targets.load(name).missing() or "tests/run.py was not told of it"
        pytest.skip(f"{name} was not built: {reason}")
    return root / targets.folder(name, "release", "gcc")


@pytest.fixture(scope="module")
def declared(root: Path) -> set[str]:
    header = (root / "sdk/include/linnet.h").read_text()
    return set(re.findall(r"^LINNET_API [^;]*?\b(linnet_\w+)\(", header, re.MULTILINE))


def output(*command: str | Path) -> str:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("name", targets.names())
def test_every_table_of_a_target_can_be_chosen_there(root: Path, name: str) -> None:
    """A table is dead weight where nobody asks whether the CPU can run it."""
    target = targets.load(name)
    assert (root / f"sdk/src/base/cpu_{target.cpu}.cpp").exists()
    assert {kernel.name for kernel in target.kernels} <= TABLES[target.cpu]


@pytest.mark.parametrize(
    ("name", "machine"),
    [("aarch64_android", "AArch64"), ("armv7_android", "ARM"), ("x86_64_android", "Advanced Micro Devices X86-64")],
    ids=lambda value: value,
)
def test_android(root: Path, declared: set[str], name: str, machine: str) -> None:
    path = folder_of(root, name) / "liblinnet.so"
    header, dynamic = output("readelf", "-hW", path), output("readelf", "-dW", path)
    assert re.search(rf"Machine: +{machine}\n", header) and re.search(r"Type: +DYN", header)
    assert "SONAME" in dynamic and "[liblinnet.so]" in dynamic
    assert set(re.findall(r"\(NEEDED\).*\[(.+)\]", dynamic)) <= {"libc.so", "libm.so"}
    assert "INIT_ARRAY" not in dynamic and "TEXTREL" not in dynamic
    aligned = [int(line.split()[-1], 16) for line in output("readelf", "-lW", path).splitlines() if " LOAD " in line]
    assert aligned and min(aligned) >= 16384
    exported = {line.split()[0] for line in output("nm", "-DP", "--defined-only", path).splitlines()}
    assert exported == declared
    asked = {line.split()[0].split("@")[0] for line in output("nm", "-DP", "--undefined-only", path).splitlines()}
    assert (QUESTION["android"] in asked) == (targets.load(name).cpu != "x86")  # CPUID asks no system
    assert not {symbol for symbol in asked - WANTED if not re.fullmatch(HELPERS, symbol)}


# Creates a stream out of a file and runs an impulse through it, on a C library that has errno under another name.
ARMV7_PROGRAM = """#include <linnet.h>
int *__errno_location(void);
int *__errno(void) { return __errno_location(); }
int main(int count, char **words) {
  linnet_model *model = 0;
  linnet_stream *stream = 0;
  float frame[480] = {1.0f};
  if (count < 2 || linnet_model_load(words[1], &model) != LINNET_OK) return 1;
  if (linnet_create(model, 0, &stream) != LINNET_OK) return 1;
  for (int i = 0; i < 20; ++i) {
    if (linnet_process(stream, frame, frame, 480) != LINNET_OK) return 2;
  }
  return 0;
}
"""


def test_armv7_android_asks_for_no_division_by_an_instruction(root: Path) -> None:
    """Cortex-A8 and A9 have none, and Android 7 ran on them."""
    folder = folder_of(root, "armv7_android")
    for path in (folder / "liblinnet.so", folder / "liblinnet.a"):
        attributes = output("readelf", "-AW", path)
        assert set(re.findall(r"Tag_CPU_arch: (\S+)", attributes)) == {"v7"}
        assert not re.search(r"Tag_DIV_use: Allowed|Tag_Virtualization_use", attributes)


@pytest.mark.parametrize("cpu", ["cortex-a7", "cortex-a9"])
def test_armv7_android_archive_runs_on_an_old_cpu(root: Path, tiny_model: Path, tmp_path: Path, cpu: str) -> None:
    """In a Linux program of Android's way to pass numbers: nothing here runs Android's own."""
    folder = folder_of(root, "armv7_android")
    if not (shutil.which("arm-linux-gnueabi-gcc") and shutil.which("qemu-arm")):
        pytest.skip("on Debian install gcc-arm-linux-gnueabi, libc6-dev-armel-cross and qemu-user")
    (tmp_path / "main.c").write_text(ARMV7_PROGRAM)
    flags = ("-march=armv7-a", "-mfloat-abi=softfp", "-mfpu=vfpv3-d16", "-static", "-w", f"-I{root}/sdk/include")
    program = tmp_path / "main"
    output("arm-linux-gnueabi-gcc", *flags, tmp_path / "main.c", folder / "liblinnet.a", "-o", program)
    output("qemu-arm", "-cpu", cpu, program, tiny_model)


@dataclass
class Mach:
    """What a Mach-O file says of itself: platform and its lowest version, libraries, symbols without the underscore."""

    processor: int
    kind: int
    platform: int
    version: tuple[int, int]
    libraries: list[str]
    defined: set[str]
    exported: set[str]  # of these, the ones that are not hidden
    undefined: set[str]


def read_mach(data: bytes) -> Mach:
    magic, processor, _, kind, count, _, _, _ = struct.unpack_from("<8I", data)
    assert magic == 0xFEEDFACF
    platform, version, libraries = 0, (0, 0), []
    defined, exported, undefined = set(), set(), set()
    at = 32
    for _ in range(count):
        command, size = struct.unpack_from("<2I", data, at)
        if command == 0x32:  # LC_BUILD_VERSION
            platform, lowest = struct.unpack_from("<2I", data, at + 8)
            version = (lowest >> 16, lowest >> 8 & 255)
        if command == 0xC:  # LC_LOAD_DYLIB
            start = at + struct.unpack_from("<I", data, at + 8)[0]
            libraries.append(data[start : at + size].split(b"\0")[0].decode())
        if command == 0x2:  # LC_SYMTAB
            first, symbols, strings, _ = struct.unpack_from("<4I", data, at + 8)
            for index in range(symbols):
                text, form, _, _, value = struct.unpack_from("<IBBHQ", data, first + 16 * index)
                name = data[strings + text :].split(b"\0", 1)[0].decode().removeprefix("_")
                if form & 0xE0 or not form & 0x11:  # of a debugger, or of one object alone
                    continue
                (defined if form & 0xE else undefined).add(name)
                if form & 0xE and not form & 0x10:
                    exported.add(name)
        at += size
    return Mach(processor, kind, platform, version, libraries, defined, exported, undefined)


def members(path: Path) -> list[bytes]:
    """Files of an archive of objects, without its tables of names."""
    data, found, at = path.read_bytes(), [], 8
    assert data.startswith(b"!<arch>\n")
    while at + 60 <= len(data):
        name, size = data[at : at + 16].decode().strip(), int(data[at + 48 : at + 58])
        body = data[at + 60 : at + 60 + size]
        if name.startswith("#1/"):  # a name in front of the contents
            name, body = body[: int(name[3:])].rstrip(b"\0").decode(), body[int(name[3:]) :]
        if name not in ("/", "//") and not name.startswith("__.SYMDEF"):
            found.append(body)
        at += 60 + size + size % 2
    return found


@pytest.mark.parametrize("name", ["aarch64_macos", "x86_64_macos"])
def test_macos(root: Path, declared: set[str], name: str) -> None:
    found = read_mach((folder_of(root, name) / "liblinnet.dylib").read_bytes())
    machine = targets.load(name).machine
    assert (found.processor, found.kind, found.platform) == (PROCESSORS[machine], 6, MACOS)  # a dynamic library
    assert found.version == (11, 0)
    assert found.libraries == ["/usr/lib/libSystem.B.dylib"]
    assert found.exported - {"__dso_handle", "_mh_dylib_header"} == declared  # these two are the linker's own
    assert found.undefined - {"dyld_stub_binder"} <= WANTED | APPLE
    assert (QUESTION["macos"] in found.undefined) == (machine == "arm64")


@pytest.mark.parametrize(
    ("name", "platform"),
    [
        ("arm64_ios", IOS),
        ("arm64_ios_simulator", IOS_SIMULATOR),
        ("x86_64_ios_simulator", IOS_SIMULATOR),
        ("aarch64_macos", MACOS),
        ("x86_64_macos", MACOS),
    ],
    ids=lambda value: value,
)
def test_apple_archive(root: Path, declared: set[str], name: str, platform: int) -> None:
    objects = [read_mach(body) for body in members(folder_of(root, name) / "liblinnet.a")]
    assert len(objects) >= 15
    assert {(found.processor, found.kind, found.platform) for found in objects} == {
        (PROCESSORS[targets.load(name).machine], 1, platform)
    }
    assert platform == MACOS or {found.version for found in objects} == {(14, 0)}
    defined = set().union(*(found.defined for found in objects))
    assert declared <= defined
    assert not set().union(*(found.exported for found in objects))  # hidden: they do not leave the app
    strangers = set().union(*(found.undefined for found in objects)) - defined
    assert strangers <= WANTED | APPLE
    assert (QUESTION["ios"] in strangers) == (targets.load(name).cpu == "apple")


@pytest.mark.parametrize(("name", "machine"), [("x86_64_windows", 0x8664), ("aarch64_windows", 0xAA64)])
def test_windows_archive(root: Path, name: str, machine: int) -> None:
    objects = members(folder_of(root, name) / "liblinnet.a")
    assert len(objects) >= 15
    assert {struct.unpack_from("<H", body)[0] for body in objects} == {machine}
    assert not [body for body in objects if b"-export:" in body or b"/EXPORT:" in body]  # of an app's own DLL


@pytest.mark.parametrize(("name", "kind"), [("x86_64_windows", "coff-x86-64"), ("aarch64_windows", "coff-arm64")])
def test_windows_library(root: Path, declared: set[str], name: str, kind: str) -> None:
    """The library links in minutes the first time, so that only a build by hand has it: ./sconsw lib target=all."""
    path = folder_of(root, name) / "linnet.dll"
    if not path.exists():
        pytest.skip(f"linnet.dll was not linked: ./sconsw lib target={name}")
    listing = output("llvm-objdump-19", "-p", path)
    assert f"file format {kind}\n" in listing
    imports, exports = listing.split("Export Table:", 1)
    assert sorted(re.findall(r"^ +[0-9]+ +0x[0-9a-f]+ +(\S+)$", exports, re.MULTILINE)) == sorted(declared)
    needed = {name.lower() for name in re.findall(r"DLL Name: (\S+)", imports)}
    assert needed and all(name == "kernel32.dll" or name.startswith("api-ms-win-crt-") for name in needed)
