"""What the tests of model files share."""

from __future__ import annotations

import binascii

from linnet.model import blob
from linnet.model.layout import HEADER

_CRC_AT = HEADER.size - 4


def repaired(data: bytes | bytearray) -> bytes:
    """The same file with the checksum that belongs to it."""
    crc = binascii.crc32(data[HEADER.size :], binascii.crc32(data[:_CRC_AT]))
    return bytes(data[:_CRC_AT]) + crc.to_bytes(4, "little") + bytes(data[HEADER.size :])


def reader_accepts(data: bytes) -> bool:
    """Whether the reader in Python takes it for a model."""
    try:
        blob.read_blob(data)
    except blob.BlobError:
        return False
    return True
