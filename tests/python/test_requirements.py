"""The Python packages that ./sconsw installs: every version is fixed, and so is every file of it by its hash."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

GROUPS = ("base", "measure", "train", "test", "cross", "dist", "mobile", "scale", "web")
# A build for each accelerator, so that no list is complete: by themselves, without hashes.
WITHOUT = ("torch",)


def pins(path: Path) -> dict[str, str]:
    """Versions by the name of the package, as indexes write names."""
    lines = [line.split("#")[0].rstrip(" \\") for line in path.read_text().splitlines()]
    found = dict(line.split("==") for line in lines if line and not line.startswith("    --hash"))
    return {re.sub(r"[-_.]+", "-", name).lower(): version.split()[0] for name, version in found.items()}


@pytest.mark.parametrize("group", GROUPS)
def test_every_version_has_the_hashes_of_its_files(root: Path, group: str) -> None:
    written, hashed = root / f"requirements/{group}.txt", root / f"requirements/hashes/{group}.txt"
    assert pins(hashed) == pins(written), "python requirements/lock.py writes the hashes anew"
    blocks = re.split(r"\n(?=\S)", hashed.read_text().split("\n", 1)[1].strip())
    assert len(blocks) == len(pins(written))
    for block in blocks:
        assert re.fullmatch(r"\S+==\S+( \\\n    --hash=sha256:[0-9a-f]{64})+", block), block


def test_no_group_is_without_hashes_but_those_that_say_why(root: Path) -> None:
    assert {path.stem for path in (root / "requirements").glob("*.txt")} == {*GROUPS, *WITHOUT}
    assert {path.stem for path in (root / "requirements/hashes").glob("*.txt")} == {*GROUPS}
    for group in WITHOUT:
        assert "no hashes" in (root / f"requirements/{group}.txt").read_text()
