"""Trials of networks and settings at equal wall-clock, and their table.

    python training/trials.py training/trials.toml --minutes 20 --set VALID --list VALID/list.csv
    python training/trials.py training/trials.toml --minutes 60 --only hybrid tokens --keep trials.json

The file has a table [common] and one [trials.NAME] each, of fields of config.py and a line `what`. A trial runs as
runs/NAME-MINUTES and is not repeated where it has ended, so that the better ones can be given longer; after Ctrl-C the
same command goes on with the one that was interrupted, and a run of other settings is not taken. What a trial gives on
the mixtures of --set (see validation.py) is scored in integers, by the core out of the run's blob, and as floats with
weights off their int8 grid. With --keep the numbers go into a file as each trial ends, and a trial that is in it with
these settings is neither run nor scored again, on whichever machine that was: one table wants machines of one kind.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import sys
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import soundfile

from training import apply, evaluate, topology, train
from training.config import FROM_MODEL, LAST, Config, check, load_preset, set_values
from training.dnsmos import network
from training.speed import cpu_name
from training.team import together
from training.trial_table import LOSSES, SCORES, table
from training.whole import write_whole


@dataclass(frozen=True)
class Trial:
    """One row of the table: a run, what is tried in it, and its settings as the file has them."""

    what: str
    settings: dict[str, Any]
    config: Config


def read_trials(path: Path, minutes: float, runs: str) -> dict[str, Trial]:
    """The trials of a file by name. ValueError names what is wrong with them."""
    tables = tomllib.loads(path.read_text())
    found = {}
    for name, settings in tables.get("trials", {}).items():
        what = settings.pop("what", "")
        if not what:
            raise ValueError(f"{path}: trial {name} has no line `what`; say in it what is tried")
        settings = tables.get("common", {}) | settings
        config = set_values(load_preset("base"), settings)
        config.name, config.runs, config.hours = f"{name}-{minutes:g}", runs, minutes / 60
        check(config)
        found[name] = Trial(what, settings, config)
    if not found:
        raise ValueError(f"{path}: no [trials.NAME]; give it one for each trial")
    return found


def weights_of(folder: Path) -> Path:
    """The last weights of a run, whichever file they are in."""
    blob = folder / LAST
    return blob if blob.is_file() else blob.with_suffix(".safetensors")


def check_run(trial: Trial) -> None:
    """ValueError: there is a run of this name with other settings."""
    path = trial.config.folder() / "config.json"
    if not path.is_file():
        return
    try:
        before = json.loads(path.read_text())
        own = {name: value for name, value in asdict(trial.config).items() if name in before}
    except (ValueError, TypeError):
        raise ValueError(
            f"{path}: not the settings of a run; give the trial another name, or remove its folder"
        ) from None
    # The run fills in what is left to the model it starts from, and to the machine.
    filled = {"workers", "runs", "cache"}
    if FROM_MODEL in (trial.config.dense, trial.config.hidden, trial.config.strength, trial.config.lookahead):
        filled |= {*topology.SHAPE}
    wrong = [
        f"{name}={before[name]}, not {own[name]}" for name in own if name not in filled and own[name] != before[name]
    ]
    if wrong:
        raise ValueError(f"{path} has {', '.join(wrong)}; give the trial another name, or remove its folder")


def read_scores(path: Path, scored: dict[str, str]) -> dict[str, Any] | None:
    """Scores that are kept of just these weights and mixtures; None: there are none."""
    try:
        found = json.loads(path.read_text())
        return found if found["scored"] == scored else None
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def score(trial: Trial, folder: Path, listed: Path) -> dict[str, dict[str, float]]:
    """Mean scores of a trial that has ended on the mixtures of `folder`: noisy, in integers, in floats."""
    run = trial.config.folder()
    blob = run / LAST
    found = {}
    for kind in ("rounded", "float"):
        kept = run / f"scores-{kind}.json"
        by_core = kind == "rounded" and blob.is_file()
        weights = blob if by_core else run / train.CHECKPOINT
        scored = {"set": str(folder.resolve()), "list": digest(listed), "weights": digest(weights)}
        result = read_scores(kept, scored)
        if result is None:
            if by_core:
                result = evaluate.evaluate(blob, folder, listed, dnsmos=network(), workers=1)
            else:
                out = run / f"enhanced-{kind}"
                out.mkdir(exist_ok=True)
                enhancer = apply.Enhancer(weights, kind == "rounded")
                for path in sorted((folder / "noisy").glob("*.wav")):
                    soundfile.write(out / path.name, enhancer(evaluate.read(path)), evaluate.RATE, subtype="FLOAT")
                result = evaluate.evaluate(None, folder, listed, dnsmos=network(), workers=1, enhanced=out)
            write_whole(kept, json.dumps(result | {"scored": scored}, indent=1) + "\n")
        mean = result["mean"]
        found["noisy"], found[kind] = mean["noisy"], mean["enhanced"]
    return {kind: {key: means[key] for key in SCORES if key in means} for kind, means in found.items()}


def read_kept(path: Path | None) -> dict[str, Any]:
    """Rows by the name of the run."""
    return json.loads(path.read_text()) if path and path.is_file() else {}


def keep(path: Path, name: str, row: dict[str, Any]) -> None:
    """Writes a row beside those that are in the file by now."""
    write_whole(path, json.dumps(read_kept(path) | {name: row}, indent=1) + "\n")


def row_of(trial: Trial, folder: Path | None, listed: Path | None) -> dict[str, Any]:
    """What is kept of a trial that has ended: see trial_table.py."""
    with open(trial.config.folder() / "log.csv", newline="") as file:
        reports = list(csv.DictReader(file))
    valid = [report for report in reports if report["kind"] == "valid"][-1]
    rates = [float(report["frames_per_s"]) for report in reports if report["kind"] == "train"]
    cost = topology.build(trial.config).cost()
    row = {"what": trial.what, "minutes": round(60 * trial.config.hours, 3), "cpu": cpu_name()}
    row |= {"settings": trial.settings, "updates": int(valid["step"]), "frames_per_s": float(np.median(rates))}
    row |= {key: float(valid[key]) for key in LOSSES}
    row |= {"multiply_adds": cost.products, "weights": cost.weights, "recurrent": cost.recurrent}
    return row | ({"scores": score(trial, folder, listed)} if folder and listed else {})


def main() -> int:
    """Command line; 2 with one line on stderr for bad input, 130 after an interruption."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trials", type=Path, help="a .toml file of trials, such as training/trials.toml")
    parser.add_argument("--minutes", type=float, default=20, help="wall-clock of each, on one core")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these trials of the file")
    parser.add_argument("--runs", default="runs/trials", help="folder of the runs")
    parser.add_argument("--set", type=Path, help="folder of mixtures to be scored")
    parser.add_argument("--list", type=Path, help="their list.csv")
    parser.add_argument("--keep", type=Path, metavar="FILE", help=".json for the numbers, beside those that it has")
    parser.add_argument("--ended", action="store_true", help="train nothing: the numbers of the trials that have ended")
    args = parser.parse_args()
    try:
        if bool(args.set) != bool(args.list):
            raise ValueError("--set and --list belong together: give both")
        trials = read_trials(args.trials, args.minutes, args.runs)
        if unknown := sorted({*(args.only or ())} - {*trials}):
            raise ValueError(f"no trial {unknown[0]} in {args.trials}; it has {', '.join(trials)}")
        chosen = {name: trial for name, trial in trials.items() if not args.only or name in args.only}
        for trial in chosen.values():
            folder = trial.config.folder()
            row = read_kept(args.keep).get(folder.name, {})
            if row.get("settings") != trial.settings or (args.set and "scores" not in row):
                if args.ended and not weights_of(folder).is_file():
                    continue
                check_run(trial)
                if not weights_of(folder).is_file():
                    together(train.train, trial.config, folder)
                if not weights_of(folder).is_file():  # the run has taken Ctrl-C, and saved
                    raise KeyboardInterrupt
                row = row_of(trial, args.set, args.list)
                if args.keep:
                    keep(args.keep, folder.name, row)
            print(table([row]), flush=True)
    except (OSError, ValueError, KeyError, ImportError) as error:
        print(f"trials: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("trials: interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
