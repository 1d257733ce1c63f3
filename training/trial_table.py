"""The table of trials of networks, out of what trials.py keeps of each.

A row: {"what", "minutes", "cpu", "settings", "updates", "frames_per_s", "loss", "gain", "disturbance", "snr_out",
"multiply_adds", "weights", "recurrent", and where the trial has been scored "scores": {"noisy", "rounded", "float"}}:
loss and its parts on the validation rows, weights and recurrent weights in bytes, scores of a set of mixtures as
evaluate.py means them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from training import selection

LOSSES = {"loss": "loss", "gain": "gain", "disturbance": "disturbance", "snr_out": "SNR dB"}
# Name and digits of each score.
SCORES = {
    "pesq_wb": ("PESQ-WB", 3),
    "stoi": ("STOI", 3),
    "si_sdr": ("SI-SDR dB", 2),
    "dnsmos_ovrl": ("OVRL", 2),
    "dnsmos_bak": ("BAK", 2),
}


def chosen_by(row: dict[str, Any], kind: str) -> float | None:
    """The selection score; kind: `rounded` or `float`. None where a score is missing."""
    return selection.score({"noisy": row["scores"]["noisy"], "enhanced": row["scores"][kind]})


def pair(rounded: float | None, exact: float | None, digits: int) -> str:
    """The integers' number, that of floats in brackets behind it."""
    return "" if rounded is None or exact is None else f"{rounded:.{digits}f} ({exact:.{digits}f})"


def cells(row: dict[str, Any]) -> dict[str, str]:
    """What stands in each column."""
    found = {"trial": row["what"], "minutes": f"{row['minutes']:g}", "updates": f"{row['updates']:,}"}
    found |= {"frames/s": f"{row['frames_per_s']:,.0f}"}
    found |= {heading: f"{row[key]:.3f}" for key, heading in LOSSES.items()}
    if "scores" in row:
        rounded, exact = row["scores"]["rounded"], row["scores"]["float"]
        for key, (heading, digits) in SCORES.items():
            found[heading] = pair(rounded.get(key), exact.get(key), digits)
        found["selection"] = pair(chosen_by(row, "rounded"), chosen_by(row, "float"), 3)
    found["M multiply-adds"] = f"{row['multiply_adds'] / 1e6:.2f}"
    return found | {"KB": f"{row['weights'] / 1000:,.0f}", "recurrent KB": f"{row['recurrent'] / 1000:,.0f}"}


def table(rows: Iterable[dict[str, Any]]) -> str:
    """The rows in Markdown; a cell that a row lacks is empty."""
    filled = [cells(row) for row in rows]
    # Scores in their place even if the first row has none.
    headings = list(dict.fromkeys(heading for row in sorted(filled, key=len, reverse=True) for heading in row))
    lines = [headings, ["---"] + ["---:"] * (len(headings) - 1)]
    lines += [[row.get(heading, "") for heading in headings] for row in filled]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
