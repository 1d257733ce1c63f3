"""From recordings to rows: splits and caches, mixtures, targets."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from recordings import RATE, settings, syllables

from training import augment, data, features, manifest, pool

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


def test_many_speakers_are_split_whole(tmp_path: Path) -> None:
    for speaker in range(25):
        for name in "ab":
            path = tmp_path / f"{speaker}/wav/{name}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    groups = [{item.group for item in data.from_folder(tmp_path, split)} for split in ("train", "valid")]
    assert not groups[0] & groups[1]
    assert groups[1]
    assert groups[0] | groups[1] == {f"{speaker}/wav" for speaker in range(25)}


@pytest.mark.parametrize("layout", ["{speaker}/{chapter}", "part/{speaker}/{chapter}", "{speaker}/{chapter}/mono/48"])
def test_the_chapters_of_a_speaker_stay_together(tmp_path: Path, layout: str) -> None:
    for speaker in range(40):
        for chapter in range(5):
            path = tmp_path / layout.format(speaker=f"s{speaker}", chapter=f"c{chapter}") / "utterance.flac"
            path.parent.mkdir(parents=True)
            path.touch()
    place = layout.split("/").index("{speaker}")
    found = [
        {Path(item.path).relative_to(tmp_path).parts[place] for item in data.from_folder(tmp_path, split)}
        for split in ("train", "valid")
    ]
    assert not found[0] & found[1]
    assert found[1]
    assert len(found[0] | found[1]) == 40


def test_a_repaired_recording_is_decoded_again(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    items = [data.Item(str(path), "x", 0.0)]
    levels = []
    for level in (0.1, 0.3):
        soundfile.write(path, np.full(RATE, level), RATE)
        os.utime(path, ns=(0, int(1e9 * level)))
        built = data.build(items, tmp_path / "cache", "x", quiet=True)
        levels.append(float(built.read(built.items[0])[0]))
    assert levels == pytest.approx([0.1, 0.3], abs=1e-4)


def test_what_is_no_sound_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(ValueError, match="text.wav: .*check_data"):
        data.decode(str(tmp_path / "text.wav"))
    soundfile.write(tmp_path / "holes.wav", np.array([0.5, np.nan, np.inf, -np.inf]), RATE, "FLOAT")
    assert data.decode(str(tmp_path / "holes.wav")).tolist() == [16384, 0, 32767, -32768]


def test_recordings_of_no_length_are_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(3)
    for kind in ("speech", "noise"):
        for name, samples in {"a": RATE, "b": RATE, "short": 400}.items():
            (tmp_path / kind / name).mkdir(parents=True)
            soundfile.write(tmp_path / kind / name / "x.wav", 0.1 * rng.standard_normal(samples), RATE)
    made = settings(tmp_path, tmp_path, rooms="")
    loaded = [data.load(made, split) for split in ("train", "valid")]
    items = [item for each in loaded for item in each.speech.items + each.noise.items]
    assert [Path(item.path).parent.name for item in items].count("short") == 0
    assert len(items) == 4
    told = [line for line in capsys.readouterr().out.splitlines() if "shorter than 10 ms" in line]
    assert len(told) == 2 and all(line.startswith("1 of ") for line in told)


def test_a_name_need_not_be_utf_8(tmp_path: Path) -> None:
    for name in (b"\xff", b"\xfe"):
        path = tmp_path / os.fsdecode(name + b".wav")
        soundfile.write(os.fsencode(path), np.full(RATE, 0.1), RATE, format="WAV")
    items = data.from_folder(tmp_path, "train") + data.from_folder(tmp_path, "valid")
    assert len(data.build(items, tmp_path / "cache", "x", quiet=True)) == 2


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


def test_the_evaluation_split_is_refused() -> None:
    with pytest.raises(ValueError, match="only train and valid"):
        data.from_manifest([], "speech", "eval")


def test_missing_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        data.from_folder(tmp_path / "nowhere", "train")
    with pytest.raises(FileNotFoundError, match="MANIFEST"):
        manifest.read(tmp_path)


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
    plain = {"room": 0.0, "clipping": 0.0, "rounding": 0.0, "level_step": 0.0}  # slams are noise
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
    plain |= {"level_step": 0.0, "muted_start": 0.0}  # these change the ratio afterwards
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


def test_no_room_is_in_both_splits(corpus: Path) -> None:
    made = settings(corpus, corpus, rooms="", simulated_rooms=12)
    banks = [augment.Mixer(data.load(made, split), made).simulated for split in ("train", "valid")]
    seen = [{room.tobytes() for room, _ in bank} for bank in banks]
    assert not seen[0] & seen[1]
    assert [len(bank) for bank in seen] == [10, 2]


def test_without_rooms_none_is_drawn(corpus: Path) -> None:
    made = settings(corpus, corpus, rooms="", simulated_rooms=0, room=1.0)
    assert augment.Mixer(data.load(made, "train"), made).segment(np.random.default_rng(1)).noisy.any()


def _lines(x: np.ndarray, frequency: float) -> tuple[float, float]:
    """dB of the line at a frequency in Hz, of a tone with amplitude 1, and of the strongest part elsewhere."""
    window = np.blackman(len(x))
    spectrum = np.abs(np.fft.rfft(x * window)) * 2 / window.sum()
    near = np.abs(np.arange(len(spectrum)) * RATE / len(x) - frequency) < 20
    return tuple(20 * np.log10(part.max(initial=1e-9)) for part in (spectrum[near], spectrum[~near]))


@pytest.mark.parametrize("frequency", [8000, 15000, 20000])
@pytest.mark.parametrize("ratio", [0.75, 0.9, 1.34])
def test_another_speed_moves_a_tone_and_adds_none(frequency: int, ratio: float) -> None:
    tone = np.sin(2 * np.pi * frequency * np.arange(RATE * 2) / RATE).astype(np.float32)
    played = augment.stretch(tone, ratio)[4800:52800]
    line, other = _lines(played, frequency * ratio)
    assert other < -90
    if frequency * ratio < 21000:
        assert line == pytest.approx(0, abs=0.1)
    else:
        assert line < -90


def test_synthetic_voices_are_bounded(corpus: Path, mixer: augment.Mixer) -> None:
    real, made = "corpus", "kokoro_x"
    items = [dataclasses.replace(item, group=made if i else real) for i, item in enumerate(mixer.corpus.speech.items)]
    speech = data.Collection(mixer.corpus.speech.samples, items)
    mixed = dataclasses.replace(mixer.corpus, speech=speech)
    shares = {}
    for bound in (0.0, 0.25, 1.0):
        drawn = augment.Mixer(mixed, settings(corpus, corpus, synthetic_share=bound))
        shares[bound] = dict(zip(drawn.speakers, drawn.share, strict=True))
        assert sum(shares[bound].values()) == pytest.approx(1)
    assert shares[0.0][made] == 0
    assert shares[0.25][made] == pytest.approx(0.25)
    assert shares[1.0][made] > 0.5
    speech.items = items[1:]
    with pytest.raises(ValueError, match="synthetic_share=1"):
        augment.Mixer(mixed, settings(corpus, corpus))


def test_computed_noises_are_drawn_in_training_alone(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(augment.procedural, "generate", lambda rng, n: calls.append(n) or np.ones(n, np.float32))
    made = settings(corpus, corpus, procedural=1.0, babble=0.0, coloured=0.0, second_noise=0.0)
    augment.Mixer(data.load(made, "valid"), made).noise(np.random.default_rng(1), 4800)
    assert not calls
    augment.Mixer(data.load(made, "train"), made).noise(np.random.default_rng(1), 4800)
    assert calls == [4800]


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


def test_shards_of_other_settings_are_not_taken(corpus: Path, tmp_path: Path) -> None:
    made = settings(corpus, tmp_path)
    wanted = features.generate(
        augment.Mixer(data.load(made, "train"), made), [[made.seed, 0, i] for i in range(made.shard_segments)], 2
    )
    np.save(features.shard_path(tmp_path, 0), np.full_like(wanted, 7))
    with features.Shards(made, tmp_path) as shards:
        found = [np.array(shard) for shard in shards.stage(0)]
    assert len(found) == 1
    assert np.array_equal(found[0], wanted)
    assert not tmp_path.exists()


def test_a_pool_gives_segments_that_were_made_and_replaces_the_oldest(corpus: Path, tmp_path: Path) -> None:
    made = settings(corpus, tmp_path, pool=10, batch=6, shard_segments=4, seconds=0.5)
    mixer = augment.Mixer(data.load(made, "train"), made)
    place: dict[bytes, int] = {}  # the shard that a segment is of
    seen: list[set[int]] = []
    with pool.Pool(made, tmp_path / "shards", torch.device("cpu")) as source:
        last = False
        while not last:
            last = source.made >= 4  # before the batch is drawn: then it is of the third shard or later ones
            drawn = source.draw().numpy()
            for index in range(len(place) // 4, source.made + 1):
                seeds = [[made.seed, index, i] for i in range(4)]
                place |= {rows.tobytes(): index for rows in features.generate(mixer, seeds, made.lookahead)}
            seen.append({place[rows.tobytes()] for rows in drawn})
    assert max(map(max, seen)) >= 2
    assert all(max(each) - min(each) <= 1 for each in seen)  # two shards fit in
    assert not source.filler.is_alive()
    assert not (tmp_path / "shards").exists()
