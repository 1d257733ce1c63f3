"""What the compiled library contains, read from its objects on every target: only linnet_* leaves it, only the C
library is needed, nothing runs before main, no state is global, and no instruction rounds once where the promise of
equal bits needs two roundings (docs/exactness.md). The detectors are tried on code that they must find guilty.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import Build

import targets

# Multiply-add with a single rounding; vmla and vmls of 32-bit ARM round twice and are left out.
FUSED = {
    "x86_64": r"vfn?m(?:add|sub)\w*",
    "aarch64": r"f(?:n?madd|n?msub|mla|mls|cmla|mlal2?|mlsl2?)",
    "armv7l": r"v(?:fn?m[as]|fnm[as]|fma|fms)\S*",
    "riscv64": r"fn?m(?:add|sub)\.[sdhq]",
}
# Compiles so that a product and a sum are fused where nothing forbids it.
TEMPTING_FLAGS = {
    "x86_64": ["-mfma"],
    "aarch64": [],
    "armv7l": ["-march=armv7-a", "-mfpu=neon-vfpv4", "-mfloat-abi=hard"],
    "riscv64": [],
}
# Registers or instructions that only the kernel files may use.
ISA = {"x86_64": r"%[yz]mm", "aarch64": r"^(?:[su]dot|smmla)\b", "armv7l": r"\bq\d+\b"}

ALWAYS = {"memcpy", "memmove", "memset"}  # the compiler may call these anywhere
ALLOWED = {
    "linnet": {"malloc", "free"},
    "model/file": {"fopen", "fclose", "fread", "fgetc", "ferror", "__errno_location"},
    "base/cpu_linux_arm": {"getauxval"},
    "kernels/select": {"strcmp"},
    "model/blob": {"memcmp"},
}
# Division and long shifts of 32-bit ARM, from the compiler's own library, which is linked in.
COMPILER_HELPERS = r"__aeabi_\w+"


def output(build: Build, tool: str, *arguments: str | Path) -> str:
    command = build.target.tool(tool)
    assert shutil.which(command), f"{command} is missing"
    return subprocess.run([command, *map(str, arguments)], check=True, capture_output=True, text=True).stdout


def symbols(build: Build, path: Path, *options: str) -> dict[str, str]:
    """Name -> one-letter type of nm."""
    lines = output(build, "nm", "-P", *options, path).splitlines()
    return {line.split()[0].split("@")[0]: line.split()[1] for line in lines if len(line.split()) >= 2}


def mnemonics(build: Build, path: Path) -> list[str]:
    """One line "mnemonic<tab>operands" for each instruction."""
    text = output(build, "objdump", "-d", "--no-show-raw-insn", path)
    return [line.split("\t", 1)[1] for line in text.splitlines() if re.match(r"\s+[0-9a-f]+:\t", line)]


def fused(build: Build, path: Path) -> list[str]:
    pattern = re.compile(rf"(?:{FUSED[build.target.machine]})\b")
    return [line for line in mnemonics(build, path) if pattern.match(line)]


def compiled(build: Build, folder: Path, source: str, *flags: str) -> Path:
    """Object of a few lines of C++ made with the target's compiler and flags."""
    (folder / "snippet.cpp").write_text(source)
    command = [
        *shlex.split(build.target.compiler("gcc")[1]),
        "-O2",
        "-fPIC",
        *build.target.flags,
        *flags,
        "-c",
        "snippet.cpp",
    ]
    subprocess.run([*command, "-o", "snippet.o"], cwd=folder, check=True)
    return folder / "snippet.o"


def sections(build: Build, path: Path) -> dict[str, int]:
    """Name -> size of the sections of an object; those of one name are added up."""
    sizes: dict[str, int] = {}
    for line in output(build, "objdump", "-h", "-w", path).splitlines():
        if match := re.match(r"\s*\d+\s+(\S+)\s+([0-9a-f]+)\s", line):
            sizes[match[1]] = sizes.get(match[1], 0) + int(match[2], 16)
    return sizes


def kernels_of(build: Build) -> list[targets.Kernel]:
    """Tables of the build; an old compiler leaves some out, and vectors notice if it did so without need."""
    return [kernel for kernel in build.target.kernels if f"kernels/{kernel.name}" in build.objects]


def forbidden_sections(build: Build, path: Path) -> set[str]:
    """Code that runs before main, thread-local storage, writable data; constants with relocations are none of these."""
    pattern = re.compile(r"\.(init_array|preinit_array|ctors|tdata|tbss|data(?!\.rel\.ro)|bss)\b")
    return {name for name, size in sections(build, path).items() if size and pattern.match(name)}


def test_exports_are_the_functions_of_the_header(build: Build, root: Path) -> None:
    header = (root / "sdk/include/linnet.h").read_text()
    declared = set(re.findall(r"^LINNET_API [^;]*?\b(linnet_\w+)\(", header, re.MULTILINE))
    exported = symbols(build, build.folder / "liblinnet.so", "-D", "--defined-only")
    assert len(declared) >= 17
    assert set(exported) == declared


PLUGIN = "#include <linnet.h>\nconst char *{name}(void) {{ return linnet_version(); }}\n"
HOST = """#include <stdio.h>
const char *one(void), *two(void);
int main(void) { return printf("%s %s", one(), two()) < 0; }
"""


def plugin(build: Build, folder: Path, root: Path, name: str, archive: Path) -> None:
    """A shared library with one function and a static linnet inside, as an app or an audio plug-in is."""
    (folder / f"{name}.c").write_text(PLUGIN.format(name=name))
    command = [*shlex.split(build.target.compiler("gcc")[0]), *build.target.flags, "-shared", "-fPIC"]
    command += [f"-I{root}/sdk/include", f"{name}.c", str(archive), "-o", f"lib{name}.so"]
    subprocess.run(command, cwd=folder, check=True)


def test_an_app_exports_nothing_of_a_static_library_inside(build: Build, root: Path, tmp_path: Path) -> None:
    plugin(build, tmp_path, root, "one", build.folder / "liblinnet.a")
    names = set(symbols(build, tmp_path / "libone.so", "-D", "--defined-only"))
    assert "one" in names and not {name for name in names if "linnet" in name}


def test_two_static_libraries_in_one_process_are_strangers(build: Build, root: Path, tmp_path: Path) -> None:
    """Each plug-in calls its own version, whichever was loaded first."""
    if not build.target.native:
        pytest.skip("the same symbols as in the test above, run on this machine alone")
    version = output(build, "strings", build.folder / "liblinnet.a").split("\n")
    ours = next(line for line in version if re.fullmatch(r"\d+\.\d+\.\d+", line))
    other = "9" + ours[1:]
    archive = (build.folder / "liblinnet.a").read_bytes()
    (tmp_path / "other.a").write_bytes(archive.replace(f"{ours}\0".encode(), f"{other}\0".encode()))
    plugin(build, tmp_path, root, "one", build.folder / "liblinnet.a")
    plugin(build, tmp_path, root, "two", tmp_path / "other.a")
    (tmp_path / "host.c").write_text(HOST)
    compiler = shlex.split(build.target.compiler("gcc")[0])
    subprocess.run(
        [*compiler, "host.c", "-L.", "-lone", "-ltwo", "-Wl,-rpath,$ORIGIN", "-o", "host"], cwd=tmp_path, check=True
    )
    done = subprocess.run([tmp_path / "host"], capture_output=True, text=True, check=True)
    assert done.stdout == f"{ours} {other}"


def test_needs_the_c_library_alone(build: Build) -> None:
    needed = re.findall(r"\(NEEDED\).*\[(.+)\]", output(build, "readelf", "-d", build.folder / "liblinnet.so"))
    assert [name for name in needed if not name.startswith("ld-linux")] == ["libc.so.6"]


def test_objects_call_nothing_but_what_is_allowed(build: Build) -> None:
    """Nothing on the frame path can allocate, lock or enter the operating system: it has no function to do so."""
    everything = {name: symbols(build, path) for name, path in build.objects.items()}
    own = {symbol for table in everything.values() for symbol, kind in table.items() if kind != "U"}
    own.add("_GLOBAL_OFFSET_TABLE_")
    helper = re.compile(COMPILER_HELPERS if build.target.machine == "armv7l" else r"(?!)")
    for name, table in everything.items():
        imported = {symbol for symbol, kind in table.items() if kind in "Uw"} - own
        strangers = {symbol for symbol in imported - ALWAYS - ALLOWED.get(name, set()) if not helper.fullmatch(symbol)}
        assert not strangers, f"{name} imports {strangers}"


def test_nothing_runs_before_main_and_no_state_is_global(build: Build) -> None:
    assert len(build.objects) >= 10
    for name, path in build.objects.items():
        assert not forbidden_sections(build, path), name


@pytest.mark.parametrize(
    ("source", "section"),
    [
        ("int f(); int state = f();", ".init_array"),
        ("thread_local int state; int &get() { return state; }", ".tbss"),
        ("int state = 1; int &get() { return state; }", ".data"),
        ("static int state; int next() { return ++state; }", ".bss"),
    ],
)
def test_the_reader_of_sections_sees_global_state(build: Build, tmp_path: Path, source: str, section: str) -> None:
    assert section in forbidden_sections(build, compiled(build, tmp_path, source))


def test_isa_objects_export_one_symbol_and_no_weak_ones(build: Build) -> None:
    """A weak inline function in such an object could be picked by the linker for all, and crash older CPUs."""
    for kernel in kernels_of(build):
        table = symbols(build, build.objects[f"kernels/{kernel.name}"], "--defined-only")
        exported = [symbol for symbol, kind in table.items() if kind.isupper()]
        assert len(exported) == 1, f"{kernel.name}: {exported}"
        assert exported[0].endswith(f"{kernel.name}_kernelsE")
        assert not [symbol for symbol, kind in table.items() if kind in "WwVvu"], kernel.name


def test_only_isa_objects_use_their_instructions(build: Build) -> None:
    pattern = re.compile(ISA.get(build.target.machine, r"(?!)"))
    kernels = {f"kernels/{kernel.name}" for kernel in kernels_of(build)}
    for name, path in build.objects.items():
        if name not in kernels:
            assert not [line for line in mnemonics(build, path) if pattern.search(line)], name
    if build.target.machine in ISA:
        used = [line for name in kernels for line in mnemonics(build, build.objects[name]) if pattern.search(line)]
        assert used, "the pattern finds nothing in the kernels either"


def test_no_fused_instruction(build: Build) -> None:
    for name, path in build.objects.items():
        assert mnemonics(build, path), f"no instructions read from {name}"
        assert not fused(build, path), name


def test_the_reader_of_instructions_sees_a_fused_one(build: Build, tmp_path: Path) -> None:
    source = "float f(float a, float b) { return a * b + a; }\ndouble g(double a, double b) { return a - b * a; }"
    tempting = TEMPTING_FLAGS[build.target.machine]
    assert len(fused(build, compiled(build, tmp_path, source, *tempting, "-ffp-contract=fast"))) == 2
    assert not fused(build, compiled(build, tmp_path, source, *tempting, "-ffp-contract=off"))
