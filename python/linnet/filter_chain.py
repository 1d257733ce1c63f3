"""A microphone of PipeWire that linnet enhances: the file that asks PipeWire for it, written and removed.

The file is a drop-in of PipeWire's own (pipewire.conf.d); it names LADSPA's plug-in, which `./sconsw plugins` builds
(docs/plugins.md). Nothing else of the system is touched, and no service is started or stopped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template

from linnet.io.outputs import make_folder, printable, replacing

NAME = "linnet.conf"
PLUGIN = "linnet_ladspa.so"
MARK = "# Written by linnet install-filter"  # begins a file of ours
_THEN = "; PipeWire takes notice when it starts: systemctl --user restart pipewire"
_PACKAGE = Path(__file__).resolve().parent
_TEMPLATES = (_PACKAGE / "data", _PACKAGE.parent.parent / "sdk" / "plugins")


class FilterError(Exception):
    """What keeps the file from being written or removed; one line that names it and the remedy."""


def default_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where PipeWire looks for the drop-ins of a user."""
    above = environment.get("XDG_CONFIG_HOME", "")
    return (Path(above) if os.path.isabs(above) else Path.home() / ".config") / "pipewire" / "pipewire.conf.d"


def plugin_folders(environment: Mapping[str, str] = os.environ) -> Iterator[Path]:
    """Where LADSPA's plug-ins lie: those of the environment, of the user, of the system, of a build in place."""
    yield from map(Path, filter(None, environment.get("LADSPA_PATH", "").split(os.pathsep)))
    yield Path.home() / ".ladspa"
    for place in ("/usr/local/lib", "/usr/lib", "/usr/lib64"):
        yield Path(place, "ladspa")
    yield _PACKAGE.parent.parent / "build" / "plugins" / "ladspa"


def find_plugin() -> Path:
    """The first plug-in in these folders. Raises FilterError if there is none."""
    for folder in plugin_folders():
        if (folder / PLUGIN).is_file():
            return (folder / PLUGIN).absolute()
    raise FilterError(
        f"{PLUGIN}: not in {', '.join(map(str, plugin_folders()))}; ./sconsw plugins builds it, --plugin PATH names it"
    )


def filter_text(
    plugin: str | os.PathLike[str],
    *,
    stereo: bool = False,
    light: bool = False,
    limit: float = 100.0,
    postfilter: float = 0.0,
) -> str:
    """Contents of the file. light: the small model instead of the default. limit in dB, 0..100; postfilter 0..1.

    Raises FilterError if the plug-in's path is not UTF-8.
    """
    if printable(plugin) != os.fspath(plugin):
        raise FilterError(f"{printable(plugin)}: a name that is not UTF-8, as PipeWire's files are; rename it")
    template = next(path for folder in _TEMPLATES if (path := folder / "filter-chain.conf.in").is_file())
    return Template(template.read_text(encoding="utf-8")).substitute(
        plugin=json.dumps(os.fspath(plugin), ensure_ascii=False),
        label=f"linnet_{'light_' * light}{'stereo' if stereo else 'mono'}",
        limit=f"{limit:.1f}",
        postfilter=f"{postfilter:.3f}",
        position="FL FR" if stereo else "MONO",
    )


def install(path: Path, text: str, *, force: bool = False, dry_run: bool = False) -> str:
    """Writes the file, and says what was done, or would be. Raises FilterError if another file is there already."""
    if path.exists():
        if _read(path) == text:
            return f"{path}: there already, the same"
        if not force:
            raise FilterError(f"{path}: there already, and different; --force replaces it, --remove takes it away")
    done = "replaced" if path.exists() else "written"
    if dry_run:
        return f"{path}: would be {done}:\n{text}"
    make_folder(path.parent)
    with replacing(path) as temporary:
        Path(temporary).write_text(text, encoding="utf-8")
    return f"{path}: {done}{_THEN}"


def remove(path: Path, *, dry_run: bool = False) -> str:
    """Takes the file away, and says so. Raises FilterError if it is not one that `install` writes."""
    if not path.exists():
        return f"{path}: not there, nothing to remove"
    if not _read(path).startswith(MARK):
        raise FilterError(f"{path}: not written by linnet install-filter; remove it yourself if it is to go")
    if dry_run:
        return f"{path}: would be removed"
    path.unlink()
    return f"{path}: removed{_THEN}"


def _read(path: Path) -> str:
    """Text of a file; whatever it holds, it is not to be lost."""
    if not path.is_file():
        raise FilterError(f"{path}: not a regular file; move it away, or give another --folder")
    return path.read_text(encoding="utf-8", errors="backslashreplace")
