"""What a frame costs on CPUs that are not here: exact instruction counts, and estimates of cycles with their error.

    python -m benchmarks.cpu_load [--targets A,B] [--models A,B] [--frames 4] [--no-estimates]

First table: executed instructions per 10 ms frame under the emulator, for every target, CPU model, backend and model;
they are exact and repeat. The run with the tiny model goes through all input signals and gives the worst frame; wide
models run a few frames of one signal, since their network does the same work in each. Second table: estimates for the
CPUs of cpus.py by estimate.py, plus the time that the model's bytes need. Third: the same method for this machine
against its own clock, in the same run.
"""

from __future__ import annotations

import argparse
import os
import subprocess
from pathlib import Path
from typing import Any

import targets
from benchmarks import common, counts, estimate, native
from benchmarks.counts import DSP, STAGES
from benchmarks.cpus import CPUS, MEMORY_BAND, Level, NamedCpu
from linnet.model.blob import TINY, checksum, random_model

# LLVM's table for the machine at hand, by words that it says of itself; the first of which it says all.
HOST_TABLES = (
    ({"AuthenticAMD", "avx512_vnni"}, "znver4"),
    ({"AuthenticAMD", "avx2"}, "znver3"),
    ({"amx_tile"}, "sapphirerapids"),
    ({"avx512_vnni"}, "icelake-server"),
    ({"avx2"}, "skylake"),
)


def code_size(target: targets.Target) -> int | None:
    """Bytes of code and constants of the shared library, or None if it has not been built."""
    library = common.ROOT / "build" / f"{target.name}-release" / "liblinnet.so"
    if not library.exists():
        return None
    text = subprocess.run([target.tool("size"), str(library)], capture_output=True, text=True, check=True).stdout
    return int(text.splitlines()[1].split()[0])


def jobs(target: targets.Target) -> list[tuple[str, str]]:
    """(CPU, backend) of everything that can run under the target's emulator."""
    cpus = [cpu.name for cpu in target.cpus if cpu.name != "host"]
    return [(cpu, backend) for cpu in cpus for backend in counts.backends(target, cpu)]


def count_target(target: targets.Target, names: list[str], frames: int, kept: dict[Any, counts.Counts]) -> list[dict]:
    """Rows of one target; counts of wide models are kept for the estimates by (target, backend, model).

    Raises CountError.
    """
    rows = []
    wide = {name: common.model(name) for name in names}
    for cpu, backend in jobs(target):
        tiny = counts.count(target, cpu, backend, random_model(**TINY), frames=10 * frames)
        every = {"tiny": (tiny, random_model(**TINY))}
        for name, model in wide.items():
            key = (target.name, backend, name)
            if key not in kept:  # CPU models differ by the C library's copies at most, as the tiny one shows
                kept[key] = counts.count(target, cpu, backend, model, frames, warm_up=4, recipe="speech_in_noise")
            every[name] = (kept[key], model)
        for name, (found, model) in every.items():
            key = (target.name, backend, name)
            if key not in _loads:
                _loads[key] = counts.count_loads(target, cpu, backend, model)
            rows.append(
                {
                    "target": target.name,
                    "cpu": cpu,
                    "backend": backend,
                    "model": name,
                    "crc": checksum(model),
                    "median": found.median(),
                    "worst": found.worst(),
                    "worst_recipe": found.worst_recipe(),
                    "stages": {stage: found.median((stage,)) for stage in STAGES},
                    "model_bytes_read": _loads[key].touched,
                    "stream_bytes": found.stream_bytes,
                    "stack_bytes": found.stack_bytes,
                    "peak_bytes": len(model) + found.stream_bytes + found.stack_bytes,
                    "model_bytes": len(model),
                    "code_bytes": code_size(target),
                }
            )
            print(f"counted {target.name} {cpu} {backend} {name}", flush=True)
    return rows


_loads: dict[tuple[str, str, str], counts.Loads] = {}  # by (target, backend, model)


def row_of(rows: list[dict], key: tuple[str, str, str]) -> dict:
    """The first row of a (target, backend, model)."""
    return next(row for row in rows if (row["target"], row["backend"], row["model"]) == key)


def combine(
    cpu: NamedCpu,
    cycles: dict[str, float],
    model_bytes: float,
    read: float,
    factors: tuple[float, float] = (1, 1),
) -> dict[str, Any]:
    """Seconds per frame by part: the core's cycles, and the model's bytes from where they live; times two factors."""
    level: Level = cpu.level(model_bytes)
    network = factors[0] * cycles["network"] / cpu.clock
    memory = factors[1] * read / level.bandwidth
    dsp = factors[0] * sum(cycles[stage] for stage in DSP) / cpu.clock
    together = network + memory if cpu.in_order else max(network, memory)
    return {
        "dsp": dsp,
        "network_core": network,
        "network_memory": memory,
        "network": together,
        "level": level.name,
        "total": dsp + together,
        "cycles": (dsp + together) * cpu.clock,
    }


def core_cycles(run: counts.Counts, target: str, table: str) -> dict[str, float]:
    """Cycles of a frame by stage, of the core alone. Raises EstimateError."""
    regions = estimate.regions_of(run, counts.program_of(targets.load(target)))
    return {stage: value / len(run.windows) for stage, value in estimate.cycles(regions, target, table).items()}


def estimate_of(cpu: NamedCpu, basis: dict[str, Any]) -> dict[str, Any]:
    """One estimate, out of its "model", "crc", "core_cycles", "model_bytes" and "model_bytes_read"."""
    known = (cpu, basis["core_cycles"], basis["model_bytes"], basis["model_bytes_read"])
    parts = combine(*known)
    low, high = (
        100 * combine(*known, factors)["total"] / common.FRAME_SECONDS
        for factors in zip(cpu.band, MEMORY_BAND, strict=True)
    )
    row = {"cpu": cpu.name, "cores": list(cpu.cores), "backend": cpu.backend, "table": cpu.table} | basis | parts
    return row | {"percent": 100 * parts["total"] / common.FRAME_SECONDS, "low": low, "high": high}


def estimates(kept: dict[Any, counts.Counts], rows: list[dict]) -> list[dict]:
    """One row for each named CPU and wide model that was counted. Raises EstimateError."""
    found = []
    for cpu in CPUS:
        for (target, backend, model), run in kept.items():
            if (target, backend) != (cpu.target, cpu.backend):
                continue
            row = row_of(rows, (target, backend, model))
            basis = {key: row[key] for key in ("model", "crc", "model_bytes", "model_bytes_read")}
            found.append(estimate_of(cpu, basis | {"core_cycles": core_cycles(run, target, cpu.table)}))
    return found


def host_cpu(core: int) -> NamedCpu | None:
    """This machine as a named CPU, bandwidths and clock measured now; None if no table of LLVM fits it."""
    words = set(Path("/proc/cpuinfo").read_text().split()) if Path("/proc/cpuinfo").exists() else set()
    table = next((name for needed, name in HOST_TABLES if needed <= words), None)
    if table is None or targets.host() != "x86_64_linux":
        return None
    rates = native.bandwidth(core)
    clock = rates.pop("clock_hz")
    levels = tuple(Level(f"blocks of {int(size) >> 10} KB", int(size) / 0.75, rate) for size, rate in rates.items())
    return NamedCpu("this machine", clock, "x86_64_linux", "", table, False, levels, common.machine(), (1, 1))


def validate(kept: dict[Any, counts.Counts], rows: list[dict], core: int) -> list[dict]:
    """Predicted and measured microseconds of this machine, for what can be both counted and run here.

    Raises EstimateError.
    """
    cpu = host_cpu(core)
    found = []
    for (target_name, backend, model), run in kept.items():
        if cpu is None or target_name != cpu.target:
            continue
        row = row_of(rows, (target_name, backend, model))
        cycles = core_cycles(run, target_name, cpu.table)
        parts = combine(cpu, cycles, row["model_bytes"], row["model_bytes_read"])
        times = native.run(common.model(model), backend, 0.5, core)["stages"]
        measured = {"network": times["network"]["median"], "dsp": sum(times[stage]["median"] for stage in DSP)}
        for part, value in measured.items():
            predicted = 1e6 * parts[part]
            found.append({"backend": backend, "model": model, "part": part, "predicted": predicted})
            found[-1] |= {"measured": value, "error": predicted / value - 1, "table": cpu.table, "clock": cpu.clock}
    return found


def thousands(value: float) -> str:
    """An instruction count for reading."""
    return f"{value / 1000:,.1f}"


def print_counts(rows: list[dict]) -> None:
    """The table of exact counts."""
    print(
        "\nexecuted instructions per 10 ms frame, thousands, exact; KB: bytes of the model read per frame, memory of a "
        "stream,\npeak (model, stream and stack together), code and constants of the library"
    )
    head = ["target, CPU, backend, model", "median", "worst", "w/m", *STAGES, "read", "stream", "peak", "code"]
    lines = []
    for row in rows:
        lines.append([f"{row['target']} {row['cpu']} {row['backend']} {row['model']}"])
        lines[-1] += [thousands(row["median"]), thousands(row["worst"]), f"{row['worst'] / row['median']:.3f}"]
        lines[-1] += [thousands(row["stages"][stage]) for stage in STAGES]
        code = row["code_bytes"]
        lines[-1] += [f"{row[key] / 1024:.0f}" for key in ("model_bytes_read", "stream_bytes", "peak_bytes")]
        lines[-1] += [f"{code / 1024:.0f}" if code else "-"]
    print(common.table(head, lines))


def print_estimates(rows: list[dict]) -> None:
    """The table of estimates, and everything that was assumed."""
    print(f"\nESTIMATES, not measurements: llvm-mca {estimate.VERSION} per executed region, plus the model's bytes")
    head = ["CPU, backend, model", "kilocycles", "DSP us", "network us", "of it memory", "from", "% of core", "band"]
    lines = [
        [
            f"{row['cpu']} {row['backend']} {row['model']}",
            f"{row['cycles'] / 1000:.0f}",
            f"{1e6 * row['dsp']:.0f}",
            f"{1e6 * row['network']:.0f}",
            f"{1e6 * row['network_memory']:.0f}",
            row["level"],
            f"{row['percent']:.1f}",
            f"{row['low']:.1f} .. {row['high']:.1f}",
        ]
        for row in rows
    ]
    print(common.table(head, lines))
    print("assumed: every access but the model's hits the first cache, branches are predicted, the clock is constant;")
    print(
        "in-order cores add memory time to computing time, the others overlap them; the band: the core's cycles times "
        f"the factors below,\nmemory time times {MEMORY_BAND[0]:g} .. {MEMORY_BAND[1]:g}:"
    )
    for cpu in CPUS:
        levels = ", ".join(
            f"{level.name} {'' if level.room == float('inf') else f'{level.room / (1 << 20):g} MB '}"
            f"{level.bandwidth / 1e9:g} GB/s"
            for level in cpu.levels
        )
        print(f"  {cpu.name}: table {cpu.table}, {levels}; x{cpu.band[0]:g} .. x{cpu.band[1]:g}; {cpu.note}")


def print_validation(rows: list[dict]) -> None:
    """Prediction against the clock."""
    if not rows:
        print("\nhost prediction: LLVM has no table for this machine")
        return
    print(f"\nprediction for this machine ({common.machine()}), table {rows[0]['table']}, measured in this run;")
    print(f"clock {rows[0]['clock'] / 1e9:.2f} GHz and read bandwidth as measured just before")
    lines = [
        [f"{row['model']} {row['backend']} {row['part']}", f"{row['predicted']:.1f}", f"{row['measured']:.1f}"]
        + [f"{100 * row['error']:+.0f} %"]
        for row in rows
    ]
    print(common.table(["model, backend, part", "predicted us", "measured us", "error"], lines))


def measure(options: argparse.Namespace) -> int:
    """Counts, estimates, validates; prints tables and writes build/bench/cpu_load.json. The exit status.

    Raises CountError, and EstimateError after the counts have been printed and written.
    """
    kept: dict[Any, counts.Counts] = {}
    rows: list[dict] = []
    for target in map(targets.load, options.targets.split(",")):
        if reason := counts.why_not(target):
            print(f"skipping {target.name}: {reason}")
            continue
        rows += count_target(target, options.models.split(","), options.frames, kept)
    if not rows:  # what was counted before stays
        print(f"nothing counted on {options.targets}: see above for what is missing")
        return 1
    data: dict[str, Any] = {"machine": common.machine(), "compiler": common.compiler("g++"), "counts": rows}
    common.save("cpu_load", data)
    print_counts(rows)
    if not options.no_estimates:
        data["estimates"] = estimates(kept, rows)
        data["validation"] = validate(kept, rows, options.core)
        common.save("cpu_load", data)
        print_estimates(data["estimates"])
        print_validation(data["validation"])
    print("\nbuild/bench/cpu_load.json")
    return 0


def main() -> int:
    """Measures; the exit status, 2 after an error."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", default=",".join(targets.names()))
    parser.add_argument("--models", default=",".join(common.MODELS))
    parser.add_argument(
        "--frames", type=common.count, default=4, help="of wide models; ten times as many of the tiny one"
    )
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)), help="to time this machine on")
    parser.add_argument("--no-estimates", action="store_true", help="only count")
    options = parser.parse_args()
    return common.status_of(lambda: measure(options))


if __name__ == "__main__":
    raise SystemExit(main())
