"""Executed instructions of bench_process under an emulator: the counting plugin's run and its report as numbers.

Counts are exact and repeat: the program is static, its memory lies at fixed addresses, environment and arguments are
always the same, and the plugin leaves the harness out. All numbers are per window, one call of linnet_process.
"""

from __future__ import annotations

import math
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import targets
from linnet import _core

ROOT = Path(__file__).resolve().parents[1]
STAGES = ("rest", "analysis", "pitch", "comb", "network", "synthesis")  # as in stages.h
DSP = tuple(stage for stage in STAGES if stage != "network")
WITHOUT_PITCH = ["pitch", "comb"]  # stages that a model need not have, but only both
MODEL_ROOM = 32 << 20  # of the program's static buffer
# The emulators count every byte of a string instruction of x86; the C library then copies in another way.
ENVIRONMENT = {"GLIBC_TUNABLES": "glibc.cpu.x86_rep_movsb_threshold=0x40000000"}


class CountError(RuntimeError):
    """A run that could not be done or whose report makes no sense; the message says which and why."""


@dataclass(frozen=True)
class Instruction:
    """One executed instruction: address, executions by stage over all windows."""

    address: int
    counts: tuple[int, ...]


@dataclass
class Counts:
    """The report of one run.

    windows: instructions by stage, [window][stage]; recipes: input signal of each window. code: every executed
    instruction, by rising address. stream_bytes: linnet_size. stack_bytes: deepest stack, the harness's own included.
    """

    per_call: int
    stream_bytes: int = 0
    stack_bytes: int = 0
    windows: list[tuple[int, ...]] = field(default_factory=list)
    recipes: list[str] = field(default_factory=list)
    code: list[Instruction] = field(default_factory=list)

    def totals(self) -> list[float]:
        """Instructions per frame of each window."""
        return [sum(window) / self.per_call for window in self.windows]

    def median(self, stages: tuple[str, ...] = STAGES) -> float:
        """Median over windows of the instructions per frame in these stages together."""
        return (
            _median([sum(window[STAGES.index(stage)] for stage in stages) for window in self.windows]) / self.per_call
        )

    def worst(self, stages: tuple[str, ...] = STAGES) -> float:
        """Largest number of instructions per frame in these stages together."""
        return max(sum(w[STAGES.index(stage)] for stage in stages) for w in self.windows) / self.per_call

    def worst_recipe(self) -> str:
        """Input signal of the worst window."""
        totals = self.totals()
        return self.recipes[totals.index(max(totals))]


def _median(values: list[int]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def program_of(target: targets.Target) -> Path:
    """bench_process of a target's release build. Raises CountError if it has not been built."""
    program = ROOT / "build" / f"{target.name}-release" / "benchmarks" / "bench_process"
    if not program.exists():
        raise CountError(f"{program.relative_to(ROOT)} is missing: ./sconsw bench target={target.name} builds it")
    return program


def why_not(target: targets.Target) -> str | None:
    """Why nothing can be counted for this target here, or None."""
    if not target.emulator or not target.emulator[0].startswith("qemu-"):
        return f"{target.name} has no emulator that takes the counting plugin"
    if shutil.which(target.emulator[0]) is None:
        return f"{target.emulator[0]} not found; on Debian install qemu-user"
    # Static builds of qemu, such as Debian's newer ones, cannot load plugins.
    text = subprocess.run([target.emulator[0], "-h"], capture_output=True, text=True).stdout
    return None if "-plugin" in text else f"{target.emulator[0]} was built without plugins"


def symbols(target: targets.Target) -> dict[str, int]:
    """Addresses of the program's symbols."""
    lines = subprocess.run(
        [target.tool("nm"), str(program_of(target))], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    fields = [line.split() for line in lines]
    # The lowest bit of an address on 32-bit ARM marks the Thumb instruction set.
    return {parts[2]: int(parts[0], 16) & ~1 for parts in fields if len(parts) == 3}


def emulate(target: targets.Target, cpu: str, options: list[str], arguments: list[str], stdin: bytes) -> bytes:
    """Standard output of bench_process under the emulator with these options. Raises CountError."""
    emulator = shutil.which(target.emulator[0])
    if emulator is None:
        raise CountError(why_not(target) or f"{target.emulator[0]} not found")
    command = [
        emulator,
        *target.emulator[1:],
        "-cpu",
        cpu,
        *options,
        "-0",
        "bench",
        str(program_of(target)),
        *arguments,
    ]
    done = subprocess.run(command, input=stdin, capture_output=True, env=ENVIRONMENT, cwd=ROOT)
    if done.returncode:
        raise CountError(f"exit status {done.returncode} of {' '.join(command)}: {done.stderr.decode().strip()}")
    return done.stdout


def backends(target: targets.Target, cpu: str) -> list[str]:
    """Backends that this CPU can run, fastest first."""
    return emulate(target, cpu, [], ["backends"], b"").decode().split()


def _run(
    target: targets.Target, cpu: str, model: bytes, arguments: list[str], memory: bool = False, word: str = "count"
) -> tuple[list[str], list[list[str]]]:
    """Words that the program prints, and lines of the plugin's report as words."""
    table = symbols(target)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "counts"
        options = [f"out={report}", *(f"{end}={table[f'linnet_mark_{end}']:x}" for end in ("begin", "end", "leave"))]
        options += [f"enter={table[f'linnet_mark_enter_{stage}']:x}" for stage in range(1, len(STAGES))]
        options += [f"skip={table['__start_linnet_marks']:x}-{table['__stop_linnet_marks']:x}"]
        if memory:
            start = table["linnet_bench_model"]
            options += [f"memory={start:x}-{start + MODEL_ROOM:x}"]
        plugin = program_of(target).with_name("insn_plugin.so")
        output = emulate(target, cpu, ["-plugin", ",".join([str(plugin), *options])], [word, *arguments], model)
        return output.decode().split(), [line.split() for line in report.read_text().splitlines()]


def count(
    target: targets.Target,
    cpu: str,
    backend: str,
    model: bytes,
    frames: int,
    warm_up: int = 0,
    per_call: int = 1,
    recipe: str | None = None,
) -> Counts:
    """Counts `frames` frames of every input recipe, or of one, after `warm_up` calls that are not counted.

    Raises CountError.
    """
    arguments = [backend, str(frames), str(warm_up), str(per_call), *([recipe] if recipe else [])]
    words, report = _run(target, cpu, model, arguments)
    counts = Counts(per_call, int(words[1]), int(words[-1]), recipes=words[2:-2])
    for kind, *rest in report:
        if kind == "window":
            counts.windows.append(tuple(map(int, rest)))
        elif kind == "pc":
            counts.code.append(Instruction(int(rest[0], 16), tuple(map(int, rest[1:]))))
    if not counts.windows or len(counts.recipes) != len(counts.windows):
        raise CountError(f"{len(counts.windows)} windows counted, {len(counts.recipes)} calls made")
    empty = [stage for i, stage in enumerate(STAGES) if not any(window[i] for window in counts.windows)]
    if empty and empty != WITHOUT_PITCH:
        raise CountError(f"stage {empty[0]} is never entered: has its signature changed? See benchmarks/stages.cpp")
    return counts


def count_calls(
    target: targets.Target,
    cpu: str,
    backend: str,
    model: bytes,
    samples: int,
    spread: bool,
    recipe: str = "speech_in_noise",
    warm_up: int = 30,
    channels: int = 1,
) -> list[int]:
    """Instructions of each call of so many samples, of each channel, over as many calls as their places in frames
    repeat after.

    spread: whether the stream spreads its frames over calls, or computes each in the call that completes it. warm_up:
    frames of the recipe before. Raises CountError.
    """
    calls = math.lcm(samples, _core.FRAME) // samples
    arguments = [backend, str(int(spread)), str(channels), str(samples), str(calls), recipe, str(warm_up)]
    _, report = _run(target, cpu, model, arguments, word="calls")
    return [sum(map(int, rest)) for kind, *rest in report if kind == "window"]


@dataclass(frozen=True)
class Loads:
    """What one frame reads of the model: bytes loaded, and bytes of distinct 64-byte lines (the traffic)."""

    loaded: float
    touched: float


def count_loads(target: targets.Target, cpu: str, backend: str, model: bytes, per_call: int = 1) -> Loads:
    """Loads from the model per frame, `per_call` frames in a call. Raises CountError."""
    _, report = _run(target, cpu, model, [backend, str(per_call), "1", str(per_call), "speech_in_noise"], memory=True)
    lines = {kind: sum(map(int, rest)) for kind, *rest in report if kind in ("load", "touched")}
    if not lines.get("load"):
        raise CountError(f"no loads from the model seen on {target.name} {cpu} {backend}")
    return Loads(lines["load"] / per_call, 64 * lines["touched"] / per_call)
