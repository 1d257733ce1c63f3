"""Training from recordings to a model that the SDK runs: the parts against independent formulas, the whole on a corpus
of tones and noise made here, with a run that is killed and resumed."""

from __future__ import annotations

import csv
import dataclasses
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors import safe_open

from linnet import _core, blob, metrics
from training import (
    augment,
    config,
    curve,
    data,
    evaluate,
    export,
    features,
    losses,
    loudness,
    model,
    muon,
    quantize,
    sparse,
    spectrum,
    train,
    widen,
)

RATE = 48000
TINY = {"seconds": 2.0, "shard_segments": 8, "batch": 8, "chunk": 50, "simulated_rooms": 2, "valid_segments": 2}
QUICK = {"learning_rate": 1e-2, "warm_up": 5, "valid_minutes": 1e6, "report_seconds": 0.0, "tensorboard": False}


def syllables(rate: int, seconds: float, pitch: float, rng: np.random.Generator) -> np.ndarray:
    """Harmonics of a gliding pitch, switched on and off four times a second."""
    t = np.arange(int(rate * seconds)) / rate
    phase = 2 * np.pi * np.cumsum(pitch * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * t + rng.random()))) / rate
    harmonics = range(1, int(min(rate / 2, 6000) / pitch / 1.2))
    voice = sum(np.sin(k * phase + k) / k for k in harmonics)
    return 0.1 * voice * (np.sin(2 * np.pi * 4 * t) > -0.3)


@pytest.fixture(autouse=True)
def exact_products() -> None:
    """The test before may have trained with fast ones, which are a setting of the process."""
    torch.backends.mkldnn.matmul.fp32_precision = "ieee"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders speech, noise and rooms in three formats and four rates."""
    folder = tmp_path_factory.mktemp("corpus")
    rng = np.random.default_rng(5)
    for name in ("speech/a", "speech/b", "noise", "rooms"):
        (folder / name).mkdir(parents=True)
    kinds = [("wav", 44100), ("flac", 16000), ("ogg", 22050), ("wav", 48000), ("flac", 32000)]
    for index, (suffix, rate) in enumerate(kinds):
        speaker = "ab"[index % 2]
        voice = syllables(rate, 4.0, 110 + 20 * index, rng)
        soundfile.write(folder / f"speech/{speaker}/voice{index}.{suffix}", voice, rate)
        noise = np.convolve(rng.standard_normal(rate * 3), np.hanning(3 + 4 * index), "same")
        stereo = np.stack([noise, noise], 1) * 0.02
        soundfile.write(folder / f"noise/noise{index}.{suffix}", stereo, rate)
    for index in range(3):
        tail = rng.standard_normal(RATE // 4) * 10 ** (-3 * np.arange(RATE // 4) / RATE / 0.3) * 0.2
        tail[40] = 1.0
        soundfile.write(folder / f"rooms/room{index}.wav", tail * 0.5, RATE)
    return folder


def settings(corpus: Path, folder: Path, **values: object) -> config.Config:
    """A tiny run on the corpus."""
    own = {"speech": str(corpus / "speech"), "noise": str(corpus / "noise"), "rooms": str(corpus / "rooms")}
    own |= {"runs": str(folder), "cache": str(corpus / "cache"), "threads": 1}
    return dataclasses.replace(config.load_preset("tiny"), **{**TINY, **QUICK, **own, **values})


def tensors(path: Path) -> dict[str, torch.Tensor]:
    with safe_open(path, "pt") as file:
        return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118


# Settings


def test_command_line_sets_any_field() -> None:
    found = config.from_command_line(["small", "hours=0.5", "--batch", "16", "fast_matmul=false"])
    assert (found.hidden, found.hours, found.batch, found.fast_matmul) == (256, 0.5, 16, False)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["huge"], "no preset 'huge'"),
        (["small", "colour=red"], "unknown setting 'colour'"),
        (["small", "batch=many"], "batch=many: must be int"),
        (["small", "hidden=100"], "hidden=100"),
        (["small", "hours"], "not key=value"),
        (["small", "batch=1000"], "batch=1000"),
        (["small", "processes=3"], "processes=3"),
        (["nowhere.json"], "no file nowhere.json"),
    ],
)
def test_wrong_words_are_named(words: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config.stages_from_command_line(words)


def test_every_preset_is_valid() -> None:
    names = {path.stem for path in config.PRESETS.glob("*.toml")}
    assert names >= {"base", "small", "tiny"}
    for name in names:
        config.check(config.load_preset(name))


@pytest.mark.parametrize("name", ["base", "small", "sparse"])
def test_the_file_of_a_shipped_model_is_its_recipe(name: str) -> None:
    path = Path(train.__file__).parents[1] / f"sdk/models/{name}.json"
    stages = config.stages_from_command_line([str(path), "runs=there", "threads=2"])
    names = [name, *(f"{name}-{number}" for number in range(2, len(stages) + 1))]
    assert [stage.name for stage in stages] == names
    assert [stage.init for stage in stages] == ["", *(f"there/{each}/checkpoint.safetensors" for each in names[:-1])]
    shipped = blob.read_blob(path.with_suffix(".linnet").read_bytes())
    assert all(blob.Widths(stage.dense, stage.hidden, stage.strength) == shipped.widths for stage in stages)
    assert all(stage.threads == 2 for stage in stages)


@pytest.mark.parametrize("text", ["{}", "[1]", '{"stages": [3]}', "not JSON"])
def test_a_file_without_stages_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(ValueError, match="x.json does not list the stages"):
        config.stages_from_command_line([str(tmp_path / "x.json")])


def test_stages_follow_one_another_and_are_not_repeated(corpus: Path, tmp_path: Path) -> None:
    tiny = {"dense": 8, "hidden": 8, "strength": 8, "steps": 2, **TINY, **QUICK}
    (tmp_path / "mine.json").write_text(json.dumps({"stages": [tiny | {"seed": 1}, tiny | {"seed": 2}], "torch": "x"}))
    own = [f"{name}={corpus / name}" for name in ("speech", "noise", "rooms")]
    words = [str(tmp_path / "mine.json"), f"runs={tmp_path}", f"cache={tmp_path / 'cache'}", *own]
    train.train_stages(config.stages_from_command_line(words))
    first, second = (tmp_path / name / "last.linnet" for name in ("mine", "mine-2"))
    assert first.read_bytes() != second.read_bytes()
    before = first.stat().st_mtime_ns
    second.unlink()
    train.train_stages(config.stages_from_command_line(words))
    assert second.is_file()
    assert first.stat().st_mtime_ns == before


# Data


def test_folders_are_split_without_overlap_and_decoded_to_48_khz(corpus: Path, tmp_path: Path) -> None:
    parts = [data.from_folder(corpus / "speech", split) for split in ("train", "valid")]
    names = [{item.path for item in part} for part in parts]
    assert not names[0] & names[1]
    assert len(names[0] | names[1]) == 5
    assert all(names)
    built = data.build(parts[0] + parts[1], tmp_path, "speech", quiet=True)
    assert all(abs(item.length - 4 * RATE) <= 2 for item in built.items)
    again = data.build(parts[0] + parts[1], tmp_path, "speech", quiet=True)
    assert again.items == built.items
    item = built.items[2]
    assert np.array_equal(built.read(item, 100, 50), built.read(item)[100:150])


def _build_at(barrier, folder: Path, cache: Path, found) -> None:
    items = data.from_folder(folder, "train")
    barrier.wait()
    found.put(data.build(items, cache, "speech").items)


def test_two_first_runs_decode_once(corpus: Path, tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    context = multiprocessing.get_context("spawn")
    barrier, found = context.Barrier(2), context.Queue()
    both = [
        context.Process(target=_build_at, args=(barrier, corpus / "speech", tmp_path / "cache", found))
        for _ in range(2)
    ]
    for each in both:
        each.start()
    tables = [found.get(timeout=300) for _ in both]
    for each in both:
        each.join()
    assert tables[0] == tables[1]
    assert capfd.readouterr().out.count("decoding") == 1


def test_bandwidth_of_recordings_that_list_none(corpus: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    soundfile.write(tmp_path / "narrow.wav", 0.1 * rng.standard_normal(16000), 16000)
    soundfile.write(tmp_path / "full.wav", 0.1 * rng.standard_normal(48000), 48000)
    items = [data.Item(str(tmp_path / name), "x", 0.0) for name in ("narrow.wav", "full.wav")]
    narrow, full = data.build(items, tmp_path / "cache", "x", quiet=True).items
    assert 7500 <= narrow.bandwidth <= 8500
    assert full.bandwidth >= 23500


def test_the_evaluation_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="only train and valid"):
        data.from_manifest(tmp_path, "speech", "eval")


def test_missing_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        data.from_folder(tmp_path / "nowhere", "train")
    with pytest.raises(FileNotFoundError, match="MANIFEST"):
        data.from_manifest(tmp_path, "speech", "train")


# Augmentation


@pytest.fixture(scope="module")
def mixer(corpus: Path) -> augment.Mixer:
    made = settings(corpus, corpus)
    return augment.Mixer(data.load(made, "train"), made)


def test_a_segment_is_a_function_of_its_seed(mixer: augment.Mixer) -> None:
    for seed in range(12):
        first, second = (mixer.segment(np.random.default_rng([9, seed])) for _ in range(2))
        assert np.array_equal(first.noisy, second.noisy)
        assert np.array_equal(first.target, second.target)
        assert first.noisy.shape == first.target.shape == (2 * RATE,)
        assert first.noisy.dtype == first.target.dtype == np.float32
        assert np.isfinite(first.noisy).all()
        assert np.abs(first.noisy).max() <= 1


def test_noise_only_and_speech_only(corpus: Path, mixer: augment.Mixer) -> None:
    plain = {"room": 0.0, "clipping": 0.0, "rounding": 0.0}
    silent = dataclasses.replace(settings(corpus, corpus), noise_only=1.0, **plain)
    segment = augment.Mixer(mixer.corpus, silent).segment(np.random.default_rng(3))
    assert not segment.speech
    assert not segment.target.any()
    assert segment.noisy.any()
    clean = dataclasses.replace(settings(corpus, corpus), noise_only=0.0, speech_only=1.0, **plain)
    segment = augment.Mixer(mixer.corpus, clean).segment(np.random.default_rng(3))
    assert segment.speech
    assert np.array_equal(segment.noisy, segment.target)


def test_mixtures_have_the_drawn_snr(corpus: Path, mixer: augment.Mixer) -> None:
    plain = {"room": 0.0, "clipping": 0.0, "rounding": 0.0, "noise_only": 0.0, "speech_only": 0.0}
    made = dataclasses.replace(settings(corpus, corpus), snr_low=7.0, snr_mid=7.0, snr_high=7.0, **plain)
    for seed in range(5):
        segment = augment.Mixer(mixer.corpus, made).segment(np.random.default_rng(seed))
        noise = segment.noisy - segment.target
        snr = 20 * np.log10(data.loud_level(segment.target) / np.sqrt(np.mean(noise.astype(np.float64) ** 2)))
        assert snr == pytest.approx(7.0, abs=0.1)


def test_target_keeps_the_early_room_and_shortens_its_tail() -> None:
    rng = np.random.default_rng(2)
    rt60, direct = 0.6, 30
    t = np.arange(RATE // 2) / RATE
    room = (rng.standard_normal(len(t)) * 10 ** (-3 * t / rt60) * 0.1).astype(np.float32)
    room[:direct] = 0
    room[direct] = 1
    kept = augment.target_response(room, rt60, 0.020, 0.2)
    early = direct + int(0.020 * RATE)
    assert np.array_equal(kept[: early + 1], room[: early + 1])
    assert augment.decay_time(kept[early:]) == pytest.approx(0.2, rel=0.1)
    assert np.array_equal(augment.target_response(room, 0.15, 0.020, 0.2), room)


def test_simulated_rooms_decay_as_asked() -> None:
    rng = np.random.default_rng(8)
    for _ in range(5):
        room, rt60 = augment.simulate_room(rng)
        assert np.abs(room).max() == pytest.approx(1)
        late = room[int(0.05 * RATE) :]
        assert augment.decay_time(late) == pytest.approx(rt60, rel=0.25)


def test_random_filters_are_stable() -> None:
    rng = np.random.default_rng(4)
    for _ in range(300):
        roots = np.roots(augment.random_filter(rng)[0, 3:])
        assert np.abs(roots).max(initial=0) <= 0.7 + 1e-6


# Features and targets


def test_clean_input_asks_for_gain_one(mixer: augment.Mixer) -> None:
    voice = syllables(RATE, 2.0, 130, np.random.default_rng(0)).astype(np.float32)
    rows = features.rows_of(augment.Segment(voice, voice, 24000.0, True), 2).astype(np.float32)
    part = {name: rows[:, where] for name, where in features.columns.items()}
    judged = part["gain_mask"] > 0
    assert judged.mean() > 0.3
    assert np.allclose(part["gain"][judged], 1, atol=2e-3)
    assert np.allclose(part["xy"][judged], 1, atol=2e-3)


def test_bands_above_the_bandwidth_are_judged_in_pauses_only(mixer: augment.Mixer) -> None:
    rng = np.random.default_rng(0)
    voice = syllables(RATE, 2.0, 130, rng).astype(np.float32)
    voice[RATE:] = 0
    noisy = voice + 0.01 * rng.standard_normal(len(voice)).astype(np.float32)
    rows = features.rows_of(augment.Segment(noisy, voice, 5000.0, True), 2).astype(np.float32)
    above = features.CENTRES > 5000
    mask = rows[:, features.columns["gain_mask"]][:, above]
    spoken = rows[:, features.columns["speech"]][:, 0] > 0
    assert spoken.any()
    assert not mask[spoken].any()
    assert mask[110:].all()


def test_noise_alone_asks_for_gain_zero() -> None:
    noise = 0.05 * np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    rows = features.rows_of(augment.Segment(noise, np.zeros_like(noise), 24000.0, False), 2).astype(np.float32)
    assert not rows[:, features.columns["gain"]].any()
    assert not rows[:, features.columns["speech"]].any()
    assert rows[5:, features.columns["gain_mask"]].all()


def test_band_centres_are_those_of_the_core() -> None:
    assert np.array_equal(features.CENTRES, 50.0 * np.asarray(_core.band_centre()))


# Network, losses, rounding


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


@pytest.mark.parametrize("shape", [(96, 32), (32, 96), (48, 48)])
def test_updates_of_muon_are_orthogonal(shape: tuple[int, int]) -> None:
    torch.manual_seed(5)
    u, _, v = torch.linalg.svd(torch.randn(shape), full_matrices=False)
    gradient = u @ torch.diag(torch.logspace(-1, 0, min(shape))) @ v
    update = muon.orthogonal(gradient)
    values = torch.linalg.svdvals(update)
    assert values.min() > 0.6 and values.max() < 1.3  # from a factor of 10
    # Along the singular vectors of the gradient, and nowhere else.
    inside = u.T @ update @ v.T
    assert (inside - torch.diag(inside.diagonal())).abs().max() < 1e-3


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
    rows = torch.from_numpy(features.rows_of(segment, 2, spectra=True))[2:, None]
    return train.split_rows(rows)


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
    parts = train.split_rows(torch.from_numpy(rows)[2:, None])
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
    parts = train.split_rows(torch.from_numpy(quiet)[2:, None])
    gains = torch.from_numpy(ideal)[2:, None]
    assert float(losses.disturbance_loss(parts, 0 * gains + 1)) == pytest.approx(lost[0], rel=0.02)


# The whole


def test_loss_falls_and_the_model_runs(corpus: Path, tmp_path: Path) -> None:
    made = settings(corpus, tmp_path, steps=120)
    run = train.train(made)
    assert run.step == 120
    with open(run.folder / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    losses_seen = [float(row["loss"]) for row in rows if row["kind"] == "train"]
    assert np.mean(losses_seen[-3:]) < 0.8 * np.mean(losses_seen[:3])
    best = (run.folder / "best.linnet").read_bytes()
    assert blob.read_blob(best).widths == blob.Widths(8, 8, 8)
    noisy = 0.1 * np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    out = _core.Stream(best).process(noisy)
    assert np.isfinite(out).all()
    assert out.any()

    picture = tmp_path / "curve.png"
    assert subprocess.call([sys.executable, curve.__file__, run.folder, "--out", picture]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert subprocess.call([sys.executable, curve.__file__, tmp_path, "--out", picture]) == 2

    # The exporter on its own gives the same bytes, and the evaluator scores the model.
    assert subprocess.call([sys.executable, export.__file__, run.checkpoint, tmp_path / "again.linnet"]) == 0
    assert (tmp_path / "again.linnet").read_bytes() == (run.folder / "last.linnet").read_bytes()
    for name in ("noisy", "clean"):
        (tmp_path / "set" / name).mkdir(parents=True)
    voice = syllables(RATE, 2.0, 140, np.random.default_rng(1)).astype(np.float32)
    noise = 0.02 * np.random.default_rng(2).standard_normal(len(voice)).astype(np.float32)
    soundfile.write(tmp_path / "set/clean/000.wav", voice, RATE)
    soundfile.write(tmp_path / "set/noisy/000.wav", voice + noise, RATE)
    (tmp_path / "list.csv").write_text("id,snr_db\n000,5\n")
    words = ["--model", run.folder / "last.linnet", "--set", tmp_path / "set", "--json", tmp_path / "scores.json"]
    words += ["--list", tmp_path / "list.csv", "--workers", "1"]
    assert subprocess.call([sys.executable, evaluate.__file__, *words]) == 0
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["mean"]["files"] == 1
    assert scores["per_snr"]["5"]["noisy"]["si_sdr"] == scores["files"][0]["noisy"]["si_sdr"]


def test_a_sparse_run_keeps_its_share_of_blocks_and_stores_them(corpus: Path, tmp_path: Path) -> None:
    made = settings(corpus, tmp_path, steps=100, density=0.25, dense=8, hidden=32, strength=16)
    run = train.train(made)
    for name, share in sparse.shares(run.average).items():
        assert share == pytest.approx(0.25, abs=0.02), name
    stored = blob.read_blob((run.folder / "last.linnet").read_bytes())
    assert all(stored.layers[name].sparse for name in ("conv2", "gru1.input", "gru1.recurrent", "gru5.recurrent"))
    assert not stored.layers["gain"].sparse
    # It began with all of them.
    again = train.Run(dataclasses.replace(made, name="again"))
    assert all(share == 1 for share in sparse.shares(again.average).values())
    again.lock.close()


def test_density_falls_to_its_goal() -> None:
    points = [sparse.density_at(progress, 0.25) for progress in np.linspace(0, 1, 21)]
    assert points[0] == 1
    assert points[-1] == points[-8] == 0.25
    assert all(a >= b for a, b in zip(points, points[1:], strict=False))


def test_killed_and_resumed_run_has_the_same_weights(corpus: Path, tmp_path: Path) -> None:
    straight = train.train(settings(corpus, tmp_path / "straight", steps=72))
    # A second run of the same settings is killed, without warning, once it has left a checkpoint behind.
    made = settings(corpus, tmp_path / "killed", steps=72, checkpoint_minutes=0.0)
    words = [f"{name}={value}" for name, value in json.loads(config.to_json(made)).items()]
    process = subprocess.Popen([sys.executable, train.__file__, "tiny", *words], stdout=subprocess.DEVNULL)
    checkpoint = made.folder() / "checkpoint.safetensors"
    while not checkpoint.is_file() and process.poll() is None:
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    with safe_open(checkpoint, "pt") as file:
        assert json.loads(file.metadata()["position"])["step"] < 72
    resumed = train.train(made)
    assert resumed.step == straight.step == 72
    wanted, found = tensors(straight.checkpoint), tensors(resumed.checkpoint)
    assert wanted.keys() == found.keys()
    for name, value in wanted.items():
        assert torch.equal(value, found[name]), name


def test_processes_share_a_batch_and_make_the_same_updates(corpus: Path, tmp_path: Path) -> None:
    made = {name: settings(corpus, tmp_path, name=name, steps=24, processes=int(name[-1])) for name in ("by1", "by2")}
    weights = []
    for each in made.values():
        words = [f"{name}={value}" for name, value in json.loads(config.to_json(each)).items()]
        assert subprocess.call([sys.executable, train.__file__, "tiny", *words], stdout=subprocess.DEVNULL) == 0
        weights.append(tensors(each.folder() / "checkpoint.safetensors"))
        with open(each.folder() / "log.csv", newline="") as file:
            assert [row["kind"] for row in csv.DictReader(file)].count("valid") == 1
    start = dict(train.Run(dataclasses.replace(made["by1"], name="start")).network.named_parameters())
    for name, value in start.items():
        one, two = (found[f"model.{name}"] for found in weights)
        # Means over halves of a batch are weighted a little differently from means over all of it.
        assert (two - one).norm() < 0.2 * (one - value).norm(), name


def test_a_run_in_use_is_refused(corpus: Path, tmp_path: Path) -> None:
    made = settings(corpus, tmp_path, steps=4)
    first = train.Run(made)
    with pytest.raises(ValueError, match="in use"):
        train.Run(made)
    first.lock.close()


def test_checkpoint_of_other_widths_is_refused(corpus: Path, tmp_path: Path) -> None:
    first = train.Run(settings(corpus, tmp_path, steps=4))
    first.save()
    first.lock.close()
    with pytest.raises(ValueError, match="hidden=8, not 16"):
        train.Run(settings(corpus, tmp_path, steps=4, hidden=16))


def test_bad_evaluation_sets_end_in_one_line(tmp_path: Path, tiny_model: Path) -> None:
    words = [sys.executable, evaluate.__file__, "--model", str(tiny_model), "--set", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "noisy" in done.stderr


# Going on from a trained model


def siren(seconds: float, rng: np.random.Generator) -> np.ndarray:
    """A narrow noise: three beeps a second that jump between two pitches, with some hiss around them."""
    t = np.arange(int(RATE * seconds)) / RATE
    pitch = np.where(np.sin(2 * np.pi * 1.5 * t + rng.random()) > 0, 1400.0, 1900.0) * rng.uniform(0.95, 1.05)
    beeps = np.sin(2 * np.pi * np.cumsum(pitch) / RATE) * (np.sin(2 * np.pi * 3 * t) > -0.5)
    return 0.1 * (beeps + 0.05 * rng.standard_normal(len(t)))


def test_a_few_minutes_on_a_narrow_noise_gain_half_a_decibel(tmp_path: Path) -> None:
    """The shipped small model, further trained on voices and sirens made here, on other voices and sirens."""
    rng = np.random.default_rng(11)
    for index in range(8):
        for kind in ("speech", "noise"):
            (tmp_path / kind / f"{index}").mkdir(parents=True)
            sound = syllables(RATE, 12.0, 90 + 18 * index, rng) if kind == "speech" else siren(12.0, rng)
            soundfile.write(tmp_path / kind / f"{index}/sound.wav", sound, RATE)
    start = Path(train.__file__).parents[1] / "sdk/models/small.linnet"
    words = [f"--init={start}", f"--speech={tmp_path / 'speech'}", f"--noise={tmp_path / 'noise'}", "steps=100"]
    words += [f"runs={tmp_path}", f"cache={tmp_path / 'cache'}", "tensorboard=no", "simulated_rooms=2", "room=0"]
    words += ["valid_segments=4", "shard_segments=32"]
    assert subprocess.call([sys.executable, train.__file__, *words], stdout=subprocess.DEVNULL) == 0
    gains = []
    for index in range(4):
        clean = syllables(RATE, 6.0, 100 + 30 * index, rng).astype(np.float32)
        noise = siren(6.0, rng).astype(np.float32)
        noisy = clean + noise * np.float32(np.sqrt((clean**2).mean() / (noise**2).mean()))
        scores = []
        for path in (start, tmp_path / "finetune/last.linnet"):
            stream = _core.Stream(path.read_bytes())
            out = stream.process(np.concatenate([noisy, np.zeros(stream.delay, np.float32)]))[stream.delay :]
            scores.append(metrics.si_sdr(clean, out))
        gains.append(scores[1] - scores[0])
    assert np.mean(gains) > 0.5
