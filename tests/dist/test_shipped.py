"""The table of shipped.py: no row is missing, each equals the frozen vectors, and one that does not is seen."""

from __future__ import annotations

import shutil
import subprocess

import pytest
import shipped
from conftest import TARGETS

import targets

# What must be in the table: each artefact with the kernels that run at least.
WANTED = {
    "x86_64_linux, liblinnet.so": set(),  # the machine's own choice
    "x86_64_linux, self-test": {"scalar"},
    "aarch64_linux, liblinnet.so": {"neon", "neon_dot", "neon_i8mm"},
    "aarch64_linux, self-test": {"scalar", "neon", "neon_dot", "neon_i8mm"},
    "armv7_linux, liblinnet.so": {"neon"},
    "armv7_linux, self-test": {"scalar", "neon"},
    "riscv64_linux, liblinnet.so": {"scalar"},
    "riscv64_linux, self-test": {"scalar"},
    "AAR, arm64-v8a": {"neon", "neon_dot", "neon_i8mm"},
    "AAR, armeabi-v7a": {"neon"},
    "AAR, x86_64": set(),
    "x86_64_windows, linnet.dll": set(),
    "x86_64_windows, self-test": {"scalar"},
    "wheel, x86_64": {"scalar"},
    "wheel, aarch64": {"scalar", "neon", "neon_dot", "neon_i8mm"},
    "npm, linnet.wasm": {"wasm128"},
    "npm, linnet-scalar.wasm": {"scalar"},
}
EXACT = {"wheel": 76, "self-test": 76, "npm": 62}  # vectors; others have 72


@pytest.fixture(scope="module")
def table() -> list[shipped.Row]:
    if absent := {*targets.names()} - {*TARGETS}:
        pytest.skip(f"the table is of all targets: {', '.join(sorted(absent))} not built")
    return list(shipped.rows())


def test_every_package_gives_the_frozen_bits(table: list[shipped.Row]) -> None:
    assert [row.cells for row in table if row.problems] == []


def test_no_row_is_missing(table: list[shipped.Row]) -> None:
    found: dict[str, set[str]] = {}
    for row in table:
        found.setdefault(row.artefact, set()).add(row.backend)
    assert set(found) == set(WANTED)
    assert {name: kernels - found[name] for name, kernels in WANTED.items() if kernels - found[name]} == {}
    for row in table:
        wanted = next((count for word, count in EXACT.items() if word in row.artefact), 72)
        assert (row.artefact, len(row.hashes)) == (row.artefact, wanted)
        assert row.hashes[shipped.SHOWN]["samples"][:16] in row.cells


def changed(hashes: dict, vector: str = "", without: str = "") -> dict:
    """Hashes with another one, or with one vector less."""
    found = {name: dict(what) for name, what in hashes.items() if name != without}
    if vector:
        found[vector]["samples"] = "0" * 64
    return found


def part(found: dict) -> shipped.Part:
    return shipped.Part("an artefact", "a CPU", lambda: found, shipped.OF_THE_NETWORK)


def test_what_is_not_equal_is_told() -> None:
    right = shipped.compared(shipped.OF_THE_NETWORK)
    (row,) = shipped.rows_of(part({"neon": right}))
    assert row.cells == ("an artefact", "a CPU", "neon", "72", right["speech_in_noise"]["samples"][:16], "yes")
    (row,) = shipped.rows_of(part({"neon": changed(right, vector="impulse")}))
    assert row.cells[-1] == "NO: sdk/models/tiny.linnet impulse samples"
    (row,) = shipped.rows_of(part({"neon": changed(right, without="denormals")}))
    assert row.problems == tuple(f"sdk/models/tiny.linnet denormals {what}" for what in ("samples", "stats"))
    (row,) = shipped.rows_of(part({}))
    assert row.problems == ("it has printed no hash",)


def test_what_cannot_be_run_is_a_row_that_says_why() -> None:
    def absent() -> dict:
        return {"neon": shipped.of_program(str(shipped.package("-nowhere.tar.gz")))}

    (row,) = shipped.rows_of(shipped.Part("an artefact", "a CPU", absent))
    assert row.cells[-1] == "NO: no -nowhere.tar.gz in build/dist: ./sconsw dist wheels target=all makes it"


def test_the_program_refuses_what_is_no_model(tmp_path: shipped.Path) -> None:
    """A model that is none: no hash, and a status that says so."""
    compiler = shutil.which("g++")
    build = shipped.ROOT / targets.folder(targets.host() or "", "release", "gcc")
    program = tmp_path / "signals_run"
    shipped.run(compiler, *shipped.FLAGS, *shipped.SOURCES, build / "liblinnet.a", "-o", program)
    (tmp_path / "model").write_bytes(b"no model")
    done = subprocess.run([program, tmp_path / "model"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "") and "not a linnet model" in done.stderr
