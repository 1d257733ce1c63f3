"""The benchmarks at a small size: counts repeat exactly and stay below what is frozen; estimates are sane."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import TARGETS, Build

import targets
from benchmarks import common, compare, counts, cpu_load, estimate
from linnet.model.blob import TINY, random_model


@pytest.fixture
def countable(build: Build) -> targets.Target:
    reason = counts.why_not(build.target)
    if reason:
        pytest.skip(reason)
    return build.target


def first_run(target: targets.Target) -> tuple[str, str]:
    cpu = next(cpu.name for cpu in target.cpus if cpu.name != "host")
    return cpu, counts.backends(target, cpu)[0]


def vector_run(target: targets.Target) -> tuple[str, str]:
    """A CPU with kernels for vectors, and its fastest; skips the test where there is none."""
    for cpu in target.cpus:
        backend = "scalar" if cpu.name == "host" else counts.backends(target, cpu.name)[0]
        if backend != "scalar":
            return cpu.name, backend
    pytest.skip(f"{target.name} has no kernels for vectors")


def test_no_regression(countable: targets.Target) -> None:
    frozen = compare.load()
    assert countable.name in frozen["targets"], "not frozen: ./sconsw bench freeze"
    compiler = common.compiler(countable.compiler("gcc")[1])
    if compiler != frozen["compilers"][countable.name]:
        pytest.skip(f"frozen with {frozen['compilers'][countable.name]}, here is {compiler}")
    problems = compare.regressions(compare.measure(countable), frozen["targets"][countable.name])
    assert not problems, "\n".join(problems)


def test_counts_repeat(countable: targets.Target) -> None:
    runs = [
        counts.count(countable, *first_run(countable), random_model(**TINY), 3, recipe="speech_in_noise")
        for _ in range(2)
    ]
    assert runs[0] == runs[1]


def test_windows_and_addresses_agree(countable: targets.Target) -> None:
    run = counts.count(countable, *first_run(countable), random_model(**TINY), 3, recipe="speech_in_noise")
    for stage in range(len(counts.STAGES)):
        assert sum(window[stage] for window in run.windows) == sum(line.counts[stage] for line in run.code)


# A thousand turns of four instructions, of which the second lies on two pages.
ON_TWO_PAGES = """
        .globl _start, begin, end
begin:  ret
end:    ret
_start: mov $1000, %r12d
        call begin
        jmp turn
        .balign 4096
        .skip 4096 - 3, 0x90
turn:   nop
        mov $1, %eax
        dec %r12d
        jnz turn
        call end
        mov $60, %eax
        xor %edi, %edi
        syscall
"""


def test_an_instruction_on_two_pages_counts_once(build: Build, tmp_path: Path) -> None:
    """Or the same code would count otherwise wherever the linker places it."""
    if build.target.name != "x86_64_linux" or counts.why_not(build.target):
        pytest.skip("made of x86-64's instructions, and counted under its emulator")
    program, report = tmp_path / "program", tmp_path / "report"
    command = f"{build.target.compiler('gcc')[0]} -nostdlib -static -no-pie -x assembler - -o"
    subprocess.run([*shlex.split(command), program], input=ON_TWO_PAGES, text=True, check=True)
    lines = subprocess.run([build.target.tool("nm"), program], capture_output=True, text=True, check=True).stdout
    at = {name: address for address, _, name in map(str.split, lines.splitlines())}
    plugin = f"{counts.program_of(build.target).with_name('insn_plugin.so')},out={report}"
    plugin += f",begin={at['begin']},end={at['end']}"
    subprocess.run([build.target.emulator[0], "-plugin", plugin, program], check=True)
    assert report.read_text().splitlines()[0] == f"window {1 + 1 + 4 * 1000 + 1}"  # ret, jmp, the turns, call


def test_worst_frame_is_bounded(countable: targets.Target) -> None:
    run = counts.count(countable, *first_run(countable), random_model(**TINY), 6)
    assert run.worst() <= 1.5 * run.median()


@pytest.mark.parametrize(
    ("samples", "channels"),
    [
        (64, 2),
        (160, 1),
        *(pytest.param(*case, marks=pytest.mark.long) for case in [(64, 1), (128, 1), (128, 2), (160, 2)]),
    ],
)
@pytest.mark.parametrize("name", common.MODELS)
def test_a_spread_frame_loads_calls_alike(
    countable: targets.Target, root: Path, name: str, samples: int, channels: int
) -> None:
    """The worst call costs at most 1.6 times the mean with every kernel table for vectors."""
    cpu, backend = vector_run(countable)
    model = (root / f"sdk/models/{name}.linnet").read_bytes()
    calls = counts.count_calls(countable, cpu, backend, model, samples, spread=True, channels=channels)
    what = f"{countable.name} {backend} {name}, {samples} samples of {channels}"
    print(f"{what}: worst / mean {max(calls) * len(calls) / sum(calls):.2f}")
    assert max(calls) * len(calls) <= 1.6 * sum(calls)


@pytest.mark.parametrize(
    "name",  # one of each topology; what channels share does not depend on the widths
    [pytest.param(name, marks=[] if name in ("small", "light") else pytest.mark.long) for name in common.MODELS],
)
def test_two_channels_cost_less_than_one_and_a_half_times_one(countable: targets.Target, root: Path, name: str) -> None:
    cpu, backend = vector_run(countable)
    run = countable, cpu, backend, (root / f"sdk/models/{name}.linnet").read_bytes(), 480, False
    one, two, eight = (max(counts.count_calls(*run, channels=channels)) for channels in (1, 2, 8))
    print(f"{countable.name} {backend} {name}: two channels {two / one:.2f}, eight {eight / one:.2f} times one")
    assert one < two < 1.5 * one
    assert eight < 4.5 * one


def test_a_frame_of_rest_costs_next_to_nothing(countable: targets.Target, root: Path) -> None:
    """Digital silence: under a tenth of speech, with the cheapest network."""
    model = (root / "sdk/models/small.linnet").read_bytes()
    run = countable, *first_run(countable), model, 480, False
    silence = max(counts.count_calls(*run, recipe="silence", warm_up=250))
    speech = min(counts.count_calls(*run))
    print(f"{countable.name}: {silence:,} instructions a frame in a rest, {speech:,} in speech")
    assert silence < 0.1 * speech


def test_every_weight_is_read_once_a_frame(countable: targets.Target) -> None:
    model = random_model(**TINY)
    loads = counts.count_loads(countable, *first_run(countable), model)
    # All but the header and the list of records, in whole lines.
    assert 0.8 * len(model) < loads.touched <= len(model)


def test_regression_is_noticed() -> None:
    frozen = {"cpu scalar": {"median": 1000.0, "stream_bytes": 500}}
    assert compare.regressions({"cpu scalar": {"median": 1010.0, "stream_bytes": 500}}, frozen) == []
    assert compare.regressions({"cpu scalar": {"median": 900.0, "stream_bytes": 500}}, frozen) == []
    worse = compare.regressions({"cpu scalar": {"median": 1011.0, "stream_bytes": 500}}, frozen)
    assert len(worse) == 1
    assert "+1.1 %" in worse[0]
    assert len(compare.regressions({}, frozen)) == 1
    assert len(compare.regressions({"cpu scalar": {"new": 1.0}}, frozen)) == 1


def test_a_guard_that_measures_nothing_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(counts, "why_not", lambda target: "no emulator")
    monkeypatch.setattr("sys.argv", ["compare", "--targets", "x86_64_linux,aarch64_linux"])
    assert compare.main() == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("nothing measured on x86_64_linux,aarch64_linux: ")


def test_what_was_counted_stays_where_nothing_can_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(common, "OUTPUT", tmp_path)
    common.save("cpu_load", {"counts": ["a row"]})
    monkeypatch.setattr(counts, "why_not", lambda target: "no emulator")
    monkeypatch.setattr("sys.argv", ["cpu_load", "--targets", "x86_64_linux"])
    assert cpu_load.main() == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("nothing counted on x86_64_linux: ")
    assert common.load("cpu_load") == {"counts": ["a row"]}


@pytest.mark.parametrize(
    "line",
    [
        *("native --models nowhere", "native --seconds 0", "web --rounds 0", "web --frames none"),
        *("peers --rounds 0", "peers --seconds -1", "peers --audio nowhere.wav", "rates nowhere", "rates . --count 0"),
        *("bounded --targets nowhere", "compare --targets nowhere", "cpu_load --targets nowhere"),
        "cpu_load --frames 0",
    ],
)
def test_what_a_program_cannot_do_is_told_without_a_traceback(root: Path, line: str) -> None:
    command = [sys.executable, "-m", *f"benchmarks.{line}".split()]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr and len(done.stderr.splitlines()[-1]) > 20


def here(line: str, model: Path) -> subprocess.CompletedProcess[bytes]:
    """bench_process of this machine's target."""
    name = targets.host()
    if name not in TARGETS:
        pytest.skip("this machine is not among the targets of this run")
    command = [counts.program_of(targets.load(name)), *line.split()]
    return subprocess.run(command, input=model.read_bytes(), capture_output=True, timeout=60)


@pytest.mark.parametrize(
    "line",
    [
        *(f"count scalar {numbers}" for numbers in ("0 0 1", "1 0 0", "1 100 1", "2 99 2", "x 0 1")),
        *(f"calls scalar 0 1 {samples} 1 silence 0" for samples in (0, 48000)),
        *(f"callbacks scalar 0 {numbers}" for numbers in ("0 1 -1", "480 0 -1", "480 1 one")),
        *("gru scalar ", "bandwidth 0x"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(tiny_model: Path, line: str) -> None:
    done = here(line, tiny_model)
    assert done.returncode == 2
    assert done.stderr.startswith(b"bench_process: ") and done.stderr.count(b"\n") == 1


def test_every_item_is_measured_once_at_least(tiny_model: Path) -> None:
    done = here("native scalar 0.001 -1", tiny_model)
    assert done.returncode == 0
    items = json.loads(done.stdout)
    assert {name: item["calls"] for name, item in items.items() if name.startswith("paced")} == dict.fromkeys(
        [f"paced{way}_{frames}" for way in ("", "_cpu", "_read") for frames in (1, 2)], 1
    )


def test_bytes_read_are_those_of_each_target(monkeypatch: pytest.MonkeyPatch) -> None:
    read = {"aarch64_linux": 3.0, "riscv64_linux": 5.0}
    run = counts.Counts(1, windows=[(1, 1, 1, 1, 1, 1)], recipes=["speech_in_noise"])
    monkeypatch.setattr(cpu_load, "_loads", {})
    monkeypatch.setattr(cpu_load, "jobs", lambda target: [("max", "scalar")])
    monkeypatch.setattr(counts, "count", lambda *_, **__: run)
    monkeypatch.setattr(counts, "count_loads", lambda target, *_: counts.Loads(0.0, read[target.name]))
    rows = [row for name in read for row in cpu_load.count_target(targets.load(name), ["small"], 1, {})]
    assert [row["model_bytes_read"] for row in rows] == [3.0, 3.0, 5.0, 5.0]
    assert cpu_load.row_of(rows, ("riscv64_linux", "scalar", "small"))["model_bytes_read"] == 5.0


def test_counts_outlive_a_missing_llvm(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    saved = []
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(counts, "why_not", lambda target: None)
    monkeypatch.setattr(cpu_load, "count_target", lambda *_: ["a row"])
    monkeypatch.setattr(cpu_load, "estimates", lambda *_: estimate.tool("llvm-mca"))
    monkeypatch.setattr(cpu_load, "print_counts", print)
    monkeypatch.setattr(common, "save", lambda name, data: saved.append((name, data["counts"])))
    monkeypatch.setattr("sys.argv", ["cpu_load", "--targets", "aarch64_linux"])
    assert cpu_load.main() == 2
    assert saved == [("cpu_load", ["a row"])]
    error = capsys.readouterr().err
    assert error.startswith("linnet: llvm-mca-19 not found") and error.count("\n") == 1


def test_estimate_covers_every_stage(countable: targets.Target) -> None:
    if shutil.which("llvm-mca-19") is None:
        pytest.skip("llvm-mca-19 not found; on Debian install llvm-19")
    tables = {"x86_64_linux": "skylake", "aarch64_linux": "cortex-a55"}
    if countable.name not in tables:
        assert countable.name not in estimate.TRIPLES
        return
    run = counts.count(countable, *first_run(countable), random_model(**TINY), 1, recipe="speech_in_noise")
    regions = estimate.regions_of(run, counts.program_of(countable))
    executed = [sum(len(region.text) * region.counts[stage] for region in regions) for stage in range(6)]
    assert executed == list(run.windows[0])
    cycles = estimate.cycles(regions, countable.name, tables[countable.name])
    for stage, instructions in zip(counts.STAGES, run.windows[0], strict=True):
        assert instructions / 8 < cycles[stage] < 8 * instructions
