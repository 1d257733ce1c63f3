"""The self-test that users run on a device: linnet-selftest on every target, and `linnet selftest` of the Python
package. It passes, it fails for one wrong hash, and a backend that is not there is an error.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import TARGETS, Build

import targets
from linnet import _core
from linnet.cli import main

KINDS = {"samples", "stats", "outputs"}


def selftest(build: Build, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the program of a target on the CPU whose backends are the most: the last one that runs here."""
    cpu = "host" if build.target.native else build.target.here()[-1].name
    command = build.target.command(cpu, str(build.folder / "linnet-selftest"), *arguments)
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture
def frozen(root: Path) -> dict[tuple[str, str], str]:
    models = json.loads((root / "tests/vectors/manifest.json").read_text())["models"]
    vectors = models["sdk/models/tiny.linnet"]
    return {(name, what): value for name, values in vectors.items() for what, value in values.items()}


def printed(text: str) -> dict[tuple[str, str, str], str]:
    """(backend, vector, what) -> hash of each line that is one."""
    rows = re.findall(r"^(\w+) +(\w+) +(\w+) +([0-9a-f]{64}) ok$", text, re.MULTILINE)
    return {(backend, vector, what): value for backend, vector, what, value in rows}


@pytest.mark.parametrize(
    "build",
    [name if targets.load(name).native else pytest.param(name, marks=pytest.mark.long) for name in TARGETS],
    indirect=True,
)
def test_program_prints_the_frozen_hashes(build: Build, frozen: dict[tuple[str, str], str]) -> None:
    """One backend, so that emulators need not run all; tests/vectors runs every one of them."""
    heading = selftest(build, "--backend", "none").stdout.splitlines()
    chosen = heading[2].split()[1]
    done = selftest(build, "--backend", chosen)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[:3] == heading
    assert heading[1].split()[1] == chosen and heading[1].split()[-1] == "scalar"
    assert printed(done.stdout) == {(chosen, *key): value for key, value in frozen.items()}


def test_program_starts_and_chooses(build: Build) -> None:
    """Which does the rest of what the program is linked to on the CPUs whose hashes are for the night."""
    _, backends, chosen = (line.split()[1:] for line in selftest(build, "--backend", "none").stdout.splitlines()[:3])
    assert chosen[0] == backends[0] and backends[-1] == "scalar"


def test_program_refuses_an_absent_backend_and_other_words(build: Build) -> None:
    for arguments in (["--backend", "sse9"], ["--fast"]):
        done = selftest(build, *arguments)
        assert done.returncode == 2
        assert done.stderr.startswith("linnet-selftest: ") and done.stderr.count("\n") == 1
        assert arguments[-1] in done.stderr


def test_program_is_static_and_small(build: Build) -> None:
    path = build.folder / "linnet-selftest"
    tool = build.target.tool("readelf")
    assert "INTERP" not in subprocess.run([tool, "-lW", path], capture_output=True, text=True, check=True).stdout
    assert path.stat().st_size < 1_000_000


def test_a_wrong_hash_is_found(root: Path, tmp_path: Path) -> None:
    """The same program around a manifest in which one digit has been changed."""
    folder = root / targets.folder(targets.host(), "release", "gcc")
    manifest = json.loads((root / "tests/vectors/manifest.json").read_text())
    hashes = manifest["models"]["sdk/models/tiny.linnet"]["impulse"]
    hashes["samples"] = ("1" if hashes["samples"][0] == "0" else "0") + hashes["samples"][1:]
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    embed = ["sdk/selftest/embed.py", tmp_path / "expected.cpp", "sdk/models/tiny.linnet", tmp_path / "manifest.json"]
    subprocess.run([sys.executable, *embed], cwd=root, check=True)
    command = ["g++", "-std=c++17", "-Isdk", "-Isdk/src", "-Isdk/include"]
    command += ["sdk/selftest/linnet_selftest.cpp", tmp_path / "expected.cpp", folder / "selftest/libvectors.a"]
    subprocess.run([*command, folder / "liblinnet.a", "-o", tmp_path / "wrong"], cwd=root, check=True)
    done = subprocess.run([tmp_path / "wrong", "--backend", "scalar"], capture_output=True, text=True)
    assert done.returncode == 1
    bad = [line for line in done.stdout.splitlines() if "DIFFERS" in line]
    assert len(bad) == 1 and bad[0].split()[1:3] == ["impulse", "samples"] and bad[0].endswith(hashes["samples"])
    assert done.stdout.splitlines()[-1].startswith("FAILED")


def test_command_prints_the_frozen_hashes(
    capsys: pytest.CaptureFixture[str], frozen: dict[tuple[str, str], str]
) -> None:
    assert main(["selftest"]) == 0
    text = capsys.readouterr().out
    assert f"chosen   {_core.backends()[0]}\n" in text
    wanted = {(backend, *key): value for backend in _core.backends() for key, value in frozen.items()}
    assert printed(text) == wanted


def test_command_runs_the_backend_that_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["selftest", "--backend", "scalar"]) == 0
    assert {backend for backend, _, _ in printed(capsys.readouterr().out)} == {"scalar"}


def test_command_refuses_an_absent_backend(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["selftest", "--backend", "sse9"]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1 and "sse9" in captured.err


def test_command_refuses_what_is_for_the_bench(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--json"], ["--frames", "100"], ["--model", "tiny"]):
        assert main(["selftest", *arguments]) == 2
        captured = capsys.readouterr()
        assert captured.out == "" and captured.err.startswith(f"linnet: {arguments[0]}: ")


def test_command_tells_why_it_stops(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def stops(backend: str) -> None:
        raise ValueError("the caller's floating-point mode was not restored")

    monkeypatch.setattr(_core, "selftest", stops)
    assert main(["selftest", "--backend", "scalar"]) == 2
    assert capsys.readouterr().err == "linnet: scalar: the caller's floating-point mode was not restored\n"


def test_command_finds_a_wrong_hash(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    real = _core.selftest("scalar")
    assert {what for _, what, _, _ in real} == KINDS
    damaged = [(*row[:3], row[3][::-1]) if index == 5 else row for index, row in enumerate(real)]
    monkeypatch.setattr(_core, "selftest", lambda backend: damaged)
    assert main(["selftest", "--backend", "scalar"]) == 1
    text = capsys.readouterr().out
    assert text.count("DIFFERS") == 1 and text.endswith("FAILED: the bits differ\n")
