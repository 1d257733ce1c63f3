"""What is trained and how: network, optimisers, rounding and losses against independent formulas."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from recordings import RATE, syllables

from linnet import _core
from linnet.model import blob
from linnet.study import metrics
from training import (
    augment,
    config,
    device,
    export,
    features,
    losses,
    loudness,
    model,
    muon,
    quantize,
    spectrum,
    train,
    widen,
)


@pytest.fixture(autouse=True)
def exact_products() -> None:
    """The test before may have trained with fast ones, which are a setting of the process."""
    torch.backends.mkldnn.matmul.fp32_precision = "ieee"


def test_recurrent_layer_equals_the_reference_with_its_gradients() -> None:
    torch.manual_seed(0)
    ours, reference = model.Recurrent(12, 16), torch.nn.GRU(12, 16)
    torch.nn.init.normal_(ours.bias_state)
    names = {"weight_ih_l0": "weight_input", "weight_hh_l0": "weight_state"}
    names |= {"bias_ih_l0": "bias_input", "bias_hh_l0": "bias_state"}
    for theirs, mine in names.items():
        getattr(reference, theirs).data.copy_(getattr(ours, mine).data)
    gradients = []
    for run in (lambda x, h: ours(x, h, False), lambda x, h: reference(x, h[None])):
        x = torch.randn(20, 3, 12, generator=torch.Generator().manual_seed(1)).requires_grad_()
        state = torch.randn(3, 16, generator=torch.Generator().manual_seed(2)).requires_grad_()
        out, last = run(x, state)
        (out * torch.linspace(-1, 1, out.numel()).view_as(out)).sum().add(last.square().sum()).backward()
        gradients.append([out.detach(), x.grad, state.grad])
    gradients[0] += [getattr(ours, mine).grad for mine in names.values()]
    gradients[1] += [getattr(reference, theirs).grad for theirs in names]
    for mine, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("amx", [False, True])
@pytest.mark.parametrize("avx512_bf16", [False, True])
def test_products_are_rounded_where_the_cpu_is_made_for_it(fast: bool, amx: bool, avx512_bf16: bool) -> None:
    found = device.product_precision(fast, amx=amx, avx512_bf16=avx512_bf16)
    assert found == ("bf16" if fast and (amx or avx512_bf16) else "ieee")


def test_chunks_with_carried_states_equal_one_pass() -> None:
    torch.manual_seed(0)
    network = model.Network(8, 16, 8)
    x = torch.randn(60, 2, 70)
    with torch.no_grad():
        whole = network(x, network.start(2))
        states, parts = network.start(2), []
        for chunk in x.split(17):
            *out, states = network(chunk, states)
            parts.append(out)
    for index in range(3):
        torch.testing.assert_close(torch.cat([part[index] for part in parts]), whole[index], rtol=0, atol=1e-6)


@pytest.mark.parametrize("precision", ["ieee", "bf16"])
@pytest.mark.parametrize("shape", [(96, 32), (32, 96), (48, 48)])
def test_updates_of_muon_are_orthogonal(shape: tuple[int, int], precision: str) -> None:
    torch.backends.mkldnn.matmul.fp32_precision = precision
    torch.manual_seed(5)
    u, _, v = torch.linalg.svd(torch.randn(shape), full_matrices=False)
    gradient = u @ torch.diag(torch.logspace(-1, 0, min(shape))) @ v
    update = muon.orthogonal(gradient)
    values = torch.linalg.svdvals(update)
    assert values.min() > 0.6 and values.max() < 1.3  # from a factor of 10
    # Along the singular vectors of the gradient, and nowhere else.
    inside = u.T @ update @ v.T
    off = (inside - torch.diag(inside.diagonal())).abs().max()
    assert off < (1e-3 if precision == "ieee" else 0.03)  # bfloat16 has 8 bits


def test_muon_is_that_of_pytorch() -> None:
    torch.manual_seed(6)
    ours = torch.nn.Parameter(torch.randn(48, 16))
    theirs = torch.nn.Parameter(ours.detach().clone())
    start = ours.detach().clone()
    optimisers = [
        muon.Muon([ours], lr=1e-2, weight_decay=0.1),
        torch.optim.Muon([theirs], lr=1e-2, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"),
    ]
    for _ in range(5):
        ours.grad = torch.randn(48, 16)
        theirs.grad = ours.grad.clone()
        for optimiser in optimisers:
            optimiser.step()
    # Theirs computes in bfloat16, 8 bits.
    assert (ours - theirs).norm() < 0.02 * (ours - start).norm()


@pytest.mark.parametrize("matrix_rate", [0.0, 3.0])
def test_every_weight_has_one_optimiser(matrix_rate: float) -> None:
    network = model.Network(8, 16, 8)
    optimisers = train.make_optimisers(config.Config(matrix_rate=matrix_rate), network)
    owned = [id(p) for o in optimisers.values() for group in o.param_groups for p in group["params"]]
    assert sorted(owned) == sorted(id(p) for p in network.parameters())
    inner = sum(len(group["params"]) for group in optimisers["muon"].param_groups) if matrix_rate else 0
    assert inner == (2 + 2 * 5 if matrix_rate else 0)  # two convolutions, five recurrent layers


def test_exported_network_computes_what_training_saw() -> None:
    torch.manual_seed(3)
    network = model.Network(16, 32, 16)
    for parameter in network.parameters():
        if parameter.dim() == 1:
            torch.nn.init.normal_(parameter, std=0.3)
    x = np.random.default_rng(0).standard_normal((150, 70)).astype(np.float32)
    found = _core.network(export.pack(dict(network.named_parameters()), network.widths, 2), x)
    with torch.no_grad():
        gain, strength, speech, _ = network(torch.from_numpy(x)[:, None], network.start(1), True)
    wanted = {"gains": gain, "strengths": strength, "speech_probability": torch.sigmoid(speech)}
    for name, value in wanted.items():
        # The SDK rounds activations to 1/127, training does not: outputs that spread by 0.1 agree to a few thousandths.
        assert np.abs(found[name] - value[:, 0].numpy()).max() < 0.012, name
    assert found["gains"].std() > 0.05


def test_a_blob_gives_back_its_weights() -> None:
    path = Path(train.__file__).parents[1] / "sdk/models/small.linnet"
    weights, widths, lookahead = export.read_weights(path)
    network = model.Network(*widths)
    network.load_state_dict(weights)
    again = blob.read_blob(export.pack(dict(network.named_parameters()), widths, lookahead))
    for name, layer in blob.read_blob(path.read_bytes()).layers.items():
        assert np.array_equal(again.layers[name].weight, layer.weight), name
        assert np.array_equal(again.layers[name].bias, layer.bias), name


def test_a_widened_network_computes_the_same_and_its_copies_part_ways() -> None:
    torch.manual_seed(4)
    narrow, wide = model.Network(8, 16, 8), model.Network(24, 48, 24)
    for parameter in narrow.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    wide.load_state_dict(widen.widen(dict(narrow.named_parameters()), narrow.widths, wide.widths))
    x = torch.randn(60, 3, 70)
    outputs = [network(x, network.start(3))[:3] for network in (narrow, wide)]
    for a, b in zip(*outputs, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-5)
    sum(part.square().sum() for part in outputs[1]).backward()
    for name in ("conv1.weight", "gru1.weight_state", "gru5.weight_input"):
        units = 8 if name.startswith("gru5") else 16
        first, second = dict(wide.named_parameters())[name].grad[: 2 * units].chunk(2)
        assert not torch.allclose(first, second, rtol=0.01), name
    with pytest.raises(ValueError, match="times one whole number"):
        widen.widen({}, (8, 16, 8), (16, 24, 16))


@pytest.mark.parametrize("name", ["cut.linnet", "cut.safetensors"])
def test_a_start_that_is_no_model_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"neither of them")
    with pytest.raises(ValueError, match="neither a model nor a checkpoint"):
        export.read_weights(tmp_path / name)


def test_rounding_is_that_of_the_blob_and_passes_the_gradient() -> None:
    weight = torch.randn(24, 40).requires_grad_()
    rounded = quantize.round_rows(weight)
    grid, scales = blob.quantize_rows(weight.detach().numpy())
    np.testing.assert_allclose(rounded.detach().numpy(), grid * scales[:, None], rtol=0, atol=1e-6)
    rounded.square().sum().backward()
    torch.testing.assert_close(weight.grad, 2 * rounded.detach())


def test_error_energy_is_that_of_the_mixed_and_scaled_band() -> None:
    rng = np.random.default_rng(6)
    clean, noise, comb = rng.standard_normal((3, 50, 8)) + 1j * rng.standard_normal((3, 50, 8))
    noisy = clean + 0.7 * noise
    comb = 0.8 * clean + 0.3 * comb
    yy = (np.abs(noisy) ** 2).sum(1)

    def over(a: np.ndarray, b: np.ndarray) -> torch.Tensor:
        return torch.from_numpy((np.conj(a) * b).real.sum(1) / yy)

    gain, strength = rng.uniform(0, 1, (2, 50))
    mixed = (1 - strength)[:, None] * noisy + strength[:, None] * comb
    scaled = mixed * (gain * np.sqrt(yy / (np.abs(mixed) ** 2).sum(1)))[:, None]
    wanted = (np.abs(scaled - clean) ** 2).sum(1) / yy
    pairs = [(clean, clean), (comb, comb), (comb, noisy), (clean, noisy), (clean, comb)]
    found = losses.error_energy(torch.from_numpy(gain), torch.from_numpy(strength), *(over(a, b) for a, b in pairs))
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-9)


def spectra_of(noisy: np.ndarray, clean: np.ndarray) -> dict[str, torch.Tensor]:
    """The rows of one pair [T, 1, ...], look-ahead 2, without the first two of silence."""
    segment = augment.Segment(noisy, clean, 24000.0, True)
    row = features.Layout(spectrum.USED)
    return row.split(torch.from_numpy(features.rows_of(segment, 2, row))[2:, None])


def test_differentiable_synthesis_is_that_of_the_core() -> None:
    rng = np.random.default_rng(8)
    clean = syllables(RATE, 2.0, 150, rng).astype(np.float32)
    noisy = clean + 0.01 * rng.standard_normal(len(clean)).astype(np.float32)
    rows = spectra_of(noisy, clean)
    frames = len(rows["features"])
    gains = rng.random((frames + 2, 34), np.float32)
    strengths = rng.random((frames + 2, 34), np.float32)
    wanted = _core.synthesize(noisy, gains, strengths, lookahead=2)[2 * 480 :]
    pair = [torch.from_numpy(x[2:, None]) for x in (gains, strengths)]
    bins = [spectrum.complex_bins(rows, name) for name in ("noisy", "comb")]
    found = spectrum.synthesize(spectrum.enhance(*bins, *pair))[0].numpy() / 32768
    whole = slice(480, len(wanted))  # the first half frame of ours lacks its predecessor
    error = found[: len(wanted)][whole] - wanted[whole]
    assert np.abs(wanted).max() > 0.01
    assert np.sqrt((error**2).mean() / (wanted[whole] ** 2).mean()) < 2e-3  # spectra are stored in float16


def test_spectrum_loss_prefers_what_sounds_nearer_and_has_finite_gradients() -> None:
    rng = np.random.default_rng(9)
    clean = syllables(RATE, 2.0, 120, rng).astype(np.float32)
    noisy = clean + 0.05 * rng.standard_normal(len(clean)).astype(np.float32)
    rows = spectra_of(noisy, clean)
    ideal = [rows["gain"], rows["strength"]]
    losses_of = {
        name: float(spectrum.spectrum_loss(rows, *pair))
        for name, pair in {
            "ideal": ideal,
            "no comb": [ideal[0], torch.zeros_like(ideal[1])],
            "nothing": [torch.ones_like(ideal[0]), torch.zeros_like(ideal[1])],
            "mute": [torch.zeros_like(ideal[0]), torch.zeros_like(ideal[1])],
        }.items()
    }
    assert losses_of["ideal"] < losses_of["no comb"] < min(losses_of["nothing"], losses_of["mute"])
    same = spectra_of(clean, clean)
    untouched = [torch.ones_like(ideal[0]), torch.zeros_like(ideal[1])]
    assert float(spectrum.spectrum_loss(same, *untouched)) < 1e-4 < losses_of["ideal"]
    for value in (0.0, 0.5, 1.0):
        pair = [torch.full_like(x, value, requires_grad=True) for x in ideal]
        spectrum.spectrum_loss(rows, *pair).backward()
        assert all(torch.isfinite(x.grad).all() for x in pair)
        assert pair[0].grad.any()


def test_gain_loss_is_zero_at_the_target_and_has_finite_gradients() -> None:
    target = torch.tensor([0.0, 0.0, 0.5, 1.0, 1.0])
    gain = torch.tensor([0.0, 1.0, 0.5, 1.0, 0.0], requires_grad=True)
    mask = torch.ones(5)
    loss = losses.gain_loss(target, gain, mask, 0.3, 10.0)
    loss.backward()
    assert torch.isfinite(gain.grad).all()
    assert losses.gain_loss(target, target, mask, 0.3, 10.0) == 0
    assert losses.gain_loss(target, gain, torch.tensor([1.0, 0, 1, 1, 0]), 0.3, 10.0) == 0


def test_points_lost_are_none_without_a_difference_and_more_for_noise_than_for_a_gap() -> None:
    rng = np.random.default_rng(11)
    wanted = torch.from_numpy(10 ** rng.uniform(1, 6, (100, 3, features.HEARD))).float()
    same = loudness.points_lost(wanted, wanted)
    assert same.shape == (4, 3)
    assert same.max() < 0.01
    # The level of a whole frame is forgiven; a band that sticks out costs more than one that is missing.
    assert loudness.points_lost(2 * wanted, wanted).max() < 0.01
    flat = torch.full_like(wanted, 1e5)
    for band in (3, 10, 20):
        factor = torch.ones(features.HEARD)
        factor[band] = 10
        added, missing = (loudness.points_lost(flat * each, flat) for each in (factor, 1 / factor))
        assert (added > 1.5 * missing).all()
        assert (missing > 0.1).all()
    # Below the threshold of hearing nothing is lost.
    quiet = loudness.THRESHOLD / loudness.DENSITY / 2
    assert loudness.points_lost(quiet.expand(50, 1, -1), 0.01 * quiet.expand(50, 1, -1)).max() < 0.01
    power = wanted.clone().requires_grad_()
    loudness.points_lost(power * 0, wanted).sum().add(loudness.points_lost(power, wanted).sum()).backward()
    assert torch.isfinite(power.grad).all()


def test_points_lost_follow_pesq(root: Path) -> None:
    clean = soundfile.read(root / "sdk/examples/demo_clean.flac", dtype="float32")[0][: 8 * RATE]
    noisy = soundfile.read(root / "sdk/examples/demo_noisy.flac", dtype="float32")[0][: 8 * RATE]
    clean, noisy = (x[: len(x) // 480 * 480] for x in (clean, noisy))
    rows = features.rows_of(augment.Segment(noisy, clean, 24000.0, True), 2)
    parts = features.PLAIN.split(torch.from_numpy(rows)[2:, None])
    ideal = np.pad(parts["gain"][:, 0].numpy(), ((2, 0), (0, 0)))
    lost, points = [], []
    for share in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):  # of the way from the noisy signal to ideal gains
        gains = (1 - share + share * ideal).astype(np.float32)
        out = _core.synthesize(noisy, gains, np.zeros_like(gains), lookahead=2)[3 * 480 :]
        lost.append(float(losses.disturbance_loss(parts, torch.from_numpy(gains)[2:, None])))
        points.append(metrics.score(clean[: len(out)], out, RATE).pesq_wb)
    assert lost == sorted(lost, reverse=True)
    assert np.corrcoef(lost, points)[0, 1] < -0.9
    # Neither knows the level of the recording.
    quiet = features.rows_of(augment.Segment(0.1 * noisy, 0.1 * clean, 24000.0, True), 2)
    parts = features.PLAIN.split(torch.from_numpy(quiet)[2:, None])
    gains = torch.from_numpy(ideal)[2:, None]
    assert float(losses.disturbance_loss(parts, 0 * gains + 1)) == pytest.approx(lost[0], rel=0.02)
