"""PEP 517 and 660 build backend: lets SCons build the binding and packs wheel, editable wheel and source archive.

`pip install .` comes here by way of pyproject.toml, which is also the only source of the metadata; `./sconsw wheels`
for the form of its wheels. Equal inputs give equal bytes: dates are fixed, names sorted, owners left out.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import gzip
import hashlib
import importlib.machinery
import importlib.metadata
import io
import itertools
import os
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NAME = f"{PROJECT['name']}-{PROJECT['version']}"
INFO = f"{NAME}.dist-info"
DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip file can hold
SUFFIX = importlib.machinery.EXTENSION_SUFFIXES[0]
# Weights hardly compress. The model that takes as much as all others comes in a wheel of its own, `linnet-NAME`, which
# puts it into the package's folder; linnet/catalog.py tells those who ask for it.
APART = "base"

# What a source archive holds: all that a clone has, less what was built or left there.
ROOT_FILES = (
    *(".clang-format", ".clang-tidy", ".editorconfig", ".gitignore", "CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md"),
    *("LICENSE", "README.md", "SConstruct", "SECURITY.md", "pyproject.toml", "sconsw"),
)
SOURCES = (".ci", ".github", "sdk", "python", "targets", "training", "tests", "benchmarks", "docs", "requirements")
BUILT = {".so", ".pyc"}


def source_files() -> dict[str, Path]:
    """All that the package is built from, and its tests: name in a source archive -> file."""
    paths = [ROOT / name for name in ROOT_FILES]
    for folder in SOURCES:
        for path in (ROOT / folder).rglob("*"):
            below = path.relative_to(ROOT / folder).parts
            hidden = any(part.startswith((".", "__pycache__")) for part in below)
            if path.is_file() and path.suffix not in BUILT and not hidden:
                paths.append(path)
    return {str(path.relative_to(ROOT)): path for path in paths}


def _is_writable() -> bool:
    build = ROOT / "build"
    return os.access(build if build.exists() else ROOT, os.W_OK)


@contextlib.contextmanager
def _writable_tree() -> Iterator[Path]:
    """This tree, or a copy of it for as long as the build takes where nobody may write here.

    Only one build at a time has this tree: two Pythons compile the same objects, each against its own headers.
    """
    if _is_writable():
        build = ROOT / "build"
        build.mkdir(exist_ok=True)
        with (build / "pip.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield ROOT
        return
    with tempfile.TemporaryDirectory(prefix="linnet-") as folder:
        for name, path in source_files().items():
            copy = Path(folder, name)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
        yield Path(folder)


def _scons(alias: str, tree: Path) -> Path:
    """Builds an alias with this interpreter and returns the build folder of this machine's target."""
    if sys.implementation.name != "cpython":
        sys.exit(f"linnet: the module is for CPython, this is {sys.implementation.name}: build it with python3")
    if subprocess.run([sys.executable, "-m", "SCons", "-Q", alias], cwd=tree, stdout=sys.stderr).returncode:
        sys.exit("linnet: the module could not be built: what stands above says why")
    return tree / "build" / f"{_targets().host()}-release"


def _targets() -> Any:
    """The package of that name, which lies beside this one in the tree alone."""
    sys.path.insert(0, str(ROOT))
    import targets

    return targets


def _metadata() -> str:
    """METADATA of the wheel and PKG-INFO of the source archive, from pyproject.toml."""
    lines = [
        *_heading(PROJECT["name"]),
        f"Summary: {PROJECT['description']}",
        f"Keywords: {','.join(PROJECT['keywords'])}",
        *(f"Classifier: {name}" for name in PROJECT["classifiers"]),
        f"Requires-Python: {PROJECT['requires-python']}",
        *(f"Requires-Dist: {requirement}" for requirement in PROJECT["dependencies"]),
    ]
    for extra, requirements in PROJECT["optional-dependencies"].items():
        lines.append(f"Provides-Extra: {extra}")
        lines += [f"Requires-Dist: {requirement}; extra == '{extra}'" for requirement in requirements]
    text = (ROOT / PROJECT["readme"]).read_text(encoding="utf-8")
    return "\n".join([*lines, "Description-Content-Type: text/markdown", "", text])


def _heading(name: str) -> list[str]:
    """The lines of metadata that all our packages share."""
    return [
        "Metadata-Version: 2.4",
        f"Name: {name}",
        f"Version: {PROJECT['version']}",
        f"Author: {', '.join(author['name'] for author in PROJECT['authors'])}",
        f"License-Expression: {PROJECT['license']}",
        *(f"License-File: {name}" for name in PROJECT["license-files"]),
    ]


def _tag() -> str:
    """Compatibility tag of a wheel with a compiled module: this interpreter on this platform."""
    python = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    if platform.startswith("linux"):
        platform = f"linux_{_targets().machine()}"
    elif platform.startswith("macosx"):  # Python may be for two kinds of CPU and older systems, the module is not
        platform = f"macosx_11_0_{_targets().machine()}"
    return f"{python}-{python}{getattr(sys, 'abiflags', '')}-{platform}"


def _wheel(tag: str) -> str:
    """WHEEL of a wheel with this tag, whose parts may be several words joined by dots."""
    tags = "".join(
        f"Tag: {'-'.join(one)}\n" for one in itertools.product(*(part.split(".") for part in tag.split("-")))
    )
    return f"Wheel-Version: 1.0\nGenerator: linnet\nRoot-Is-Purelib: {str(tag.endswith('-any')).lower()}\n{tags}"


def _info_files(tag: str) -> dict[str, bytes]:
    """The .dist-info folder without RECORD: name -> bytes."""
    scripts = "".join(f"{name} = {place}\n" for name, place in PROJECT["scripts"].items())
    texts = {"METADATA": _metadata(), "WHEEL": _wheel(tag), "entry_points.txt": f"[console_scripts]\n{scripts}"}
    return {f"{INFO}/{name}": text.encode() for name, text in texts.items()} | _licences(INFO)


def _licences(info: str) -> dict[str, bytes]:
    return {f"{info}/licenses/{name}": (ROOT / name).read_bytes() for name in PROJECT["license-files"]}


def _write_wheel(folder: str | Path, files: dict[str, bytes], info: str, tag: str) -> str:
    """Zips files, of which the .dist-info folder is `info`, and their RECORD; returns the name of the wheel."""
    record = ""
    for name, content in sorted(files.items()):
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(content)}\n"
    files = files | {f"{info}/RECORD": f"{record}{info}/RECORD,,\n".encode()}
    wheel = f"{info.removesuffix('.dist-info')}-{tag}.whl"
    with zipfile.ZipFile(Path(folder) / wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items(), key=lambda item: (item[0].startswith(info), item[0])):
            entry = zipfile.ZipInfo(name, DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o755 if Path(name).suffix in BUILT else 0o644) << 16
            archive.writestr(entry, content)
    return wheel


def package_files() -> dict[str, Path]:
    """What a wheel holds beside its compiled module: name in it -> file."""
    files = {}
    for path in sorted((ROOT / "python/linnet").rglob("*")):
        if path.suffix in (".py", ".pyi") or path.name == "py.typed":
            files[str(path.relative_to(ROOT / "python"))] = path
    for path in [*sorted((ROOT / "sdk/models").glob("*.linnet")), ROOT / "sdk/models/README.md"]:
        if path.stem != APART:
            files[f"linnet/models/{path.name}"] = path
    for path in [*sorted((ROOT / "sdk/examples").glob("demo_*.flac")), ROOT / "sdk/plugins/filter-chain.conf.in"]:
        files[f"linnet/data/{path.name}"] = path
    return files


def pack_wheel(folder: str | Path, module: Path, tag: str) -> str:
    """The package with its compiled module, the models with their card, the recording of the demo and PipeWire's file.

    tag: of compatibility, such as cp311-cp311-manylinux2014_x86_64. Returns the name of the wheel.
    """
    # pybind11 is a part of the compiled module, and wants its licence to come along.
    licence = importlib.metadata.distribution("pybind11").read_text("licenses/LICENSE") or ""
    files = {f"{INFO}/licenses/pybind11/LICENSE": licence.encode()}
    files |= {name: path.read_bytes() for name, path in package_files().items()}
    files |= {f"linnet/{module.name}": module.read_bytes()} | _info_files(tag)
    return _write_wheel(folder, files, INFO, tag)


def pack_model(folder: str | Path) -> str:
    """The model that is not in the wheels of the package, for all platforms. Returns the name of the wheel."""
    info = f"linnet_{APART}-{PROJECT['version']}.dist-info"
    lines = [*_heading(f"linnet-{APART}"), f"Summary: The model '{APART}' of linnet", "Requires-Dist: linnet"]
    files = {f"linnet/models/{APART}.linnet": (ROOT / f"sdk/models/{APART}.linnet").read_bytes()}
    files |= {f"{info}/METADATA": "\n".join([*lines, ""]).encode(), f"{info}/WHEEL": _wheel("py3-none-any").encode()}
    return _write_wheel(folder, files | _licences(info), info, "py3-none-any")


def build_wheel(wheel_directory: str, config_settings: Any = None, metadata_directory: str | None = None) -> str:
    """The wheel of this interpreter, as its compiler makes it."""
    with _writable_tree() as tree:
        return pack_wheel(wheel_directory, _scons("binding", tree) / "python" / f"_core{SUFFIX}", _tag())


def build_editable(wheel_directory: str, config_settings: Any = None, metadata_directory: str | None = None) -> str:
    """A pointer to the package in this tree, with the module built into it."""
    if not _is_writable():
        sys.exit(f"linnet: {ROOT} cannot be written, and an editable installation builds there: leave out -e")
    with _writable_tree():
        _scons("python", ROOT)
    files = {"linnet.pth": f"{ROOT / 'python'}\n".encode()} | _info_files(_tag())
    return _write_wheel(wheel_directory, files, INFO, _tag())


def prepare_metadata_for_build_wheel(metadata_directory: str, config_settings: Any = None) -> str:
    """The .dist-info folder alone, so that dependencies are known before anything is compiled."""
    for name, content in _info_files(_tag()).items():
        path = Path(metadata_directory) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return INFO


prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel


def build_sdist(sdist_directory: str, config_settings: Any = None) -> str:
    """All sources, from which the same wheel can be built."""
    files = source_files()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        contents = {name: path.read_bytes() for name, path in files.items()} | {"PKG-INFO": _metadata().encode()}
        for name, content in sorted(contents.items()):
            entry = tarfile.TarInfo(f"{NAME}/{name}")
            entry.size = len(content)
            entry.mode = 0o755 if name in files and files[name].stat().st_mode & 0o100 else 0o644
            archive.addfile(entry, io.BytesIO(content))
    with (
        (Path(sdist_directory) / f"{NAME}.tar.gz").open("wb") as out,
        gzip.GzipFile("", "wb", fileobj=out, mtime=0) as zipped,
    ):
        zipped.write(packed.getvalue())
    return f"{NAME}.tar.gz"
