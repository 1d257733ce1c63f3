"""Writes the archive of `./sconsw dist`: include/, lib/ with pkg-config and CMake files, bin/ with the self-test,
share/ with models and licence.

Usage: archive.py OUT.tar.gz VERSION ABI LIBDIR POINTER, where OUT lies in build/TARGET-MODE/dist/. LIBDIR is lib or
what a distribution has in its place, such as lib/TRIPLET; POINTER the bytes of an address. Equal inputs give equal
bytes: dates, owners and modes are fixed and the names sorted.
"""

from __future__ import annotations

import gzip
import io
import sys
import tarfile
from pathlib import Path

SDK = Path(__file__).resolve().parents[1]


def contents(build: Path, version: str, abi: str, libdir: str, pointer: str) -> dict[str, bytes]:
    """Name in the archive -> bytes, for all but the link to the shared library."""

    def filled(template: str) -> bytes:
        text = (SDK / "packaging" / template).read_text()
        up = "/".join([".."] * len(Path(libdir, "pkgconfig").parts))
        for name, value in {"VERSION": version, "ABI": abi, "POINTER": pointer, "UP": up}.items():
            text = text.replace(f"@{name}@", value)
        return text.encode()

    places = {
        "include/linnet.h": SDK / "include/linnet.h",
        "bin/linnet-selftest": build / "linnet-selftest",
        f"{libdir}/liblinnet.a": build / "liblinnet.a",
        f"{libdir}/liblinnet.so.{abi}": build / f"liblinnet.so.{abi}",
        "share/doc/linnet/MODELS.md": SDK / "models/README.md",
    }
    places |= {f"share/doc/linnet/{name}": SDK.parent / name for name in ("LICENSE", "README.md", "CHANGELOG.md")}
    places |= {f"share/linnet/models/{path.name}": path for path in SDK.glob("models/*.linnet")}
    return {name: path.read_bytes() for name, path in places.items()} | {
        f"{libdir}/pkgconfig/linnet.pc": filled("linnet.pc.in"),
        f"{libdir}/cmake/linnet/linnet-config.cmake": filled("linnet-config.cmake.in"),
        f"{libdir}/cmake/linnet/linnet-config-version.cmake": filled("linnet-config-version.cmake.in"),
    }


def main() -> None:
    """Packs what stands around the output's folder."""
    out, version, abi, libdir, pointer = Path(sys.argv[1]), *sys.argv[2:6]
    files = contents(out.resolve().parents[1], version, abi, libdir, pointer)
    link = f"{libdir}/liblinnet.so"
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
