"""Looks for recordings that would spoil a training: unreadable, short, silent, clipped, offset, of a low rate, double.

    python training/check_data.py SPEECH NOISE ROOMS
    python training/check_data.py NOISE --noise base           # also what the model `base` takes for speech
    python training/check_data.py recordings --min-rate 32000 --rate 48000 --json found.json

Reads every sound file below the folders as training does, and lists each problem with its measured value. Exit status:
0 nothing found, 1 something found, 2 bad arguments.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import multiprocessing
import os
import sys
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import soundfile
import soxr
from tqdm import tqdm

import training  # noqa: F401  (finds linnet)
from linnet import Model, enhance
from linnet._core import RATE
from training.data import SUFFIXES
from training.whole import write_whole

# What each word means, in the order of the summary.
PROBLEMS = {
    "unreadable": "no decoder accepts it, or it ends before its header says",
    "not finite": "NaN or infinity among the samples",
    "short": "shorter than --min-seconds",
    "silent": "no sample above --silence",
    "clipped": "flat tops at its own maximum, or samples beyond full scale",
    "offset": "the mean of its samples is not 0",
    "low rate": "sampling rate below --min-rate",
    "other rate": "sampling rate other than --rate",
    "duplicate": "the same samples as another file, in whatever format",
    "speech": "as noise: the model of --noise keeps it, so that somebody may speak in it; a network would learn to "
    "take such voices away",
}
FLAT = 3  # equal samples in a row, at the extreme, are a flat top
BESIDE = 3  # samples from a flat top, where the signal must have fallen
EDGE = 0.001  # by this share of the extreme; from the round top of a low tone it falls by less
FLAT_SHARE = 1e-4  # of all samples, in flat tops: more is clipping
QUIETEST_CLIP = 0.1  # extremes below it are steps of a quiet recording, not clipping
FULL_SCALE = 1.0001  # decoders of lossy formats give back more than 1 for what was clipped before
OFFSET = 0.005  # -46 dBFS
KEPT = -1.0  # dB: of noise a model keeps less, but for bells and the like


@dataclass(frozen=True)
class Limits:
    """What is acceptable."""

    min_rate: int = 16000  # Hz
    rate: int = 0  # Hz; 0: any
    min_seconds: float = 0.1
    silence: float = 0.001  # full scale 1; -60 dBFS
    noise: str = ""  # the model that is to find nothing worth keeping


@dataclass
class Finding:
    """What was seen in one file: problems by name, with the measured value in words."""

    path: str
    seconds: float = 0.0
    rate: int = 0
    problems: dict[str, str] = field(default_factory=dict)
    content: str = ""  # hash of the decoded samples


def flat_samples(x: np.ndarray) -> int:
    """How many samples of x [n] lie in flat tops: runs at its largest or smallest value that have an edge."""
    count = 0
    around = np.pad(x, BESIDE, mode="edge")
    for extreme in (x.max(), x.min()):
        if abs(extreme) < QUIETEST_CLIP:
            continue
        at = np.concatenate([[False], x == extreme, [False]])
        bounds = np.flatnonzero(at[1:] != at[:-1])
        starts, ends = bounds[::2], bounds[1::2]
        fall = np.maximum(np.abs(extreme - around[starts]), np.abs(extreme - around[ends + 2 * BESIDE - 1]))
        runs = ends - starts
        count += int(runs[(runs >= FLAT) & (fall > EDGE * abs(extreme))].sum())
    return count


def constant_part(x: np.ndarray) -> float:
    """The largest offset of the channels of x [n, channels], by magnitude: of four quarters, the one with the least.

    0 where the quarters disagree about its sign, as those of a rumble do.
    """
    means = np.array([part.mean(axis=0, dtype=np.float64) for part in np.array_split(x, 4) if len(part)])
    same = (means > 0).all(axis=0) | (means < 0).all(axis=0)
    return float((np.abs(means).min(axis=0) * same).max())


def energy_kept(x: np.ndarray, rate: int, model: str) -> float:
    """Energy of x [n] enhanced, over that of x, dB. ModelError: there is no such model."""
    x = soxr.resample(x, rate, RATE)
    before, after = (float(np.square(signal, dtype=np.float64).sum()) for signal in (x, enhance(x, RATE, model)))
    return 10 * np.log10(max(after / max(before, 1e-12), 1e-12))


def inspect(path: Path, limits: Limits) -> Finding:
    """All that can be said of one file without the others."""
    finding = Finding(str(path))
    problems = finding.problems
    try:
        # Not soundfile.read: it would say nothing of an end that is missing.
        with soundfile.SoundFile(os.fsencode(path)) as file:  # whose name may be in any encoding
            finding.rate = file.samplerate
            promised = file.frames if file.format not in ("MPEG", "MP3") else 0
            x = file.read(dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError, ValueError, MemoryError) as error:
        problems["unreadable"] = str(getattr(error, "error_string", error)).strip().rstrip(".")
        return finding
    finding.seconds = len(x) / finding.rate
    if len(x) < promised or (missing := _missing_bytes(path)):
        problems["unreadable"] = (
            f"{len(x)} of {promised} samples" if len(x) < promised else f"{missing} bytes are missing at its end"
        )
    if 0 < finding.rate < limits.min_rate:
        problems["low rate"] = f"{finding.rate} Hz"
    if limits.rate and finding.rate != limits.rate:
        problems["other rate"] = f"{finding.rate} Hz"
    if finding.seconds < limits.min_seconds:
        problems["short"] = f"{finding.seconds:.3f} s"
    if not len(x):
        return finding
    finite = np.isfinite(x)
    if not finite.all():
        problems["not finite"] = f"{x.size - np.count_nonzero(finite)} samples"
        x = np.where(finite, x, np.float32(0))
    peak = float(np.abs(x).max())
    if peak < limits.silence:
        problems["silent"] = f"peak {_dbfs(peak)}"
    # Channel by channel: one that is clipped is hidden in the mean of all.
    flat = sum(flat_samples(channel) for channel in x.T)
    beyond = int(np.count_nonzero(np.abs(x) > FULL_SCALE))
    if max(flat, beyond) > FLAT_SHARE * x.size:
        problems["clipped"] = f"{100 * max(flat, beyond) / x.size:.2f} % of samples, peak {_dbfs(peak)}"
    offset = constant_part(x)
    if offset > OFFSET:
        problems["offset"] = f"{100 * offset:.1f} % of full scale"
    if limits.noise and peak >= limits.silence:
        kept = energy_kept(x.mean(axis=1), finding.rate, limits.noise)
        if kept > KEPT:
            problems["speech"] = f"{limits.noise} keeps it but for {max(-kept, 0.0):.1f} dB"
    whole = np.clip(np.rint(x.mean(axis=1) * 32768), -32768, 32767).astype("<i2")
    if peak >= limits.silence:
        finding.content = hashlib.sha256(f"{finding.rate} ".encode() + whole.tobytes()).hexdigest()
    return finding


def _missing_bytes(path: Path) -> int:
    """How much a RIFF file is shorter than its header says; libsndfile reads such files without a word."""
    with open(path, "rb") as file:
        head = file.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        return 0
    size = int.from_bytes(head[4:8], "little")
    # Programs that write into a pipe put 0 or nearly 2^32 there.
    return max(0, size + 8 - path.stat().st_size) if size < 0xFFFF0000 else 0


def _dbfs(value: float) -> str:
    return f"{20 * np.log10(value):.1f} dBFS" if value > 0 else "0"


def find_files(folders: list[Path]) -> list[Path]:
    """All sound files below the folders, once each. ValueError for a folder that is missing or holds none."""
    found: dict[Path, Path] = {}
    for folder in folders:
        if not folder.is_dir():
            raise ValueError(f"{folder}: no such folder; give folders of recordings")
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
        if not paths:
            raise ValueError(f"{folder}: no recordings in it; training reads {', '.join(sorted(SUFFIXES))}")
        for path in paths:
            found.setdefault(path.resolve(), path)
    return list(found.values())


def mark_duplicates(findings: list[Finding]) -> None:
    """Adds the problem to every file but the first of those with the same samples at the same rate."""
    first: dict[str, str] = {}
    for finding in findings:
        if finding.content and first.setdefault(finding.content, finding.path) != finding.path:
            finding.problems["duplicate"] = f"of {first[finding.content]}"


def check(folders: list[Path], limits: Limits | None = None, jobs: int = 1) -> list[Finding]:
    """What was seen in each file, problem or not. ValueError as in find_files."""
    limits = limits or Limits()
    paths = find_files(folders)
    work = [(path, limits) for path in paths]
    if jobs > 1 and len(paths) > 1:
        with multiprocessing.get_context("spawn").Pool(min(jobs, len(paths))) as pool:
            findings = list(tqdm(pool.imap(_inspect, work, chunksize=8), total=len(work), unit="file", disable=None))
    else:
        findings = [_inspect(item) for item in tqdm(work, unit="file", disable=None)]
    mark_duplicates(findings)
    return findings


def _inspect(item: tuple[Path, Limits]) -> Finding:
    return inspect(*item)


def report(findings: list[Finding]) -> str:
    """A line per problem, then how many files have each, and what there is in all."""
    lines = []
    order = list(PROBLEMS)
    for problem in order:
        for finding in findings:
            if problem in finding.problems:
                lines.append(f"{problem:<11}{finding.path}: {finding.problems[problem]}")
    counts = Counter(problem for finding in findings for problem in finding.problems)
    if lines:
        lines.append("")
    lines += [f"{counts[problem]:>6}  {problem:<11}{PROBLEMS[problem]}" for problem in order if counts[problem]]
    hours = sum(finding.seconds for finding in findings) / 3600
    rates = Counter(finding.rate for finding in findings if finding.rate)
    bad = sum(bool(finding.problems) for finding in findings)
    kinds = ", ".join(f"{count} at {rate} Hz" for rate, count in sorted(rates.items()))
    lines.append(f"{len(findings)} files, {hours:.2f} hours: {kinds or 'none readable'}")
    lines.append(f"{bad} with a problem" if bad else "no problem found")
    return "\n".join(lines)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER", help="folders of recordings")
    parser.add_argument("--min-rate", type=int, default=Limits.min_rate, metavar="HZ", help="default %(default)s")
    parser.add_argument("--rate", type=int, default=0, metavar="HZ", help="the one rate that is wanted (any)")
    parser.add_argument(
        "--min-seconds", type=float, default=Limits.min_seconds, metavar="S", help="default %(default)s"
    )
    parser.add_argument("--silence", type=float, default=-60.0, metavar="DBFS", help="default %(default)s")
    parser.add_argument(
        "--noise", default="", metavar="MODEL", help="the folders hold noise: list what MODEL keeps of it"
    )
    parser.add_argument("--jobs", type=int, default=min(os.cpu_count() or 1, 2), help="processes")
    parser.add_argument("--json", type=Path, help="file for what was found")
    args = parser.parse_args()
    sys.stdout.reconfigure(errors="backslashreplace")  # names of files need not be UTF-8
    try:
        for name, value in (("--min-rate", args.min_rate), ("--rate", args.rate), ("--min-seconds", args.min_seconds)):
            if not 0 <= value < math.inf:
                raise ValueError(f"{name} {value}: must be at least 0, and finite")
        if not -300 <= args.silence <= 300:
            raise ValueError(f"--silence {args.silence}: must be in -300..300 dBFS")
        limits = Limits(args.min_rate, args.rate, args.min_seconds, 10 ** (args.silence / 20), args.noise)
        if args.json and (args.json.is_dir() or not args.json.parent.is_dir()):
            raise ValueError(f"--json {args.json}: no file can be written there; give one in a folder that there is")
        if args.noise:
            Model(args.noise)  # said once, if there is none
        if args.jobs < 1:
            raise ValueError(f"--jobs {args.jobs}: give one process or more")
        findings = check(args.folders, limits, args.jobs)
        if args.json:
            found = [asdict(finding) for finding in findings if finding.problems]
            write_whole(args.json, json.dumps(found, indent=1) + "\n")
    except (OSError, ValueError) as error:
        print(f"check_data: {error}", file=sys.stderr)
        return 2
    print(report(findings))
    return 1 if any(finding.problems for finding in findings) else 0


if __name__ == "__main__":
    sys.exit(main())
