"""Programs of other systems on this one: those of Windows under wine, and Debian's own Python for arm64 under qemu."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from conftest import FOLDER, ROOT, needs, run, sums

import targets

DEBIAN = ("libc6", "libgcc-s1", "libstdc++6", "libexpat1", "zlib1g", "libssl3", "libffi8", "libbz2-1.0", "liblzma5")


def wine(program: Path, *arguments: str | Path) -> str:
    """What a program for Windows prints."""
    needs(targets.WINE)
    variables = {"WINEPREFIX": str(ROOT / "build/wine"), "WINEDEBUG": "-all"}
    return run(targets.WINE, program, *arguments, folder=program.parent, **variables).replace("\r", "")


def arm64_python(top: Path) -> Path:
    """Debian's Python for arm64, unpacked; asked of apt with a state of its own, so that this system stays as it is."""
    for folder in ("state/lists/partial", "cache/archives/partial", "packages", "root"):
        (top / folder).mkdir(parents=True)
    (top / "state/status").touch()
    settings = {"Dir::State": top / "state", "Dir::State::status": top / "state/status", "Dir::Cache": top / "cache"}
    settings |= {"APT::Architecture": "arm64", "APT::Architectures": "arm64", "APT::Sandbox::User": "root"}
    (top / "apt.conf").write_text("".join(f'{key} "{value}";\n' for key, value in settings.items()))
    apt = {"APT_CONFIG": str(top / "apt.conf")}
    run("apt-get", "update", "--quiet", **apt)
    version = re.search(r"Depends: python(3\.\d+)-minimal", run("apt-cache", "show", "python3-minimal", **apt))[1]
    python = (f"python{version}-minimal", f"libpython{version}-minimal", f"libpython{version}-stdlib")
    run("apt-get", "download", "--quiet", *DEBIAN, *python, folder=top / "packages", **apt)
    for package in (top / "packages").iterdir():
        run("dpkg", "-x", package, top / "root")
    return top / f"root/usr/bin/python{version}"


def arm64_wheel(python: Path) -> Path | None:
    """The wheel of the last release for that Python; None if it is of a version that no wheel is made for."""
    tag = f"-cp{python.name.removeprefix('python').replace('.', '')}-"
    return next((FOLDER / name for name in sums() if tag in name and name.endswith("_aarch64.whl")), None)


def with_wheel(python: Path, wheel: Path, folder: Path) -> tuple[list[str | Path], dict[str, str]]:
    """Puts a wheel and its numpy into a folder; the command of that Python with them, and its environment."""
    platforms = [f"--platform=manylinux_2_{glibc}_aarch64" for glibc in (17, 27, 28)]
    version = ("--python-version", python.name.removeprefix("python"))
    wanted = ["--no-deps", "--only-binary", ":all:", *platforms, *version, "--target", folder]
    run(sys.executable, "-m", "pip", "install", "--quiet", *wanted, "numpy==2.*", wheel)
    return ["qemu-aarch64", "-L", python.parents[2], python], {"PYTHONPATH": str(folder)}
