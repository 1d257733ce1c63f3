"""The bits of what is shipped, in one table: what each package of the last release gives for the frozen vectors.

    .venv/bin/python tests/dist/shipped.py [WORD ...]      # only artefacts in whose names these words are

`./sconsw dist wheels target=all` makes the packages. Libraries are reached as their users reach them, through linnet.h
alone, by a program of another compiler (signals_run.cpp): those of the archives for Linux, the three in Android's
package on a C library that has its names, the DLL under wine, the npm package's modules in node. That is every vector
but the network's own, and of the web those that its module has a function for. The self-tests inside run all, on every
backend. Each row says how many vectors were compared with tests/vectors/manifest.json, the beginning of the hash of one
of them, and whether all are equal; the exit status is 1 if one is not. Under emulators a row takes half a minute.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [
    str(ROOT),
    str(ROOT / "python"),
    *(str(ROOT / "tests" / folder) for folder in ("dist", "mobile", "vectors", "")),
]
import run as vectors  # noqa: E402
from bionic import shims  # noqa: E402
from conftest import FOLDER, needs, run, sums  # noqa: E402
from foreign import arm64_python, arm64_wheel, wine, with_wheel  # noqa: E402
from scons_backend import NAME  # noqa: E402

import targets  # noqa: E402

MODEL = vectors.TINY
NPM = f"{NAME}.tgz"
SHOWN = "speech_in_noise"
COLUMNS = (34, 18, 10, 8, 17)
SOURCES = (ROOT / "sdk/selftest/signals.cpp", HERE / "signals_run.cpp")
FLAGS = ("-std=c++17", "-O1", "-ffp-contract=off", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics")
FLAGS += (f"-I{ROOT}/sdk", f"-I{ROOT}/sdk/include")
# A library is found beside the program, and what it needs itself too.
BESIDE = ("-Wl,-rpath,$ORIGIN", "-Wl,--disable-new-dtags", "-Wl,--allow-shlib-undefined")
# Android's name of a CPU, the target for Linux on it, and compilers of that with the same calling convention.
ABIS = {
    "arm64-v8a": ("aarch64_linux", "aarch64-linux-gnu"),
    "armeabi-v7a": ("armv7_linux", "arm-linux-gnueabi"),
    "x86_64": ("x86_64_linux", ""),
}
# What the npm package has no function for: the network alone, 16-bit samples, spread calls, losses.
NOT_OF_THE_WEB = re.compile(r"network_|_i16|_spread|_losses|_16k_postfilter")
OF_THE_NETWORK = re.compile(r"network_")
NOTHING = re.compile(r"(?!)")  # in no name
Backends = dict[str, dict[str, dict[str, str]]]  # {backend: {vector: {what: hash}}}


@dataclass(frozen=True)
class Part:
    """What is shipped, on one CPU; `find` gives its hashes, without the vectors that `left_out` matches."""

    artefact: str
    cpu: str
    find: Callable[[], Backends]
    left_out: re.Pattern[str] = NOTHING


@dataclass(frozen=True)
class Row:
    """One backend of a part."""

    artefact: str
    cpu: str
    backend: str = ""
    hashes: dict[str, dict[str, str]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def cells(self) -> tuple[str, ...]:
        """What the table says of it."""
        shown = self.hashes.get(SHOWN, {}).get("samples", "")[:16]
        verdict = "yes" if not self.problems else "NO: " + "; ".join(self.problems[:3])
        return (self.artefact, self.cpu, self.backend, str(len(self.hashes)), shown, verdict)


def line(*cells: str) -> str:
    """One line of the table."""
    return "  ".join([*(cell.ljust(width) for cell, width in zip(cells, COLUMNS, strict=False)), cells[-1]])


def added(backends: Backends, backend: str, vector: str, what: str, value: str) -> Backends:
    """The same with one more hash."""
    backends.setdefault(backend, {}).setdefault(vector, {})[what] = value
    return backends


def of_program(text: str) -> Backends:
    """What signals_run has printed."""
    first, *rest = text.splitlines()
    backend = first.removeprefix("backend ")
    found: Backends = {backend: {}}
    for each in rest:
        added(found, backend, *each.split())
    return found


def of_selftest(text: str) -> Backends:
    """What linnet-selftest has printed. AssertionError if it says itself that something differs."""
    found: Backends = {}
    assert text.endswith("passed: the bits are as everywhere\n"), f"it ends with: {text.splitlines()[-1:]}"
    for backend, vector, what, value in re.findall(r"^(\w+) +(\w+) +(\w+) +([0-9a-f]{64}) ", text, re.MULTILINE):
        added(found, backend, vector, what, value)
    return found


def of_wheel(command: Sequence[str | Path], variables: dict[str, str]) -> Backends:
    """What the self-test of an installed wheel gives on each backend, run by that Python outside of this tree."""
    question = "from linnet import _core\nfor b in _core.backends():\n  for h in _core.selftest(b): print(b, *h[:3])"
    found: Backends = {}
    with tempfile.TemporaryDirectory() as elsewhere:
        for each in run(*command, "-c", question, folder=Path(elsewhere), **variables).splitlines():
            added(found, *each.split())
    return found


def package(ending: str) -> Path:
    """The package of the last release whose name ends so. Raises LookupError if it was not made."""
    path = next((FOLDER / name for name in sums() if f"/{name}".endswith(ending)), None)
    if path is None:
        raise LookupError(f"no {ending} in {FOLDER.relative_to(ROOT)}: ./sconsw dist wheels target=all makes it")
    return path


def taken_out(path: Path, member: str, folder: Path) -> Path:
    """One file of an archive, by the end of its name, in a folder."""
    if path.suffix in (".zip", ".aar"):
        with zipfile.ZipFile(path) as archive:
            data = archive.read(next(name for name in archive.namelist() if f"/{name}".endswith(f"/{member}")))
    else:
        with tarfile.open(path) as archive:
            found = next(one for one in archive if one.isfile() and one.name.endswith(f"/{member}"))
            data = archive.extractfile(found).read()
    to = folder / Path(member).name
    to.write_bytes(data)
    to.chmod(0o755)
    return to


def of_library(folder: Path, compiler: str, library: Path, emulator: Sequence[str]) -> Backends:
    """Hashes of a shared library that lies in a folder, on which a program of that compiler is run."""
    needs(compiler)
    run(compiler, *FLAGS, *SOURCES, library, *BESIDE, "-o", folder / "signals_run")
    return of_program(run(*emulator, folder / "signals_run", ROOT / MODEL))


def new(top: Path) -> Path:
    """A folder of its own."""
    return Path(tempfile.mkdtemp(dir=top))


def cpus(target: targets.Target) -> list[targets.Cpu]:
    """Where a target's libraries are run: this machine, or else one emulated CPU for each backend."""
    if target.native:
        return [cpu for cpu in target.cpus if cpu.name == "host"]
    return list({cpu.backend: cpu for cpu in reversed(target.here())}.values())[::-1]


def where(cpu: targets.Cpu) -> str:
    """A CPU in the table."""
    return cpu.name if cpu.name == "host" else f"{cpu.name} (qemu)"


def linux_library(top: Path, target: targets.Target, cpu: targets.Cpu) -> Backends:
    """The shared library of an archive for Linux."""
    folder = new(top)
    library = taken_out(package(f"-{target.name}.tar.gz"), "liblinnet.so.1", folder)
    return of_library(folder, target.compiler("gcc")[1], library, target.command(cpu, "")[:-1])


def linux_selftest(top: Path, target: targets.Target, cpu: targets.Cpu) -> Backends:
    """The self-test in it."""
    program = taken_out(package(f"-{target.name}.tar.gz"), "linnet-selftest", new(top))
    return of_selftest(run(*target.command(cpu, str(program))))


def android(top: Path, abi: str, cpu: targets.Cpu) -> Backends:
    """A library in Android's package, on Linux for the same CPU."""
    folder, (name, triple) = new(top), ABIS[abi]
    emulator = targets.load(name).emulator[0]
    prefix = f"{triple}-" if triple else ""
    needs(f"{prefix}gcc")
    shims(folder, f"{prefix}gcc")
    command = [] if cpu.name == "host" else [emulator, "-cpu", cpu.name, "-L", f"/usr/{triple}"]
    library = taken_out(package(".aar"), f"jni/{abi}/liblinnet.so", folder)
    return of_library(folder, f"{prefix}g++", library, command)


def windows_library(top: Path) -> Backends:
    """The DLL, by its import library."""
    folder, archive = new(top), package("-x86_64_windows.zip")
    taken_out(archive, "bin/linnet.dll", folder)
    imports = taken_out(archive, "lib/liblinnet.dll.a", folder)
    compiler = "x86_64-w64-mingw32-g++"
    needs(compiler)
    run(compiler, *FLAGS, *SOURCES, imports, "-static", "-o", folder / "signals_run.exe")
    return of_program(wine(folder / "signals_run.exe", ROOT / MODEL))


def windows_selftest(top: Path) -> Backends:
    """The self-test beside it."""
    return of_selftest(wine(taken_out(package("-x86_64_windows.zip"), "bin/linnet-selftest.exe", new(top))))


def host_wheel(top: Path) -> Backends:
    """The wheel for this Python, with the numpy that is here."""
    folder, tag = new(top), f"cp{sys.version_info.major}{sys.version_info.minor}"
    wheel = next((FOLDER / name for name in sums() if f"-{tag}-" in name and name.endswith("_x86_64.whl")), None)
    if wheel is None:
        raise LookupError(f"no wheel for {tag} in {FOLDER.relative_to(ROOT)}: ./sconsw wheels makes it")
    run(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", folder, wheel)
    return of_wheel([sys.executable], {"PYTHONPATH": str(folder)})


def emulated_wheel(top: Path) -> Backends:
    """The wheel for aarch64 with Debian's Python for it."""
    python = arm64_python(new(top))
    if (wheel := arm64_wheel(python)) is None:
        raise LookupError(f"no wheel for Debian's {python.name} in {FOLDER.relative_to(ROOT)}")
    return of_wheel(*with_wheel(python, wheel, new(top)))


def web(top: Path, module: str) -> Backends:
    """A module of the npm package, by a program for WebAssembly that calls it through signals.mjs."""
    folder, target = new(top), targets.load("wasm32_web")
    if reason := target.missing():
        raise LookupError(reason)
    needs("node")
    program, stack = folder / "signals_run.wasm", "-Wl,-z,stack-size=1048576"
    compiler = (target.compiler("clang")[1], f"--target={target.triple}")
    run(*compiler, *FLAGS, *SOURCES, "-Wl,--allow-undefined", stack, "-o", program)
    taken = taken_out(package(f"/{NPM}"), f"dist/{module}", folder)
    wanted = ",".join(compared(NOT_OF_THE_WEB))
    return of_program(run("node", HERE.parent / "web/signals.mjs", taken, program, MODEL, wanted, folder=ROOT))


def parts(top: Path) -> Iterator[Part]:
    """Everything that is shipped and can be run here; top: a folder for what they need."""
    for target in (targets.load(name) for name in targets.names() if not targets.load(name).foreign):
        for cpu in cpus(target):
            name, find = f"{target.name}, liblinnet.so", partial(linux_library, top, target, cpu)
            yield Part(name, where(cpu), find, OF_THE_NETWORK)
        yield Part(f"{target.name}, self-test", where(cpu), partial(linux_selftest, top, target, cpu))
    for abi, (name, _) in ABIS.items():
        for cpu in cpus(targets.load(name)):
            yield Part(f"AAR, {abi}", where(cpu), partial(android, top, abi, cpu), OF_THE_NETWORK)
    yield Part("x86_64_windows, linnet.dll", "host (wine)", partial(windows_library, top), OF_THE_NETWORK)
    yield Part("x86_64_windows, self-test", "host (wine)", partial(windows_selftest, top))
    yield Part("wheel, x86_64", "host", partial(host_wheel, top))
    yield Part("wheel, aarch64", "max (qemu)", partial(emulated_wheel, top))
    for module in ("linnet.wasm", "linnet-scalar.wasm"):
        yield Part(f"npm, {module}", "node", partial(web, top, module), NOT_OF_THE_WEB)


def compared(left_out: re.Pattern[str]) -> dict[str, dict[str, str]]:
    """The frozen hashes of those vectors that a part can be asked for."""
    return {name: hashes for name, hashes in vectors.load_manifest()[MODEL].items() if not left_out.search(name)}


def rows_of(part: Part) -> list[Row]:
    """A row for each backend of a part, or one that says why there is none."""
    try:
        found = part.find()
    except (AssertionError, LookupError, OSError, subprocess.SubprocessError) as error:
        return [Row(part.artefact, part.cpu, problems=(str(error).splitlines()[0],))]
    if not found:
        return [Row(part.artefact, part.cpu, problems=("it has printed no hash",))]
    wanted = {MODEL: compared(part.left_out)}
    return [
        Row(part.artefact, part.cpu, backend, hashes, tuple(vectors.differences({MODEL: hashes}, wanted)))
        for backend, hashes in found.items()
    ]


def rows(words: Sequence[str] = ()) -> Iterator[Row]:
    """The table, part by part as they stand in it; with words only artefacts that have them all in their names."""
    with tempfile.TemporaryDirectory() as top, ThreadPoolExecutor(targets.cores()) as pool:
        chosen = [part for part in parts(Path(top)) if all(word in part.artefact for word in words)]
        for found in pool.map(rows_of, chosen):
            yield from found


def main() -> int:
    """Prints the table; 1 if a row is not as it must be."""
    print(line("artefact", "CPU", "backend", "vectors", SHOWN, "equal"))
    failed, count = 0, 0
    for row in rows(sys.argv[1:]):
        print(line(*row.cells), flush=True)
        failed, count = failed + bool(row.problems), count + 1
    print(f"{count - failed} of {count} rows equal tests/vectors/manifest.json")
    return int(failed > 0 or count == 0)


if __name__ == "__main__":
    sys.exit(main())
