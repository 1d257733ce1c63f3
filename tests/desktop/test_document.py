"""docs/plugins.md: its commands run as they stand there, and what it tells of the plug-ins is so."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from binary import LATENCY, Instance, descriptors
from commands import need, output
from conftest import FORMS, LADSPA, ROOT, Sound, read, write

TEXT = (ROOT / "docs/plugins.md").read_text()
COMMANDS = re.findall(r"^    ((?:ffmpeg|gst-launch-1\.0) .*)$", TEXT, re.MULTILINE)


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_run(line: str, noisy: Sound, tmp_path: Path, environment: dict[str, str]) -> None:
    words = shlex.split(line)
    need(words[0])
    write(tmp_path / "noisy.wav", noisy, 48000)
    output(*words, cwd=tmp_path, env=environment)
    (made,) = (path for path in tmp_path.glob("*.wav") if path.name != "noisy.wav")
    out = read(made)
    assert len(out) > len(noisy) - 4096 and 0.5 < np.abs(out).max() / np.abs(noisy).max() < 2


def test_there_are_commands_of_both_programs() -> None:
    assert {line.split()[0] for line in COMMANDS} == {"ffmpeg", "gst-launch-1.0"}


def test_names_numbers_and_delays() -> None:
    for form, uri in FORMS.items():
        assert f"`{form}`" in TEXT and f"`{uri}`" in TEXT
    offered = descriptors(LADSPA)
    assert f"({offered[0].id} to {offered[-1].id})" in TEXT
    for rate, told in {48000: "1920 samples at 48 kHz", 44100: "2021 samples late", 96000: "4352 at 96 kHz"}.items():
        with Instance("linnet_mono", rate) as plugin:
            plugin.run(0)
            assert told in TEXT and told.startswith(f"{plugin.control[LATENCY]:.0f}")
