"""linnet.Model: one copy in a process for all streams of a file, what it tells, and the usual protocols."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from model_files import repaired

import linnet
from linnet import _core, catalog
from linnet.model import blob


def noise(samples: int) -> np.ndarray:
    return np.random.default_rng(1).normal(0, 0.1, samples).astype(np.float32)


def test_a_model_tells_what_it_is(tiny_model: Path) -> None:
    model = linnet.Model("tiny")
    data = tiny_model.read_bytes()
    assert (model.name, model.path, model.topology) == ("tiny", tiny_model, "percepnet")
    assert (model.size, model.delay) == (len(data), 1440)
    assert model.weights == blob.read_blob(data).parameters
    assert 0 < model.multiply_adds < model.weights < model.frame_bytes < model.size
    assert model.to_bytes() == data
    assert repr(model) == f"<linnet.Model tiny: percepnet, {model.weights:,} weights, delay 1440 samples>"
    with linnet.Enhancer(model, any_block=False) as enhancer:
        assert enhancer.delay == model.delay
        assert enhancer.model is model


def test_streams_of_a_file_share_one_model(tiny_model: Path) -> None:
    a, b = linnet.Enhancer("tiny", channels=2), linnet.Enhancer(tiny_model)
    assert a.model == b.model == linnet.Model(str(tiny_model))
    assert a.model._core is b.model._core
    assert hash(a.model) == hash(b.model)
    x = noise(4800)
    assert np.array_equal(a.process(np.stack([x, x], axis=1))[:, 1], b.process(x))


def test_bytes_are_a_model_of_their_own(tiny_model: Path) -> None:
    data = tiny_model.read_bytes()
    model = linnet.Model(data)
    assert (model.name, model.path) == ("bytes", None)
    assert model != linnet.Model("tiny")
    assert model != "tiny"
    for source in (bytearray(data), memoryview(data), model):
        x = noise(4800)
        assert linnet.Enhancer(source).process(x).tobytes() == linnet.Enhancer("tiny").process(x).tobytes()


def test_a_changed_file_is_another_model(tmp_path: Path) -> None:
    path = tmp_path / "changing.linnet"
    path.write_bytes(blob.random_model(8, 8, 8, 1, seed=1))
    first = linnet.Model(path)
    assert linnet.Model(path) == first
    path.write_bytes(blob.random_model(8, 8, 8, 3, seed=1))
    second = linnet.Model(path)
    assert (first.delay, second.delay) == (960, 1920)
    assert first != second
    path.unlink()
    assert linnet.Enhancer(first, any_block=False).delay == 960
    with pytest.raises(linnet.ModelError, match=r"changing\.linnet"):
        linnet.Model(path)


def test_models_that_nobody_uses_are_let_go(tiny_model: Path, tmp_path: Path) -> None:
    paths = [tmp_path / f"{i}.linnet" for i in range(3 * catalog._Cache.KEPT)]
    for path in paths:
        shutil.copy(tiny_model, path)
        linnet.Enhancer(path).close()
    gc.collect()
    assert len(catalog._cache.known) <= catalog._Cache.KEPT
    kept = [linnet.Model(path) for path in paths]
    assert len({model._core for model in kept}) == len(paths)
    assert [linnet.Model(path) for path in paths] == kept


@pytest.mark.parametrize("kind", ["name", "path", "bytes"])
def test_pickles_and_copies(tiny_model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str) -> None:
    monkeypatch.chdir(tiny_model.parent)
    sources = {"name": "tiny", "path": "tiny.linnet", "bytes": tiny_model.read_bytes()}
    model = linnet.Model(sources[kind])
    assert copy.copy(model) is copy.deepcopy(model) is model
    pickled = pickle.dumps(model)
    assert (len(pickled) < 500) == (kind != "bytes")
    monkeypatch.chdir(tmp_path)
    again = pickle.loads(pickled)
    assert again.to_bytes() == model.to_bytes()
    assert (again == model) == (kind != "bytes")


def test_a_model_cannot_be_changed() -> None:
    model = linnet.Model("tiny")
    for change in (
        lambda: setattr(model, "name", "x"),
        lambda: setattr(model, "_core", None),
        lambda: delattr(model, "_core"),
    ):
        with pytest.raises(AttributeError):
            change()
    assert model == linnet.Model("tiny")


def test_bad_sources_are_named(tmp_path: Path, tiny_model: Path) -> None:
    (tmp_path / "cut.linnet").write_bytes(tiny_model.read_bytes()[:-1])
    (tmp_path / "text.linnet").write_text("hello")
    newer = bytearray(tiny_model.read_bytes())
    newer[16] = 3  # the topology
    (tmp_path / "newer.linnet").write_bytes(repaired(newer))
    for source, text in (
        ("nonesuch", "nonesuch.*tiny"),
        (tmp_path / "cut.linnet", "cut.*intact"),
        (tmp_path / "newer.linnet", "newer.*version or topology.*install a newer linnet"),
        (b"x", "not a linnet"),
    ):
        with pytest.raises(linnet.ModelError, match=text):
            linnet.Model(source)
    with pytest.raises(linnet.ModelError, match=r"text\.linnet.*not a linnet model"):
        linnet.Model(tmp_path / "text.linnet")
    with pytest.raises(TypeError, match="int"):
        linnet.Model(3)  # type: ignore[arg-type]
    for bad in (None, b"bytes"):
        with pytest.raises(TypeError):
            _core.Stream(bad)  # type: ignore[arg-type]
    for bad in (b"", bytes(63), tiny_model.read_bytes()[:-1]):
        with pytest.raises(_core.LinnetError):
            _core.Model(bad)


def test_bytes_that_do_not_lie_side_by_side_are_gathered(tiny_model: Path) -> None:
    data = np.fromfile(tiny_model, np.uint8)
    for view in (np.repeat(data, 3)[::3], data[::-1].copy()[::-1]):
        assert _core.Model(view).to_bytes() == data.tobytes()
    with pytest.raises(_core.LinnetError):
        _core.Model(data[::-1])


def test_reports_name_every_kind_of_model(tiny_model: Path) -> None:
    data = tiny_model.read_bytes()
    assert catalog.model_label("tiny") == "tiny"
    assert catalog.model_label(tiny_model) == catalog.model_label(linnet.Model("tiny")) == str(tiny_model)
    assert catalog.model_label(data) == catalog.model_label(linnet.Model(data)) == f"{len(data)} bytes"


def test_a_stream_keeps_its_model() -> None:
    stream = _core.Stream(_core.Model(linnet.Model("tiny").to_bytes()))
    gc.collect()
    x = noise(4800)
    assert stream.process(x).tobytes() == linnet.Enhancer("tiny", any_block=False).process(x).tobytes()


def test_threads_get_one_model_and_the_same_bits(tiny_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "threads.linnet"
    shutil.copy(tiny_model, path)
    x = noise(9600)

    def work(_: int) -> tuple[linnet.Model, bytes]:
        with linnet.Enhancer(path) as enhancer:
            return enhancer.model, enhancer.process(x).tobytes()

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(work, range(32)))
    assert len({model for model, _ in results}) == 1
    assert {data for _, data in results} == {linnet.Enhancer("tiny").process(x).tobytes()}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_goes_on() -> None:
    """Even if another thread held the lock of the models when it was forked."""
    code = """
import os
import linnet
from linnet import catalog
model = linnet.Model("tiny")
catalog._cache.lock.acquire()
child = os.fork()
if child == 0:
    os._exit(0 if linnet.Enhancer("tiny").model == model else 1)
catalog._cache.lock.release()
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert linnet.Model("tiny") == model
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_fifty_streams_take_little_memory(root: Path) -> None:
    """The model's 8 MB lie in memory once; a stream adds its state."""
    code = """
import os
import linnet
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
linnet.Enhancer("base").close()
before = resident()
streams = [linnet.Enhancer("base") for _ in range(50)]
print(resident() - before)
"""
    if not (root / "sdk/models/base.linnet").exists():
        pytest.skip("base.linnet is not here")
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert int(done.stdout) < 15_000_000
