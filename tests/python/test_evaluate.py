"""Evaluation: each score against a case whose answer is known, and the program on a set made of the demo recording."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import soundfile

from linnet.study import metrics
from training import dnsmos, evaluate, summary

RATE = 48000
# id, part, noise, SNR; the last is speech alone.
MIXTURES = (
    ("000", "noise", "noise/street/demo/a.flac", 0),
    ("001", "noise", "noise/street/demo/a.flac", 10),
    ("002", "noise", "noise/white/made/b.flac", 10),
    ("003", "clean", "", None),
)


@pytest.fixture(scope="module")
def speech(root: Path) -> tuple[np.ndarray, np.ndarray]:
    """Clean speech and noise of the demo recording, 2.5 s."""
    piece = slice(int(1.2 * RATE), int(3.7 * RATE))
    clean, noisy = (soundfile.read(root / f"sdk/examples/demo_{name}.flac")[0][piece] for name in ("clean", "noisy"))
    return clean, noisy - clean


@pytest.fixture(scope="module")
def mixtures(speech: tuple[np.ndarray, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with noisy, clean and list.csv."""
    folder = tmp_path_factory.mktemp("set")
    clean, street = speech
    noises = {"a": street, "b": np.random.default_rng(3).standard_normal(len(clean))}
    for name in ("noisy", "clean"):
        (folder / name).mkdir()
    with open(folder / "list.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "part", "noise", "snr_db"])
        for name, part, noise, snr in MIXTURES:
            writer.writerow([name, part, noise, "" if snr is None else snr])
            mixture = clean
            if snr is not None:
                x = noises[Path(noise).stem]
                mixture = clean + x * np.sqrt((clean**2).mean() / (x**2).mean()) * 10 ** (-snr / 20)
            soundfile.write(folder / f"noisy/{name}.wav", mixture, RATE, "FLOAT")
            soundfile.write(folder / f"clean/{name}.wav", clean, RATE, "FLOAT")
    return folder


@pytest.fixture(scope="module")
def result(mixtures: Path, tiny_model: Path) -> dict:
    return evaluate.evaluate(tiny_model, mixtures, mixtures / "list.csv", workers=1)


def run(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, evaluate.__file__, *map(str, words)], capture_output=True, text=True)


def test_log_spectral_distance_of_a_gain_is_the_gain() -> None:
    x = 0.1 * np.random.default_rng(0).standard_normal(RATE)
    assert metrics.log_spectral_distance(x, 0.5 * x, RATE) == pytest.approx(20 * np.log10(2), abs=1e-9)
    assert metrics.log_spectral_distance(x, x, RATE) == 0


def test_log_spectral_distance_hears_the_top_band() -> None:
    """What the scores at 16 kHz cannot: everything above 8 kHz is gone."""
    rng = np.random.default_rng(0)
    x = 0.1 * rng.standard_normal(RATE)
    spectrum = np.fft.rfft(x)
    spectrum[8000:] = 0
    cut = np.fft.irfft(spectrum, len(x))
    assert metrics.score(x, cut, RATE).si_sdr > 15
    # Two thirds of the bins are lower by up to the range of 80 dB.
    assert metrics.log_spectral_distance(x, cut, RATE) > 40


def test_log_spectral_distance_needs_a_signal() -> None:
    x = np.ones(RATE)
    assert np.isnan(metrics.log_spectral_distance(0 * x, x, RATE))
    assert np.isnan(metrics.log_spectral_distance(x[:100], x[:100], RATE))
    # The other way round, silence for a signal, is as far as can be told.
    assert np.isfinite(metrics.log_spectral_distance(x, 0 * x, RATE))


def test_estoi(speech: tuple[np.ndarray, np.ndarray]) -> None:
    clean, noise = (metrics.at_16k(x, RATE) for x in speech)
    assert metrics.estoi(clean, clean) == pytest.approx(1)
    scores = [metrics.estoi(clean, clean + gain * noise) for gain in (0.3, 1, 3)]
    assert scores == sorted(scores, reverse=True)
    assert scores[1] < metrics.stoi(clean, clean + noise)
    assert np.isnan(metrics.estoi(clean[:1000], clean[:1000]))


def test_means_before_and_after_are_over_the_same_files() -> None:
    def mean(*pairs: tuple[float, float]) -> list[float | None]:
        entries = [{"noisy": {"si_sdr": a}, "enhanced": {"si_sdr": b}} for a, b in pairs]
        found = summary.average(entries)
        return [found[name]["si_sdr"] for name in ("noisy", "enhanced")]

    inf, nan = float("inf"), float("nan")
    assert mean((5, 11), (7, 11)) == [6, 11]
    assert mean((5, 11), (inf, 29)) == [5, 11]
    assert mean((5, 11), (nan, 3)) == [5, 11]
    assert mean((inf, 29), (inf, 31)) == [None, 30]
    # A model that mutes is not the better for it.
    assert mean((5, 11), (5, -inf)) == [5, (11 + summary.SILENCE) / 2]


def test_roc_auc_is_the_share_of_pairs_in_order() -> None:
    rng = np.random.default_rng(4)
    truth = rng.random(80) < 0.3
    score = np.round(rng.random(80) + 0.3 * truth, 1)  # with many ties
    pairs = score[truth][:, None] - score[~truth][None]
    expected = ((pairs > 0) + 0.5 * (pairs == 0)).mean()
    assert metrics.roc_auc(truth, score) == pytest.approx(expected, abs=1e-12)
    assert metrics.roc_auc(truth, truth.astype(float)) == 1
    assert metrics.roc_auc(truth, -truth.astype(float)) == 0
    assert np.isnan(metrics.roc_auc(np.ones(5, bool), np.arange(5.0)))
    with pytest.raises(ValueError, match="shape"):
        metrics.roc_auc(truth, score[1:])


def test_speech_frames_are_those_near_the_loudest() -> None:
    x = np.zeros(RATE)
    x[4800:9600] = 0.1  # frames 10 to 20 touch it
    x[24000:28800] = 0.1 * 10 ** (-50 / 20)
    frames = metrics.speech_frames(x, RATE)
    assert len(frames) == 100
    assert np.flatnonzero(frames).tolist() == list(range(10, 21))
    assert not metrics.speech_frames(np.zeros(1000), RATE).any()
    assert len(metrics.speech_frames(x[:481], RATE)) == 2


def test_enhancement_is_aligned_and_probabilities_are_those_of_the_network(
    speech: tuple[np.ndarray, np.ndarray], root: Path
) -> None:
    clean = speech[0].astype(np.float32)
    enhanced, probability = evaluate.enhance((root / "sdk/models/small.linnet").read_bytes(), clean)
    assert enhanced.shape == clean.shape
    lags = np.arange(-960, 961, 48)
    match = [float(np.roll(enhanced, -lag) @ clean) for lag in lags]
    assert lags[int(np.argmax(match))] == 0
    truth = metrics.speech_frames(clean, RATE)
    assert truth.shape == probability.shape
    assert metrics.roc_auc(truth, probability) > 0.9
    # Two frames of delay more or less would be worse: the probabilities belong to these frames.
    there = [metrics.roc_auc(np.roll(truth, shift), probability) for shift in (-5, 0, 5)]
    assert max(there) == there[1]


def test_the_postfilter_is_that_of_the_stream(speech: tuple[np.ndarray, np.ndarray], tiny_model: Path) -> None:
    noisy = speech[1].astype(np.float32)
    blob = tiny_model.read_bytes()
    plain, filtered = (evaluate.enhance(blob, noisy, amount)[0] for amount in (0.0, 1.0))
    assert not np.array_equal(plain, filtered)
    with pytest.raises(RuntimeError, match="legal 0..1"):
        evaluate.enhance(blob, noisy, 1.5)


def test_groups_are_means_of_their_files(result: dict) -> None:
    files = {entry["id"]: entry for entry in result["files"]}
    assert list(files) == ["000", "001", "002", "003"]
    assert list(result["per_part"]) == ["clean", "noise"]
    noise = result["per_part"]["noise"]
    assert list(noise["per_snr"]) == ["0", "10"]
    assert list(noise["per_category"]) == ["street", "white"]
    assert noise["per_snr"]["10"]["files"] == 2
    for key in ("pesq_wb", "stoi", "estoi", "si_sdr", "lsd"):
        expected = np.mean([files[name]["enhanced"][key] for name in ("001", "002")])
        assert noise["per_snr"]["10"]["enhanced"][key] == pytest.approx(expected)
        assert result["per_snr"]["10"]["enhanced"][key] == pytest.approx(expected)
        expected = np.mean([files[name]["noisy"][key] for name in ("000", "001")])
        assert noise["per_category"]["street"]["noisy"][key] == pytest.approx(expected)
    # An exact copy has no SI-SDR, and the file has no such number either.
    assert files["003"]["noisy"]["si_sdr"] is None
    assert result["per_part"]["clean"]["noisy"]["si_sdr"] is None
    assert result["per_part"]["clean"]["noisy"]["lsd"] == 0
    assert 0 <= result["mean"]["speech_auc"] <= 1
    json.dumps(result, allow_nan=False)


def test_enhanced_files_of_others_get_the_scores_of_the_same_samples(
    mixtures: Path, tiny_model: Path, result: dict, tmp_path: Path
) -> None:
    for path in (mixtures / "noisy").glob("*.wav"):
        out, _ = evaluate.enhance(tiny_model.read_bytes(), evaluate.read(path))
        soundfile.write(tmp_path / path.name, out, RATE, "FLOAT")
    other = evaluate.evaluate(None, mixtures, mixtures / "list.csv", workers=1, enhanced=tmp_path)
    assert other["mean"]["enhanced"] == pytest.approx(result["mean"]["enhanced"], abs=1e-9)
    assert "speech_auc" not in other["mean"]
    (tmp_path / "002.wav").unlink()
    with pytest.raises(ValueError, match="002.wav"):
        evaluate.evaluate(None, mixtures, workers=1, enhanced=tmp_path)


def test_command_writes_json_table_and_picture(mixtures: Path, tiny_model: Path, result: dict, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text(json.dumps(result))
    done = run(
        *("--model", tiny_model, "--set", mixtures, "--list", mixtures / "list.csv", "--limit", 3, "--jobs", 2),
        *("--json", tmp_path / "scores.json", "--plot", tmp_path / "scores.png"),
        *("--beside", f"other={tmp_path / 'other.json'}"),
    )
    assert done.returncode == 0, done.stderr
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["mean"]["files"] == 3
    for mine, wanted in zip(scores["files"], result["files"], strict=False):
        known = {key: mine["enhanced"].pop(key) for key in wanted["enhanced"]}
        assert known == pytest.approx(wanted["enhanced"], abs=1e-9)  # whatever the number of processes
        assert set(mine["enhanced"]) == {"dnsmos_sig", "dnsmos_bak", "dnsmos_ovrl"}  # the command scores these as well
    for word in ("PESQ-WB", "ESTOI", "LSD dB", "AUC", "0 dB", "street", "other"):
        assert word in done.stdout
    assert (tmp_path / "scores.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--beside", "x"], "NAME=FILE"),
        (["--beside", "x=LIST"], "not the scores"),
        (["--list", "BAD"], "no column id"),
        (["--jobs", "0"], "--jobs 0"),
        (["--dnsmos", "missing.onnx"], "onnx"),
        (["--set", "SET", "SET"], "more than one set"),
        (["--model", "BAD"], "bad.csv': not a linnet model"),
        (["--model", "none.linnet"], "none.linnet': no such model or file"),
        (["--postfilter", "2"], "postfilter 2: give 0 (off) .. 1"),
        (["--list", "TWICE"], "twice.csv: id 000 twice; give one line for each mixture"),
        (["--list", "LATIN"], "latin.csv: not UTF-8"),
        (["--json", "none/a.json"], "--json none/a.json: no folder 'none'; create it first"),
        (["--json", ""], "not the name of a file"),
        (["--json", "SET"], "not a regular file"),
        (["--list", "LIST", "--plot", "none/a.png"], "--plot none/a.png: no folder 'none'; create it first"),
        (["--list", "LIST", "--plot", "a.xyz"], "a.xyz: cannot draw a picture of type 'xyz'"),
        (["--list", "LATIN", "--plot", "a.png"], "latin.csv: not UTF-8"),
    ],
)
def test_bad_words_end_in_one_line(
    words: list[str],
    told: str,
    mixtures: Path,
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "bad.csv").write_text("name,snr_db\n000,5\n")
    (tmp_path / "twice.csv").write_text("id,snr_db\n000,5\n001,5\n000,6\n")
    (tmp_path / "latin.csv").write_bytes("id,category\n000,Café\n".encode("latin-1"))
    files = {word: tmp_path / f"{word.lower()}.csv" for word in ("BAD", "TWICE", "LATIN")}
    for placeholder, path in ({"LIST": mixtures / "list.csv", "SET": mixtures} | files).items():
        words = [word.replace(placeholder, str(path)) for word in words]
    monkeypatch.setattr(sys, "argv", ["evaluate.py", "--model", str(tiny_model), "--set", str(mixtures), *words])
    assert evaluate.main() == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert told in said.err


def test_the_table_is_there_when_a_file_cannot_be_written(
    mixtures: Path,
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The folder goes away while the files are scored."""

    def summarise(*arguments: object) -> dict:
        folder.rmdir()
        return known(*arguments)

    folder = tmp_path / "gone"
    folder.mkdir()
    known = summary.summarise
    monkeypatch.setattr(summary, "summarise", summarise)
    words = ["--model", tiny_model, "--set", mixtures, "--limit", 1, "--jobs", 1, "--no-dnsmos"]
    monkeypatch.setattr(sys, "argv", ["evaluate.py", *map(str, words), "--json", str(folder / "a.json")])
    assert evaluate.main() == 2
    said = capsys.readouterr()
    assert "PESQ-WB" in said.out
    assert "a.json: cannot be written" in said.err.splitlines()[-1]


def test_silent_recordings_are_scored(mixtures: Path, tiny_model: Path, tmp_path: Path) -> None:
    for name, (noisy, clean) in {"a": (0, 1), "b": (1, 0), "c": (0, 0)}.items():
        for folder, level in (("noisy", noisy), ("clean", clean)):
            (tmp_path / folder).mkdir(exist_ok=True)
            samples = level * soundfile.read(mixtures / f"{folder}/000.wav")[0]
            soundfile.write(tmp_path / f"{folder}/{name}.wav", samples, RATE, "FLOAT")
    found = evaluate.evaluate(tiny_model, tmp_path, workers=1)
    json.dumps(found, allow_nan=False)
    assert [entry["noisy"]["pesq_wb"] for entry in found["files"]] == [None] * 3
    assert [entry["noisy"]["si_sdr"] for entry in found["files"]] == [summary.SILENCE, None, None]
    assert found["mean"]["enhanced"]["pesq_wb"] is None


def test_a_file_that_is_no_sound_is_named(mixtures: Path, tiny_model: Path, tmp_path: Path) -> None:
    for folder in ("noisy", "clean"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.wav").write_text("not sound")
    with pytest.raises(ValueError, match=r"noisy/a\.wav: not readable as sound"):
        evaluate.evaluate(tiny_model, tmp_path, workers=1)


def test_a_list_may_begin_with_a_mark(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("id,snr_db\na,5\n", encoding="utf-8-sig")
    assert summary.read_list(tmp_path / "list.csv")["a"]["snr_db"] == "5"


def test_a_list_may_name_the_category_itself(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(
        "id,category,noise\na,wind,noise/x/y.wav\nb,,noise/rain/y.wav\nc,,car/z.wav\nd,,\n"
    )
    rows = summary.read_list(tmp_path / "list.csv")
    assert [rows[name]["category"] for name in "abcd"] == ["wind", "rain", "car", ""]


class Session:
    """In place of onnxruntime's: keeps what it is given, and answers three numbers."""

    seen: list[np.ndarray]

    def __init__(self, *_args: object, **_options: object) -> None:
        self.seen = []

    def get_inputs(self) -> list[types.SimpleNamespace]:
        return [types.SimpleNamespace(name="input_1")]

    def run(self, _outputs: None, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        self.seen.append(inputs["input_1"])
        return [np.array([[3.0, 4.0, 2.0 + len(self.seen)]])]


@pytest.fixture
def fake_runtime(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    module = types.SimpleNamespace(SessionOptions=types.SimpleNamespace, InferenceSession=Session)
    monkeypatch.setitem(sys.modules, "onnxruntime", module)
    path = tmp_path / "sig_bak_ovr.onnx"
    path.touch()
    return path


@pytest.mark.parametrize(("seconds", "windows"), [(2.5, 1), (8.0, 7), (10.0, 1), (12.0, 3)])
def test_dnsmos_windows_and_calibration(fake_runtime: Path, seconds: float, windows: int) -> None:
    """2.5 s and 8 s are doubled until they reach 9.01 s, to 10 s and 16 s; then a window begins every second."""
    scorer = dnsmos.Dnsmos(fake_runtime)
    signal = 0.1 * np.sin(np.arange(int(seconds * RATE)) * 0.03)
    found = scorer.score(signal, RATE)
    seen = scorer._session.seen
    assert len(seen) == windows
    assert all(window.shape == (1, 144160) and window.dtype == np.float32 for window in seen)
    assert found["dnsmos_sig"] == pytest.approx(0.0052439 + 1.22083953 * 3 - 0.08397278 * 9)
    assert found["dnsmos_bak"] == pytest.approx(-0.39604546 + 1.60915514 * 4 - 0.13166888 * 16)
    raw = 3.0 + np.arange(windows)
    assert found["dnsmos_ovrl"] == pytest.approx((0.04602535 + 1.11546468 * raw - 0.06766283 * raw**2).mean())
    if windows > 1:
        np.testing.assert_array_equal(seen[1][0, :-16000], seen[0][0, 16000:])


def test_dnsmos_without_its_package_or_file(
    fake_runtime: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError, match="no such file"):
        dnsmos.Dnsmos(tmp_path / "missing.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match="pip install onnxruntime"):
        dnsmos.Dnsmos(fake_runtime)
