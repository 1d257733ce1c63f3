"""linnet.Enhancer and linnet.enhance: blocks, shapes, dtypes, delay, controls, models and errors.

The model is tiny.linnet (random weights), so these tests are about mechanics, not about quality.
"""

from __future__ import annotations

import ast
import copy
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import linnet
from linnet import _core
from linnet.catalog import load_model

FRAME = 480
DTYPES = (np.float32, np.float64, np.int16)


def sound(samples: int, channels: int | None = None, dtype: type = np.float32, seed: int = 0) -> np.ndarray:
    """Harmonics and noise at half of full scale."""
    rng = np.random.default_rng(seed)
    time = np.arange(samples) / 48000
    tone = sum(np.sin(2 * np.pi * 130 * k * time) / k for k in range(1, 12))
    x = 0.1 * tone[:, None] + 0.05 * rng.standard_normal((samples, channels or 1))
    x = x[:, 0] if channels is None else x
    return np.rint(x * 32767).astype(np.int16) if dtype is np.int16 else x.astype(dtype)


def test_version_abi_and_backends() -> None:
    assert linnet.version == linnet.__version__ == _core.version()
    assert linnet.version.count(".") == 2
    assert linnet.abi() == 1
    assert "scalar" in linnet.backends()


def test_unknown_attribute() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        linnet.nonsense  # noqa: B018


def test_models_lists_the_shipped_ones(tiny_model: Path) -> None:
    tiny = linnet.models()["tiny"]
    assert tiny.path == tiny_model
    assert tiny.size == tiny_model.stat().st_size
    assert (tiny.widths, tiny.lookahead) == ({"dense": 8, "hidden": 8, "strength": 8}, 2)
    with linnet.Enhancer("tiny", any_block=False) as enhancer:
        assert enhancer.delay == tiny.delay == 1440


def test_models_with_shared_layers_tell_their_widths(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("tokens", "hybrid"):
        (tmp_path / f"{name}.linnet").write_bytes((root / f"tests/data/{name}.linnet").read_bytes())
    monkeypatch.setattr(linnet.catalog, "_FOLDERS", (tmp_path,))
    found = linnet.models()
    shared = {"channels": 16, "context": 24, "blocks": 2, "summary": 3, "taps": 3}
    assert found["tokens"].widths == shared
    assert found["hybrid"].widths == {
        "dense": 8,
        "hidden": 16,
        "strength": 8,
        "channels": 8,
        "context": 16,
        "blocks": 2,
        "summary": 5,
        "taps": 5,
    }
    model = linnet.Model("tokens")
    assert model.topology == "bandsplit"
    with linnet.Enhancer(model, any_block=False) as enhancer:
        assert enhancer.process(np.zeros(480, np.float32)).shape == (480,)


def test_what_is_no_model_file_is_left_out(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dangling.linnet").symlink_to(tmp_path / "none")
    (tmp_path / "folder.linnet").mkdir()
    os.mkfifo(tmp_path / "pipe.linnet")
    shutil.copy(tiny_model, tmp_path / "good.linnet")
    monkeypatch.setattr(linnet.catalog, "_FOLDERS", (tmp_path,))
    assert list(linnet.models()) == ["good"]


@pytest.mark.parametrize("link", ["folder", "files"])
def test_models_of_linked_installations_and_of_other_places(
    root: Path, tmp_path: Path, tiny_model: Path, link: str
) -> None:
    """The package is a link, or each of its files is; and base comes with a package in a place of its own."""
    site, other = tmp_path / "site", tmp_path / "other"
    package = root / "python/linnet"
    if link == "folder":
        site.mkdir()
        (site / "linnet").symlink_to(package)
        expected = set(linnet.models())
    else:
        for path in [*package.rglob("*.py"), *package.glob("*.so")]:
            place = site / path.relative_to(package.parent)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(path)
        expected = {"beside"}
        (site / "linnet/models").mkdir()
        shutil.copy(tiny_model, site / "linnet/models/beside.linnet")
    (other / "linnet/models").mkdir(parents=True)
    shutil.copy(tiny_model, other / "linnet/models/apart.linnet")
    code = "import sys, linnet; assert not {'linnet.catalog'} & sys.modules.keys(); print(*linnet.models())"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (site, other)))}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert {"apart", *expected} <= set(done.stdout.split())


@pytest.mark.parametrize("kind", ["name", "path", "string", "bytes", "view"])
def test_model_by_name_path_or_bytes(tiny_model: Path, kind: str) -> None:
    data = tiny_model.read_bytes()
    models = {"name": "tiny", "path": tiny_model, "string": str(tiny_model), "bytes": data, "view": memoryview(data)}
    x = sound(4800)
    with linnet.Enhancer(models[kind]) as enhancer, linnet.Enhancer("tiny") as reference:
        assert np.array_equal(enhancer.process(x), reference.process(x))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 3000), max_size=12), dtype=st.sampled_from(DTYPES), channels=st.integers(1, 2))
def test_cutting_into_blocks_changes_no_bit(cuts: list[int], dtype: type, channels: int) -> None:
    x = sound(6000, channels, dtype)
    with linnet.Enhancer("tiny", channels=channels) as enhancer:
        whole = enhancer.process(x)
        enhancer.reset()
        blocks = np.split(x, np.cumsum(cuts)) if cuts else [x]
        pieces = [enhancer.process(block) for block in blocks]
    assert [piece.shape for piece in pieces] == [block.shape for block in blocks]
    assert np.array_equal(np.concatenate(pieces), whole)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("any_block", [True, False])
def test_delay_is_exact(dtype: type, any_block: bool) -> None:
    x = sound(9600, dtype=dtype)
    with linnet.Enhancer("tiny", attenuation_limit_db=0, any_block=any_block) as enhancer:
        assert enhancer.delay == (1920 if any_block else 1440)
        out = np.concatenate([enhancer.process(x), enhancer.flush()])
        delay = enhancer.delay
    assert out.dtype == dtype
    assert not out[:delay].any()
    assert np.array_equal(out[delay:], x.astype(np.float32).astype(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(4800,), (4800, 1), (4800, 3)])
def test_shape_and_dtype_are_kept(dtype: type, shape: tuple[int, ...]) -> None:
    x = sound(shape[0], shape[1] if len(shape) == 2 else None, dtype)
    with linnet.Enhancer("tiny", channels=1 if len(shape) == 1 else shape[1]) as enhancer:
        out = enhancer.process(x)
        assert (out.shape, out.dtype) == (x.shape, x.dtype)
        assert np.abs(out.astype(float)).max() > 0
        tail = enhancer.flush()
        assert (tail.shape, tail.dtype) == ((enhancer.delay, *shape[1:]), x.dtype)
        assert np.abs(tail.astype(float)).max() > 0


def test_flush_gives_the_rest_and_starts_afresh() -> None:
    x = sound(5000)
    with linnet.Enhancer("tiny") as enhancer:
        longer = enhancer.process(np.concatenate([x, np.zeros(enhancer.delay, np.float32)]))
        enhancer.reset()
        first = np.concatenate([enhancer.process(x), enhancer.flush()])
        again = np.concatenate([enhancer.process(x), enhancer.flush()])
    assert np.array_equal(first, longer)
    assert np.array_equal(first, again)


def test_reset_is_as_newly_made_and_keeps_the_controls() -> None:
    x = sound(9600)
    with linnet.Enhancer("tiny", attenuation_limit_db=12, postfilter=0.5) as enhancer:
        fresh = enhancer.process(x)
        enhancer.reset()
        assert np.array_equal(enhancer.process(x), fresh)
        assert (enhancer.attenuation_limit_db, enhancer.postfilter) == (12.0, 0.5)


def test_input_arrays_are_not_changed_and_may_be_strided_or_read_only() -> None:
    wide = sound(4800, 4)
    x = wide[::2, 1:3]
    kept = x.copy()
    x.flags.writeable = False
    with linnet.Enhancer("tiny", channels=2) as enhancer:
        strided = enhancer.process(x)
        enhancer.reset()
        assert np.array_equal(strided, enhancer.process(np.ascontiguousarray(x)))
    assert np.array_equal(x, kept)


def test_independent_channels_are_streams_of_their_own() -> None:
    x = sound(9600, 3, seed=3)
    with linnet.Enhancer("tiny", channels=3, independent=True) as enhancer, linnet.Enhancer("tiny") as single:
        together = enhancer.process(x)
        assert len(enhancer.channel_stats) == 3
        for channel in range(3):
            single.reset()
            assert np.array_equal(together[:, channel], single.process(x[:, channel]))
            assert enhancer.channel_stats[channel] == single.stats


def test_int16_is_the_float_path_rounded() -> None:
    x = sound(9600, dtype=np.int16)
    with linnet.Enhancer("tiny") as enhancer:
        short = enhancer.process(x)
        enhancer.reset()
        float_out = enhancer.process(x.astype(np.float32) / np.float32(32768))
    assert np.array_equal(short, np.rint(float_out * 32768).clip(-32768, 32767).astype(np.int16))


def test_every_backend_gives_the_same_bits() -> None:
    x = sound(9600)
    outputs = {}
    for name in linnet.backends():
        with linnet.Enhancer("tiny", backend=name) as enhancer:
            assert enhancer.backend == name
            outputs[name] = enhancer.process(x)
    assert all(np.array_equal(output, outputs["scalar"]) for output in outputs.values())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bad_samples_count_as_silence_or_are_clamped(dtype: type) -> None:
    x = sound(9600, dtype=dtype)
    bad, good = x.copy(), x.copy()
    bad[[100, 2000, 2001, 5000]] = [np.nan, np.inf, -np.inf, np.finfo(dtype).max]
    good[[100, 2000, 2001, 5000]] = [0, 0, 0, 4]
    with linnet.Enhancer("tiny") as enhancer:
        out = enhancer.process(bad)
        enhancer.reset()
        assert np.isfinite(out).all()
        assert np.array_equal(out, enhancer.process(good))


def test_stats_are_within_their_ranges() -> None:
    with linnet.Enhancer("tiny") as enhancer:
        enhancer.process(sound(48000))
        stats = enhancer.stats
    assert 0 < stats.speech_probability < 1
    assert -30 <= stats.input_snr_db <= 60
    assert 0 < stats.mean_gain <= 1
    assert 62.5 <= stats.pitch_hz <= 800
    assert stats.frame > 0


@pytest.mark.parametrize("samples", [0, 1, 2, 479, 480, 481, 12345])
@pytest.mark.parametrize("dtype", DTYPES)
def test_enhance_keeps_length_and_place(samples: int, dtype: type) -> None:
    x = sound(samples, 2, dtype)
    with linnet.Enhancer("tiny", channels=2, attenuation_limit_db=0) as enhancer:
        out = enhancer.enhance(x)
        assert (out.shape, out.dtype) == (x.shape, x.dtype)
        assert np.array_equal(out, x.astype(np.float32).astype(dtype))
    again = linnet.enhance(x, 48000, model="tiny", attenuation_limit_db=0)
    assert (again.shape, again.dtype) == (x.shape, x.dtype)
    assert np.array_equal(again, out)


def test_enhance_equals_the_stream_without_its_delay() -> None:
    x = sound(10000)
    with linnet.Enhancer("tiny") as enhancer:
        streamed = np.concatenate([enhancer.process(x), enhancer.flush()])[enhancer.delay :]
        enhancer.process(sound(777, seed=9))  # leftovers must not matter
        assert np.array_equal(enhancer.enhance(x), streamed)
        assert np.array_equal(enhancer.enhance(x), streamed)
    assert np.array_equal(linnet.enhance(x, 48000, model="tiny"), streamed)
    assert not np.array_equal(streamed, x)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 96000])
@pytest.mark.parametrize("dtype", DTYPES)
def test_enhance_at_other_rates_keeps_length_and_place(rate: int, dtype: type) -> None:
    time = np.arange(rate) / rate
    clear = 0.4 * np.sin(2 * np.pi * 440 * time) * np.hanning(rate) + 0.1 * np.sin(2 * np.pi * 2500 * time)
    x = np.stack([clear, -clear], axis=1)
    x = np.rint(x * 32767).astype(np.int16) if dtype is np.int16 else x.astype(dtype)
    out = linnet.enhance(x, rate, model="tiny", attenuation_limit_db=0)
    assert (out.shape, out.dtype) == (x.shape, x.dtype)
    inner = slice(rate // 20, -rate // 20)  # the ends ring
    error = np.abs(out.astype(float) - x.astype(float))[inner].max()
    assert error <= (2 if dtype is np.int16 else 2e-5)


@pytest.mark.parametrize("samples", [1, 2, 3, 50])
def test_enhance_of_very_short_recordings_at_another_rate(samples: int) -> None:
    out = linnet.enhance(sound(samples), 44100, model="tiny")
    assert out.shape == (samples,)
    assert np.isfinite(out).all()


def test_nan_does_not_spread_through_the_resampler() -> None:
    x = sound(44100)
    bad, good = x.copy(), x.copy()
    bad[5000], good[5000] = np.nan, 0
    assert np.array_equal(linnet.enhance(bad, 44100, model="tiny"), linnet.enhance(good, 44100, model="tiny"))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"rate": 44100}, "rate 44100"),
        ({"rate": float("nan")}, "rate nan: a stream runs at"),
        ({"attenuation_limit_db": 10**400}, r"attenuation_limit_db 1\.00e\+400: give 0..100 dB"),
        ({"postfilter": -(10**5000)}, r"postfilter -1\.00e\+5000"),
        ({"channels": 0}, "channels 0"),
        ({"channels": 65}, "channels 65"),
        ({"channels": 1.5}, "channels 1.5"),
        ({"backend": "abacus"}, "'abacus'.*scalar"),
        ({"attenuation_limit_db": -1}, "attenuation_limit_db -1: give 0..100 dB"),
        ({"attenuation_limit_db": 101}, "attenuation_limit_db 101"),
        ({"attenuation_limit_db": float("nan")}, "attenuation_limit_db nan"),
        ({"postfilter": 1.1}, "postfilter 1.1: give 0..1"),
        ({"postfilter": -0.1}, "postfilter -0.1"),
        ({"model": "nonesuch"}, "'nonesuch'.*tiny"),
        ({"model": "/no/such/file.linnet"}, "'/no/such/file.linnet'"),
        ({"model": b""}, "not a linnet model"),
        ({"model": b"RIFF" + bytes(100)}, "not a linnet model"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, object], text: str) -> None:
    with pytest.raises(ValueError, match=text) as caught:
        linnet.Enhancer(**{"model": "tiny", **arguments})
    assert "\n" not in str(caught.value)


def test_controls_begin_as_those_of_the_core() -> None:
    x = np.random.default_rng(3).normal(0, 0.1, 48000).astype(np.float32)
    with linnet.Enhancer("tiny", any_block=False) as enhancer:
        ours = enhancer.process(x)
        assert (enhancer.attenuation_limit_db, enhancer.postfilter) == (100.0, 0.0)
    untouched = _core.Stream(_core.Model(load_model("tiny")), False)
    assert untouched.process(x).tobytes() == ours.tobytes()
    filtered = _core.Stream(_core.Model(load_model("tiny")), False)
    filtered.set_postfilter(0.5)
    assert filtered.process(x).tobytes() != ours.tobytes()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"postfilter": "much"}, "postfilter 'much' is a str; give a number 0..1"),
        ({"attenuation_limit_db": None}, "attenuation_limit_db None is a NoneType"),
        ({"model": 3}, "model is a int"),
        ({"rate": "48000"}, "rate '48000' is a str; give one of 8000"),
        ({"rate": None}, "rate None is a NoneType"),
        ({"rate": np.array([8000, 16000])}, "rate array.* is a ndarray"),
    ],
)
def test_arguments_of_another_type(arguments: dict[str, object], text: str) -> None:
    with pytest.raises(TypeError, match=text) as caught:
        linnet.Enhancer(**{"model": "tiny", **arguments})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("cut", [8, 63, 64, 4096, -1])
def test_truncated_model(tiny_model: Path, tmp_path: Path, cut: int) -> None:
    path = tmp_path / "cut.linnet"
    path.write_bytes(tiny_model.read_bytes()[:cut])
    with pytest.raises(linnet.ModelError, match=r"cut\.linnet.*intact"):
        linnet.Enhancer(path)


def test_changed_model(tiny_model: Path) -> None:
    data = bytearray(tiny_model.read_bytes())
    data[5000] ^= 1
    with pytest.raises(linnet.ModelError, match="intact"):
        linnet.Enhancer(bytes(data))


@pytest.mark.parametrize("setting", [("attenuation_limit_db", 200), ("postfilter", 2)])
def test_refused_settings_leave_the_old_ones(setting: tuple[str, float]) -> None:
    with linnet.Enhancer("tiny", attenuation_limit_db=20, postfilter=0.25) as enhancer:
        with pytest.raises(ValueError, match=setting[0]):
            setattr(enhancer, *setting)
        assert (enhancer.attenuation_limit_db, enhancer.postfilter) == (20.0, 0.25)


@pytest.mark.parametrize(
    ("block", "error"),
    [
        (np.zeros(480, np.int32), TypeError),
        (np.zeros(480, bool), TypeError),
        (np.zeros(480, complex), TypeError),
        (np.zeros((480, 2), np.float32), ValueError),
        (np.zeros((2, 480), np.float32), ValueError),
        (np.zeros((2, 3, 4), np.float32), ValueError),
        (np.float32(1), ValueError),
    ],
)
def test_blocks_of_the_wrong_kind(block: np.ndarray, error: type[Exception]) -> None:
    with linnet.Enhancer("tiny") as enhancer, pytest.raises(error, match="give"):
        enhancer.process(block)


def test_whole_frames_only_without_any_block() -> None:
    with linnet.Enhancer("tiny", any_block=False) as enhancer:
        with pytest.raises(ValueError, match="block of 481 samples"):
            enhancer.process(np.zeros(481, np.float32))
        assert len(enhancer.enhance(sound(481))) == 481


@pytest.mark.parametrize("rate", [0, -48000, 3999, 384001, 44100.5, float("nan"), float("inf")])
def test_enhance_refuses_impossible_rates(rate: float) -> None:
    with pytest.raises(ValueError, match=f"rate {rate:g}: give 4000..384000 Hz"):
        linnet.enhance(sound(480), rate, model="tiny")  # type: ignore[arg-type]


@pytest.mark.parametrize(("rate", "kind"), [(None, "NoneType"), ("48000", "str"), (True, "bool")])
def test_enhance_refuses_rates_that_are_no_numbers(rate: object, kind: str) -> None:
    with pytest.raises(TypeError, match=f"rate {rate!r} is a {kind}; give 4000..384000 Hz"):
        linnet.enhance(sound(480), rate, model="tiny")  # type: ignore[arg-type]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_an_enhancer_is_not_copied(copied: Callable[[object], object]) -> None:
    with linnet.Enhancer("tiny") as enhancer, pytest.raises(TypeError, match="cannot be copied or pickled"):
        copied(enhancer)


def test_a_rate_that_needs_the_resampler_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soxr", None)
    assert len(linnet.enhance(sound(480), 16000, model="tiny")) == 480
    with pytest.raises(ImportError, match="^soxr is not installed, a rate of 44100 Hz needs it: pip install soxr$"):
        linnet.enhance(sound(480), 44100, model="tiny")


def test_closed_enhancer() -> None:
    enhancer = linnet.Enhancer("tiny")
    with enhancer:
        enhancer.process(sound(480))
    enhancer.close()
    for use in (lambda: enhancer.process(sound(480)), enhancer.reset, enhancer.flush, lambda: enhancer.delay):
        with pytest.raises(ValueError, match="closed"):
            use()
    with pytest.raises(ValueError, match="closed"):
        enhancer.__enter__()


def test_the_resampler_is_loaded_with_the_first_recording_that_needs_it(root: Path) -> None:
    code = """
import sys, numpy, linnet
from linnet.enhancer import RATES
for rate in (*RATES, 44100):
    assert "soxr" not in sys.modules, rate
    linnet.enhance(numpy.zeros(rate // 10, numpy.float32), rate, model="tiny")
assert "soxr" in sys.modules
"""
    environment = os.environ | {"PYTHONPATH": str(root / "python")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr


def test_parts_without_the_core_do_not_load_it(root: Path) -> None:
    parts = "linnet.catalog, linnet.io.formats, linnet.model.layout, linnet.study.metrics, linnet.study.oracle"
    code = f"import sys, {parts}; assert 'linnet._core' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": str(root / "python")})


@pytest.mark.parametrize("part", ["linnet.Enhancer", "linnet.model.blob.TINY", "linnet.cli.main"])
def test_a_core_that_is_not_built_is_said_so(root: Path, tmp_path: Path, part: str) -> None:
    shutil.copytree(root / "python/linnet", tmp_path / "linnet", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    module = part.rpartition(".")[0]
    code = f"import {module}; {part}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.stderr.splitlines()[-1].startswith("ImportError: linnet._core is not built: run './sconsw python'")


def test_stub_tells_every_name_of_the_core(root: Path) -> None:
    tree = ast.parse((root / "python/linnet/_core.pyi").read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.ClassDef)
    stub = {node.name for node in tree.body if isinstance(node, kinds) and not node.name.startswith("_")}
    stub |= {node.target.id for node in tree.body if isinstance(node, ast.AnnAssign)}
    assert stub == {name for name in dir(_core) if not name.startswith("_")}
    stream = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Stream")
    methods = {node.name for node in stream.body if isinstance(node, ast.FunctionDef)} - {"__init__"}
    assert methods == {name for name in dir(_core.Stream) if not name.startswith("_")}
