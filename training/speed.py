"""How fast this machine trains: the GRU layer alone and whole updates of a preset, with and without what makes it fast.

    python training/speed.py                      # prints a table
    python training/speed.py small base --json benchmarks/results/training.json

One core, one process, no data: features are random numbers. Times are CPU time of the process, the least of several
repeats, so that other work on the machine counts little. A rate in GFLOP/s counts products alone, and stands beside
that of a product of PyTorch's own, [1024, 1024] x [1024, 1024].
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

from training import config, features, gru, keep_memory, train
from training.losses import total_loss
from training.model import Network, Recurrent, working_type

FRAMES = 100
# Rows, inputs, width. Wide and few rows: a batch of `small`, of `base`; narrow and many: 34 bands of a batch of 32.
LAYERS = [(32, 256, 256), (32, 512, 512), (1088, 32, 32), (1088, 64, 64)]
PRODUCTS = {"float32": "ieee", "bfloat16": "bf16"}


def least(work: Callable[[], object], repeats: int) -> float:
    """CPU seconds of the fastest call, after one for warming up."""
    found = []
    for _ in range(repeats + 1):
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return min(found[1:])


@contextmanager
def ways(products: str, kernels: bool) -> Iterator[None]:
    """Products of that type; with the compiled layer or with the loop in PyTorch."""
    before, torch.backends.mkldnn.matmul.fp32_precision = (
        torch.backends.mkldnn.matmul.fp32_precision,
        PRODUCTS[products],
    )
    available = gru.available
    if not kernels:
        gru.available = lambda kind: False
    try:
        yield
    finally:
        torch.backends.mkldnn.matmul.fp32_precision = before
        gru.available = available


def product_rate() -> float:
    """GFLOP/s of a large product of the working type."""
    a = torch.randn(1024, 1024).to(working_type())
    return 2 * 1024**3 / least(lambda: a @ a, 10) / 1e9


def layer_speed(rows: int, cols: int, width: int) -> dict[str, float]:
    """Milliseconds forward and backward for 100 frames, and GFLOP/s of both together."""
    torch.manual_seed(0)
    layer, x = Recurrent(cols, width), torch.randn(FRAMES, rows, cols, requires_grad=True)
    start, weight = torch.zeros(rows, width), torch.randn(FRAMES, rows, width)
    forward = least(lambda: layer(x, start, False), 2)
    both = least(lambda: layer(x, start, False)[0].backward(weight), 2)
    products = 3 * 2 * FRAMES * rows * 3 * width * (cols + width)
    return {
        "forward_ms": 1e3 * forward,
        "backward_ms": 1e3 * (both - forward),
        "gflops": products / both / 1e9,
        "frames_per_s": FRAMES * rows / both,
    }


def update_speed(preset: str) -> dict[str, float]:
    """Milliseconds of each part of an update of the preset, and frames per second."""
    c = config.load_preset(preset)
    torch.manual_seed(0)
    network = Network(c.dense, c.hidden, c.strength)
    optimisers = train.make_optimisers(c, network)
    average = [value.detach().clone() for value in network.parameters()]
    rows = torch.rand(FRAMES, c.batch, features.COLUMNS).half()
    best: dict[str, float] = {}

    def once() -> None:
        clock = time.process_time()

        def lap(part: str) -> None:
            nonlocal clock
            now = time.process_time()
            best[part] = min(best.get(part, 1e9), now - clock)
            clock = now

        part = features.PLAIN.split(rows)
        lap("split")
        *outputs, _ = network(part["features"], network.start(c.batch), True)
        lap("forward")
        loss, _ = total_loss(c, part, *outputs)
        lap("loss")
        network.zero_grad()
        loss.backward()
        lap("backward")
        torch.nn.utils.clip_grad_norm_(network.parameters(), c.clip)
        lap("clip")
        for kind, optimiser in optimisers.items():
            optimiser.step()
            lap(kind)
        torch._foreach_lerp_(average, [value.detach() for value in network.parameters()], 0.001)
        lap("average")

    for _ in range(5):
        once()
    total = sum(best.values())
    return {f"{part}_ms": 1e3 * value for part, value in best.items()} | {"frames_per_s": FRAMES * c.batch / total}


def cpu_name() -> str:
    """As the system calls it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()


def main() -> int:
    """Command line; 2 with one line on stderr for bad input."""
    parser = argparse.ArgumentParser(description="How fast this machine trains.")
    parser.add_argument("presets", nargs="*", default=["small"], help="whose updates are timed (small)")
    parser.add_argument("--json", type=Path, help="write the numbers there as well")
    asked = parser.parse_args()
    keep_memory()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    library = gru.library()
    kernels = library.linnet_gru_backend().decode() if library else None
    found = {"cpu": cpu_name(), "torch": torch.__version__, "kernels": kernels, "ways": []}
    fast = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    try:
        for products in PRODUCTS if fast else ("float32",):
            for compiled in (False, True) if library else (False,):
                with ways(products, compiled):
                    way = {"products": products, "kernels": compiled, "product_gflops": product_rate()}
                    way["updates"] = {preset: update_speed(preset) for preset in asked.presets}
                    way["layers"] = {"x".join(map(str, sizes)): layer_speed(*sizes) for sizes in LAYERS}
                found["ways"].append(way)
                print(f"{products}, {'compiled layer' if compiled else 'loop in PyTorch'}", end=": ")
                print(f"a large product {way['product_gflops']:.0f} GFLOP/s")
                for kind in ("updates", "layers"):
                    for name, speed in way[kind].items():
                        text = " ".join(f"{key} {value:.4g}" for key, value in speed.items())
                        print(f"  {name:<13} {text}", flush=True)
        if asked.json:
            asked.json.write_text(json.dumps(found, indent=1) + "\n")
    except (ValueError, OSError) as error:
        print(f"speed: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
