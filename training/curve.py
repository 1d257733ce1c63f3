"""The picture of one or more training runs: losses of training and validation over hours, SNR gain in bands, rate.

    python training/curve.py runs/base --out curve.png
    python training/curve.py runs/base runs/small --out both.png

Reads log.csv, which a run appends to at every report; a run that goes on may be drawn at any time.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import training  # noqa: F401  (finds linnet)
from linnet.io.errors import AudioError
from linnet.study.figures import pyplot, save, style
from training.score_figure import COLOURS

PANELS = {
    "loss": "loss",
    "gain": "gain loss",
    "disturbance": "points lost",
    "snr_gain": "SNR gain in bands, dB",
    "rate": "learning rate",
}


def read_log(folder: Path) -> dict[str, list[dict[str, float]]]:
    """Rows of log.csv as numbers by kind, "train" and "valid". ValueError for a folder without any."""
    path = folder / "log.csv"
    if not path.is_file():
        raise ValueError(f"no {path}: give the folder of a training run")
    found: dict[str, list[dict[str, float]]] = {"train": [], "valid": []}
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            values = {key: float(text) for key, text in row.items() if key != "kind" and text}
            if "snr_out" in values:
                values["snr_gain"] = values["snr_out"] - values["snr_in"]
            found[row["kind"]].append(values)
    if not found["train"]:
        raise ValueError(f"{path} has no reports yet")
    return found


def draw(folders: list[Path], path: str) -> None:
    """Writes the figure. ValueError for a folder that is no run, AudioError if the file cannot be written."""
    logs = {folder.name: read_log(folder) for folder in folders}
    plt = pyplot()
    with plt.rc_context(style()):
        figure, axes = plt.subplots(1, len(PANELS), figsize=(3.4 * len(PANELS), 3.0), layout="constrained")
        for axis, (key, title) in zip(axes, PANELS.items(), strict=True):
            for index, (name, log) in enumerate(logs.items()):
                for kind, width, alpha in (("train", 0.7, 0.5), ("valid", 1.8, 1.0)):
                    points = [(row["hours"], row[key]) for row in log[kind] if key in row]
                    if points and not (key == "rate" and kind == "valid"):
                        label = f"{name}, {kind}" if key == "loss" else None
                        colour = COLOURS[index % len(COLOURS)]
                        axis.plot(*zip(*points, strict=True), lw=width, alpha=alpha, color=colour, label=label)
            axis.set_title(title)
            axis.set_xlabel("hours")
        figure.legend(frameon=False, loc="outside right center")
        save(figure, path)
        plt.close(figure)


def main() -> int:
    """Command line; 2 with one line on stderr for bad input."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folder of a run")
    parser.add_argument("--out", required=True, metavar="PNG", help="picture to write")
    args = parser.parse_args()
    try:
        draw(args.runs, args.out)
    except (ValueError, OSError, AudioError) as error:
        print(f"curve: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
