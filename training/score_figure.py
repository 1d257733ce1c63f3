"""The picture of an evaluation: every score over SNR, and PESQ-WB by noise category, with other systems beside it."""

from __future__ import annotations

from typing import Any

import training  # noqa: F401  (finds linnet)
from linnet.study.figures import pyplot, save, style
from training.summary import LOWER_IS_BETTER, NAMES, system_name

COLOURS = ("#0f766e", "#b45309", "#4338ca", "#be185d", "#4d7c0f", "#0369a1", "#7c2d12")
GREY, FAINT = "#6b7280", "#d5d9e0"
NO_SNR = "--plot draws scores over SNR; give a --list with columns id and snr_db"
LEFT_OUT = {"stoi", "dnsmos_sig", "dnsmos_bak"}  # they say what ESTOI and OVRL say


def draw_scores(result: dict, beside: dict[str, dict], path: str) -> None:
    """Writes the figure: a row of panels for each part of the set with its SNRs, then the noise categories.

    ValueError if the evaluation has no means per SNR. AudioError if the file cannot be written.
    """
    systems = {system_name(result["model"]): result} | beside
    # Part None is the whole set, where the list names no parts.
    parts = [part for part in result.get("per_part", {}) if len(_section(result, part).get("per_snr", {})) > 1]
    rows: list[str | None] = [*parts] or [None]
    if not _section(result, rows[0]).get("per_snr"):
        raise ValueError(NO_SNR)
    keys = [key for key in result["mean"]["noisy"] if key not in LEFT_OUT]
    categories = _section(result, rows[0]).get("per_category", {})
    plt = pyplot()
    with plt.rc_context(style()):
        tall = [1.0] * len(rows) + ([0.85] if categories else [])
        figure = plt.figure(figsize=(3.1 * len(keys), 3.1 * sum(tall) + 0.6), layout="constrained")
        grid = figure.add_gridspec(len(tall), len(keys), height_ratios=tall)
        for row, part in enumerate(rows):
            for column, key in enumerate(keys):
                axis = figure.add_subplot(grid[row, column])
                _curves(axis, systems, part, key)
                if row == column == 0:
                    handles, labels = axis.get_legend_handles_labels()
        if categories:
            _categories(figure.add_subplot(grid[-1, :]), systems, rows[0], list(categories))
        figure.legend(handles, labels, loc="outside upper left", ncols=len(labels), frameon=False, fontsize=10)
        save(figure, path)
        plt.close(figure)


def _section(result: dict, part: str | None) -> dict:
    return result if part is None else result.get("per_part", {}).get(part, {})


def _curves(axis: Any, systems: dict[str, dict], part: str | None, key: str) -> None:
    """One score over SNR; the noisy input is that of the first system."""
    first = next(iter(systems.values()))
    lines = [("noisy", first, "noisy", GREY)]
    lines += [(name, other, "enhanced", COLOURS[i % len(COLOURS)]) for i, (name, other) in enumerate(systems.items())]
    for name, other, signal, colour in lines:
        groups = _section(other, part).get("per_snr", {})
        points = [(float(snr), group[signal].get(key)) for snr, group in groups.items()]
        points = [(snr, value) for snr, value in points if value is not None]
        # An empty line keeps the system in the legend.
        x, y = zip(*points, strict=True) if points else ((), ())
        dashed = "--" if signal == "noisy" else "-"
        axis.plot(x, y, dashed, color=colour, label=name, marker="o", markersize=4, linewidth=1.6)
    arrow = " (lower is better)" if key in LOWER_IS_BETTER else ""
    axis.set_title((f"{part}: " if part else "") + NAMES.get(key, key) + arrow)
    axis.set_xlabel("SNR (dB)")
    axis.set_xticks([float(snr) for snr in _section(first, part)["per_snr"]])
    axis.grid(color=FAINT, linewidth=0.5)
    axis.spines[["top", "right"]].set_visible(False)


def _categories(axis: Any, systems: dict[str, dict], part: str | None, names: list[str]) -> None:
    """PESQ-WB of every noise category, each system a point, over the noisy input."""
    first = next(iter(systems.values()))
    gain = {name: _pesq(first, part, name, "enhanced") or 0.0 for name in names}
    names = sorted(names, key=lambda name: gain[name])
    for place, name in enumerate(names):
        ends = _pesq(first, part, name, "noisy"), _pesq(first, part, name, "enhanced")
        if None not in ends:
            axis.plot([place, place], ends, color=FAINT, linewidth=4, solid_capstyle="round", zorder=1)
    axis.scatter(
        range(len(names)),
        [(_pesq(first, part, name, "noisy") or float("nan")) for name in names],
        s=18,
        color=GREY,
        zorder=2,
    )
    for i, other in enumerate(systems.values()):
        found = [(place, _pesq(other, part, name, "enhanced")) for place, name in enumerate(names)]
        points = [(place, value) for place, value in found if value is not None]
        if points:
            axis.scatter(*zip(*points, strict=True), s=22, color=COLOURS[i % len(COLOURS)], zorder=3)
    axis.set_xticks(range(len(names)), [name.replace("_", " ") for name in names], rotation=35, ha="right")
    axis.set_xlim(-0.7, len(names) - 0.3)
    axis.set_title((f"{part}: " if part else "") + "PESQ-WB by noise category")
    axis.grid(axis="y", color=FAINT, linewidth=0.5)
    axis.spines[["top", "right"]].set_visible(False)


def _pesq(result: dict, part: str | None, category: str, signal: str) -> float | None:
    return _section(result, part).get("per_category", {}).get(category, {}).get(signal, {}).get("pesq_wb")
