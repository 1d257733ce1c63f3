"""Training of the linnet network: data -> augmentation -> features of the C++ core -> PyTorch -> int8 blob.

The arrow goes training -> python/linnet -> sdk, never back. When linnet is not installed, the copy in the tree is used.
"""

import ctypes
import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

if importlib.util.find_spec("linnet") is None:
    sys.path.insert(0, str(ROOT / "python"))


def keep_memory() -> None:
    """Tells the C library to keep freed memory instead of handing every large block back to the system.

    Training allocates the same large arrays again and again; fresh pages for each cost a third of its time. Does
    nothing where the C library is not glibc.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return
    mallopt(-4, 0)  # M_MMAP_MAX: nothing outside the heap
    mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD: the heap does not shrink
