"""Layout of a model file: its header, its records, and how a payload holds a matrix. Set down in sdk/src/model/blob.h.

Little-endian, without strings or optional parts. This file needs numpy alone, so that a model's header can be read
without the core.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import ArrayLike, NDArray

MAGIC = b"linnet\x1a\n"
FORMAT_VERSION = 1
FEATURE_VERSION = 1
TOPOLOGY_PERCEPNET, TOPOLOGY_BAND_SPLIT = 1, 2
MAX_BLOB_SIZE = 64 << 20
ALIGNMENT = 64

KIND_FLOAT_MATRIX, KIND_INT8_BLOCKS, KIND_SCALE, KIND_BIAS, KIND_INT8_SPARSE_BLOCKS = 1, 2, 3, 4, 5
BLOCK_ROWS, BLOCK_COLS = 8, 4
BLOCK_BYTES = BLOCK_ROWS * BLOCK_COLS  # the blocks of a sparse payload also begin at a multiple of this
SMALLEST, LARGEST = 2.0**-60, 2.0**20  # magnitudes of non-zero floats in a blob

HEADER = struct.Struct("<8s8IQ12sI")  # the last field is the CRC-32 of all other bytes
BAND_SPLIT = struct.Struct("<HHBBBB4x")  # the one before it: channels, context, blocks, summary, taps, flags
FLAG_FINE, FLAG_COMB, FLAG_PITCH, FLAG_TRUNK = 1, 2, 4, 8
RECORD = struct.Struct("<IIIIQQ")


class BlobError(ValueError):
    """Weights that cannot be stored, or bytes that are not a whole linnet model."""


def block_shape(rows: int, cols: int) -> tuple[int, int]:
    """Number of blocks that a matrix [rows, cols] has, down and across."""
    return -(-rows // BLOCK_ROWS), -(-cols // BLOCK_COLS)


def to_blocks(q: NDArray[np.int8]) -> NDArray[np.int8]:
    """int8 [rows, cols] -> [ceil(rows / 8), ceil(cols / 4), 8, 4], padded with zeros."""
    rows, cols = q.shape
    padded = np.zeros((-(-rows // BLOCK_ROWS) * BLOCK_ROWS, -(-cols // BLOCK_COLS) * BLOCK_COLS), np.int8)
    padded[:rows, :cols] = q
    stripes = padded.reshape(padded.shape[0] // BLOCK_ROWS, BLOCK_ROWS, padded.shape[1] // BLOCK_COLS, BLOCK_COLS)
    return np.ascontiguousarray(stripes.transpose(0, 2, 1, 3))


def from_blocks(blocks: ArrayLike, rows: int, cols: int) -> NDArray[np.int8]:
    """Inverse of `to_blocks`: int8 [rows, cols] from blocks of any shape with the right number of elements."""
    stripes, columns = block_shape(rows, cols)
    grid = np.asarray(blocks, np.int8).reshape(stripes, columns, BLOCK_ROWS, BLOCK_COLS).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(grid.reshape(stripes * BLOCK_ROWS, columns * BLOCK_COLS)[:rows, :cols])


def to_sparse(q: NDArray[np.int8]) -> bytes:
    """int8 [rows, cols] -> payload of a sparse record: counts, block columns, padding, the blocks that are not zero."""
    blocks = to_blocks(q)
    stored = blocks.any(axis=(2, 3))  # [stripes, block columns]
    head = stored.sum(axis=1).astype("<u2").tobytes() + np.nonzero(stored)[1].astype("<u2").tobytes()
    return head.ljust(-(-len(head) // BLOCK_BYTES) * BLOCK_BYTES, b"\0") + blocks[stored].tobytes()


def from_sparse(payload: bytes, rows: int, cols: int) -> NDArray[np.int8]:
    """Inverse of `to_sparse`: int8 [rows, cols]. Raises BlobError for a payload that cannot be read.

    Padding and order are not looked at: whoever needs to know them compares with what `to_sparse` makes.
    """
    stripes, columns = block_shape(rows, cols)
    if len(payload) < 2 * stripes:
        raise BlobError(f"sparse weights of {len(payload)} bytes do not hold their {stripes} counts")
    counts = np.frombuffer(payload, "<u2", stripes).astype(np.int64)
    head = -(-2 * (stripes + int(counts.sum())) // BLOCK_BYTES) * BLOCK_BYTES
    if len(payload) != head + BLOCK_BYTES * int(counts.sum()):
        raise BlobError(f"sparse weights of {len(payload)} bytes do not hold the {int(counts.sum())} blocks they count")
    at = np.frombuffer(payload, "<u2", int(counts.sum()), 2 * stripes).astype(np.int64)
    if (at >= columns).any():
        raise BlobError(f"sparse weights with a block in column {int(at.max())} of {columns}")
    blocks = np.zeros((stripes, columns, BLOCK_ROWS, BLOCK_COLS), np.int8)
    stored = np.frombuffer(payload, np.int8, offset=head).reshape(-1, BLOCK_ROWS, BLOCK_COLS)
    blocks[np.repeat(np.arange(stripes), counts), at] = stored
    return from_blocks(blocks, rows, cols)
