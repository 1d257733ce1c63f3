"""What the tests of the packages send through them."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

SAMPLES = 96000


def noise() -> NDArray[np.float32]:
    """Noise in bursts by integer arithmetic, as the programs in other languages make it."""
    value, state = 1, np.empty(SAMPLES, np.uint32)
    for i in range(SAMPLES):
        value = (value * 1664525 + 1013904223) % (1 << 32)
        state[i] = value
    loud = np.arange(SAMPLES) // 16000 % 2 == 0
    return np.where(loud, (state.view(np.int32) >> 16) / 131072, 0).astype(np.float32)


def several(channels: int) -> NDArray[np.float32]:
    """Samples [n, channels]: the noise, from another sample on in each channel."""
    one = noise()
    return np.stack([np.roll(one, -1000 * channel) for channel in range(channels)], axis=1)


def sha256(samples: NDArray[np.float32] | NDArray[np.int16]) -> str:
    return hashlib.sha256(samples.astype(samples.dtype.newbyteorder("<")).tobytes()).hexdigest()
