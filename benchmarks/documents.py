"""Fills the tables of the documents with what was kept in benchmarks/results/ and what the models say of themselves.

    ./sconsw documents                           # writes the documents anew
    python -m benchmarks.documents --check       # changes nothing; status 1 if a document or a number is out of date

A table lies between <!-- numbers: NAME --> and <!-- end of numbers -->, and NAME is a function in TABLES. Numbers of
other systems are quoted: results/quoted.json says from where.
"""

from __future__ import annotations

import argparse
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

from benchmarks import common, reliability
from benchmarks.counts import DSP, STAGES
from linnet import _core
from linnet.catalog import Model, models
from linnet.model.blob import checksum
from training import trial_table

DOCUMENTS = (
    *("README.md", "CHANGELOG.md", "sdk/models/README.md", "benchmarks/README.md"),
    *("training/README.md", "docs/algorithm.md", "docs/reliability.md", "docs/scale_out.md"),
)
BLOCK = re.compile(r"(<!-- numbers: (\w+) -->\n).*?(<!-- end of numbers -->)", re.DOTALL)
PARTS = {"noise": "noisy mixtures", "reverb": "noisy rooms", "clean": "clean recordings"}
# Name and digits of each score.
SCORES = trial_table.SCORES | {"lsd": ("LSD dB", 2)}


@cache
def kept(name: str) -> dict[str, Any]:
    """results/NAME.json."""
    return json.loads((common.RESULTS / f"{name}.json").read_text())


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> str:
    """A table whose first columns are words and whose other ones are numbers."""
    rule = ["---"] * words + ["---:"] * (len(head) - words)
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return "\n".join([lines[0], f"|{'|'.join(rule)}|", *lines[1:], ""])


def millions(count: float) -> str:
    """Weights or operations, as 7.96 M."""
    return f"{count / 1e6:.2f} M" if count >= 1e5 else f"{count / 1e3:.1f} k"


def model_facts() -> str:
    """What each model is and costs, by the core's own account."""
    files = models()
    rows = []
    for name in (*reversed(common.MODELS), "tiny"):
        model, file = Model(name), files[name]
        rows.append(
            [f"`{name}`", ", ".join(f"{width} {value}" for width, value in file.widths.items())]
            + [millions(model.weights), millions(model.multiply_adds), f"{file.size / 1e6:.2f} MB"]
            + [f"{model.stream_bytes / 1e3:.0f} KB", f"{1000 * file.delay / 48000:.0f} ms"]
        )
    head = ["model", "widths", "weights", "multiply-adds per frame", "file"]
    return markdown([*head, "memory per stream", "delay"], rows, 2)


def score(group: dict[str, Any], side: str, key: str) -> str:
    """A mean with the ends of its 95 % interval behind it."""
    digits = SCORES[key][1]
    mean, ends = group[side][key], group["intervals"][side][key]
    if mean is None:
        return ""
    spread = ends and ends[0] < ends[1]
    return f"{mean:.{digits}f}" + (f" ({ends[0]:.{digits}f} .. {ends[1]:.{digits}f})" if spread else "")


def quoted_scores(part: str) -> list[list[str]]:
    """Rows of other systems that have scores of this part of the set, digit by digit as they were told."""
    rows = []
    for system in kept("quoted")["systems"]:
        if part in system:
            label = ", ".join(filter(None, (system["name"], system.get("size"))))
            rows.append([f"{label} *", *(system[part].get(key, "") for key in SCORES)])
    return rows


def part_scores(part: str, with_others: bool) -> str:
    """Scores of one part of the evaluation set: its input, other systems, ours."""
    groups = {name: kept("scores")["models"][name]["parts"][part] for name in common.MODELS}
    files = groups["base"]["files"]
    rows = [["input", *(score(groups["base"], "noisy", key) for key in SCORES)]]
    rows += quoted_scores(part) if with_others else []
    rows += [[f"**{name}**", *(score(group, "enhanced", key) for key in SCORES)] for name, group in groups.items()]
    return markdown([f"{files} {PARTS[part]}", *(title for title, _ in SCORES.values())], rows)


def scores_beside_others() -> str:
    """All parts of the set, with other systems."""
    tables = [part_scores(part, with_others=True) for part in PARTS]
    return "\n".join([*tables, f"\\* quoted: {kept('quoted')['source']}\n"])


def own_scores() -> str:
    """All parts of the set, our models alone."""
    return "\n".join(part_scores(part, with_others=False) for part in PARTS)


def scores_by_snr() -> str:
    """Means on the noisy mixtures by the SNR of the input."""
    groups = {name: kept("scores")["models"][name]["parts"]["noise"]["per_snr"] for name in common.MODELS}
    snrs = list(groups["base"])
    rows = []
    for key in ("pesq_wb", "si_sdr"):
        digits = SCORES[key][1] - 1
        rows.append([f"{SCORES[key][0]}, input"])
        rows[-1] += [f"{groups['base'][snr]['noisy'][key]:.{digits}f}" for snr in snrs]
        rows.append([" / ".join(common.MODELS)])
        rows[-1] += [
            " / ".join(f"{groups[name][snr]['enhanced'][key]:.{digits}f}" for name in common.MODELS) for snr in snrs
        ]
    return markdown(["SNR of the input", *(f"{snr} dB" for snr in snrs)], rows)


def fastest() -> dict[str, dict[str, Any]]:
    """The run of each model on the fastest kernels of the machine that was measured."""
    runs: dict[str, dict[str, Any]] = {}
    for run in kept("native")["runs"]:
        runs.setdefault(run["model"], run)
    return runs


def two_digits(value: float) -> str:
    """A number for reading, as 0.64, 8.3 or 114."""
    return f"{value:.{0 if value >= 9.95 else 1 if value >= 0.995 else 2}f}"


def percent(microseconds: float) -> str:
    """Percent of a core at a hundred frames per second."""
    return two_digits(microseconds / 100)


def machine() -> str:
    """The machine that was measured and what ran beside it."""
    native = kept("native")
    return f"{native['machine'].split(',')[0]}, {next(iter(fastest().values()))['backend']} ({native['load']})"


def estimates(model: str) -> dict[str, dict[str, Any]]:
    """Estimates of a model by the name of the CPU."""
    return {row["cpu"]: row for row in kept("cpu_load")["estimates"] if row["model"] == model}


def cost() -> str:
    """Percent of a core, paced first; then estimates."""
    runs = fastest()
    ways = {"paced_cpu_1": "paced, a frame every 10 ms", "hot_1": "hot, frames back to back"}
    ways["hot_2"] = "hot, two frames per call"
    rows = [[words, *(percent(runs[name][way]["median"]) for name in common.MODELS)] for way, words in ways.items()]
    for cpu in estimates("base"):
        every = [estimates(name)[cpu] for name in common.MODELS]
        cells = [
            f"{two_digits(row['percent'])} ({two_digits(row['low'])} .. {two_digits(row['high'])})" for row in every
        ]
        rows.append([f"{cpu}, estimate (band)", *cells])
    rows.append(["memory per stream", *(f"{Model(name).stream_bytes / 1e3:.0f} KB" for name in common.MODELS)])
    return f"Measured on: {machine()}.\n\n" + markdown(["", *(f"`{name}`" for name in common.MODELS)], rows)


def safe_callback(microseconds: float) -> str:
    """The smallest callback that is safe for frames that take so long, in samples, by linnet-selftest --bench."""
    return str(_core.safe_callback(microseconds) or "none")


def callbacks() -> str:
    """The smallest safe callback by the estimate and by the upper end of its band; of the machine, by the p99."""
    runs = fastest()
    measured = [safe_callback(runs[name]["paced_cpu_1"]["p99"]) for name in common.MODELS]
    rows = [["the machine of the measurements, p99 of paced frames", *measured]]
    for cpu in estimates("base"):
        every = [estimates(name)[cpu] for name in common.MODELS]
        cells = [f"{safe_callback(1e6 * row['total'])} ({safe_callback(100 * row['high'])})" for row in every]
        rows.append([f"{cpu}, estimate (upper end of its band)", *cells])
    return markdown(["samples at 48 kHz", *(f"`{name}`" for name in common.MODELS)], rows)


def times() -> str:
    """Everything that was measured of whole frames on one machine."""
    keys = ("paced_cpu_1", "paced_cpu_2", "hot_1", "hot_2", "cold_1", "cold_2")
    head = ["", "paced", "2 frames/call", "hot", "2 frames/call", "cold", "2 frames/call", "create"]
    rows = []
    for name, run in fastest().items():
        cells = [f"{run[key]['median']:.0f} ({percent(run[key]['median'])} %)" for key in keys]
        rows.append([f"`{name}`", *cells, f"{run['create']:.0f}"])
    return f"{machine()}:\n\n" + markdown(head, rows)


def stages() -> str:
    """Hot microseconds by stage."""
    rows = []
    for name, run in fastest().items():
        dsp = sum(run["stages"][stage] for stage in DSP)
        rows.append([f"`{name}`", *(f"{run['stages'][stage]:.1f}" for stage in STAGES), f"{dsp:.1f}"])
    return markdown(["stage, hot", *STAGES, "DSP"], rows)


def instructions() -> str:
    """Thousands of instructions per frame, of each target's SIMD kernels, or scalar ones where there are none."""
    rows = []
    counted = kept("cpu_load")["counts"]
    simd = {row["target"] for row in counted if row["backend"] != "scalar"}
    for row in counted:
        if row["backend"] != "scalar" or row["target"] not in simd:
            cells = [row["median"], *(row["stages"][stage] for stage in STAGES)]
            bytes_ = [row["model_bytes_read"], row["peak_bytes"], row["code_bytes"]]
            rows.append([f"{row['target']} {row['backend']} `{row['model']}`"])
            rows[-1] += [f"{value / 1000:,.0f}" for value in cells] + [f"{value / 1024:,.0f}" for value in bytes_]
    return markdown(["target, backend, model", "all", *STAGES, "read KB", "peak KB", "code KB"], rows)


def all_estimates() -> str:
    """Every named CPU and model."""
    rows = [
        [
            f"{row['cpu']}, {row['backend']}",
            f"`{row['model']}`",
            f"{1e6 * row['dsp']:.0f}",
            f"{1e6 * row['network']:.0f}",
        ]
        + [row["level"], f"{row['percent']:.1f}", f"{row['low']:.1f} .. {row['high']:.1f}"]
        for row in kept("cpu_load")["estimates"]
    ]
    head = ["CPU, backend", "model", "DSP us", "network us", "model from", "% of a core", "band"]
    return markdown(head, rows, 2)


def validation() -> str:
    """The same method for the machine that made the estimates."""
    data = kept("cpu_load")
    rows = [
        [f"`{row['model']}` {row['backend']} {row['part']}", f"{row['predicted']:.0f}", f"{row['measured']:.0f}"]
        + [f"{100 * row['error']:+.0f} %"]
        for row in data["validation"]
    ]
    text = f"{data['machine'].split(',')[0]}, table {data['validation'][0]['table']}:\n\n"
    return text + markdown(["model, backend, part", "predicted us", "measured us", "error"], rows)


def ladder() -> str:
    """Scores of each rung of the oracle ladder."""
    data = kept("ladder")
    keys = ("pesq_wb", "stoi", "si_sdr")
    rows = [[rung, *(f"{means[key]:.{SCORES[key][1]}f}" for key in keys)] for rung, means in data["mean"].items()]
    head = [f"{data['recordings']} noisy mixtures, the last row by `{data['model']}`"]
    return markdown([*head, *(SCORES[key][0] for key in keys)], rows)


def rates() -> str:
    """PESQ at each low rate: of the input, by way of 48 kHz, and native."""
    data = kept("rates")
    rows = [
        [f"{row['rate'] // 1000} kHz, {row['recordings']} recordings"]
        + [f"{row[key]:.3f}" for key in ("noisy", "resampled", "native")]
        + [f"{row[key]:+.3f}" for key in ("difference", "worst")]
        for row in data["rates"]
    ]
    head = [f"PESQ, `{data['model']}`", "input", "by way of 48 kHz", "native", "mean difference", "largest"]
    return f"By `{data['command']}`:\n\n" + markdown(head, rows)


def in_node() -> str:
    """Microseconds of a frame in node and in the native library, of one run."""
    data = kept("web")
    rows = [
        [f"`{run['model']}`", f"{run['microseconds']:.0f}", f"{run['native_microseconds']:.0f}", f"{run['ratio']:.1f}"]
        for run in data["runs"]
    ]
    first = data["runs"][0]
    head = ["microseconds, hot", f"node, {first['backend']}", f"native, {first['native_backend']}", "ratio"]
    where = f"{data['machine'].split(',')[0]}, node {data['node'].removeprefix('v')} ({data['load']})"
    return f"{where}:\n\n" + markdown(head, rows)


def folders() -> str:
    """Many short recordings by one process and by two."""
    data = kept("folder")
    name, files = data["machine"].split(",")[0], data["files"]
    rows = []
    for jobs, wall in data["walls"].items():
        numbers = (wall, files / wall, data["seconds"] / wall, data["walls"]["1"] / wall)
        rows.append(
            [
                f"`--jobs {jobs}`",
                *(f"{number:,.{digits}f}" for number, digits in zip(numbers, (1, 1, 0, 2), strict=True)),
            ]
        )
    stops = ", ".join(f"{one['signal']} after {one['done']:,}" for one in data["stops"])
    text = f"{files:,} recordings of {data['seconds']:,.0f} s in all, `{data['model']}`, {name} ({data['load']}):\n\n"
    head = ["", "seconds", "recordings per second", "seconds of sound per second", "times as fast"]
    return text + markdown(head, rows) + f"\nStopped and gone on with, nothing done twice: {stops}.\n"


def promises() -> str:
    """The twelve promises of reliability with their last values."""
    rows, values = [], reliability.kept()
    for number, promise in reliability.PROMISES.items():
        entry = values.get(str(number))
        command = reliability.shown(promise)
        cells = [str(number), f"**{promise.name}**: {promise.wanted}", promise.suite, f"`{command}`"]
        if entry:
            cells += [("" if entry["met"] else "**not met**: ") + entry["value"], entry["date"], entry["commit"]]
        else:
            cells += ["not measured yet", "", ""]
        rows.append(cells)
    return markdown(["", "promise", "suite", "command", "last value", "date", "commit"], rows, 7)


def trials() -> str:
    """Networks at equal wall-clock, a table for each kind of machine: the shortest first, in their file's order."""
    order = list(tomllib.loads((common.ROOT / "training/trials.toml").read_text())["trials"])

    def place(entry: tuple[str, dict[str, Any]]) -> tuple[float, int]:
        name, row = entry
        return row["minutes"], order.index(name.rpartition("-")[0])

    machines: dict[str, list[dict[str, Any]]] = {}
    for _, row in sorted(kept("trials").items(), key=place):
        machines.setdefault(row["cpu"], []).append(row)
    return "\n".join(f"{cpu}:\n\n{trial_table.table(rows)}" for cpu, rows in sorted(machines.items()))


TABLES: dict[str, Callable[[], str]] = {
    "models": model_facts,
    "scores": scores_beside_others,
    "own_scores": own_scores,
    "scores_by_snr": scores_by_snr,
    "cost": cost,
    "callbacks": callbacks,
    "times": times,
    "stages": stages,
    "instructions": instructions,
    "estimates": all_estimates,
    "validation": validation,
    "ladder": ladder,
    "rates": rates,
    "in_node": in_node,
    "folders": folders,
    "trials": trials,
    "promises": promises,
}


def filled(text: str) -> str:
    """A document with its tables written anew. KeyError for a name that is none of TABLES."""
    return BLOCK.sub(lambda block: f"{block[1]}{TABLES[block[2]]()}{block[3]}", text)


def measured_models() -> Iterator[tuple[str, str, str]]:
    """(file, model, checksum) of everything in results/ that belongs to a model."""
    for name in ("native", "cpu_load", "web"):
        for row in kept(name).get("runs", []) + kept(name).get("counts", []) + kept(name).get("estimates", []):
            yield name, row["model"], row["crc"]
    for model, entry in kept("scores")["models"].items():
        yield "scores", model, entry["crc"]
    for name in ("ladder", "rates", "folder"):
        yield name, kept(name)["model"], kept(name)["crc"]


def outdated() -> list[str]:
    """What has to be written or measured anew, in words."""
    problems = []
    for file, model, crc in dict.fromkeys(measured_models()):
        try:
            shipped = checksum(common.model(model))
        except FileNotFoundError:
            shipped = "none"
        if crc != shipped:
            problems.append(f"results/{file}.json is of another {model} ({crc}, shipped is {shipped}): measure anew")
    for name in DOCUMENTS:
        text = (common.ROOT / name).read_text()
        if filled(text) != text:
            problems.append(f"{name} differs from benchmarks/results: ./sconsw documents")
    return problems


def main() -> int:
    """Command line; with --check 1 if anything is out of date."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing")
    if not parser.parse_args().check:
        for name in DOCUMENTS:
            path = common.ROOT / name
            path.write_text(filled(path.read_text()))
    problems = outdated()
    for problem in problems:
        print(problem)
    return int(bool(problems))


if __name__ == "__main__":
    raise SystemExit(main())
