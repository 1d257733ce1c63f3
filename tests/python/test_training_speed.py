"""The timings of training: that they time what they say, and nothing of how long it took."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from training import gru, speed


@pytest.mark.parametrize("kernels", [False, True])
def test_a_way_is_taken_and_left(kernels: bool) -> None:
    torch.set_num_threads(1)  # as in training
    precision = torch.backends.mkldnn.matmul.fp32_precision
    there = gru.available(torch.float32)
    with speed.ways("float32", kernels):
        assert gru.available(torch.float32) == (kernels and there)
        assert torch.backends.mkldnn.matmul.fp32_precision == "ieee"
        layer, update = speed.layer_speed(4, 8, 8), speed.update_speed("tiny")
    assert torch.backends.mkldnn.matmul.fp32_precision == precision
    assert gru.available(torch.float32) == there
    assert min(layer.values()) > 0
    assert {"forward_ms", "backward_ms", "muon_ms", "adam_ms"} < set(update)
    # 100 frames of the batch in the time of all parts together.
    parts = sum(value for key, value in update.items() if key.endswith("_ms"))
    assert update["frames_per_s"] * parts / 1000 == pytest.approx(100 * speed.config.load_preset("tiny").batch)


def test_an_unknown_preset_is_named() -> None:
    done = subprocess.run([sys.executable, speed.__file__, "huge"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "no preset 'huge'" in done.stderr
    assert done.stderr.count("\n") == 1
