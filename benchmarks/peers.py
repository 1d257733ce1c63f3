"""The same audio through what others install, and the same matrices through other libraries: CPU beside CPU.

    ./sconsw bench peers
    PYTHONPATH=python python -m benchmarks.peers [--audio FILE] [--seconds 60] [--rounds 3] [--scores FILE]

Each system runs in a process of its own, on one thread and one core, on a short and on a long stretch of the same audio
in turn; its cost is the difference of the CPU seconds of both processes over the difference in audio, so that starting
up does not count. Median over the rounds. Systems that are not installed are left out and named; the packages are
speexdsp-ns, webrtc-noise-gain (16 kHz only), pyrnnoise (its library called directly; a build for one CPU may be several
times faster), onnxruntime with onnx, and torch. --scores:
JSON {"name": "PESQ", "systems": {SYSTEM: number}} from a rendered set.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from benchmarks import common, native
from linnet import _core
from linnet._core import FRAME, RATE

WIDTH = 512  # units and inputs of the GRU that the kernel comparison steps through


def _linnet(name: str) -> Callable[[np.ndarray], None]:
    stream = _core.Stream(_core.Model(common.model(name)))

    def run(x: np.ndarray) -> None:
        for at in range(0, len(x) - FRAME + 1, FRAME):
            stream.process(x[at : at + FRAME])

    return run


def _speexdsp() -> Callable[[np.ndarray], None]:
    from speexdsp_ns import NoiseSuppression

    suppressor = NoiseSuppression.create(FRAME, RATE)

    def run(x: np.ndarray) -> None:
        data = (x * 32767).astype(np.int16).tobytes()
        for at in range(0, len(data) - 2 * FRAME + 1, 2 * FRAME):
            suppressor.process(data[at : at + 2 * FRAME])

    return run


def _webrtc() -> Callable[[np.ndarray], None]:
    from webrtc_noise_gain import AudioProcessor

    processor = AudioProcessor(0, 4)

    def run(x: np.ndarray) -> None:
        data = (soxr.resample(x, RATE, 16000) * 32767).astype(np.int16).tobytes()
        for at in range(0, len(data) - 320 + 1, 320):
            processor.Process10ms(data[at : at + 320])

    return run


def _rnnoise() -> Callable[[np.ndarray], None]:
    folder = Path(importlib.util.find_spec("pyrnnoise").origin).parent
    library = ctypes.CDLL(str(next(folder.glob("*rnnoise*.so*"))))
    library.rnnoise_create.restype = ctypes.c_void_p
    library.rnnoise_process_frame.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
    library.rnnoise_process_frame.restype = ctypes.c_float
    state = library.rnnoise_create(None)

    def run(x: np.ndarray) -> None:
        scaled, out = np.ascontiguousarray(x * 32768, np.float32), np.empty(FRAME, np.float32)
        for at in range(0, len(x) - FRAME + 1, FRAME):
            library.rnnoise_process_frame(state, out.ctypes.data, scaled[at:].ctypes.data)

    return run


SYSTEMS: dict[str, tuple[str, Callable[[], Callable[[np.ndarray], None]]]] = {
    "linnet large": ("linnet", lambda: _linnet("large")),
    "linnet base": ("linnet", lambda: _linnet("base")),
    "linnet sparse": ("linnet", lambda: _linnet("sparse")),
    "linnet small": ("linnet", lambda: _linnet("small")),
    "linnet light": ("linnet", lambda: _linnet("light")),
    "SpeexDSP": ("speexdsp_ns", _speexdsp),
    "WebRTC NS (16 kHz)": ("webrtc_noise_gain", _webrtc),
    "RNNoise (packaged)": ("pyrnnoise", _rnnoise),
}


def worker(name: str, audio: str, seconds: float) -> None:
    """Runs one system over that much audio, repeated as needed, and prints the CPU seconds of the whole process."""
    x, _ = soundfile.read(audio, dtype="float32")
    x = np.resize(x, int(seconds * RATE))
    SYSTEMS[name][1]()(x)
    print(time.process_time())


def cpu_seconds(name: str, audio: Path, seconds: float) -> float:
    """CPU seconds of a process of its own. Raises RuntimeError with what it said."""
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    path = os.pathsep.join([str(common.ROOT / "python"), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "benchmarks.peers", "--worker", name, "--audio", str(audio)]
    done = subprocess.run(
        [*command, "--seconds", str(seconds)],
        env=os.environ | single | {"PYTHONPATH": path},
        cwd=common.ROOT,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise RuntimeError(f"{name}: {said[-1]}")
    return float(done.stdout)


def median_of(step: Callable[[], Any], seconds: float = 0.5) -> float:
    """Median microseconds of one call."""
    times = []
    stop = time.perf_counter() + seconds
    while time.perf_counter() < stop:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return 1e6 * statistics.median(times)


def torch_gru() -> float:
    """One step of torch's dynamically quantised int8 GRU cell, microseconds."""
    import torch

    torch.set_num_threads(1)
    warnings.simplefilter("ignore", DeprecationWarning)  # that another package will do the same
    gru = torch.ao.quantization.quantize_dynamic(torch.nn.GRU(WIDTH, WIDTH), {torch.nn.GRU}, dtype=torch.qint8)
    x, h = torch.zeros(1, 1, WIDTH), torch.zeros(1, 1, WIDTH)
    with torch.no_grad():
        return median_of(lambda: gru(x, h))


def onnx_products() -> float:
    """The two int8 matrix products of one GRU step (1536 x 512 each) in onnxruntime, microseconds."""
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.RandomState(0)
    weights = [random.randint(-127, 128, (WIDTH, 3 * WIDTH)).astype(np.int8) for _ in range(2)]
    nodes = [helper.make_node("MatMulInteger", ["x", f"w{i}"], [f"y{i}"]) for i in range(2)]
    inputs = [helper.make_tensor_value_info("x", TensorProto.UINT8, [1, WIDTH])]
    outputs = [helper.make_tensor_value_info(f"y{i}", TensorProto.INT32, [1, 3 * WIDTH]) for i in range(2)]
    initial = [numpy_helper.from_array(weight, f"w{i}") for i, weight in enumerate(weights)]
    model = helper.make_model(
        helper.make_graph(nodes, "gru", inputs, outputs, initial), opset_imports=[helper.make_opsetid("", 17)]
    )
    model.ir_version = 8
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    x = {"x": np.ones((1, WIDTH), np.uint8)}
    return median_of(lambda: session.run(None, x))


def kernels() -> list[dict[str, Any]]:
    """Microseconds of the work of one 512-unit GRU step in each library that is here."""
    found = []
    candidates = {"torch": ("torch int8 GRU step", torch_gru), "onnx": ("onnxruntime int8 products", onnx_products)}
    for module, (name, measure) in candidates.items():
        if importlib.util.find_spec(module) is None or (
            module == "onnx" and not importlib.util.find_spec("onnxruntime")
        ):
            print(f"left out: {name}, {module} is not installed")
            continue
        found.append({"name": name, "microseconds": measure()})
    from linnet._core import backends

    fastest = backends()[0]
    core = max(os.sched_getaffinity(0))
    found.append({"name": f"linnet {fastest} GRU step", "microseconds": native.gru(fastest, core)})
    return found


def main() -> int:
    """Compares, prints a table, writes build/bench/peers.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--audio", type=Path, default=common.ROOT / "sdk/examples/demo_noisy.flac")
    parser.add_argument("--seconds", type=common.seconds, default=60.0)
    parser.add_argument("--rounds", type=common.count, default=3)
    parser.add_argument("--scores", type=Path)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    if options.worker:
        worker(options.worker, str(options.audio), options.seconds)
        return 0
    scores = json.loads(options.scores.read_text()) if options.scores else {"name": "score", "systems": {}}
    costs: dict[str, list[float]] = {}
    for _ in range(options.rounds):  # in turn, so that a change of the machine meets all alike
        for name, (module, _make) in SYSTEMS.items():
            if importlib.util.find_spec(module) is None:
                costs.setdefault(name, [])
                continue
            short = cpu_seconds(name, options.audio, 1.0)
            long = cpu_seconds(name, options.audio, 1.0 + options.seconds)
            costs.setdefault(name, []).append((long - short) / options.seconds)
    rows = []
    for name, values in costs.items():
        if not values:
            print(f"left out: {name}, package not installed")
            continue
        rows.append({"name": name, "cpu": statistics.median(values)})
        if name in scores["systems"]:
            rows[-1]["score"] = float(scores["systems"][name])
    data = {"machine": common.machine(), "systems": rows, "kernels": kernels(), "score_name": scores["name"]}
    print(f"machine: {data['machine']}; one thread; {options.rounds} rounds of {options.seconds:g} s of audio")
    lines = [
        [row["name"], f"{1000 * row['cpu']:.2f}", f"{100 * row['cpu']:.2f}", row.get("score", "-")] for row in rows
    ]
    print(common.table(["system", "CPU ms per second", "% of a core", scores["name"]], lines))
    print()
    lines = [[row["name"], f"{row['microseconds']:.1f}"] for row in data["kernels"]]
    print(common.table([f"GRU of {WIDTH} units on {WIDTH} inputs", "microseconds"], lines))
    print(common.save("peers", data).relative_to(common.ROOT))
    return 0


if __name__ == "__main__":
    raise SystemExit(common.status_of(main))
