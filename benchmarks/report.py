"""One self-contained HTML page of the newest results: tables, and pictures inside the page.

    python -m benchmarks.report [--output build/bench/report.html]

Reads what native.py, cpu_load.py and peers.py left in build/bench/; parts that are not there are left out and named.
"""

from __future__ import annotations

import argparse
import base64
import html
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from benchmarks import common
from benchmarks.counts import STAGES

STYLE = """body{font:15px/1.5 sans-serif;max-width:70em;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse;margin:1em 0}td,th{padding:.2em .7em;border-bottom:1px solid #ddd;text-align:right}
td:first-child,th:first-child{text-align:left}img{max-width:100%}caption{text-align:left;color:#555}"""


def picture(figure: Figure) -> str:
    """The figure as an image element that holds its own bytes."""
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=110, bbox_inches="tight")
    plt.close(figure)
    return f'<img alt="" src="data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}">'


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """An HTML table; every cell is escaped."""

    def line(cells: Sequence[Any], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(str(cell))}</{tag}>" for cell in cells) + "</tr>"

    body = "\n".join(line(row, "td") for row in rows)
    return f"<table><caption>{html.escape(caption)}</caption>\n{line(head, 'th')}\n{body}</table>"


def stacked(labels: list[str], parts: dict[str, list[float]], unit: str) -> str:
    """Horizontal bars, one part beside the other."""
    figure, axes = plt.subplots(figsize=(9, 0.6 + 0.32 * len(labels)))
    left = [0.0] * len(labels)
    for name, values in parts.items():
        axes.barh(labels, values, left=left, label=name)
        left = [a + b for a, b in zip(left, values, strict=True)]
    axes.invert_yaxis()
    axes.set_xlabel(unit)
    axes.legend(fontsize="small")
    return picture(figure)


def native_part(data: dict[str, Any]) -> list[str]:
    """Times on this machine."""
    ways = ("hot_1", "hot_2", "paced_cpu_1", "paced_cpu_2", "cold_1", "cold_2", "flushed_1", "flushed_2")
    rows, labels = [], []
    parts: dict[str, list[float]] = {stage: [] for stage in STAGES}
    for run in data["runs"]:
        labels.append(f"{run['model']} {run['backend']}")
        rows.append([labels[-1], *(f"{run[way]['median']:.0f}" for way in ways), f"{run['hot_1']['median'] / 100:.2f}"])
        for stage in STAGES:
            parts[stage].append(run["stages"][stage]["median"])
    caption = (
        "median microseconds per 10 ms frame; the number is of frames per call; last column percent of a core, hot"
    )
    return [
        f"<h2>On this machine</h2><p>{html.escape(data['machine'])}</p>",
        table(caption, ["model, backend", *ways, "%"], rows),
        stacked(labels, parts, "microseconds per frame, hot"),
    ]


def counts_part(data: dict[str, Any]) -> list[str]:
    """Exact counts, estimates and their error."""
    head = ["target", "CPU", "backend", "model", "median", "worst", *STAGES, "KB of model read", "KB per stream"]
    rows = []
    for row in data["counts"]:
        rows.append([row[key] for key in ("target", "cpu", "backend", "model")])
        rows[-1] += [f"{row[key] / 1000:,.0f}" for key in ("median", "worst")]
        rows[-1] += [f"{row['stages'][stage] / 1000:,.0f}" for stage in STAGES]
        rows[-1] += [f"{row[key] / 1024:,.0f}" for key in ("model_bytes_read", "stream_bytes")]
    found = ["<h2>Executed instructions</h2>", table("thousands per 10 ms frame, exact", head, rows)]
    if guesses := data.get("estimates"):
        rows = [
            [f"{row['cpu']} {row['backend']} {row['model']}", f"{1e6 * row['dsp']:.0f}", f"{1e6 * row['network']:.0f}"]
            + [row["level"], f"{row['percent']:.1f}", f"{row['low']:.1f} .. {row['high']:.1f}"]
            for row in guesses
        ]
        head = ["CPU, backend, model", "DSP us", "network us", "model from", "% of a core", "band"]
        found += [
            "<h2>Estimates for named CPUs</h2><p>Not measurements: llvm-mca 19 per executed region, plus assumed "
        ]
        found += ["memory bandwidths.</p>", table("per 10 ms frame", head, rows)]
        parts = {"DSP": [100 * row["dsp"] / 0.01 for row in guesses]}
        parts["network"] = [100 * row["network"] / 0.01 for row in guesses]
        found.append(
            stacked([f"{row['cpu']} {row['model']}" for row in guesses], parts, "percent of a core, estimated")
        )
    if checks := data.get("validation"):
        rows = [
            [f"{row['model']} {row['backend']} {row['part']}", f"{row['predicted']:.1f}", f"{row['measured']:.1f}"]
            + [f"{100 * row['error']:+.0f} %"]
            for row in checks
        ]
        head = ["model, backend, part", "predicted us", "measured us", "error"]
        found += ["<h2>The estimator against this machine</h2>", table(data["machine"], head, rows)]
    return found


def peers_part(data: dict[str, Any]) -> list[str]:
    """Other systems."""
    head = ["system", "CPU ms per second of audio", "% of a core", "score"]
    rows = [
        [row["name"], f"{1000 * row['cpu']:.2f}", f"{100 * row['cpu']:.2f}", row.get("score", "-")]
        for row in data["systems"]
    ]
    found = ["<h2>Beside others</h2>", table(data["machine"] + "; whole process, single thread, medians", head, rows)]
    if data.get("kernels"):
        rows = [[row["name"], f"{row['microseconds']:.1f}"] for row in data["kernels"]]
        found.append(table("one step of a GRU of 512 units on 512 inputs", ["library", "microseconds"], rows))
    scored = [row for row in data["systems"] if isinstance(row.get("score"), float)]
    if scored:
        figure, axes = plt.subplots(figsize=(6, 4))
        for row in scored:
            axes.scatter(100 * row["cpu"], row["score"])
            axes.annotate(row["name"], (100 * row["cpu"], row["score"]))
        axes.set_xscale("log")
        axes.set_xlabel("percent of a core")
        axes.set_ylabel(data["score_name"])
        found.append(picture(figure))
    return found


def main() -> int:
    """Writes the page; exit status 1 if there is nothing to show."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=common.OUTPUT / "report.html")
    options = parser.parse_args()
    commands = {"native": "./sconsw bench", "cpu_load": "./sconsw bench target=all", "peers": "./sconsw bench peers"}
    makers = {"native": native_part, "cpu_load": counts_part, "peers": peers_part}
    body, shown = [], 0
    for name, maker in makers.items():
        data = common.load(name)
        if data is None:
            body.append(f"<p>No results of <code>{commands[name]}</code>.</p>")
        else:
            body += maker(data)
            shown += 1
    if not shown:
        print("linnet: nothing measured yet: ./sconsw bench")
        return 1
    options.output.parent.mkdir(parents=True, exist_ok=True)
    text = "\n".join(body)
    page = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>linnet: cost</title><style>{STYLE}</style>'
    options.output.write_text(f"{page}<h1>What linnet costs</h1>{text}</html>\n")
    print(options.output)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
