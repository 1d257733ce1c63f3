"""Means of scores over groups of files (part, SNR, noise category), as a table, and the same read back from JSON.

A group is {"files", "noisy": {score: mean}, "enhanced": {...}, "intervals": {"noisy": {score: [low, high]},
"enhanced": ..., "gain": ...}}, the last where the means lie with 95 %; with a model also "speech_auc" over all its
frames. Means before and after are over the same files: those that lack a score (PESQ without speech, SI-SDR of an exact
copy) on either side are left out, unless all do; None where none has it. The SI-SDR of a muted file counts as SILENCE.
"""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np

import training  # noqa: F401  (finds linnet)
from linnet.study import metrics
from training import intervals

SILENCE = -60.0  # dB
INTERVAL_FILES = 2  # of a group whose intervals the table shows
FRAMES = "frames"  # of an entry: truth and probability of each frame, for the summary alone
NAMES = {
    "pesq_wb": "PESQ-WB",
    "stoi": "STOI",
    "estoi": "ESTOI",
    "si_sdr": "SI-SDR dB",
    "lsd": "LSD dB",
    "dnsmos_sig": "SIG",
    "dnsmos_bak": "BAK",
    "dnsmos_ovrl": "OVRL",
}
LOWER_IS_BETTER = {"lsd"}


def read_list(path: Path) -> dict[str, dict[str, str]]:
    """Rows of a list of mixtures by id, with a column category: its own, or the CATEGORY of noise/CATEGORY/FILE.

    ValueError names a list that is none.
    """
    rows: dict[str, dict[str, str]] = {}
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:  # spreadsheets begin theirs with a mark
            reader = csv.DictReader(file)
            if "id" not in (reader.fieldnames or []):
                raise ValueError(f"{path}: no column id; give a CSV whose first line names its columns")
            for row in reader:
                if row["id"] in rows:
                    raise ValueError(f"{path}: id {row['id']} twice; give one line for each mixture")
                rows[row["id"]] = row
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8 ({error.reason}); save the list as CSV in UTF-8") from error
    except csv.Error as error:
        raise ValueError(f"{path}: not a CSV ({error}); give a list of mixtures") from error
    for row in rows.values():
        try:
            known = math.isfinite(float(row.get("snr_db") or 0))
        except ValueError:
            known = False
        if not known:
            raise ValueError(f"{path}: snr_db {row['snr_db']} of {row['id']}; give a number, or nothing")
        folders = Path(row.get("noise") or "").parts[:-1]
        if not row.get("category") and folders:
            row["category"] = folders[1] if folders[0] == "noise" and len(folders) > 1 else folders[0]
    return rows


def read_beside(text: str) -> tuple[str, dict]:
    """Name and scores of NAME=FILE.json. ValueError if the file is not the --json of an evaluation."""
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise ValueError(f"--beside {text}: give NAME=FILE.json")
    try:
        result = json.loads(Path(path).read_text())
        assert {"files", "noisy", "enhanced"} <= result["mean"].keys()
    except (ValueError, KeyError, TypeError, AttributeError, AssertionError) as error:
        raise ValueError(f"{path}: not the scores of an evaluation; give a file that --json wrote") from error
    return name, result


def system_name(path: str | Path) -> str:
    """What a model, or the folder of another system's output, is called in a picture."""
    return str(path).replace("\\", "/").rstrip("/").rpartition("/")[2].removesuffix(".linnet")


def average(entries: list[dict]) -> dict:
    """The group of some files' entries."""
    result: dict = {"files": len(entries), "noisy": {}, "enhanced": {}}
    spans = result["intervals"] = {"noisy": {}, "enhanced": {}, "gain": {}}
    for key in entries[0]["noisy"]:
        values = np.array([[entry[name][key] for name in ("noisy", "enhanced")] for entry in entries])
        values[values == -np.inf] = SILENCE
        known = np.isfinite(values)
        both = known.all(axis=1)
        for name, side, there in zip(("noisy", "enhanced"), values.T, known.T, strict=True):
            chosen = side[both if both.any() else there]
            result[name][key] = float(chosen.mean()) if chosen.size else None
            spans[name][key] = intervals.bootstrap(chosen)
        spans["gain"][key] = intervals.bootstrap(values[both, 1] - values[both, 0])
    frames = [entry[FRAMES] for entry in entries if FRAMES in entry]
    if frames:
        truth, probability = (np.concatenate(parts) for parts in zip(*frames, strict=True))
        result["speech_auc"] = _number(metrics.roc_auc(truth, probability))
    return result


def groups(entries: list[dict], column: str) -> dict[str, dict]:
    """Groups of the entries that have this column, by its value: numbers rise, words are in order of the alphabet."""
    found: dict[str, list[dict]] = {}
    for entry in entries:
        if entry.get(column):
            found.setdefault(entry[column], []).append(entry)
    order = sorted(found, key=float if column == "snr_db" else str)
    return {value: average(found[value]) for value in order}


def summarise(entries: list[dict], rows: dict[str, dict[str, str]]) -> dict:
    """{"mean", "per_snr", "per_category", "per_part", "files"} of all files' entries, ready for JSON.

    Each part is a group that holds its own per_snr and per_category. Columns that the list lacks are left out.
    """
    for entry in entries:
        row = rows.get(entry["id"], {})
        entry |= {key: row[key] for key in ("part", "snr_db", "category") if row.get(key)}
    result = {"mean": average(entries)} | _split(entries)
    parts = groups(entries, "part")
    for part, group in parts.items():
        group |= _split([entry for entry in entries if entry.get("part") == part])
    if parts:
        result["per_part"] = parts
    return result | {"files": [_plain(entry) for entry in entries]}


def _split(entries: list[dict]) -> dict:
    found = {"per_snr": groups(entries, "snr_db"), "per_category": groups(entries, "category")}
    return {key: value for key, value in found.items() if value}


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _plain(entry: dict) -> dict:
    out = {key: value for key, value in entry.items() if key != FRAMES}
    for name in ("noisy", "enhanced"):
        out[name] = {key: _number(SILENCE if value == -math.inf else value) for key, value in entry[name].items()}
    if "speech_auc" in out:
        out["speech_auc"] = _number(out["speech_auc"])
    return out


def table(result: dict, beside: dict[str, dict] | None = None) -> str:
    """The means as text, a line per group, noisy -> enhanced: SNRs and categories of each part, the parts, all files.

    Other systems' means follow, where their scores of the same group are known.
    """
    keys = list(result["mean"]["noisy"])
    detector = "speech_auc" in result["mean"]
    parts = result.get("per_part", {})
    sections = [("", result)] if len(parts) < 2 else list(parts.items())
    lines = []
    width = max(10, *(len(label) + 2 for _, section in sections for label in section.get("per_category", {"": None})))
    title = f"{'files':>6}" + "".join(f"{NAMES.get(key, key):>19}" for key in keys) + ("   AUC" if detector else "")
    for part, section in sections:
        lines.append(f"{part:<{width}}" + title)
        lines += [_line(f"{snr} dB", group, keys, width) for snr, group in section.get("per_snr", {}).items()]
        lines += [_line(name, group, keys, width) for name, group in section.get("per_category", {}).items()]
        lines += [_line("all", section.get("mean", section), keys, width), ""]
    if len(parts) > 1:
        lines.append(f"{'':{width}}" + title)
        lines += [*(_line(part, group, keys, width) for part, group in parts.items()), ""]
    for name, other in (beside or {}).items():
        lines.append(f"{name:<{width}}" + title)
        for part in parts:
            if part in other.get("per_part", {}):
                lines.append(_line(part, other["per_part"][part], keys, width))
        lines += [_line("all", other["mean"], keys, width), ""]
    return "\n".join(lines[:-1])


def _line(label: str, group: dict, keys: list[str], width: int) -> str:
    cells = ""
    for key in keys:
        before, after = (group[name].get(key) for name in ("noisy", "enhanced"))
        cells += _cell(before, 9) + (" -> " if after is not None or before is not None else "    ") + _cell(after, 6)
    auc = f"{group['speech_auc']:6.3f}" if group.get("speech_auc") is not None else ""
    return f"{label:>{width}}{group['files']:>6}{cells}{auc}{_interval(group, keys, width)}"


def _interval(group: dict, keys: list[str], width: int) -> str:
    """A second line, for the larger groups: where the enhanced means lie."""
    spans = group.get("intervals", {}).get("enhanced", {})
    if group["files"] < INTERVAL_FILES or not any(spans.get(key) for key in keys):
        return ""
    cells = ["{:.3f}..{:.3f}".format(*spans[key]) if spans.get(key) else "-" for key in keys]
    return f"\n{'95 %':>{width}}{'':6}" + "".join(f"{cell:>19}" for cell in cells)


def _cell(value: float | None, width: int) -> str:
    return f"{'-':>{width}}" if value is None else f"{value:>{width}.3f}"
