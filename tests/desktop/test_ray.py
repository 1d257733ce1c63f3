"""linnet.ray on a cluster of two workers on this machine: a run that is stopped and goes on, with a worker that is
killed, gives the bits and numbers of `linnet enhance`; a recording that no process survives; sound in a column.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ray
from commands import output
from conftest import ROOT, Sound
from corpus import (
    ENVIRONMENT,
    GOOD,
    LONG,
    MODEL,
    Corpus,
    check,
    contents,
    kill_while,
    last_rows,
    make_corpus,
    spoil,
    times,
    told,
)

import linnet
import linnet.ray
from linnet.catalog import ModelError
from linnet.io.errors import AudioError
from linnet.io.folder import Skipped

EXAMPLE = ROOT / "sdk/examples/corpus_on_ray.py"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return make_corpus(tmp_path_factory.mktemp("corpus"))


def start(attempts: int = 5, **options: Any) -> None:
    """A local cluster. Ray gives its parts 30 s to find each other, too little for a machine with much to do."""
    options |= {"num_cpus": 2, "object_store_memory": 100 << 20, "include_dashboard": False, "log_to_driver": False}
    for left in reversed(range(attempts)):
        try:
            ray.init(address="local", **options)
            return
        except Exception:
            ray.shutdown()
            if not left:
                raise


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Its address. Its ffmpeg is a stand-in that kills whoever runs it."""
    folder = tempfile.mkdtemp()  # sockets below it want a short name
    (Path(folder) / "ffmpeg").write_text("#!/bin/sh\nkill -9 $PPID\n")
    (Path(folder) / "ffmpeg").chmod(0o755)
    path = pytest.MonkeyPatch()
    path.setenv("PATH", folder, prepend=os.pathsep)
    path.setenv("RAY_AUTH_MODE", "disabled")  # it would leave a token in the user's folder
    path.setenv("PYTHONPATH", ENVIRONMENT["PYTHONPATH"])
    start(_temp_dir=folder)
    yield ray.get_runtime_context().gcs_address
    ray.shutdown()
    path.undo()
    shutil.rmtree(folder, ignore_errors=True)


def test_stopped_and_gone_on_with_a_killed_worker(
    cluster: str, corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    noisy, clean, numbers = tmp_path / "noisy", tmp_path / "clean", tmp_path / "numbers"
    shutil.copytree(corpus.noisy, noisy, ignore=shutil.ignore_patterns(LONG))
    finished = []

    def stop(count: int) -> None:
        finished.append(count)
        if sum(finished) >= 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        linnet.ray.enhance_folder(noisy, clean, numbers, model=MODEL, workers=2, progress=stop)
    with capsys.disabled():
        print(f"\n{told('linnet.ray', clean, corpus)}")
    assert len(last_rows(numbers, noisy)) == sum(finished) == 8
    before = spoil(noisy, clean, numbers)
    shutil.copy(corpus.noisy / LONG, noisy)

    command = [sys.executable, EXAMPLE, noisy, clean, numbers, "--resume", "--model", MODEL, "--address", cluster]
    with kill_while(clean, LONG) as killed:
        done = subprocess.run([*map(str, command), "--workers", "2"], env=ENVIRONMENT, capture_output=True, text=True)
    assert killed, "the long recording was over before its process could be killed"
    assert done.returncode == 3, done.stderr
    first, second = done.stdout.splitlines()[-2:]  # Ray tells of the killed process before
    assert first.startswith(f"{len(GOOD) - len(before)} recordings of ") and first.endswith("; 1 failed")
    assert second == f"skipped {len(before)} done already"
    assert done.stderr.rstrip().endswith(last_rows(numbers, noisy)["broken.wav"]["error"])
    assert times(clean, before) == before
    check(corpus, noisy, clean, numbers)


def test_a_recording_is_not_done_before_its_row_is_there(cluster: str, corpus: Corpus, tmp_path: Path) -> None:
    noisy, numbers = tmp_path / "noisy", tmp_path / "numbers"
    noisy.mkdir()
    shutil.copy(corpus.noisy / "00.wav", noisy)

    def run() -> linnet.ray.Summary:
        return linnet.ray.enhance_folder(noisy, tmp_path / "clean", numbers, resume=True, model="tiny", workers=1)

    assert run().done == 1
    assert run() == linnet.ray.Summary(0, [], [Skipped(Path("00.wav"), "done already")], 0.0)
    for path in numbers.iterdir():
        path.unlink()
    assert run().done == 1


def test_a_recording_that_kills_its_processes_harms_no_other(cluster: str, corpus: Corpus, tmp_path: Path) -> None:
    folder, clean = tmp_path / "noisy", tmp_path / "clean"
    folder.mkdir()
    for name in "acd":
        shutil.copy(corpus.noisy / "00.wav", folder / f"{name}.wav")
    (folder / "b.m4a").write_bytes(b"\0\0\0\x18ftyp" + bytes(100))  # goes to the ffmpeg of `cluster`
    done = linnet.ray.enhance_folder(folder, clean, tmp_path / "numbers", model="tiny", workers=1)
    path = str(folder / "b.m4a")
    assert done.failed == [(path, f"{path}: its process ended 3 times; try it alone with linnet enhance")]
    assert done.done == 3 and sorted(contents(clean)) == [f"{name}.wav" for name in "acd"]
    assert last_rows(tmp_path / "numbers", folder)["b.m4a"]["error"] == done.failed[0][1]


def test_sound_in_a_column(cluster: str, noisy: Sound) -> None:
    audio = [noisy[:48000], noisy[:16001], noisy[:100]]
    items = [{"name": n, "sound": a, "hz": r} for n, a, r in zip("abc", audio, (48000, 44100, 1), strict=True)]
    dataset = linnet.ray.enhance_audio(
        ray.data.from_items(items, override_num_blocks=3),
        column="sound",
        rate="hz",
        workers=1,
        model="tiny",
        attenuation_limit_db=20,
    )
    rows = {row["name"]: row for row in dataset.take_all()}
    for item in items[:2]:
        row = rows[item["name"]]
        wanted = linnet.enhance(item["sound"], item["hz"], "tiny", attenuation_limit_db=20)
        assert row["error"] == "" and row["hz"] == item["hz"] and row["sound"].dtype == wanted.dtype
        assert np.array_equal(row["sound"], wanted)
    assert np.array_equal(rows["c"]["sound"], audio[2]) and rows["c"]["error"].startswith("rate 1: give 4000..")


def test_sound_keeps_its_shape_and_type(cluster: str, noisy: Sound) -> None:
    stereo = (np.stack([noisy[:9600], noisy[9600:19200]], 1) * 32767).astype(np.int16)
    dataset = ray.data.from_items([{"audio": stereo}])
    (row,) = linnet.ray.enhance_audio(dataset, rate=16000, workers=1, model="tiny").take_all()
    wanted = linnet.enhance(stereo, 16000, "tiny")
    assert row["audio"].dtype == np.int16 and np.array_equal(row["audio"], wanted)


def test_a_column_that_is_not_there_is_named(cluster: str) -> None:
    dataset = linnet.ray.enhance_files(ray.data.from_items([{"path": "a.wav"}]), workers=1)
    with pytest.raises(Exception, match="no column 'output' in the dataset: it has path"):
        dataset.take_all()


def test_bad_arguments_are_told_before_any_work(cluster: str, corpus: Corpus, tmp_path: Path) -> None:
    def error(kind: type[Exception], source: Path = corpus.noisy, **options: Any) -> str:
        with pytest.raises(kind) as found:
            linnet.ray.enhance_folder(source, tmp_path / "clean", tmp_path / "numbers", **options)
        return str(found.value)

    assert "no-such" in error(ModelError, model="no-such")
    assert error(ValueError, attenuation_limit_db=200).startswith("attenuation_limit_db 200: give 0..100 dB")
    assert "no-such" in error(ValueError, backend="no-such")
    assert error(ValueError, workers=0) == "workers 0: give a number of processes, 1 or more"
    assert "postfiller" in error(TypeError, postfiller=1)
    (tmp_path / "empty").mkdir()
    assert "no sound files in this folder" in error(AudioError, tmp_path / "empty")
    assert not (tmp_path / "clean").exists()


def test_the_package_is_imported_without_ray() -> None:
    code = "import sys, linnet, linnet.cli, linnet.batch; linnet.Enhancer; print({'ray', 'pyarrow'} & set(sys.modules))"
    assert output(sys.executable, "-c", code, env=ENVIRONMENT) == "set()\n"


def test_without_ray_one_line_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "ray.py").write_text("raise ImportError('No module named ray')")
    environment = ENVIRONMENT | {"PYTHONPATH": f"{tmp_path}:{ENVIRONMENT['PYTHONPATH']}"}
    done = subprocess.run([sys.executable, "-c", "import linnet.ray"], env=environment, capture_output=True, text=True)
    assert "ImportError: linnet.ray needs Ray Data (No module named ray): pip install 'ray[data]'\n" in done.stderr
