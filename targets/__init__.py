"""Targets as data: what linnet is built for, with which compiler, and which CPU models its tests run on.

Each file of this folder, but for those that begin with an underscore, defines one `TARGET` and no logic; SConstruct,
the tests and the benchmarks all read them here, so that a new platform is one new file. Only the standard library is
used: `sconsw` asks for the Debian packages of a target before anything is installed.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import platform
import shlex
import shutil
import sys
from dataclasses import dataclass

from targets import _toolchains
from targets._toolchains import APPLE_SDKS as APPLE_SDKS
from targets._toolchains import WINDOWS as WINDOWS
from targets._toolchains import Foreign, Tools, given
from targets._toolchains import jdk as jdk
from targets._toolchains import lipo as lipo
from targets._toolchains import zig as zig

# Variables of the environment that describe the toolchain of a build, as makefiles know them, and the folder of its
# system's headers and libraries.
VARIABLES = ("CC", "CXX", "AR", "RANLIB", "CPPFLAGS", "CFLAGS", "CXXFLAGS", "LDFLAGS", "SYSROOT")
COMPILERS = ("gcc", "clang")
CLANG_PACKAGE = "clang-19"
WINE = "/usr/lib/wine/wine64"  # no command, as its package is meant for another one
# What the tests of packages run, and where Debian has it.
DIST_PACKAGES = {
    "cmake": "cmake",
    "pkg-config": "pkg-config",
    WINE: "wine64",
    "x86_64-w64-mingw32-gcc": "g++-mingw-w64-x86-64-win32",
    "x86_64-w64-mingw32-g++": "g++-mingw-w64-x86-64-win32",
    # Linux on ARM with Android's calling convention for floats.
    "arm-linux-gnueabi-g++": "g++-arm-linux-gnueabi",
}
# Modes whose run-time libraries reserve terabytes of addresses, for which an emulator takes memory until there is none.
NATIVE_MODES = ("asan", "tsan", "msan")
# What platform.system() says where programs of a system run and can be built for use in place.
NATIVE_SYSTEMS = {"linux": "Linux", "macos": "Darwin"}


# An instruction of each table that needs flags. A compiler may know them and hand what it makes to an older assembler.
INSTRUCTIONS = {
    "avx2": "vpmaddubsw %ymm0, %ymm1, %ymm2",
    "avx_vnni": "{vex} vpdpbusd %ymm0, %ymm1, %ymm2",
    "avx512_vnni": "vpdpbusd %ymm16, %ymm17, %ymm18",
    "neon": "vmlal.s16 q0, d2, d3",
    "neon_dot": "sdot v0.4s, v1.16b, v2.16b",
    "neon_i8mm": "smmla v0.4s, v1.16b, v2.16b",
}


@dataclass(frozen=True)
class Kernel:
    """One SIMD kernel table: sdk/src/kernels/NAME.cpp, the only file that gets `flags`."""

    name: str
    flags: tuple[str, ...]

    @property
    def instruction(self) -> str:
        """One that the table is made of."""
        return INSTRUCTIONS[self.name]

    @property
    def macro(self) -> str:
        """Preprocessor name that tells select.cpp that this table is in the build."""
        return f"LINNET_HAVE_{self.name.upper()}"


@dataclass(frozen=True)
class Cpu:
    """One CPU that tests run on.

    name: a model of the target's emulator, or "host" for the machine itself.
    backend: kernels that must be chosen on it by default; None for "host", where it depends on the machine.
    tested: whether all C++ tests run on it; kernel tests and vectors run on every CPU.
    hostile: whether the vectors also run in each floating-point mode that a caller may leave behind, with the default
        backend under an emulator and every one on the machine itself.
    """

    name: str
    backend: str | None
    tested: bool = False
    hostile: bool = False


@dataclass(frozen=True)
class Proof:
    """A further build, whose kernel tests and vectors run with every backend on one CPU.

    mode: "o2" or "o3", every file at that level, or "debug", where the library checks itself.
    cpu: a model of the target's emulator, or "host" for the machine itself.
    hostile: whether the vectors also run in each floating-point mode that a caller may leave behind: what moves across
        the switch of modes is the compiler's choice.
    suites: further folders of tests/ whose programs run.
    """

    compiler: str
    mode: str
    cpu: str
    hostile: bool = False
    suites: tuple[str, ...] = ()


# What a night has time for: the programs of this machine's own target under each sanitizer. Fuzzing has one thread.
SANITIZED = (
    *(Proof("gcc", mode, "host", suites=("unit", "api", "fuzz")) for mode in ("asan", "ubsan")),
    Proof("gcc", "tsan", "host", suites=("unit", "api")),
    Proof("clang", "msan", "host", suites=("unit", "api", "fuzz")),  # gcc has none for uninitialised memory
)
# And the vectors in a build that counts the lines that are executed.
COVERAGE = Proof("gcc", "coverage", "host")

# What `./sconsw fuzz` builds: libFuzzer needs clang's instrumentation.
FUZZED = Proof("clang", "fuzz", "host", suites=("fuzz",))


@dataclass(frozen=True)
class Target:
    """One platform. Commands are looked up on PATH; flags are added to those that every target shares."""

    name: str
    triple: str
    machine: str  # what machine() says on a computer of this kind
    # C and C++ compiler of the cross packages; the plain gcc and g++ are used on such a machine
    gcc: tuple[str, str] = ("", "")
    clang: tuple[tuple[str, str], ...] = ()  # C and C++ compiler commands, the first one that is here is used
    package: str = ""  # the Debian package of that cross compiler
    flags: tuple[str, ...] = ()
    link_flags: tuple[str, ...] = ()
    # Optimisation of a release build: of everything, and of the signal path and its kernels.
    levels: tuple[str, str] = ("-O2", "-O3")
    cpu: str = "none"  # sdk/src/base/cpu_NAME.cpp asks for the CPU's features
    kernels: tuple[Kernel, ...] = ()
    emulator: tuple[str, ...] = ()  # command, then options; to qemu's, -cpu MODEL is appended
    emulator_package: str = "qemu-user"  # of the emulator, in Debian
    cpus: tuple[Cpu, ...] = ()
    suites: tuple[str, ...] = ("unit", "api", "kernels", "fuzz", "vectors")  # folders of tests/ that run on them
    proofs: tuple[Proof, ...] = ()
    # ziglang's name of the target with the oldest C library that Python wheels are for; none are made without it.
    wheel: str = ""
    # A system other than Linux: libraries and self-test by one toolchain, and what its CPUs can run of the tests.
    foreign: Foreign | None = None

    @property
    def tools(self) -> Tools | None:
        """Toolchain of a foreign target that `missing` has nothing to say about; None for Linux."""
        return self.foreign and _toolchains.tools(self.foreign, self.triple)

    @property
    def native(self) -> bool:
        """Whether programs of this target run on this machine without an emulator."""
        here = (platform.system(), machine())
        return here == (NATIVE_SYSTEMS.get(self.foreign.system if self.foreign else "linux"), self.machine)

    @property
    def given_compiler(self) -> bool:
        """Whether the environment names the compiler, so that a family is none to choose."""
        return bool(given("CC") or given("CXX"))

    def compiler(self, family: str) -> tuple[str, str]:
        """C and C++ compiler commands of a family, "gcc" or "clang", whether or not they are installed.

        CC and CXX of the environment go before. A command may have several words, as a shell takes them.
        """
        if tools := self.tools:
            return tools.cc, tools.cxx
        if family == "gcc":
            cc, cxx = ("gcc", "g++") if self.native else self.gcc
        else:
            cc, cxx = next((pair for pair in self.clang if shutil.which(pair[1])), self.clang[0])
        return given("CC") or cc, given("CXX") or cxx

    def tool(self, name: str) -> str:
        """A binary utility that understands objects of this target, such as "objdump"; AR and RANLIB go before."""
        if tools := self.tools:
            return {"ar": tools.ar, "ranlib": tools.ranlib}[name]
        if name in ("ar", "ranlib") and (command := given(name.upper())):
            return command
        return name if self.native else f"{self.triple}-{name}"

    def compiler_flags(self, family: str) -> tuple[str, ...]:
        """Flags for compiling and linking alike: `flags`, and for a clang that is foreign to the target its triple."""
        root = (f"--sysroot={given('SYSROOT')}",) if given("SYSROOT") else ()
        if tools := self.tools:
            return (*tools.flags, *self.flags, *root)
        plain = family == "gcc" or self.native or given("CXX")  # one that is given knows what it compiles for
        return (*(() if plain else (f"--target={self.triple}",)), *self.flags, *root)

    def missing(self, family: str = "gcc") -> str | None:
        """Why this target cannot be built here, or None if it can."""
        if self.foreign:
            return _toolchains.missing(self.foreign)
        wanted = (self.compiler(family)[1], self.tool("ar"))
        absent = [command for command in wanted if not shutil.which(shlex.split(command)[0])]
        return f"{', '.join(absent)} not found" if absent else None

    def why_not(self, proof: Proof) -> str | None:
        """Why a proof cannot be built and run here, or None if it can."""
        if self.given_compiler:
            return "the environment names a compiler"
        return self.missing(proof.compiler) or (None if self.runnable(proof.cpu) else f"nothing runs as {proof.cpu}")

    def command(self, cpu: Cpu | str, program: str, *arguments: str) -> list[str]:
        """Command line that runs a program of this target on one of its CPUs."""
        name = cpu if isinstance(cpu, str) else cpu.name
        if name == "host":
            return [program, *arguments]
        model = ("-cpu", name) if self.emulator[0].startswith("qemu-") else ()
        return [*self.emulator, *model, program, *arguments]

    def here(self, mode: str = "release") -> tuple[Cpu, ...]:
        """CPUs that tests of that mode run on here: every emulated one, and "host" on a machine of this kind."""
        emulated = mode not in NATIVE_MODES
        return tuple(cpu for cpu in self.cpus if (self.native if cpu.name == "host" else emulated))

    def runnable(self, cpu: Cpu | str) -> bool:
        """Whether `command` can work here: a native machine for "host", else an installed emulator."""
        name = cpu if isinstance(cpu, str) else cpu.name
        return self.native if name == "host" else bool(self.emulator) and shutil.which(self.emulator[0]) is not None


def folder(name: str, mode: str, compiler: str) -> str:
    """Where a build lies, relative to the top of the source tree."""
    return f"build/{name}-{mode}" + ("-clang" if compiler == "clang" else "")


def names() -> list[str]:
    """Names of all targets, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def load(name: str) -> Target:
    """The target of that name. Raises ValueError with the known names for any other."""
    if name not in names():
        raise ValueError(f"unknown target '{name}': choose from {', '.join(names())}")
    return importlib.import_module(f"{__name__}.{name}").TARGET


def of_systems(*systems: str) -> list[str]:
    """Names of the targets of these systems that are not Linux, sorted."""
    return [name for name in names() if (foreign := load(name).foreign) and foreign.system in systems]


def machine() -> str:
    """What this Python's programs run as: of the CPU's kind where the system has 64 bits and Python 32."""
    kind = platform.machine()
    narrow = platform.system() == "Linux" and sys.maxsize <= 2**32
    return {"aarch64": "armv7l", "armv8l": "armv7l", "x86_64": "i686"}.get(kind, kind) if narrow else kind


def host() -> str | None:
    """Name of this machine's own target, or None on a machine without one."""
    return next((name for name in names() if load(name).native), None)


def cores() -> int:
    """How many processes may run side by side: the cores that this one may use, or all where nobody can be asked."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def packages(selection: str, vectors: bool = False, dist: bool = False) -> list[str]:
    """Debian packages that are missing here to build and test a comma-separated list of targets, or "all" of them.

    With `vectors`, also those of the compilers that only these are built with; with `dist`, those that the tests of
    packages use. Unknown names need none: the build says what is wrong with them.
    """
    missing = {package for command, package in DIST_PACKAGES.items() if dist and not shutil.which(command)}
    for name in names() if selection == "all" else {*names()}.intersection(selection.split(",")):
        target = load(name)
        if target.foreign:
            missing.update(target.foreign.packages if target.missing() else ())
        elif target.missing() and not target.native:
            missing.add(target.package)
        if not all(target.runnable(cpu) for cpu in target.here()):
            missing.add(target.emulator_package)
        if vectors and any(proof.compiler == "clang" and target.missing("clang") for proof in target.proofs):
            missing.add(CLANG_PACKAGE)
    return sorted(missing)
