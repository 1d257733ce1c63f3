"""What this installation can do, on one screen: CPU and kernels, the self-test, one frame's time, libraries, models.

The first thing to look at, and to send along, when something is wrong.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import platform
import subprocess
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from linnet import _core
from linnet.catalog import DEFAULT_MODEL, ModelLike, models, open_model
from linnet.enhancer import RATE
from linnet.io import ffmpeg
from linnet.io.outputs import printable

_LIBRARIES = ("numpy", "soundfile", "soxr", "tqdm", "matplotlib")
_OPTIONAL = {"matplotlib"}  # for pictures only
# Names of instruction sets, as Linux gives them, that are worth telling.
_FEATURES = ["avx", "avx2", "fma", "avx_vnni", "avx512f", "avx512vl", "avx512_vnni", "neon", "asimd", "asimddp", "i8mm"]
_FRAMES = 50  # that are timed, half a second of them paced


def examine(model: ModelLike | None = None) -> dict[str, Any]:
    """All facts, for JSON; `problems` lists, in lines with a remedy, what keeps this installation from working well."""
    known = models()
    problems: list[str] = []
    facts: dict[str, Any] = {
        "version": _core.version(),
        "abi": _core.abi(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpu": {"name": platform.processor() or platform.machine(), "cores": os.cpu_count(), "features": _features()},
        "backends": _core.backends(),
        "selftest": {name: _selftest(name, problems) for name in _core.backends()},
        "libraries": {name: _version(name, problems) for name in _LIBRARIES},
        "libsndfile": _libsndfile(),
        "ffmpeg": _ffmpeg(),
        "default_model": DEFAULT_MODEL if DEFAULT_MODEL in known else None,
        "models": [
            {"name": one.name, "path": str(one.path), "bytes": one.size, "delay_samples": one.delay}
            for one in known.values()
        ],
        "frame": None,
    }
    if model is None and facts["default_model"] is None:
        problems.append("no default model: put large.linnet or small.linnet into sdk/models, or give --model PATH")
    else:
        chosen = DEFAULT_MODEL if model is None else model
        facts["frame"] = _frame(chosen, facts["cpu"], problems)
    facts["problems"] = problems
    return facts


def text(facts: dict[str, Any]) -> str:
    """The facts on one screen."""
    cpu, frame = facts["cpu"], facts["frame"]
    rows = [
        ("linnet", f"{facts['version']}, ABI {facts['abi']}"),
        ("system", f"{facts['system']}, Python {facts['python']}"),
        ("cpu", f"{cpu['name']}, {cpu['cores']} cores" + (f": {' '.join(cpu['features'])}" if cpu["features"] else "")),
        ("backends", f"{', '.join(facts['backends'])} (the first is used)"),
        ("self-test", ", ".join(f"{name} {'ok' if ok else 'DIFFERS'}" for name, ok in facts["selftest"].items())),
    ]
    if frame:
        rows.append(
            (
                "a frame",
                f"{frame['model']}: {frame['hot_us']:.0f} us back to back, {frame['paced_us']:.0f} us every 10 ms "
                f"({frame['cpu_percent']:.1f} % of one core)",
            )
        )
        rows.append(("delay", f"{frame['delay_ms']:g} ms = {frame['delay_samples']} samples at {RATE} Hz"))
    libraries = [f"{name} {version or 'missing'}" for name, version in facts["libraries"].items()]
    rows.append(("libraries", ", ".join([*libraries, f"libsndfile {facts['libsndfile'] or 'missing'}"])))
    found = facts["ffmpeg"]
    missing = "not found; without it no m4a, mp4, webm, aac, wma and the like"
    rows.append(("ffmpeg", f"{found['version']} ({found['path']})" if found else missing))
    for one in facts["models"]:
        mark = " (default)" if one["name"] == facts["default_model"] else ""
        rows.append(("model", f"{one['name']}{mark}: {one['bytes'] / 1e6:.2f} MB, {one['path']}"))
    rows += [("PROBLEM", problem) for problem in facts["problems"]]
    rows += [] if facts["problems"] else [("verdict", "all is well")]
    return "\n".join(f"{name:<10} {value}" for name, value in rows)


def _features() -> list[str]:
    """Instruction sets that the system tells of; empty where it tells none."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip().lower() in ("flags", "features"):
                words = set(value.split())
                return [feature for feature in _FEATURES if feature in words]
    return []


def _selftest(backend: str, problems: list[str]) -> bool:
    try:
        hashes = _core.selftest(backend)
    except ValueError as error:
        problems.append(f"backend {backend}: the self-test stops ({error}); report this with 'linnet selftest'")
        return False
    different = sum(value != expected for _, _, value, expected in hashes)
    if different:
        problems.append(
            f"backend {backend}: {different} hashes differ; build anew, or report this with 'linnet selftest'"
        )
    return not different


def _frame(model: ModelLike, cpu: dict[str, Any], problems: list[str]) -> dict[str, Any] | None:
    """Cost of a frame of a model. Raises ModelError if there is no such model."""
    opened = open_model(model)
    with ExitStack() as folders:
        path = opened.path
        if path is None:  # given as bytes, and the bench reads a file
            path = Path(folders.enter_context(tempfile.TemporaryDirectory())) / "bytes.linnet"
            path.write_bytes(opened.to_bytes())
        try:
            bench = json.loads(_core.bench(os.fsencode(path), None, _FRAMES, True))
        except ValueError as error:
            problems.append(f"a frame of {printable(os.fspath(path))} cannot be timed ({error})")
            return None
    cpu["name"] = next((core["name"] for core in bench["cores"] if core["used"]), cpu["name"])
    paced = bench["paced"]["median_us"]
    return {
        "model": opened.name,
        "hot_us": bench["hot"]["median_us"],
        "paced_us": paced,
        "cpu_percent": round(paced / 100.0, 2),  # of 10 ms
        "delay_samples": opened.delay,
        "delay_ms": 1000.0 * opened.delay / RATE,
    }


def _version(name: str, problems: list[str]) -> str | None:
    try:
        importlib.import_module(name)
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
    except Exception as error:  # a library that is there and does not load
        if name not in _OPTIONAL:
            problems.append(f"{name} cannot be loaded ({error}); pip install {name}")
        return None


def _libsndfile() -> str | None:
    try:
        import soundfile
    except Exception:
        return None
    return str(soundfile.__libsndfile_version__)


def _ffmpeg() -> dict[str, str] | None:
    path = ffmpeg.find()
    if path is None:
        return None
    try:
        ran = subprocess.run([path, "-version"], capture_output=True, timeout=10, stdin=subprocess.DEVNULL)
        words = ran.stdout.decode(errors="replace").split()
    except (OSError, subprocess.TimeoutExpired):
        words = []
    # "ffmpeg version 5.1.9 Copyright ..."
    return {"path": path, "version": words[2] if words[:2] == ["ffmpeg", "version"] and len(words) > 2 else "unknown"}
