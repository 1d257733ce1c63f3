"""Runs libFuzzer on the programs of tests/fuzz/ that `./sconsw fuzz` has built, and says what each has done.

    ./sconsw fuzz seconds=60                    # each for a minute; build/fuzz/results.json
    python tests/fuzz/run.py --seconds 3600 --only fuzz_blob    # one of them for an hour
    python tests/fuzz/run.py --keep             # then: the smallest inputs that reach as much, into corpus/

Each begins with its own folder below corpus/ and what it has found in earlier runs (build/fuzz/corpus/). Executions are
inputs tried; coverage is the share of the edges of library and fuzzer that they reach; a finding is an input on which
the program crashed, broke a promise, leaked, hung, or took too much memory, and lies in build/fuzz/findings/. Exit
status 1 if there is one. Totals go on from run to run, and by `python -m benchmarks.keep fuzz` from machine to machine,
as long as the library and the fuzzers stay as they are. Only the standard library is used.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
import targets  # noqa: E402

HERE = ROOT / "tests/fuzz"
FOLDER = ROOT / "build/fuzz"
RESULTS = FOLDER / "results.json"
KEPT = ROOT / "benchmarks/results/fuzz.json"  # what other machines have done
# Bytes of the longest input; that of the loader is a whole model, of which there are small ones.
LONGEST = {"fuzz_blob": 16384}
USUALLY = 4096
SEEDS = {"fuzz_blob": ("sdk/models/tiny.linnet",)}
LARGEST_CORPUS = 200_000  # bytes of what is kept in the tree, of all fuzzers together


def names() -> list[str]:
    """The fuzzers."""
    return sorted(path.stem for path in HERE.glob("fuzz_*.cpp"))


def program(name: str) -> Path:
    """What `./sconsw fuzz` has built of one."""
    proof = targets.FUZZED
    return ROOT / targets.folder(targets.host() or "", proof.mode, proof.compiler) / "tests/fuzz" / name


def inputs(folder: Path) -> list[Path]:
    """Inputs that are kept in a folder, sorted."""
    return sorted(path for path in folder.glob("*") if path.is_file())


def sources() -> str:
    """A few digits that change with the code of the library and the fuzzers, and not with comments."""
    folders = (ROOT / "sdk/src", ROOT / "sdk/include", HERE)
    paths = [path for folder in folders for suffix in ("c", "cpp", "h") for path in folder.rglob(f"*.{suffix}")]
    parts = sorted((str(path.relative_to(ROOT)), without_comments(path.read_text())) for path in paths)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def without_comments(code: str) -> str:
    """C or C++ with its comments left out, and blanks of any length as one."""
    text = r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])')"""
    bare = re.sub(text + r"|//[^\n]*|/\*.*?\*/", lambda found: found[1] or " ", code, flags=re.DOTALL)
    return " ".join(bare.split())


def is_of(numbers: dict[str, Any], of: str) -> bool:
    """Whether a fuzzer's total is of these sources."""
    return numbers.get("total", {}).get("sources") == of


def results() -> dict[str, Any]:
    """Numbers of each fuzzer, of this machine's runs or those that were kept, whichever have executed more."""
    of, found = sources(), {}

    def executions(numbers: dict[str, Any]) -> int:
        return numbers["total"]["executions"] if is_of(numbers, of) else 0

    for path in filter(Path.exists, (KEPT, RESULTS)):
        for name, numbers in json.loads(path.read_text()).items():
            if executions(numbers) >= executions(found.get(name, {})):
                found[name] = numbers
    return found


def added(before: dict[str, Any], now: dict[str, Any], of: str) -> dict[str, Any]:
    """A fuzzer's numbers with its totals: those of an earlier run, if it was of the same sources, and of this one."""
    found = {"seconds": now["seconds"], "executions": now["executions"], "frames": now["frames"]}
    total = {"sources": of, **found, "findings": len(now["findings"])}
    if is_of(before, of):
        total |= {key: total[key] + before["total"][key] for key in (*found, "findings")}
    return {**now, "total": total}


def statistics(log: str) -> dict[str, Any]:
    """What libFuzzer's log says of executions and edges. ValueError if it has not got as far."""
    edges = re.search(r"\((\d+) inline 8-bit counters\)", log)
    executed = re.search(r"stat::number_of_executed_units:\s*(\d+)", log)
    covered = re.findall(r"\bcov: (\d+)", log)
    if not edges or not covered:
        raise ValueError("no line of libFuzzer's statistics")
    # A run that ends with a finding prints no sum: the last line that begins with a number of executions has it.
    counts = [int(number) for number in re.findall(r"^#(\d+)\t", log, re.MULTILINE)]
    frames = re.search(r"^fuzz: (\d+) frames", log, re.MULTILINE)
    return {
        "executions": int(executed[1]) if executed else max(counts),
        "frames": int(frames[1]) if frames else 0,
        "covered": int(covered[-1]),
        "edges": int(edges[1]),
    }


def is_slow(command: Path, path: Path) -> bool:
    """Whether an input is slow when it is tried once more: libFuzzer's clock goes on while a machine halts."""
    again = [str(command), "-timeout=5", f"-artifact_prefix={path.parent}/again-", str(path)]
    done = subprocess.run(again, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True)
    for left in path.parent.glob("again-*"):
        left.unlink()
    return done.returncode != 0


def fuzz(name: str, seconds: int) -> dict[str, Any]:
    """Runs one fuzzer and returns its numbers and findings; its log lies beside them."""
    findings, work = FOLDER / "findings" / name, FOLDER / "corpus" / name
    shutil.rmtree(findings, ignore_errors=True)
    for folder in (findings, work):
        folder.mkdir(parents=True, exist_ok=True)
    command = [program(name), f"-max_total_time={seconds}", "-print_final_stats=1", "-timeout=30", "-rss_limit_mb=2048"]
    command += [f"-max_len={LONGEST.get(name, USUALLY)}", f"-artifact_prefix={findings}/", work]
    command += filter(Path.is_dir, [HERE / "corpus" / name])
    seeds = FOLDER / "seeds" / name
    shutil.rmtree(seeds, ignore_errors=True)
    for path in SEEDS.get(name, ()):
        seeds.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, seeds)
        command.append(seeds)
    command = list(map(str, command))
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    (FOLDER / f"{name}.log").write_text(done.stderr)
    for path in inputs(findings):
        if path.name.startswith("slow-unit-") and not is_slow(program(name), path):
            path.unlink()
    found = [str(path.relative_to(ROOT)) for path in inputs(findings)]
    if done.returncode and not found:
        found = [f"exit status {done.returncode}, see {FOLDER.relative_to(ROOT)}/{name}.log"]
    try:
        numbers = statistics(done.stderr)
    except ValueError as error:
        numbers, found = {"executions": 0, "frames": 0, "covered": 0, "edges": 1}, found or [str(error)]
    return {"seconds": seconds, **numbers, "findings": found}


def keep() -> int:
    """Merges what was found into corpus/: of each fuzzer the smallest inputs that reach every edge that is reached."""
    for name in names():
        merged, work = FOLDER / "merged" / name, [FOLDER / "corpus" / name, HERE / "corpus" / name]
        shutil.rmtree(merged, ignore_errors=True)
        merged.mkdir(parents=True)
        # Of a whole model, changes of a sound one reach as much: only short ones are worth a place in the tree.
        command = [program(name), "-merge=1", "-use_counters=0", "-max_len=1024", merged, *filter(Path.is_dir, work)]
        subprocess.run(list(map(str, command)), cwd=ROOT, check=True, capture_output=True)
        shutil.rmtree(work[1], ignore_errors=True)
        shutil.copytree(merged, work[1])
        kept = inputs(work[1])
        print(f"{name}: {len(kept)} inputs, {sum(path.stat().st_size for path in kept)} bytes")
    total = sum(path.stat().st_size for path in (HERE / "corpus").rglob("*") if path.is_file())
    if total > LARGEST_CORPUS:
        print(f"{total} bytes are more than the {LARGEST_CORPUS} that the tree is to hold", file=sys.stderr)
    return int(total > LARGEST_CORPUS)


def main() -> int:
    """Command line; 1 if there was a finding."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=30, help="of each fuzzer")
    parser.add_argument("--jobs", type=int, default=1, help="fuzzers that run at a time")
    parser.add_argument("--only", nargs="+", choices=names(), metavar="NAME", help=f"of {', '.join(names())}")
    parser.add_argument("--keep", action="store_true", help="merge what earlier runs have found into corpus/")
    options = parser.parse_args()
    if options.keep:
        return keep()
    FOLDER.mkdir(parents=True, exist_ok=True)
    chosen, of = options.only or names(), sources()
    with ThreadPoolExecutor(max(1, options.jobs)) as pool:
        runs = dict(zip(chosen, pool.map(lambda name: fuzz(name, options.seconds), chosen), strict=True))
    kept = results()
    for name, result in runs.items():
        kept[name] = added(kept.get(name, {}), result, of)
        share = 100 * result["covered"] / result["edges"]
        frames = f" ({result['frames']} frames)" if result["frames"] else ""
        print(
            f"{name}: {result['executions']} executions{frames}, {result['covered']} of {result['edges']} edges "
            f"({share:.1f} %), {len(result['findings'])} findings; {kept[name]['total']['executions']} in all"
        )
        for finding in result["findings"]:
            print(f"  {finding}")
    RESULTS.write_text(json.dumps({name: kept[name] for name in names() if name in kept}, indent=1) + "\n")
    return int(any(result["findings"] for result in runs.values()))


if __name__ == "__main__":
    sys.exit(main())
