"""The int8 network in numpy, equal to the C++ core bit for bit.

A second, independent statement of sdk/src/nn and of the reference kernels: float32 operations in the core's written
order, integer products exact. Training checks every exported model against it, and the tests check it against every
kernel table. Methods: Valin et al. 2020, figure 3, with the GRU of Cho et al. 2014 in PyTorch's form; the network with
shared layers of sdk/src/nn/bandsplit.h.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from linnet import _core
from linnet.model.blob import FloatLayer, Int8Layer, read_blob
from linnet.model.shapes import SHARE, BandSplit, input_factors, token_inputs

Float = NDArray[np.float32]
Quantized = NDArray[np.int8]
Layers = dict[str, FloatLayer | Int8Layer]

# The rational tanh of sdk/src/kernels/activations.h.
_TANH_CLAMP = np.float32(6.8)
_TANH_N1 = np.float32(0.123963118)
_TANH_N2 = np.float32(0.00235820608)
_TANH_N3 = np.float32(4.29383044e-06)
_TANH_D1 = np.float32(0.457296818)
_TANH_D2 = np.float32(0.0214587059)
_TANH_D3 = np.float32(0.000150954511)
_ONE, _HALF, _QUARTER = np.float32(1), np.float32(0.5), np.float32(0.25)
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
    """One int8 layer, [..., n] -> [..., rows]; where it has biases for several vectors, [..., vectors, n].

    The product runs in floats, where matmul is fast, and wide enough that every sum is exact.
    """

    def __init__(self, layer: FloatLayer | Int8Layer) -> None:
        assert isinstance(layer, Int8Layer)  # by the list of records
        exact_in_float32 = layer.weight.shape[1] * 127 * 127 <= 1 << 24
        self._transposed = np.ascontiguousarray(layer.weight.T, np.float32 if exact_in_float32 else np.float64)
        rows = layer.scale.size
        self._scale = layer.scale
        self._bias = layer.bias if layer.bias.size == rows else layer.bias.reshape(-1, rows)

    def __call__(self, x: Quantized) -> Float:
        accumulator = x.astype(self._transposed.dtype) @ self._transposed
        return accumulator.astype(np.float32) * self._scale + self._bias


def _convolve(layer: FloatLayer | Int8Layer, x: Quantized) -> Float:
    """A causal convolution [T, n] -> [T, rows]; its columns tell over how many frames, oldest first."""
    frames = layer.weight.shape[1] // x.shape[1]
    padded = np.vstack([np.zeros((frames - 1, x.shape[1]), x.dtype), x])
    return _Linear(layer)(np.hstack([padded[k : k + len(x)] for k in range(frames)]))


def _gru(name: str, layers: Layers, x: Quantized) -> Quantized:
    """A GRU over all frames [T, ..., n] from the zero state, one for each vector of a frame, with the same weights.

    Returns the quantised states [T, ..., width], as other layers see them.
    """
    width = layers[f"{name}.recurrent"].weight.shape[1]
    recurrent = _Linear(layers[f"{name}.recurrent"])
    state = np.zeros((*x.shape[1:-1], width), np.float32)
    states = np.zeros((len(x) + 1, *state.shape), x.dtype)
    for t, from_input in enumerate(_Linear(layers[f"{name}.input"])(x)):
        from_state = recurrent(states[t])
        gates = sigmoid(from_input[..., : 2 * width] + from_state[..., : 2 * width])
        reset, update = gates[..., :width], gates[..., width:]
        candidate = tanh(from_input[..., 2 * width :] + reset * from_state[..., 2 * width :])
        state = candidate + update * (state - candidate)
        state = np.where(np.abs(state) < _TINY, np.float32(0), state)
        states[t + 1] = quantize(state)
    return states[1:]


def _percepnet(layers: Layers, features: Float) -> tuple[Float, Float, Float, Quantized]:
    """Features [T, 70] -> gains and strengths [T, 34] and speech [T, 1] before the sigmoid; conv2 beside gru4."""
    dense = quantize(tanh(dot(layers["dense"].weight, features) + layers["dense"].bias))
    conv1 = quantize(tanh(_convolve(layers["conv1"], dense)))
    conv2 = quantize(tanh(_convolve(layers["conv2"], conv1)))
    gru1 = _gru("gru1", layers, conv2)
    gru2 = _gru("gru2", layers, gru1)
    gru3 = _gru("gru3", layers, gru2)
    gru4 = _gru("gru4", layers, gru3)
    gru5 = _gru("gru5", layers, np.hstack([gru3, conv2]))
    gains = _Linear(layers["gain"])(np.hstack([conv2, gru1, gru2, gru3, gru4]))
    return gains, _Linear(layers["strength"])(gru5), _Linear(layers["speech"])(gru4), np.hstack([conv2, gru4])


def _block(name: str, layers: Layers, x: Quantized) -> tuple[Quantized, Quantized]:
    """Tokens [T, 17, channels] -> the next ones, and the context [T, width]."""
    own = _gru(f"{name}.gru", layers, x)
    few = quantize(tanh(_Linear(layers[f"{name}.squeeze"])(own)))
    context = _gru(f"{name}.context", layers, few.reshape(len(x), _core.TOKENS * few.shape[2]))
    told = quantize(tanh(_Linear(layers[f"{name}.spread"])(context))).reshape(few.shape)
    return quantize(tanh(_Linear(layers[f"{name}.mix"])(np.concatenate([own, x, told], axis=2)))), context


def _band_split(widths: BandSplit, layers: Layers, inputs: Float) -> tuple[Float, Float | None, Float, Float]:
    """[T, inputs] -> gains, strengths (if any) and speech as in `_percepnet`; taps [T, 98, taps, 2] before the tanh."""
    tokens = range(_core.TOKENS)
    rounded = quantize(np.clip(inputs * input_factors(widths), -_ONE, _ONE))
    seen = [rounded[:, token_inputs(widths, token)] for token in tokens]
    if widths.trunk:
        of_trunk = {name.removeprefix("trunk."): layer for name, layer in layers.items() if name.startswith("trunk.")}
        *logits, heard = _percepnet(of_trunk, inputs[:, : _core.FEATURES])
        told = np.split(quantize(tanh(_Linear(layers["tell"])(heard))), len(tokens), axis=1)
        said = [np.split(quantize(tanh(_QUARTER * values)), len(tokens), axis=1) for values in logits[:2]]
        seen = [np.hstack(parts) for parts in zip(seen, told, *said, strict=True)]
    x = np.stack([quantize(tanh(_Linear(layers[f"split.{token}"])(seen[token]))) for token in tokens], axis=1)
    for block in range(widths.blocks):
        x, context = _block(f"block{block}", layers, x)
    heads = [_Linear(layers[f"head.{token}"])(x[:, token]) for token in tokens]
    ends = [SHARE, SHARE * (1 + widths.comb)]  # behind the rows of a head that are gains, and that are strengths
    parts = zip(*(np.split(head, ends, axis=1) for head in heads), strict=True)
    gains, strengths, taps = (np.hstack(part) for part in parts)
    speech = _Linear(layers["speech"])(context)
    if widths.trunk:
        gains, strengths, speech = gains + logits[0], strengths + logits[1], speech + logits[2]
    taps = taps.reshape(len(x), _core.LOW_BINS, widths.taps, 2)
    return gains, strengths if widths.comb else None, speech, taps


def simulate(blob: bytes, features: ArrayLike) -> dict[str, Float]:
    """Runs a model over float32 [T, inputs] of consecutive frames, from the zero state.

    Inputs of a frame are its 70 features, and behind them the 294 fine inputs of models that read those. Returns gains
    [T, 34], strengths [T, 34] and speech_probability [T], float32, 0..1, and of models that have them taps [T, 98,
    taps, 2], within +-1, with the same bits as `linnet._core.network`. Raises BlobError for a bad model and ValueError
    for features of another shape or not finite.
    """
    model = read_blob(blob)
    frames = np.asarray(features, np.float32)
    if frames.ndim != 2 or frames.shape[1] != model.widths.inputs:
        raise ValueError(f"features have shape {frames.shape}, expected (frames, {model.widths.inputs})")
    if not np.isfinite(frames).all():
        raise ValueError("features hold NaN or infinity; the core's own features never do")
    found: dict[str, Float] = {}
    strengths: Float | None
    if isinstance(model.widths, BandSplit):
        gains, strengths, speech, taps = _band_split(model.widths, model.layers, frames)
        if model.widths.taps:
            found["taps"] = tanh(taps)
    else:
        gains, strengths, speech, _ = _percepnet(model.layers, frames)
    found["gains"] = sigmoid(gains)
    found["strengths"] = np.zeros_like(gains) if strengths is None else sigmoid(strengths)
    found["speech_probability"] = sigmoid(speech)[:, 0]
    return found
