"""linnet.study: oracle, metrics and the ladder: formulas against published values and searches, order of the rungs."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

import linnet
from linnet import _core
from linnet.cli import main
from linnet.io.errors import AudioError
from linnet.model.blob import checksum
from linnet.study.ladder import RUNGS, climb, run_ladder
from linnet.study.metrics import pesq_wb, score, si_sdr, stoi
from linnet.study.oracle import (
    MASKING_LIMIT,
    comb_coherence,
    comb_taps,
    ideal_gain,
    max_coherence_strength,
    mmse_gain,
    paper_strength,
)

RATE = 48000


@pytest.fixture(scope="module")
def demo(root: Path) -> tuple[np.ndarray, np.ndarray]:
    """The first 5 s of the demo recording: clean and noisy, [n] at 48 kHz."""
    signals = [
        soundfile.read(root / f"sdk/examples/demo_{name}.flac", dtype="float32")[0] for name in ("clean", "noisy")
    ]
    return signals[0][: 5 * RATE], signals[1][: 5 * RATE]


@pytest.mark.parametrize(
    ("q_x", "q_y", "noise", "q_p", "strength", "attenuation"),
    [
        (0.9, 0.6, 0.125, 0.904534, 0.668885, 1.0),
        (0.75, 0.5, 0.125, 0.852803, 0.394169, 1.0),
        (0.95, 0.3, 0.125, 0.664619, 1.0, 0.465546),
        (0.99, 0.2, 0.125, 0.5, 1.0, 0.252932),
        (0.5, 0.6, 0.125, 0.904534, 0.0, 1.0),
        (0.9, 0.6, 0.22449, 0.845428, 1.0, 0.835378),
    ],
)
def test_paper_strength(q_x: float, q_y: float, noise: float, q_p: float, strength: float, attenuation: float) -> None:
    coherence = comb_coherence(q_y, noise)
    assert coherence == pytest.approx(q_p, abs=1e-6)
    result = paper_strength(q_x, q_y, coherence)
    assert result.strength == pytest.approx(strength, abs=1e-6)
    assert result.attenuation == pytest.approx(attenuation, abs=1e-6)


@settings(max_examples=200, deadline=None)
@given(st.floats(0.02, 0.98), st.floats(0.01, 0.97), st.floats(0.05, 0.3))
def test_paper_strength_gives_the_coherence_of_the_clean_signal(q_x: float, q_y: float, noise: float) -> None:
    q_p = float(comb_coherence(q_y, noise))
    r, attenuation = paper_strength(q_x, q_y, q_p)
    # Unit y and p = q * tone + rest of their own each: the mix holds r q_p + (1 - r) q_y of the tone.
    power = (1 - r) ** 2 + r**2 + 2 * r * (1 - r) * q_y * q_p
    mixed = ((1 - r) * q_y + r * q_p) / math.sqrt(power)
    if q_x <= q_y:
        assert (r, attenuation) == (0, 1)
    elif q_p <= q_x:
        assert r == 1
        assert MASKING_LIMIT / (1 + MASKING_LIMIT) <= attenuation**2 <= 1
    else:
        assert 0 < r < 1
        assert attenuation == 1
        assert mixed == pytest.approx(q_x, abs=1e-9)


def test_paper_strength_where_the_quadratic_vanishes() -> None:
    q_x = 0.8
    near, at = (paper_strength(q_x, 0.5, q_x + step).strength for step in (1e-5, 1e-12))
    assert at == pytest.approx(near, abs=1e-4)
    b = q_x * 0.5 * (1 - q_x**2)
    alpha = (q_x**2 - 0.5**2) / (2 * b)
    assert at == pytest.approx(alpha / (1 + alpha), abs=1e-6)


@pytest.mark.parametrize(
    ("future", "noise", "centre"),
    [
        (5, 0.125, 0.166667),
        (4, 0.127711, 0.168548),
        (3, 0.137259, 0.175963),
        (2, 0.155713, 0.192938),
        (1, 0.184235, 0.225580),
        (0, 0.224490, 0.285714),
    ],
)
def test_comb_taps(future: int, noise: float, centre: float) -> None:
    taps = comb_taps(future)
    assert len(taps) == 6 + future
    assert taps.sum() == pytest.approx(1)
    assert (taps**2).sum() == pytest.approx(noise, abs=1e-6)
    assert taps[5] == pytest.approx(centre, abs=1e-6)
    # White noise is coherent with its own comb output by the centre tap alone.
    if future == 5:
        assert centre / math.sqrt(noise) == pytest.approx(0.471, abs=1e-3)


@pytest.mark.parametrize("future", [-1, 6])
def test_comb_taps_out_of_range(future: int) -> None:
    with pytest.raises(ValueError, match=str(future)):
        comb_taps(future)


def test_ideal_gain() -> None:
    gains = ideal_gain([0, 0, 1, 4, 1, 1e-30], [0, 5, 4, 1, 0, 1])
    assert np.allclose(gains, [0, 0, 0.5, 1, 1, 0])


def test_mmse_gain() -> None:
    assert np.allclose(mmse_gain([2, -1, 9, 1], [4, 4, 4, 0]), [0.5, 0, 1, 0])


def coherences(x: np.ndarray, y: np.ndarray, p: np.ndarray, r: np.ndarray) -> np.ndarray:
    """Coherence with x of the mixes (1 - r) y + r p."""
    mix = (1 - r)[:, None] * y + r[:, None] * p
    return (mix @ x) / np.linalg.norm(mix, axis=1) / np.linalg.norm(x)


def strength_of(x: np.ndarray, y: np.ndarray, p: np.ndarray) -> float:
    return float(max_coherence_strength(x @ x, y @ y, p @ p, x @ y, y @ p, x @ p))


def test_max_coherence_strength_against_a_search() -> None:
    rng = np.random.default_rng(1)
    grid = np.linspace(0, 1, 401)
    interior = 0
    for _ in range(2000):
        x, noise, rest = rng.standard_normal((3, rng.integers(2, 9)))
        y = x + rng.exponential() * noise
        p = rng.exponential() * x + 0.3 * rng.exponential() * noise + 0.3 * rng.exponential() * rest
        q_xy, q_xp = (x @ v / np.linalg.norm(x) / np.linalg.norm(v) for v in (y, p))
        c = y @ p / np.linalg.norm(y) / np.linalg.norm(p)
        if max(q_xy, q_xp) <= 0 or (q_xp <= c * q_xy and q_xy <= c * q_xp):
            continue  # the rules for signals that work against each other, tested below
        r = strength_of(x, y, p)
        interior += 0 < r < 1
        assert 0 <= r <= 1
        assert coherences(x, y, p, np.array([r]))[0] >= coherences(x, y, p, grid).max() - 1e-9
    assert interior > 500


def test_max_coherence_strength_does_not_depend_on_levels_of_x() -> None:
    x, y, p = np.random.default_rng(2).standard_normal((3, 6)) + 1.0
    assert strength_of(1000 * x, y, p) == pytest.approx(strength_of(x, y, p), abs=1e-12)


def test_max_coherence_strength_special_cases() -> None:
    tone, other = np.array([1.0, 0, 0]), np.array([0.0, 1, 0])
    mixed = tone + other
    assert strength_of(tone, mixed, tone) == 1  # the comb finds the tone
    assert strength_of(tone, mixed, other) == 0  # the comb finds something else
    assert strength_of(tone, tone, mixed) == 0  # nothing to repair
    assert strength_of(tone, tone, tone) == 0  # both the same
    assert strength_of(tone, -tone, -mixed) == 0  # coherent with neither
    for empty in range(3):
        signals = [tone, mixed, tone]
        signals[empty] = np.zeros(3)
        assert strength_of(*signals) == 0
    assert max_coherence_strength(*np.zeros((6, 2, 34))).shape == (2, 34)


def test_formulas_take_the_statistics_of_the_core(demo: tuple[np.ndarray, np.ndarray]) -> None:
    clean, noisy = demo
    statistics = _core.analyze(noisy, clean)
    gains = ideal_gain(statistics["xx"], statistics["yy"])
    strengths = max_coherence_strength(*(statistics[name] for name in ("xx", "yy", "pp", "xy", "yp", "xp")))
    for values in (gains, strengths):
        assert values.shape == (len(noisy) // 480, 34)
        assert values.min() >= 0
        assert values.max() <= 1
    assert 0.05 < strengths.mean() < 0.95
    # Without noise, no gain below 1 in the bands with sound, and no comb.
    same = _core.analyze(clean, clean)
    heard = same["xx"] > 1e3
    assert np.allclose(ideal_gain(same["xx"], same["yy"])[heard], 1, atol=1e-5)
    assert np.abs(max_coherence_strength(*(same[n] for n in ("xx", "yy", "pp", "xy", "yp", "xp")))[heard]).max() < 1e-3


def test_si_sdr() -> None:
    rng = np.random.default_rng(3)
    clean = rng.standard_normal(10000)
    noise = rng.standard_normal(10000)
    noise -= (noise @ clean) / (clean @ clean) * clean
    noise *= np.linalg.norm(clean) / np.linalg.norm(noise)
    assert si_sdr(clean, clean + 0.1 * noise) == pytest.approx(20)
    assert si_sdr(clean, 7 * (clean + 0.1 * noise)) == pytest.approx(20)
    assert si_sdr(clean, 2 * clean) == math.inf
    assert si_sdr(clean, noise) < -250
    assert si_sdr(clean, np.zeros(10000)) == -math.inf
    assert math.isnan(si_sdr(np.zeros(10000), clean))


def test_scores_of_a_recording_with_itself_and_with_noise(demo: tuple[np.ndarray, np.ndarray]) -> None:
    clean, noisy = demo
    same, worse = score(clean, clean, RATE), score(clean, noisy, RATE)
    assert same.pesq_wb == pytest.approx(4.644, abs=1e-2)
    assert same.stoi == pytest.approx(1, abs=1e-6)
    assert same.si_sdr > 100
    assert worse.pesq_wb < 1.5
    assert 0.4 < worse.stoi < 0.95
    assert -3 < worse.si_sdr < 5


def test_scores_of_silence_are_missing() -> None:
    silence, noise = np.zeros(16000), np.random.default_rng(4).standard_normal(16000)
    assert math.isnan(pesq_wb(silence, noise))
    assert math.isnan(stoi(noise[:2000], noise[:2000]))
    assert math.isnan(stoi(silence, noise)) and math.isnan(stoi(silence, silence))
    assert stoi(noise, silence) < 0.01  # of which nothing is understood


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("levels", [(0, 0.1), (0.1, 0), (0, 0), (0.1, 1e-35), (0.1, 1e30), (1e30, 0.1)])
def test_scores_that_are_not_defined_are_nan(levels: tuple[float, float]) -> None:
    """One is silent, or becomes so beside the other."""
    signals = np.random.default_rng(4).standard_normal((2, 2 * RATE))
    found = score(signals[0] * levels[0], signals[1] * levels[1], RATE)
    assert math.isnan(found.pesq_wb)
    assert not math.isinf(found.stoi)


def test_scores_of_unlike_lengths() -> None:
    with pytest.raises(ValueError, match="one length"):
        score(np.zeros(10), np.zeros(11), RATE)


def test_missing_package_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pesq", None)
    with pytest.raises(ImportError, match="pesq is not installed") as caught:
        pesq_wb(np.zeros(16000), np.zeros(16000))
    assert "\n" not in str(caught.value)


def test_rungs_are_aligned_and_in_the_order_of_the_article(demo: tuple[np.ndarray, np.ndarray]) -> None:
    clean, noisy = demo
    outputs = climb(clean, noisy, "tiny")
    assert list(outputs) == list(RUNGS)
    assert all(output.shape == clean.shape for output in outputs.values())
    values = [si_sdr(clean, output) for output in outputs.values()]
    start, bins, bands, comb = values[:4]
    assert bands > start + 4
    assert bins > bands
    assert comb - bands > bins - bands  # the comb recovers what the 34 bands lose, and more


def test_rungs_of_a_clean_recording_leave_it_as_it_is(demo: tuple[np.ndarray, np.ndarray]) -> None:
    clean, _ = demo
    outputs = climb(clean[:100_001], clean[:100_001], "tiny")
    oracles = [output for rung, output in outputs.items() if "oracle" in rung]
    assert len(oracles) == 4
    high_passed = _core.high_pass(np.pad(clean[:100_001], (0, 319)))[:100_001]
    for output in oracles:
        assert si_sdr(high_passed, output) > 25


def test_ladder_of_two_files(root: Path, tmp_path: Path) -> None:
    paths = []
    for name in ("clean", "noisy"):
        samples = soundfile.read(root / f"sdk/examples/demo_{name}.flac", dtype="float32")[0][60000:200000]
        paths.append(str(tmp_path / f"{name}.wav"))
        soundfile.write(paths[-1], np.stack([samples, 0 * samples], axis=1), RATE)
    table = run_ladder(*paths, str(tmp_path / "out"), "tiny")
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == sorted([*(f"{name}.wav" for name in RUNGS.values()), "ladder.png"])
    for name in RUNGS.values():
        info = soundfile.info(tmp_path / "out" / f"{name}.wav")
        assert (info.frames, info.samplerate, info.channels) == (140000, RATE, 1)
    data = json.loads(json.dumps(table.as_dict(), allow_nan=False))
    assert list(data["mean"]) == list(RUNGS)
    assert data["crc"] == checksum(linnet.Model("tiny").to_bytes())
    assert data["mean"]["noisy"]["si_sdr"] < data["mean"]["+ comb filter (oracle)"]["si_sdr"]
    lines = table.text().splitlines()
    assert len(lines) == 1 + len(RUNGS)
    assert all(line.startswith(rung) for line, rung in zip(lines[1:], RUNGS, strict=True))
    assert len({len(line) for line in lines}) == 1


def test_ladder_of_folders_and_its_limit(root: Path, tmp_path: Path) -> None:
    for name in ("clean", "noisy"):
        samples = soundfile.read(root / f"sdk/examples/demo_{name}.flac", dtype="float32")[0]
        (tmp_path / name).mkdir()
        for part in range(3):
            cut = samples[(part + 2) * 40000 :][:60000]
            soundfile.write(tmp_path / name / f"part{part}.wav", cut, RATE)
    folders = (str(tmp_path / "clean"), str(tmp_path / "noisy"), str(tmp_path / "out"))
    table = run_ladder(*folders, "tiny", limit=2)
    assert list(table.recordings) == ["part0", "part1"]
    assert (tmp_path / "out/part1/3_comb_filter.wav").exists()
    assert (tmp_path / "out/ladder.png").exists()
    values = [scores["noisy"].stoi for scores in table.recordings.values()]
    assert table.mean("noisy", "stoi") == pytest.approx(sum(values) / 2)


def noisy_folders(tmp_path: Path, names: str = "abc") -> tuple[Path, Path]:
    """Short recordings, clean and noisy, of these names."""
    for seed, folder in enumerate(("clean", "noisy")):
        (tmp_path / folder).mkdir()
        for name in names:
            samples = 0.1 * np.random.default_rng(seed).standard_normal(RATE // 2)
            soundfile.write(tmp_path / folder / f"{name}.wav", samples, RATE)
    return tmp_path / "clean", tmp_path / "noisy"


def test_a_bad_pair_of_folders_does_not_stop_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clean, noisy = noisy_folders(tmp_path)
    (clean / "a.wav").unlink()
    (noisy / "b.wav").write_text("not sound")
    words = ["oracle", str(clean), str(noisy), str(tmp_path / "out"), "--model", "tiny"]
    assert main([*words, "--json", str(tmp_path / "a.json")]) == 3
    said = capsys.readouterr()
    assert said.out.startswith("1 recording ")
    assert [line.split(";")[0] for line in said.err.splitlines()] == [
        f"linnet: {clean}/a.wav: no such file",
        f"linnet: {noisy}/b.wav: not readable as sound (Format not recognised)",
    ]
    data = json.loads((tmp_path / "a.json").read_text())
    assert list(data["each"]) == ["c"]
    assert [one["input"] for one in data["failed"]] == [f"{noisy}/a.wav", f"{noisy}/b.wav"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["c", "ladder.png"]
    (noisy / "c.wav").unlink()
    (clean / "a.wav").write_text("not sound")
    assert main(words) == 2


def test_ladder_replaces_no_input(tmp_path: Path) -> None:
    clean, noisy = noisy_folders(tmp_path, "a")
    (tmp_path / "out").mkdir()
    taken = tmp_path / "out/0_noisy.wav"
    taken.symlink_to(noisy / "a.wav")
    before = taken.read_bytes()
    with pytest.raises(AudioError, match=r"out/0_noisy\.wav: would replace the input .*noisy/a\.wav; give another"):
        run_ladder(str(clean / "a.wav"), str(noisy / "a.wav"), str(tmp_path / "out"), "tiny")
    with pytest.raises(AudioError, match="would replace the input"):
        run_ladder(str(clean / "a.wav"), str(taken), str(tmp_path / "out"), "tiny")
    (tmp_path / "out/a").mkdir()
    (tmp_path / "out/a/1_bin_gains.wav").symlink_to(clean / "a.wav")
    with pytest.raises(AudioError, match="would replace the input"):
        run_ladder(str(clean), str(noisy), str(tmp_path / "out"), "tiny")
    assert taken.read_bytes() == before
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["0_noisy.wav", "a"]


def test_ladder_of_silence_and_of_samples_far_beyond_full_scale(tmp_path: Path) -> None:
    clean, noisy = noisy_folders(tmp_path, "a")
    samples = 0.1 * np.random.default_rng(0).standard_normal(RATE // 2)
    samples[1000] = 1e30
    for spoilt, files in ((0 * samples, (noisy / "a.wav",)), (samples, (noisy / "a.wav", clean / "a.wav"))):
        for file in files:
            soundfile.write(file, spoilt, RATE, "FLOAT")
            table = run_ladder(str(clean / "a.wav"), str(noisy / "a.wav"), str(tmp_path / "out"), "tiny")
            json.dumps(table.as_dict(), allow_nan=False)
            heard = soundfile.read(tmp_path / "out/0_noisy.wav")[0]
            assert np.abs(heard).max() <= 4


def test_ladder_with_unlike_files(root: Path, tmp_path: Path) -> None:
    clean = str(root / "sdk/examples/demo_clean.flac")
    soundfile.write(tmp_path / "short.wav", np.zeros(1000), RATE)
    with pytest.raises(AudioError, match=r"short\.wav: 1000 samples at 48000 Hz, but .*demo_clean"):
        run_ladder(clean, str(tmp_path / "short.wav"), str(tmp_path / "out"), "tiny")
    (tmp_path / "empty").mkdir()
    with pytest.raises(AudioError, match="no sound files"):
        run_ladder(str(tmp_path / "empty"), str(tmp_path / "empty"), str(tmp_path / "out"), "tiny")
    with pytest.raises(AudioError, match="no such file"):
        run_ladder(str(tmp_path / "empty"), str(tmp_path), str(tmp_path / "out"), "tiny")
    with pytest.raises(AudioError, match="two files or two folders"):
        run_ladder(clean, str(tmp_path), str(tmp_path / "out"), "tiny")
    assert not (tmp_path / "out").exists()
