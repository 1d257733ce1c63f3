"""The hard cases and the hard segments of training: kinds are what they are called, measures tell right from wrong."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from recordings import RATE, settings

from training import augment, case_table, cases, config, data, evaluate, hard, material, procedural, voices

OFF = dict.fromkeys(hard.SHARES, 0.0)


@pytest.fixture(scope="module")
def real(root: Path) -> dict[str, np.ndarray]:
    """Two recorded voices."""
    return {path.stem: soundfile.read(path, dtype="float32")[0] for path in (root / "tests/data").glob("*.flac")}


@pytest.fixture(scope="module")
def found(real: dict[str, np.ndarray]) -> material.Material:
    """These voices, and a noise that is computed in the place of every category."""
    rng = np.random.default_rng(3)
    noises = {name: [procedural.machine(rng, RATE)] for name in material.CATEGORIES}
    return material.Material([material.scaled(real[name]) for name in sorted(real)], noises)


@pytest.fixture(scope="module")
def mixer(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> augment.Mixer:
    own = settings(corpus, tmp_path_factory.mktemp("runs"), seconds=6.0)
    return augment.Mixer(data.load(own, "train"), own)


def with_shares(mixer: augment.Mixer, **shares: float) -> augment.Mixer:
    """The same corpus and no hard kind but these, and no noise, room, clipping or rounding."""
    plain = {"noise_only": 0.0, "speech_only": 1.0, "room": 0.0, "clipping": 0.0, "rounding": 0.0}
    other = object.__new__(augment.Mixer)
    other.__dict__ = mixer.__dict__ | {"config": dataclasses.replace(mixer.config, **plain, **OFF | shares)}
    return other


def rms_db(x: np.ndarray) -> float:
    return float(10 * np.log10((x.astype(np.float64) ** 2).mean() + 1e-20))


# Voices


@pytest.mark.parametrize("name", ["kathleen", "kerstin"])
def test_a_held_note_keeps_level_and_pitch(real: dict[str, np.ndarray], name: str) -> None:
    x = real[name]
    place = voices.voiced_stretch(x)
    note = voices.held(x, place, 4.0, np.random.default_rng(1), (5.3, 0.5), 0.05, 0.0)
    assert len(note) == 4 * RATE
    assert rms_db(note) == pytest.approx(rms_db(x[place[0] : place[1]]), abs=1)
    halves = [rms_db(part) for part in np.split(note, 8)]
    assert np.ptp(halves) < 1
    period, clarity, _ = voices.periodicity(note)
    assert np.median(clarity) > 0.8
    assert 12 * abs(np.log2(np.median(period) / place[2])) < 0.5  # semitones
    assert np.array_equal(note, voices.held(x, place, 4.0, np.random.default_rng(1), (5.3, 0.5), 0.05, 0.0))


def test_a_whisper_has_the_words_and_no_voice(real: dict[str, np.ndarray]) -> None:
    x = real["kathleen"]
    whisper = voices.whisper(x, np.random.default_rng(2))
    _, before, power = voices.periodicity(x)
    _, after, _ = voices.periodicity(whisper)
    voiced = (before > 0.85) & (power > 0.01 * power.max())
    assert voiced.sum() > 50
    assert np.median(after[voiced]) < 0.5
    levels = [10 * np.log10(cases.power(signal) + 1e-9) for signal in (x, whisper)]
    loud = levels[0] > levels[0].max() - 30
    assert np.abs(levels[0] - levels[1])[loud].mean() < 2


def test_a_vocoder_has_the_words_and_the_pitch_and_a_flatter_melody(real: dict[str, np.ndarray]) -> None:
    x = real["kathleen"]
    pitch, _, power = voices.periodicity(x)
    spreads = []
    for flat in (0.0, 1.0):
        said = voices.vocoded(x, np.random.default_rng(3), flat=flat)
        assert said.dtype == np.float32
        assert len(said) == len(x)
        period, clarity, _ = voices.periodicity(said)
        voiced = (clarity > 0.85) & (power > 0.01 * power.max())
        assert voiced.sum() > 50
        assert np.median(period[voiced]) == pytest.approx(np.median(pitch[voiced]), rel=0.1)
        spreads.append(np.std(np.log2(period[voiced])))
        levels = [10 * np.log10(cases.power(signal) + 1e-9) for signal in (x, said)]
        loud = levels[0] > levels[0].max() - 30
        assert np.abs(levels[0] - levels[1])[loud].mean() < 2
    assert spreads[1] < 0.5 * spreads[0]


def test_what_has_no_pitch_is_whispered_by_a_vocoder() -> None:
    x = np.random.default_rng(5).standard_normal(RATE).astype(np.float32)
    said = voices.vocoded(x, np.random.default_rng(6))
    assert np.array_equal(said, voices.whisper(x, np.random.default_rng(6)))


def test_a_telephone_is_band_limited() -> None:
    heard = voices.telephoned(np.random.default_rng(4).standard_normal(4 * RATE))
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard)))) ** 2
    hertz = np.fft.rfftfreq(4 * RATE, 1 / RATE)
    inside = spectrum[(hertz > 400) & (hertz < 3000)].mean()
    for part, most in ((hertz < 150, -40), (hertz > 6800, -50), (hertz > 13600, -90)):
        assert 10 * np.log10(spectrum[part].mean() / inside) < most


def test_a_period_too_long_for_its_stretch_is_named() -> None:
    with pytest.raises(ValueError, match="a period of 700 needs at least 2800"):
        voices.loop(np.ones(1000, np.float32), 700.0, RATE, np.random.default_rng(0))


def test_there_is_no_vowel_in_noise() -> None:
    assert voices.voiced_stretch(np.random.default_rng(0).standard_normal(RATE).astype(np.float32)) is None


# Training


def test_segments_without_a_hard_kind_are_as_they_were(mixer: augment.Mixer) -> None:
    few, none = (with_shares(mixer, **shares) for shares in ({"muted_start": 0.3}, {}))
    pairs = [[m.segment(np.random.default_rng(seed)).noisy for m in (few, none)] for seed in range(12)]
    same = [np.array_equal(*pair) for pair in pairs]
    assert 3 <= sum(same) < 12
    for pair, equal in zip(pairs, same, strict=True):
        if not equal:
            muted = int(np.flatnonzero(pair[0])[0])
            assert muted >= 0.3 * RATE
            assert not pair[0][: int(0.3 * RATE)].any()


def test_validation_has_no_hard_segments(corpus: Path, tmp_path: Path) -> None:
    own = settings(corpus, tmp_path, muted_start=1.0, level_step=1.0, telephone=1.0)
    valid = data.load(own, "valid")
    signals = [
        augment.Mixer(valid, dataclasses.replace(own, **shares)).segment(np.random.default_rng(1)).noisy
        for shares in ({}, OFF)
    ]
    assert np.array_equal(*signals)


def test_a_level_step_has_its_size_and_the_target_follows(mixer: augment.Mixer) -> None:
    sizes = []
    for seed in range(20):
        gains, cuts = hard.steps(np.random.default_rng(seed), 6 * RATE)
        first, after = gains[cuts[0] - 1], gains[min(cuts[0] + hard.RAMP, 6 * RATE - 1)]
        if len(cuts) == 1 and cuts[0] + hard.RAMP < 6 * RATE:
            sizes.append(20 * np.log10(after / first))
            assert gains[-1] == pytest.approx(after)
    assert all(-45.1 <= size <= 15.1 for size in sizes)
    assert min(sizes) < -25
    changes = []
    for seed in range(8):
        stepped, plain = (
            with_shares(mixer, level_step=share).segment(np.random.default_rng(seed)) for share in (1.0, 0.0)
        )
        if np.array_equal(stepped.noisy, stepped.target):  # no slams, which the target has not
            before, after = cases.power(plain.target), cases.power(stepped.target)
            change = 10 * np.log10(after[before > 1e-3 * before.max()] / before[before > 1e-3 * before.max()])
            changes.append(float(np.ptp(change)))
    assert 0 < len(changes) < 8
    assert max(changes) > 20
    assert max(changes) < 60.2


def test_noise_may_refer_to_the_softest_part() -> None:
    x = np.sin(np.arange(4 * RATE) * 0.05).astype(np.float32)
    x[2 * RATE :] *= np.float32(0.01)
    assert hard.softest(x, np.array([2 * RATE])) == pytest.approx(-40, abs=0.2)


def test_telephone_segments_say_their_band(mixer: augment.Mixer) -> None:
    segment = with_shares(mixer, telephone=1.0).segment(np.random.default_rng(5))
    assert 3000 <= segment.bandwidth <= 3800
    spectrum = np.abs(np.fft.rfft(segment.noisy)) ** 2
    above = int(6000 * len(segment.noisy) / RATE)
    assert spectrum[above:].sum() < 1e-4 * spectrum.sum()


@pytest.mark.parametrize("name", hard.SHARES)
@pytest.mark.parametrize("share", ["-0.1", "1.5"])
def test_shares_are_checked(name: str, share: str) -> None:
    with pytest.raises(ValueError, match=rf"setting {name}={share}: must be in 0\.\.1"):
        config.from_command_line([f"{name}={share}"])


# Cases

HARM = {"held vowel", "whisper", "child", "onsets at 15 dB", "telephone at 15 dB", "gain at -66 dBFS"}
HARM |= {"talker 35 dB softer", "talker 40 dB softer", "soft after slam", "far room, words", "far room, level"}
GAIN = {"tone under speech", "buzz under speech"}  # neither leaving it nor muting helps


@pytest.mark.parametrize("case", cases.CASES, ids=lambda case: case.name)
def test_measures_tell_leaving_alone_from_muting(found: material.Material, case: cases.Case) -> None:
    short = dataclasses.replace(case, trials=1)
    same, muted = (short.number(found, enhance) for enhance in (lambda x: x, np.zeros_like))
    assert case.holds(same) == (case.name in HARM)
    assert case.holds(muted) == (case.name not in HARM | GAIN)


def test_trials_follow_the_seed(found: material.Material) -> None:
    case = cases.CASES[0]
    first, again, other = (case.make(found, np.random.default_rng(seed), 0).noisy for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_cases_without_recordings_are_told(found: material.Material) -> None:
    voices_only = dataclasses.replace(found, noises={})
    case = next(case for case in cases.CASES if case.name == "sneeze alone")
    assert case.number(voices_only, lambda x: x) is None
    values = dict.fromkeys((case.name for case in cases.CASES), None)
    assert "no recordings" in case_table.table({"same": values})
    json.dumps(case_table.report({"same": values | {"held vowel": float("nan")}}), allow_nan=False)


def test_a_worst_value_is_the_worst() -> None:
    alone = next(case for case in cases.CASES if case.name == "sneeze alone")
    assert alone.over([3.0, 40.0]) == 3.0
    assert not alone.holds(float("nan"))


def test_the_command_names_what_is_wrong(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    model = root / "sdk/models/tiny.linnet"

    def error(*words: object) -> str:
        monkeypatch.setattr("sys.argv", ["evaluate.py", "--cases", *map(str, words)])
        assert evaluate.main() == 2
        text = capsys.readouterr().err
        assert text.count("\n") == 1
        return text

    assert "give --data, or --voices" in error("--model", model)
    assert "no voice of 4 s" in error("--model", model, "--voices", tmp_path)
    (tmp_path / "bad.linnet").write_bytes(b"none")
    assert "evaluate: " in error("--model", tmp_path / "bad.linnet", "--voices", root / "tests/data")


def test_the_command_writes_table_and_file(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    few = tuple(case for case in cases.CASES if case.name in ("noise after silence", "sneeze alone"))
    monkeypatch.setattr(cases, "CASES", few)
    monkeypatch.setattr(case_table, "CASES", few)
    made = tmp_path / "cases.json"
    words = ["--model", root / "sdk/models/tiny.linnet", "--voices", root / "tests/data", "--json", made]
    assert case_table.main([str(word) for word in words]) == 0
    told = capsys.readouterr().out
    assert "| case | right | tiny |" in told
    first, second = json.loads(made.read_text())["cases"]
    value = first["values"]["tiny"]["value"]
    assert f"{value:.1f} dB" in told
    assert first["values"]["tiny"]["holds"] == (value >= 25)
    assert second["values"]["tiny"]["value"] is None
