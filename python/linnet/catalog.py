"""The models that come with linnet, and their names ("large", "light", ...), the path of a file, or its bytes.

Installed, the files lie in linnet/models; in the source tree, in sdk/models. Nothing is ever downloaded. The layout
of a model file is set down in sdk/src/model/blob.h. A `Model` is such a file in memory, checked whole by the core when
it is read, once in a process, and shared by all streams. The core is loaded with the first of them.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Union

from linnet.model.layout import BAND_SPLIT, HEADER, MAGIC, TOPOLOGY_BAND_SPLIT

if TYPE_CHECKING:
    from typing_extensions import Self

    from linnet import _core

ModelLike: TypeAlias = Union["Model", str, os.PathLike[str], bytes, bytearray, memoryview]
_Identity: TypeAlias = tuple[str, int, int, int, int]  # real path, device, number, bytes, time of the last change

_ERR_VERSION = -7  # LINNET_ERR_VERSION
# Where it is installed, and where it lies if that is a link.
_PACKAGES = tuple(dict.fromkeys((Path(os.path.abspath(__file__)).parent, Path(__file__).resolve().parent)))
_FOLDERS = tuple(place for top in _PACKAGES for place in (top / "models", top.parent.parent / "sdk" / "models"))
_APART = ("base",)  # large ones, which a package of their own adds to an installation
_EXAMPLES = tuple(place for top in _PACKAGES for place in (top / "data", top.parent.parent / "sdk" / "examples"))


class ModelError(ValueError):
    """A model that is missing or cannot be used; the message is one line that names it and the remedy."""


@dataclass(frozen=True)
class ModelFile:
    """A model file, by its header.

    widths by name: "dense" (first layer), "hidden" and "strength" (branch) of a PercepNet or of a trunk; "channels",
    "context", "blocks", "summary" and "taps" of a network with shared layers.
    """

    name: str
    path: Path
    size: int  # bytes
    lookahead: int  # frames of 10 ms
    widths: dict[str, int]

    @property
    def delay(self) -> int:
        """Samples at 48 kHz by which the output of whole frames lags."""
        from linnet import _core

        return _core.FRAME * (self.lookahead + 1)


class Model:
    """A model in memory: checked once, never changed, shared by any number of streams, threads and forked processes.

    source: a name ("large", "base", "sparse", "small", "light"), the path of a .linnet file, its bytes, or a
    Model. A file is read once in a process, and again only if it has changed or nobody has used it for a while. Copies
    are the object itself; a pickle holds the name, the path, or the bytes, whichever the model was made of. Equal are
    those that share their memory. Raises ModelError if there is no such model or it is damaged, TypeError for other
    sources.
    """

    __slots__ = ("_core", "_name", "_path", "_source")

    _core: _core.Model
    _source: str | None  # name or path
    _name: str
    _path: Path | None

    def __init__(self, source: ModelLike | None = None) -> None:
        source = DEFAULT_MODEL if source is None else source
        if isinstance(source, Model):
            values: tuple[Any, ...] = (source._core, source._source, source._name, source._path)
        elif isinstance(source, (str, os.PathLike)):
            path = model_path(source)
            text = os.fspath(source)
            stored = text if _is_name(text) else os.path.abspath(path)
            values = (_load_file(path, text), stored, path.stem, path)
        else:
            data = load_model(source)
            values = (_load_bytes(data, f"of {len(data)} bytes"), None, "bytes", None)
        for name, value in zip(("_core", "_source", "_name", "_path"), values, strict=True):
            object.__setattr__(self, name, value)

    @property
    def name(self) -> str:
        """The file's name without its ending; "bytes" if there was no file."""
        return self._name

    @property
    def path(self) -> Path | None:
        """The file, None if the model was made of bytes."""
        return self._path

    @property
    def topology(self) -> str:
        """Name of the network's form: "percepnet"."""
        return self._core.topology

    @property
    def delay(self) -> int:
        """Samples at 48 kHz by which the output of whole frames lags."""
        return self._core.delay_frames * self._core.frame_size

    @property
    def size(self) -> int:
        """Bytes of the model."""
        return self._core.size

    @property
    def weights(self) -> int:
        """Number of weights and biases, of a sparse model those that it stores."""
        return self._core.weights

    @property
    def multiply_adds(self) -> int:
        """Of the network for one frame of 10 ms."""
        return self._core.multiply_adds

    @property
    def frame_bytes(self) -> int:
        """Bytes of the model that one frame reads."""
        return self._core.frame_bytes

    @property
    def stream_bytes(self) -> int:
        """Memory of one stream of whole frames, beside the model."""
        return self._core.stream_bytes

    def to_bytes(self) -> bytes:
        """A copy of the model file's bytes."""
        return self._core.to_bytes()

    def __setattr__(self, name: str, _: object) -> None:
        raise AttributeError(f"{name}: a Model cannot be changed; make another one")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{name}: a Model cannot be changed; make another one")

    def __repr__(self) -> str:
        return f"<linnet.Model {self._name}: {self.topology}, {self.weights:,} weights, delay {self.delay} samples>"

    def __eq__(self, other: object) -> bool:
        return self._core is other._core if isinstance(other, Model) else NotImplemented

    def __hash__(self) -> int:
        return id(self._core)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: dict[int, object]) -> Self:
        return self

    def __reduce__(self) -> tuple[type[Model], tuple[str | bytes]]:
        return Model, (self.to_bytes() if self._source is None else self._source,)


def models() -> dict[str, ModelFile]:
    """The models that come with this installation, by name, smallest first. Files that are not models are left out."""
    files: dict[str, ModelFile] = {}
    for folder in _folders():
        for path in sorted(folder.glob("*.linnet")):
            model = _describe(path)
            if model is not None:
                files.setdefault(model.name, model)
    return dict(sorted(files.items(), key=lambda item: item[1].size))


def model_path(model: str | os.PathLike[str]) -> Path:
    """The file behind a model's name or path. Raises ModelError if there is none."""
    text = os.fspath(model)
    if _is_name(text):
        for folder in _folders():
            if (folder / f"{text}.linnet").is_file():
                return folder / f"{text}.linnet"
    path = Path(text)
    if path.is_file():
        return path
    if text in _APART:
        raise ModelError(
            f"model '{text}': not in this installation; the wheel linnet_{text} of ./sconsw wheels adds it"
        )
    names = ", ".join(models()) or "none found"
    raise ModelError(f"model '{text}': no such model or file; give one of {names}, or the path of a .linnet file")


def load_model(model: ModelLike) -> bytes:
    """The bytes of a model given by name, path or bytes. Raises ModelError if it cannot be read or is no model."""
    if isinstance(model, Model):
        return model.to_bytes()
    if isinstance(model, (bytes, bytearray, memoryview)):
        name, data = "given as bytes", bytes(model)
    elif isinstance(model, (str, os.PathLike)):
        name, data = f"'{os.fspath(model)}'", _read(model_path(model), os.fspath(model))[0]
    else:
        raise TypeError(f"model is a {type(model).__name__}; give a name, the path of a .linnet file, or its bytes")
    if data[: len(MAGIC)] != MAGIC:
        raise ModelError(f"model {name}: not a linnet model ({len(data)} bytes); give a .linnet file")
    return data


def open_model(model: ModelLike) -> Model:
    """A Model as it is, any other source made into one."""
    return model if isinstance(model, Model) else Model(model)


def model_label(model: ModelLike) -> str:
    """What reports call a model: the name or path it was given by, or how many bytes."""
    if isinstance(model, (str, os.PathLike)):
        return os.fspath(model)
    if isinstance(model, Model) and model.path:
        return os.fspath(model.path)
    return f"{model.size if isinstance(model, Model) else len(model)} bytes"


def example_path(name: str) -> Path:
    """A file of the demo recording. Raises FileNotFoundError if this installation lacks it."""
    for folder in _EXAMPLES:
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(f"{name}: not in this installation; make it with sdk/examples/make_demo_clip.py")


def _folders() -> Iterator[Path]:
    """Where models may lie: with this package, then wherever a package beside it (linnet-base) was installed, which
    need not be the same place."""
    yield from _FOLDERS
    for entry in sys.path:
        folder = Path(entry, "linnet", "models")
        if folder not in _FOLDERS and folder.is_dir():
            yield folder


def _describe(path: Path) -> ModelFile | None:
    header = b""
    with suppress(OSError):
        if path.is_file():  # a pipe would not end
            with path.open("rb") as file:
                header = file.read(HEADER.size)
    if len(header) < HEADER.size or header[: len(MAGIC)] != MAGIC:
        return None
    _, _, _, topology, lookahead, dense, hidden, strength, _, _, shape, _ = HEADER.unpack(header)
    widths = {"dense": dense, "hidden": hidden, "strength": strength} if hidden else {}
    if topology == TOPOLOGY_BAND_SPLIT:
        widths |= dict(
            zip(("channels", "context", "blocks", "summary", "taps"), BAND_SPLIT.unpack(shape), strict=False)
        )
    return ModelFile(path.stem, path, path.stat().st_size, lookahead, widths)


def _is_name(text: str) -> bool:
    return not text.endswith(".linnet") and os.path.basename(text) == text


def _read(path: Path, text: str) -> tuple[bytes, os.stat_result]:
    """The file's bytes and what they were read from. text: what the user calls it."""
    try:
        with path.open("rb") as file:
            return file.read(), os.fstat(file.fileno())
    except OSError as error:
        raise ModelError(f"model '{text}': {error.strerror}; give a readable .linnet file") from error


def _identity(path: Path, about: os.stat_result) -> _Identity:
    return os.path.realpath(path), about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns


class _Cache:
    """Models in use by their file, and the few used last, so that stream after stream does not read the file again."""

    KEPT = 3

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.known: weakref.WeakValueDictionary[_Identity, _core.Model] = weakref.WeakValueDictionary()
        self.last: deque[_core.Model] = deque(maxlen=self.KEPT)

    def get(self, key: _Identity) -> _core.Model | None:
        """With the lock held."""
        return self._used(self.known.get(key))

    def put(self, key: _Identity, model: _core.Model) -> None:
        """With the lock held."""
        self.known[key] = model
        self._used(model)

    def _used(self, model: _core.Model | None) -> _core.Model | None:
        if model is not None:
            if model in self.last:
                self.last.remove(model)
            self.last.append(model)
        return model


_cache = _Cache()
if hasattr(os, "register_at_fork"):
    # Another thread of the parent may have held it.
    os.register_at_fork(after_in_child=lambda: setattr(_cache, "lock", threading.Lock()))


def _load_file(path: Path, text: str) -> _core.Model:
    """The one model of a file that all streams of this process share."""
    with _cache.lock:
        try:
            model = _cache.get(_identity(path, path.stat()))
        except OSError as error:
            raise ModelError(f"model '{text}': {error.strerror}; give a readable .linnet file") from error
        if model is None:
            data, about = _read(path, text)
            if data[: len(MAGIC)] != MAGIC:
                raise ModelError(f"model '{text}': not a linnet model ({len(data)} bytes); give a .linnet file")
            model = _load_bytes(data, f"'{text}'")
            _cache.put(_identity(path, about), model)
        return model


def _load_bytes(data: bytes, text: str) -> _core.Model:
    from linnet import _core  # not before a model is wanted

    try:
        return _core.Model(data)
    except _core.LinnetError as error:
        remedy = "give an intact .linnet file"
        if error.status == _ERR_VERSION:
            remedy = "give a model made for this linnet, or install a newer linnet"
        raise ModelError(f"model {text}: {error}; {remedy}") from error


def _default() -> str:
    for name in ("large", "base", "small"):
        if any((folder / f"{name}.linnet").is_file() for folder in _folders()):
            return name
    return "small"


DEFAULT_MODEL = _default()  # the best model that this installation has
