"""Every knob of a training run: one dataclass, presets in configs/*.toml, key=value overrides on the command line.

    config = from_command_line(["small", "hours=0.5", "batch=32"])
    stages = stages_from_command_line(["sdk/models/small.json"])    # how a shipped model was trained

Times are in seconds and levels in dB unless the name says otherwise. Unknown keys and values of the wrong type are
errors.
"""

from __future__ import annotations

import dataclasses
import json
import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

PRESETS = Path(__file__).resolve().parent / "configs"
CHECKPOINT, LAST = "checkpoint.safetensors", "last.linnet"  # files of a run's folder
FROM_MODEL = -1  # of a width or the look-ahead: what the model has that `init` names
MADE_WITH = ("manifest_sha256", "torch")  # what the file of a model tells besides the settings


@dataclass
class Config:
    """Defaults are those of `base`; a preset changes widths and the budget."""

    # Run
    name: str = "base"  # run folder under `runs`
    runs: str = "runs"
    init: str = ""  # a *.linnet model or a checkpoint to start from
    seed: int = 1
    hours: float = 3.0  # wall-clock budget of training, counted over resumes; the schedule follows it
    steps: int = 0  # a budget in steps instead of hours when above 0: then a run is reproducible to the bit
    threads: int = 1  # of PyTorch, in each process
    processes: int = 1  # that share each batch
    workers: int = 0  # processes that generate data; 0: one, or on a CUDA device one per core but one
    fast_matmul: bool = True  # bfloat16 products inside float32 matrix products, where the CPU has them
    device: str = "auto"  # cpu, cuda, or cuda where there is one
    init_share: float = 0.0  # of the final weights: so much of those of `init`, the rest of their running average
    begun: float = 0.0  # share of the schedule that is used up before the first update; see the README

    # Data: manifest folders, or folders of recordings; the latter are split by hash of the file name
    data: str = "../shared/data"  # or several: A,B
    licences: str = "all"  # or "permissive": of the manifests' recordings only those without share-alike
    synthetic_share: float = 0.333  # at most so often the speaker is a synthetic voice
    speech: str = ""
    noise: str = ""
    rooms: str = ""
    cache: str = "runs/cache"
    simulated_rooms: int = 200

    # Segments and batches
    seconds: float = 20.0  # of one segment
    shard_segments: int = 96  # segments of one generated shard
    reuse: int = 2  # passes over each shard, interleaved with its neighbours
    batch: int = 96  # segments per batch
    pool: int = 0  # segments kept on the device, drawn at random while workers replace the oldest; 0: shards in order
    chunk: int = 100  # frames per update; states are carried to the next chunk of the batch

    # Augmentation
    snr_low: float = -5.0
    snr_mid: float = 20.0
    snr_high: float = 45.0
    snr_low_share: float = 0.8  # share of mixtures with SNR in low..mid, the others in mid..high
    level_low: float = -60.0  # dBFS, active speech level
    level_high: float = -8.0
    noise_only: float = 0.05
    speech_only: float = 0.125
    second_noise: float = 0.45
    noise_resample: float = 0.7  # share of noises at another speed, 0.6..1.6
    noise_reverse: float = 0.3
    babble: float = 0.08
    coloured: float = 0.08
    procedural: float = 0.25  # share of noises that are computed (procedural.py), in training alone
    room: float = 0.4  # share of segments with a room
    recorded_room: float = 0.25  # of those, share of recorded rooms
    noise_in_room: float = 0.3
    resample: float = 0.75  # share of segments whose speech is at another speed and pitch, 0.75..1.34
    piece_resample: float = 0.2  # share of its pieces that are so besides, 0.84..1.19
    speech_peaks: int = 1  # at most so many peaks and dips of the equaliser of speech
    noise_peaks: int = 2  # and of noise
    band_limit: float = 0.6  # then cutoff 3 kHz * 50^u
    clipping: float = 0.1
    rounding: float = 0.5
    leading_silence: float = 0.3  # share of segments whose speech begins late, by a quarter of their length in the mean
    # Shares of segments that are made hard, in training alone (hard.py)
    held: float = 0.06  # with vowels held for up to 4 s
    level_step: float = 0.15  # with speech that becomes softer or louder by up to 45 dB, or with slams
    whisper: float = 0.04
    vocoded: float = 0.04
    telephone: float = 0.05
    muted_start: float = 0.1  # that begin with 0.3 to 2 s of digital silence
    early: float = 0.020  # dereverberation target: kept whole
    target_rt60: float = 0.2  # and the tail decays at least as fast as this

    # Network; where it starts from a model, these may be whole multiples of that one's widths, or
    # FROM_MODEL, as in `finetune`
    topology: str = "percepnet"  # or "bandsplit", whose widths follow the first three
    dense: int = 128
    hidden: int = 512
    strength: int = 128
    channels: int = 48  # of a band
    blocks: int = 3
    summary: int = 6  # numbers that a band tells the context, and the context each band
    context: int = 128
    fine: bool = False  # reads the bins below 4.9 kHz one by one
    trunk: bool = False  # a network of the first three widths comes before the blocks
    comb: bool = True  # strengths of the comb; without it they are 0
    pitch: bool = True  # reads what the search for the pitch finds; without it and the comb there need be no search
    diagonal: bool = False  # recurrent layers of the tokens without recurrent matrices
    taps: int = 0  # frames of the complex filters on these bins: 0, 1, 3 or 5
    lookahead: int = 2  # frames
    dropout: float = 0.0  # between layers
    density: float = 1.0  # share of 8 x 4 blocks that is kept in the wide matrices

    # Loss
    weight_gain: float = 1.0
    weight_strength: float = 0.5
    weight_speech: float = 0.1
    weight_energy: float = 3.0
    weight_disturbance: float = 1.0  # points lost on the scale of PESQ
    weight_magnitude: float = 0.0
    weight_low: float = 1.0  # of the filtered bins, where there are taps
    weight_spectrum: float = 0.0  # error of the enhanced spectrum in three resolutions
    spectrum_segments: int = 8  # segments of a batch that it is computed on: it costs more than `small` itself
    gamma: float = 0.3
    fourth: float = 10.0

    # Optimiser
    learning_rate: float = 1e-3  # of AdamW: first layer, heads, biases
    matrix_rate: float = 3.0  # times that is Muon's, for the matrices between layers; 0 leaves these to AdamW as well
    final_rate: float = 2e-5
    warm_up: int = 200
    beta1: float = 0.9
    beta2: float = 0.98
    weight_decay: float = 0.05
    clip: float = 1.0
    ema: float = 0.999
    quantize_from: float = 0.0  # share of the budget after which int8 rounding is in the forward pass

    # Reports
    valid_segments: int = 40
    valid_minutes: float = 5.0
    checkpoint_minutes: float = 3.0
    report_seconds: float = 30.0
    tensorboard: bool = True

    @property
    def frames(self) -> int:
        """Frames of one segment."""
        return int(round(self.seconds * 100))

    def folder(self) -> Path:
        """Where the run writes."""
        return Path(self.runs) / self.name


def set_value(config: Config, key: str, text: str) -> None:
    """Sets one field from text. ValueError names the key when it is unknown or the value does not fit its type."""
    fields = {field.name: field.type for field in dataclasses.fields(config)}
    if key not in fields:
        raise ValueError(f"unknown setting '{key}'; see training/config.py for the names")
    kind = fields[key]
    try:
        if kind == "bool":
            value = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[text.lower()]
        else:
            value = {"int": int, "float": float, "str": str}[kind](text)
    except (KeyError, ValueError):
        raise ValueError(f"setting {key}={text}: must be {kind}") from None
    setattr(config, key, value)


def set_values(config: Config, values: Mapping[str, object]) -> Config:
    """Sets fields one by one, as set_value does, and returns the config."""
    for key, value in values.items():
        set_value(config, key, str(value))
    return config


def load_preset(name: str) -> Config:
    """A preset of training/configs by name, or a .toml file by path."""
    path = Path(name) if name.endswith(".toml") else PRESETS / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in PRESETS.glob("*.toml")))
        raise ValueError(f"no preset '{name}' ({path}); known: {known}")
    return set_values(Config(name=path.stem), tomllib.loads(path.read_text()))


def load_stages(path: Path) -> list[dict[str, object]]:
    """Settings of the stages in the JSON file of a trained model. ValueError: it is none."""
    if not path.is_file():
        raise ValueError(f"no file {path}; give the JSON file of a model")
    try:
        stages = json.loads(path.read_text())["stages"]
        return [{key: value for key, value in stage.items() if key not in MADE_WITH} for stage in stages]
    except (KeyError, TypeError, AttributeError, UnicodeDecodeError, json.JSONDecodeError):
        raise ValueError(f"{path} does not list the stages of a training; give the JSON file of a model") from None


def stages_from_command_line(arguments: list[str]) -> list[Config]:
    """The runs that `arguments` ask for, one after the other.

    One, as from_command_line says; or, where the first word is the JSON file of a trained model, its stages, each begun
    from the one before it, with the settings given besides. They are named after the file or by `name`, with a number.
    """
    preset, given = split_words(arguments)
    if not preset.endswith(".json"):
        return [from_command_line(arguments)]
    name = given.pop("name", Path(preset).stem)
    stages: list[Config] = []
    for number, settings in enumerate(load_stages(Path(preset)), 1):
        config = set_values(Config(), settings | given)
        config.name = f"{name}-{number}"
        config.init = str(stages[-1].folder() / CHECKPOINT) if stages else config.init
        check(config)
        stages.append(config)
    return stages


def from_command_line(arguments: list[str]) -> Config:
    """[PRESET] [key=value | --key value]...; the words are checked, a wrong one is a ValueError of one line.

    Without a preset it is `base`, or `finetune` where `init` names a model to start from.
    """
    preset, given = split_words(arguments)
    config = set_values(load_preset(preset or ("finetune" if given.get("init") else "base")), given)
    check(config)
    return config


def split_words(arguments: list[str]) -> tuple[str, dict[str, str]]:
    """The preset, empty if there is none, and the settings."""
    words = list(arguments)
    preset = words.pop(0) if words and "=" not in words[0] and not words[0].startswith("--") else ""
    given: dict[str, str] = {}
    while words:
        word = words.pop(0)
        if word.startswith("--") and "=" not in word:
            if not words:
                raise ValueError(f"option {word} needs a value")
            word = f"{word}={words.pop(0)}"
        key, equals, value = word.lstrip("-").partition("=")
        if not equals:
            raise ValueError(f"'{word}' is not key=value")
        key = key.replace("-", "_")
        if key in given:
            raise ValueError(f"setting {key} is given twice, {given[key]} and {value}; give one of them")
        given[key] = value
    return preset, given


def check(config: Config) -> None:
    """ValueError for values that could not train."""
    if not config.init and FROM_MODEL in (config.dense, config.hidden, config.strength, config.lookahead):
        raise ValueError("the widths are those of a model to start from; give init=MODEL, or another preset")
    name = Path(config.name)
    if not name.parts or name.is_absolute() or ".." in name.parts or "\0" in config.name:
        raise ValueError(f"setting name={config.name!r}: must be the name of a folder below runs={config.runs}")

    def need(names: str, fits: Callable[[float], bool], what: str) -> None:
        for name in names.split():
            value = getattr(config, name)
            if not fits(value):
                raise ValueError(f"setting {name}={value}: must be {what}")

    floats = " ".join(field.name for field in dataclasses.fields(config) if field.type == "float")
    need(floats, math.isfinite, "a finite number")
    for name, high in (("dense", 512), ("hidden", 1024), ("strength", 512)):
        legal = (FROM_MODEL, *range(8, high + 1, 8))
        need(name, legal.__contains__, f"a multiple of 8 in 8..{high}")
    need("topology", ("percepnet", "bandsplit").__contains__, "percepnet or bandsplit")
    need("taps", (0, 1, 3, 5).__contains__, "0, 1, 3 or 5")
    need("channels context", range(8, 513, 8).__contains__, "a multiple of 8 in 8..512")
    need("blocks summary", range(1, 17).__contains__, "1..16")
    need("lookahead", (FROM_MODEL, 0, 1, 2, 3).__contains__, "0..3")
    counts = "batch chunk reuse shard_segments threads processes valid_segments spectrum_segments"
    need(counts, lambda value: value >= 1, "at least 1")
    need("hours seconds learning_rate clip gamma target_rt60", lambda value: value > 0, "above 0")
    amounts = "workers steps pool simulated_rooms warm_up speech_peaks noise_peaks early final_rate matrix_rate"
    amounts += " weight_decay fourth valid_minutes checkpoint_minutes report_seconds"
    amounts += " weight_gain weight_strength weight_speech weight_energy weight_disturbance weight_magnitude"
    need(f"{amounts} weight_low weight_spectrum", lambda value: value >= 0, "at least 0")
    need("seed", range(2**63).__contains__, "at least 0 and less than 2^63")
    if config.frames < config.chunk:
        raise ValueError(f"setting seconds={config.seconds}: must be at least 0.01 * chunk={config.chunk}")
    # Filters need the frames around the one that is enhanced, in the last chunk of a segment as well.
    least = min(config.chunk, config.frames % config.chunk or config.chunk)
    if config.taps > least:
        raise ValueError(
            f"setting chunk={config.chunk}: leaves {least} of {config.frames} frames, fewer than taps={config.taps}"
        )
    need("snr_low snr_mid snr_high level_low level_high", lambda value: -150 <= value <= 150, "in -150..150 dB")
    for low, high in (("snr_low", "snr_mid"), ("snr_mid", "snr_high"), ("level_low", "level_high")):
        if getattr(config, low) > getattr(config, high):
            raise ValueError(f"setting {low}={getattr(config, low)}: more than {high}={getattr(config, high)}")
    need("licences", ("all", "permissive").__contains__, "all or permissive")
    if config.licences == "permissive" and (config.speech or config.noise or config.rooms):
        raise ValueError(
            "setting licences=permissive: folders of recordings tell no licence; give data= with manifests"
        )
    shares = "held level_step whisper vocoded telephone muted_start synthetic_share babble coloured procedural"
    shares += " snr_low_share noise_only speech_only second_noise noise_resample noise_reverse room recorded_room"
    shares += " noise_in_room resample piece_resample band_limit clipping rounding leading_silence"
    need(f"{shares} ema quantize_from init_share", lambda value: 0 <= value <= 1, "in 0..1")
    if config.noise_only + config.speech_only > 1:
        raise ValueError(f"setting speech_only={config.speech_only}: with noise_only it must be at most 1")
    if config.babble + config.coloured + config.procedural > 1:
        raise ValueError(f"setting procedural={config.procedural}: with babble and coloured it must be at most 1")
    need("dropout beta1 beta2", lambda value: 0 <= value < 1, "at least 0 and less than 1")
    if config.init_share and (not config.init or config.density < 1):
        raise ValueError(f"setting init_share={config.init_share}: needs init= and density=1")
    need("density", lambda value: 0 < value <= 1, "above 0 and at most 1")
    need("device", ("auto", "cpu", "cuda").__contains__, "auto, cpu or cuda")
    need("begun", lambda value: 0 <= value < 1, "at least 0 and less than 1")
    if not config.pitch and (config.comb or config.trunk or config.topology == "percepnet"):
        raise ValueError("setting pitch=false: only for topology=bandsplit with comb=false and without a trunk")
    if config.topology != "percepnet" and config.density < 1:
        raise ValueError(f"setting density={config.density}: only topology=percepnet can be made sparse")
    if config.pool and (config.pool < config.shard_segments or config.processes > 1):
        raise ValueError(f"setting pool={config.pool}: must be 0, or at least shard_segments with processes=1")
    if config.shard_segments < config.batch and not config.pool:
        raise ValueError(f"setting batch={config.batch}: more than shard_segments={config.shard_segments}")
    if config.batch % config.processes:
        raise ValueError(f"setting processes={config.processes}: must divide batch={config.batch}")


def to_json(config: Config) -> str:
    """All settings, for the run folder and the checkpoint."""
    return json.dumps(dataclasses.asdict(config), indent=1)
