"""What is counted of the fuzzers: libFuzzer's own numbers, and totals that go on with the same sources."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fuzz import run

from benchmarks import keep

LOG = """\
INFO: Loaded 1 modules   (8190 inline 8-bit counters): 8190 [0x1, 0x2),
#8\tINITED cov: 500 ft: 700 corp: 3/12b exec/s: 0 rss: 40Mb
#1000\tpulse  cov: 600 ft: 900 corp: 9/40b lim: 4096 exec/s: 500 rss: 50Mb
"""
SUM = "fuzz: 4321 frames\nstat::number_of_executed_units: 1234\n"


def test_numbers_are_those_of_the_log() -> None:
    assert run.statistics(LOG + SUM) == {"executions": 1234, "frames": 4321, "covered": 600, "edges": 8190}
    assert run.statistics(LOG) == {"executions": 1000, "frames": 0, "covered": 600, "edges": 8190}  # ended by a finding
    with pytest.raises(ValueError, match="statistics"):
        run.statistics("Killed\n")


def test_totals_go_on_with_the_same_sources_alone() -> None:
    once = {"seconds": 5, "executions": 10, "frames": 20, "covered": 1, "edges": 4, "findings": []}
    first = run.added({}, once, "a")
    assert first["total"] == {"sources": "a", "seconds": 5, "executions": 10, "frames": 20, "findings": 0}
    second = run.added(first, once | {"findings": ["crash-1"]}, "a")
    assert second["total"] == {"sources": "a", "seconds": 10, "executions": 20, "frames": 40, "findings": 1}
    assert run.added(second, once, "b")["total"] == first["total"] | {"sources": "b"}
    assert run.added({**once}, once, "a")["total"] == first["total"]  # written before there were totals
    assert run.sources() == run.sources()


def test_comments_are_no_change_of_the_sources() -> None:
    code = """int a;  // "one\n/* two\n */ const char *url = "http://c";  // three\nchar q = '"';  /* four "*/ int b;"""
    assert run.without_comments(code) == """int a; const char *url = "http://c"; char q = '"'; int b;"""


def test_an_input_that_was_slow_once_is_tried_again(tmp_path: Path) -> None:
    program, unit = tmp_path / "fuzzer", tmp_path / "slow-unit-1"
    program.write_text("""#!/bin/sh\ncp "$3" "${2#-artifact_prefix=}slow-unit-1"; exec cat "$3" | grep -q fast\n""")
    program.chmod(0o755)
    for text, slow in (("fast", False), ("halts", True)):
        unit.write_text(text)
        assert run.is_slow(program, unit) == slow
        assert sorted(path.name for path in tmp_path.iterdir()) == ["fuzzer", "slow-unit-1"]


def test_totals_go_on_from_what_another_machine_has_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "sources", lambda: "a")
    monkeypatch.setattr(run, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(run, "KEPT", tmp_path / "kept.json")

    def numbers(executions: int, of: str = "a") -> dict:
        total = {"sources": of, "seconds": 1, "executions": executions, "frames": 0, "findings": 0}
        return {"covered": 1, "edges": 4, "total": total}

    assert run.results() == {}
    with pytest.raises(ValueError, match="no fuzzer has been run"):
        keep.fuzz(run.results(), "a")
    run.KEPT.write_text(json.dumps({"x": numbers(9), "y": numbers(9), "z": numbers(9, "b")}))
    assert run.results()["x"] == numbers(9)
    run.RESULTS.write_text(json.dumps({"x": numbers(7), "y": numbers(12), "z": numbers(1)}))
    assert run.results() == {"x": numbers(9), "y": numbers(12), "z": numbers(1)}
    assert keep.fuzz({**run.results(), "w": numbers(5, "b")}, "a").keys() == {"x", "y", "z"}
