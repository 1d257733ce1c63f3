"""The promises of reliability: each says what measures it, values come from commands alone, and the readers of their
outputs see a failure."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import common, documents, reliability


def test_every_promise_stands_in_the_document(root: Path) -> None:
    text = (root / "docs/reliability.md").read_text()
    assert list(reliability.PROMISES) == list(range(1, 13))
    for number, promise in reliability.PROMISES.items():
        assert f"| {number} | **{promise.name}**" in text
        assert promise.commands


def test_suites_and_commands_name_what_is_there(root: Path) -> None:
    for promise in reliability.PROMISES.values():
        folder = ""
        for name in promise.suite.split(","):
            part = name.split("(")[0].strip()
            folder = part.rpartition("/")[0] or folder
            path = root / "tests" / ("" if "/" in part else folder) / part
            assert path.exists(), part
        for command in promise.commands:
            for word in command.split():
                if "/tests/api/test_" in word or "/tests/unit/test_" in word:
                    assert list((root / "tests").glob(f"{word.split('/tests/')[1]}.c*")), word


def test_only_promises_that_are_measured_have_values() -> None:
    for number, entry in reliability.kept().items():
        assert int(number) in reliability.PROMISES
        assert set(entry) == {"value", "met", "date", "commit"}


def test_readers_see_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert reliability.passed(["12 passed, 0 failed"]).met
    assert not reliability.passed(["12 passed, 1 failed"]).met
    assert not reliability.passed([""]).met
    line = "1440.00 minutes at 48000 Hz: 8640000 frames, 600 KB held, last tenth / first tenth of the time 1.001\n"
    assert reliability.day([line + "9 passed, 0 failed", "3 passed, 0 failed"]).met
    assert not reliability.day([line.replace("1440", "2") + "9 passed, 0 failed"]).met
    assert not reliability.day([line + "9 passed, 1 failed"]).met
    assert reliability.vectors(["vectors: 16 runs of 40 vectors agree: ab"]).met
    assert not reliability.vectors(["vectors: 15 runs of 40 vectors agree: ab"]).met


def test_executions_are_totals_of_all_that_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    monkeypatch.setattr(reliability.fuzzers, "sources", lambda: "now")
    monkeypatch.setattr(reliability.fuzzers, "RESULTS", path)
    monkeypatch.setattr(reliability.fuzzers, "KEPT", tmp_path / "none.json")

    def found(wanted: int, what: str, **changes: object) -> reliability.Measured:
        total = {"sources": "now", "seconds": 1800, "executions": 7, "frames": 30, "findings": 0} | changes
        result = {"executions": 1, "covered": 1, "edges": 4, "findings": [], "total": total}
        path.write_text(json.dumps({"fuzz_blob": result, "fuzz_patch": result}))
        return reliability.fuzzed(wanted, what, "fuzz_blob", "fuzz_patch")([])

    assert not reliability.fuzzed(1, "executions", "fuzz_blob")([]).met
    assert found(14, "executions").met and not found(15, "executions").met
    assert found(60, "frames").met and not found(61, "frames").met
    assert not found(14, "executions", findings=1).met
    assert not found(14, "executions", sources="before").met
    assert found(14, "executions").value.startswith("14 executions in 1 h, 0 findings")
    assert not reliability.fuzzed(1, "executions", "fuzz_blob", "fuzz_api")([]).met


def test_a_bound_that_is_passed_is_seen() -> None:
    line = "9 backends: worst frame 1.500 of the median, denormal tail 1.050 of speech"
    assert reliability.bounded([f"x86_64_linux avx2: worst / median 1.5\n{line}\n"]).met
    assert not reliability.bounded([line.replace("1.500", "1.501")]).met
    assert not reliability.bounded([line.replace("1.050", "1.051")]).met
    assert not reliability.bounded([""]).met


def test_coverage_and_mutations_are_read_together(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(common, "ROOT", tmp_path)
    full = {"line_total": 200, "line_covered": 200, "branch_total": 50, "branch_covered": 49}
    counts = {"sampled": 200, "same": 30, "equivalent": 10, "killed": 144, "survived": 16}

    def met(shares: dict, counts: dict) -> bool:
        for path, values in ((reliability.COVERED, shares), (reliability.MUTATED, {"counts": counts})):
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(json.dumps(values))
        return reliability.meaning([]).met

    assert not reliability.meaning([]).met
    parts = dict.fromkeys(reliability.COVERAGE, full)
    assert met(parts, counts)
    assert not met(parts, counts | {"killed": 143, "survived": 17})
    assert not met(parts, counts | {"sampled": 199})
    for part in parts:
        assert not met(parts | {part: full | {"branch_covered": 40}}, counts)
        assert not met(parts | {part: full | {"line_covered": 190}}, counts)


def test_a_command_that_fails_is_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    promise = reliability.Promise("n", "w", "s", ("true", "false"), reliability.passed)
    measured = reliability.measure(promise, run=True)
    assert not measured.met and measured.value == "failed: `false`, status 1"


def test_what_is_not_met_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"2": {"value": "9 of 10", "met": False, "date": "2026-01-01", "commit": "abc"}}
    monkeypatch.setattr(reliability, "kept", lambda: values)
    rows = documents.promises().splitlines()
    assert "| **not met**: 9 of 10 | 2026-01-01 | abc |" in rows[3]
    assert rows[2].endswith("| not measured yet |  |  |")
    assert rows[6].endswith("| not measured yet |  |  |")


def test_what_cannot_be_measured_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["reliability", "13"])
    with pytest.raises(SystemExit):
        reliability.main()
    assert "13" in capsys.readouterr().err


def test_only_what_lies_in_build_is_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A value that was measured does not give way to one of no output at all."""
    monkeypatch.setattr(reliability, "VALUES", tmp_path / "values.json")
    monkeypatch.setattr(reliability, "commit", lambda: "abc")
    read = []
    for number in reliability.PROMISES:
        monkeypatch.setattr("sys.argv", ["reliability", "--read", str(number)])
        try:
            reliability.main()
        except SystemExit:
            assert f"--read {number}: " in capsys.readouterr().err
        else:
            read.append(number)
    assert read == [1, 3, 11] == list(map(int, reliability.kept()))
