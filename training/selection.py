"""The score that models are chosen by, and the rule that none ships which pays for one score with another.

    python training/selection.py --old old.json --new new.json      # two files that evaluate.py --json wrote

selection = mean over PESQ-WB, STOI, SI-SDR, OVRL and BAK of (enhanced - noisy) / SPAN: gains over the noisy input, each
in units that a good model of this kind gains on mixtures of -5..15 dB. The status is 1 where any of the five fell
significantly: the whole 95 % interval of its paired difference is below 0.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from training import intervals

SPAN = {"pesq_wb": 0.6, "stoi": 0.04, "si_sdr": 6.0, "dnsmos_ovrl": 0.6, "dnsmos_bak": 1.2}
RULE = "no model ships that gains one at another's cost"


def score(mean: dict) -> float | None:
    """The selection score of a group of an evaluation, as result["mean"]; None where one of the five is missing."""
    ends = [[mean[side].get(key) for key in SPAN] for side in ("noisy", "enhanced")]
    if None in ends[0] + ends[1]:
        return None
    gains = [(after - before) / span for before, after, span in zip(*ends, SPAN.values(), strict=True)]
    return sum(gains) / len(gains)


def fallen(gains: dict[str, dict]) -> list[str]:
    """Those of the five that fell significantly, by intervals.compare. ValueError if one was not measured, or once."""
    missing = [key for key in SPAN if not gains.get(key, {}).get("interval")]
    if missing:
        raise ValueError(f"no {missing[0]} of two files or more in both; score them without --no-dnsmos")
    return [key for key in SPAN if gains[key]["interval"][1] < 0]


def read(path: Path) -> dict:
    """An evaluation. ValueError if the file is none."""
    try:
        result = json.loads(path.read_text())
        if not {"noisy", "enhanced"} <= result["mean"].keys() or not result["files"]:
            raise KeyError("mean")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: not the scores of an evaluation; give a file that --json wrote") from error
    return result


def main() -> int:
    """Command line; 1 where the new model may not ship, 2 with one line on stderr for bad input."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--old", type=Path, required=True, help="scores of the model that is shipped")
    parser.add_argument("--new", type=Path, required=True, help="scores of the one that would replace it")
    args = parser.parse_args()
    try:
        old, new = read(args.old), read(args.new)
        gains = {key: gain for key, gain in intervals.compare(old, new).items() if key in SPAN}
        worse = fallen(gains)
    except (OSError, ValueError) as error:
        print(f"selection: {error}", file=sys.stderr)
        return 2
    print(intervals.text(gains, "new minus old"))
    print(f"{'selection':>14}{score(old['mean']):9.3f} -> {score(new['mean']):.3f}")
    if worse:
        print(f"fell: {', '.join(worse)}; {RULE}")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
