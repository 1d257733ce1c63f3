"""Run by tests in a clean environment with an installed linnet: prints what they ask about it, as JSON."""

import json
import sys

import numpy as np

before = set(sys.modules)
import linnet  # noqa: E402

linnet.Enhancer  # noqa: B018  # with it comes the compiled module
brought = set(sys.modules) - before

from linnet import _core  # noqa: E402

idle = "soxr" not in sys.modules
linnet.enhance(np.zeros(1600, np.float32), 16000)
native = "soxr" not in sys.modules
linnet.enhance(np.zeros(4410, np.float32), 44100)
hashes = _core.selftest()
report = {
    "modules": len(brought),
    "packages": sorted({name.split(".")[0] for name in brought} - set(sys.stdlib_module_names)),
    "numpy": np.__version__,
    "without_soxr": idle and native and "soxr" in sys.modules,
    "models": sorted(linnet.models()),
    "hashes": len(hashes),
    "different": [name for name, _, found, wanted in hashes if found != wanted],
    "lock": getattr(sys, "_is_gil_enabled", lambda: True)(),
}
try:
    linnet.Model("base")
except linnet.ModelError as error:
    report["base"] = str(error)
print(json.dumps(report))
