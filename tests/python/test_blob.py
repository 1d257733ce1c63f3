"""The model file: what the packer writes, what it refuses to write, and that its reader and the C++ loader, two
separate statements of the format, accept the same bytes.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_files import reader_accepts, repaired
from numpy.testing import assert_array_equal

from linnet import _core
from linnet.model import blob, layout, shapes
from linnet.model.blob import BlobError, FloatLayer, Int8Layer, Matrix, Widths

TINY = blob.random_model(**blob.TINY)
TINY_SPARSE = blob.random_model(**blob.TINY, density=0.6)
WIDTHS = Widths(dense=16, hidden=24, strength=8)
HEADER, RECORD, CRC_AT = 64, 32, 60

Weights = dict[str, object]


def float_weights(widths: Widths, seed: int = 0) -> Weights:
    """Float weights of every layer, as an exporter holds them."""
    random = np.random.RandomState(seed)
    shapes = blob.weight_shapes(widths)
    return {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def core_accepts(data: bytes) -> bool:
    try:
        _core.network(data, np.zeros((1, 70), np.float32))
    except _core.LinnetError:
        return False
    return True


# ---- what is written -------------------------------------------------------------------------------------------------


def test_models_of_the_tests_are_those_that_their_script_makes(root: Path, tmp_path: Path) -> None:
    made = blob.random_models()
    assert made["tiny"] == TINY
    for name, folder in (("tiny", "sdk/models"), ("tokens", "tests/data"), ("hybrid", "tests/data")):
        path = f"{folder}/{name}.linnet"
        assert (root / path).read_bytes() == made.pop(name), f"python -m linnet.model.blob {path}"
    assert not made
    command = [sys.executable, "-m", "linnet.model.blob"]
    subprocess.run([*command, tmp_path / "tokens.linnet"], check=True)
    assert (tmp_path / "tokens.linnet").read_bytes() == (root / "tests/data/tokens.linnet").read_bytes()
    done = subprocess.run([*command, tmp_path / "other.linnet"], capture_output=True, text=True)
    assert done.returncode == 2 and "there are tiny, tokens, hybrid" in done.stderr


@pytest.mark.parametrize(("widths", "lookahead"), [((8, 8, 8), 0), ((8, 16, 24), 1), ((40, 8, 16), 2), ((8, 72, 8), 3)])
def test_reading_and_writing_gives_the_same_bytes(widths: tuple[int, int, int], lookahead: int) -> None:
    data = blob.random_model(*widths, lookahead=lookahead, seed=3)
    model = blob.read_blob(data)
    assert model.widths == Widths(*widths)
    assert model.lookahead == lookahead
    assert list(model.layers) == [matrix.name for matrix in blob.matrices(model.widths)]
    assert blob.write_blob(model) == data
    assert core_accepts(data)


def test_float_weights_come_back_within_half_a_step() -> None:
    weights = float_weights(WIDTHS)
    model = blob.read_blob(blob.pack_blob(weights, WIDTHS, lookahead=2))
    for name, layer in model.layers.items():
        weight = np.asarray(weights[f"{name}.weight"])
        assert_array_equal(layer.bias, weights[f"{name}.bias"])
        if isinstance(layer, FloatLayer):
            assert_array_equal(layer.weight, weight)
            continue
        step = layer.scale[:, None].astype(np.float64) * 127
        assert (np.abs(layer.weight * step - weight) <= 0.5001 * step).all()
        assert (np.abs(layer.weight).max(axis=1) == 127).all()


def test_quantised_pairs_are_taken_as_they_are() -> None:
    weights = float_weights(WIDTHS)
    pairs: Weights = {
        name: blob.quantize_rows(value) if name.endswith(".weight") and name != "dense.weight" else value  # type: ignore[arg-type]
        for name, value in weights.items()
    }
    assert blob.pack_blob(pairs, WIDTHS, 1) == blob.pack_blob(weights, WIDTHS, 1)  # type: ignore[arg-type]
    q, scale = np.full((24, 80), -3, np.int8), np.linspace(0.01, 0.02, 24).astype(np.float32)
    pairs["conv1.weight"] = (q, scale)
    layer = blob.read_blob(blob.pack_blob(pairs, WIDTHS, 1)).layers["conv1"]  # type: ignore[arg-type]
    assert isinstance(layer, Int8Layer)
    assert_array_equal(layer.weight, q)
    assert_array_equal(layer.scale, (scale.astype(np.float64) / 127).astype(np.float32))


@pytest.mark.parametrize("density", [0.05, 0.5, 1.0])
def test_reading_and_writing_a_sparse_model_gives_the_same_bytes(density: float) -> None:
    data = blob.random_model(8, 40, 24, lookahead=1, seed=3, density=density)
    model = blob.read_blob(data)
    assert blob.write_blob(model) == data
    assert core_accepts(data)
    sparse = {name for name, layer in model.layers.items() if isinstance(layer, Int8Layer) and layer.sparse}
    assert sparse == {"conv2"} | {f"gru{n}.{part}" for n in range(1, 6) for part in ("input", "recurrent")}
    stored = np.concatenate([blob.to_blocks(model.layers[name].weight).any(axis=(2, 3)).ravel() for name in sparse])  # type: ignore[arg-type]
    assert abs(stored.mean() - density) < 0.05


def test_masked_blocks_are_dropped_before_quantisation() -> None:
    weights = float_weights(WIDTHS)
    mask = np.random.RandomState(1).random_sample((9, 6)) < 0.4
    mask[4] = False
    rows = mask.repeat(8, axis=0).repeat(4, axis=1)
    # The largest weights lie in dropped blocks: they must not coarsen the steps of those that stay.
    weights["gru2.input.weight"] = np.where(rows, weights["gru2.input.weight"], np.float32(1000))  # type: ignore[arg-type]
    masked = blob.pack_blob(weights, WIDTHS, 2, sparse={"gru2.input": mask})  # type: ignore[arg-type]
    layer = blob.read_blob(masked).layers["gru2.input"]
    assert isinstance(layer, Int8Layer) and layer.sparse
    assert_array_equal(blob.to_blocks(layer.weight).any(axis=(2, 3)), mask)
    expected, scale = blob.quantize_rows(np.where(rows, weights["gru2.input.weight"], 0))  # type: ignore[arg-type]
    assert_array_equal(layer.weight, expected)
    assert np.abs(layer.weight[rows]).mean() > 20
    # Zeros in place of the mask make the same file, and pairs keep their scale.
    weights["gru2.input.weight"] = np.where(rows, weights["gru2.input.weight"], 0)  # type: ignore[arg-type]
    assert blob.pack_blob(weights, WIDTHS, 2, sparse={"gru2.input": None}) == masked  # type: ignore[arg-type]
    weights["gru2.input.weight"] = (np.where(rows, expected, np.int8(55)), scale)
    assert blob.pack_blob(weights, WIDTHS, 2, sparse={"gru2.input": mask}) == masked  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(1, 1), (8, 4), (9, 5), (34, 40), (7, 13)])
def test_sparse_payloads_hold_counts_columns_and_blocks(shape: tuple[int, int]) -> None:
    random = np.random.RandomState(2)
    q = random.randint(-127, 128, shape).astype(np.int8)
    stripes, columns = blob.block_shape(*shape)
    keep = random.random_sample((stripes, columns)) < 0.6
    q[~keep.repeat(8, axis=0).repeat(4, axis=1)[: shape[0], : shape[1]]] = 0
    q[q == 0] = 0
    payload = blob.to_sparse(q)
    blocks = blob.to_blocks(q)
    stored = [(i, j) for i in range(stripes) for j in range(columns) if blocks[i, j].any()]
    counts = [sum(i == stripe for i, _ in stored) for stripe in range(stripes)]
    head = np.array(counts + [j for _, j in stored], "<u2").tobytes()
    head += bytes(-len(head) % 32)
    assert payload == head + b"".join(blocks[i, j].tobytes() for i, j in stored)
    assert_array_equal(layout.from_sparse(payload, *shape), q)


def test_numbers_too_small_for_the_format_become_zero() -> None:
    weights = float_weights(WIDTHS)
    weights["gain.bias"] = np.full(34, -1e-30, np.float32)
    weights["conv2.weight"] = np.full((24, 72), 1e-30, np.float32)
    model = blob.read_blob(blob.pack_blob(weights, WIDTHS, 2))  # type: ignore[arg-type]
    assert model.layers["gain"].bias.tobytes() == bytes(4 * 34)
    assert not model.layers["conv2"].weight.any()


def test_full_size_has_the_published_number_of_weights() -> None:
    # Valin et al. 2020: about 8 M; 7,948,288 weights and 14,276 biases by its figure, and a speech head of 512 and 1.
    shapes = blob.weight_shapes(Widths(dense=128, hidden=512, strength=128))
    assert sum(np.prod(shape) for shape in shapes.values()) == 7_948_288 + 14_276 + 513


@pytest.mark.parametrize("shape", [(1, 1), (8, 4), (9, 5), (34, 40), (7, 13)])
def test_blocks_hold_eight_rows_of_four_columns(shape: tuple[int, int]) -> None:
    q = np.random.RandomState(1).randint(-127, 128, shape).astype(np.int8)
    blocks = blob.to_blocks(q)
    assert blocks.shape == (-(-shape[0] // 8), -(-shape[1] // 4), 8, 4)
    for row in range(blocks.shape[0] * 8):
        for col in range(blocks.shape[1] * 4):
            expected = q[row, col] if row < shape[0] and col < shape[1] else 0
            assert blocks[row // 8, col // 4, row % 8, col % 4] == expected
    assert_array_equal(blob.from_blocks(blocks.ravel(), *shape), q)


@settings(deadline=None, max_examples=60, derandomize=True)
@given(
    st.lists(st.lists(st.floats(-100, 100, width=32), min_size=5, max_size=5), min_size=1, max_size=4),
    st.floats(-30, 10),
)
def test_rows_are_quantised_to_the_nearest_step(rows: list[list[float]], exponent: float) -> None:
    weight = (np.array(rows) * 2.0**exponent).astype(np.float32)
    q, scale = blob.quantize_rows(weight)
    assert q.dtype == np.int8 and scale.dtype == np.float32
    assert (scale > 0).all() and np.abs(q.astype(int)).max() <= 127
    error = np.abs(q * scale[:, None].astype(np.float64) - weight)
    largest = np.abs(weight).max(axis=1)
    kept = largest >= 2.0**-40
    assert (error[kept] <= 0.5001 * scale[kept, None]).all()
    assert not q[~kept].any()


# ---- what is refused -------------------------------------------------------------------------------------------------


def put(name: str, value: object) -> Callable[[Weights], None]:
    return lambda weights: weights.__setitem__(name, value)


def poke(name: str, value: float) -> Callable[[Weights], None]:
    return lambda weights: np.asarray(weights[name]).flat.__setitem__(3, value)


ONES = np.ones(34, np.float32)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda weights: weights.pop("gru3.recurrent.bias"), "lack gru3.recurrent.bias"),
        (put("gru6.input.weight", np.zeros(3)), "unknown gru6.input.weight"),
        (put("conv1.weight", np.zeros((24, 81))), r"conv1.weight has shape \(24, 81\), expected \(24, 80\)"),
        (put("speech.bias", np.float32(0)), r"speech.bias has shape \(\), expected \(1,\)"),
        (poke("dense.weight", np.nan), "dense.weight holds NaN or infinity"),
        (poke("gru5.input.weight", np.inf), "gru5.input.weight holds NaN or infinity"),
        (poke("strength.bias", -np.inf), "strength.bias holds NaN or infinity"),
        (poke("gain.bias", 2.0**20 + 1), r"gain.bias holds 1.04858e\+06; the largest magnitude is 2\^20"),
        (put("gain.weight", (np.zeros((34, 120), np.int8),)), r"gain.weight is a tuple of 1, expected \(q, scale\)"),
        (put("gain.weight", (np.zeros((34, 120)), ONES)), "gain.weight is quantised as float64, expected int8"),
        (put("gain.weight", (np.zeros((34, 121), np.int8), ONES)), "gain.weight has shapes"),
        (put("gain.weight", (np.zeros((34, 120), np.int8), ONES[1:])), "gain.weight has shapes"),
        (put("gain.weight", (np.full((34, 120), -128, np.int8), ONES)), "gain.weight holds -128"),
        (put("gain.weight", (np.zeros((34, 120), np.int8), ONES * 0)), "scale of 0; scales must be positive"),
        (put("gain.weight", (np.zeros((34, 120), np.int8), -ONES)), "scale of -1; scales must be positive"),
        (put("gain.weight", (np.zeros((34, 120), np.int8), ONES * np.nan)), "scale of nan; scales must be positive"),
        (put("gain.weight", (np.zeros((34, 120), np.int8), ONES * 2**28)), r"scale of gain.weight holds .*2\^20"),
        (put("dense.weight", (np.zeros((16, 70), np.int8), ONES[:16])), "dense.weight is kept in float"),
    ],
)
def test_bad_weights_are_refused_by_name(damage: Callable[[Weights], object], message: str) -> None:
    weights = float_weights(WIDTHS)
    damage(weights)
    with pytest.raises(BlobError, match=message):
        blob.pack_blob(weights, WIDTHS, lookahead=2)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "mask", "message"),
    [
        ("gain", None, "gain cannot be stored sparse; only conv2, gru1.input"),
        ("conv1", np.ones((3, 20), bool), "conv1 cannot be stored sparse"),
        ("gru6.input", None, "gru6.input cannot be stored sparse"),
        ("conv2", np.ones((3, 17), bool), r"mask of conv2 is bool of shape \(3, 17\), expected bool \(3, 18\)"),
        ("conv2", np.ones((3, 18)), r"mask of conv2 is float64 of shape \(3, 18\), expected bool"),
    ],
)
def test_bad_masks_are_refused(name: str, mask: object, message: str) -> None:
    with pytest.raises(BlobError, match=message):
        blob.pack_blob(float_weights(WIDTHS), WIDTHS, 2, sparse={name: mask})  # type: ignore[arg-type, dict-item]


@pytest.mark.parametrize("density", [0.0, -1.0, 1.5])
def test_bad_density_is_refused(density: float) -> None:
    with pytest.raises(BlobError, match=f"density {density} is not within"):
        blob.random_model(8, 8, 8, lookahead=2, seed=0, density=density)


@pytest.mark.parametrize(
    ("widths", "name"),
    [((12, 8, 8), "dense width 12"), ((8, 0, 8), "hidden width 0"), ((8, 1032, 8), "hidden width 1032")]
    + [((520, 8, 8), "dense width 520"), ((8, 8, 520), "strength width 520"), ((8, 8, -8), "strength width -8")],
)
def test_bad_widths_are_refused(widths: tuple[int, int, int], name: str) -> None:
    with pytest.raises(BlobError, match=f"{name} is not a multiple of 8 within"):
        blob.random_model(*widths, lookahead=2, seed=0)


def matrices_out_of_range(widths: Widths) -> list[Matrix]:
    """Of widths that the core has none for: each count of rows or columns is linear in them."""
    asked = [widths.dense, widths.hidden, widths.strength]
    first = blob.matrices(Widths(8, 8, 8))
    wider = [blob.matrices(Widths(*(16 if i == grown else 8 for i in range(3)))) for grown in range(3)]

    def count(index: int, field: str) -> int:
        begin = getattr(first[index], field)
        growth = [(getattr(each[index], field) - begin) // 8 for each in wider]
        return begin + sum(slope * (width - 8) for slope, width in zip(growth, asked, strict=True))

    return [
        matrix._replace(**{field: count(index, field) for field in ("rows", "cols", "bias_rows")})
        for index, matrix in enumerate(first)
    ]


@pytest.mark.parametrize("widths", [(12, 8, 8), (8, 12, 8), (8, 8, 12), (520, 8, 8), (8, 8, 520), (4, 8, 8)])
def test_core_refuses_widths_out_of_range_in_a_consistent_file(
    widths: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert matrices_out_of_range(Widths(24, 40, 16)) == list(blob.matrices(Widths(24, 40, 16)))
    found = matrices_out_of_range(Widths(*widths))
    monkeypatch.setattr(blob, "matrices", lambda widths: found)
    monkeypatch.setattr(shapes, "check_widths", lambda widths: None)
    data = blob.random_model(*widths, lookahead=2, seed=0)
    assert reader_accepts(data), "but for the widths the file is in rule"
    assert not core_accepts(data)


def test_a_file_without_its_last_layer_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model, matrices = blob.read_blob(TINY), blob.matrices
    with monkeypatch.context() as patch:
        patch.setattr(blob, "matrices", lambda widths: matrices(widths)[:-1])
        data = blob.write_blob(model)
    with pytest.raises(BlobError, match="too few records: 44"):
        blob.read_blob(data)
    assert not core_accepts(data)


@pytest.mark.parametrize("lookahead", [-1, 4])
def test_bad_lookahead_is_refused(lookahead: int) -> None:
    with pytest.raises(BlobError, match=f"look-ahead {lookahead} is outside 0..3"):
        blob.random_model(8, 8, 8, lookahead=lookahead, seed=0)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a linnet model"),
        (b"RIFF" + TINY[4:], "not a linnet model"),
        (TINY[:20], "cut short: 20 bytes"),
        (TINY[:-1], f"cut short or extended: {len(TINY) - 1} bytes, the header says {len(TINY)}"),
        (TINY + b"\0", "cut short or extended"),
        (TINY[:8] + b"\2" + TINY[9:], "a model of format 2 and features 1; this linnet reads format 1"),
        (TINY[:12] + b"\7" + TINY[13:], "a model of format 1 and features 7"),
        (TINY[:5000] + bytes([TINY[5000] ^ 1]) + TINY[5001:], "checksum does not match"),
        (repaired(TINY[:16] + b"\3" + TINY[17:]), "a model of topology 3; this linnet knows topologies 1 and 2"),
        (repaired(TINY[:16] + b"\2" + TINY[17:]), "header breaks the rules"),
        (repaired(TINY[:56] + b"\1" + TINY[57:]), "header breaks the rules"),
        (repaired(TINY[:20] + b"\4" + TINY[21:]), "look-ahead 4 is outside 0..3 frames"),
        (repaired(TINY[:36] + b"\x2e" + TINY[37:]), "record 0 of the model claims bytes 1600 to 3840"),
        (repaired(TINY[:36] + b"\x30" + TINY[37:]), "records break the rules"),
        (repaired(TINY[:68] + b"\7" + TINY[69:]), "record 0 of the model is of kind 1 and shape 7 x 70, expected"),
        (repaired(TINY[:80] + b"\0" + TINY[81:]), "record 0 of the model claims bytes 1536 to 3776 of .* from 1600"),
        (repaired(TINY[:40] + (6400).to_bytes(8, "little") + TINY[48:6400]), r"claims bytes .* of 6400, expected"),
        (repaired(TINY[:1660] + b"\0\0\xc0\x7f" + TINY[1664:]), "record 0 of the model holds NaN"),
        (repaired(TINY[:1660] + b"\1\0\0\0" + TINY[1664:]), "record 0 of the model holds values outside"),
    ],
)
def test_reader_says_what_is_wrong_with_a_file(data: bytes, message: str) -> None:
    with pytest.raises(BlobError, match=message):
        blob.read_blob(data)
    assert not core_accepts(data)


# ---- two statements of the format ------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [TINY, TINY_SPARSE], ids=["dense", "sparse"])
def test_reader_and_core_accept_the_same_changes(model: bytes) -> None:
    """Random bytes anywhere, aimed at header and records, or at counts and columns, checksum repaired: one verdict."""
    random = np.random.RandomState(5)
    accepted = 0
    heads = [int.from_bytes(model[at + 16 : at + 24], "little") for at in range(64, 64 + 47 * RECORD, RECORD)]
    for trial in range(1500):
        data = bytearray(model)
        for _ in range(random.randint(1, 3)):
            at = random.randint(8, len(data) if trial % 2 else 64 + 47 * RECORD)
            if trial % 5 == 0:
                at = heads[5 + 3 * random.randint(11)] + random.randint(24)
            data[at] = random.choice([0, 1, 2, 3, 0x7F, 0x80, 0xFF, random.randint(256)])
        changed = repaired(data)
        verdict = reader_accepts(changed)
        assert core_accepts(changed) == verdict, f"trial {trial}"
        accepted += verdict
    assert 100 < accepted < 1400, "both verdicts must occur"
