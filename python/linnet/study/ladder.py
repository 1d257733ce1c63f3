"""The oracle ladder: how good the method could be, rung by rung, if the network knew the clean signal.

The rungs: gains for all 481 bins of the spectrum; gains for 34 bands only; the comb filter added, with the strengths
that bring each band closest to the clean signal; the post-filter added; and the trained network, which knows nothing.
The noisy phase and the noisy signal's pitch are used throughout. After the experiment in Amazon Science's account of
PercepNet.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from linnet import _core
from linnet._core import BANDS, BINS, FRAME, RATE
from linnet.catalog import ModelLike, model_label, open_model
from linnet.enhancer import Enhancer, sanitise
from linnet.io.errors import AudioError
from linnet.io.file import open_input, open_output
from linnet.io.formats import Format, is_sound_file
from linnet.io.outputs import make_folder, stems
from linnet.model.blob import checksum
from linnet.study.figures import pyplot
from linnet.study.metrics import Scores, check_packages, score
from linnet.study.oracle import ideal_gain, max_coherence_strength
from linnet.study.panels import draw_ladder

Signal = NDArray[np.float32]

NOISY = "noisy"
# Name in the table, and of the WAV.
RUNGS = {
    NOISY: "0_noisy",
    f"{BINS} bin gains (oracle)": "1_bin_gains",
    f"{BANDS} band gains (oracle)": "2_band_gains",
    "+ comb filter (oracle)": "3_comb_filter",
    "+ post-filter (oracle)": "4_post_filter",
    "trained network": "5_network",
}
_COLUMNS = {"pesq_wb": "PESQ-WB", "stoi": " STOI", "si_sdr": "SI-SDR (dB)"}


@dataclass(frozen=True)
class Table:
    """Scores of each rung: of each recording by name, and the means over those that have the score.

    crc: the model's checksum. failed: (path, error) of each noisy recording of a folder that could not be done, the
    error in one line.
    """

    model: str
    crc: str
    recordings: dict[str, dict[str, Scores]]
    failed: list[tuple[str, str]] = field(default_factory=list)

    def mean(self, rung: str, column: str) -> float:
        """NaN if no recording has the score."""
        values = [getattr(scores[rung], column) for scores in self.recordings.values()]
        values = [value for value in values if not math.isnan(value)]
        return sum(values) / len(values) if values else math.nan

    def as_dict(self) -> dict[str, Any]:
        """For JSON: NaN and infinity become null."""
        return {
            "model": self.model,
            "crc": self.crc,
            "recordings": len(self.recordings),
            "mean": {rung: {column: _number(self.mean(rung, column)) for column in _COLUMNS} for rung in RUNGS},
            "each": {
                name: {
                    rung: {column: _number(value) for column, value in asdict(scores).items()}
                    for rung, scores in rungs.items()
                }
                for name, rungs in self.recordings.items()
            },
            "failed": [{"input": path, "error": error} for path, error in self.failed],
        }

    def text(self) -> str:
        """The means as a table."""
        width = max(map(len, RUNGS))
        count = len(self.recordings)
        lines = [f"{f'{count} recording' + 's'[: count != 1]:{width}}  " + "  ".join(_COLUMNS.values())]
        for rung in RUNGS:
            cells = (f"{_cell(self.mean(rung, key), key):>{len(title)}}" for key, title in _COLUMNS.items())
            lines.append(f"{rung:{width}}  " + "  ".join(cells))
        return "\n".join(lines)


def climb(clean: Signal, noisy: Signal, model: ModelLike) -> dict[str, Signal]:
    """The output of every rung for mono signals [n] at 48 kHz, without delay: [n] each.

    Raises ValueError if the signals differ in length, ModelError for the model.
    """
    if clean.shape != noisy.shape or clean.ndim != 1:
        raise ValueError(f"clean has shape {clean.shape}, noisy {noisy.shape}; give two mono signals of one length")
    with Enhancer(model, any_block=False) as enhancer:
        network = enhancer.enhance(noisy)
        delay = enhancer.delay
    lookahead = delay // FRAME - 1
    whole = -len(noisy) % FRAME + delay
    padded, reference = (np.pad(signal, (0, whole)).astype(np.float32) for signal in (noisy, clean))

    analysis = _core.analyze(padded, reference, lookahead=lookahead, spectra=True)
    x, y = np.abs(analysis["clean"]), np.abs(analysis["noisy"])
    bins = np.minimum(x / np.maximum(y, 1e-9), 1.0).astype(np.float32)
    gains = ideal_gain(analysis["xx"], analysis["yy"]).astype(np.float32)
    energies = analysis["xx"], analysis["yy"], analysis["pp"]
    products = analysis["xy"], analysis["yp"], analysis["xp"]
    comb = max_coherence_strength(*energies, *products).astype(np.float32)
    outputs = (
        _core.synthesize_bins(padded, bins, lookahead=lookahead),
        _core.synthesize(padded, gains, np.zeros_like(comb), lookahead=lookahead),
        _core.synthesize(padded, gains, comb, lookahead=lookahead),
        _core.synthesize(padded, gains, comb, lookahead=lookahead, postfilter=1.0),
    )
    aligned = [output[delay : delay + len(noisy)] for output in outputs]
    return dict(zip(RUNGS, [noisy, *aligned, network], strict=True))


def run_ladder(clean: str, noisy: str, outdir: str, model: ModelLike, limit: int | None = None) -> Table:
    """Climbs the ladder for a pair of files, or for the pairs of equal names in two folders; at most `limit` of them.

    Writes OUTDIR/<rung>.wav and OUTDIR/ladder.png for files; for folders OUTDIR/<name>/<rung>.wav for each recording
    and one ladder.png of the first. Of files with several channels the first is taken. A bad pair of two folders does
    not stop the others: the table tells of it. Raises AudioError, ModelError, ImportError.
    """
    check_packages()
    pyplot()
    opened = open_model(model)
    pairs = _pairs(clean, noisy)
    if limit is not None and limit < len(pairs):
        pairs = [pairs[i * len(pairs) // limit] for i in range(limit)]
    many = os.path.isdir(clean)
    folders = {name: Path(outdir) / name if many else Path(outdir) for name, _, _ in pairs}
    picture = str(Path(outdir) / "ladder.png")
    _check_distinct([path for _, *paths in pairs for path in paths], [*_rung_paths(folders.values()), picture])
    table = Table(model_label(model), checksum(opened.to_bytes()), {})
    for name, clean_path, noisy_path in _progress(pairs):
        try:
            reference, degraded = _load_pair(clean_path, noisy_path)
            outputs = climb(reference, degraded, opened)
            _write_rungs(folders[name], outputs)
            scores = {rung: score(reference, output, RATE) for rung, output in outputs.items()}
            if not table.recordings:
                draw_ladder(reference, outputs, scores, name, picture)
        except Exception as error:  # of one recording, the others shall not suffer
            if not many:
                raise
            text = str(error) if isinstance(error, AudioError) else f"{noisy_path}: {error or type(error).__name__}"
            table.failed.append((noisy_path, text))
        else:
            table.recordings[name] = scores
    return table


def _rung_paths(folders: Iterable[Path]) -> list[str]:
    return [str(folder / f"{name}.wav") for folder in folders for name in RUNGS.values()]


def _check_distinct(inputs: list[str], outputs: list[str]) -> None:
    taken = {os.path.realpath(path): path for path in inputs}
    for path in outputs:
        if source := taken.get(os.path.realpath(path)):
            raise AudioError(f"{path}: would replace the input {source}; give another OUTDIR")


def _pairs(clean: str, noisy: str) -> list[tuple[str, str, str]]:
    """(name, clean path, noisy path) of each recording."""
    if os.path.isdir(clean) != os.path.isdir(noisy):
        raise AudioError(f"{clean}, {noisy}: one is a folder and one is not; give two files or two folders")
    if not os.path.isdir(clean):
        return [(Path(noisy).stem, clean, noisy)]
    names = sorted(path.name for path in Path(noisy).iterdir() if path.is_file() and is_sound_file(path))
    if not names:
        raise AudioError(f"{noisy}: no sound files in this folder; give one with WAV or FLAC files")
    missing = [name for name in names if not (Path(clean) / name).is_file()]
    if len(missing) == len(names):
        raise AudioError(
            f"{Path(clean) / missing[0]}: no such file, but {noisy} has it; give folders with the same names"
        )
    files = [(str(Path(clean) / name), str(Path(noisy) / name)) for name in names]
    return [(str(stem), *pair) for stem, pair in zip(stems([Path(name) for name in names]), files, strict=True)]


def _progress(pairs: list[tuple[str, str, str]]) -> Iterable[tuple[str, str, str]]:
    import sys

    from tqdm import tqdm

    return tqdm(pairs, unit="file", leave=False, disable=len(pairs) == 1 or not sys.stderr.isatty())


def _load_pair(clean: str, noisy: str) -> tuple[Signal, Signal]:
    signals = []
    for path in (clean, noisy):
        with open_input(path, strict=True) as reader:
            samples = np.concatenate([block[:, 0] for block in reader.blocks(1 << 16)])
            signals.append((sanitise(samples)[0], reader.format.rate))
    (first, rate_1), (second, rate_2) = signals
    if rate_1 != rate_2 or len(first) != len(second):
        raise AudioError(
            f"{noisy}: {len(second)} samples at {rate_2} Hz, but {clean} has {len(first)} at {rate_1} Hz; "
            "give aligned recordings"
        )
    if rate_1 != RATE:
        first, second = (soxr.resample(signal, rate_1, RATE, "HQ") for signal in (first, second))
    return first, second


def _write_rungs(folder: Path, outputs: dict[str, Signal]) -> None:
    make_folder(folder)
    for path, output in zip(_rung_paths([folder]), outputs.values(), strict=True):
        with open_output(path, Format(RATE, 1, len(output))) as writer:
            writer.write(output[:, None])


def _number(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None


def _cell(value: float, column: str) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:.1f}" if column == "si_sdr" else f"{value:.{3 if column == 'stoi' else 2}f}"
