"""What a frame costs on a device, by linnet-selftest --bench and `linnet selftest --bench`: the report is whole on all
targets, and the estimates in it are those of the benchmarks. How long anything takes is no matter of tests.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from conftest import Build
from test_selftest import selftest

import targets
from benchmarks import common, cpu_load
from benchmarks.cpus import CPUS, NamedCpu
from linnet import _core
from linnet.catalog import Model
from linnet.cli import main

KEPT = json.loads((common.RESULTS / "cpu_load.json").read_text())
FEWEST = 10  # frames
# Stands in for the system: where it describes its CPU, if anywhere, and that a pause moves the thread to core 4.
SYSTEM = """
#include <cstdio>
#include <ctime>
static int core = 0;
extern "C" {
FILE *__real_fopen(const char *, const char *);
FILE *__wrap_fopen(const char *, const char *mode) { return *CPUINFO ? __real_fopen(CPUINFO, mode) : nullptr; }
int __wrap_sched_getcpu() { return core; }
int __real_nanosleep(const timespec *, timespec *);
int __wrap_nanosleep(const timespec *time, timespec *left) { return core = 4, __real_nanosleep(time, left); }
}
"""
FIELDS = {
    *("linnet", "compiler", "cores", "backend", "model", "topology", "weights", "multiply_adds", "model_bytes"),
    *("stream_bytes", "peak_bytes", "frames", "paced", "hot", "margin", "safe_callback", "estimates"),
}


def arm_processor(number: int, core: str) -> str:
    """A block of /proc/cpuinfo as Linux writes it on ARM; core as "41:d0b"."""
    implementer, part = core.split(":")
    return (
        f"processor\t: {number}\nBogoMIPS\t: 38.40\nFeatures\t: fp asimd asimddp\nCPU implementer\t: 0x{implementer}\n"
        f"CPU architecture: 8\nCPU variant\t: 0x1\nCPU part\t: 0x{part}\nCPU revision\t: 0\n\n"
    )


def x86_processor(number: int, core: str) -> str:
    """The same on x86; core as "AuthenticAMD:25:33"."""
    vendor, family, model = core.split(":")
    return (
        f"processor\t: {number}\nvendor_id\t: {vendor}\ncpu family\t: {family}\nmodel\t\t: {model}\n"
        f'model name\t: A "quick" CPU\nstepping\t: 2\nflags\t\t: {"avx2 " * 100}\n\n'
    )


@pytest.fixture
def phone(tmp_path: Path) -> Path:
    """/proc/cpuinfo of a phone: small cores, big ones, and one that nobody has heard of."""
    cores = ["41:d05"] * 4 + ["41:d0b"] * 3 + ["7f:123"]
    path = tmp_path / "cpuinfo"
    path.write_text("".join(arm_processor(number, core) for number, core in enumerate(cores)) + "Hardware\t: Phone\n")
    return path


@pytest.fixture
def here(root: Path) -> Build:
    """The build of this machine's own target."""
    name = targets.host() or ""
    return Build(targets.load(name), root / targets.folder(name, "release", "gcc"))


def measured(build: Build, *arguments: str) -> dict[str, Any]:
    done = selftest(build, "--bench", "--json", "--frames", str(FEWEST), *arguments)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return json.loads(done.stdout)


def check(report: dict[str, Any], root: Path) -> None:
    """Holds for every report, whatever the machine."""
    assert report.keys() == FIELDS
    for way in ("paced", "hot"):
        times = report[way]
        assert 0 < times["median_us"] <= times["p99_us"] <= times["worst_us"]
    positive = ("weights", "multiply_adds", "model_bytes", "stream_bytes", "peak_bytes", "margin")
    assert all(report[key] > 0 for key in positive)
    assert report["frames"] == FEWEST
    header = (root / "sdk/selftest/bench.h").read_text()
    sizes = [int(size) for size in re.search(r"kCallbacks\[\] = {([\d, ]+)}", header)[1].split(",")]
    safe = [size for size in sizes if size / 0.048 >= report["margin"] * report["paced"]["p99_us"]]
    assert report["safe_callback"] == (safe[0] if safe else 0)


def test_every_target_measures_the_model_inside(build: Build, root: Path, phone: Path) -> None:
    report = measured(build, "--cpuinfo", str(phone))
    check(report, root)
    heading = selftest(build, "--backend", "none").stdout.splitlines()
    assert report["backend"] == heading[2].split()[1]
    assert report["model"] == "tiny.linnet"
    assert report["model_bytes"] == (root / "sdk/models/tiny.linnet").stat().st_size
    assert [(core["name"], core["count"]) for core in report["cores"]] == [
        *(("Cortex-A55", 4), ("Cortex-A76", 3)),
        ("ARM core 7f:123", 1),
    ]
    assert not any(core["used"] for core in report["cores"])
    assert report["estimates"] == []
    assert measured(build, "--backend", "scalar", "--cpuinfo", str(phone))["backend"] == "scalar"


def test_a_system_without_that_description_is_measured_all_the_same(build: Build, root: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    report = measured(build, "--cpuinfo", str(tmp_path / "empty"))
    check(report, root)
    assert report["cores"] == []


def on_another_system(here: Build, root: Path, folder: Path, cpuinfo: str) -> dict[str, Any]:
    """The report of the same program on SYSTEM."""
    (folder / "system.cpp").write_text(SYSTEM)
    command = ["g++", "-std=c++17", "-Isdk", "-Isdk/src", "-Isdk/include", f'-DCPUINFO="{cpuinfo}"']
    command += ["-Wl,--wrap=fopen,--wrap=sched_getcpu,--wrap=nanosleep", "sdk/selftest/linnet_selftest.cpp"]
    command += [folder / "system.cpp", here.folder / "selftest/libvectors.a", here.folder / "liblinnet.a"]
    subprocess.run([*command, "-o", folder / "program"], cwd=root, check=True)
    command = [folder / "program", "--bench", "--json", "--frames", str(FEWEST)]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def test_a_system_without_any_cpuinfo_is_measured_too(here: Build, root: Path, tmp_path: Path) -> None:
    report = on_another_system(here, root, tmp_path, "")
    check(report, root)
    assert report["cores"] == []


def test_the_core_used_is_the_one_at_the_end(here: Build, root: Path, tmp_path: Path, phone: Path) -> None:
    cores = on_another_system(here, root, tmp_path, str(phone))["cores"]
    assert [core["name"] for core in cores if core["used"]] == ["Cortex-A76"]


def test_lines_may_end_as_those_of_windows(here: Build, phone: Path) -> None:
    """As in a copy that adb makes there."""
    cores = measured(here, "--cpuinfo", str(phone))["cores"]
    phone.write_bytes(phone.read_bytes().replace(b"\n", b"\r\n"))
    assert measured(here, "--cpuinfo", str(phone))["cores"] == cores


@pytest.mark.parametrize("cpu", CPUS, ids=lambda cpu: cpu.name)
def test_estimates_are_those_of_the_benchmarks(here: Build, cpu: NamedCpu, tmp_path: Path) -> None:
    """Fails if the program was built from an older table."""
    for core in cpu.cores:
        path = tmp_path / "cpuinfo"
        path.write_text((arm_processor if cpu.name.startswith(("Cortex", "Neoverse")) else x86_processor)(0, core))
        report = measured(here, str(common.ROOT / "sdk/models/small.linnet"), "--cpuinfo", str(path))
        assert [one["used"] for one in report["cores"]] == [True]
        expected = [row for row in KEPT["estimates"] if (row["cpu"], row["model"]) == (cpu.name, "small")]
        assert len(expected) == 1
        (estimate,) = report["estimates"]
        assert (estimate["cpu"], estimate["backend"]) == (cpu.name, expected[0]["backend"])
        figures = (1e6 * expected[0]["total"], 100 * expected[0]["low"], 100 * expected[0]["high"])
        assert (estimate["us"], estimate["low_us"], estimate["high_us"]) == pytest.approx(figures, abs=0.051)


def test_kept_estimates_follow_from_todays_assumptions() -> None:
    """Clocks, caches and bands of cpus.py, and the shapes of the models: `python -m benchmarks.keep cpu_load`."""
    cpus = {cpu.name: cpu for cpu in CPUS}
    basis = ("model", "crc", "core_cycles", "model_bytes", "model_bytes_read")
    assert {row["cpu"] for row in KEPT["estimates"]} == cpus.keys()
    for row in KEPT["estimates"]:
        again = cpu_load.estimate_of(cpus[row["cpu"]], {key: row[key] for key in basis})
        assert again.keys() == row.keys()
        for key, value in again.items():
            assert row[key] == (pytest.approx(value, rel=1e-4) if isinstance(value, float) else value), key
    assert KEPT["multiply_adds"] == {name: Model(name).multiply_adds for name in KEPT["multiply_adds"]}


def test_text_names_what_was_measured(here: Build, phone: Path) -> None:
    arguments = ["--bench", str(common.ROOT / "sdk/models/small.linnet"), "--frames", str(FEWEST)]
    done = selftest(here, *arguments, "--cpuinfo", str(phone))
    assert done.returncode == 0
    assert "4 x Cortex-A55, 3 x Cortex-A76, 1 x ARM core 7f:123" in done.stdout
    assert "small.linnet, percepnet" in done.stdout
    assert re.search(r"^paced +[\d.]+ +[\d.]+ +[\d.]+ +[\d.]+$", done.stdout, re.MULTILINE)
    assert "smallest safe callback: " in done.stdout
    assert re.findall(r"^estimate: \d+ us on (.*), ", done.stdout, re.MULTILINE) == [
        *("Cortex-A55 1.8 GHz", "Cortex-A76 2.4 GHz")
    ]


def test_bad_arguments_are_told_in_one_line(here: Build, tmp_path: Path) -> None:
    for arguments, culprit in (
        (["--bench", "no.linnet"], "no.linnet"),
        (["--bench", "--cpuinfo", str(tmp_path / "none")], "cpuinfo"),
        (["--bench", "--cpuinfo", str(tmp_path)], "cpuinfo"),
        (["--bench", "--frames", "9"], "frames"),
        (["--bench", "--frames", "10x"], "frames"),
        (["--bench", "--frames", str(2**32 + 10)], "frames"),
        (["--bench", "--frames", str(10 - 2**32)], "frames"),
        (["--bench", "--frames"], "--frames"),
        (["--bench", "--backend", "sse9"], "sse9"),
        (["--json"], "--json"),
    ):
        done = selftest(here, *arguments)
        assert done.returncode == 2 and done.stdout == ""
        assert done.stderr.startswith("linnet-selftest: ") and done.stderr.count("\n") == 1
        assert culprit in done.stderr


@pytest.mark.parametrize("words", [["--backend", "none"], ["--bench", "--json", "--frames", str(FEWEST)]])
def test_what_cannot_be_written_is_an_error(here: Build, words: list[str]) -> None:
    """A full disk leaves no half of a report with a status of 0."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([here.folder / "linnet-selftest", *words], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "linnet-selftest: the output cannot be written"


def test_the_python_command_measures_a_model_by_name(capsys: pytest.CaptureFixture[str], root: Path) -> None:
    assert main(["selftest", "--bench", "--json", "--frames", str(FEWEST), "--model", "small"]) == 0
    report = json.loads(capsys.readouterr().out)
    check(report, root)
    assert report["model"] == "small.linnet"
    assert report["backend"] == _core.backends()[0]
    assert report["weights"] == Model("small").weights


def test_the_python_command_measures_a_model_whose_name_is_no_text(
    capsys: pytest.CaptureFixture[str], root: Path, tmp_path: Path, tiny_model: Path
) -> None:
    path = tmp_path / os.fsdecode(b"\xff.linnet")
    path.write_bytes(tiny_model.read_bytes())
    assert main(["selftest", "--bench", "--json", "--frames", str(FEWEST), "--model", str(path)]) == 0
    report = json.loads(capsys.readouterr().out)
    check(report, root)
    assert report["model"] == "\ufffd.linnet"


def test_the_python_command_refuses_what_it_cannot_measure(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--model", "no.linnet"], ["--frames", "9"], ["--backend", "sse9"]):
        assert main(["selftest", "--bench", *arguments]) == 2
        captured = capsys.readouterr()
        assert captured.out == "" and captured.err.count("\n") == 1
