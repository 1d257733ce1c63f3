"""Guards instruction counts and sizes: compares what models cost now with what is written down.

    ./sconsw bench compare [target=all]       ./sconsw bench freeze [target=all]

benchmarks/results/instructions.json holds, for each target, CPU model and backend, the median and worst instructions
per frame of the tiny model over all input signals, the medians by stage, the bytes of a stream, of its stack and of the
library's code; and for each backend what the networks of light, small and sparse take per frame, with one frame in a
call and with two, because the loops over many rows, over many columns and over two vectors run nowhere else. Anything
more than 1 % above fails; freeze writes the numbers anew, which is for the commit that explains them. The numbers
belong to the compiler named there; the message of a failure names both.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import targets
from benchmarks import common, counts
from benchmarks.cpu_load import code_size, jobs
from linnet.model.blob import TINY, random_model

FROZEN = common.RESULTS / "instructions.json"
TOLERANCE = 0.01
FRAMES = 4  # of each input signal
WIDE = ("light", "small", "sparse")


def measure(target: targets.Target) -> dict[str, dict[str, float]]:
    """The numbers of one target by "CPU backend" and "MODEL backend", and its sizes under "sizes"."""
    model, wide = random_model(**TINY), {name: common.model(name) for name in WIDE}
    found: dict[str, dict[str, float]] = {}
    for cpu, backend in jobs(target):
        run = counts.count(target, cpu, backend, model, FRAMES, warm_up=6)
        numbers = {"median": run.median(), "worst": run.worst()}
        numbers |= {"stream_bytes": run.stream_bytes, "stack_bytes": run.stack_bytes}
        found[f"{cpu} {backend}"] = numbers | {stage: run.median((stage,)) for stage in counts.STAGES}
        for name, weights in wide.items():
            # CPU models differ by the C library's copies at most, as the tiny model shows.
            if f"{name} {backend}" not in found:
                found[f"{name} {backend}"] = network(target, cpu, backend, weights)
    if size := code_size(target):
        found["sizes"] = {"code_bytes": size}
    return found


def network(target: targets.Target, cpu: str, backend: str, model: bytes) -> dict[str, float]:
    """Instructions of a model's network per frame, by frames in a call. They do not depend on the signal."""
    runs = {
        frames: counts.count(target, cpu, backend, model, frames, warm_up=1, per_call=frames, recipe="speech_in_noise")
        for frames in (1, 2)
    }
    return {f"network_{frames}": run.median(("network",)) for frames, run in runs.items()}


def regressions(found: dict[str, dict[str, float]], frozen: dict[str, dict[str, float]]) -> list[str]:
    """What is missing from `found`, new in it, or more than 1 % above `frozen`, in words."""
    problems = [f"{run}: not measured any more" for run in frozen if run not in found]
    for run, numbers in found.items():
        if run not in frozen:
            problems.append(f"{run}: not frozen; ./sconsw bench freeze")
            continue
        for name, value in numbers.items():
            before = frozen[run].get(name)
            if before is None:
                problems.append(f"{run} {name}: not frozen; ./sconsw bench freeze")
            elif value > before * (1 + TOLERANCE):
                problems.append(f"{run} {name}: {value:,.0f}, was {before:,.0f} ({100 * (value / before - 1):+.1f} %)")
    return problems


def load(path: Path = FROZEN) -> dict[str, Any]:
    """The frozen numbers, {"compilers": {target: ...}, "targets": {target: {run: {name: number}}}}."""
    return json.loads(path.read_text()) if path.exists() else {"compilers": {}, "targets": {}}


def main() -> int:
    """Compares or freezes; exit status 1 if anything regressed or nothing could be measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", default=",".join(targets.names()))
    parser.add_argument("--freeze", action="store_true")
    options = parser.parse_args()
    frozen, measured, failed = load(), 0, False
    for target in map(targets.load, options.targets.split(",")):
        if reason := counts.why_not(target):
            print(f"skipping {target.name}: {reason}")
            continue
        found, now = measure(target), common.compiler(target.compiler("gcc")[1])
        measured += 1
        if options.freeze:
            frozen["targets"][target.name], frozen["compilers"][target.name] = found, now
            print(f"{target.name}: {len(found)} entries frozen")
            continue
        problems = regressions(found, frozen["targets"].get(target.name, {}))
        failed |= bool(problems)
        for problem in problems:
            print(f"{target.name} {problem}")
        print(f"{target.name}: {len(found)} entries, {len(problems)} problems")
        if problems:
            print(f"  frozen with {frozen['compilers'].get(target.name)}, now {now}")
    if not measured:
        print(f"nothing measured on {options.targets}: see above for what is missing")
        return 1
    if options.freeze:
        FROZEN.write_text(json.dumps(frozen, indent=1, sort_keys=True) + "\n")
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(common.status_of(main))
