"""Run by tests in a clean environment with an installed linnet: prints what they ask about it, as JSON."""

import json
import sys
import time

start = time.process_time()
import linnet  # noqa: E402

linnet.Enhancer  # noqa: B018  # with it come the module and numpy
seconds = time.process_time() - start

import numpy as np  # noqa: E402

from linnet import _core  # noqa: E402

idle = "soxr" not in sys.modules
linnet.enhance(np.zeros(1600, np.float32), 16000)
native = "soxr" not in sys.modules
linnet.enhance(np.zeros(4410, np.float32), 44100)
hashes = _core.selftest()
report = {
    "seconds": seconds,  # of CPU time
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
