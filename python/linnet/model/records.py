"""Records of a model file one after another, and the rule for its floats, which reader and writer share."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from linnet.model.layout import (
    ALIGNMENT,
    BLOCK_COLS,
    BLOCK_ROWS,
    HEADER,
    KIND_INT8_BLOCKS,
    KIND_INT8_SPARSE_BLOCKS,
    KIND_SCALE,
    LARGEST,
    RECORD,
    SMALLEST,
    BlobError,
    from_sparse,
)


def aligned(size: int) -> int:
    """The next multiple of ALIGNMENT."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def storable(name: str, values: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """float32 copy in the format's range, tiny values as +0; BlobError naming the entry otherwise."""
    array = np.asarray(values, np.float32)
    if array.shape != shape:
        raise BlobError(f"{name} has shape {array.shape}, expected {shape}")
    if not np.isfinite(array).all():
        raise BlobError(f"{name} holds NaN or infinity; was the training stopped by a diverging loss?")
    magnitude = np.abs(array)
    if (magnitude > LARGEST).any():
        raise BlobError(f"{name} holds {float(array.flat[magnitude.argmax()]):g}; the largest magnitude is 2^20")
    return np.where(magnitude < SMALLEST, np.float32(0), array)


class Reader:
    """Takes the records of a blob one after another; BlobError for one that is not as expected."""

    def __init__(self, data: bytes, count: int) -> None:
        self._data, self._count, self._used = data, count, 0
        self._begin = aligned(HEADER.size + RECORD.size * count)  # of the next payload

    def _next(self) -> tuple[int, ...]:
        at = HEADER.size + RECORD.size * self._used
        if self._used >= self._count or at + RECORD.size > len(self._data):
            raise BlobError(f"a model with too few records: {self._count}")
        return RECORD.unpack_from(self._data, at)

    def next_kind(self) -> int:
        """Kind of the next record."""
        return self._next()[0]

    def _payload(self, kind: int, rows: int, cols: int, size: int | None) -> bytes:
        """Bytes of the next record, which must be of this kind, shape and size (None: any size)."""
        stored_kind, stored_rows, stored_cols, _, offset, stored_size = self._next()
        size = stored_size if size is None else size
        if (stored_kind, stored_rows, stored_cols, stored_size) != (kind, rows, cols, size):
            raise BlobError(
                f"record {self._used} of the model is of kind {stored_kind} and shape {stored_rows} x {stored_cols}, "
                f"expected kind {kind} and {rows} x {cols}"
            )
        if offset != self._begin or offset + size > len(self._data):
            raise BlobError(
                f"record {self._used} of the model claims bytes {offset} to {offset + size} of {len(self._data)}, "
                f"expected them from {self._begin}"
            )
        self._used += 1
        self._begin += aligned(size)
        return self._data[offset : offset + size]

    def floats(self, kind: int, rows: int, cols: int) -> NDArray[np.float32]:
        """Values of a float record, float32 [rows * cols], in rule."""
        values = np.frombuffer(self._payload(kind, rows, cols, 4 * rows * cols), "<f4").astype(np.float32)
        stored = storable(f"record {self._used - 1} of the model", values, values.shape)
        if not np.array_equal(stored, values) or (kind == KIND_SCALE and not (values > 0).all()):
            raise BlobError(f"record {self._used - 1} of the model holds values outside the format's range")
        return values

    def int8(self, rows: int, cols: int) -> NDArray[np.int8]:
        """Blocks of an int8 record, flat, in rule."""
        size = -(-rows // BLOCK_ROWS) * -(-cols // BLOCK_COLS) * BLOCK_ROWS * BLOCK_COLS
        values = np.frombuffer(self._payload(KIND_INT8_BLOCKS, rows, cols, size), np.int8)
        if (values == -128).any():
            raise BlobError(f"record {self._used - 1} of the model holds -128, which the format excludes")
        return values

    def sparse(self, rows: int, cols: int) -> NDArray[np.int8]:
        """Matrix of a sparse record, int8 [rows, cols]."""
        payload = self._payload(KIND_INT8_SPARSE_BLOCKS, rows, cols, None)
        try:
            weight = from_sparse(payload, rows, cols)
        except BlobError as error:
            raise BlobError(f"record {self._used - 1} of the model holds {error}") from error
        if (weight == -128).any():
            raise BlobError(f"record {self._used - 1} of the model holds -128, which the format excludes")
        return weight
