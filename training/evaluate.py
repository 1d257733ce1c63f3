"""Scores a model, or any other system's output, on folders of mixtures: per file, part, SNR and noise category.

    python training/evaluate.py --model sdk/models/small.linnet --set SET --json scores.json --list mixtures.csv
    python training/evaluate.py --enhanced FOLDER --set SET --json other.json --list mixtures.csv
    python training/evaluate.py --model M --set SET --list mixtures.csv --beside other=other.json --plot scores.png
    python training/evaluate.py --cases --model M --data FOLDER          # the hard cases, see case_table.py

SET/noisy/NAME.wav is enhanced by the C++ core, shifted back by its delay, and compared with SET/clean/NAME.wav (48 kHz
mono). The list, where given, has columns id and snr_db, and may have part, and category or noise (a path
noise/CATEGORY/...); a file's name is its id.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import soundfile
from tqdm import tqdm

import training  # noqa: F401  (finds linnet)
from linnet import _core
from linnet._core import RATE
from linnet.catalog import Model
from linnet.enhancer import DEFAULT_POSTFILTER
from linnet.io.errors import AudioError
from linnet.io.outputs import check_place, replacing
from linnet.model.blob import checksum
from linnet.study import metrics
from linnet.study.figures import picture_type
from training import case_table, intervals, selection, summary
from training.dnsmos import Dnsmos, network
from training.score_figure import NO_SNR, draw_scores

Enhancer = Callable[[np.ndarray], np.ndarray]  # float32 [n] at 48 kHz -> the same, aligned; picklable


@dataclass(frozen=True)
class Job:
    """One pair to be scored: enhanced by the model `blob`, by `enhancer`, or already, in a folder of like names."""

    noisy: Path
    clean: Path
    blob: bytes = b""
    postfilter: float = DEFAULT_POSTFILTER  # of the model's stream, 0..1
    enhanced: Path | None = None
    enhancer: Enhancer | None = None


_dnsmos: Dnsmos | None = None  # of this process


def start_worker(dnsmos: Path | None) -> None:
    """Loads what every pair needs, once per process."""
    global _dnsmos
    _dnsmos = Dnsmos(dnsmos) if dnsmos else None


def read(path: Path) -> np.ndarray:
    """float32 [n] at 48 kHz, mono; ValueError names a file of another kind."""
    try:
        x, rate = soundfile.read(path, dtype="float32")
    except soundfile.LibsndfileError as error:
        raise ValueError(f"{path}: not readable as sound ({error.error_string}); give {RATE} Hz mono") from error
    if rate != RATE or x.ndim != 1:
        channels = 1 if x.ndim == 1 else x.shape[1]
        raise ValueError(f"{path}: {rate} Hz, {channels} channels; evaluation needs {RATE} Hz mono")
    return x


def enhance(blob: bytes, noisy: np.ndarray, postfilter: float = DEFAULT_POSTFILTER) -> tuple[np.ndarray, np.ndarray]:
    """float32 [n] -> the enhanced signal [n], aligned with the input, and the speech probability of each 10 ms.

    Probability l is that of the 20 ms around sample 480 l.
    """
    stream = _core.Stream(_core.Model(blob))
    stream.set_postfilter(postfilter)
    hop = stream.frame_size
    lookahead = stream.delay // hop - 1
    padded = np.zeros(-(-(len(noisy) + stream.delay) // hop) * hop, np.float32)
    padded[: len(noisy)] = noisy
    probability = np.zeros(len(padded) // hop)
    out = np.empty_like(padded)
    for step in range(len(probability)):
        frame = slice(step * hop, (step + 1) * hop)
        out[frame] = stream.process(padded[frame])
        probability[step] = stream.stats()["speech_probability"]
    frames = -(-len(noisy) // hop)
    return out[stream.delay : stream.delay + len(noisy)], probability[lookahead : lookahead + frames]


def scores(clean: np.ndarray, degraded: np.ndarray) -> dict[str, float]:
    """Every score that needs no model of its own, of two aligned signals [n] at 48 kHz; NaN where one is undefined."""
    base = metrics.score(clean, degraded, RATE)
    narrow = metrics.at_16k(clean, RATE), metrics.at_16k(degraded, RATE)
    values = {"pesq_wb": base.pesq_wb, "stoi": base.stoi, "estoi": metrics.estoi(*narrow), "si_sdr": base.si_sdr}
    values["lsd"] = metrics.log_spectral_distance(clean, degraded, RATE)
    return values


def score_file(job: Job) -> dict:
    """Scores of one pair: {"id", "noisy": {...}, "enhanced": {...}}, with a model also the frames of its detector."""
    noisy, clean = read(job.noisy), read(job.clean)
    if len(noisy) != len(clean):
        raise ValueError(f"{job.noisy}: {len(noisy)} samples, but {job.clean} has {len(clean)}")
    out: dict = {"id": job.noisy.stem}
    if job.enhanced:
        enhanced = read(job.enhanced)
        if len(enhanced) != len(clean):
            raise ValueError(f"{job.enhanced}: {len(enhanced)} samples, but {job.clean} has {len(clean)}")
    elif job.enhancer:
        enhanced = np.asarray(job.enhancer(noisy))
        if enhanced.shape != clean.shape:
            raise ValueError(f"the enhancer made {enhanced.shape} of {noisy.shape}: it must keep length and alignment")
    else:
        enhanced, probability = enhance(job.blob, noisy, job.postfilter)
        truth = metrics.speech_frames(clean, RATE)
        out["speech_auc"] = metrics.roc_auc(truth, probability)
        out[summary.FRAMES] = (truth, probability)
    for name, signal in (("noisy", noisy), ("enhanced", enhanced)):
        try:
            out[name] = scores(clean, signal)
            if _dnsmos:
                out[name] |= _dnsmos.score(signal, RATE)
        except Exception as error:  # of the packages, which do not know the file
            raise ValueError(f"{job.noisy}: {name} cannot be scored ({error}); leave it out") from error
    return out


def pairs(folders: Sequence[Path], limit: int) -> list[tuple[Path, Path]]:
    """Noisy and clean files of all folders, at most `limit` of each. ValueError for sets that do not match."""
    found: list[tuple[Path, Path]] = []
    for folder in folders:
        paths = sorted((folder / "noisy").glob("*.wav"))
        paths = paths[:limit] if limit else paths
        if not paths:
            raise ValueError(f"no .wav files in {folder / 'noisy'}")
        missing = [path.name for path in paths if not (folder / "clean" / path.name).is_file()]
        if missing:
            raise ValueError(f"no {missing[0]} in {folder / 'clean'} ({len(missing)} missing)")
        found += [(path, folder / "clean" / path.name) for path in paths]
    names = [noisy.stem for noisy, _ in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"id {twice[0]} is in more than one set; score the sets one at a time")
    return found


def evaluate(
    model: Path | None,
    folder: Path | Sequence[Path],
    listed: Path | None = None,
    limit: int = 0,
    workers: int = 2,
    dnsmos: Path | None = None,
    enhanced: Path | None = None,
    postfilter: float = DEFAULT_POSTFILTER,
    enhancer: Enhancer | None = None,
) -> dict:
    """All scores of a model, of a folder of enhanced files, or of a callable (one of the three), on one or more sets.

    A callable is sent to the worker processes: a function of a module, or an object that can be pickled. Without
    `dnsmos`, the file of its network, those scores are left out. Returns {"model", "postfilter", "set", "crc", "mean",
    "per_snr", "per_category", "per_part", "files"}: crc of a model alone, the three where the list has their columns.
    ValueError for sets that do not match, ImportError for a missing package.
    """
    metrics.check_packages()
    if sum(system is not None for system in (model, enhanced, enhancer)) != 1:
        raise ValueError("give one of a model, a folder of enhanced files, an enhancer")
    # What is wrong with the model or the amount is told before the work begins.
    if not 0 <= postfilter <= 1:
        raise ValueError(f"postfilter {postfilter:g}: give 0 (off) .. 1")
    blob = Model(os.path.abspath(model)).to_bytes() if model else b""
    folders = [folder] if isinstance(folder, Path) else list(folder)
    jobs = [
        Job(noisy, clean, blob, postfilter, enhanced / noisy.name if enhanced else None, enhancer)
        for noisy, clean in pairs(folders, limit)
    ]
    missing = [job.enhanced.name for job in jobs if job.enhanced and not job.enhanced.is_file()]
    if missing:
        raise ValueError(f"no {missing[0]} in {enhanced} ({len(missing)} missing)")
    rows = summary.read_list(listed) if listed else {}
    if listed and not any(job.noisy.stem in rows for job in jobs):
        raise ValueError(f"{listed} has no id of these sets, such as {jobs[0].noisy.stem}")
    if dnsmos:
        Dnsmos(dnsmos)  # a missing package or a bad file is told here, not by every process
    with multiprocessing.get_context("spawn").Pool(min(workers, len(jobs)), start_worker, (dnsmos,)) as pool:
        entries = list(tqdm(pool.imap(score_file, jobs), total=len(jobs), unit="file", disable=None))
    name = model or enhanced or getattr(enhancer, "__name__", type(enhancer).__name__)
    head = {"model": str(name), "postfilter": postfilter, "set": " ".join(map(str, folders))}
    if model:
        head["crc"] = checksum(blob)
    return head | summary.summarise(entries, rows)


def check_output(option: str, path: str | Path | None) -> None:
    """ValueError or AudioError, before any work, for a file that cannot be written."""
    if path is None:
        return
    if str(path) in ("", "."):
        raise ValueError(f"{option} '{path}': not the name of a file; give one")
    check_place(option, path)


def main() -> int:
    """Command line; 2 with one line on stderr for bad input."""
    if "--cases" in sys.argv[1:]:
        return case_table.main([word for word in sys.argv[1:] if word != "--cases"])
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], epilog="--cases shows the hard cases instead; --cases --help tells more"
    )
    system = parser.add_mutually_exclusive_group(required=True)
    system.add_argument("--model", type=Path, help="a .linnet file")
    system.add_argument(
        "--enhanced", type=Path, help="folder with another system's output: aligned, NAME.wav as in noisy"
    )
    parser.add_argument(
        "--set", type=Path, required=True, nargs="+", help="folders with noisy/*.wav and clean/*.wav, 48 kHz mono"
    )
    parser.add_argument(
        "--postfilter", type=float, default=DEFAULT_POSTFILTER, help="strength of the model's post-filter, 0 (off) .. 1"
    )
    parser.add_argument("--json", type=Path, help="file for all scores")
    parser.add_argument(
        "--list", type=Path, help="CSV with columns id, snr_db, part, category or noise, for means of each"
    )
    parser.add_argument("--limit", type=int, default=0, help="only the first N files of each set")
    parser.add_argument(
        "--jobs", "--workers", dest="workers", type=int, default=min(os.cpu_count() or 1, 2), help="processes"
    )
    mos = parser.add_mutually_exclusive_group()
    mos.add_argument("--dnsmos", type=Path, metavar="ONNX", help="sig_bak_ovr.onnx, if not that of speechmos")
    mos.add_argument("--no-dnsmos", action="store_true", help="leave DNSMOS out, which takes most of the time")
    parser.add_argument(
        "--beside",
        action="append",
        default=[],
        metavar="NAME=JSON",
        help="another run's --json, for comparison; repeatable",
    )
    parser.add_argument("--plot", metavar="PICTURE", help="picture of the scores, .png, .svg or .pdf")
    args = parser.parse_args()
    try:
        if args.workers < 1 or args.limit < 0:
            raise ValueError(
                f"--jobs {args.workers} --limit {args.limit}: give one process or more, and no negative limit"
            )
        check_output("--json", args.json)
        check_output("--plot", args.plot)
        if args.plot:
            picture_type(args.plot)
            if not args.list or not any(row.get("snr_db") for row in summary.read_list(args.list).values()):
                raise ValueError(NO_SNR)
        beside = dict(summary.read_beside(text) for text in args.beside)
        if len({*beside, summary.system_name(args.model or args.enhanced)}) <= len(args.beside):
            raise ValueError(
                f"--beside {', '.join(beside)}: names must differ from each other and from that of the model"
            )
        mos_file = None if args.no_dnsmos else args.dnsmos or network()
        result = evaluate(
            args.model, args.set, args.list, args.limit, args.workers, mos_file, args.enhanced, args.postfilter
        )
        result["beside"] = {name: intervals.compare(other, result) for name, other in beside.items()}
        result["selection"] = selection.score(result["mean"])
        print(summary.table(result, beside))
        for name, gains in result["beside"].items():
            print(f"\n{intervals.text(gains, f'minus {name}')}")
        if result["selection"] is not None:
            print(f"\nselection {result['selection']:.3f}")
        if args.json:
            with replacing(args.json) as temporary:
                Path(temporary).write_text(json.dumps(result, indent=1, allow_nan=False) + "\n")
        if args.plot:
            draw_scores(result, beside, args.plot)
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, AudioError) as error:
        print(f"evaluate: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
