"""Makes the npm packages: npm.py VERSION LINNET_WASM SCALAR_WASM FOLDER, all but the version being paths.

FOLDER gets linnet-VERSION.tgz and linnet-large-VERSION.tgz, the model that many pages can do without, as `npm publish`
and `npm install` take them, their bytes depending on the contents alone; and beside them the folders `package` and
`large`, as they lie in node_modules. worklet.js is engine.js and processor.js in one file, as imports fail in the
worklets of some browsers.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import shutil
import sys
import tarfile
from pathlib import Path

SDK = Path(__file__).resolve().parents[1]
WEB = SDK / "web"
MODEL, LARGE = "light.linnet", "large.linnet"
DATE = 499162500  # of all files, in 1985, as npm has it


def worklet() -> str:
    """The worklet in one file."""
    engine, processor = ((WEB / name).read_text() for name in ("engine.js", "processor.js"))
    engine = re.sub(r"^export ", "", engine, flags=re.MULTILINE)
    processor = re.sub(r"^import .*\n", "", processor, flags=re.MULTILINE)
    text = f"{engine}\n{processor}"
    if re.search(r"^\s*(import|export)\b", text, re.MULTILINE):
        raise ValueError("worklet.js would have an import or export: engine.js and processor.js take one line for each")
    return text


def common(folder: Path, version: str) -> dict[str, bytes]:
    """What every package has, out of its sources."""
    description = json.loads((folder / "package.json").read_text())
    description = {"name": description.pop("name"), "version": version} | description
    files = {"package.json": json.dumps(description, indent=2).encode() + b"\n"}
    return files | {
        "README.md": (folder / "README.md").read_bytes(),
        "LICENSE": (SDK.parent / "LICENSE").read_bytes(),
    }


def large(version: str) -> dict[str, bytes]:
    """The package of the large model: path -> bytes."""
    folder = WEB / "large"
    files = {f"dist/{name}": (folder / name).read_bytes() for name in ("index.js", "index.d.ts")}
    return common(folder, version) | files | {f"dist/{LARGE}": (SDK / "models" / LARGE).read_bytes()}


def contents(version: str, module: bytes, scalar: bytes) -> dict[str, bytes]:
    """Path in the package -> bytes."""
    files = common(WEB, version)
    files |= {
        f"dist/{name}": (WEB / name).read_bytes() for name in ("index.js", "index.d.ts", "engine.js", "choice.js")
    }
    files |= {"dist/worklet.js": worklet().encode(), "dist/linnet.wasm": module, "dist/linnet-scalar.wasm": scalar}
    files[f"dist/models/{MODEL}"] = (SDK / "models" / MODEL).read_bytes()
    return files | {f"examples/{path.name}": path.read_bytes() for path in sorted((WEB / "examples").iterdir())}


def archive(files: dict[str, bytes]) -> bytes:
    """A .tgz with everything in the folder package/."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path, content in sorted(files.items()):
            entry = tarfile.TarInfo(f"package/{path}")
            entry.size, entry.mtime, entry.mode = len(content), DATE, 0o644
            tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(data.getvalue(), 9, mtime=0)


def main() -> None:
    """Writes both."""
    version, module, scalar, folder = sys.argv[1], *map(Path, sys.argv[2:])
    packages = {"package": contents(version, module.read_bytes(), scalar.read_bytes()), "large": large(version)}
    for name, files in packages.items():
        shutil.rmtree(folder / name, ignore_errors=True)
        for path, content in files.items():
            place = folder / name / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
    (folder / f"linnet-{version}.tgz").write_bytes(archive(packages["package"]))
    (folder / f"linnet-large-{version}.tgz").write_bytes(archive(packages["large"]))


if __name__ == "__main__":
    main()
