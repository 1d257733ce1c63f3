"""What the build says where the plug-ins cannot be built."""

from __future__ import annotations

import os
import subprocess
import sys

from conftest import ROOT


def test_missing_headers_are_named_in_one_line() -> None:
    command = [sys.executable, "-m", "SCons", "-Q", "-n", "plugins"]
    environment = os.environ | {"CXX": "g++ -nostdinc"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "ladspa.h" in done.stderr and "apt" not in done.stdout
    assert done.stderr.endswith("on Debian install ladspa-sdk lv2-dev libspeexdsp-dev\n")


def test_plug_ins_go_with_other_words() -> None:
    done = subprocess.run([sys.executable, "-m", "SCons", "-Q", "-n", "lib", "plugins"], cwd=ROOT, capture_output=True)
    assert done.returncode == 0, done.stderr
