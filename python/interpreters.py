"""CPythons of this machine with their headers: what the modules of wheels are compiled for, whatever the target is.

The headers of a version are the same on every 64-bit Linux but for pyconfig.h, of which what modules read agrees. So
those of this machine's interpreters serve all targets, and no interpreter of a target is needed.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from scons_backend import PROJECT

# What they are asked. Debian's pyconfig.h asks for the machine first, and its place is another one for each.
QUESTION = """
import json, os, sys, sysconfig
include = sysconfig.get_path("include")
fine = sys.implementation.name == "cpython" and os.path.exists(include + "/Python.h") and sys.maxsize > 1 << 32
config = sysconfig.get_config_h_filename()
print(json.dumps([fine, sys.version_info[:3], getattr(sys, "abiflags", ""), include, config]))
"""


@dataclass(frozen=True)
class Interpreter:
    """One CPython. version: (3, 11, 7); flags: "t" of one without a global lock; config: its pyconfig.h."""

    executable: Path
    version: tuple[int, int, int]
    flags: str
    include: Path
    config: Path

    @property
    def name(self) -> str:
        """As commands have it: 3.11, 3.13t."""
        return f"{self.version[0]}.{self.version[1]}{self.flags}"

    @property
    def tag(self) -> str:
        """Of interpreter and ABI, as the names of wheels begin: cp313-cp313t."""
        python = f"cp{self.version[0]}{self.version[1]}"
        return f"{python}-{python}{self.flags}"

    def suffix(self, triple: str) -> str:
        """Ending of the names of its modules on a target: .cpython-311-x86_64-linux-gnu.so."""
        return f".cpython-{self.version[0]}{self.version[1]}{self.flags}-{triple}.so"


def wanted() -> list[str]:
    """The versions that the package says it runs on, such as "3.11"."""
    prefix = "Programming Language :: Python :: "
    versions = (name.removeprefix(prefix) for name in PROJECT["classifiers"] if name.startswith(prefix))
    return [version for version in versions if "." in version]


def ask(executable: Path) -> Interpreter | None:
    """What an interpreter tells of itself; None if modules cannot be compiled for it."""
    try:
        done = subprocess.run([executable, "-c", QUESTION], capture_output=True, text=True, check=True, timeout=60)
        fine, version, flags, include, config = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return Interpreter(executable, tuple(version), flags, Path(include), Path(config)) if fine else None


def find() -> dict[str, Interpreter]:
    """For each version that is wanted the newest interpreter here with its headers, by name; those of pyenv too."""
    import findpython  # in requirements/dist.txt, needed for wheels alone

    found: dict[str, Interpreter] = {}
    for place in findpython.find_all(3, implementation="cpython"):
        interpreter = ask(place.executable) if f"{place.major}.{place.minor}" in wanted() else None
        if interpreter and (interpreter.name not in found or found[interpreter.name].version < interpreter.version):
            found[interpreter.name] = interpreter
    return dict(sorted(found.items(), key=lambda item: item[1].version))
