"""What benchmarks/web.py asks of node."""

from __future__ import annotations

import pytest
from conftest import PACKAGE

from benchmarks import web


def test_a_frame_in_node_is_timed() -> None:
    if not PACKAGE.exists():
        pytest.skip("the npm package was not built: ./sconsw dist target=wasm32_web")
    found = web.in_node("light", 40)
    assert found["backend"] == "wasm128" and found["microseconds"] > 0


def test_what_node_says_of_an_error_is_ours() -> None:
    with pytest.raises(RuntimeError, match=r"nowhere\.linnet"):
        web.in_node("nowhere", 40)
