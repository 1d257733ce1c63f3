"""Trials of networks and settings at equal wall-clock, and their table.

    python training/trials.py training/trials.toml --minutes 20 --set VALID --list VALID/list.csv
    python training/trials.py training/trials.toml --minutes 60 --only hybrid tokens --table trials.md

The file has a table [common] and one [trials.NAME] each, of fields of config.py and a line `what`. A trial runs as
runs/NAME-MINUTES and is not repeated where it has ended, so that the better ones can be given longer; what it gives on
the mixtures of --set (see validation.py) is scored with weights on their int8 grid and, once more, as floats.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import soundfile

from training import apply, evaluate, topology, train
from training.config import LAST, Config, check, load_preset, set_values
from training.dnsmos import network
from training.team import together

SCORES = {"pesq_wb": "PESQ-WB", "stoi": "STOI", "si_sdr": "SI-SDR dB", "dnsmos_ovrl": "OVRL", "dnsmos_bak": "BAK"}
LOSSES = {"loss": "loss", "gain": "gain", "disturbance": "disturbance", "snr_out": "SNR dB"}


@dataclass(frozen=True)
class Trial:
    """One row of the table: a run and what is tried in it."""

    what: str
    config: Config


def read_trials(path: Path, minutes: float, runs: str) -> dict[str, Trial]:
    """The trials of a file by name. ValueError names what is wrong with them."""
    table = tomllib.loads(path.read_text())
    found = {}
    for name, settings in table.get("trials", {}).items():
        what = settings.pop("what", "")
        if not what:
            raise ValueError(f"{path}: trial {name} has no line `what`; say in it what is tried")
        config = set_values(load_preset("base"), table.get("common", {}) | settings)
        config.name, config.runs, config.hours = f"{name}-{minutes:g}", runs, minutes / 60
        check(config)
        found[name] = Trial(what, config)
    if not found:
        raise ValueError(f"{path}: no [trials.NAME]; give it one for each trial")
    return found


def weights_of(folder: Path) -> Path:
    """The last weights of a run, whichever file they are in."""
    blob = folder / LAST
    return blob if blob.is_file() else blob.with_suffix(".safetensors")


def score(trial: Trial, folder: Path, listed: Path, rounding: bool) -> dict[str, float]:
    """Mean scores of a trial that has ended, on the mixtures of `folder`."""
    run = trial.config.folder()
    kept = run / ("scores.json" if rounding else "scores-float.json")
    if not kept.is_file():
        out = run / ("enhanced" if rounding else "enhanced-float")
        out.mkdir(exist_ok=True)
        enhancer = apply.Enhancer(run / train.CHECKPOINT, rounding)
        for path in sorted((folder / "noisy").glob("*.wav")):
            soundfile.write(out / path.name, enhancer(evaluate.read(path)), evaluate.RATE, subtype="FLOAT")
        result = evaluate.evaluate(None, folder, listed, dnsmos=network(), workers=1, enhanced=out)
        kept.write_text(json.dumps(result, indent=1) + "\n")
    return json.loads(kept.read_text())["mean"]["enhanced"]


def row_of(trial: Trial, folder: Path | None, listed: Path | None) -> dict[str, str]:
    """Cells of the table by heading."""
    run = trial.config.folder()
    with open(run / "log.csv", newline="") as file:
        reports = list(csv.DictReader(file))
    valid = [report for report in reports if report["kind"] == "valid"][-1]
    rates = [float(report["frames_per_s"]) for report in reports if report["kind"] == "train"]
    cells = {"trial": trial.what, "updates": valid["step"], "frames/s": f"{np.median(rates):.0f}"}
    cells |= {heading: f"{float(valid[key]):.3f}" for key, heading in LOSSES.items()}
    if folder and listed:
        rounded, exact = (score(trial, folder, listed, rounding) for rounding in (True, False))
        for key, heading in SCORES.items():
            if key in rounded:
                cells[heading] = f"{rounded[key]:.3f} ({exact[key]:.3f})"
    cost = topology.build(trial.config).cost()
    cells["M multiply-adds"] = f"{cost.products / 1e6:.2f}"
    cells["KB"] = f"{cost.weights / 1000:.0f}"
    return cells | {"recurrent KB": f"{cost.recurrent / 1000:.0f}"}


def table(rows: list[dict[str, str]]) -> str:
    """The rows in Markdown; a cell that a row lacks is empty."""
    headings = list(dict.fromkeys(heading for row in rows for heading in row))
    lines = [headings, ["---"] + ["---:"] * (len(headings) - 1)]
    lines += [[row.get(heading, "") for heading in headings] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def main() -> int:
    """Command line; 2 with one line on stderr for bad input."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trials", type=Path, help="a .toml file of trials, such as training/trials.toml")
    parser.add_argument("--minutes", type=float, default=20, help="wall-clock of each, on one core")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these trials of the file")
    parser.add_argument("--runs", default="runs/trials", help="folder of the runs")
    parser.add_argument("--set", type=Path, help="folder of mixtures to be scored")
    parser.add_argument("--list", type=Path, help="their list.csv")
    parser.add_argument("--table", type=Path, help="file for the table in Markdown")
    parser.add_argument("--ended", action="store_true", help="train nothing: the table of the trials that have ended")
    args = parser.parse_args()
    try:
        if bool(args.set) != bool(args.list):
            raise ValueError("--set and --list belong together: give both")
        trials = read_trials(args.trials, args.minutes, args.runs)
        if unknown := sorted({*(args.only or ())} - {*trials}):
            raise ValueError(f"no trial {unknown[0]} in {args.trials}; it has {', '.join(trials)}")
        chosen = {name: trial for name, trial in trials.items() if not args.only or name in args.only}
        rows = []
        for trial in chosen.values():
            folder = trial.config.folder()
            if not weights_of(folder).is_file():
                if args.ended:
                    continue
                together(train.train, trial.config, folder)
            rows.append(row_of(trial, args.set, args.list))
            print(table(rows[-1:]), flush=True)
        if args.table:
            args.table.write_text(table(rows))
    except (OSError, ValueError, KeyError, ImportError) as error:
        print(f"trials: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
