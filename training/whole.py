"""Files that appear under their name whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A name beside `path` to write to; the file takes its place when the with-block ends well, else it is removed.

    The name is always the same, so that what a killed process has left is overwritten by the next one. For outputs that
    several may write at a time there is linnet.io.outputs.replacing.
    """
    part = path.with_name(path.name + ".part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """A text file."""
    with whole(path) as part:
        part.write_text(text)
