"""Android's libraries on another Linux: what their C library has under a name of its own, they find here."""

from __future__ import annotations

import subprocess
from pathlib import Path


def shims(folder: Path, compiler: str) -> None:
    """The C library's files by the names that Android's libraries ask for, for the CPU of a C compiler."""
    source, empty = Path(__file__).with_name("shim.c"), folder / "empty.c"
    empty.write_text("")
    shared = (compiler, "-shared", "-fPIC")
    for command in (
        (*shared, "-Wl,-soname,libc.so", source, "-o", folder / "libc.so"),
        (*shared, "-nostdlib", "-Wl,-soname,libm.so", empty, "-o", folder / "libm.so"),
    ):
        subprocess.run(command, check=True)
