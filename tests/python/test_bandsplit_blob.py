"""Model files and integer arithmetic of networks with shared layers: what the writer and the reader refuse, that the
core accepts the same bytes, and that it computes what the simulation does, bit for bit, on every kernel table.
"""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np
import pytest
from model_files import reader_accepts, repaired
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from linnet import _core
from linnet.model import blob, shapes, simulate
from linnet.model.blob import BandSplit, BlobError, Int8Layer, Model, Widths

BACKENDS = _core.backends()
TRUNK = Widths(8, 16, 8)
NETWORKS = {
    "smallest": BandSplit(8, 1, 1, 8, comb=False, pitch=False),
    "pitch": BandSplit(16, 1, 3, 24, taps=1, comb=False),
    "comb": BandSplit(24, 2, 2, 8, taps=3),
    "fine": BandSplit(40, 3, 6, 96, taps=3, fine=True, comb=False, pitch=False),  # the light network's
    "trunk": BandSplit(8, 2, 5, 16, trunk=TRUNK),
    "all": BandSplit(16, 8, 16, 40, taps=5, fine=True, trunk=Widths(16, 24, 8)),
    "wide": BandSplit(256, 1, 4, 512, taps=5, fine=True, trunk=Widths(8, 8, 72)),
}
ALL = NETWORKS["all"]
LOOKAHEAD = 2


def random_network(name: str, lookahead: int = LOOKAHEAD) -> bytes:
    return blob.random_network(NETWORKS[name], lookahead, seed=len(name))


def inputs_of(widths: BandSplit, kind: str = "ordinary", frames: int = 12) -> NDArray[np.float32]:
    """[frames, inputs], as the core makes them, or beyond anything it makes."""
    random = np.random.RandomState(len(kind))
    shape = (frames, widths.inputs)
    if kind == "steps":  # equal runs of frames, which drive the states to their rails
        return np.repeat(random.choice(np.float32([-4, 4, -0.0]), shape)[::6], 6, axis=0)[:frames]
    size = {"ordinary": 1.0, "large": 1e6, "small": 1e-3, "zero": 0.0}[kind]
    return (size * random.standard_normal(shape)).astype(np.float32)


def assert_same_bits(found: dict[str, NDArray[np.float32]], expected: dict[str, NDArray[np.float32]]) -> None:
    assert set(found) == set(expected)
    for name, values in expected.items():
        assert found[name].dtype == values.dtype == np.float32
        assert_array_equal(found[name].view(np.uint32), values.view(np.uint32), err_msg=name)


def core_accepts(data: bytes) -> bool:
    try:
        _core.Model(data)
    except _core.LinnetError:
        return False
    return True


# ---- the file --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
def test_reading_and_writing_gives_the_same_bytes(name: str) -> None:
    data = random_network(name)
    model = blob.read_blob(data)
    assert (model.widths, model.lookahead) == (NETWORKS[name], LOOKAHEAD)
    assert list(model.layers) == [matrix.name for matrix in blob.matrices(model.widths)]
    assert blob.write_blob(model) == data
    core = _core.Model(data)
    assert (core.topology, core.weights, core.delay_frames) == ("bandsplit", model.parameters, LOOKAHEAD + 1)


def test_the_header_tells_the_shape() -> None:
    data = random_network("all")
    assert struct.unpack_from("<5I", data, 16) == (2, LOOKAHEAD, 16, 24, 8)
    assert struct.unpack_from("<HHBBBBI", data, 48) == (16, 40, 8, 16, 5, 1 + 2 + 4 + 8, 0)
    data = random_network("smallest")
    assert struct.unpack_from("<5I", data, 16) == (2, LOOKAHEAD, 0, 0, 0)
    assert struct.unpack_from("<HHBBBBI", data, 48) == (8, 8, 1, 1, 0, 0, 0)


def test_matrices_are_those_of_tokens_and_blocks() -> None:
    found = {matrix.name: matrix for matrix in blob.matrices(ALL)}
    trunk = [matrix.name for matrix in blob.matrices(Widths(8, 8, 8))]
    assert list(found)[: len(trunk) + 1] == [*(f"trunk.{name}" for name in trunk), "tell"]
    assert all(matrix.bias_rows == matrix.rows for name, matrix in found.items() if not name.endswith("mix"))
    assert found["block7.mix"] == ("block7.mix", 16, 2 * 16 + 16, False, False, 17 * 16)
    assert all(name.startswith("trunk.") for name, matrix in found.items() if matrix.may_be_sparse or matrix.is_float)
    told = 8 + 2 * shapes.SHARE
    for token in range(17):
        assert found[f"split.{token}"][1:3] == (16, len(shapes.token_inputs(ALL, token)) + told)
        assert found[f"head.{token}"][1:3] == (2 * shapes.SHARE + len(shapes.filtered_bins(token)) * 5 * 2, 16)
    assert [k for token in range(17) for k in shapes.filtered_bins(token)] == list(range(_core.LOW_BINS))


def test_the_trunk_alone_may_be_sparse() -> None:
    data = blob.random_network(ALL, LOOKAHEAD, seed=4, density=0.3)
    model = blob.read_blob(data)
    assert len(data) < len(random_network("all"))
    sparse = {name for name, layer in model.layers.items() if isinstance(layer, Int8Layer) and layer.sparse}
    assert sparse == {matrix.name for matrix in blob.matrices(ALL) if matrix.may_be_sparse}
    weights = {name: np.zeros(shape, np.float32) for name, shape in blob.weight_shapes(ALL).items()}
    with pytest.raises(BlobError, match=r"block0.mix cannot be stored sparse; only trunk.conv2, trunk.gru1.input"):
        blob.pack_blob(weights, ALL, LOOKAHEAD, sparse={"block0.mix": None})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"channels": 12}, "channels width 12 is not a multiple of 8 within 8..256"),
        ({"channels": 264}, "channels width 264"),
        ({"context": 0}, "context width 0 is not a multiple of 8 within 8..512"),
        ({"context": 520}, "context width 520"),
        ({"blocks": 0}, "blocks 0 is outside 1..8"),
        ({"blocks": 9}, "blocks 9"),
        ({"summary": 17}, "summary 17 is outside 1..16"),
        ({"summary": -1}, "summary -1"),
        ({"taps": 2}, "taps 2 is none of 0, 1, 3, 5"),
        ({"taps": 7}, "taps 7"),
        ({"trunk": None, "pitch": False}, "a network with a comb must read the pitch"),
        ({"comb": False}, "a network with a trunk must have the comb"),
        ({"trunk": Widths(8, 12, 8)}, "hidden width 12 is not a multiple of 8 within 8..1024"),
    ],
)
def test_bad_widths_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(BlobError, match=message):
        blob.random_network(replace(ALL, **changes), LOOKAHEAD, seed=0)  # type: ignore[arg-type]


def test_filters_see_no_further_than_the_lookahead() -> None:
    for taps, least in ((0, 0), (1, 0), (3, 1), (5, 2)):
        widths = replace(NETWORKS["pitch"], taps=taps)
        assert core_accepts(blob.random_network(widths, least, seed=0))
        if least:
            with pytest.raises(BlobError, match=f"{taps} taps see {least} frames ahead"):
                blob.random_network(widths, least - 1, seed=0)
            data = bytearray(blob.random_network(widths, least, seed=0))
            data[20] = least - 1
            assert not core_accepts(repaired(data))


@pytest.mark.parametrize(
    ("name", "at", "value", "message"),
    [
        ("all", 48, 12, "channels width 12"),
        ("all", 50, 0, "context width 0"),
        ("all", 52, 9, "blocks 9"),
        ("all", 53, 0, "summary 0"),
        ("all", 54, 4, "taps 4"),
        ("all", 55, 15 + 16, "header breaks the rules"),
        ("all", 55, 15 - 2, "must have the comb"),
        ("all", 55, 15 - 4, "must read the pitch"),
        ("all", 55, 15 - 8, "header breaks the rules"),  # the widths of its trunk are there
        ("all", 24, 12, "dense width 12"),
        ("all", 56, 1, "header breaks the rules"),
        ("all", 59, 1, "header breaks the rules"),
        ("smallest", 24, 8, "header breaks the rules"),
        ("smallest", 55, 8, "must have the comb"),
        ("smallest", 55, 1, "record 0 of the model is of kind 2 and shape 8 x 3, expected kind 2 and 8 x 18"),
    ],
)
def test_reader_says_what_is_wrong_with_a_header(name: str, at: int, value: int, message: str) -> None:
    data = bytearray(random_network(name))
    data[at] = value
    with pytest.raises(BlobError, match=message):
        blob.read_blob(repaired(data))
    assert not core_accepts(repaired(data))


@pytest.mark.parametrize("name", ["smallest", "trunk"])
def test_reader_and_core_accept_the_same_changes(name: str) -> None:
    """Random bytes in the header, in records, or anywhere, checksum repaired: one verdict."""
    model = random_network(name)
    random = np.random.RandomState(6)
    records = 64 + 32 * int.from_bytes(model[36:40], "little")
    accepted = 0
    for trial in range(900):
        data = bytearray(model)
        for _ in range(random.randint(1, 3)):
            begin, end = [(16, 60), (64, records), (8, len(data))][trial % 3]
            data[random.randint(begin, end)] = random.choice([0, 1, 2, 3, 8, 0x7F, 0x80, 0xFF, random.randint(256)])
        changed = repaired(data)
        verdict = reader_accepts(changed)
        assert core_accepts(changed) == verdict, f"trial {trial}"
        accepted += verdict
    assert 50 < accepted < 850, "both verdicts must occur"


# ---- the arithmetic --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", ["ordinary", "large", "small", "zero", "steps"])
@pytest.mark.parametrize("name", NETWORKS)
def test_simulation_equals_core(name: str, kind: str, backend: str) -> None:
    data, widths = random_network(name), NETWORKS[name]
    inputs = inputs_of(widths, kind)
    expected = simulate.simulate(data, inputs)
    shape = {"taps": (12, _core.LOW_BINS, widths.taps, 2)} if widths.taps else {}
    shape |= {"gains": (12, 34), "strengths": (12, 34), "speech_probability": (12,)}
    assert {key: values.shape for key, values in expected.items()} == shape
    assert_same_bits(_core.network(data, inputs, backend), expected)
    if kind not in ("zero", "small"):
        follow = [key for key in expected if key != "strengths" or widths.comb]
        assert all(expected[key].std(axis=0).max() > 1e-3 for key in follow), "the outputs must follow the input"
    assert widths.comb == bool(expected["strengths"].any())


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("frames_per_call", [1, 2, 3, 0])
@pytest.mark.parametrize("name", NETWORKS)
def test_frames_per_call_change_no_bit(name: str, frames_per_call: int, backend: str) -> None:
    data, inputs = random_network(name), inputs_of(NETWORKS[name], frames=11)
    assert_same_bits(_core.network(data, inputs, backend, frames_per_call), simulate.simulate(data, inputs))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("frames_per_call", [1, 2])
def test_simulation_equals_core_with_a_sparse_trunk(frames_per_call: int, backend: str) -> None:
    data = blob.random_network(ALL, LOOKAHEAD, seed=4, density=0.3)
    inputs = inputs_of(ALL)
    assert_same_bits(_core.network(data, inputs, backend, frames_per_call), simulate.simulate(data, inputs))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("scale", [2.0**-60, 2.0**-20, 1.0, 2.0**20])
def test_simulation_equals_core_with_weights_at_the_limits_of_the_format(scale: float, backend: str) -> None:
    random = np.random.RandomState(9)
    floats = np.float32([-scale, 0, scale])
    layers: dict[str, blob.FloatLayer | Int8Layer] = {}
    for matrix in blob.matrices(ALL):
        shape, bias = (matrix.rows, matrix.cols), random.choice(floats, matrix.bias_rows)
        layers[matrix.name] = (
            blob.FloatLayer(random.choice(floats, shape), bias)
            if matrix.is_float
            else Int8Layer(random.choice(np.int8([-127, 0, 127]), shape), np.full(matrix.rows, scale, np.float32), bias)
        )
    data = blob.write_blob(Model(ALL, LOOKAHEAD, layers))
    inputs = inputs_of(ALL)
    found = _core.network(data, inputs, backend)
    assert_same_bits(found, simulate.simulate(data, inputs))
    assert all((np.abs(values) <= 1).all() for values in found.values())


def test_output_depends_on_the_past_alone() -> None:
    data, inputs = random_network("all"), inputs_of(ALL)
    whole, part = _core.network(data, inputs), _core.network(data, inputs[:7])
    assert_same_bits({name: values[:7] for name, values in whole.items()}, part)


def test_inputs_that_are_not_read_have_no_effect() -> None:
    """Without the pitch no feature but the levels of the bands."""
    data, inputs = random_network("fine"), inputs_of(NETWORKS["fine"])
    expected = _core.network(data, inputs)
    inputs[:, _core.BANDS : _core.FEATURES] = 3.0
    assert_same_bits(_core.network(data, inputs), expected)


@pytest.mark.parametrize(("name", "width"), [("all", 364), ("trunk", 70)])
def test_inputs_of_a_wrong_shape_are_refused(name: str, width: int) -> None:
    for shape in ((width,), (3, width - 1), (3, 434 - width), (1, 3, width)):
        with pytest.raises(ValueError, match="features"):
            _core.network(random_network(name), np.zeros(shape, np.float32))
        with pytest.raises(ValueError, match=rf"expected \(frames, {width}\)"):
            simulate.simulate(random_network(name), np.zeros(shape, np.float32))


def test_no_frames_give_no_output() -> None:
    data = random_network("all")
    nothing = np.zeros((0, ALL.inputs), np.float32)
    found = simulate.simulate(data, nothing)
    assert {name: values.shape for name, values in found.items()} == {
        "gains": (0, 34),
        "strengths": (0, 34),
        "speech_probability": (0,),
        "taps": (0, 98, 5, 2),
    }
    assert_same_bits(_core.network(data, nothing), found)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_stream_is_the_network_between_analysis_and_synthesis(name: str) -> None:
    """Whether or not the stream searches for a pitch, and however its frames are handed over."""
    data, widths = random_network(name), NETWORKS[name]
    random = np.random.default_rng(6)
    noisy = (0.1 * random.standard_normal(60 * _core.FRAME) * np.linspace(0, 1, 60 * _core.FRAME)).astype(np.float32)
    found = _core.analyze(noisy, lookahead=LOOKAHEAD, fine=widths.fine)
    inputs = np.concatenate([found["features"], found["fine"]], axis=1) if widths.fine else found["features"]
    out = _core.network(data, inputs)
    bands = (out["gains"], out["strengths"] if widths.pitch else None)
    expected = _core.synthesize(noisy, *bands, lookahead=LOOKAHEAD, taps=out.get("taps"))
    model = _core.Model(data)
    whole = _core.Stream(model)
    np.testing.assert_array_equal(whole.process(noisy), expected)
    assert whole.stats()["pitch_hz"] > 0 if widths.pitch else whole.stats()["pitch_hz"] == 0
    for options, late in (({"any_block": True}, 1), ({"spread": True}, 2)):
        stream = _core.Stream(model, **options)
        parts = [stream.process(noisy[i : i + 100]) for i in range(0, len(noisy), 100)]
        late *= _core.FRAME
        np.testing.assert_array_equal(np.concatenate(parts)[late:], expected[:-late])
