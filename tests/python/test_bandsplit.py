"""The network with recurrent layers that all parts of the spectrum share: layers, filters of the low bins, losses on
what they give, and recordings through it."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from recordings import RATE, settings, syllables

from linnet import _core
from linnet.model import blob
from training import apply, augment, bandsplit, export, features, losses, measure, model, spectrum, topology, train
from training.config import from_command_line as settings_of
from training.quantize import round_rows

SHAPES = {
    "plain": {"fine": False, "taps": 0},
    "fine": {"fine": True, "taps": 0},
    "taps": {"fine": True, "taps": 3},
    "diagonal": {"fine": True, "taps": 5, "diagonal": True},
    "trunk": {"fine": True, "taps": 3, "trunk": (8, 16, 8)},
    "without pitch": {"fine": True, "taps": 3, "pitch": False},
}


def network_of(name: str, channels: int = 8) -> bandsplit.BandSplit:
    torch.manual_seed(1)
    made = bandsplit.BandSplit(channels, 2, 2, 8, **SHAPES[name])
    for head in [each for each in made.children() if isinstance(each, bandsplit.PerToken)] + [made.speech_head]:
        if not head.weight.any():  # they begin at nothing
            torch.nn.init.normal_(head.weight, std=0.3)
    return made


def inputs_of(network: bandsplit.BandSplit, frames: int, batch: int) -> torch.Tensor:
    width = _core.FEATURES + (features.FINE if network.fine else 0)
    return torch.from_numpy(np.random.default_rng(2).standard_normal((frames, batch, width)).astype(np.float32))


@pytest.mark.parametrize("name", SHAPES)
def test_chunks_give_what_the_whole_gives(name: str) -> None:
    network = network_of(name).eval()
    x = inputs_of(network, 20, 3)
    *whole, _ = network(x, network.start(3), True)
    states, parts = network.start(3), []
    for chunk in x.split([7, 1, 12]):
        *found, states = network(chunk, states, True)
        parts.append(found)
    for index, wanted in enumerate(whole):
        if wanted is None:
            assert all(part[index] is None for part in parts)
            continue
        assert torch.isfinite(wanted).all()
        torch.testing.assert_close(torch.cat([part[index] for part in parts]), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", SHAPES)
def test_every_weight_is_trained(name: str) -> None:
    network = network_of(name)
    gains, strengths, speech, taps, _ = network(inputs_of(network, 12, 2), network.start(2), True)
    assert gains.shape == strengths.shape == (12, 2, 34)
    total = gains.square().sum() + strengths.square().sum() + speech.square().sum()
    (total if taps is None else total + taps.square().sum()).backward()
    without = [key for key, value in network.named_parameters() if value.grad is None or not value.grad.any()]
    assert without == []


def test_a_trained_trunk_loses_nothing(tmp_path: Path) -> None:
    """At first gains, strengths and speech are those of the model that the run starts from, and no bin is filtered."""
    small = Path(train.__file__).parents[1] / "sdk/models/tiny.linnet"
    widths = {"dense": -1, "hidden": -1, "strength": -1}
    begun = train.Run(
        settings(tmp_path, tmp_path, topology="bandsplit", init=str(small), trunk=True, fine=True, taps=3, **widths)
    )
    x = inputs_of(begun.network, 30, 1)
    with torch.no_grad():
        *found, taps, _ = begun.network(x, begun.network.start(1), True)
    alone = train.Run(settings(tmp_path, tmp_path, init=str(small), name="alone", **widths)).network
    with torch.no_grad():
        *wanted, _ = alone(x[:, :, : _core.FEATURES], alone.start(1), True)
    for value, same in zip(found, wanted, strict=True):
        torch.testing.assert_close(value, same, rtol=0, atol=1e-5)
    assert not taps.any()
    config = settings(tmp_path, tmp_path, topology="bandsplit", init=str(small), **widths)
    with pytest.raises(ValueError, match="give trunk=true"):
        train.Run(dataclasses.replace(config, name="other"))


def test_without_the_comb_there_are_no_strengths() -> None:
    network = bandsplit.BandSplit(8, 1, 2, 8, fine=True, taps=3, comb=False)
    gains, strengths, *_ = network(inputs_of(network, 5, 1), network.start(1), True)
    assert gains.all()
    assert not strengths.any()


def test_without_pitch_nothing_of_it_is_read() -> None:
    """Neither the coherences of the bands nor period and correlation: then no search has to find them."""
    network = network_of("without pitch").eval()
    x = inputs_of(network, 6, 2)
    changed = x.clone()
    changed[:, :, _core.BANDS : _core.FEATURES] += 1
    outputs = [network(each, network.start(2), True) for each in (x, changed)]
    assert all(torch.equal(one, other) for one, other in zip(*(each[:4] for each in outputs), strict=True))
    with pytest.raises(ValueError, match="pitch=false"):
        settings_of(["large", "pitch=false"])


def test_later_frames_do_not_reach_earlier_ones() -> None:
    network = network_of("trunk").eval()
    x = inputs_of(network, 16, 1)
    changed = x.clone()
    changed[10:] += 1
    outputs = [network(each, network.start(1), False) for each in (x, changed)]
    for one, other in zip(*(list(each[:4]) for each in outputs), strict=True):
        assert torch.equal(one[:10], other[:10])
        assert not torch.equal(one[10:], other[10:])


def test_memory_has_the_gradient_of_its_formula() -> None:
    torch.manual_seed(3)
    update = torch.rand(6, 3, 4, dtype=torch.float64, requires_grad=True)
    candidate = torch.randn(6, 3, 4, dtype=torch.float64, requires_grad=True)
    state = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(bandsplit.Memory.apply, (update, candidate, state))
    before = state
    for gate, new, found in zip(update, candidate, bandsplit.Memory.apply(update, candidate, state), strict=True):
        before = new + gate * (before - new)
        torch.testing.assert_close(found, before)


def test_cost_counts_shared_weights_once_for_each_token() -> None:
    network = bandsplit.BandSplit(8, 1, 2, 8, fine=False, taps=0)
    cost = network.cost()
    inputs = network.inputs.shape[1]
    shared = 2 * 3 * 8 * 8 + 8 * 2 + (2 * 8 + 2) * 8  # the GRU, what each token tells the context, the next tokens
    own = inputs * 8 + 8 * 4
    context = 3 * 8 * (34 + 8) + 8 * 34 + 8
    assert cost.products == 17 * (shared + own) + context
    assert cost.recurrent == 3 * (64 + 64)
    assert cost.weights == model.count_weights(network)


def test_every_band_and_low_bin_is_read_by_its_token() -> None:
    places = bandsplit.token_inputs(True)
    edges = np.asarray(_core.band_centre())
    for token, row in enumerate(places.tolist()):
        assert {2 * token, 2 * token + 1, 34 + 2 * token, 34 + 2 * token + 1, 68, 69} <= set(row)
        inside = range(edges[2 * token], min(edges[2 * token + 1] + 1, features.LOW))
        assert {70 + k for k in inside} <= set(row)
    assert int(places.max()) == _core.FEATURES + features.FINE  # the zero behind them


def test_fine_inputs_tell_level_and_turn() -> None:
    def fine(signal: np.ndarray) -> np.ndarray:
        found = _core.analyze(signal.astype(np.float32), fine=True)["fine"]
        return found.reshape(-1, 3, _core.LOW_BINS)[20:-20]

    time = np.arange(RATE) / RATE
    tone = 0.1 * np.sin(2 * np.pi * 1000 * time)
    np.testing.assert_allclose(fine(tone)[:, 1, 20], 1, atol=1e-3)  # bin 20 is 1000 Hz: as a tone in its middle
    np.testing.assert_allclose(fine(tone)[:, 2, 20], 0, atol=1e-2)
    louder = fine(10 * np.roll(tone, 7))
    np.testing.assert_allclose(louder[:, 0, 20] - fine(tone)[:, 0, 20], 0.6, atol=0.01)  # 20 dB
    higher = fine(0.1 * np.sin(2 * np.pi * 1012.5 * time))
    np.testing.assert_allclose(higher[:, 2, 20], np.sin(2 * np.pi * 12.5 * 0.01), atol=0.02)


def rows_of_noisy_speech() -> dict[str, torch.Tensor]:
    rng = np.random.default_rng(8)
    clean = syllables(RATE, 2.0, 150, rng).astype(np.float32)
    noisy = clean + 0.02 * rng.standard_normal(len(clean)).astype(np.float32)
    row = features.Layout(features.LOW, True)
    rows = features.rows_of(augment.Segment(noisy, clean, 24000.0, True), 2, row)
    return row.split(torch.from_numpy(rows)[2:, None])


def test_without_filters_the_bins_have_the_error_that_the_bands_tell() -> None:
    rows = rows_of_noisy_speech()
    gain, strength = rows["gain"], torch.zeros_like(rows["strength"])
    frames = len(gain)
    none = torch.zeros(frames, 1, features.LOW, 3, 2)
    _, wanted_gain, wanted, low = losses.heard(rows, gain, strength)
    assert low is None
    _, found_gain, found, low = losses.heard(rows, gain, strength, none)
    inside = slice(0, losses.INSIDE + 1)
    loud = (rows["weight"][1:-1] > 0.5)[..., inside]
    # Gains are interpolated over bins where the bands' statistics know one gain each: nearly the same.
    assert float((found_gain[..., inside] - wanted_gain[1:-1, :, inside])[loud].abs().mean()) < 0.06
    ratio = found[..., inside][loud].mean() / wanted[1:-1, :, inside][loud].mean()
    assert 0.8 < float(ratio) < 1.25
    assert torch.equal(found_gain[..., losses.INSIDE + 1 :], wanted_gain[1:-1, :, losses.INSIDE + 1 :])


def test_filters_that_undo_the_noise_have_no_loss() -> None:
    rows = rows_of_noisy_speech()
    noisy, clean = (spectrum.complex_bins(rows, name) for name in ("noisy", "clean"))
    gain, strength = torch.zeros_like(rows["gain"]), torch.zeros_like(rows["strength"])
    ideal = torch.view_as_real(torch.where(noisy.abs() > 1e-3, clean / noisy, 0))
    taps = torch.zeros(len(gain), 1, features.LOW, 3, 2)
    taps[:, :, :, 1] = ideal
    _, _, error, low = losses.heard(rows, gain, strength, taps)
    assert float(error[..., : losses.INSIDE + 1].max()) < 1e-3
    *_, silent = losses.heard(rows, gain, strength, torch.zeros_like(taps))
    assert float(low) < 1e-3 < float(silent)


def test_rounded_weights_are_those_of_the_rounded_network(tmp_path: Path) -> None:
    """A file of int8 matrices, in little more than half the bytes, holds what the network makes of float ones."""
    shape = {"channels": 16, "blocks": 1, "context": 16, "fine": True, "taps": 1, "trunk": True}
    config = settings(tmp_path, tmp_path, topology="bandsplit", dense=32, hidden=64, strength=32, **shape)
    torch.manual_seed(6)
    weights = dict(topology.build(config).named_parameters())
    topology.write_weights(weights, config, tmp_path / "half.safetensors")
    topology.write_rounded(weights, config, tmp_path / "rounded.safetensors")
    assert (tmp_path / "rounded.safetensors").stat().st_size < 0.7 * (tmp_path / "half.safetensors").stat().st_size
    found, _ = topology.read_weights(tmp_path / "rounded.safetensors")
    assert found.keys() == weights.keys()
    rounded = 0
    for name, value in weights.items():
        matrix = value.dim() > 1 and not name.endswith(("bias", "place", "dense.weight"))
        expected = round_rows(value.detach().flatten(0, -2)).view_as(value) if matrix else value.detach()
        torch.testing.assert_close(found[name], expected, rtol=1e-3, atol=1e-6)
        rounded += matrix
    assert rounded > 20


def test_a_recording_through_the_network_is_nearly_what_the_core_makes_of_its_integers(tmp_path: Path) -> None:
    config = settings(tmp_path, tmp_path, topology="bandsplit", channels=8, blocks=1, context=8, fine=True, taps=3)
    torch.manual_seed(5)
    network = topology.build(config)
    torch.nn.init.normal_(network.tap_head.weight, std=0.3)
    weights = dict(network.named_parameters())
    path = tmp_path / "weights.safetensors"
    topology.write_weights(weights, config, path)
    noisy = (0.05 * np.random.default_rng(1).standard_normal(RATE)).astype(np.float32)
    found = apply.Enhancer(path)(noisy)
    read, widths, lookahead = export.read_run(path)
    stream = _core.Stream(_core.Model(export.pack(read, widths, lookahead)))
    delay = stream.delay
    wanted = stream.process(np.concatenate([noisy, np.zeros(delay, np.float32)]))[delay:]
    assert found.shape == wanted.shape == noisy.shape
    assert np.sqrt(((found - wanted) ** 2).mean() / (wanted**2).mean()) < 0.05  # activations of 8 bits


def test_training_goes_on_from_weights_without_a_blob(corpus: Path, tmp_path: Path) -> None:
    shape = {"topology": "bandsplit", "channels": 8, "blocks": 1, "context": 8, "diagonal": True, "taps": 3}
    first = train.train(settings(corpus, tmp_path, name="first", steps=8, **shape))
    best = tmp_path / "first" / "last.safetensors"  # because the SDK does not have such a network
    assert best.is_file() and not best.with_suffix(".linnet").exists()
    second = settings(corpus, tmp_path, name="second", steps=8, init=str(best), **shape)
    begun = train.Run(second)
    for name, value in begun.network.named_parameters():
        torch.testing.assert_close(value.detach(), first.average[name], rtol=1e-3, atol=1e-4)
    apply.Enhancer(best)(np.zeros(4800, np.float32))


def test_training_goes_on_from_a_model(corpus: Path, tmp_path: Path) -> None:
    shape = {"topology": "bandsplit", "channels": 8, "blocks": 1, "context": 8, "fine": True, "taps": 3, "pitch": False}
    train.train(settings(corpus, tmp_path, name="first", steps=8, comb=False, **shape))
    best = tmp_path / "first" / "last.linnet"
    widths_of_model = {"dense": -1, "hidden": -1, "strength": -1, "lookahead": -1}
    settings_of_second = {"name": "second", "steps": 4, "init": str(best), **widths_of_model}
    second = train.train(settings(corpus, tmp_path, **settings_of_second))
    assert (second.config.topology, second.config.channels, second.config.pitch) == ("bandsplit", 8, False)
    begun = export.pack(train.take_over(second.config), export.shape_of(second.config), 2)
    before, after = (blob.read_blob(data).layers for data in (best.read_bytes(), begun))
    assert all(np.array_equal(layer.weight, after[name].weight) for name, layer in before.items())
    assert (second.folder / "last.linnet").read_bytes() != begun
    second.lock.close()
    assert train.Run(settings(corpus, tmp_path, **settings_of_second)).step == 4
    with pytest.raises(ValueError, match="has channels=8, not 16"):
        train.Run(settings(corpus, tmp_path, name="third", init=str(best), **shape | {"comb": False, "channels": 16}))


def test_weights_of_no_run_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match="no weights of a training run"):
        topology.load(path)


def test_a_network_is_measured_on_the_voices_and_noises_of_both_splits(corpus: Path, tmp_path: Path) -> None:
    widths = {"topology": "bandsplit", "channels": 8, "blocks": 1, "context": 8, "fine": True, "taps": 3}
    run = train.train(made := settings(corpus, tmp_path, **widths, steps=4, pool=16, batch=16))  # as `large` was
    weights = run.checkpoint
    sources = [f"{name}={getattr(made, name)}" for name in ("speech", "noise", "rooms", "cache")]
    command = [sys.executable, measure.__file__, str(weights), *sources, "segments=2"]
    said = {"capture_output": True, "text": True, "check": True}
    lines = subprocess.run(command, **said).stdout.splitlines()
    found = [line for line in lines if "snr_out" in line]
    names = [f"{voices} voices, {noises} noises" for voices in ("train", "valid") for noises in ("train", "valid")]
    assert [line.partition(":")[0] for line in found] == names
    assert len({line.partition("snr_in ")[2] for line in found}) == 4  # four sets
    for share in (0, 1):  # of speech alone
        lines = subprocess.run([*command, f"speech_only={share}", "noise_only=0", "snr_high=20"], **said).stdout
        assert lines.count("snr_clean") == 4 * share
    bad = subprocess.run([*command, "nonsense=1"], capture_output=True, text=True)
    assert (bad.returncode, len(bad.stderr.splitlines())) == (2, 1)
