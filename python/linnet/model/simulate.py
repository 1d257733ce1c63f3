"""The int8 network in numpy, equal to the C++ core bit for bit.

A second, independent statement of sdk/src/nn and of the reference kernels: float32 operations in the core's written
order, integer products exact. Training checks every exported model against it, and the tests check it against every
kernel table. Method: Valin et al. 2020, figure 3; GRU of Cho et al. 2014 in PyTorch's form.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from linnet import _core
from linnet.model.blob import FloatLayer, Int8Layer, read_blob

Float = NDArray[np.float32]
Quantized = NDArray[np.int8]

# The rational tanh of sdk/src/kernels/activations.h.
_TANH_CLAMP = np.float32(6.8)
_TANH_N1 = np.float32(0.123963118)
_TANH_N2 = np.float32(0.00235820608)
_TANH_N3 = np.float32(4.29383044e-06)
_TANH_D1 = np.float32(0.457296818)
_TANH_D2 = np.float32(0.0214587059)
_TANH_D3 = np.float32(0.000150954511)
_ONE, _HALF = np.float32(1), np.float32(0.5)
_ACTIVATION_SCALE = np.float32(127)
_TINY = np.float32(2.0**-40)  # recurrent states below it become 0


def tanh(x: Float) -> Float:
    """The core's tanh of finite float32 values, any shape."""
    x = np.clip(x, -_TANH_CLAMP, _TANH_CLAMP)
    u = x * x
    numerator = x * (((_TANH_N3 * u + _TANH_N2) * u + _TANH_N1) * u + _ONE)
    denominator = ((_TANH_D3 * u + _TANH_D2) * u + _TANH_D1) * u + _ONE
    return np.clip(numerator / denominator, -_ONE, _ONE)


def sigmoid(x: Float) -> Float:
    """The core's sigmoid of finite float32 values, any shape."""
    return _HALF + _HALF * tanh(_HALF * x)


def quantize(x: Float) -> Quantized:
    """Nearest integer of 127 x, ties to even, for |x| <= 1."""
    return np.rint(_ACTIVATION_SCALE * x).astype(np.int8)


def dot(weights: Float, x: Float) -> Float:
    """x @ weights.T for float32 [rows, n] and [T, n], in the core's order of sums: eight partial sums, a fixed tree."""
    rows, n = weights.shape
    partial = np.zeros((len(x), rows, 8), np.float32)
    for start in range(0, n, 8):
        part = slice(start, min(start + 8, n))
        partial[:, :, : part.stop - start] += weights[:, part] * x[:, None, part]
    folded = partial[:, :, :4] + partial[:, :, 4:]
    return (folded[:, :, 0] + folded[:, :, 2]) + (folded[:, :, 1] + folded[:, :, 3])


class _Linear:
    """One int8 layer. The product runs in floats, where matmul is fast, and wide enough that every sum is exact."""

    def __init__(self, layer: FloatLayer | Int8Layer) -> None:
        assert isinstance(layer, Int8Layer)  # by the list of records
        exact_in_float32 = layer.weight.shape[1] * 127 * 127 <= 1 << 24
        self._transposed = np.ascontiguousarray(layer.weight.T, np.float32 if exact_in_float32 else np.float64)
        self._scale, self._bias = layer.scale, layer.bias

    def __call__(self, x: Quantized) -> Float:
        accumulator = x.astype(self._transposed.dtype) @ self._transposed
        return accumulator.astype(np.float32) * self._scale + self._bias


def _convolve(layer: FloatLayer | Int8Layer, x: Quantized) -> Float:
    """A causal convolution [T, n] -> [T, rows]; its columns tell over how many frames, oldest first."""
    frames = layer.weight.shape[1] // x.shape[1]
    padded = np.vstack([np.zeros((frames - 1, x.shape[1]), np.int8), x])
    return _Linear(layer)(np.hstack([padded[k : k + len(x)] for k in range(frames)]))


def _gru(name: str, layers: dict[str, FloatLayer | Int8Layer], x: Quantized) -> Quantized:
    """One GRU over all frames [T, n] from the zero state; the quantised states [T, width], as other layers see them."""
    width = layers[f"{name}.recurrent"].weight.shape[1]
    recurrent = _Linear(layers[f"{name}.recurrent"])
    state, states = np.zeros(width, np.float32), np.zeros((len(x) + 1, width), np.int8)
    for t, from_input in enumerate(_Linear(layers[f"{name}.input"])(x)):
        from_state = recurrent(states[t])
        gates = sigmoid(from_input[: 2 * width] + from_state[: 2 * width])
        reset, update = gates[:width], gates[width:]
        candidate = tanh(from_input[2 * width :] + reset * from_state[2 * width :])
        state = candidate + update * (state - candidate)
        state = np.where(np.abs(state) < _TINY, np.float32(0), state)
        states[t + 1] = quantize(state)
    return states[1:]


def simulate(blob: bytes, features: ArrayLike) -> dict[str, Float]:
    """Runs a model over features float32 [T, 70] of consecutive frames, from the zero state.

    Returns gains [T, 34], strengths [T, 34] and speech_probability [T], float32, 0..1, with the same bits as
    `linnet._core.network`. Raises BlobError for a bad model and ValueError for features of another shape or not finite.
    """
    frames = np.asarray(features, np.float32)
    if frames.ndim != 2 or frames.shape[1] != _core.FEATURES:
        raise ValueError(f"features have shape {frames.shape}, expected (frames, {_core.FEATURES})")
    if not np.isfinite(frames).all():
        raise ValueError("features hold NaN or infinity; the core's own features never do")
    layers = read_blob(blob).layers
    dense = quantize(tanh(dot(layers["dense"].weight, frames) + layers["dense"].bias))
    conv1 = quantize(tanh(_convolve(layers["conv1"], dense)))
    conv2 = quantize(tanh(_convolve(layers["conv2"], conv1)))
    gru1 = _gru("gru1", layers, conv2)
    gru2 = _gru("gru2", layers, gru1)
    gru3 = _gru("gru3", layers, gru2)
    gru4 = _gru("gru4", layers, gru3)
    gru5 = _gru("gru5", layers, np.hstack([gru3, conv2]))
    return {
        "gains": sigmoid(_Linear(layers["gain"])(np.hstack([conv2, gru1, gru2, gru3, gru4]))),
        "strengths": sigmoid(_Linear(layers["strength"])(gru5)),
        "speech_probability": sigmoid(_Linear(layers["speech"])(gru4))[:, 0],
    }
