"""training/espeak.py with a stand-in for espeak-ng, which says tones and fails at some words as the real one does."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from training import espeak, manifest

PROGRAM = """#!{python}
import sys
if "--voices" in sys.argv:
    print("Pty Language Age/Gender VoiceName File Other")
    for name, file in (("German", "gmw/de"), ("Basque", "eu"), ("Klingon", "art/piqd")):
        print(f" 5 xx --/M {{name}} {{file}} (xx 1)")
    sys.exit()
if {mute} or len(sys.argv[-1]) % 5 == 0:
    sys.exit(1)
import io
import numpy as np, soundfile
out = io.BytesIO()
x = np.sin(np.arange(22050 * 2) * 0.01 * len(sys.argv[-1]))
soundfile.write(out, x, 22050, format="WAV", subtype="PCM_16")
sys.stdout.buffer.write(out.getvalue())
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "bin" / "espeak-ng"
    path.parent.mkdir()
    path.write_text(PROGRAM.format(python=sys.executable, mute=False))
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(path.parent))
    return path


@pytest.mark.usefixtures("program")
def test_a_corpus_is_written(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert espeak.main([str(tmp_path / "made"), "--speakers", "3", "--seconds", "25"]) == 0
    assert capsys.readouterr().out.endswith("3 voices, 2 minutes\n")
    rows = manifest.read(tmp_path / "made")
    assert len(rows) == 9
    assert {row.speaker.rsplit("_", 1)[0] for row in rows} == {"espeak_de", "espeak_eu"}
    assert len({row.speaker for row in rows}) == 3
    for row in rows:
        assert manifest.is_synthetic(row.speaker)
        assert (row.kind, row.split, row.licence) == ("speech", "train", "CC0-1.0")
        x, rate = soundfile.read(row.path)
        assert rate == 22050
        assert len(x) == 220500 == round(row.seconds * rate)
        assert (x**2).mean() ** 0.5 == pytest.approx(espeak.LEVEL, rel=0.01)


@pytest.mark.usefixtures("program")
def test_the_same_arguments_give_the_same_files(tmp_path: Path) -> None:
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert espeak.main([str(tmp_path / name), "--speakers", "2", "--seconds", "5", "--seed", seed]) == 0
    made = [[path.read_bytes() for path in sorted((tmp_path / name).rglob("*.*"))] for name in "abc"]
    assert made[0] == made[1]
    assert made[0] != made[2]


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [(["--speakers", "0"], "give 1 or more"), (["--seconds", "nan"], "more than 0"), ([], "says nothing")],
)
def test_bad_input_ends_with_a_line_that_names_the_remedy(
    tmp_path: Path, program: Path, capsys: pytest.CaptureFixture, arguments: list[str], remedy: str
) -> None:
    program.write_text(PROGRAM.format(python=sys.executable, mute=True))
    with pytest.raises(SystemExit) as stopped:
        espeak.main([str(tmp_path / "made"), *arguments])
    assert stopped.value.code == 2
    assert remedy in capsys.readouterr().err


def test_without_the_program_its_name_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit):
        espeak.main([str(tmp_path / "made")])
    assert "apt-get install espeak-ng" in capsys.readouterr().err


def test_sentences_are_numbers_and_words() -> None:
    said = " ".join(espeak.sentence(np.random.default_rng(seed)) for seed in range(50))
    assert sum(word.strip(",.!?").isdigit() for word in said.split()) > 80
    assert sum(word.strip(",.!?").isalpha() for word in said.split()) > 80
