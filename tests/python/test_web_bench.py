"""benchmarks/web.py without node: medians and ratios of rounds, the limit, what is said where something is missing.
tests/web/test_bench.py has the part in node.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import common, web


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, float]:
    """How much longer each model takes in node; what is measured is this, in rounds of different noise."""
    ratios = dict.fromkeys(common.MODELS, 2.0)
    noise = iter([1.0, 7.0, 1.5] * 2 * len(ratios))

    def native(name: str, backend: str, frames: int, core: int) -> float:
        native.last = 10 * next(noise)
        return native.last

    def in_node(name: str, frames: int) -> dict[str, object]:
        return {"backend": "wasm128", "microseconds": native.last * ratios[name]}

    (tmp_path / "engine.js").touch()
    monkeypatch.setattr(web, "native", native)
    monkeypatch.setattr(web, "in_node", in_node)
    monkeypatch.setattr(web, "PACKAGE", tmp_path)
    monkeypatch.setattr(web, "program_of", lambda target: tmp_path / "engine.js")
    monkeypatch.setattr(web.os, "sched_setaffinity", lambda process, cores: None)
    monkeypatch.setattr(web.subprocess, "run", lambda *command, **options: type("Done", (), {"stdout": "v20.1.0\n"}))
    monkeypatch.setattr(common, "machine", lambda: "a machine, 2 cores")
    monkeypatch.setattr(common, "ROOT", tmp_path)
    monkeypatch.setattr(common, "OUTPUT", tmp_path / "bench")
    monkeypatch.setattr(common, "model", lambda name: b"0123456789abcdef" * 16)
    monkeypatch.setattr("sys.argv", ["web", "--rounds", "3"])
    return ratios


def test_medians_of_the_rounds(slow: dict[str, float], capsys: pytest.CaptureFixture[str]) -> None:
    assert web.main() == 0
    data = common.load("web")
    assert (data["machine"], data["node"]) == ("a machine, 2 cores", "v20.1.0")
    assert [run["model"] for run in data["runs"]] == list(common.MODELS)
    for run in data["runs"]:
        assert (run["microseconds"], run["native_microseconds"], run["ratio"]) == (30.0, 15.0, 2.0)
        assert (run["backend"], run["native_backend"]) == ("wasm128", "avx2")
    assert "small" in capsys.readouterr().out


@pytest.mark.parametrize(("model", "status"), [("light", 1), ("small", 1), ("large", 0), ("base", 0)])
def test_the_limit_is_of_the_models_for_pages(slow: dict[str, float], model: str, status: int) -> None:
    slow[model] = 3.01
    assert web.main() == status
    slow[model] = 3.0
    assert web.main() == 0


def test_what_is_missing_is_named_with_the_remedy(
    slow: dict[str, float], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(web, "program_of", lambda target: tmp_path / "nowhere")
    with pytest.raises(SystemExit):
        web.main()
    assert "bench_process is missing: ./sconsw bench makes it" in capsys.readouterr().err
    monkeypatch.setattr(web, "PACKAGE", tmp_path / "nowhere")
    with pytest.raises(SystemExit):
        web.main()
    assert "nowhere is missing: ./sconsw dist target=wasm32_web makes it" in capsys.readouterr().err
