"""Writes requirements/hashes/GROUP.txt out of requirements/GROUP.txt: the same versions with the SHA-256 of every file
that there is of each, which is what ./sconsw installs.

    python -m pip install uv && python requirements/lock.py         # after a version has changed

pip then takes no other file, wherever it comes from. uv asks the index; nothing is downloaded but its lists.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
WITHOUT = {"torch.txt"}  # which says why
COMMAND = ("uv", "pip", "compile", "--quiet", "--generate-hashes", "--no-deps", "--no-header", "--no-annotate")
# Of these files are as many hashes as there are Pythons and systems: for the oldest Python that builds linnet.
COMMAND += ("--python-version", "3.11", "--universal")


def main() -> int:
    """Writes all files; 1 if uv is not here or fails."""
    (HERE / "hashes").mkdir(exist_ok=True)
    for path in sorted(path for path in HERE.glob("*.txt") if path.name not in WITHOUT):
        try:
            done = subprocess.run([*COMMAND, str(path)], capture_output=True, text=True)
        except FileNotFoundError:
            print("uv is missing: python -m pip install uv", file=sys.stderr)
            return 1
        if done.returncode:
            print(done.stderr.strip(), file=sys.stderr)
            return 1
        head = f"# Written by requirements/lock.py out of requirements/{path.name}.\n"
        (HERE / "hashes" / path.name).write_text(head + done.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
