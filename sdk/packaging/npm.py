"""Makes the npm package: npm.py VERSION LINNET_WASM SCALAR_WASM FOLDER TGZ, all but the version being paths.

FOLDER gets the package as it lies in node_modules, TGZ is what `npm publish` and `npm install` take, whose bytes depend
on the contents alone. worklet.js is engine.js and processor.js in one file, as imports fail in the worklets of some
browsers.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import sys
import tarfile
from pathlib import Path

SDK = Path(__file__).resolve().parents[1]
WEB = SDK / "web"
MODELS = ("light", "sparse")
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


def contents(version: str, module: bytes, scalar: bytes) -> dict[str, bytes]:
    """Path in the package -> bytes."""
    description = json.loads((WEB / "package.json").read_text())
    description = {"name": description.pop("name"), "version": version} | description
    files = {"package.json": json.dumps(description, indent=2).encode() + b"\n"}
    files |= {"README.md": (WEB / "README.md").read_bytes(), "LICENSE": (SDK.parent / "LICENSE").read_bytes()}
    files |= {
        f"dist/{name}": (WEB / name).read_bytes() for name in ("index.js", "index.d.ts", "engine.js", "choice.js")
    }
    files |= {"dist/worklet.js": worklet().encode(), "dist/linnet.wasm": module, "dist/linnet-scalar.wasm": scalar}
    files |= {f"dist/models/{name}.linnet": (SDK / f"models/{name}.linnet").read_bytes() for name in MODELS}
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
    version, module, scalar, folder, tgz = sys.argv[1:]
    files = contents(version, Path(module).read_bytes(), Path(scalar).read_bytes())
    for path, content in files.items():
        place = Path(folder) / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    Path(tgz).write_bytes(archive(files))


if __name__ == "__main__":
    main()
