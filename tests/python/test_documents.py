"""The documents' tables are those that benchmarks/documents.py would write, out of numbers of the shipped models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import common, documents, keep, rates, web


def test_documents_and_numbers_are_up_to_date() -> None:
    assert documents.outdated() == []


def test_a_changed_number_is_noticed_and_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "Before.\n\n<!-- numbers: models -->\n| typed | by hand |\n<!-- end of numbers -->\n\nAfter.\n"
    (tmp_path / "page.md").write_text(text)
    (tmp_path / "sdk").symlink_to(common.ROOT / "sdk")
    monkeypatch.setattr(common, "ROOT", tmp_path)
    monkeypatch.setattr(documents, "DOCUMENTS", ("page.md",))
    monkeypatch.setattr("sys.argv", ["documents", "--check"])
    assert documents.main() == 1
    assert (tmp_path / "page.md").read_text() == text
    monkeypatch.setattr("sys.argv", ["documents"])
    assert documents.main() == 0
    written = (tmp_path / "page.md").read_text()
    assert documents.model_facts() in written and "by hand" not in written
    assert written.startswith("Before.\n") and written.endswith("\nAfter.\n")


def test_a_number_of_another_model_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = json.loads(json.dumps(documents.kept("scores")))
    scores["models"]["small"]["crc"] = "00000000"
    real = documents.kept
    monkeypatch.setattr(documents, "kept", lambda name: scores if name == "scores" else real(name))
    monkeypatch.setattr(documents, "DOCUMENTS", ())
    (problem,) = documents.outdated()
    assert problem.startswith("results/scores.json is of another small (00000000")


def test_a_number_of_a_model_that_does_not_ship_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    real = documents.kept
    other = documents.kept("rates") | {"model": "mine"}
    monkeypatch.setattr(documents, "kept", lambda name: other if name == "rates" else real(name))
    monkeypatch.setattr(documents, "DOCUMENTS", ())
    (problem,) = documents.outdated()
    assert problem.startswith("results/rates.json is of another mine (") and "shipped is none" in problem


def test_every_model_stands_in_the_files_of_numbers() -> None:
    files = {}
    for file, model, _ in documents.measured_models():
        files.setdefault(file, set()).add(model)
    assert files.pop("ladder") | files.pop("rates") | files.pop("folder") <= set(common.MODELS)
    assert files == dict.fromkeys(("native", "cpu_load", "scores", "web"), set(common.MODELS))


def test_of_the_rates_and_of_node_what_the_command_was_is_kept() -> None:
    scores = {"model": "small", "crc": "0123abcd", "rates": [{"rate": 8000, "recordings": 3, "native": 2.0}]}
    assert keep.rates(scores) == {"command": "python -m benchmarks.rates SET --count 3"} | scores
    times = {"machine": "one", "node": "v20", "runs": [{"model": name} for name in common.MODELS]}
    assert keep.web(times, "idle") == {"command": "python -m benchmarks.web", "load": "idle"} | times


def test_of_a_part_of_the_models_or_targets_nothing_is_kept() -> None:
    """It would take the others' rows out of the documents."""
    counted = documents.kept("cpu_load")
    assert keep.counts_and_estimates(counted)["counts"] == counted["counts"]
    for column, name in (("target", "riscv64_linux"), ("model", "sparse")):
        part = [row for row in counted["counts"] if row[column] != name]
        with pytest.raises(ValueError, match=f"^{column} {name}: not in what was measured last"):
            keep.counts_and_estimates(counted | {"counts": part})
    for kind in keep.WITH_LOAD.values():
        with pytest.raises(ValueError, match="^model large, base: "):
            kind({"machine": "one", "runs": [{"model": name} for name in common.MODELS[:3]]}, "idle")


def test_the_ladder_is_of_the_model_that_climbed_it() -> None:
    """Whatever lies under its name when the numbers are kept."""
    table = {"model": "runs/mine/small.linnet", "crc": "0123abcd", "recordings": 3, "mean": {}, "each": {}}
    kept = keep.ladder(table)
    assert (kept["model"], kept["crc"], kept["recordings"]) == ("small", "0123abcd", 3)


def test_in_node_a_frame_of_a_page_s_models_takes_at_most_three_times_as_long() -> None:
    """By the numbers that are kept; `python -m benchmarks.web` fails on those of a new run."""
    ratios = {run["model"]: run["ratio"] for run in documents.kept("web")["runs"]}
    assert {name: ratios[name] for name in web.LIMITED if not 0 < ratios[name] <= web.LIMIT} == {}


def test_the_two_ways_of_a_low_rate_score_alike() -> None:
    rows = documents.kept("rates")["rates"]
    assert [row["rate"] for row in rows] == [8000, 16000, 24000, 32000]
    assert all(abs(row["difference"]) <= rates.LIMIT < row["native"] for row in rows)


def test_no_file_of_numbers_names_a_folder_of_the_machine_it_was_made_on() -> None:
    for path in common.RESULTS.glob("*.json"):
        assert '"/' not in path.read_text(), path


def test_of_an_evaluation_means_and_intervals_are_kept() -> None:
    group = {"files": 2, "noisy": {"stoi": 0.5}, "enhanced": {"stoi": 0.6}, "intervals": {}}
    evaluation = {
        "model": "/somewhere/small.linnet",
        "crc": "0123abcd",
        "postfilter": 0.0,
        "set": "/somewhere",
        "per_part": {"noise": group | {"per_category": {"rain": group}, "per_snr": {"5": group}}},
        "files": [{"id": "000"}],
    }
    expected = {"crc": "0123abcd", "postfilter": 0.0, "parts": {"noise": group | {"per_snr": {"5": group}}}}
    assert keep.scores([evaluation], {"base": {}})["models"] == {"base": {}, "small": expected}
    with pytest.raises(ValueError, match="not the scores of a model"):
        keep.scores([{"model": "folder"}], {})


def test_numbers_are_kept_with_six_digits() -> None:
    assert keep.rounded({"a": [1.23456789, 3], "b": "1.23456789"}) == {"a": [1.23457, 3], "b": "1.23456789"}


@pytest.mark.parametrize(("microseconds", "samples"), [(600, "64"), (1000, "128"), (5000, "480"), (5001, "none")])
def test_smallest_safe_callback(microseconds: float, samples: str) -> None:
    assert documents.safe_callback(microseconds) == samples
