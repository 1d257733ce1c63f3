"""Manifests: several folders as one corpus, splits that must not meet, licences, and the tables made of them."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import numpy as np
import pytest
import soundfile
from recordings import RATE, settings

from training import augment, config, corpus, data, manifest
from training.licences import is_permissive

COLUMNS = ["path", "kind", "split", "speaker_id", "source_id"]
COLUMNS += ["licence", "source_repo", "attribution", "seconds", "effective_bandwidth_hz"]


def make(folder: Path, *lines: str, name: str = "MANIFEST.csv") -> Path:
    """A folder whose manifest has these lines, "kind split ID licence", and a second of sound for each."""
    folder.mkdir(exist_ok=True)
    rows = []
    for line in lines:
        kind, split, key, licence = line.split(maxsplit=3)
        path = f"{key}-{split}.wav"
        seed = int.from_bytes(f"{folder.name}{path}".encode()[-4:], "big")
        soundfile.write(folder / path, 0.1 * np.random.default_rng(seed).standard_normal(RATE), RATE)
        column = "speaker_id" if kind == "speech" else "source_id"
        rows.append(
            {"path": path, "kind": kind, "split": split, column: key, "licence": licence, "seconds": "1"}
            | {"source_repo": f"project {folder.name}", "attribution": f"by {key}"}
        )
    with open(folder / name, "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return folder


@pytest.fixture
def two(tmp_path: Path) -> list[Path]:
    """Two folders that share a speaker and a source."""
    first = make(
        tmp_path / "a",
        "speech train ann CC0",
        "speech valid val CC0",
        "noise train fan GPL-3.0",
        "noise valid rain CC-BY-3.0",
    )
    second = make(
        tmp_path / "b",
        "speech train ann CC-BY-SA-4.0",
        "speech train kokoro_bob Apache-2.0",
        "noise train fan MIT",
        "rir train hall MIT",
        "speech eval eve CC0",
        name="MANIFEST_packages.csv",
    )
    return [first, second]


def of_both(two: list[Path], tmp_path: Path, **values: object) -> config.Config:
    return settings(
        tmp_path, tmp_path, speech="", noise="", rooms="", data=",".join(map(str, two)), synthetic_share=1.0, **values
    )


def test_folders_are_one_corpus(two: list[Path], tmp_path: Path) -> None:
    made = of_both(two, tmp_path)
    found = data.load(made, "train")
    assert [(item.group, Path(item.path).parent.name) for item in found.speech.items] == [
        ("ann", "a"),
        ("ann", "b"),
        ("kokoro_bob", "b"),
    ]
    assert len(found.noise) == 2
    assert len(found.rooms) == 1
    for item in found.speech.items:
        wanted, _ = soundfile.read(item.path, dtype="float32")
        assert np.abs(found.speech.read(item) - wanted).max() <= 2**-15
    assert augment.Mixer(found, made).speakers == ["ann", "kokoro_bob"]
    assert [item.group for item in data.load(made, "valid").speech.items] == ["val"]


def test_permissive_leaves_out_share_alike(two: list[Path], tmp_path: Path) -> None:
    found = data.load(of_both(two, tmp_path, licences="permissive"), "train")
    assert [Path(item.path).name for item in found.speech.items] == ["ann-train.wav", "kokoro_bob-train.wav"]
    assert [Path(item.path).parent.name for item in found.noise.items] == ["b"]
    made = settings(tmp_path, tmp_path, speech="", noise="", rooms="", data=str(two[0]), licences="permissive")
    with pytest.raises(ValueError, match="no noise for split 'train' .* with licences=permissive"):
        data.load(made, "train")


def test_another_folder_decodes_nothing_twice(
    two: list[Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    alone = settings(tmp_path, tmp_path, speech="", noise="", rooms="", data=str(two[0]))
    data.load(alone, "train")
    capfd.readouterr()
    data.load(of_both(two, tmp_path), "train")
    found = [line.split() for line in capfd.readouterr().out.splitlines()]
    assert [(line[1], line[4]) for line in found] == [("2", "speech-train"), ("1", "noise-train"), ("1", "rooms-train")]
    data.load(of_both(two, tmp_path, licences="permissive"), "train")
    assert "decoding" not in capfd.readouterr().out


def test_the_hash_covers_every_manifest(two: list[Path], tmp_path: Path) -> None:
    alone = data.manifest_hash(settings(tmp_path, tmp_path, speech="", noise="", rooms="", data=str(two[0])))
    assert alone == hashlib.sha256((two[0] / "MANIFEST.csv").read_bytes()).hexdigest()
    both = data.manifest_hash(of_both(two, tmp_path))
    assert both != alone
    with open(two[1] / "MANIFEST_packages.csv", "a") as file:
        file.write("more.wav,noise,train,,new,CC0,,,1,0\n")
    assert data.manifest_hash(of_both(two, tmp_path)) not in (both, alone)


@pytest.mark.parametrize("line", ["speech eval ann CC0", "noise valid fan CC0", "rir valid hall CC0"])
def test_what_is_in_two_splits_is_named(two: list[Path], tmp_path: Path, line: str) -> None:
    kind, split, name, _ = line.split()
    third = make(tmp_path / "c", line)
    what = {"speech": "speaker", "noise": "source", "rir": "room"}[kind]
    with pytest.raises(ValueError, match=f"{what} '{name}' is in train .* and in {split} .*c/MANIFEST.csv"):
        data.load(of_both([*two, third], tmp_path), "train")


def test_a_file_in_two_splits_is_named(tmp_path: Path) -> None:
    folder = make(tmp_path / "a", "noise train fan CC0")
    (folder / "MANIFEST_more.csv").write_text("path,kind,split\nfan-train.wav,noise,valid\n")
    with pytest.raises(ValueError, match="fan-train.wav is in train and.*in valid; give it one"):
        manifest.read(folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,kind\na,noise\n", "MANIFEST.csv: no column split; it needs path, kind, split"),
        ("path,kind,split,seconds\na,noise,train,long\n", "MANIFEST.csv:2: seconds long is no number"),
        ("path,kind,split\n,noise,train\n", "MANIFEST.csv:2: no path"),
        ("path,kind,split\na,Noise,train\n", "MANIFEST.csv:2: kind 'Noise': must be speech, noise, rir"),
        ("path,kind,split\na, noise,train\n", "kind ' noise'"),
        ("path,kind,split\na,noise,\n", "MANIFEST.csv:2: split '': must be train, valid, eval"),
        ("path,kind,split\na,noise\n", "MANIFEST.csv:2: split ''"),
        ("path,kind,split,seconds\na,noise,train,nan\n", "MANIFEST.csv:2: seconds nan: must be"),
        ("path,kind,split,seconds\na,noise,train,-1\n", "MANIFEST.csv:2: seconds -1: must be"),
        ("path,kind,split\n../a,noise,train\n", "MANIFEST.csv:2: path ../a is not below"),
        ("path,kind,split\n/a,noise,train\n", "MANIFEST.csv:2: path /a is not below"),
        ("path,kind,split\na,noise,train\nb/../a,noise,valid\n", "a is in train and.*in valid; give it one"),
        ("path,kind,split,speaker_id\na,speech,train,x\na,speech,train,y\n", "a is listed in two ways"),
        (b"path,kind,split\na,noise,train\n\xff,noise,train\n", "MANIFEST.csv:3: not UTF-8"),
        (f"path,kind,split\na,noise,{'x' * 200000}\n", "MANIFEST.csv:2: field larger than field limit"),
    ],
)
def test_wrong_manifests_are_named(tmp_path: Path, text: str | bytes, message: str) -> None:
    (tmp_path / "MANIFEST.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=message):
        manifest.read(tmp_path)


def test_a_byte_order_mark_and_a_line_twice_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "MANIFEST.csv").write_text("\ufeffpath,kind,split\na,noise,train\na,noise,train\n")
    assert [row.path for row in manifest.read(tmp_path)] == [tmp_path / "a"]
    monkeypatch.chdir(tmp_path)
    assert [row.path for row in manifest.read(Path("."))] == [Path("a")]


def test_wrong_settings_are_named(two: list[Path]) -> None:
    with pytest.raises(ValueError, match="names a folder twice"):
        manifest.folders(f"{two[0]},{two[0]}/")
    with pytest.raises(ValueError, match="names no folder"):
        manifest.folders(" , ")
    for setting, message in (
        ("licences=free", "must be all or permissive"),
        ("synthetic_share=2", "in 0..1"),
        ("procedural=0.95", "at most 1"),
        ("speech=a noise=b licences=permissive", "tell no licence"),
        ("rooms=a licences=permissive", "tell no licence"),
    ):
        with pytest.raises(ValueError, match=message):
            config.from_command_line(["tiny", *setting.split()])


# Every way in which the manifests known so far name licences, and whether it is permissive.
LICENCES = {
    True: [
        *("Apache-2.0", "CC-BY", "CC-BY-2.0", "CC-BY-3.0", "CC-BY-3.0; CC-BY-3.0", "CC-BY-3.0; CC0-1.0", "CC-BY-4.0"),
        *("CC0", "CC0-1.0", "MIT", "Public Domain", "CC0-1.0, CC-BY-3.0", "BSD-3-Clause", "BSD", "CC BY 4.0"),
    ],
    False: [
        *("CC-BY-3.0; CC-BY-SA-3.0; CC0-1.0", "CC-BY-SA", "CC-BY-SA-3.0", "CC-BY-SA-3.0 (some CC-BY-3.0/CC0)"),
        *("CC-BY-SA-3.0 / CC-BY-3.0", "CC-BY-SA-3.0 / CC-BY-3.0 / GPL-2.0 (mixed free)", "CC-BY-SA-4.0", "GFDL", "GPL"),
        *("GPL-2.0-or-later", "GPL-2.0-or-later / CC-BY-SA-2.0+", "GPL-3.0", "GPL-3.0-or-later", "LGPL-3.0-or-later"),
        *("GPL; GPL-3.0-or-later", "GPL; GPL-3.0; GPL-3.0-or-later", "Artistic-1.0", "GPL-2.0", "BSD-like (Festvox)"),
        *("CC0-1.0 / CC-BY / CC-BY-SA-3.0 (per file)", "GPL-2.0-or-later / CC-BY-SA-4.0", "CC-BY-SA", "Sampling+"),
        *("GPL-3.0-or-later / CC-BY-3.0", "CC-BY-NC-4.0", "CC-BY-ND-3.0", "CC-BY-NC-SA-4.0", "MIT-like", "", " / "),
        *("Apache-2.0 with exceptions", "CC-BY or CC-BY-SA", "unknown", "CC-BY-3.0 (some rights reserved)"),
    ],
}


@pytest.mark.parametrize("permissive", LICENCES)
def test_licences_are_read_with_care(permissive: bool) -> None:
    assert {text: is_permissive(text) for text in LICENCES[permissive]} == dict.fromkeys(
        LICENCES[permissive], permissive
    )


def test_the_corpus_is_listed(two: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    for folder, minutes in zip(two, (6, 12), strict=True):
        path = next(folder.glob("MANIFEST*.csv"))
        path.write_text(path.read_text().replace(",1,", f",{minutes * 60},"))
    assert corpus.main([*map(str, two)]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["speech", "train", "3", "2", "30.0", "40", "%"] in lines
    assert ["noise", "train", "2", "1", "18.0"] in lines
    assert ["rir", "train", "1", "1", "12.0"] in lines
    assert ["speech", "eval", "1", "1", "12.0", "0", "%"] in lines
    assert ["CC-BY-SA-4.0", "12.0", "no"] in lines
    assert ["CC0", "6.0", "yes"] in lines
    assert not any("eve" in word for line in lines for word in line)


def test_the_table_of_licences_is_for_a_model_card(two: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert corpus.main([*map(str, two), "--licences"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("| kind |")
    assert "| speech | project b, by ann; by kokoro_bob | Apache-2.0, CC-BY-SA-4.0 |" in out
    assert not any("val" in line or "eve" in line for line in out)
    assert corpus.main([*map(str, two), "--licences", "--permissive"]) == 0
    assert "| speech | project b, by kokoro_bob | Apache-2.0 |" in capsys.readouterr().out.splitlines()


def test_the_list_of_a_wrong_corpus_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert corpus.main([str(tmp_path / "nowhere")]) == 2
    found = capsys.readouterr()
    assert found.out == ""
    assert found.err.startswith("corpus: no manifest")
    assert found.err.count("\n") == 1
