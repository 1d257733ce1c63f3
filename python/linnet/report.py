"""The picture of one enhanced recording: spectrograms before and after, band gains, pitch track, on one time axis.

Gains, pitch and speech probability are those of the network and the pitch search run over the recording again,
without the attenuation limit. Also the drawing parts that the oracle ladder shares. Colours are perceptually even and
readable in grey.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import soxr
from numpy.typing import NDArray

from linnet import _core
from linnet.catalog import ModelLike, open_model
from linnet.outputs import AudioError, replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Signal = NDArray[np.floating[Any]]

RATE = 48000
HOP = 480
RANGE_DB = 75.0  # of the colour scale
_WINDOW = 1920  # 40 ms: twice the engine's window, so that the harmonics of a voice stand apart
_ROWS = 660  # of a spectrogram, 20 per band
_INK, _GREY, _FAINT, _ACCENT = "#1f2430", "#6b7280", "#d5d9e0", "#0f766e"
_STYLE = {
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _GREY,
    "axes.linewidth": 0.6,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 6,
    "xtick.color": _GREY,
    "ytick.color": _GREY,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "svg.hashsalt": "linnet",
    "text.parse_math": False,  # titles are names of files
}


@dataclass(frozen=True)
class Report:
    """What to draw: mono signals [n] before and after, aligned, at rate Hz; a title, and a line of facts under it."""

    before: Signal
    after: Signal
    rate: int
    model: ModelLike
    title: str
    facts: str


def draw_report(report: Report, path: str) -> None:
    """Writes the picture as PNG (or the format of another ending). Raises AudioError if the file cannot be written."""
    plt = pyplot()
    before, after = _at_48k(report.before, report.rate), _at_48k(report.after, report.rate)
    model = open_model(report.model)
    lookahead = model.delay // HOP - 1
    silence = np.zeros(lookahead * HOP, np.float32)
    analysis = _core.analyze(np.concatenate([before, silence]), lookahead=lookahead)
    network = _core.network(model.to_bytes(), analysis["features"])
    seconds = len(before) / RATE

    with plt.rc_context(_STYLE):
        figure = plt.figure(figsize=(11, 11.2), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.06, h_pad=0.05, hspace=0.03)
        grid = figure.add_gridspec(6, 2, height_ratios=[0.001, 0.001, 3, 3, 2.1, 2.1], width_ratios=[1, 0.016])
        for row, text, look in (
            (0, report.title, {"fontsize": 15}),
            (1, report.facts, {"fontsize": 9.5, "fontweight": "normal", "color": _GREY}),
        ):
            line = figure.add_subplot(grid[row, 0])
            line.axis("off")
            line.set_title(text, pad=0, **look)
        axes = [figure.add_subplot(grid[row, 0]) for row in range(2, 6)]
        scales = [figure.add_subplot(grid[2:4, 1]), figure.add_subplot(grid[4, 1])]

        loudest = max(spectrogram(before).max(), -60.0)
        for axis, signal, name in zip(axes, (before, after), ("Before", "After"), strict=False):
            image = draw_spectrogram(axis, signal, loudest)
            axis.set_title(name)
        figure.colorbar(image, cax=scales[0]).set_label("level (dB re full scale)")
        image = _draw_gains(axes[2], network["gains"][lookahead:])
        figure.colorbar(image, cax=scales[1]).set_label("gain")
        frames = slice(lookahead, None)
        _draw_pitch(
            axes[3], analysis["period"][frames], analysis["correlation"][frames], network["speech_probability"][frames]
        )
        for scale in figure.axes[-2:]:
            scale.tick_params(length=2)
        for axis in axes:
            axis.set_xlim(0, seconds)
        for axis in axes[:-1]:
            axis.tick_params(labelbottom=False)
        axes[-1].set_xlabel("time (s)")
        save(figure, path)
        plt.close(figure)


def spectrogram(signal: Signal) -> NDArray[np.float32]:
    """Levels in dB, [frequency, time], of a mono signal at 48 kHz: bins of 25 Hz, columns centred on every 10 ms."""
    window = np.hanning(_WINDOW + 1)[:-1]
    padded = np.pad(signal.astype(np.float32), (_WINDOW // 2, _WINDOW // 2 + HOP))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::HOP]
    columns = []
    for part in np.array_split(frames, max(1, len(frames) // 500)):
        columns.append(np.abs(np.fft.rfft(part * window, axis=1)).astype(np.float32))
    magnitude = np.concatenate(columns) * np.float32(2.0 / window.sum())
    return (20 * np.log10(magnitude + np.float32(1e-7))).T


def draw_spectrogram(axis: Axes, signal: Signal, loudest: float, top_band: int = 33) -> Any:
    """Image of a signal at 48 kHz, colours from `loudest` dB down over 75 dB, each band as high as every other."""
    levels = spectrogram(signal)
    rows = np.interp(np.linspace(0, top_band, _ROWS), np.arange(34), _core.band_centre()) * (50 * _WINDOW / RATE)
    low = np.floor(rows).astype(int)
    part = (rows - low)[:, None].astype(np.float32)
    warped = (1 - part) * levels[low] + part * levels[low + 1]
    extent = (-0.005, (levels.shape[1] - 0.5) * HOP / RATE, 0, top_band)
    image = axis.imshow(
        warped,
        origin="lower",
        aspect="auto",
        extent=extent,
        cmap="magma",
        interpolation="bilinear",
        vmin=loudest - RANGE_DB,
        vmax=loudest,
    )
    _label_bands(axis, top_band)
    return image


def pyplot() -> Any:
    """matplotlib.pyplot without a display. Raises ImportError in one line if matplotlib is missing."""
    try:
        import matplotlib
    except ImportError as error:
        raise ImportError("matplotlib is not installed, pictures need it: pip install 'linnet[plot]'") from error
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt


def style() -> dict[str, Any]:
    """Settings of all our pictures, for matplotlib.rc_context."""
    return dict(_STYLE)


def picture_type(path: str) -> str:
    """The format that a picture's name asks for by its ending (PNG if none), such as "svg".

    Raises AudioError if there is no such format, ImportError in one line if matplotlib is missing.
    """
    ending = os.path.splitext(path)[1][1:].lower() or "png"
    if ending not in pyplot().Figure().canvas.get_supported_filetypes():
        raise AudioError(f"{path}: cannot draw a picture of type '{ending}'; end the name in .png, .svg or .pdf")
    return ending


def save(figure: Figure, path: str) -> None:
    """Writes a figure in the format of the name's ending (PNG if none), whole or not at all."""
    ending = picture_type(path)
    with replacing(path) as temporary:
        metadata = {"Software": None} if ending == "png" else None  # the same picture gives the same bytes
        figure.savefig(temporary, format=ending, dpi=150, facecolor="white", metadata=metadata)


def _at_48k(signal: Signal, rate: int) -> NDArray[np.float32]:
    signal = np.nan_to_num(signal.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    return signal if rate == RATE else soxr.resample(signal, rate, RATE, "HQ")


def _draw_gains(axis: Axes, gains: NDArray[np.float32]) -> Any:
    """Gains [T, 34] with one row of equal height per band, labelled by the frequency of its peak."""
    seconds = len(gains) * HOP / RATE
    image = axis.imshow(
        gains.T,
        origin="lower",
        aspect="auto",
        extent=(-0.005, seconds - 0.005, -0.5, 33.5),
        cmap="viridis",
        interpolation="nearest",
        vmin=0,
        vmax=1,
    )
    _label_bands(axis, 33)
    axis.set_ylim(-0.5, 33.5)
    axis.set_title("Gains of the 34 bands")
    return image


def _label_bands(axis: Axes, top_band: int) -> None:
    """Frequencies on an axis that counts bands, which are spaced as the ear's are."""
    khz = _core.band_centre()[: top_band + 1] * 0.05
    wanted = [value for value in (0.2, 0.5, 1, 2, 4, 8, 16) if value <= khz[-1]]
    axis.set_yticks(np.interp(wanted, khz, np.arange(len(khz))), [f"{value:g}" for value in wanted])
    axis.set_ylabel("frequency (kHz)")


def _draw_pitch(
    axis: Axes,
    period: NDArray[np.int32],
    correlation: NDArray[np.float32],
    speech: Sequence[float] | NDArray[np.float32],
) -> None:
    """Pitch in Hz, the darker the more periodic the signal; speech probability as a shade behind it."""
    time = np.arange(len(period)) * HOP / RATE
    shade = axis.twinx()
    shade.fill_between(time, speech, color=_FAINT, alpha=0.55, linewidth=0, step="mid")
    shade.set_ylim(0, 1)
    shade.set_yticks([0, 0.5, 1])
    shade.set_ylabel("speech probability", color=_GREY)
    shade.spines["top"].set_visible(False)
    axis.set_zorder(shade.get_zorder() + 1)
    axis.patch.set_visible(False)
    axis.spines["top"].set_visible(False)
    sure = 0.12 + 0.88 * np.clip(correlation, 0.0, 1.0)
    axis.scatter(time, RATE / period, s=9, c=[(*_rgb(_ACCENT), float(alpha)) for alpha in sure], linewidths=0)
    axis.set_yscale("log")
    axis.set_ylim(60, 820)
    axis.set_yticks([62.5, 125, 250, 500, 800], ["62.5", "125", "250", "500", "800"])
    axis.minorticks_off()
    axis.grid(axis="y", color=_FAINT, linewidth=0.5)
    axis.set_ylabel("pitch (Hz)")
    axis.set_title("Pitch track and speech probability")


def _rgb(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue
