"""The mutation check's own parts: sources are cut into tokens without a loss, changes are made where they mean
something, the sample is always the same, and what counts is counted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from mutations import places, run


def changed(text: str) -> list[str]:
    """Every line that one change makes of a source of one line."""
    return [mutant.becomes for choice in places.mutants("a.cpp", text) for mutant in choice]


def test_tokens_put_together_are_the_source(root: Path) -> None:
    for path in sorted((root / "sdk/src").rglob("*.*")):
        if path.suffix in (".cpp", ".h"):
            text = path.read_text()
            assert "".join(token.text for token in places.tokens(text)) == text, path


@pytest.mark.parametrize(
    ("line", "becomes"),
    [
        ("a = b < c;", ["a = b <= c;"]),
        ("if (a != b && c) return;", ["if (a == b && c) return;", "if (a != b || c) return;"]),
        ("x += y * z;", ["x -= y * z;", "x += y / z;"]),
        ("++i;", ["--i;"]),
        ("a = -b;", ["a = b;"]),
        ("a = b - c;", ["a = b + c;"]),
        ("if (!a) continue;", ["if (a) continue;", "if (!a) break;"]),
        ("a = 8u;", ["a = 7u;", "a = 9u;"]),
        ("a = 0;", ["a = 1;"]),
        ("a = 0x1F;", ["a = 0x1e;", "a = 0x20;"]),
        ("a = 1'000;", ["a = 999;", "a = 1001;"]),
        ("a = 2.0f;", ["a = 2.02f;"]),
        ("a = 0.0f;", ["a = 1.0f;"]),
        ("a = 1e-3;", ["a = 0.00101;"]),
        ("return true;", ["return false;"]),
        ("return LINNET_OK;", ["return LINNET_ERR_NO_MEMORY;"]),
        ("return LINNET_ERR_RATE;", ["return LINNET_OK;"]),
    ],
)
def test_what_can_be_made_of_a_line(line: str, becomes: list[str]) -> None:
    assert changed(line) == becomes


@pytest.mark.parametrize(
    "line",
    [
        "// a < 1",
        "/* a < 1 */",
        "#include <a1.h>",
        "#define A \\\n  (1 + 2)",
        "f(\"a < 1\", '!');",
        'f(R"(1 < 2)");',
        "static_assert(a(1) == 2);",
        "LINNET_CHECK(a < (1));",
        "template <class T> span<const T> f(T *a, T &b, T &&c);",
        "a->b = x::y;",
        "f(a_1, b2);",
    ],
)
def test_what_is_left_alone(line: str) -> None:
    assert changed(line) == []


def test_what_follows_a_check_is_not() -> None:
    assert changed("static_assert(f(1)); a = 1;") == [
        "static_assert(f(1)); a = 0;",
        "static_assert(f(1)); a = 2;",
    ]


def test_a_mutant_changes_its_line_alone() -> None:
    text = "int a = 0;\n  if (b < 1) return;\nint c;\n"
    mutant = next(places.mutants("a.cpp", text.replace("0", "z")))[0]
    assert (mutant.number, mutant.line, mutant.becomes) == (2, "if (b < 1) return;", "if (b <= 1) return;")
    assert mutant.apply(text) == text.replace("<", "<=")
    with pytest.raises(AssertionError):
        mutant.apply("another source altogether, and longer")


def test_the_sample_depends_on_the_seed_and_not_on_other_lines(tmp_path: Path) -> None:
    lines = [f"a{i} = b < {i};" for i in range(100)]
    (tmp_path / "a.cpp").write_text("\n".join(lines))
    first = places.sample(tmp_path, ["a.cpp"], 1)
    assert len(first) == 200
    assert places.sample(tmp_path, ["a.cpp"], 1) == first
    assert places.sample(tmp_path, ["a.cpp"], 2) != first
    (tmp_path / "a.cpp").write_text("\n".join(["int added;", *lines]))
    assert [mutant.becomes for mutant in places.sample(tmp_path, ["a.cpp"], 1)] == [mutant.becomes for mutant in first]


def test_equal_lines_are_places_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "a.cpp").write_text("a < b;\na < b;\n")
    assert {mutant.number for mutant in places.sample(tmp_path, ["a.cpp"], 1)} == {1, 2}


def test_what_other_machines_run_is_left_out() -> None:
    files = run.sources()
    assert "sdk/src/kernels/avx2.cpp" in files and "sdk/src/base/cpu_rules.h" in files
    assert not [file for file in files if "neon" in file or "wasm" in file or "apple" in file]


def test_a_survivor_counts_unless_there_is_a_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    survivor = run.Result("a.cpp", 3, "a < b;", "a <= b;", "", "survived", "", 1.0)
    kinds = [survivor, *(replace(survivor, outcome=outcome) for outcome in ("killed", "same", "invalid"))]
    monkeypatch.setattr(run, "ROOT", tmp_path)
    monkeypatch.setattr(run, "REASONS", tmp_path / "reasons.json")
    counts = {"sampled": 3, "same": 1, "equivalent": 0, "killed": 1, "survived": 1}
    assert run.counted(kinds) == counts
    reason = {"file": "a.cpp", "line": "a < b;", "becomes": "a <= b;", "equivalent": "b is no integer"}
    (tmp_path / "reasons.json").write_text(json.dumps([reason]))
    assert run.counted(kinds) == counts | {"equivalent": 1, "survived": 0}
    (tmp_path / "a.cpp").write_text("  a < b;\n")
    assert run.outdated(run.reasons()) == []
    (tmp_path / "a.cpp").write_text("  a < c;\n")
    assert run.outdated(run.reasons()) == [("a.cpp", "a < b;", "a <= b;")]


def test_every_reason_is_of_a_change_that_can_be_made() -> None:
    assert run.outdated(run.reasons()) == []
