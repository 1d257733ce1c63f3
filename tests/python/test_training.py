"""Training as a whole: settings, runs that are killed, resumed and shared, going on from a trained model."""

from __future__ import annotations

import csv
import dataclasses
import json
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
from recordings import QUICK, RATE, TINY, settings, syllables
from safetensors import safe_open
from safetensors.torch import save_file

from linnet import _core
from linnet.model import blob
from linnet.study import metrics
from training import config, curve, evaluate, export, losses, model, sparse, team, topology, train

LIKE_THE_MODEL = dict.fromkeys(("dense", "hidden", "strength", "lookahead"), config.FROM_MODEL)


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
        (["small", "workers=-1"], "workers=-1: must be at least 0"),
        (["small", "device=gpu"], "device=gpu: must be auto, cpu or cuda"),
        (["small", "init_share=0.5"], "init_share=0.5: needs init="),
        (["small", "begun=1"], "begun=1.0: must be at least 0 and less than 1"),
        (["small", "reuse=0"], "reuse=0: must be at least 1"),
        (["small", "hours=0"], "hours=0.0: must be above 0"),
        (["small", "steps=-5"], "steps=-5: must be at least 0"),
        (["small", "lookahead=4"], "lookahead=4: must be 0..3"),
        (["finetune", "speech=a", "noise=b"], "give init="),
        (["small", "batch=8", "batch=16"], "batch is given twice, 8 and 16"),
        (["small", "name="], "name='': must be the name of a folder"),
        (["small", "name=../x"], "name='../x': must be"),
        (["small", "name=/tmp/x"], "name='/tmp/x': must be"),
        (["small", "learning_rate=nan"], "learning_rate=nan: must be a finite number"),
        (["small", "hours=inf"], "hours=inf: must be a finite number"),
        (["small", "learning_rate=0"], "learning_rate=0.0: must be above 0"),
        (["small", "clip=-1"], "clip=-1.0: must be above 0"),
        (["small", "seed=-1"], "seed=-1: must be at least 0"),
        (["small", "warm_up=-1"], "warm_up=-1: must be at least 0"),
        (["small", "weight_gain=-1"], "weight_gain=-1.0: must be at least 0"),
        (["small", "ema=1.5"], "ema=1.5: must be in 0..1"),
        (["small", "room=2"], "room=2.0: must be in 0..1"),
        (["small", "beta2=1"], "beta2=1.0: must be at least 0 and less than 1"),
        (["small", "noise_only=0.9", "speech_only=0.2"], "speech_only=0.2: with noise_only"),
        (["small", "snr_low=30"], "snr_low=30.0: more than snr_mid=20.0"),
        (["small", "level_low=0"], "level_low=0.0: more than level_high=-8.0"),
        (["small", "snr_high=1e300"], "snr_high=1e.300: must be in -150..150"),
        (["small", "seconds=0.5"], "seconds=0.5: must be at least 0.01 . chunk=100"),
        (["light", "seconds=10.01"], "chunk=100: leaves 1 of 1001 frames, fewer than taps=3"),
    ],
)
def test_wrong_words_are_named(words: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config.stages_from_command_line(words)


def test_every_preset_is_valid() -> None:
    names = {path.stem for path in config.PRESETS.glob("*.toml")}
    assert names >= {"base", "small", "tiny"}
    for name in names:
        config.check(dataclasses.replace(config.load_preset(name), init="some.linnet" if name == "finetune" else ""))


@pytest.mark.parametrize("name", ["base", "small", "sparse", "large", "light"])
def test_the_file_of_a_shipped_model_is_its_recipe(name: str) -> None:
    path = Path(train.__file__).parents[1] / f"sdk/models/{name}.json"
    stages = config.stages_from_command_line([str(path), "runs=there", "threads=2"])
    names = [f"{name}-{number}" for number in range(1, len(stages) + 1)]
    assert [stage.name for stage in stages] == names
    begun = "sdk/models/small.linnet" if name == "large" else ""
    assert [stage.init for stage in stages] == [begun, *(f"there/{each}/checkpoint.safetensors" for each in names[:-1])]
    shipped = blob.read_blob(path.with_suffix(".linnet").read_bytes())
    for stage in stages:
        shape = export.shape_of(stage)
        assert shipped.widths == (blob.Widths(*shape) if isinstance(shape, tuple) else shape)
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
    first, second = (tmp_path / name / "last.linnet" for name in ("mine-1", "mine-2"))
    assert first.read_bytes() != second.read_bytes()
    before = first.stat().st_mtime_ns
    second.unlink()
    train.train_stages(config.stages_from_command_line(words))
    assert second.is_file()
    assert first.stat().st_mtime_ns == before


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
    out = _core.Stream(_core.Model(best)).process(noisy)
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


@pytest.mark.parametrize("dropout", [pytest.param(0.0, marks=pytest.mark.long), 0.2])  # which draws more numbers
def test_killed_and_resumed_run_has_the_same_weights(corpus: Path, tmp_path: Path, dropout: float) -> None:
    straight = train.train(settings(corpus, tmp_path / "straight", steps=40, dropout=dropout))
    # A second run of the same settings is killed, without warning, once it has left a checkpoint behind.
    made = settings(corpus, tmp_path / "killed", steps=40, dropout=dropout, checkpoint_minutes=0.0)
    words = [f"{name}={value}" for name, value in json.loads(config.to_json(made)).items()]
    process = subprocess.Popen([sys.executable, train.__file__, "tiny", *words], stdout=subprocess.DEVNULL)
    checkpoint = made.folder() / "checkpoint.safetensors"
    while not checkpoint.is_file() and process.poll() is None:
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    with safe_open(checkpoint, "pt") as file:
        assert json.loads(file.metadata()["position"])["step"] < 40
    resumed = train.train(made)
    assert resumed.step == straight.step == 40
    wanted, found = tensors(straight.checkpoint), tensors(resumed.checkpoint)
    assert wanted.keys() == found.keys()
    for name, value in wanted.items():
        assert torch.equal(value, found[name]), name


def test_a_stopped_run_saves(corpus: Path, tmp_path: Path) -> None:
    """Ctrl-C reaches every process of the terminal's foreground group, the ones that make data as well."""
    made = settings(corpus, tmp_path, hours=1.0)
    words = [f"{name}={value}" for name, value in json.loads(config.to_json(made)).items()]
    process = subprocess.Popen(
        [sys.executable, train.__file__, "tiny", *words], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout
    while not process.stdout.readline().startswith("train"):  # the first report
        assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)
    process.stdout.read()
    assert process.wait() == 0
    assert (made.folder() / config.CHECKPOINT).is_file()
    assert not (made.folder() / config.LAST).exists()


def test_a_run_from_a_pool_trains_and_goes_on_with_new_segments(corpus: Path, tmp_path: Path) -> None:
    made = settings(corpus, tmp_path, steps=12, pool=16)
    stage = train.train(made).stage
    assert stage > 0
    longer = train.train(dataclasses.replace(made, steps=16))
    assert longer.step == 16
    assert longer.stage > stage  # the seeds that come next
    with pytest.raises(ValueError, match="pool=16"):
        config.check(dataclasses.replace(made, processes=2))


def test_processes_share_a_batch_and_make_the_same_updates(corpus: Path, tmp_path: Path) -> None:
    made = {name: settings(corpus, tmp_path, name=name, steps=8, processes=int(name[-1])) for name in ("by1", "by2")}
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
        # Means over halves of a batch are weighted a little differently from means over all of it. By one half alone,
        # the weights would be apart as far as they have come.
        assert (two - one).norm() < 0.2 * (one - value).norm(), name


@pytest.mark.long  # seven processes that load PyTorch; usually the next test and the one before speak for it
def test_processes_of_torchrun_make_the_updates_of_ours(corpus: Path, tmp_path: Path) -> None:
    made = {name: settings(corpus, tmp_path, name=name, steps=4) for name in ("torchrun", "ours")}
    made["ours"] = dataclasses.replace(made["ours"], processes=2)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    torchrun += ["--master-addr", "127.0.0.1", "--master-port", "0", "--rdzv-backend", "c10d"]
    torchrun += ["--rdzv-endpoint", "127.0.0.1:0"]
    weights = {}
    for name, each in made.items():
        words = [f"{key}={value}" for key, value in json.loads(config.to_json(each)).items()]
        start = torchrun if name == "torchrun" else [sys.executable]
        assert subprocess.call([*start, train.__file__, "tiny", *words], stdout=subprocess.DEVNULL) == 0
        weights[name] = tensors(each.folder() / "checkpoint.safetensors")
        assert (each.folder() / "last.linnet").is_file()
    for name, value in weights["ours"].items():
        assert torch.equal(value, weights["torchrun"][name]), name


@pytest.mark.parametrize(
    ("batch", "processes", "found"),
    [(8, 1, (1, 2, 0)), (8, 2, (1, 2, 0)), (7, 1, "batch=7: must be a multiple of the 2"), (8, 4, "processes=4")],
)
def test_the_environment_of_torchrun_is_understood(batch: int, processes: int, found: tuple | str) -> None:
    environment = {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "LOCAL_RANK": "0"}
    assert team.from_environment({"RANK": "1"}, batch, processes) is None
    if isinstance(found, tuple):
        assert team.from_environment(environment, batch, processes) == found
    else:
        with pytest.raises(ValueError, match=found):
            team.from_environment(environment, batch, processes)


# What goes wrong


def broken_from(update: int, updates: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the loss of so many updates infinite."""
    seen: list[int] = []

    def loss(*arguments):
        total, parts = losses.total_loss(*arguments)
        if arguments[2].requires_grad:  # not in validation
            seen.append(1)
            if update < len(seen) <= update + updates:
                total = total * float("inf")
        return total, parts

    monkeypatch.setattr(train, "total_loss", loss)


def test_updates_without_a_finite_gradient_are_counted_and_left_out(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_from(4, 2, monkeypatch)
    run = train.train(settings(corpus, tmp_path, steps=12))
    assert (run.step, run.skipped) == (12, 2)
    with open(run.folder / "log.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == "train"]
    assert [row["skipped"] for row in rows] == ["0", "2", "2"]  # of batches of four updates
    assert all(np.isfinite(float(row["loss"])) for row in rows if row["loss"])
    assert all(torch.isfinite(value).all() for value in tensors(run.checkpoint).values())


def test_three_in_a_row_end_the_run_and_the_checkpoint_is_kept(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_from(6, 1000, monkeypatch)
    made = settings(corpus, tmp_path, steps=40, checkpoint_minutes=0.0)
    with pytest.raises(ValueError, match=r"no finite gradient 3 times in a row, 3 in all; .*learning_rate=0.01"):
        train.train(made)
    with safe_open(made.folder() / config.CHECKPOINT, "pt") as file:
        assert json.loads(file.metadata()["position"])["step"] == 4
    assert not (made.folder() / config.LAST).exists()
    # The same command goes on from there.
    monkeypatch.undo()
    made.steps = 8
    assert train.train(made).step == 8


def test_a_schedule_goes_on_where_it_was(corpus: Path, tmp_path: Path) -> None:
    """Without a checkpoint: from a blob, and what is said to be used up of the schedule."""
    whole = train.Run(settings(corpus, tmp_path, name="whole", steps=100, warm_up=0))
    rates = []
    for whole.step in (35, 60, 99):
        whole.team.progress = whole.progress()
        rates.append(whole.rate())
    whole.export("best.linnet")
    start = str(whole.folder / "best.linnet")
    rest = train.Run(settings(corpus, tmp_path, name="rest", steps=100, warm_up=0, begun=0.35, init=start))
    for rest.step, rate in zip((0, 25, 64), rates, strict=True):
        rest.team.progress = rest.progress()
        assert rest.rate() == pytest.approx(rate)
    rest.step = 65
    assert rest.progress() == 1
    whole.lock.close()
    rest.lock.close()
    run = train.train(settings(corpus, tmp_path, name="all", steps=20, begun=0.8, init=start))
    assert run.step == 4


def test_a_run_in_use_is_refused(corpus: Path, tmp_path: Path) -> None:
    made = settings(corpus, tmp_path, steps=4)
    first = train.Run(made)
    with pytest.raises(ValueError, match="in use"):
        train.Run(made)
    first.lock.close()


@pytest.mark.parametrize("kept", [0, 7, 4000, -1])  # bytes of it, or another file
def test_a_broken_checkpoint_is_named(corpus: Path, tmp_path: Path, kept: int) -> None:
    made = settings(corpus, tmp_path, steps=4)
    first = train.Run(made)
    first.save()
    first.lock.close()
    path = first.checkpoint
    if kept < 0:
        save_file({"x": torch.zeros(2)}, path)
    else:
        path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=f"^{path} is no whole checkpoint.*move it away, or give another name=$"):
        train.Run(made)


def test_ctrl_c_before_the_first_batch_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "train_stages", interrupted)
    monkeypatch.setattr(sys, "argv", ["train", "tiny"])
    assert train.main() == 130
    assert capsys.readouterr().err == "train: interrupted\n"


def test_a_model_is_written_where_it_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = tmp_path / "weights.linnet"  # by this name the ending is right
    made = dataclasses.replace(config.load_preset("tiny"))
    topology.write_weights(dict(topology.build(made).named_parameters()), made, weights)
    before = weights.read_bytes()
    (tmp_path / "folder.linnet").mkdir()
    for target, told in (
        ("weights.linnet", "holds the weights"),
        ("folder.linnet", "is a folder"),
        ("model.safetensors", "does not end in .linnet"),
        ("nowhere/model.linnet", "no folder"),
    ):
        monkeypatch.setattr(sys, "argv", ["export", str(weights), str(tmp_path / target)])
        assert export.main() == 2
        error = capsys.readouterr().err
        assert told in error and error.count("\n") == 1
    assert weights.read_bytes() == before
    with pytest.raises(OSError):
        export.write(*export.read_run(weights), tmp_path / "folder.linnet")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.linnet", "weights.linnet"]


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


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"dense": 8, "hidden": 24, "strength": 8}, r"\(8, 24, 8\) .* \(16, 32, 16\)"),
        ({"dense": 16, "hidden": 64, "strength": 16}, "times one whole number"),
    ],
)
def test_a_start_of_other_widths_is_refused(corpus: Path, tmp_path: Path, asked: dict, message: str) -> None:
    start = tmp_path / "start.linnet"
    export.write(dict(model.Network(16, 32, 16).named_parameters()), (16, 32, 16), 1, start)
    with pytest.raises(ValueError, match=message):
        train.take_over(settings(corpus, tmp_path, init=str(start), **asked))
    made = settings(corpus, tmp_path, init=str(start), **LIKE_THE_MODEL)
    train.take_over(made)
    assert (made.dense, made.hidden, made.strength, made.lookahead) == (16, 32, 16, 1)
    made = settings(corpus, tmp_path, init=str(start), **LIKE_THE_MODEL | {"lookahead": 2})
    train.take_over(made)
    assert made.lookahead == 2


def test_a_sparse_model_stays_sparse(corpus: Path, tmp_path: Path) -> None:
    network = model.Network(8, 32, 16)
    weights = dict(network.named_parameters())
    for name in sparse.NAMES:
        weights[name].data *= sparse.keep_largest(weights[name], 0.25)
    export.write(weights, network.widths, 2, tmp_path / "start.linnet")
    run = train.train(settings(corpus, tmp_path, init=str(tmp_path / "start.linnet"), steps=4, **LIKE_THE_MODEL))
    for name in sparse.NAMES:
        assert not run.average[name][weights[name] == 0].any(), name
        assert not torch.equal(run.average[name], weights[name]), name
    assert blob.read_blob((run.folder / config.LAST).read_bytes()).layers["gru1.input"].sparse


def test_the_end_is_shared_with_the_beginning(corpus: Path, tmp_path: Path) -> None:
    path = tmp_path / "start.safetensors"
    made = settings(corpus, tmp_path, steps=4, init=str(path))
    topology.write_weights(dict(topology.build(made).named_parameters()), made, path)
    start, _ = topology.read_weights(path)
    ends = {}
    for share in (0.0, 0.25, 1.0):
        run = train.train(dataclasses.replace(made, name=f"share{share}", init_share=share))
        saved = tensors(run.checkpoint)
        ends[share] = {name: saved[f"ema.{name}"] for name in start}
    for name, value in start.items():
        assert not torch.equal(ends[0.0][name], value), name
        torch.testing.assert_close(ends[0.25][name], 0.75 * ends[0.0][name] + 0.25 * value)
        torch.testing.assert_close(ends[1.0][name], value)


def test_a_run_that_has_ended_is_left_as_it_is(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "start.safetensors"
    made = settings(corpus, tmp_path, steps=4, init=str(path), init_share=0.5)
    topology.write_weights(dict(topology.build(made).named_parameters()), made, path)
    folder = train.train(made).folder
    files = {each: each.read_bytes() for each in folder.iterdir() if each.is_file()}
    capsys.readouterr()
    train.train(made)
    assert "has ended" in capsys.readouterr().out
    assert {each: each.read_bytes() for each in folder.iterdir() if each.is_file()} == files
    # What was killed before its last model was written gets that alone.
    checkpoint, last = folder / config.CHECKPOINT, folder / config.LAST
    ended, wanted = tensors(checkpoint), last.read_bytes()
    last.unlink()
    train.train(made)
    assert last.read_bytes() == wanted
    assert all(torch.equal(value, ended[name]) for name, value in tensors(checkpoint).items())
    # A checkpoint that does not tell whether it is blended: it is.
    with safe_open(checkpoint, "pt") as file:
        about = file.metadata()
    about["position"] = json.dumps({k: v for k, v in json.loads(about["position"]).items() if k != "blended"})
    save_file(ended, checkpoint, metadata=about)
    capsys.readouterr()
    train.train(made)
    assert "has ended" in capsys.readouterr().out
    # With a larger budget it goes on, and is blended anew.
    assert train.train(dataclasses.replace(made, steps=8)).step == 8


def siren(seconds: float, rng: np.random.Generator) -> np.ndarray:
    """A narrow noise: three beeps a second that jump between two pitches, with some hiss around them."""
    t = np.arange(int(RATE * seconds)) / RATE
    pitch = np.where(np.sin(2 * np.pi * 1.5 * t + rng.random()) > 0, 1400.0, 1900.0) * rng.uniform(0.95, 1.05)
    beeps = np.sin(2 * np.pi * np.cumsum(pitch) / RATE) * (np.sin(2 * np.pi * 3 * t) > -0.5)
    return 0.1 * (beeps + 0.05 * rng.standard_normal(len(t)))


def finetuned(folder: Path, rng: np.random.Generator, *words: str) -> tuple[Path, Path]:
    """The shipped light model, and what it has become on voices and sirens made here."""
    for index in range(8):
        for kind in ("speech", "noise"):
            (folder / kind / f"{index}").mkdir(parents=True)
            sound = syllables(RATE, 12.0, 90 + 18 * index, rng) if kind == "speech" else siren(12.0, rng)
            soundfile.write(folder / kind / f"{index}/sound.wav", sound, RATE)
    start = Path(train.__file__).parents[1] / "sdk/models/light.linnet"
    command = [sys.executable, train.__file__, f"--init={start}"]
    command += [f"--speech={folder / 'speech'}", f"--noise={folder / 'noise'}", f"runs={folder}"]
    command += [f"cache={folder / 'cache'}", "tensorboard=no", "simulated_rooms=2", "room=0", *words]
    assert subprocess.call(command, stdout=subprocess.DEVNULL) == 0
    return start, folder / "finetune/last.linnet"


def test_a_shipped_model_goes_on(tmp_path: Path) -> None:
    words = ("steps=2", "batch=2", "seconds=2", "valid_segments=2", "shard_segments=4")
    start, end = (path.read_bytes() for path in finetuned(tmp_path, np.random.default_rng(11), *words))
    assert blob.read_blob(end).widths == blob.read_blob(start).widths
    assert len(end) == len(start) and end != start


@pytest.mark.long
def test_a_few_minutes_on_a_narrow_noise_gain_half_a_decibel(tmp_path: Path) -> None:
    """On other voices and sirens than those it was trained on."""
    rng = np.random.default_rng(11)
    pair = finetuned(tmp_path, rng, "steps=100", "valid_segments=4", "shard_segments=32")
    gains = []
    for index in range(4):
        clean = syllables(RATE, 6.0, 100 + 30 * index, rng).astype(np.float32)
        noise = siren(6.0, rng).astype(np.float32)
        noisy = clean + noise * np.float32(np.sqrt((clean**2).mean() / (noise**2).mean()))
        scores = []
        for path in pair:
            stream = _core.Stream(_core.Model(path.read_bytes()))
            out = stream.process(np.concatenate([noisy, np.zeros(stream.delay, np.float32)]))[stream.delay :]
            scores.append(metrics.si_sdr(clean, out))
        gains.append(scores[1] - scores[0])
    assert np.mean(gains) > 0.5
