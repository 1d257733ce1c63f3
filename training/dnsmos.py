"""DNSMOS P.835, an estimate of what listeners would say: SIG (speech), BAK (background), OVRL, each about 1..5.

Reddy et al. 2022, "DNSMOS P.835: a non-intrusive perceptual objective speech quality metric". The network is the file
that its authors publish in the package speechmos, of which nothing else is used: it wants librosa. It sees
9.01 s at 16 kHz; scores are means over windows that start every second, and shorter recordings are repeated, as the
authors do.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

import training  # noqa: F401  (finds linnet)
from linnet.study import metrics

NAMES = ("dnsmos_sig", "dnsmos_bak", "dnsmos_ovrl")
WINDOW = 144160  # samples at 16 kHz, 9.01 s
# The authors' calibration of the raw outputs: value, slope and curvature at 0.
CALIBRATION = np.array(
    [
        [0.0052439, 1.22083953, -0.08397278],
        [-0.39604546, 1.60915514, -0.13166888],
        [0.04602535, 1.11546468, -0.06766283],
    ]
)


def network() -> Path:
    """The network in the package speechmos, not the personalised one. ImportError without the package."""
    found = find_spec("speechmos")
    if not (found and found.submodule_search_locations):
        raise ImportError(
            "speechmos is not installed, DNSMOS needs it: pip install speechmos onnxruntime, or --no-dnsmos"
        )
    return Path(found.submodule_search_locations[0]) / "dnsmos_models" / "sig_bak_ovr.onnx"


class Dnsmos:
    """The loaded network."""

    def __init__(self, path: Path):
        """ImportError if onnxruntime is missing, ValueError if the file is not the network."""
        try:
            import onnxruntime
        except ImportError as error:
            message = "onnxruntime is not installed, DNSMOS needs it: pip install onnxruntime, or --no-dnsmos"
            raise ImportError(message) from error
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such file; give --dnsmos the path of sig_bak_ovr.onnx")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # there is a process per core already
        try:
            self._session: Any = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the package has an exception for each cause, in no common class
            reason = str(error).splitlines()[0]
            raise ValueError(f"{path}: not a network for --dnsmos ({reason}); give sig_bak_ovr.onnx") from error
        self._input = self._session.get_inputs()[0].name

    def score(self, signal: np.ndarray, rate: int) -> dict[str, float]:
        """The three scores by NAMES of a mono signal [n] at any rate, full scale 1; NaN if it is empty."""
        x = metrics.at_16k(signal, rate)
        if not len(x):
            return dict.fromkeys(NAMES, float("nan"))
        while len(x) < WINDOW:
            x = np.concatenate([x, x])
        starts = range(0, max(1, len(x) // metrics.RATE - 9) * metrics.RATE, metrics.RATE)
        windows = [x[None, start : start + WINDOW].astype(np.float32) for start in starts]
        raw = np.array([np.ravel(self._session.run(None, {self._input: window})[0]) for window in windows])
        if raw.shape[1] != len(NAMES):
            raise ValueError(f"the network gives {raw.shape[1]} numbers, DNSMOS three: give sig_bak_ovr.onnx")
        values = CALIBRATION[:, 0] + CALIBRATION[:, 1] * raw + CALIBRATION[:, 2] * raw**2
        return dict(zip(NAMES, values.mean(axis=0).tolist(), strict=True))
