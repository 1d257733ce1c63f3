"""What the tests of corpora on Ray and Spark share: recordings, the plain command, a process killed at its work, the
table of numbers, throughput.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import soundfile
from conftest import ROOT

from linnet.catalog import example_path

ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT / "python")}
MODEL = "base"  # the one that takes longest: what is to be stopped or killed has to last
LONG = "long.wav"
SHORT = [f"{number:02}.wav" for number in range(12)]
GOOD = [*SHORT, "b.flac", "c.wav", "d.wav", LONG, "sub/e.mp3"]  # all but broken.wav


@dataclass(frozen=True)
class Corpus:
    """noisy: recordings; plain: what the plain command makes of them; facts: its JSON."""

    noisy: Path
    plain: Path
    facts: dict[str, Any]


def _make_recordings(folder: Path) -> None:
    """In several formats, one of them broken, one in a folder of its own, and one that takes seconds."""
    noisy = soundfile.read(example_path("demo_noisy.flac"), dtype="float32")[0]
    (folder / "sub").mkdir(parents=True)
    for number, name in enumerate(SHORT):
        soundfile.write(folder / name, np.roll(noisy, 4800 * number)[: 5 * 48000], 48000)
    soundfile.write(folder / "b.flac", noisy[:96000:3], 16000)
    soundfile.write(folder / "c.wav", noisy[96000:192000], 44100)
    soundfile.write(folder / "d.wav", np.stack([noisy[:48000], noisy[48000:96000]], 1), 48000)
    soundfile.write(folder / LONG, np.tile(noisy[:192000], 30), 48000)
    soundfile.write(folder / "sub/e.mp3", noisy[:96000], 48000)
    (folder / "broken.wav").write_text("not sound")


def make_corpus(folder: Path) -> Corpus:
    """Recordings, and what two processes of the plain command make of them."""
    noisy, plain, report = folder / "noisy", folder / "plain", folder / "plain.json"
    _make_recordings(noisy)
    command = [sys.executable, "-m", "linnet", "enhance", noisy, plain, "--json", report, "--model", MODEL]
    done = subprocess.run([*map(str, command), "--jobs", "2"], env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 3, done.stderr  # the broken one
    return Corpus(noisy, plain, json.loads(report.read_text()))


def contents(folder: Path) -> dict[str, bytes]:
    """All files below a folder, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def last_rows(numbers: Path, noisy: Path) -> dict[str, dict[str, Any]]:
    """Rows by the names of their recordings, of several the last, as docs/scale_out.md reads them."""
    table = pandas.read_parquet(numbers).sort_values("finished").drop_duplicates("path", keep="last")
    rows = table.astype(object).where(table.notnull(), None).to_dict("records")
    return {str(Path(row["path"]).relative_to(noisy)): row for row in rows}


def spoil(noisy: Path, clean: Path, numbers: Path) -> dict[str, int]:
    """Undoes three of the recordings that are done, each in its way, and leaves what a process leaves that is
    killed. When the outputs of the others were made, which have to stay."""
    one, two, three, *others = sorted(name for name, row in last_rows(numbers, noisy).items() if not row["error"])
    (clean / one).unlink()
    (clean / two).write_bytes(b"")
    newer = (clean / three).stat().st_mtime_ns + 1
    os.utime(noisy / three, ns=(newer, newer))
    (clean / f".{one}.0123abcd.part").write_bytes(b"begun")
    return times(clean, others)


def times(clean: Path, names: Iterable[str]) -> dict[str, int]:
    """When outputs were made."""
    return {name: (clean / name).stat().st_mtime_ns for name in names}


def check(corpus: Corpus, noisy: Path, clean: Path, numbers: Path) -> None:
    """Outputs and a table are what the plain command has made and told of the same recordings elsewhere."""
    made, wanted = contents(clean), contents(corpus.plain)
    assert made.keys() == wanted.keys() == set(GOOD)
    assert [name for name in GOOD if made[name] != wanted[name]] == []
    rows = last_rows(numbers, noisy)
    broken = rows.pop("broken.wav")
    (failure,) = corpus.facts["failed"]
    assert broken["error"] == failure["error"].replace(str(corpus.noisy), str(noisy))
    assert broken["path"] == str(noisy / "broken.wav") and broken["seconds"] is None
    facts = {str(Path(file["input"]).relative_to(corpus.noisy)): file for file in corpus.facts["files"]}
    assert rows.keys() == facts.keys() == set(GOOD)
    for name, row in rows.items():
        assert (row["path"], row["output"], row["error"]) == (str(noisy / name), str(clean / name), None)
        for key in ("seconds", "level_db", "noise_reduction_db", "snr_db", "speech_percent"):
            assert row[key] == pytest.approx(facts[name][key], abs=0.006), (name, key)  # the command's are rounded


def told(words: str, clean: Path, corpus: Corpus) -> str:
    """A line with the seconds of sound that each of two processes did in a second, and those of the plain command.

    From the first output to the last, so that the time that processes take to start does not count.
    """
    ours, plain = _rate(clean), _rate(corpus.plain)
    return (
        f"MEASURED {words}: {ours:.0f} s of sound per second and core, linnet enhance {plain:.0f}: {ours / plain:.2f}"
    )


def _rate(clean: Path) -> float:
    """Seconds of sound per second and process of two, of the outputs that are there, without the long one."""
    outputs = [clean / name for name in GOOD if name != LONG and (clean / name).exists()]
    _, *later = sorted(outputs, key=os.path.getmtime)
    took = os.path.getmtime(later[-1]) - min(map(os.path.getmtime, outputs))
    return sum(soundfile.info(path).duration for path in later) / took / 2


@contextmanager
def kill_while(clean: Path, name: str) -> Iterator[list[int]]:
    """Kills the process that first begins a recording, while it works on it; the list then has its number."""
    killed: list[int] = []
    over = threading.Event()

    def watch() -> None:
        while not killed and not over.wait(0.005):
            for begun in clean.glob(f".{name}.*.part"):
                if (writer := _writer(begun)) and not (clean / name).exists():
                    os.kill(writer, signal.SIGKILL)
                    killed.append(writer)
                    return

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()


def _writer(path: Path) -> int | None:
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.readlink(link) == str(path):
                return int(link.parts[2])
        except OSError:  # it has just ended, or is somebody else's
            continue
    return None
