"""The models that come with linnet, and their names: "base", "sparse", "small", the path of a file, or its bytes.

Installed, the files lie in linnet/models; in the source tree, in sdk/models. Nothing is ever downloaded. The layout
of a model file is set down in sdk/src/model/blob.h; the core checks it whole when a stream is made.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from linnet.blob import HEADER, MAGIC

ModelLike: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview

_FRAME = 480
_PACKAGE = Path(__file__).resolve().parent
_FOLDERS = (_PACKAGE / "models", _PACKAGE.parent.parent / "sdk" / "models")
_EXAMPLES = (_PACKAGE / "data", _PACKAGE.parent.parent / "sdk" / "examples")


class ModelError(ValueError):
    """A model that is missing or cannot be used; the message is one line that names it and the remedy."""


@dataclass(frozen=True)
class Model:
    """A model file. widths are those of the first layer, of the hidden layers and of the strength branch."""

    name: str
    path: Path
    size: int  # bytes
    lookahead: int  # frames of 10 ms
    dense_width: int
    hidden_width: int
    strength_width: int

    @property
    def delay(self) -> int:
        """Samples at 48 kHz by which the output of whole frames lags."""
        return _FRAME * (self.lookahead + 1)


def models() -> dict[str, Model]:
    """The models that come with this installation, by name, smallest first. Files that are not models are left out."""
    found: dict[str, Model] = {}
    for folder in _FOLDERS:
        for path in sorted(folder.glob("*.linnet")):
            model = _describe(path)
            if model is not None:
                found.setdefault(model.name, model)
    return dict(sorted(found.items(), key=lambda item: item[1].size))


def model_path(model: str | os.PathLike[str]) -> Path:
    """The file behind a model's name or path. Raises ModelError if there is none."""
    text = os.fspath(model)
    if not text.endswith(".linnet") and os.path.basename(text) == text:
        for folder in _FOLDERS:
            if (folder / f"{text}.linnet").is_file():
                return folder / f"{text}.linnet"
    path = Path(text)
    if path.is_file():
        return path
    names = ", ".join(models()) or "none found"
    raise ModelError(f"model '{text}': no such model or file; give one of {names}, or the path of a .linnet file")


def load_model(model: ModelLike) -> bytes:
    """The bytes of a model given by name, path or bytes. Raises ModelError if it cannot be read or is no model."""
    if isinstance(model, (bytes, bytearray, memoryview)):
        name, data = "given as bytes", bytes(model)
    elif isinstance(model, (str, os.PathLike)):
        name = f"'{os.fspath(model)}'"
        try:
            data = model_path(model).read_bytes()
        except OSError as error:
            raise ModelError(f"model {name}: {error.strerror}; give a readable .linnet file") from error
    else:
        raise TypeError(f"model is a {type(model).__name__}; give a name, the path of a .linnet file, or its bytes")
    if data[: len(MAGIC)] != MAGIC:
        raise ModelError(f"model {name}: not a linnet model ({len(data)} bytes); give a .linnet file")
    return data


def example_path(name: str) -> Path:
    """A file of the demo recording. Raises FileNotFoundError if this installation lacks it."""
    for folder in _EXAMPLES:
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(f"{name}: not in this installation; make it with sdk/examples/make_demo_clip.py")


def _describe(path: Path) -> Model | None:
    with path.open("rb") as file:
        header = file.read(HEADER.size)
    if len(header) < HEADER.size or header[: len(MAGIC)] != MAGIC:
        return None
    _, _, _, _, lookahead, dense, hidden, strength, _, _, _, _ = HEADER.unpack(header)
    return Model(path.stem, path, path.stat().st_size, lookahead, dense, hidden, strength)


def _default() -> str:
    for name in ("base", "small"):
        if any((folder / f"{name}.linnet").is_file() for folder in _FOLDERS):
            return name
    return "small"


DEFAULT_MODEL = _default()  # the best model that this installation has
