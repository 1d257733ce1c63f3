"""Writes the archive of `./sconsw dist`: include/, lib/ with pkg-config and CMake files, bin/ with the self-test,
share/ with models and licence.

Usage: archive.py OUT.tar.gz VERSION ABI, where OUT lies in build/TARGET-MODE/dist/. Equal inputs give equal bytes:
dates, owners and modes are fixed and the names sorted.
"""

from __future__ import annotations

import gzip
import io
import sys
import tarfile
from pathlib import Path

SDK = Path(__file__).resolve().parents[1]


def contents(build: Path, version: str, abi: str) -> dict[str, bytes]:
    """Name in the archive -> bytes, for all but the link to the shared library."""

    def filled(template: str) -> bytes:
        text = (SDK / "packaging" / template).read_text()
        return text.replace("@VERSION@", version).replace("@ABI@", abi).encode()

    places = {
        "include/linnet.h": SDK / "include/linnet.h",
        "bin/linnet-selftest": build / "linnet-selftest",
        "lib/liblinnet.a": build / "liblinnet.a",
        f"lib/liblinnet.so.{abi}": build / f"liblinnet.so.{abi}",
        "share/doc/linnet/MODELS.md": SDK / "models/README.md",
    }
    places |= {f"share/doc/linnet/{name}": SDK.parent / name for name in ("LICENSE", "README.md", "CHANGELOG.md")}
    places |= {f"share/linnet/models/{path.name}": path for path in SDK.glob("models/*.linnet")}
    return {name: path.read_bytes() for name, path in places.items()} | {
        "lib/pkgconfig/linnet.pc": filled("linnet.pc.in"),
        "lib/cmake/linnet/linnet-config.cmake": filled("linnet-config.cmake.in"),
        "lib/cmake/linnet/linnet-config-version.cmake": filled("linnet-config-version.cmake.in"),
    }


def main() -> None:
    """Packs what stands around the output's folder."""
    out, version, abi = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    files = contents(out.resolve().parents[1], version, abi)
    link = "lib/liblinnet.so"
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted([*files, link]):
            entry = tarfile.TarInfo(f"{out.name.removesuffix('.tar.gz')}/{name}")
            if name == link:
                entry.type, entry.linkname = tarfile.SYMTYPE, f"liblinnet.so.{abi}"
                tar.addfile(entry)
            else:
                entry.size = len(files[name])
                entry.mode = 0o755 if name.startswith("bin/") else 0o644
                tar.addfile(entry, io.BytesIO(files[name]))
    with out.open("wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=0) as zipped:
        zipped.write(packed.getvalue())


if __name__ == "__main__":
    main()
