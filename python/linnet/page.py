"""One HTML page about the recordings of a folder: heard, seen and measured before and after, with nothing to load.

Of each recording the first channel of the first half minute is shown: spectrograms, sound as Opus, level, noise
reduction, speech to noise ratio and the share of the time with speech. The page is written row by row.
"""

from __future__ import annotations

import base64
import html
import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from linnet.catalog import Model
from linnet.enhancer import HIGHEST_RATE, LOWEST_RATE, RATE, Enhancer, sanitise
from linnet.io.activity import Activity
from linnet.io.errors import AudioError, empty
from linnet.io.file import open_input
from linnet.io.level import PREVIEW_SECONDS, frame_powers, level_db, noise_reduction, pauses
from linnet.io.outputs import printable, replacing
from linnet.study.figures import draw_spectrogram, pyplot, spectrogram, style

_HEAD = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>
body{{font:14px sans-serif;color:#1f2430;margin:24px}}table{{border-collapse:collapse}}
td,th{{padding:6px 12px;border-bottom:1px solid #d5d9e0;text-align:right;vertical-align:middle}}
th{{cursor:pointer}}td:first-child,th:first-child{{text-align:left}}audio{{display:block;width:260px;margin:4px 0}}
img{{width:560px}}p{{color:#6b7280}}</style><h1>{title}</h1><p>{about}</p><table><thead><tr>{columns}</tr></thead><tbody>
"""
# A click on a heading sorts by it, a second one the other way round.
_SORT = """</tbody></table>{notes}<script>
document.querySelectorAll("th").forEach((head, column) => head.onclick = () => {
  const body = document.querySelector("tbody"), sign = head.sign = -(head.sign || -1);
  const key = row => row.cells[column].dataset.key ?? row.cells[column].textContent;
  [...body.rows].sort((a, b) => sign * (isNaN(key(a)) || isNaN(key(b)) ?
    key(a).localeCompare(key(b)) : key(a) - key(b))).forEach(row => body.append(row));
});</script></html>
"""
_COLUMNS = ("recording", "level (dB)", "noise reduction (dB)", "SNR (dB)", "speech (%)", "sound", "before and after")


@dataclass(frozen=True)
class Excerpt:
    """The shown part of a recording, [n] at 48 kHz before and after, and its numbers; None where there is no such."""

    before: NDArray[np.float32]
    after: NDArray[np.float32]
    level_db: float
    noise_reduction_db: float | None
    snr_db: float | None
    speech_percent: float | None


def write_page(
    files: Sequence[tuple[str, str]],
    path: str,
    model: Model,
    title: str,
    notes: Sequence[str] = (),
    done: Callable[[], object] = lambda: None,
) -> list[tuple[str, str]]:
    """Writes the page of files = (path, name on the page), and returns (path, error) of those that cannot be read.

    notes: lines for the end of the page. Raises AudioError if no file can be read or the page cannot be written, and
    ImportError without matplotlib.
    """
    pyplot()
    failed: list[tuple[str, str]] = []
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8") as page:
        columns = "".join(f"<th>{name}</th>" for name in _COLUMNS)
        about = f"First channel of the first {PREVIEW_SECONDS:g} s, enhanced by model {model.name}."
        page.write(_HEAD.format(title=_escaped(title), about=_escaped(about), columns=columns))
        for source, name in files:
            try:
                page.write(_row(name, examine(source, model)))
            except AudioError as error:
                failed.append((source, str(error)))
            done()
        if len(failed) == len(files):
            raise AudioError(failed[0][1] if failed else f"{path}: no recordings; give a folder with some")
        lines = "".join(f"<p>{_escaped(line)}</p>" for line in [*(text for _, text in failed), *notes])
        page.write(_SORT.replace("{notes}", lines))
    return failed


def examine(source: str, model: Model) -> Excerpt:
    """Enhances the beginning of a recording and measures it. Raises AudioError."""
    before = _beginning(source)
    missing = -len(before) % 480
    with Enhancer(model, any_block=False) as stream:
        delay, size = stream.delay, stream.frame_size
        padded = np.concatenate([before, np.zeros(missing + delay, np.float32)])
        pieces, activity = [], Activity()
        for start in range(0, len(padded), size):
            pieces.append(stream.process(padded[start : start + size]))
            if start >= delay:
                activity.add(stream.stats)
    after = np.concatenate(pieces)[delay : delay + len(before)]
    powers = frame_powers(before, RATE), frame_powers(after, RATE)
    return Excerpt(
        before,
        after,
        level_db(float(np.mean(before.astype(np.float64) ** 2))),
        noise_reduction(*powers, pauses(powers[1])),
        activity.snr_db,
        activity.speech_percent,
    )


def _beginning(source: str) -> NDArray[np.float32]:
    with open_input(source) as reader:
        rate = reader.format.rate
        if not LOWEST_RATE <= rate <= HIGHEST_RATE:
            raise AudioError(f"{source}: sample rate {rate} Hz; give {LOWEST_RATE}..{HIGHEST_RATE} Hz")
        samples = sanitise(reader.read(int(PREVIEW_SECONDS * rate))[:, 0])[0]
    if not len(samples):
        raise empty(source)
    resampled = samples if rate == RATE else soxr.resample(samples, rate, RATE, "HQ")
    if not len(resampled):
        raise empty(source)
    return np.ascontiguousarray(resampled, np.float32)


def _row(name: str, excerpt: Excerpt) -> str:
    numbers = (excerpt.level_db, excerpt.noise_reduction_db, excerpt.snr_db, excerpt.speech_percent)
    cells = [f"<td>{_escaped(name)}</td>"]
    cells += [
        '<td data-key="-999"></td>' if value is None else f'<td data-key="{value:.3f}">{value:.1f}</td>'
        for value in numbers
    ]
    sounds = "".join(
        f'<audio controls preload="none" title="{when}" src="data:audio/ogg;base64,{_encoded(_opus(signal))}"></audio>'
        for when, signal in (("before", excerpt.before), ("after", excerpt.after))
    )
    picture = f'<img alt="spectrograms" src="data:image/png;base64,{_encoded(_picture(excerpt))}">'
    return f"<tr>{''.join(cells)}<td>{sounds}</td><td>{picture}</td></tr>\n"


def _opus(signal: NDArray[np.float32]) -> bytes:
    stream = io.BytesIO()
    with soundfile.SoundFile(stream, "w", RATE, 1, "OPUS", format="OGG") as file:
        for start in range(0, len(signal), RATE):  # long blocks overflow the stack of some versions of the encoder
            file.write(np.clip(signal[start : start + RATE], -1, 1))
    return stream.getvalue()


def _picture(excerpt: Excerpt) -> bytes:
    plt = pyplot()
    stream = io.BytesIO()
    with plt.rc_context(style()):
        figure, axes = plt.subplots(1, 2, figsize=(9, 2.4), sharey=True, layout="constrained")
        loudest = max(float(spectrogram(excerpt.before).max()), -60.0)
        signals: tuple[tuple[Any, NDArray[np.float32], str], ...] = (
            (axes[0], excerpt.before, "Before"),
            (axes[1], excerpt.after, "After"),
        )
        for axis, signal, name in signals:
            draw_spectrogram(axis, signal, loudest)
            axis.set_title(name)
            axis.set_xlim(0, len(signal) / RATE)
        axes[1].set_ylabel("")
        figure.savefig(stream, format="png", dpi=110, facecolor="white", metadata={"Software": None})
        plt.close(figure)
    return stream.getvalue()


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _escaped(text: str | os.PathLike[str]) -> str:
    return html.escape(printable(Path(text)) if isinstance(text, os.PathLike) else printable(text))
