"""What a network reads of a signal: the core's measurements, and of them the columns of a model."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from linnet import _core
from linnet.model.blob import read_blob


def network_inputs(
    blob: bytes, signal: NDArray[np.float32], lookahead: int
) -> tuple[dict[str, NDArray[Any]], NDArray[np.float32]]:
    """Statistics of a signal [n] at 48 kHz, as of `_core.analyze`, and the inputs [T, 70] or [T, 364] of a model.

    The pitch is among the statistics even if the model reads none. Raises BlobError for a bad model.
    """
    fine = read_blob(blob).widths.inputs > _core.FEATURES
    statistics = _core.analyze(signal, lookahead=lookahead, fine=fine)
    features = statistics["features"]
    return statistics, np.concatenate([features, statistics["fine"]], axis=1) if fine else features
