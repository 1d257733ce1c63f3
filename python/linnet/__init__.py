"""linnet: real-time speech enhancement, noise and reverberation suppression at 8 to 48 kHz.

    import linnet

    clean = linnet.enhance(noisy, rate)            # whole recordings: any rate, mono or (samples, channels)

    with linnet.Enhancer() as enhancer:            # streams at 48 kHz: any block length
        for block in microphone:
            play(enhancer.process(block))          # lags by enhancer.delay samples

    model = linnet.Model("small")                  # read and checked once; all streams share it

The method is PercepNet (Valin et al., Interspeech 2020); the work is done by the C++ core, `linnet._core`. Names are
loaded when first used, so that tools which need only `linnet.study.oracle` or `linnet.study.metrics` run without the
built core. python/linnet/README.md is the map of this package.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from linnet._core import LinnetError, abi, backends
    from linnet._core import version as _version
    from linnet.catalog import DEFAULT_MODEL, Model, ModelError, ModelFile, models
    from linnet.enhancer import Enhancer, Stats, enhance

    version: str = _version()
    __version__: str = version

__all__ = [
    "DEFAULT_MODEL",
    "Enhancer",
    "LinnetError",
    "Model",
    "ModelError",
    "ModelFile",
    "Stats",
    "__version__",
    "abi",
    "backends",
    "enhance",
    "models",
    "version",
]

_HOME = {
    "LinnetError": "_core",
    "abi": "_core",
    "backends": "_core",
    "Enhancer": "enhancer",
    "Stats": "enhancer",
    "enhance": "enhancer",
    "DEFAULT_MODEL": "catalog",
    "Model": "catalog",
    "ModelError": "catalog",
    "ModelFile": "catalog",
    "models": "catalog",
}


def __getattr__(name: str) -> Any:
    if name == "_core":  # not loaded yet
        return _module(name)
    if name in ("version", "__version__"):
        value: Any = _module("_core").version()
    elif name in _HOME:
        value = getattr(_module(_HOME[name]), name)
    else:
        raise AttributeError(f"module 'linnet' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


def _module(name: str) -> Any:
    try:
        return import_module(f"linnet.{name}")
    except ModuleNotFoundError as error:
        if error.name != "linnet._core":
            raise
        message = "linnet._core is not built: run './sconsw python' in the source tree, or 'pip install .'"
        raise ImportError(message) from error
