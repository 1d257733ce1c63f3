"""The one writer of linnet model files, and a reader of them for tools.

A blob is a header, a list of records and their payloads, as layout.py has them. Which matrices there are, and their
shapes, the core tells (shapes.py: `matrices`); the C++ loader accepts nothing else.

Exporting a trained network:

    weights = {"dense.weight": w, "dense.bias": b, "conv1.weight": ..., "gru1.input.weight": ..., ...}
    data = pack_blob(weights, Widths(dense=128, hidden=512, strength=128), lookahead=2)

Names are those of `matrices` with ".weight" and ".bias" behind; `weight_shapes` lists them with their shapes. Weights
are float arrays [rows, cols], quantised here row by row, or pairs (q, scale) of int8 [rows, cols] and float32 [rows]
with weight ~ q * scale, taken as they are; the first layer, dense, is kept in float. Convolutions are laid out frame by
frame, oldest first: from PyTorch's Conv1d weight [out, in, frames] that is
weight.transpose(0, 2, 1).reshape(out, frames * in). GRU rows are reset, update, candidate, as in PyTorch's weight_ih
and weight_hh.

The second convolution and the GRU matrices of Widths, the trunk's of a BandSplit among them, can be stored
block-sparse: of the blocks of 8 rows x 4 columns only those that hold a non-zero weight are kept, at two more bytes
each.
"""

from __future__ import annotations

import argparse
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from linnet.model.layout import (
    BLOCK_COLS,
    BLOCK_ROWS,
    FEATURE_VERSION,
    FORMAT_VERSION,
    HEADER,
    KIND_BIAS,
    KIND_FLOAT_MATRIX,
    KIND_INT8_BLOCKS,
    KIND_INT8_SPARSE_BLOCKS,
    KIND_SCALE,
    MAGIC,
    MAX_BLOB_SIZE,
    RECORD,
    SMALLEST,
    BlobError,
    block_shape,
    from_blocks,
    to_blocks,
    to_sparse,
)
from linnet.model.records import Reader, aligned, storable
from linnet.model.shapes import BandSplit, Matrix, Widths, check_lookahead, from_header, header_fields, matrices


@dataclass(frozen=True)
class FloatLayer:
    """weight float32 [rows, cols], bias float32 [rows]: y = weight @ x + bias."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]


@dataclass(frozen=True)
class Int8Layer:
    """weight int8 [rows, cols] in -127..127, scale float32 [rows], bias float32 [rows] or a multiple of it, as stored.

    y = float(weight @ rint(127 * x)) * scale + bias; scale includes the 1/127 of the input. A longer bias is one of
    [rows] for each of several vectors that take turns. sparse tells how the file stores the weights, all of them or the
    blocks that are not zero; it changes no result.
    """

    weight: NDArray[np.int8]
    scale: NDArray[np.float32]
    bias: NDArray[np.float32]
    sparse: bool = False


@dataclass(frozen=True)
class Model:
    """The contents of a blob. layers maps each name of `matrices` to its layer, in file order."""

    widths: Widths | BandSplit
    lookahead: int
    layers: dict[str, FloatLayer | Int8Layer]

    @property
    def parameters(self) -> int:
        """Number of weights and biases."""
        return sum(layer.weight.size + layer.bias.size for layer in self.layers.values())


def weight_shapes(widths: Widths | BandSplit) -> dict[str, tuple[int, ...]]:
    """Names and shapes that `pack_blob` expects for these widths."""
    shapes: dict[str, tuple[int, ...]] = {}
    for matrix in matrices(widths):
        shapes[f"{matrix.name}.weight"] = (matrix.rows, matrix.cols)
        shapes[f"{matrix.name}.bias"] = (matrix.bias_rows,)
    return shapes


def quantize_rows(weight: ArrayLike) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Symmetric int8 of each row: (q [rows, cols] in -127..127, scale float32 [rows]) with weight ~ q * scale.

    scale = max|row| / 127 in float32, q = rint(row / scale), ties to even. Rows below 2^-40 become zeros of scale 1.
    Raises BlobError if weight is not a matrix of finite numbers.
    """
    w = np.asarray(weight, dtype=np.float64)
    if w.ndim != 2:
        raise BlobError(f"weights must be a matrix [rows, cols], not of shape {w.shape}")
    if not np.isfinite(w).all():
        raise BlobError("weights hold NaN or infinity; was the training stopped by a diverging loss?")
    largest = np.abs(w).max(axis=1, initial=0.0)
    scale = np.where(largest < 2.0**-40, 1.0, largest / 127.0).astype(np.float32)
    w = np.where(largest[:, None] < 2.0**-40, 0.0, w)
    q = np.rint(w / scale[:, None].astype(np.float64))
    return np.clip(q, -127, 127).astype(np.int8), scale


def pack_blob(
    weights: Mapping[str, ArrayLike | tuple[ArrayLike, ArrayLike]],
    widths: Widths | BandSplit,
    lookahead: int,
    sparse: Mapping[str, ArrayLike | None] | None = None,
) -> bytes:
    """The model file of these weights; the module's text tells names and layouts.

    sparse names the matrices to store block-sparse, such as "gru1.recurrent", each with a mask, bool [ceil(rows / 8),
    ceil(cols / 4)], of the blocks to keep (the weights of the others are dropped before anything is quantised), or with
    None to keep all blocks that are not zero. Magnitudes below 2^-60 become 0. Raises BlobError for a missing, unknown
    or misshapen entry and for values that the format excludes: NaN, infinity, |x| > 2^20, -128, scales that are not
    positive.
    """
    shapes = weight_shapes(widths)
    sparse = sparse or {}
    possible = [matrix.name for matrix in matrices(widths) if matrix.may_be_sparse]
    if wrong := [name for name in sparse if name not in possible]:
        raise BlobError(f"{wrong[0]} cannot be stored sparse; only {', '.join(possible)} can")
    missing = [name for name in shapes if name not in weights]
    if missing:
        raise BlobError(f"weights lack {', '.join(missing)}")
    unknown = [name for name in weights if name not in shapes]
    if unknown:
        raise BlobError(f"weights hold unknown {', '.join(unknown)}; known are {', '.join(shapes)}")
    layers: dict[str, FloatLayer | Int8Layer] = {}
    for matrix in matrices(widths):
        weight_name, bias_name = f"{matrix.name}.weight", f"{matrix.name}.bias"
        weight = weights[weight_name]
        bias = storable(bias_name, weights[bias_name], shapes[bias_name])
        if matrix.is_float:
            if isinstance(weight, tuple):
                raise BlobError(f"{weight_name} is kept in float; give a float matrix, not (q, scale)")
            layers[matrix.name] = FloatLayer(storable(weight_name, weight, shapes[weight_name]), bias)
            continue
        keep = _kept(matrix, sparse.get(matrix.name))
        if isinstance(weight, tuple):
            q, scale = _quantized_pair(weight_name, weight, shapes[weight_name])
            q = np.where(keep, q, np.int8(0))
        else:
            q, scale = quantize_rows(np.where(keep, storable(weight_name, weight, shapes[weight_name]), np.float32(0)))
        stored = (np.asarray(scale, np.float64) / 127.0).astype(np.float32)
        stored = storable(f"scale of {weight_name}", stored, (matrix.rows,))
        layers[matrix.name] = Int8Layer(q, stored, bias, sparse=matrix.name in sparse)
    return write_blob(Model(widths, lookahead, layers))


def write_blob(model: Model) -> bytes:
    """The model file of a model, such as `read_blob` returns. Raises BlobError for what the loader would refuse."""
    check_lookahead(model.widths, model.lookahead)
    entries: list[tuple[int, int, int, bytes]] = []  # kind, rows, cols, payload
    for matrix in matrices(model.widths):
        layer = model.layers[matrix.name]
        if isinstance(layer, FloatLayer):
            entries.append((KIND_FLOAT_MATRIX, matrix.rows, matrix.cols, layer.weight.astype("<f4").tobytes()))
        else:
            kind = KIND_INT8_SPARSE_BLOCKS if layer.sparse else KIND_INT8_BLOCKS
            payload = to_sparse(layer.weight) if layer.sparse else to_blocks(layer.weight).tobytes()
            entries.append((kind, matrix.rows, matrix.cols, payload))
            entries.append((KIND_SCALE, matrix.rows, 1, layer.scale.astype("<f4").tobytes()))
        entries.append((KIND_BIAS, matrix.bias_rows, 1, layer.bias.astype("<f4").tobytes()))

    offset = aligned(HEADER.size + RECORD.size * len(entries))
    records, payloads = bytearray(), bytearray()
    for kind, rows, cols, payload in entries:
        records += RECORD.pack(kind, rows, cols, 0, offset, len(payload))
        payloads += payload.ljust(aligned(len(payload)), b"\0")
        offset += aligned(len(payload))
    if offset > MAX_BLOB_SIZE:
        raise BlobError(f"a model of {offset} bytes exceeds the limit of {MAX_BLOB_SIZE}; choose smaller widths")
    body = bytes(records).ljust(aligned(HEADER.size + len(records)) - HEADER.size, b"\0") + bytes(payloads)
    header = _header(model, len(entries), offset, 0)
    checksum = binascii.crc32(body, binascii.crc32(header[:-4]))
    return _header(model, len(entries), offset, checksum) + body


def read_blob(data: bytes | bytearray | memoryview) -> Model:
    """The contents of a model file. Raises BlobError if it is not one, of another version, cut short or changed."""
    data = bytes(data)
    if data[: len(MAGIC)] != MAGIC:
        raise BlobError("not a linnet model: the first bytes are not its magic")
    if len(data) < HEADER.size:
        raise BlobError(f"a model cut short: {len(data)} bytes do not hold the header of {HEADER.size}")
    fields = HEADER.unpack_from(data)
    _, version, features, topology, lookahead, *widths, count, size, shape, checksum = fields
    if version != FORMAT_VERSION or features != FEATURE_VERSION:
        raise BlobError(
            f"a model of format {version} and features {features}; this linnet reads format {FORMAT_VERSION} and "
            f"features {FEATURE_VERSION}"
        )
    if size != len(data):
        raise BlobError(f"a model cut short or extended: {len(data)} bytes, the header says {size}")
    if binascii.crc32(data[HEADER.size :], binascii.crc32(data[: HEADER.size - 4])) != checksum:
        raise BlobError("a damaged model: the checksum does not match; copy the file again")
    network = from_header(topology, *widths, shape)
    check_lookahead(network, lookahead)
    reader = Reader(data, count)
    layers: dict[str, FloatLayer | Int8Layer] = {}
    for matrix in matrices(network):
        rows, cols, biases = matrix.rows, matrix.cols, matrix.bias_rows
        if matrix.is_float:
            weight = reader.floats(KIND_FLOAT_MATRIX, rows, cols).reshape(rows, cols)
            layers[matrix.name] = FloatLayer(weight, reader.floats(KIND_BIAS, biases, 1))
        else:
            sparse = matrix.may_be_sparse and reader.next_kind() == KIND_INT8_SPARSE_BLOCKS
            q = reader.sparse(rows, cols) if sparse else from_blocks(reader.int8(rows, cols), rows, cols)
            scale, bias = reader.floats(KIND_SCALE, rows, 1), reader.floats(KIND_BIAS, biases, 1)
            layers[matrix.name] = Int8Layer(q, scale, bias, sparse)
    model = Model(network, lookahead, layers)
    # A blob has one spelling: whatever differs from what the writer makes (padding, a hole, a tail) breaks a rule.
    if write_blob(model) != data:
        raise BlobError("a model whose records break the rules of the format")
    return model


def random_model(
    dense: int, hidden: int, strength: int, lookahead: int, seed: int, density: float | None = None
) -> bytes:
    """`random_network` of Widths(dense, hidden, strength)."""
    return random_network(Widths(dense, hidden, strength), lookahead, seed, density)


def random_network(widths: Widths | BandSplit, lookahead: int, seed: int, density: float | None = None) -> bytes:
    """A model of random weights whose units neither saturate nor stay silent: for tests and benchmarks, not for use.

    With a density, 0 < density <= 1, all matrices that can be are stored sparse, with about that share of their blocks.
    The bytes depend on the arguments alone, on every machine (a frozen generator, no libm).
    """
    if density is not None and not 0 < density <= 1:
        raise BlobError(f"density {density} is not within 0..1, 0 excluded")
    random = np.random.RandomState(seed)
    weights: dict[str, ArrayLike | tuple[ArrayLike, ArrayLike]] = {}
    sparse: dict[str, ArrayLike | None] = {}
    for matrix in matrices(widths):
        shape = (matrix.rows, matrix.cols)
        if matrix.is_float:
            weights[f"{matrix.name}.weight"] = (random.random_sample(shape) - 0.5).astype(np.float32)
        else:
            # Rows of uniform weights: the sum's spread grows with the square root of their number.
            thin = density is not None and matrix.may_be_sparse
            inputs = matrix.cols * (density or 1) if thin else matrix.cols
            spread = (1.0 + random.random_sample(matrix.rows)) * (3.0 / (127.0 * np.sqrt(inputs)))
            weights[f"{matrix.name}.weight"] = (random.randint(-127, 128, shape).astype(np.int8), spread)
            if thin:
                sparse[matrix.name] = random.random_sample(block_shape(matrix.rows, matrix.cols)) < density
        weights[f"{matrix.name}.bias"] = (random.random_sample(matrix.bias_rows) - 0.5).astype(np.float32)
    return pack_blob(weights, widths, lookahead, sparse)


TINY = {"dense": 8, "hidden": 8, "strength": 8, "lookahead": 2, "seed": 1}  # arguments of sdk/models/tiny.linnet


def _header(model: Model, count: int, size: int, checksum: int) -> bytes:
    topology, *widths, shape = header_fields(model.widths)
    versions = (FORMAT_VERSION, FEATURE_VERSION)
    return HEADER.pack(MAGIC, *versions, topology, model.lookahead, *widths, count, size, shape, checksum)


def checksum(data: bytes) -> str:
    """The CRC-32 that a model file carries, in hexadecimal digits: which model it is."""
    return f"{HEADER.unpack_from(data)[-1]:08x}"


def _kept(matrix: Matrix, mask: ArrayLike | None) -> NDArray[np.bool_]:
    """Mask of blocks -> mask of weights, bool [rows, cols], all true without one; BlobError for another shape."""
    shape = block_shape(matrix.rows, matrix.cols)
    blocks = np.ones(shape, bool) if mask is None else np.asarray(mask)
    if blocks.shape != shape or blocks.dtype != bool:
        raise BlobError(
            f"mask of {matrix.name} is {blocks.dtype} of shape {blocks.shape}, expected bool {shape}: one per block of "
            f"{BLOCK_ROWS} rows x {BLOCK_COLS} columns"
        )
    return blocks.repeat(BLOCK_ROWS, axis=0).repeat(BLOCK_COLS, axis=1)[: matrix.rows, : matrix.cols]


def _quantized_pair(
    name: str, pair: tuple[ArrayLike, ArrayLike], shape: tuple[int, ...]
) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """A caller's (q, scale), checked."""
    if len(pair) != 2:
        raise BlobError(f"{name} is a tuple of {len(pair)}, expected (q, scale)")
    q, scale = np.asarray(pair[0]), np.asarray(pair[1], np.float64)
    if q.dtype != np.int8:
        raise BlobError(f"{name} is quantised as {q.dtype}, expected int8")
    if q.shape != shape or scale.shape != shape[:1]:
        raise BlobError(f"{name} has shapes {q.shape} and {scale.shape}, expected {shape} and {shape[:1]}")
    if (q == -128).any():
        raise BlobError(f"{name} holds -128; the kernels need -127..127")
    if not np.isfinite(scale).all() or not (scale / 127 >= SMALLEST).all():
        raise BlobError(f"{name} has a scale of {float(scale.flat[np.argmin(scale)]):g}; scales must be positive")
    return q, scale


def random_models() -> dict[str, bytes]:
    """The random models that tests and fuzzing use, by the name of their file."""
    tokens = BandSplit(16, 2, 3, 24, taps=3, fine=True, comb=False, pitch=False)
    hybrid = BandSplit(8, 2, 5, 16, taps=5, fine=True, trunk=Widths(8, 16, 8))
    return {
        "tiny": random_model(**TINY),
        "tokens": random_network(tokens, 2, seed=2),
        "hybrid": random_network(hybrid, 2, seed=3),
    }


def main() -> None:
    """Writes a random model of the tests."""
    made = random_models()
    parser = argparse.ArgumentParser(description=f"Write a test model (random weights): {', '.join(made)}.")
    parser.add_argument("output", type=Path, help="file to write, such as sdk/models/tiny.linnet")
    output = parser.parse_args().output
    if output.stem not in made:
        parser.error(f"{output}: no test model '{output.stem}'; there are {', '.join(made)}")
    output.write_bytes(made[output.stem])


if __name__ == "__main__":
    main()
