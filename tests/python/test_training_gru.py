"""The compiled GRU layer of training: every instruction set of this CPU against float64 and PyTorch's own gradients."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator

import pytest
import torch

from training import device, gru, model

NAMES = ("states", "last", "x", "start", "weight_input", "weight_state", "bias_input", "bias_state")
# Of frames, rows, inputs, width: odd sizes, one of everything, several groups of rows; wide ones leave PyTorch a part.
SIZES = [(1, 1, 1, 1), (7, 5, 12, 16), (9, 33, 64, 64), (5, 70, 35, 33), (6, 13, 130, 48), (4, 40, 300, 200)]
SIZES += [(3, 139, 40, 144), (2, 9, 600, 8)]


def plain_layer(x, state, weight_input, weight_state, bias_input, bias_state):
    """The formula of native/gru.h, frame by frame."""
    states, width = [], state.shape[1]
    for frame in x:
        side = (frame @ weight_input.T + bias_input).split(width, dim=1)
        recurrent = (state @ weight_state.T + bias_state).split(width, dim=1)
        reset, update = torch.sigmoid(side[0] + recurrent[0]), torch.sigmoid(side[1] + recurrent[1])
        candidate = torch.tanh(side[2] + reset * recurrent[2])
        state = candidate + update * (state - candidate)
        states.append(state)
    return torch.stack(states), state


def values_and_gradients(layer: Callable, sizes: tuple[int, ...], kind: torch.dtype) -> list[torch.Tensor]:
    """By NAMES: what the layer gives for random arguments, and the gradients of a random sum of that."""
    frames, rows, cols, width = sizes
    draw = torch.Generator().manual_seed(7)
    shapes = [(frames, rows, cols), (rows, width), (3 * width, cols), (3 * width, width), (3 * width,), (3 * width,)]
    values = [torch.randn(shape, generator=draw) for shape in shapes]
    values[2] /= cols**0.5
    values[3] /= width**0.5
    arguments = [value.to(kind).requires_grad_() for value in values]
    states, last = layer(*arguments)
    weights = [torch.randn(value.shape, generator=draw).to(kind) for value in (states, last)]
    ((states * weights[0]).sum() + (last * weights[1]).sum()).backward()
    return [states.detach(), last.detach(), *(value.grad for value in arguments)]


@pytest.fixture(params=["plain", "avx2", "avx512", "avx512_bf16"])
def backend(request: pytest.FixtureRequest) -> Iterator[ctypes.CDLL]:
    library = gru.library()
    if library is None:
        pytest.skip("the kernels of the trainer are not built; ./sconsw python does")
    if library.linnet_gru_use(request.param.encode()):
        pytest.skip(f"this CPU does not know {request.param}")
    assert library.linnet_gru_backend().decode() == request.param
    yield library
    library.linnet_gru_use(None)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16], ids=str)
def test_the_layer_and_its_gradients_are_those_of_the_formula(
    backend: ctypes.CDLL, sizes: tuple[int, ...], kind: torch.dtype
) -> None:
    if kind == torch.bfloat16 and not backend.linnet_gru_has_bfloat16():
        with pytest.raises(RuntimeError, match="bfloat16"):
            values_and_gradients(lambda *values: gru.Function.apply(kind, *values), sizes, torch.float32)
        return
    wanted = values_and_gradients(plain_layer, sizes, torch.float64)
    found = values_and_gradients(lambda *values: gru.Function.apply(kind, *values), sizes, torch.float32)
    # Relative to the norm: float32 has 24 bits and sums of up to 10,000; bfloat16 has 8, in factors and what is kept.
    tolerance = 3e-6 if kind == torch.float32 else 1.5e-2
    for name, mine, theirs in zip(NAMES, found, wanted, strict=True):
        assert mine.dtype == torch.float32
        assert (mine - theirs).norm() < tolerance * theirs.norm(), name


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16], ids=str)
def test_a_layer_too_large_for_the_caches_is_the_same_row_for_row(kind: torch.dtype) -> None:
    """What is written past the caches, and slices that are not."""
    if not gru.available(kind):
        pytest.skip(f"no kernels of {kind} here")
    torch.manual_seed(2)
    x, start = torch.randn(70, 1000, 16), torch.randn(1000, 64)
    weights = [torch.randn(192, 16), torch.randn(192, 64) / 8, torch.randn(192), torch.randn(192)]
    found = []
    for rows in ([slice(0, 1000)], [slice(0, 500), slice(500, 1000)]):
        parts = []
        for some in rows:
            own = x[:, some].clone().requires_grad_()
            states, _ = gru.Function.apply(kind, own, start[some], *weights)
            states.square().sum().backward()
            parts.append((states.detach(), own.grad))
        found.append([torch.cat(part, 1) for part in zip(*parts, strict=True)])
    for whole, slices in zip(*found, strict=True):
        assert torch.equal(whole, slices)


def test_gates_are_exact_to_a_millionth_and_saturate(backend: ctypes.CDLL) -> None:
    """One frame without products: h = tanh(a) + sigmoid(b) (h0 - tanh(a)) for many a and b."""
    grid = torch.cat([torch.linspace(-20, 20, 801), torch.tensor([-3e38, -1e4, -100.0, 0.0, 100.0, 1e4, 3e38])])
    width = len(grid)
    zero, start = torch.zeros(3 * width, 1), torch.full((1, width), 0.25)
    for update in (-200.0, -2.0, 0.0, 3.0):
        bias = torch.cat([torch.zeros(width), torch.full((width,), update), grid])
        nothing = torch.zeros(3 * width, width)
        states, _ = gru.Function.apply(torch.float32, torch.zeros(1, 1, 1), start, zero, nothing, bias, 0 * bias)
        exact = torch.tanh(grid.double())
        wanted = exact + torch.sigmoid(torch.tensor(update, dtype=torch.float64)) * (0.25 - exact)
        assert (states[0, 0] - wanted).abs().max() < 1e-6
    broken = torch.tensor([[float("nan"), 1.0]])
    ones, bias = torch.ones(6, 2), torch.ones(6)
    states, _ = gru.Function.apply(torch.float32, torch.zeros(2, 1, 2), broken, ones, ones, bias, bias)
    assert states.isnan().all()  # is not hidden: the trainer has to see it


def test_what_a_cuda_device_computes_is_the_same_layer() -> None:
    """PyTorch's GRU, here on the CPU: the order of gates and the place of the reset gate are ours."""
    sizes = (9, 33, 12, 24)
    wanted = values_and_gradients(plain_layer, sizes, torch.float64)
    found = values_and_gradients(gru.cudnn, sizes, torch.float32)
    for name, mine, theirs in zip(NAMES, found, wanted, strict=True):
        assert (mine - theirs).norm() < 3e-6 * theirs.norm(), name


@pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch sees no CUDA device here")
def test_a_cuda_device_computes_the_same_network() -> None:
    torch.manual_seed(1)
    device.set_precision(False, torch.device("cuda"))
    network = model.Network(16, 32, 16)
    x = torch.randn(20, 3, 70)
    found = []
    for place in ("cpu", "cuda"):
        network.to(place).zero_grad()
        gain, strength, speech, _ = network(x.to(place), network.start(3), True)
        (gain.square().sum() + strength.sum() + speech.sum()).backward()
        found.append([value.grad.cpu() for value in network.parameters()])
    for mine, theirs in zip(*found, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-3)


def test_a_missing_device_is_named() -> None:
    assert [device.choose(name, cuda=True).type for name in ("auto", "cpu", "cuda")] == ["cuda", "cpu", "cuda"]
    assert [device.choose(name, cuda=False).type for name in ("auto", "cpu")] == ["cpu", "cpu"]
    with pytest.raises(ValueError, match="device=cuda: PyTorch sees no CUDA device"):
        device.choose("cuda", cuda=False)


def test_without_the_kernels_the_layer_is_the_same_and_says_so_once(
    tmp_path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.backends.mkldnn.matmul.fp32_precision = "ieee"
    layer = model.Recurrent(12, 16)
    x, start = torch.randn(9, 3, 12), torch.randn(3, 16)
    with_kernels = layer(x, start, True)
    monkeypatch.setattr(gru, "LIBRARY", tmp_path / "liblinnet_gru.so")
    gru.library.cache_clear()
    try:
        without = [layer(x, start, True) for _ in range(2)][0]
        assert capsys.readouterr().err.count("is not built") == 1
    finally:
        monkeypatch.undo()
        gru.library.cache_clear()
    for mine, theirs in zip(with_kernels, without, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=2e-6)
