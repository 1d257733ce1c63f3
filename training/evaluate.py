"""Scores a model on a folder of mixtures: PESQ-WB, STOI, SI-SDR of noisy and enhanced, per file, SNR and on average.

    python training/evaluate.py --model sdk/models/small.linnet --set SET --json scores.json --list mixtures.csv

SET/noisy/NAME.wav is enhanced by the C++ core, shifted back by its delay, and compared with SET/clean/NAME.wav (48 kHz
mono). The list, where given, has columns id and snr_db, and may have part; a file's name is its id.
"""

from __future__ import annotations

import argparse
import csv
import json
import multiprocessing
import os
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import soundfile
from tqdm import tqdm

import training  # noqa: F401  (finds linnet)
from linnet import _core, metrics

RATE = 48000
NAMES = {"pesq_wb": "PESQ-WB", "stoi": "STOI", "si_sdr": "SI-SDR dB"}


def read(path: Path) -> np.ndarray:
    """float32 [n] at 48 kHz, mono; ValueError names a file of another kind."""
    x, rate = soundfile.read(path, dtype="float32")
    if rate != RATE or x.ndim != 1:
        channels = 1 if x.ndim == 1 else x.shape[1]
        raise ValueError(f"{path}: {rate} Hz, {channels} channels; evaluation needs {RATE} Hz mono")
    return x


def enhance(blob: bytes, noisy: np.ndarray) -> np.ndarray:
    """float32 [n] -> float32 [n], aligned with the input."""
    stream = _core.Stream(blob)
    padded = np.zeros(-(-(len(noisy) + stream.delay) // stream.frame_size) * stream.frame_size, np.float32)
    padded[: len(noisy)] = noisy
    return stream.process(padded)[stream.delay : stream.delay + len(noisy)]


def score_file(job: tuple[bytes, Path, Path]) -> dict:
    """Scores of one pair: {"id", "noisy": {...}, "enhanced": {...}}."""
    blob, noisy_path, clean_path = job
    noisy, clean = read(noisy_path), read(clean_path)
    if len(noisy) != len(clean):
        raise ValueError(f"{noisy_path}: {len(noisy)} samples, but {clean_path} has {len(clean)}")
    out = {"id": noisy_path.stem}
    for name, signal in (("noisy", noisy), ("enhanced", enhance(blob, noisy))):
        out[name] = {key: float(value) for key, value in asdict(metrics.score(clean, signal, RATE)).items()}
    return out


def average(entries: list[dict]) -> dict:
    """Means over files, and how many there were; NaN scores (silent files) are left out of each mean."""
    result: dict = {"files": len(entries)}
    for name in ("noisy", "enhanced"):
        result[name] = {}
        for key in entries[0][name]:
            values = np.array([entry[name][key] for entry in entries])
            finite = values[np.isfinite(values)]
            result[name][key] = float(finite.mean()) if finite.size else None
    return result


def evaluate(model: Path, folder: Path, listed: Path | None = None, limit: int = 0, workers: int = 2) -> dict:
    """All scores: {"model", "set", "mean", "per_snr" (with a list), "files"}. ValueError for sets that do not match."""
    blob = model.read_bytes()
    _core.Stream(blob)  # a bad model is told before the work begins
    paths = sorted((folder / "noisy").glob("*.wav"))
    rows: dict[str, dict[str, str]] = {}
    if listed:
        with open(listed, newline="") as file:
            rows = {row["id"]: row for row in csv.DictReader(file)}
    paths = paths[:limit] if limit else paths
    if not paths:
        raise ValueError(f"no .wav files in {folder / 'noisy'}")
    missing = [path.name for path in paths if not (folder / "clean" / path.name).is_file()]
    if missing:
        raise ValueError(f"no {missing[0]} in {folder / 'clean'} ({len(missing)} missing)")
    jobs = [(blob, path, folder / "clean" / path.name) for path in paths]
    with multiprocessing.get_context("spawn").Pool(min(workers, len(jobs))) as pool:
        entries = list(tqdm(pool.imap(score_file, jobs), total=len(jobs), unit="file", disable=None))
    result = {"model": str(model), "set": str(folder), "mean": average(entries)}
    by_snr: dict[str, list[dict]] = {}
    for entry in entries:
        row = rows.get(entry["id"], {})
        entry |= {key: row[key] for key in ("part", "snr_db") if row.get(key)}
        if row.get("snr_db"):
            by_snr.setdefault(row["snr_db"], []).append(entry)
    if by_snr:
        result["per_snr"] = {snr: average(by_snr[snr]) for snr in sorted(by_snr, key=float)}
    return result | {"files": entries}


def table(result: dict) -> str:
    """The means as text: one line per SNR and one for all; noisy -> enhanced."""
    groups = [(f"{snr} dB", group) for snr, group in result.get("per_snr", {}).items()] + [("all", result["mean"])]
    lines = [f"{'SNR':>8} {'files':>6}" + "".join(f"{NAMES.get(key, key):>22}" for key in groups[-1][1]["noisy"])]
    for label, group in groups:
        cells = ""
        for key, before in group["noisy"].items():
            after = group["enhanced"][key]
            cells += f"{'-':>22}" if before is None or after is None else f"{before:>12.3f} -> {after:6.3f}"
        lines.append(f"{label:>8} {group['files']:>6}" + cells)
    return "\n".join(lines)


def main() -> int:
    """Command line; 2 with one line on stderr for bad input."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="a .linnet file")
    parser.add_argument("--set", type=Path, required=True, help="folder with noisy/*.wav and clean/*.wav, 48 kHz mono")
    parser.add_argument("--json", type=Path, help="file for all scores")
    parser.add_argument("--list", type=Path, help="CSV with columns id and snr_db, for means per SNR")
    parser.add_argument("--limit", type=int, default=0, help="only the first N files")
    parser.add_argument("--workers", type=int, default=min(os.cpu_count() or 1, 2), help="processes")
    args = parser.parse_args()
    try:
        result = evaluate(args.model, args.set, args.list, args.limit, args.workers)
        if args.json:
            part = args.json.with_name(args.json.name + ".part")
            part.write_text(json.dumps(result, indent=1) + "\n")
            part.replace(args.json)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 2
    print(table(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
