"""The picture of one enhanced recording: spectrograms before and after, band gains, pitch track, on one time axis.

Gains, pitch and speech probability are those of the network and the pitch search run over the recording again,
without the attenuation limit. Gains include what filters of low bins add; the pitch is there for models too that do
not read it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from linnet import _core
from linnet._core import BANDS, FRAME, RATE
from linnet.catalog import ModelLike, open_model
from linnet.enhancer import sanitise
from linnet.study.figures import (
    ACCENT,
    FAINT,
    GREY,
    Signal,
    draw_spectrogram,
    label_bands,
    pyplot,
    save,
    spectrogram,
    style,
)
from linnet.study.inputs import network_inputs

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
    before, after = (_at_48k(signal, report.rate) for signal in (report.before, report.after))
    model = open_model(report.model)
    lookahead = model.delay // FRAME - 1
    silence = np.zeros(lookahead * FRAME, np.float32)
    blob = model.to_bytes()
    whole = np.concatenate([before, silence])
    analysis, inputs = network_inputs(blob, whole, lookahead)
    network = _core.network(blob, inputs)
    gains = _heard_gains(whole, analysis["yy"], network, lookahead) if "taps" in network else network["gains"]
    seconds = len(before) / RATE

    with plt.rc_context(style()):
        figure = plt.figure(figsize=(11, 11.2), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.06, h_pad=0.05, hspace=0.03)
        grid = figure.add_gridspec(6, 2, height_ratios=[0.001, 0.001, 3, 3, 2.1, 2.1], width_ratios=[1, 0.016])
        for row, text, look in (
            (0, report.title, {"fontsize": 15}),
            (1, report.facts, {"fontsize": 9.5, "fontweight": "normal", "color": GREY}),
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
        image = _draw_gains(axes[2], gains[lookahead:])
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


def _at_48k(signal: Signal, rate: int) -> NDArray[np.float32]:
    """As a stream takes it; one frame at least, for there is no picture of less."""
    clean = sanitise(signal)[0]
    if rate != RATE:
        import soxr

        clean = soxr.resample(clean, rate, RATE, "HQ")
    return np.pad(clean, (0, max(0, FRAME - len(clean))))


def _heard_gains(
    signal: NDArray[np.float32], power: NDArray[np.float32], network: dict[str, Any], lookahead: int
) -> NDArray[np.float32]:
    """Gains [T, 34] that those of the bands and filters of low bins make together, of a signal with powers [T, 34]."""
    late = FRAME * (lookahead + 1)
    options = {"lookahead": lookahead, "taps": network["taps"]}
    out = _core.synthesize(signal, network["gains"], network["strengths"], **options)[late:]
    left = _core.analyze(np.concatenate([out, np.zeros(late, np.float32)]), lookahead=lookahead)["yy"]
    return np.sqrt(np.minimum(left / np.maximum(power, 1e-9), 1))


def _draw_gains(axis: Axes, gains: NDArray[np.float32]) -> Any:
    """Gains [T, 34] with one row of equal height per band, labelled by the frequency of its peak."""
    seconds = len(gains) * FRAME / RATE
    image = axis.imshow(
        gains.T,
        origin="lower",
        aspect="auto",
        extent=(-0.005, seconds - 0.005, -0.5, BANDS - 0.5),
        cmap="viridis",
        interpolation="nearest",
        vmin=0,
        vmax=1,
    )
    label_bands(axis, BANDS - 1)
    axis.set_ylim(-0.5, BANDS - 0.5)
    axis.set_title(f"Gains of the {BANDS} bands")
    return image


def _draw_pitch(
    axis: Axes,
    period: NDArray[np.int32],
    correlation: NDArray[np.float32],
    speech: Sequence[float] | NDArray[np.float32],
) -> None:
    """Pitch in Hz, the darker the more periodic the signal; speech probability as a shade behind it."""
    time = np.arange(len(period)) * FRAME / RATE
    shade = axis.twinx()
    shade.fill_between(time, speech, color=FAINT, alpha=0.55, linewidth=0, step="mid")
    shade.set_ylim(0, 1)
    shade.set_yticks([0, 0.5, 1])
    shade.set_ylabel("speech probability", color=GREY)
    shade.spines["top"].set_visible(False)
    axis.set_zorder(shade.get_zorder() + 1)
    axis.patch.set_visible(False)
    axis.spines["top"].set_visible(False)
    sure = 0.12 + 0.88 * np.clip(correlation, 0.0, 1.0)
    axis.scatter(time, RATE / period, s=9, c=[(*_rgb(ACCENT), float(alpha)) for alpha in sure], linewidths=0)
    axis.set_yscale("log")
    axis.set_ylim(60, 820)
    axis.set_yticks([62.5, 125, 250, 500, 800], ["62.5", "125", "250", "500", "800"])
    axis.minorticks_off()
    axis.grid(axis="y", color=FAINT, linewidth=0.5)
    axis.set_ylabel("pitch (Hz)")
    axis.set_title("Pitch track and speech probability")


def _rgb(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue
