"""Writes the archive of one target for `./sconsw dist`: include/, lib/ with pkg-config and CMake files, bin/ with the
self-test, share/ with models and licence. Windows has its DLL in bin/, and beside its import library a linnet.def, of
which other linkers make theirs.

Usage: archive.py OUT VERSION ABI SYSTEM LIBDIR POINTER BUILT..., where OUT ends with .tar.gz or .zip and BUILT are
libraries and programs. LIBDIR is lib or what a distribution has in its place, such as lib/TRIPLET; POINTER the bytes of
an address. Equal inputs give equal bytes: dates, owners and modes are fixed and the names sorted.
"""

from __future__ import annotations

import gzip
import io
import re
import sys
import tarfile
import zipfile
from pathlib import Path

SDK = Path(__file__).resolve().parents[1]
DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip file can hold
LIBRARIES, PREFIX = "${_linnet_libraries}", "${_linnet_prefix}"  # of the CMake file
# Properties of linnet::linnet. Without them it is linnet::static under another name.
SHARED = {
    "linux": {"LOCATION": f"{LIBRARIES}/liblinnet.so.@ABI@", "SONAME": "liblinnet.so.@ABI@"},
    "android": {"LOCATION": f"{LIBRARIES}/liblinnet.so", "SONAME": "liblinnet.so"},
    "macos": {"LOCATION": f"{LIBRARIES}/liblinnet.dylib", "SONAME": "@rpath/liblinnet.dylib"},
    "windows": {"LOCATION": f"{PREFIX}/bin/linnet.dll", "IMPLIB": f"{LIBRARIES}/liblinnet.dll.a"},
}
DLL = "linnet.dll"


def definitions(header: str) -> str:
    """The module definition file of the DLL: what the header declares."""
    names = sorted(re.findall(r"^LINNET_API [^;]*?\b(linnet_\w+)\(", header, re.MULTILINE))
    return "".join(f"{line}\r\n" for line in (f"LIBRARY {DLL}", "EXPORTS", *(f"    {n}" for n in names)))


def shared_target(system: str) -> str:
    """Lines of the CMake file that define linnet::linnet."""
    if system not in SHARED:
        return (
            "    add_library(linnet::linnet INTERFACE IMPORTED)\n"
            "    set_target_properties(linnet::linnet PROPERTIES INTERFACE_LINK_LIBRARIES linnet::static)"
        )
    properties = [f'      IMPORTED_{name} "{value}"' for name, value in SHARED[system].items()]
    properties.append(f'      INTERFACE_INCLUDE_DIRECTORIES "{PREFIX}/include")')
    head = ["    add_library(linnet::linnet SHARED IMPORTED)", "    set_target_properties(linnet::linnet PROPERTIES"]
    return "\n".join([*head, *properties])


def contents(version: str, abi: str, system: str, libdir: str, pointer: str, built: list[Path]) -> dict[str, bytes]:
    """Name in the archive -> bytes, for all but links."""

    def filled(template: str) -> bytes:
        text = (SDK / "packaging" / template).read_text()
        up = "/".join([".."] * len(Path(libdir, "pkgconfig").parts))
        values = {"SHARED": shared_target(system), "VERSION": version, "ABI": abi, "POINTER": pointer, "UP": up}
        for name, value in values.items():
            text = text.replace(f"@{name}@", value)
        return text.encode()

    header = (SDK / "include/linnet.h").read_bytes()
    places = {f"{'bin' if is_program(path) else libdir}/{path.name}": path for path in built}
    places |= {"share/doc/linnet/MODELS.md": SDK / "models/README.md"}
    places |= {f"share/doc/linnet/{name}": SDK.parent / name for name in ("LICENSE", "README.md", "CHANGELOG.md")}
    places |= {f"share/doc/linnet/docs/{path.name}": path for path in (SDK.parent / "docs").glob("*.md")}
    places |= {f"share/linnet/models/{path.name}": path for path in SDK.glob("models/*.linnet")}
    files = {name: path.read_bytes() for name, path in places.items()} | {
        "include/linnet.h": header,
        f"{libdir}/pkgconfig/linnet.pc": filled("linnet.pc.in"),
        f"{libdir}/cmake/linnet/linnet-config.cmake": filled("linnet-config.cmake.in"),
        f"{libdir}/cmake/linnet/linnet-config-version.cmake": filled("linnet-config-version.cmake.in"),
    }
    if system == "windows":
        files[f"{libdir}/linnet.def"] = definitions(header.decode()).encode()
    return files


def is_program(path: Path) -> bool:
    """Whether a file of a build is one that runs, or that Windows looks for beside such a one."""
    return path.stem == "linnet-selftest" or path.suffix == ".dll"


def write_zip(out: Path, files: dict[str, bytes]) -> None:
    """Names begin with the folder that everything lies in."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, DATE)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, content)


def write_tar(out: Path, files: dict[str, bytes], links: dict[str, str]) -> None:
    """Likewise, with symbolic links: name -> where it leads."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted([*files, *links]):
            entry = tarfile.TarInfo(name)
            if name in links:
                entry.type, entry.linkname = tarfile.SYMTYPE, links[name]
                tar.addfile(entry)
            else:
                entry.size = len(files[name])
                entry.mode = 0o755 if "/bin/" in name else 0o644
                tar.addfile(entry, io.BytesIO(files[name]))
    with out.open("wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=0) as zipped:
        zipped.write(packed.getvalue())


def main() -> None:
    """Packs what it is told of."""
    out, version, abi, system, libdir, pointer = Path(sys.argv[1]), *sys.argv[2:7]
    top = out.name.removesuffix(".tar.gz").removesuffix(".zip")
    files = contents(version, abi, system, libdir, pointer, list(map(Path, sys.argv[7:])))
    files = {f"{top}/{name}": content for name, content in files.items()}
    if out.suffix == ".zip":
        write_zip(out, files)
    else:
        link = {f"{top}/{libdir}/liblinnet.so": f"liblinnet.so.{abi}"} if system == "linux" else {}
        write_tar(out, files, link)


if __name__ == "__main__":
    main()
