"""Toolchains of the systems that are not Linux: commands and flags, and why one is missing. They build libraries and
the self-test; of these, only what is for the web can be run here.

Android takes the NDK that ANDROID_NDK_HOME names, and a Mac with Xcode's command line tools takes Apple's clang for
Apple's systems. The web takes Debian's clang and the C library of WASI, of which the shipped module keeps a few
functions. Everything else is built by the clang and the linkers of the Python package `ziglang`
(requirements/cross.txt), with the C headers in it. That clang is called directly, since ziglang's own front end has
another idea of -march, and has to be told what its C++ headers leave open. CC and CXX of the environment go before all.
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

NDK_VARIABLE = "ANDROID_NDK_HOME"
# Apple's name of the SDK of each of its systems.
APPLE_SDKS = {"macos": "macosx", "ios": "iphoneos", "ios_simulator": "iphonesimulator"}
WEB_COMMANDS = {"cc": "clang-19", "cxx": "clang++-19", "ar": "llvm-ar-19", "ranlib": "llvm-ranlib-19"}
WEB_PACKAGES = ("clang-19", "lld-19", "llvm-19", "wasi-libc")
WEB_PACKAGES += ("libc++-19-dev-wasm32", "libc++abi-19-dev-wasm32", "libclang-rt-19-dev-wasm32")
WASI_LIBRARY = "/usr/lib/wasm32-wasi/libc.a"
# What libc++ wants to be configured with, and would find in the headers of an installed one.
LIBCXX = {
    "ABI_VERSION": "1",
    "ABI_NAMESPACE": "__1",
    "HAS_THREADS": "1",
    "HAS_MONOTONIC_CLOCK": "1",
    "HARDENING_MODE_DEFAULT": "_LIBCPP_HARDENING_MODE_NONE",
    "HARDENING_MODE": "_LIBCPP_HARDENING_MODE_NONE",
    "ASSERTION_SEMANTIC_DEFAULT": "_LIBCPP_ASSERTION_SEMANTIC_IGNORE",
}


@dataclass(frozen=True)
class Foreign:
    """How to build for a system that is not Linux. Link commands get flags, the output and the objects appended."""

    system: str  # "android", "macos", "ios", "ios_simulator", "windows" or "web"
    shared: str = ""  # file name of the shared library; none where only Apple's own linker will do
    shared_flags: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()  # what linking the shared library makes besides
    headers: tuple[str, ...] = ()  # folders of ziglang's lib/libc/include
    zig: str = ""  # ziglang's name of the target, if it links for it
    slow: bool = False  # the first link builds a C library out of hundreds of files: not for the tests
    companions: tuple[str, ...] = ()  # targets that are built with this one, as one package holds what they make

    @property
    def packages(self) -> tuple[str, ...]:
        """Of the toolchain, in Debian; those of the others are Python's, or somebody else's."""
        return WEB_PACKAGES if self.system == "web" else ()


WINDOWS = Foreign(  # but for ziglang's name of a target
    system="windows",
    shared="linnet.dll",
    beside=("liblinnet.dll.a",),
    shared_flags=("-Wl,--out-implib,${TARGET.dir}/liblinnet.dll.a", "-s"),
    headers=("any-windows-any",),
    slow=True,
)


@dataclass(frozen=True)
class Tools:
    """Commands of one toolchain. `link` and `program` are None where there is no such thing."""

    cc: str
    cxx: str
    ar: str
    ranlib: str
    flags: tuple[str, ...] = ()
    link: str | None = None  # a shared library out of objects
    program: str | None = None
    ar_flags: str = "rcD"  # D, and -D: no dates and owners, so that equal objects give equal bytes
    ranlib_flags: str = "-D"
    stub: bool = False  # whether the C library is a stand-in that has to be made first
    note: str = ""  # what the user should know


def given(name: str) -> str:
    """What the environment says of a part of the toolchain; an empty string if nothing."""
    return os.environ.get(name, "").strip()


def zig() -> Path | None:
    """The program of the Python package ziglang, if it is installed."""
    spec = find_spec("ziglang")
    path = Path(spec.origin).parent / "zig" if spec and spec.origin else None
    return path if path and path.exists() else None


def jdk() -> Path | None:
    """The JDK that JAVA_HOME names, or else that of the javac on PATH; None if there is none with jni.h."""
    compiler = shutil.which("javac")
    home = given("JAVA_HOME") or (compiler and Path(compiler).resolve().parents[1])
    return Path(home) if home and (Path(home) / "include/jni.h").exists() else None


def lipo() -> str | None:
    """The command that joins libraries for several of Apple's CPUs in one file; None if there is none."""
    return next(filter(shutil.which, ("lipo", "llvm-lipo-19")), None)


def missing(foreign: Foreign) -> str | None:
    """Why there is no toolchain for that system here, or None."""
    if command := given("CC"):
        return None if shutil.which(shlex.split(command)[0]) else f"CC={command} not found"
    if foreign.system == "web":
        absent = [command for command in (*WEB_COMMANDS.values(), "wasm-ld-19") if not shutil.which(command)]
        if absent or not Path(WASI_LIBRARY).exists():
            return f"{', '.join(absent) or WASI_LIBRARY} not found; on Debian install {' '.join(foreign.packages)}"
        return None
    if foreign.system == "android" and (folder := os.environ.get(NDK_VARIABLE)):
        found = list(Path(folder).glob("toolchains/llvm/prebuilt/*/bin/clang++"))
        return None if found else f"{NDK_VARIABLE}={folder} has no toolchains/llvm/prebuilt/*/bin: name an NDK"
    if _has_xcode(foreign):
        return None
    if zig() is None:
        if platform.system() == "Darwin" and foreign.system in APPLE_SDKS:
            return "xcrun not found: xcode-select --install brings Apple's compiler"
        ndk = f"{NDK_VARIABLE} is not set and " if foreign.system == "android" else ""
        return f"{ndk}the Python package ziglang is missing: pip install -r requirements/cross.txt"
    return None


def tools(foreign: Foreign, triple: str) -> Tools:
    """Commands for a system that `missing` has nothing to say about."""
    if given("CC"):
        return _from_environment(foreign)
    if foreign.system == "web":
        return _web(triple)
    if foreign.system == "android" and (folder := os.environ.get(NDK_VARIABLE)):
        return _ndk(foreign, next(Path(folder).glob("toolchains/llvm/prebuilt/*/bin")), triple)
    if _has_xcode(foreign):
        return _apple(foreign, triple)
    if (path := zig()) is None:
        raise RuntimeError(str(missing(foreign)))
    library = path.parent / "lib"
    program = shlex.quote(str(path))
    folders = [library / "libcxx/include", library / "include"]
    folders += [library / "libc/include" / name for name in foreign.headers]
    flags = [f"--target={triple}", "-nostdinc", "-nostdinc++"]
    flags += [part for path in folders for part in ("-isystem", str(path))]
    flags += [f"-D_LIBCPP_{name}={value}" for name, value in LIBCXX.items()]
    archive = f"{program} ar" + (" --format=darwin" if foreign.system in APPLE_SDKS else "")
    common = {"cc": f"{program} clang", "cxx": f"{program} clang", "ar": archive, "ranlib": f"{program} ranlib"}
    if foreign.system == "android":
        # The headers are those of another C library, which has errno under another name.
        flags += [
            "-D_LIBCPP_HAS_MUSL_LIBC=1",
            "-D__errno_location=__errno",
        ]
        return Tools(
            **common,
            flags=tuple(flags),
            link=" ".join(
                (f"{program} ld.lld -shared", *map(_of_linker, (*foreign.shared_flags, *given("LDFLAGS").split())))
            ),
            stub=True,
            note=f"experimental without an NDK: set {NDK_VARIABLE} for a release",
        )
    flags += ["-D_LIBCPP_HAS_MUSL_LIBC=0"]
    linker = f"{program} cc -target {foreign.zig}" if foreign.zig else None
    return Tools(
        **common,
        flags=tuple(flags),
        link=linker and " ".join((linker, "-shared", *foreign.shared_flags, given("LDFLAGS"))),
        program=linker and f"{linker} -s {given('LDFLAGS')}",
    )


def _web(triple: str) -> Tools:
    # No -O for the linker: at any level it would look for a tool that Debian does not have.
    linker = f"{WEB_COMMANDS['cc']} --target={triple} -Wl,--strip-all,--gc-sections,--compress-relocations"
    return Tools(
        **WEB_COMMANDS,
        flags=(f"--target={triple}",),
        # A library that is called, not a program: no main, and memory that grows.
        link=f"{linker} -mexec-model=reactor -Wl,-z,stack-size=131072 {given('LDFLAGS')}",
        program=f"{linker} -Wl,-z,stack-size=1048576 {given('LDFLAGS')}",
    )


def _of_linker(flag: str) -> str:
    """A compiler's flag for its linker, as the linker itself wants it."""
    return flag.removeprefix("-Wl,").replace(",", " ") if flag.startswith("-Wl,") else flag


def _link_flags() -> str:
    """What the environment has for a compiler that links."""
    root = [shlex.quote(f"--sysroot={given('SYSROOT')}")] if given("SYSROOT") else []
    return " ".join((*root, given("LDFLAGS")))


def _from_environment(foreign: Foreign) -> Tools:
    """A toolchain that somebody else has put together: its compiler knows the system and links for it."""
    cc = given("CC")
    return Tools(
        cc=cc,
        cxx=given("CXX") or cc,
        ar=given("AR") or "ar",
        ranlib=given("RANLIB") or "ranlib",
        link=" ".join((cc, "-shared", *foreign.shared_flags, _link_flags())) if foreign.shared else None,
        program=f"{cc} {_link_flags()}" if foreign.shared else None,
        ar_flags="rc",
        ranlib_flags="",
    )


def _has_xcode(foreign: Foreign) -> bool:
    return platform.system() == "Darwin" and foreign.system in APPLE_SDKS and shutil.which("xcrun") is not None


def _apple(foreign: Foreign, triple: str) -> Tools:
    run = f"xcrun --sdk {APPLE_SDKS[foreign.system]}"
    linker = f"{run} clang --target={triple}"
    return Tools(
        cc=f"{run} clang",
        cxx=f"{run} clang++",
        ar=f"{run} ar",
        ranlib=f"{run} ranlib",
        flags=(f"--target={triple}",),
        link=" ".join((linker, "-shared", *foreign.shared_flags, _link_flags())) if foreign.shared else None,
        program=f"{linker} -Wl,-dead_strip {_link_flags()}" if foreign.shared else None,
        ar_flags="rc",  # dates are left out by a variable of the environment
        ranlib_flags="",
    )


def _ndk(foreign: Foreign, folder: Path, triple: str) -> Tools:
    cc, cxx, ar, ranlib = (shlex.quote(f"{folder}/{name}") for name in ("clang", "clang++", "llvm-ar", "llvm-ranlib"))
    linker = f"{cc} --target={triple}"
    return Tools(
        cc=cc,
        cxx=cxx,
        ar=ar,
        ranlib=ranlib,
        flags=(f"--target={triple}",),
        link=" ".join((linker, "-shared", *foreign.shared_flags, _link_flags())),
        program=f"{linker} -static {_link_flags()}",
    )
