"""What all our pictures share: their look, spectrograms on the scale of the bands, and how they are saved.

Colours are perceptually even and readable in grey.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from linnet._core import BANDS, FRAME, RATE, WINDOW, band_centre
from linnet.io.errors import AudioError
from linnet.io.outputs import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Signal = NDArray[np.floating[Any]]

RANGE_DB = 75.0  # of the colour scale
_SPAN = 2 * WINDOW  # of a spectrum, 40 ms, so that the harmonics of a voice stand apart
_ROWS = 660  # of a spectrogram, 20 per band
INK, GREY, FAINT, ACCENT = "#1f2430", "#6b7280", "#d5d9e0", "#0f766e"
_STYLE = {
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.6,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 6,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "svg.hashsalt": "linnet",
    "text.parse_math": False,  # titles are names of files
}


def pyplot() -> Any:
    """matplotlib.pyplot without a display. Raises ImportError in one line if matplotlib is missing."""
    try:
        import matplotlib
    except ImportError as error:
        raise ImportError("matplotlib is not installed, pictures need it: pip install matplotlib") from error
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


def spectrogram(signal: Signal) -> NDArray[np.float32]:
    """Levels in dB, [frequency, time], of a mono signal at 48 kHz: bins of 25 Hz, columns centred on every 10 ms."""
    window = np.hanning(_SPAN + 1)[:-1]
    padded = np.pad(signal.astype(np.float32), (_SPAN // 2, _SPAN // 2 + FRAME))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _SPAN)[::FRAME]
    columns = []
    for part in np.array_split(frames, max(1, len(frames) // 500)):
        columns.append(np.abs(np.fft.rfft(part * window, axis=1)).astype(np.float32))
    magnitude = np.concatenate(columns) * np.float32(2.0 / window.sum())
    return (20 * np.log10(magnitude + np.float32(1e-7))).T


def draw_spectrogram(axis: Axes, signal: Signal, loudest: float, top_band: int = BANDS - 1) -> Any:
    """Image of a signal at 48 kHz, colours from `loudest` dB down over 75 dB, each band as high as every other."""
    levels = spectrogram(signal)
    rows = np.interp(np.linspace(0, top_band, _ROWS), np.arange(BANDS), band_centre()) * (_SPAN / WINDOW)
    low = np.floor(rows).astype(int)
    part = (rows - low)[:, None].astype(np.float32)
    warped = (1 - part) * levels[low] + part * levels[low + 1]
    extent = (-0.005, (levels.shape[1] - 0.5) * FRAME / RATE, 0, top_band)
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
    label_bands(axis, top_band)
    return image


def label_bands(axis: Axes, top_band: int) -> None:
    """Frequencies on an axis that counts bands, which are spaced as the ear's are."""
    khz = band_centre()[: top_band + 1] * (RATE / WINDOW / 1000)
    shown = [value for value in (0.2, 0.5, 1, 2, 4, 8, 16) if value <= khz[-1]]
    axis.set_yticks(np.interp(shown, khz, np.arange(len(khz))), [f"{value:g}" for value in shown])
    axis.set_ylabel("frequency (kHz)")
