"""The spectrograms of the oracle ladder side by side, 4 s up to 8 kHz, with their scores."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from linnet._core import BANDS, BINS, FRAME, RATE
from linnet.io.outputs import printable
from linnet.study.figures import GREY, draw_spectrogram, pyplot, save, spectrogram, style
from linnet.study.metrics import Scores

_TOP_BAND = 25  # 7.85 kHz
_Panel = tuple[str, NDArray[np.float32], Scores | None]  # title, signal, scores


def draw_ladder(
    clean: NDArray[np.float32], outputs: dict[str, NDArray[np.float32]], scores: dict[str, Scores], name: str, path: str
) -> None:
    """Writes the figure: the clean signal and every rung [n] at 48 kHz, over the 4 s with the most speech."""
    plt = pyplot()
    shown = _liveliest(clean)
    panels: list[_Panel] = [("clean", clean[shown], None)]
    panels += [(rung, output[shown], scores[rung]) for rung, output in outputs.items()]
    loudest = max(float(spectrogram(clean[shown]).max()), -60.0)
    with plt.rc_context(style()):
        figure, axes = plt.subplots(2, 4, figsize=(16, 8), sharex=True, layout="constrained")
        figure.suptitle(f"The oracle ladder: {printable(name)}", x=0.006, ha="left", fontsize=15, fontweight="bold")
        # Top row: what goes in and what the network makes of it; bottom row: the four oracles, rung by rung.
        order: list[_Panel | None] = [panels[1], panels[-1], panels[0], None, *panels[2:-1]]
        for axis, panel in zip(axes.flat, order, strict=True):
            if panel is None:
                _note(axis)
                continue
            title, signal, values = panel
            image = draw_spectrogram(axis, signal, loudest, _TOP_BAND)
            axis.set_title(title.removesuffix(" (oracle)"), pad=17)
            axis.text(0, 1.022, _scores(values), fontsize=8.5, color=GREY, transform=axis.transAxes)
            axis.set_xlim(0, len(signal) / RATE - FRAME / RATE)
        for axis in axes[1]:
            axis.set_xlabel("time (s)")
        for axis in (axes[0, 0], axes[0, 1], axes[0, 2]):
            axis.tick_params(labelbottom=False)
        for axis in axes[:, 1:].flat:
            axis.set_ylabel("")
        figure.colorbar(image, ax=axes, fraction=0.012, pad=0.008, aspect=50).set_label("level (dB re full scale)")
        save(figure, path)
        plt.close(figure)


def _note(axis: object) -> None:
    axis.axis("off")  # type: ignore[attr-defined]
    text = (
        "Below: what the method could reach\n"
        "if it knew the clean signal.\n\n"
        f"{BINS} gains still carry the noisy phase.\n"
        f"{BANDS} gains cannot tell a harmonic from the\n"
        "gap beside it; the comb filter can."
    )
    axis.text(0.02, 0.98, text, va="top", fontsize=10, color=GREY, transform=axis.transAxes)  # type: ignore[attr-defined]


def _liveliest(signal: NDArray[np.float32]) -> slice:
    """The stretch of 4 s with the highest energy, in steps of 0.25 s."""
    length, step = 4 * RATE, RATE // 4
    starts = range(0, max(1, len(signal) - length + 1), step)
    best = max(starts, key=lambda start: float((signal[start : start + length].astype(np.float64) ** 2).sum()))
    return slice(best, best + length)


def _scores(values: Scores | None) -> str:
    if values is None:
        return ""
    cells = [("PESQ", values.pesq_wb, 2), ("STOI", values.stoi, 3), ("SI-SDR", values.si_sdr, 1)]
    return "   ".join(f"{name} {value:.{digits}f}" for name, value, digits in cells if math.isfinite(value))
