"""Keeps what was measured: writes it into benchmarks/results/, out of which documents.py makes the tables.

    python -m benchmarks.keep native --load "the other core trains a network"      # the last ./sconsw bench
    python -m benchmarks.keep cpu_load                                             # the last ./sconsw bench target=all
    python -m benchmarks.keep scores build/base.json build/small.json              # files of ./sconsw evaluate --json
    python -m benchmarks.keep ladder build/ladder.json                             # the file of linnet oracle --json
    python -m benchmarks.keep rates                                                # the last benchmarks.rates
    python -m benchmarks.keep fuzz                                                 # totals of ./sconsw fuzz
    python -m benchmarks.keep web --load "what else ran"                           # the last benchmarks.web

Every number stands beside the checksum of the model that it is of. Of scores, means and intervals are kept; models that
are not among the files keep theirs. Estimates are made anew out of the cycles that were simulated, with what cpus.py
assumes now.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import targets
from benchmarks import common, cpu_load
from benchmarks.cpus import CPUS
from linnet.catalog import Model
from tests.fuzz import run as fuzzers

WAYS = ("paced_cpu_1", "paced_cpu_2", "hot_1", "hot_2", "cold_1", "cold_2")


def rounded(value: Any) -> Any:
    """The same with numbers of six digits, which is more than any measurement has."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def whole(rows: list[dict[str, Any]], column: str, names: Iterable[str]) -> list[dict[str, Any]]:
    """The rows, if all of these stand in the column, as in the documents. ValueError names those that do not."""
    found = {row[column] for row in rows}
    if absent := [name for name in names if name not in found]:
        raise ValueError(f"{column} {', '.join(absent)}: not in what was measured last; see benchmarks/README.md")
    return rows


def native(data: dict[str, Any], load: str) -> dict[str, Any]:
    """Times of this machine, of each model on its fastest kernels and on scalar ones. ValueError if one is missing."""
    runs = []
    for run in whole(data["runs"], "model", common.MODELS):
        kept = {key: run[key] for key in ("model", "crc", "backend", "stream_bytes", *WAYS)}
        kept["stages"] = {stage: times["median"] for stage, times in run["stages"].items()}
        runs.append(kept | {"create": run["create"]["median"]})
    return {"command": "./sconsw bench", "machine": data["machine"], "load": load, "runs": runs}


def first(rows: Iterable[dict[str, Any]], keys: Sequence[str]) -> list[dict[str, Any]]:
    """The first row of each combination of these columns."""
    chosen: dict[tuple, dict[str, Any]] = {}
    for row in rows:
        chosen.setdefault(tuple(row[key] for key in keys), row)
    return list(chosen.values())


def counts_and_estimates(data: dict[str, Any]) -> dict[str, Any]:
    """Instruction counts of the wide models, estimates, and their error on the machine that made them.

    ValueError if a model or a target that can be emulated is missing, as after a bench of one target.
    """
    wide = [row for row in data["counts"] if row["model"] in common.MODELS]
    whole(wide, "model", common.MODELS)
    whole(wide, "target", (name for name in targets.names() if not targets.load(name).foreign))
    models = {name: Model(name).multiply_adds for name in dict.fromkeys(row["model"] for row in wide)}
    basis = ("model", "crc", "core_cycles", "model_bytes", "model_bytes_read")
    cpus = {cpu.name: cpu for cpu in CPUS}
    return {
        "command": "./sconsw bench target=all",
        "machine": data["machine"],
        "compiler": data["compiler"],
        "multiply_adds": models,
        "counts": first(wide, ("target", "backend", "model")),
        "estimates": [
            cpu_load.estimate_of(cpus[row["cpu"]], {key: row[key] for key in basis}) for row in data["estimates"]
        ],
        "validation": data["validation"],
    }


def scores(evaluations: Iterable[dict[str, Any]], before: dict[str, Any]) -> dict[str, Any]:
    """Means of each part of the set with their intervals, by model; before: the models kept so far.

    Raises ValueError for a folder of enhanced files.
    """
    kept = dict(before)
    for evaluation in evaluations:
        if "crc" not in evaluation:
            raise ValueError(f"{evaluation['model']}: not the scores of a model")
        name = Path(evaluation["model"]).stem
        kept[name] = {key: evaluation[key] for key in ("crc", "postfilter")}
        kept[name]["parts"] = {
            part: {key: value for key, value in group.items() if key != "per_category"}
            for part, group in evaluation["per_part"].items()
        }
    return {"command": "./sconsw evaluate", "models": kept}


def ladder(data: dict[str, Any]) -> dict[str, Any]:
    """Means of the oracle ladder, and the model of its last rung."""
    about = {"command": "linnet oracle CLEAN NOISY OUTDIR", "model": Path(data["model"]).stem}
    return about | {key: data[key] for key in ("crc", "recordings", "mean")}


def rates(data: dict[str, Any]) -> dict[str, Any]:
    """PESQ of streams at low rates by both ways."""
    return {"command": f"python -m benchmarks.rates SET --count {data['rates'][0]['recordings']}"} | data


def web(data: dict[str, Any], load: str) -> dict[str, Any]:
    """Times in node beside those of the native library, of one run. ValueError if a model is missing."""
    whole(data["runs"], "model", common.MODELS)
    return {"command": "python -m benchmarks.web", "load": load} | data


def fuzz(results: dict[str, Any], of: str) -> dict[str, Any]:
    """What each fuzzer has done with these sources. ValueError if none has been run with them."""
    keys = ("covered", "edges", "total")
    kept = {
        name: {key: numbers[key] for key in keys} for name, numbers in results.items() if fuzzers.is_of(numbers, of)
    }
    if not kept:
        raise ValueError("no fuzzer has been run with these sources: ./sconsw fuzz seconds=60")
    return kept


WITH_LOAD = {"native": native, "web": web}  # what other programs change


def main() -> int:
    """Command line; 2 with one line on stderr if there is nothing to keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    for kind in WITH_LOAD:
        kinds.add_parser(kind).add_argument("--load", default="idle", help="what else ran on the machine, in words")
    kinds.add_parser("cpu_load")
    kinds.add_parser("rates")
    kinds.add_parser("fuzz")
    kinds.add_parser("scores").add_argument("files", type=Path, nargs="+")
    kinds.add_parser("ladder").add_argument("file", type=Path)
    options = parser.parse_args()
    try:
        if options.kind == "scores":
            path = common.RESULTS / "scores.json"
            before = json.loads(path.read_text())["models"] if path.exists() else {}
            data = scores((json.loads(path.read_text()) for path in options.files), before)
        elif options.kind == "ladder":
            data = ladder(json.loads(options.file.read_text()))
        elif options.kind == "fuzz":
            data = fuzz(fuzzers.results(), fuzzers.sources())
        elif (measured := common.load(options.kind)) is None:
            raise ValueError(f"build/bench/{options.kind}.json is not there: measure first, see benchmarks/README.md")
        elif options.kind in WITH_LOAD:
            data = WITH_LOAD[options.kind](measured, options.load)
        else:
            data = {"cpu_load": counts_and_estimates, "rates": rates}[options.kind](measured)
    except (OSError, ValueError, KeyError) as error:
        print(f"linnet: {error}", file=sys.stderr)
        return 2
    path = common.RESULTS / f"{options.kind}.json"
    path.write_text(json.dumps(rounded(data), indent=1) + "\n")
    print(path.relative_to(common.ROOT))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
