"""Gathers packages in one folder, with SHA256SUMS and a bill of materials (linnet-VERSION.cdx.json, CycloneDX 1.6) that
says what code of others each of them holds, which models, and what a Python package asks for beside it.

Usage: release.py FOLDER PACKAGE... Equal packages give equal bytes: there are no dates, and the serial number follows
from the contents.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import re
import shlex
import shutil
import subprocess
import sys
import uuid
from functools import cache
from pathlib import Path
from typing import Any

SDK = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(SDK.parent), str(SDK.parent / "python")]
from scons_backend import PROJECT  # noqa: E402

import targets  # noqa: E402

SUMS = "SHA256SUMS"
LICENCE = PROJECT["license"]
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "pkg:pypi/linnet")
Json = dict[str, Any]

# Code of others that may be linked in: name -> licence, what it is. ziglang's come with that package's version.
RUNTIMES = {
    "llvm-runtimes": (
        "Apache-2.0 WITH LLVM-exception",
        "libc++, libc++abi, libunwind and compiler-rt of ziglang",
    ),
    "mingw-w64-runtime": ("ZPL-2.1", "start-up code and import libraries for Windows of ziglang"),
    "glibc": ("LGPL-2.1-or-later", "the C library inside the self-test, which is a static program"),
    "libgcc": ("GPL-3.0-or-later WITH GCC-exception-3.1", "helpers of the compiler"),
    "wasi-libc": ("MIT AND Apache-2.0 WITH LLVM-exception", "a few functions of the C library"),
    "pybind11": ("BSD-3-Clause", "headers that bind C++ to Python"),
}
# Of Python, that bring them.
PYTHON_PACKAGES = {"pybind11": "pybind11", "llvm-runtimes": "ziglang", "mingw-w64-runtime": "ziglang"}
BY_SYSTEM = {
    "macos": ("llvm-runtimes",),
    "windows": ("llvm-runtimes", "mingw-w64-runtime"),
    "web": ("wasi-libc", "llvm-runtimes"),
}


def digest(path: Path) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@cache
def macros(name: str) -> dict[str, str]:
    """What a Linux target's compiler and C library define of themselves."""
    compiler = shlex.split(targets.load(name).compiler("gcc")[0])
    command = [*compiler, "-dM", "-E", "-include", "features.h", "-x", "c", "/dev/null"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return dict(re.findall(r"#define (\w+) (.*)", text))


def version_of(runtime: str, target: str) -> str:
    """Version of a part of others; empty where it tells none."""
    if runtime == "glibc":
        return f"{macros(target)['__GLIBC__']}.{macros(target)['__GLIBC_MINOR__']}"
    if runtime == "libgcc":
        return ".".join(macros(target)[name] for name in ("__GNUC__", "__GNUC_MINOR__", "__GNUC_PATCHLEVEL__"))
    try:
        return importlib.metadata.version(PYTHON_PACKAGES[runtime]) if runtime in PYTHON_PACKAGES else ""
    except importlib.metadata.PackageNotFoundError:
        return ""  # built by another toolchain


def parts_of(package: Path) -> list[tuple[str, str]]:
    """Code of others in a package, each with the target that it was built for: (name, target)."""
    if package.suffix == ".whl":
        linked = [] if package.stem.endswith("-any") else ["pybind11", "llvm-runtimes"]
        return [(name, "") for name in linked]
    if package.suffix == ".tgz":
        return [(name, "") for name in BY_SYSTEM["web"]]
    name = package.name.removesuffix(".tar.gz").removesuffix(".zip").split("-")[-1]
    if name not in targets.names():
        return []
    foreign = targets.load(name).foreign
    return [(part, name) for part in (BY_SYSTEM.get(foreign.system, ()) if foreign else ("glibc", "libgcc"))]


def component(kind: str, name: str, licence: str, version: str = "", **more: Any) -> Json:
    """One entry of the bill; what it is referred to by is its name with its version."""
    reference = f"{name}@{version}" if version else name
    entry = {"type": kind, "bom-ref": reference, "name": name, "licenses": [{"expression": licence}]}
    return entry | ({"version": version} if version else {}) | more


def bill(packages: list[Path]) -> Json:
    """The whole document."""
    components, dependencies = [], []
    known: dict[str, Json] = {}
    for path in sorted((SDK / "models").glob("*.linnet")):
        hashes = [{"alg": "SHA-256", "content": digest(path)}]
        components.append(component("machine-learning-model", path.name, LICENCE, hashes=hashes))
    wanted = [re.split(r"[<>=!~; ]", requirement)[0] for requirement in PROJECT["dependencies"]]
    for package in packages:
        hashes = [{"alg": "SHA-256", "content": digest(package)}]
        parts = []
        for name, target in parts_of(package):
            licence, text = RUNTIMES[name]
            purl = {"purl": f"pkg:pypi/pybind11@{version_of(name, target)}"} if name == "pybind11" else {}
            part = component("library", name, licence, version_of(name, target), description=text, **purl)
            known[part["bom-ref"]] = part
            parts.append(part["bom-ref"])
        if package.suffix == ".whl" and parts:
            parts += wanted
        components.append(component("file", package.name, LICENCE, hashes=hashes))
        dependencies.append({"ref": package.name, "dependsOn": sorted(parts)})
    # Not in any package: pip installs them beside it, in the versions that it finds.
    beside = [
        {"type": "library", "bom-ref": name, "name": name, "purl": f"pkg:pypi/{name}", "scope": "excluded"}
        for name in wanted
        if any(name in dependency["dependsOn"] for dependency in dependencies)
    ]
    version = PROJECT["version"]
    whole = component("library", PROJECT["name"], LICENCE, version, description=PROJECT["description"])
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": whole},
        "components": [*components, *(known[name] for name in sorted(known)), *beside],
        "dependencies": [{"ref": whole["bom-ref"], "dependsOn": [path.name for path in packages]}, *dependencies],
    }
    serial = uuid.uuid5(NAMESPACE, json.dumps(document, sort_keys=True))
    return document | {"serialNumber": serial.urn}


def main() -> None:
    """Writes the folder."""
    folder, *names = map(Path, sys.argv[1:])
    folder.mkdir(parents=True, exist_ok=True)
    packages = sorted((folder / path.name for path in names), key=lambda path: path.name)
    for source, path in zip(sorted(names, key=lambda path: path.name), packages, strict=True):
        if source.resolve() != path.resolve():
            shutil.copyfile(source, path)
    materials = folder / f"{PROJECT['name']}-{PROJECT['version']}.cdx.json"
    materials.write_text(json.dumps(bill(packages), indent=1) + "\n")
    (folder / SUMS).write_text("".join(f"{digest(path)}  {path.name}\n" for path in [*packages, materials]))


if __name__ == "__main__":
    main()
