"""Cycles out of executed instructions: a model of the core (llvm-mca 19) for each piece of code.

Executed addresses are cut into regions: neighbours with equal counts, ended by a backward branch. llvm-mca gives the
cycles of a region that repeats, in steady state and with every access a hit in the first cache; the sum over regions,
each by its count, is the time of the core alone. Memory is added by the caller. Left out: branch mispredictions,
cache misses of data and code, transitions between regions. Print them as estimates.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from benchmarks.counts import STAGES, Counts

VERSION = "19"
TRIPLES = {"x86_64_linux": ("x86_64", ""), "aarch64_linux": ("aarch64", "+dotprod")}
# Regions are taken from the hottest on until this share of the instructions is covered; the rest gets their mean.
COVERED = 0.998
# Neither straight-line code nor anything that the models know: calls and returns, which cost about nothing where they
# are predicted, and instructions of the system.
DROPPED = re.compile(
    r"^(call|ret|bl\b|blr|br\b|jmpq?\s+\*|rep|notrack|endbr|bti|paciasp|autiasp|hint|nop|syscall|svc|mrs|msr|"
    r"xgetbv|cpuid|stmxcsr|ldmxcsr|data16|cs\s)"
)
# Clearing a register by combining it with itself waits for nothing on any x86 core here, but LLVM's newer Intel tables
# see a dependency: a load stands for it.
CLEARED = re.compile(r"^v?(pxor|xorps|xorpd) (%[xy]mm\d+), \2(, (%[xy]mm\d+))?$")
BRANCH = re.compile(r"^(j\w+|b|b\.\w+|cbn?z|tbn?z)\s")
_LINE = re.compile(r"^\s*([0-9a-f]+):\s+(.*)$")


class EstimateError(RuntimeError):
    """llvm-mca is missing or does not do what is expected of it; the message says which."""


@dataclass(frozen=True)
class Region:
    """A piece of straight code that ran as a whole: instructions as llvm-mca reads them, executions by stage."""

    start: int
    text: tuple[str, ...]
    counts: tuple[int, ...]


def tool(name: str) -> str:
    """Path of a tool of LLVM 19. Raises EstimateError with the package to install."""
    path = shutil.which(f"{name}-{VERSION}")
    if path is None:
        raise EstimateError(f"{name}-{VERSION} not found; on Debian: apt-get install llvm-{VERSION}")
    return path


@lru_cache(maxsize=4)
def disassemble(program: Path) -> dict[int, str]:
    """Instructions of a program by address, in rising order, comments cut off."""
    command = [tool("llvm-objdump"), "-d", "--no-show-raw-insn", str(program)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = {}
    for line in text.splitlines():
        if match := _LINE.match(line):
            instruction = re.sub(r"\s*(#|//|<).*$", "", match[2]).strip()
            found[int(match[1], 16)] = re.sub(r"\s+", " ", instruction)
    return found


def regions_of(counts: Counts, program: Path) -> list[Region]:
    """Cuts the executed code into regions. Raises EstimateError if an address is not in the program."""
    code = disassemble(program)
    addresses = list(code)
    following = dict(zip(addresses, addresses[1:], strict=False))
    regions: list[Region] = []
    text: list[str] = []
    start, expected, current = 0, -1, ()
    for instruction in counts.code:
        if instruction.address not in code:
            raise EstimateError(f"executed address {instruction.address:x} is not in {program}; is it another build?")
        if instruction.address != expected or instruction.counts != current:
            if text:
                regions.append(Region(start, tuple(text), current))
            text, start, current = [], instruction.address, instruction.counts
        text.append(code[instruction.address])
        expected = following.get(instruction.address, -1)
        goal = re.search(r"0x([0-9a-f]+)$", text[-1]) if BRANCH.match(text[-1]) else None
        if goal and int(goal[1], 16) <= instruction.address:
            expected = -1
    if text:
        regions.append(Region(start, tuple(text), current))
    return regions


def _readable(instruction: str) -> str | None:
    """The instruction for llvm-mca: targets become a label; None for what is left out."""
    if DROPPED.match(instruction):
        return None
    if match := CLEARED.match(instruction):
        wide, vector = instruction.startswith("v"), match[4] or match[2]
        return f"{'v' if wide else ''}movaps (%rsp), {vector}"
    if BRANCH.match(instruction) or instruction.startswith(("adr", "ldr", "jmp")):
        instruction = re.sub(r"(?<![#(])0x[0-9a-f]+$", "L", instruction)
    return instruction


def _run(triple: str, attributes: str, table: str, iterations: int, regions: list[list[str]]) -> list[float]:
    """Cycles of one pass over each region."""
    lines = ["L:"]
    for number, text in enumerate(regions):
        lines += [f"# LLVM-MCA-BEGIN r{number}", *text, "# LLVM-MCA-END"]
    command = [tool("llvm-mca"), f"-mtriple={triple}", f"-mcpu={table}", f"-mattr={attributes}", "--json"]
    command += [f"-iterations={iterations}", "-skip-unsupported-instructions=any"]
    command += ["-instruction-info=0", "-resource-pressure=0", "-summary-view"]
    done = subprocess.run(command, input="\n".join(lines) + "\n", capture_output=True, text=True)
    # Warnings come before the report.
    begin = done.stdout.find("{")
    if done.returncode or begin < 0:
        raise EstimateError(f"llvm-mca -mcpu={table} failed: {done.stderr.strip()[:400]}")
    found = {}
    for region in json.loads(done.stdout[begin:])["CodeRegions"]:
        view = region["SummaryView"]
        found[region["Name"]] = view["TotalCycles"] / view["Iterations"]
    return [found.get(f"r{number}", 0.0) for number in range(len(regions))]


_known: dict[tuple[str, tuple[str, ...]], float] = {}  # cycles by table and text


def cycles(regions: list[Region], target: str, table: str) -> dict[str, float]:
    """Cycles by stage, over all windows of the counts. Raises EstimateError."""
    triple, attributes = TRIPLES[target]
    readable = [tuple(filter(None, map(_readable, region.text))) for region in regions]
    weight = [sum(region.counts) * len(region.text) for region in regions]
    total = sum(weight)
    chosen: list[int] = []
    covered = 0
    for index in sorted(range(len(regions)), key=lambda index: -weight[index]):
        if covered >= COVERED * total:
            break
        chosen.append(index)
        covered += weight[index]
    # Long pieces need fewer repetitions until the first and last pass do not matter.
    missing = {readable[index] for index in chosen if readable[index]} - {
        text for name, text in _known if name == table
    }
    for low, high, iterations in ((1, 40, 200), (40, 400, 40), (400, 1 << 30, 8)):
        group = [text for text in sorted(missing) if low <= len(text) < high]
        if group:
            for text, value in zip(
                group, _run(triple, attributes, table, iterations, [*map(list, group)]), strict=True
            ):
                _known[table, text] = value
    sums = dict.fromkeys(STAGES, 0.0)
    instructions = dict.fromkeys(STAGES, 0)
    for index in chosen:
        each = _known[table, readable[index]] if readable[index] else 0.0
        for stage, count in zip(STAGES, regions[index].counts, strict=True):
            sums[stage] += count * each
            instructions[stage] += count * len(regions[index].text)
    everything = dict.fromkeys(STAGES, 0)
    for region in regions:
        for stage, count in zip(STAGES, region.counts, strict=True):
            everything[stage] += count * len(region.text)
    return {
        stage: sums[stage] * everything[stage] / instructions[stage] if instructions[stage] else 0.0 for stage in STAGES
    }
