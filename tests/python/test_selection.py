"""Intervals, the selection score and its rule, the validation set, and DNSMOS as its authors' program computes it."""

from __future__ import annotations

import copy
import csv
import json
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import soundfile

from training import config as settings
from training import data, dnsmos, evaluate, intervals, selection, summary, validation

RATE = 48000
KEYS = tuple(selection.SPAN)


def scored(shift: dict[str, float], files: int = 40) -> dict:
    """An evaluation whose gains are those of SPAN, and which is `shift` better, with a spread between files."""
    rng = np.random.default_rng(5)
    entries = []
    for number in range(files):
        noisy = {key: float(rng.normal(0, span)) for key, span in selection.SPAN.items()}
        wobble = {key: float(rng.normal(0, 0.1 * span)) for key, span in selection.SPAN.items()}
        enhanced = {key: noisy[key] + selection.SPAN[key] for key in KEYS}
        if shift:
            enhanced = {key: value + wobble[key] + shift.get(key, 0) for key, value in enhanced.items()}
        entries.append({"id": f"{number:03d}", "noisy": noisy, "enhanced": enhanced})
    return summary.summarise(entries, {})


def test_an_interval_holds_the_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        low, high = intervals.bootstrap(rng.normal(2, 1, 50))
        held += low < 2 < high
    # Percentile intervals of 50 values are a little narrow: 93.5 %; four standard deviations of 400 trials are 5 %.
    assert 0.89 < held / 400 < 0.98


def test_an_interval_is_the_same_every_time_and_narrows_with_the_root_of_the_files() -> None:
    x = np.random.default_rng(1).normal(0, 1, 400)
    assert intervals.bootstrap(x) == intervals.bootstrap(x)
    low, high = intervals.bootstrap(x)
    assert high - low == pytest.approx(2 * 1.96 * x.std() / 20, rel=0.1)
    assert intervals.bootstrap(x[:1]) is None


def test_groups_have_intervals() -> None:
    spans = scored({})["mean"]["intervals"]
    low, high = spans["enhanced"]["si_sdr"]
    assert low < scored({})["mean"]["enhanced"]["si_sdr"] < high
    # Every file gains the same.
    assert spans["gain"]["si_sdr"] == pytest.approx([selection.SPAN["si_sdr"]] * 2)


def test_differences_are_paired() -> None:
    old, new = scored({}), scored({"si_sdr": 1.0})
    gain = intervals.compare(old, new)["si_sdr"]
    low, high = gain["interval"]
    assert low < 1 < high and low > 0.5
    alone = old["mean"]["intervals"]["enhanced"]["si_sdr"]
    assert high - low < 0.3 * (alone[1] - alone[0])
    assert gain["files"] == 40


def test_scores_of_different_sets_are_not_compared() -> None:
    old = scored({})
    other = copy.deepcopy(old)
    other["files"][3]["noisy"]["stoi"] += 0.01
    with pytest.raises(ValueError, match="003: noisy stoi"):
        intervals.compare(old, other)
    for entry in other["files"]:
        entry["id"] = "x" + entry["id"]
    with pytest.raises(ValueError, match="share no file"):
        intervals.compare(old, other)


def test_the_selection_score_is_the_mean_gain_in_spans() -> None:
    mean = scored({})["mean"]
    assert selection.score(mean) == pytest.approx(1)
    mean["enhanced"]["pesq_wb"] += 0.5 * selection.SPAN["pesq_wb"]
    assert selection.score(mean) == pytest.approx(1.1)
    mean["enhanced"]["stoi"] = None
    assert selection.score(mean) is None


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(("share", "status"), [(-0.2, 1), (-0.001, 0), (0.2, 0)])
def test_no_model_ships_that_gains_one_at_anothers_cost(key: str, share: float, status: int, tmp_path: Path) -> None:
    other = next(name for name in KEYS if name != key)
    shift = {other: selection.SPAN[other], key: share * selection.SPAN[key]}
    assert (key in selection.fallen(intervals.compare(scored({}), scored(shift)))) == (status == 1)
    if key != KEYS[0]:
        return  # the program once for each outcome
    for name, result in (("old", scored({})), ("new", scored(shift))):
        (tmp_path / f"{name}.json").write_text(json.dumps(result))
    words = ["--old", tmp_path / "old.json", "--new", tmp_path / "new.json"]
    done = subprocess.run([sys.executable, selection.__file__, *map(str, words)], capture_output=True, text=True)
    # A chance fall of a third score would be told as well.
    assert done.returncode == status, done.stdout + done.stderr
    assert (selection.RULE in done.stdout) == (status == 1)


def test_the_rule_needs_all_five(tmp_path: Path) -> None:
    gains = intervals.compare(scored({}), scored({}))
    del gains["dnsmos_bak"]
    with pytest.raises(ValueError, match="no dnsmos_bak"):
        selection.fallen(gains)
    (tmp_path / "x.json").write_text("[]")
    with pytest.raises(ValueError, match="not the scores"):
        selection.read(tmp_path / "x.json")


@pytest.fixture(scope="module")
def own(root: Path, tmp_path_factory: pytest.TempPathFactory) -> settings.Config:
    """Settings with folders of recordings: two of speech and two of noise, and few rooms."""
    folder = tmp_path_factory.mktemp("own")
    clean, noisy = (soundfile.read(root / f"sdk/examples/demo_{name}.flac")[0] for name in ("clean", "noisy"))
    for name, x in (("speech/a", clean), ("noise/street", noisy - clean)):
        (folder / name).mkdir(parents=True)
        half = len(x) // 2
        soundfile.write(folder / name / "1.wav", x[:half], RATE)
        soundfile.write(folder / name / "2.wav", x[half:], RATE)
    return settings.Config(
        speech=str(folder / "speech"), noise=str(folder / "noise"), cache=str(folder / "cache"), simulated_rooms=11
    )


def test_validation_mixtures_are_as_listed_and_a_function_of_the_seed(own: settings.Config, tmp_path: Path) -> None:
    validation.render(tmp_path / "a", own, 5)
    validation.render(tmp_path / "b", own, 4)
    with open(tmp_path / "a/list.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["snr_db"]) for row in rows] == list(validation.SNRS)
    assert [row["part"] for row in rows] == ["noise", "noise", "noise", "reverb", "noise"]
    assert {row["category"] for row in rows} == {"street"}
    for row in rows:
        noisy, clean = (soundfile.read(tmp_path / "a" / side / f"{row['id']}.wav")[0] for side in ("noisy", "clean"))
        assert 6 * RATE <= len(noisy) == len(clean) <= 8 * RATE
        if row["part"] == "noise":
            power = validation.loud_level(clean.astype(np.float32)) ** 2 / np.mean((noisy - clean) ** 2)
            assert 10 * np.log10(power) == pytest.approx(float(row["snr_db"]), abs=0.1)
        for side in ("noisy", "clean"):
            again = tmp_path / "b" / side / f"{row['id']}.wav"
            if int(row["id"]) < 4:
                assert again.read_bytes() == (tmp_path / "a" / side / again.name).read_bytes()
    with pytest.raises(ValueError, match="not empty"):
        validation.render(tmp_path / "a", own, 5)


def half(noisy: np.ndarray) -> np.ndarray:
    return 0.5 * noisy


def short(noisy: np.ndarray) -> np.ndarray:
    return noisy[1:]


def test_any_callable_is_scored_in_the_worker_processes(own: settings.Config, tmp_path: Path) -> None:
    validation.render(tmp_path, own, 1)
    result = evaluate.evaluate(None, tmp_path, workers=1, enhancer=half)
    assert result["model"] == "half"
    found = result["files"][0]
    assert found["enhanced"]["si_sdr"] == pytest.approx(found["noisy"]["si_sdr"])
    assert found["enhanced"]["lsd"] != found["noisy"]["lsd"]
    with pytest.raises(ValueError, match="keep length"):
        evaluate.evaluate(None, tmp_path, workers=1, enhancer=short)
    with pytest.raises(ValueError, match="give one of"):
        evaluate.evaluate(None, tmp_path, enhanced=tmp_path, enhancer=half)


@pytest.mark.parametrize("seconds", [2.5, 12.0])
def test_dnsmos_is_that_of_its_authors(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their program imports packages that only its other scores need; those stand empty here."""
    for name in ("librosa", "requests"):
        monkeypatch.setitem(sys.modules, name, types.SimpleNamespace(session=None))
    authors = pytest.importorskip("speechmos.dnsmos")
    monkeypatch.setattr(authors.DNSMOS, "audio_melspec", lambda *_, **__: np.zeros((900, 120)))
    rng = np.random.default_rng(2)
    t = np.arange(int(seconds * 16000)) / 16000
    x = 0.2 * np.sin(2 * np.pi * 180 * t) * (np.sin(2 * np.pi * 3 * t) > 0) + 0.01 * rng.standard_normal(len(t))
    wanted = authors.run(x, 16000)
    found = dnsmos.Dnsmos(dnsmos.network()).score(x, 16000)
    for name in ("sig", "bak", "ovrl"):
        assert found[f"dnsmos_{name}"] == pytest.approx(wanted[f"{name}_mos"], abs=1e-4)


def test_dnsmos_without_the_package_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dnsmos, "find_spec", lambda _: None)
    with pytest.raises(ImportError, match="speechmos is not installed"):
        dnsmos.network()


def test_category_is_found_in_each_of_several_folders() -> None:
    given = settings.Config(data="first, second")
    for path in ("first/noise/street/one/x.wav", "second/noise/street/two/y.wav"):
        assert validation.category(data.Item(path, "one", 0.0), given) == "street"
