"""The networks that a model file can hold: their widths, how its header tells them, and which matrices follow.

Shapes of matrices are the core's (sdk/src/nn/percepnet.cpp, bandsplit.cpp; here: `matrices`). What each token of a
network with shared layers reads and filters is written here once more, for the simulation and for training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from linnet import _core
from linnet.model.layout import (
    BAND_SPLIT,
    FLAG_COMB,
    FLAG_FINE,
    FLAG_PITCH,
    FLAG_TRUNK,
    TOPOLOGY_BAND_SPLIT,
    TOPOLOGY_PERCEPNET,
    BlobError,
)

SHARE = _core.BANDS // _core.TOKENS  # bands of a token
PITCH_PERIOD, SCALARS = 2 * _core.BANDS, 2  # place of the period among the features; the correlation follows it


@dataclass(frozen=True)
class Widths:
    """Layer widths, multiples of 8: first layer (to 512), convolutions and GRUs (to 1024), strength GRU (to 512)."""

    dense: int
    hidden: int
    strength: int

    @property
    def inputs(self) -> int:
        """Numbers that the network reads of a frame."""
        return _core.FEATURES


@dataclass(frozen=True)
class BandSplit:
    """Of a network whose layers are shared by all tokens; its limits are `_core.LARGEST_BAND_SPLIT`.

    channels (a multiple of 8) of a token; blocks; summary: numbers of each token that the context reads; context (a
    multiple of 8): width of the GRU over the whole spectrum; taps: frames that the filters of low bins see, 0 (none),
    1, 3 or 5; fine: reads the low bins one by one; comb: gives strengths; pitch: reads coherences, period and
    correlation; trunk: the network that comes first. A comb needs the pitch, a trunk both.
    """

    channels: int
    blocks: int
    summary: int
    context: int
    taps: int = 0
    fine: bool = False
    comb: bool = True
    pitch: bool = True
    trunk: Widths | None = None

    @property
    def inputs(self) -> int:
        """Numbers that the network reads of a frame."""
        return _core.FEATURES + (_core.FINE if self.fine else 0)


class Matrix(NamedTuple):
    """One matrix of a network: whether it is in float (else int8), whether it may be sparse, and values of its bias.

    bias_rows is rows, or a multiple of it where vectors that take turns have a bias each.
    """

    name: str
    rows: int
    cols: int
    is_float: bool
    may_be_sparse: bool
    bias_rows: int


def matrices(widths: Widths | BandSplit) -> tuple[Matrix, ...]:
    """The matrices of a network in file order, each followed by its scale if it is int8, and by a bias.

    Raises BlobError for widths that no model may have.
    """
    check_widths(widths)
    return tuple(Matrix(*row) for row in _core.matrices(*header_fields(widths)))


def header_fields(widths: Widths | BandSplit) -> tuple[int, int, int, int, bytes]:
    """What a header tells of widths in range: topology, dense, hidden and strength width, shape."""
    if isinstance(widths, Widths):
        return TOPOLOGY_PERCEPNET, widths.dense, widths.hidden, widths.strength, bytes(BAND_SPLIT.size)
    given = {FLAG_FINE: widths.fine, FLAG_COMB: widths.comb, FLAG_PITCH: widths.pitch, FLAG_TRUNK: widths.trunk}
    flags = sum(flag for flag, value in given.items() if value)
    shape = BAND_SPLIT.pack(widths.channels, widths.context, widths.blocks, widths.summary, widths.taps, flags)
    trunk = widths.trunk or Widths(0, 0, 0)
    return TOPOLOGY_BAND_SPLIT, trunk.dense, trunk.hidden, trunk.strength, shape


def from_header(topology: int, dense: int, hidden: int, strength: int, shape: bytes) -> Widths | BandSplit:
    """Inverse of `header_fields`. Raises BlobError for an unknown topology and for widths that no model may have."""
    widths: Widths | BandSplit = Widths(dense, hidden, strength)
    if topology == TOPOLOGY_BAND_SPLIT:
        channels, context, blocks, summary, taps, flags = BAND_SPLIT.unpack(shape)
        parts = [bool(flags & flag) for flag in (FLAG_FINE, FLAG_COMB, FLAG_PITCH)]
        widths = BandSplit(channels, blocks, summary, context, taps, *parts, widths if flags & FLAG_TRUNK else None)
    elif topology != TOPOLOGY_PERCEPNET:
        known = f"{TOPOLOGY_PERCEPNET} and {TOPOLOGY_BAND_SPLIT}"
        raise BlobError(f"a model of topology {topology}; this linnet knows topologies {known}")
    if header_fields(widths) != (topology, dense, hidden, strength, shape):  # a bit without a meaning is set
        raise BlobError("a model whose header breaks the rules of the format")
    check_widths(widths)
    return widths


def check_widths(widths: Widths | BandSplit) -> None:
    """Raises BlobError, which names the width, for those that no model may have."""
    if isinstance(widths, Widths):
        for name, largest in _core.LARGEST_WIDTHS.items():
            _check_width(name, getattr(widths, name), largest)
        return
    most = _core.LARGEST_BAND_SPLIT
    for name in ("channels", "context"):
        _check_width(name, getattr(widths, name), most[name])
    for name in ("blocks", "summary"):
        if not 1 <= getattr(widths, name) <= most[name]:
            raise BlobError(f"{name} {getattr(widths, name)} is outside 1..{most[name]}")
    possible = [0, *range(1, most["taps"] + 1, 2)]
    if widths.taps not in possible:
        raise BlobError(f"taps {widths.taps} is none of {', '.join(map(str, possible))}")
    if widths.comb and not widths.pitch:
        raise BlobError("a network with a comb must read the pitch: give pitch=True or comb=False")
    if widths.trunk:
        if not widths.comb:
            raise BlobError("a network with a trunk must have the comb, as its trunk has: give comb=True or trunk=None")
        check_widths(widths.trunk)


def _check_width(name: str, width: int, largest: int) -> None:
    if not 8 <= width <= largest or width % 8:
        raise BlobError(f"{name} width {width} is not a multiple of 8 within 8..{largest}")


def check_lookahead(widths: Widths | BandSplit, lookahead: int) -> None:
    """Raises BlobError for a look-ahead, in frames, that no model of these widths may have."""
    if not 0 <= lookahead <= _core.MAX_LOOKAHEAD:
        raise BlobError(f"look-ahead {lookahead} is outside 0..{_core.MAX_LOOKAHEAD} frames")
    if isinstance(widths, BandSplit) and widths.taps // 2 > lookahead:
        raise BlobError(f"{widths.taps} taps see {widths.taps // 2} frames ahead, beyond the look-ahead of {lookahead}")


def token_inputs(widths: BandSplit, token: int) -> list[int]:
    """Places among features and fine inputs that a token reads: its bands and one on each side, low bins inside them.

    Without pitch nothing that a search for it would have to find. What a trunk tells the token follows them.
    """
    edges = _core.band_centre()
    near = range(max(SHARE * token - 1, 0), min(SHARE * (token + 1) + 1, _core.BANDS))
    places = list(near)
    if widths.pitch:
        places += [*(_core.BANDS + band for band in near), *range(PITCH_PERIOD, PITCH_PERIOD + SCALARS)]
    if widths.fine:
        inside = range(edges[near[0]], min(edges[near[-1]] + 1, _core.LOW_BINS))
        places += [_core.FEATURES + part + k for part in range(0, _core.FINE, _core.LOW_BINS) for k in inside]
    return places


def filtered_bins(token: int) -> range:
    """The low bins that the filters of a token are for; together the tokens have each once."""
    edges = [min(edge, _core.LOW_BINS) for edge in [*_core.band_centre()[::SHARE].tolist(), _core.LOW_BINS]]
    return range(edges[token], edges[token + 1])


def input_factors(widths: BandSplit) -> NDArray[np.float32]:
    """[inputs]: what inputs are multiplied with, to lie within +-1, before they are rounded to 1/127.

    The period of the pitch has a larger range than all others; turns of low bins are cosines and sines.
    """
    factors = np.full(widths.inputs, 0.5, np.float32)
    factors[PITCH_PERIOD] = 0.2
    factors[_core.FEATURES + _core.LOW_BINS :] = 1.0
    return factors
