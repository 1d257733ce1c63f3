"""Measurements: times, instruction counts, estimates, scores kept in results/, and the tables that are made of them.

When linnet is not installed, the copy in the tree is used.
"""

import importlib.util
import sys
from pathlib import Path

if importlib.util.find_spec("linnet") is None:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))
