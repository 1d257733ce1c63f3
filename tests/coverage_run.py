"""Lines and branches of sdk/src that the tests execute: of all, of model/ and of linnet.cpp.

    ./sconsw mode=coverage build/TARGET-coverage/tests && python tests/coverage_run.py

Runs the frozen vectors and the C and C++ programs as ./sconsw test does on this machine, in the build that counts, and
has gcovr put together what they leave; build/coverage/results.json. `--html` writes the sources with their counts into
build/coverage/html. Left out are the laboratory, which Python tests run, AVX-VNNI and AVX512-VNNI, which no emulator
can, and the checks of debug builds.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
import targets  # noqa: E402
from tests import run as suites  # noqa: E402

FOLDER = ROOT / "build/coverage"
# Parts of sdk/src, by how the paths of their files begin.
PARTS = {"sdk/src": "sdk/src/", "model/": "sdk/src/model/", "linnet.cpp": "sdk/src/linnet.cpp"}
LEFT_OUT = ("sdk/src/lab/.*", "sdk/src/kernels/avx(512)?_vnni.*", "sdk/src/kernels/contract.h", "sdk/src/base/check.h")
# Kernels run more often than gcovr takes for sound; a check of debug builds must not take its other branch. A line of a
# template is one line, however many instances of it a build has.
TAKEN = ("--merge-lines", "--gcov-suspicious-hits-threshold", "0", "--exclude-branches-by-pattern", ".*LINNET_CHECK.*")


def items(build: Path) -> list[suites.Item]:
    """What is run."""
    found = suites.brief_items(targets.load(targets.host() or ""), build)
    program = str(build / "tests/vectors/vector_run")
    backends = subprocess.run([program, "--backends"], capture_output=True, text=True, check=True).stdout.split()
    frozen = json.loads((ROOT / "tests/vectors/manifest.json").read_text())["models"]
    for backend in backends:
        for model in suites.VARIED:
            words = [program, model, "--backend", backend, "--only", ",".join(frozen[model])]
            found.append(suites.Item(f"vectors {model} {backend}", words))
    return found


def shares(files: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """Of each part how many lines and branches there are, and how many of them were executed; of gcovr's files."""
    return {
        part: {
            f"{kind}_{what}": sum(file[f"{kind}_{what}"] for file in files if file["filename"].startswith(start))
            for kind in ("line", "branch")
            for what in ("total", "covered")
        }
        for part, start in PARTS.items()
    }


def words(share: dict[str, int]) -> str:
    """Lines and branches of a part in percent."""
    percent = (100 * share[f"{kind}_covered"] / share[f"{kind}_total"] for kind in ("line", "branch"))
    return "{:.1f} % of lines, {:.1f} % of branches".format(*percent)


def main() -> int:
    """Command line; 1 if a program failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--read", action="store_true", help="run nothing, read what earlier runs have left")
    parser.add_argument("--html", action="store_true", help="write the sources with their counts too")
    options = parser.parse_args()
    proof = targets.COVERAGE
    build = ROOT / targets.folder(targets.host() or "", proof.mode, proof.compiler)
    if not (build / "tests/vectors/vector_run").exists():
        parser.error(f"./sconsw mode={proof.mode} {build.relative_to(ROOT)}/tests builds what this runs")
    count = suites.Count()
    if not options.read:
        for path in build.rglob("*.gcda"):
            path.unlink()
        for item in items(build):
            _, ok, seconds, output = suites.execute(item)  # one at a time: they count in the same files
            count.add(item.name, ok, seconds, output)
    FOLDER.mkdir(parents=True, exist_ok=True)
    summary = FOLDER / "gcovr.json"
    command = [
        sys.executable,
        "-m",
        "gcovr",
        "--root",
        str(ROOT),
        "--filter",
        "sdk/src/",
        "--json-summary",
        str(summary),
    ]
    command += [*TAKEN, *(word for pattern in LEFT_OUT for word in ("--exclude", pattern))]
    if options.html:
        (FOLDER / "html").mkdir(exist_ok=True)
        command += ["--html-details", str(FOLDER / "html/index.html")]
    subprocess.run([*command, str(build)], cwd=ROOT, check=True)
    results = shares(json.loads(summary.read_text())["files"])
    (FOLDER / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    for part, share in results.items():
        print(f"{part}: {words(share)}")
    return int(count.failed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
