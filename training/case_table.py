"""The table of hard cases: what each system makes of every one, as Markdown and JSON.

python training/evaluate.py --cases --model A.linnet --model B.safetensors --data FOLDER --json cases.json
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from training.cases import CASES, SEED, Case, enhancer, run
from training.material import from_folders, from_manifests
from training.whole import write_whole


def table(results: dict[str, dict[str, float | None]]) -> str:
    """Markdown: a row for each case; what is right, and each system's number with a mark where it falls short."""
    lines = [
        "| case | right | " + " | ".join(results) + " |",
        "|---|---|" + "---|" * len(results),
    ]
    for case in CASES:
        cells = []
        for values in results.values():
            value = values[case.name]
            text = "no recordings" if value is None else f"{value:.1f} {case.unit}"
            cells.append(text if value is None else f"{text} {'ok' if case.holds(value) else '**falls short**'}")
        lines.append(f"| {case.name} | {case.right} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def report(results: dict[str, dict[str, float | None]]) -> dict:
    """For a JSON file: {"cases": [{"name", "right", "sign", "limit", "unit", "values": {system: {"value", "holds"}}}]}.

    A value that is no finite number, or has no recordings, is null.
    """
    return {
        "cases": [
            {key: getattr(case, key) for key in ("name", "right", "sign", "limit", "unit")}
            | {"values": {system: verdict(case, values[case.name]) for system, values in results.items()}}
            for case in CASES
        ]
    }


def verdict(case: Case, value: float | None) -> dict:
    """{"value", "holds"}, null where there is none."""
    if value is None:
        return {"value": None, "holds": None}
    return {"value": round(value, 3) if np.isfinite(value) else None, "holds": case.holds(value)}


def main(arguments: list[str]) -> int:
    """Command line; 2 with one line on stderr for bad input."""
    parser = argparse.ArgumentParser(prog="evaluate.py --cases", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--model", type=Path, required=True, action="append", help=".linnet or .safetensors; repeatable"
    )
    parser.add_argument("--data", help="folders with manifests, A or A,B")
    parser.add_argument("--voices", type=Path, help="folder of clean speech, SPEAKER/FILE, instead of --data")
    parser.add_argument("--noises", type=Path, help="folder of noises, CATEGORY/FILE, besides --voices")
    parser.add_argument("--seed", type=int, default=SEED, help="of everything that is drawn")
    parser.add_argument("--json", type=Path, help="file for all numbers")
    args = parser.parse_args(arguments)
    try:
        if (args.data is None) == (args.voices is None) or (args.noises and not args.voices):
            raise ValueError("give --data, or --voices and perhaps --noises")
        if args.seed < 0:
            raise ValueError(f"--seed {args.seed}: must be at least 0")
        systems = {path.stem: enhancer(path) for path in args.model}
        if len(systems) < len(args.model):
            raise ValueError(f"--model {', '.join(map(str, args.model))}: file names must differ")
        material = from_manifests(args.data) if args.data else from_folders(args.voices, args.noises)
        results = {name: run(system, material, args.seed) for name, system in systems.items()}
        if args.json:
            write_whole(args.json, json.dumps(report(results), indent=1, allow_nan=False) + "\n")
        print(table(results))
    except (OSError, ValueError, RuntimeError, ImportError) as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 2
    return 0
