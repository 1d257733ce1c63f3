"""Trains the network.

    python training/train.py small                                  # preset of training/configs
    python training/train.py small hours=8 data=/corpora/mine       # any field of training/config.py
    python training/train.py small speech=DIR noise=DIR rooms=DIR   # own folders of recordings
    python training/train.py sdk/models/small.json                  # a shipped model anew: the stages of its training
    python training/train.py init=sdk/models/small.linnet name=mine speech=DIR noise=DIR    # goes on from a model

Writes runs/NAME: checkpoint.safetensors (model, average, optimiser, position: the same command resumes there), log.csv,
TensorBoard events, best.linnet (the averaged weights of the best validation, exported and proven) and last.linnet.
Interrupting saves first. With steps=N instead of hours the run is reproducible, resumed or not.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import math
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

import training  # noqa: F401  (finds linnet)
from linnet.model.blob import BandSplit
from training import data, export, features, keep_memory, sparse, topology, widen
from training.config import CHECKPOINT, FROM_MODEL, LAST, Config, set_values, stages_from_command_line, to_json
from training.device import choose, data_workers, set_precision, working_type
from training.log import Log
from training.losses import total_loss
from training.measure import measure
from training.model import count_weights
from training.optimisers import make_optimisers
from training.pool import Pool
from training.team import Team, leave, together
from training.whole import whole, write_whole

SKIPPED_MOST = 3  # updates in a row without a finite gradient


def prepare_torch(config: Config) -> torch.device:
    """Threads, denormals, how exact matrix products are, and the device. ValueError: there is none such."""
    device = choose(config.device)
    config.workers = config.workers or data_workers(device)
    keep_memory()
    torch.set_num_threads(config.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(config.seed)
    set_precision(config.fast_matmul, device)
    return device


def take_over(config: Config) -> dict[str, torch.Tensor]:
    """Weights of config.init, at the widths of the run. What the run leaves to the model is filled in.

    ValueError, OSError: unreadable, or of another network, or of widths that the run's are no multiples of.
    """
    path = Path(config.init)
    if config.diagonal and path.suffix != ".linnet":  # which no model can be, and whose weights fit or are refused
        return topology.read_weights(path)[0]
    weights, shape, lookahead = export.read_weights(path)
    asked = (config.dense, config.hidden, config.strength)
    if config.lookahead == FROM_MODEL:
        config.lookahead = lookahead
    if isinstance(shape, BandSplit):
        own = export.settings_of(shape)
        if FROM_MODEL in asked:
            kept = {name: getattr(Config(), name) for name in ("dense", "hidden", "strength")}  # said, if not used
            set_values(config, kept | own)
        for name, value in own.items():
            if getattr(config, name) != value:
                raise ValueError(f"{path} has {name}={value}, not {getattr(config, name)}; give that, or no preset")
        return weights
    wanted = tuple(own if width == FROM_MODEL else width for width, own in zip(asked, shape, strict=True))
    config.dense, config.hidden, config.strength = wanted
    weights = weights if wanted == shape else widen.widen(weights, shape, wanted, config.seed)
    if config.topology == "percepnet":
        return weights
    if not config.trunk:
        raise ValueError(f"{path} can only be the trunk of this network; give trunk=true")
    return {f"trunk.{name}": value for name, value in weights.items()}


class Run:
    """State of a training run and its files."""

    def __init__(self, config: Config, team: Team | None = None):
        self.device = prepare_torch(config)
        self.config = config
        self.team = team = team or Team()
        self.folder = config.folder()
        self.folder.mkdir(parents=True, exist_ok=True)
        if team.rank == 0:
            self.take_lock()
        start = take_over(config) if config.init else None
        self.row = features.layout(config)
        self.network = topology.build(config)
        if start:
            unknown = self.network.load_state_dict(start, strict=False).unexpected_keys
            if unknown:
                raise ValueError(f"{config.init} has weights that the network lacks, such as {unknown[0]}")
        self.start = start if start and config.init_share else {}
        self.network.to(self.device)
        self.optimisers = make_optimisers(config, self.network)
        self.average = {name: value.detach().clone() for name, value in self.network.named_parameters()}
        self.step, self.stage, self.batch = 0, 0, 0
        self.skipped, self.in_a_row = 0, 0  # updates without a finite gradient
        self.elapsed_before, self.begun = 0.0, time.monotonic()
        self.best = math.inf
        self.blended = False  # whether the running average has its share of the beginning already
        self.checkpoint = self.folder / CHECKPOINT
        if self.checkpoint.is_file():
            self.load()
        weights = dict(self.network.named_parameters())
        pruning = config.density < 1 or (config.topology == "percepnet" and sparse.stored(weights))  # it stays sparse
        self.pruner = sparse.Pruner(weights, self.average, config.density) if pruning else None

    def take_lock(self) -> None:
        """ValueError: another training has it."""
        self.lock = open(self.folder / "lock", "w")  # noqa: SIM115  (held as long as the run lives)
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(f"{self.folder} is in use by another training process; give another name=") from None

    # Budget and schedule

    def elapsed(self) -> float:
        """Seconds of training, over all resumes."""
        return self.elapsed_before + time.monotonic() - self.begun

    def used_up(self, seconds: float) -> float:
        """Share of the budget, 0..1, after the updates so far in so many seconds; `begun` of it before this run."""
        c = self.config
        return min(c.begun + (self.step / c.steps if c.steps else seconds / (3600 * c.hours)), 1.0)

    def progress(self) -> float:
        """Share of the budget that is used up, 0..1."""
        return self.used_up(self.elapsed())

    def ended(self) -> bool:
        """Whether an earlier call came to the end of this budget and left the last weights behind."""
        return self.blended and self.has_last() and self.used_up(self.elapsed_before) >= 1

    def has_last(self) -> bool:
        """Whether the last weights are there, as a blob or bare."""
        last = self.folder / LAST
        return last.is_file() or last.with_suffix(".safetensors").is_file()

    def rate(self) -> float:
        """Learning rate: linear warm-up, then a cosine over the budget."""
        c = self.config
        cosine = c.final_rate + (c.learning_rate - c.final_rate) * 0.5 * (1 + math.cos(math.pi * self.team.progress))
        return cosine * min(1.0, (self.step + 1) / max(c.warm_up, 1))

    # Checkpoints

    def save(self) -> None:
        """Everything that a resumed run needs; the file is replaced whole."""
        tensors = {}
        for name, value in self.network.named_parameters():
            tensors[f"model.{name}"] = value.detach()
            tensors[f"ema.{name}"] = self.average[name]
            for kind, optimiser in self.optimisers.items():
                for key, state in optimiser.state.get(value, {}).items():
                    tensors[f"{kind}.{key}.{name}"] = state
        c = self.config
        about = {name: str(getattr(c, name)) for name in topology.SHAPE}
        position = {"step": self.step, "stage": self.stage, "batch": self.batch}
        position |= {"elapsed": self.elapsed(), "best": self.best, "blended": self.blended}
        about["position"] = json.dumps(position)
        about["config"] = to_json(c)
        with whole(self.checkpoint) as part:
            save_file(tensors, part, metadata=about)

    def load(self) -> None:
        """Continues from the checkpoint; ValueError when it is of other widths, or no whole checkpoint."""
        broken = f"{self.checkpoint} is no whole checkpoint of a training run; move it away, or give another name="
        try:
            with safe_open(self.checkpoint, "pt") as file:
                about = file.metadata()
                before, position = json.loads(about["config"]), json.loads(about["position"])
                stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no dictionary)
        except (SafetensorError, KeyError, TypeError, ValueError):
            raise ValueError(broken) from None
        c = self.config
        for name in topology.SHAPE:
            width = about.get(name, str(getattr(Config(), name)))  # older checkpoints lack what was always so
            if width != str(getattr(c, name)):
                raise ValueError(f"{self.checkpoint} has {name}={width}, not {getattr(c, name)}; give another name=")
        try:
            self.restore(stored, position)
            changed = [
                f"{key} {old} -> {getattr(c, key)}" for key, old in before.items() if getattr(c, key, old) != old
            ]
        except (KeyError, TypeError, AttributeError, RuntimeError):
            raise ValueError(broken) from None
        if changed:
            print(f"resuming with changed settings: {', '.join(changed)}", flush=True)

    def restore(self, stored: dict[str, torch.Tensor], position: dict) -> None:
        """Takes over what save() has written."""
        named = dict(self.network.named_parameters())
        for name, value in named.items():
            value.data.copy_(stored[f"model.{name}"])
            self.average[name].copy_(stored[f"ema.{name}"])
        for entry, state in stored.items():
            kind, _, rest = entry.partition(".")
            if kind in self.optimisers:
                key, _, name = rest.partition(".")
                self.optimisers[kind].state[named[name]][key] = state.to(self.device)
        self.step, self.stage, self.batch = position["step"], position["stage"], position["batch"]
        self.elapsed_before, self.best = position["elapsed"], position["best"]
        # Older checkpoints do not tell: they are if the last weights, which come behind, have been written.
        self.blended = position.get("blended", self.has_last() and self.used_up(self.elapsed_before) >= 1)

    # Work

    def outputs(self, network, features: torch.Tensor, states, rounding: bool):
        """What the network gives for a chunk, float32; products of bfloat16 on a CUDA device where they may be."""
        fast = self.device.type == "cuda" and working_type(self.device) == torch.bfloat16
        with torch.autocast(self.device.type, torch.bfloat16, enabled=fast):
            return network(features, states, rounding)

    def update(self) -> torch.Tensor:
        """One step along the gradients that the network has, clipped; their norm. ValueError: too many are useless."""
        c = self.config
        self.team.average([value.grad for value in self.network.parameters()])
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), c.clip)
        if torch.isfinite(norm):
            self.in_a_row = 0
            for kind, optimiser in self.optimisers.items():
                for group in optimiser.param_groups:
                    group["lr"] = self.rate() * (c.matrix_rate if kind == "muon" else 1)
                optimiser.step()
        else:
            self.skipped, self.in_a_row = self.skipped + 1, self.in_a_row + 1
            if self.in_a_row == SKIPPED_MOST:
                raise ValueError(
                    f"update {self.step}: no finite gradient {SKIPPED_MOST} times in a row, {self.skipped} in all; "
                    f"{self.checkpoint} is from before: lower learning_rate={c.learning_rate} or check the recordings"
                )
        self.step += 1
        self.blended = False
        return norm

    def after_update(self) -> None:
        """Running average of the weights, and blocks that are to be zero."""
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step))
        current = [value.detach() for value in self.network.parameters()]
        torch._foreach_lerp_(list(self.average.values()), current, 1 - decay)
        if self.pruner:
            if self.step % sparse.EVERY == 0:
                self.pruner.cut(self.team.progress)
            self.pruner.apply()

    def blend(self) -> None:
        """The running average as it is at the end, once: with its share of the weights that the run began with."""
        if self.blended:
            return
        for name, value in self.start.items():
            self.average[name].lerp_(value.to(self.device), self.config.init_share)
        self.blended = True

    def train_batch(self, rows: torch.Tensor) -> dict[str, float]:
        """All chunks of one batch [B, T, COLUMNS], this process's share, with carried states: mean loss parts."""
        c = self.config
        rows = rows.to(self.device, non_blocking=True)
        states = self.network.start(rows.shape[0])
        sums: dict[str, torch.Tensor] = {}  # read once at the end: a device would be waited for at each reading
        used = 0
        rounding = self.team.progress >= c.quantize_from
        for start in range(0, rows.shape[1], c.chunk):
            part = self.row.split(rows[:, start : start + c.chunk].transpose(0, 1).contiguous())
            if c.dropout:  # of each process its own, and the same after a resume
                torch.manual_seed(hash((c.seed, self.step, self.team.rank)))
            *outputs, states = self.outputs(self.network, features.seen(part), states, rounding)
            loss, parts = total_loss(c, part, *outputs)
            self.network.zero_grad()
            loss.backward()
            norm = self.update()
            if self.in_a_row:
                states = self.network.start(rows.shape[0])  # those carried on would be no better
                continue
            self.after_update()
            used += 1
            parts |= {"loss": loss.detach(), "norm": norm}
            for key, value in parts.items():
                sums[key] = sums[key] + value if key in sums else value
        return {key: float(value) / used for key, value in sums.items()}

    def validate(self, rows: torch.Tensor) -> dict[str, float]:
        """What measure.py finds of the averaged, int8-rounded weights on [B, T, COLUMNS]."""
        network = topology.build(self.config).to(self.device).eval()
        network.load_state_dict(self.average)
        return measure(self.config, network, rows.to(self.device), self.outputs)

    def export(self, name: str) -> None:
        """The averaged weights as a proven blob, or as bare weights where the SDK does not have the network."""
        c = self.config
        average = {name: value.cpu() for name, value in self.average.items()}
        if c.diagonal:
            topology.write_weights(average, c, (self.folder / name).with_suffix(".safetensors"))
        else:
            export.write(average, export.shape_of(c), c.lookahead, self.folder / name)


class Keeper:
    """Reports, validates and saves now and then; the first process of a team has one."""

    def __init__(self, run: Run):
        c = run.config
        about = {"manifest_sha256": data.manifest_hash(c), "torch": torch.__version__}
        write_whole(run.folder / "config.json", json.dumps(json.loads(to_json(c)) | about, indent=1) + "\n")
        self.run = run
        self.valid = torch.from_numpy(features.valid_rows(c))
        data.load(c, "train")  # decoded here, before the clock runs, where a bad recording can be told
        self.log = Log(run)
        print(f"{c.name}: {count_weights(run.network)} weights, {run.folder}, step {run.step}", flush=True)
        self.sums: dict[str, float] = {}
        self.frames, self.waited = 0, 0.0
        self.counts: dict[str, int] = {}
        self.reported = self.saved = self.validated = time.monotonic()

    def after_batch(self, parts: dict[str, float], frames: int, waited: float) -> None:
        """parts: losses of a batch of so many frames; waited: seconds for data since the run began."""
        c, now = self.run.config, time.monotonic()
        self.frames += frames * self.run.team.size
        for key, value in parts.items():
            self.sums[key] = self.sums.get(key, 0.0) + value
            self.counts[key] = self.counts.get(key, 0) + 1
        if now - self.reported >= c.report_seconds:
            values = {key: value / self.counts[key] for key, value in self.sums.items()}
            values["frames_per_s"] = self.frames / (now - self.reported)
            values["waiting"] = (waited - self.waited) / (now - self.reported)
            values["skipped"] = self.run.skipped
            self.log.report("train", values)
            self.sums, self.counts, self.frames, self.waited, self.reported = {}, {}, 0, waited, now
        best = False
        if now - self.validated >= 60 * c.valid_minutes:
            best = self.validate()
            self.validated = time.monotonic()
        due = best or now - self.saved >= 60 * c.checkpoint_minutes  # a resumed run must know what it has to beat
        if due and self.run.in_a_row == 0:  # weights that give no finite gradient are worth less than those saved
            self.run.save()
            self.saved = time.monotonic()

    def validate(self) -> bool:
        """Reports the score of the averaged weights, and exports them where it is the best so far; True if it is."""
        values = self.run.validate(self.valid)
        self.log.report("valid", values)
        best = values["loss"] < self.run.best
        if best:
            self.run.best = values["loss"]
            self.run.export("best.linnet")
        return best

    def finish(self) -> None:
        """Saves; at the end of the budget there is a last model as well."""
        if not self.run.team.stopping:
            self.run.blend()
            self.validate()
        self.run.save()
        if not self.run.team.stopping:
            self.run.export(LAST)


def batches(run: Run, team: Team) -> Iterator[tuple[torch.Tensor, float]]:
    """This process's share of one batch after the other, [B, T, COLUMNS], and the seconds waited for data so far."""
    c, folder = run.config, run.folder / "shards"
    if c.pool:
        if team.size > 1:
            raise ValueError(f"setting pool={c.pool}: for one process, and there are {team.size}; give pool=0")
        with Pool(c, folder, run.device, run.stage) as pool:
            while True:
                rows = pool.draw()
                run.stage = pool.made
                yield rows, pool.waited
    with features.Shards(c, folder, run.stage, team.rank == 0) as shards:
        while True:
            stage = shards.stage(run.stage)
            count = sum(len(shard) for shard in stage)
            order = np.random.default_rng([c.seed, run.stage, 1]).permutation(count)
            for batch in range(run.batch, count // c.batch):
                chosen = order[batch * c.batch : (batch + 1) * c.batch][team.rank :: team.size]
                size = c.shard_segments
                rows = torch.from_numpy(np.stack([stage[i // size][i % size] for i in chosen]))
                run.batch = batch + 1
                yield rows.pin_memory() if run.device.type == "cuda" else rows, shards.waited
            run.stage, run.batch = run.stage + 1, 0


def train(config: Config, team: Team | None = None) -> Run:
    """Runs to the end of the budget, or until it is interrupted; a run that has ended before is left as it is."""
    run = Run(config, team)
    team = run.team
    if run.ended():
        if team.rank == 0:
            print(f"{config.name}: has ended, {run.folder}; for more give a larger hours= or steps=", flush=True)
        return run
    keeper = Keeper(run) if team.rank == 0 else None
    stopping: list[int] = []
    previous = {
        number: signal.signal(number, lambda number, _: stopping.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    run.begun = time.monotonic()
    try:
        with contextlib.closing(batches(run, team)) as source:
            team.agree(run.progress(), bool(stopping))
            while team.progress < 1 and not team.stopping:
                rows, waited = next(source)
                parts = run.train_batch(rows)
                if keeper:
                    keeper.after_batch(parts, rows.shape[0] * rows.shape[1], waited)
                team.agree(run.progress(), bool(stopping))
        if keeper:
            keeper.finish()
    finally:
        if keeper:
            keeper.log.close()
        for number, handler in previous.items():
            signal.signal(number, handler)
    return run


def train_stages(stages: list[Config]) -> None:
    """Trains one stage after the other, passing over those that an earlier call has ended."""
    for config in stages:
        last = config.folder() / LAST
        if len(stages) > 1 and last.is_file():
            print(f"{config.name}: done before, {last}", flush=True)
            continue
        together(train, config, config.folder())
        if not last.is_file():  # interrupted
            break


def main() -> int:
    """Command line; 2 with one line on stderr for bad input, 130 when interrupted before there is anything to save."""
    words = sys.argv[1:]
    if {"-h", "--help"} & set(words):
        print(__doc__.strip())
        return 0
    try:
        train_stages(stages_from_command_line(words))
        leave()
    except (ValueError, OSError) as error:
        print(f"train: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # before the first batch, when there is nothing to save
        print("train: interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
