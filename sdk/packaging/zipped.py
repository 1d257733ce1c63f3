"""Zip archives whose bytes depend on their contents alone: names sorted, dates and modes fixed."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

DATE = (1985, 10, 26, 8, 15, 0)


def zipped(files: Mapping[str, bytes]) -> bytes:
    """An archive of path -> contents."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path, content in sorted(files.items()):
            entry = zipfile.ZipInfo(path, DATE)
            entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, 0o644 << 16
            archive.writestr(entry, content)
    return data.getvalue()
