"""`linnet install-filter`: what it writes and where, what it never overwrites, how it goes again."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import scons_backend
from command_line import fails

from linnet import filter_chain
from linnet.cli import main


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user with a plug-in in ~/.ladspa, whose name wants care."""
    home = tmp_path / 'a "user"'
    (home / ".ladspa").mkdir(parents=True)
    (home / ".ladspa" / filter_chain.PLUGIN).touch()
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_CONFIG_HOME", "LADSPA_PATH"):
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture
def file(home: Path) -> Path:
    return home / ".config/pipewire/pipewire.conf.d/linnet.conf"


def install(*words: str) -> int:
    return main(["install-filter", *words])


def test_writes_the_file_and_says_where(file: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert install() == 0
    said = capsys.readouterr().out
    assert str(file) in said and "systemctl --user restart pipewire" in said
    text = file.read_text()
    plugin = str(home / ".ladspa" / filter_chain.PLUGIN).replace('"', r"\"")
    assert f'plugin = "{plugin}"' in text and "label = linnet_mono\n" in text and "[ MONO ]" in text
    assert '"Attenuation Limit (dB)" = 100.0\n' in text and '"Post Filter" = 0.000\n' in text
    assert text.startswith(filter_chain.MARK) and "$" not in text
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_options_are_in_the_file(file: Path) -> None:
    assert install("--stereo", "--light", "--attenuation-limit", "24", "--postfilter", "0.5") == 0
    text = file.read_text()
    assert "label = linnet_light_stereo\n" in text and "[ FL FR ]" in text
    assert '"Attenuation Limit (dB)" = 24.0\n' in text and '"Post Filter" = 0.500\n' in text


def test_dry_run_shows_the_file_and_writes_nothing(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert install("--dry-run") == 0
    shown = capsys.readouterr().out
    assert not file.parent.exists()
    assert install() == 0
    assert shown == f"{file}: would be written:\n{file.read_text()}\n"
    capsys.readouterr()
    assert install("--dry-run", "--stereo", "--force") == 0
    assert "would be replaced" in capsys.readouterr().out and "linnet_mono" in file.read_text()
    assert install("--dry-run", "--remove") == 0
    assert "would be removed" in capsys.readouterr().out and file.exists()


def test_another_file_is_not_overwritten_unless_asked(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert install() == 0
    assert install() == 0
    assert "the same" in capsys.readouterr().out
    before = file.read_bytes()
    for words in (("--light",), ("--light", "--dry-run")):
        assert install(*words) == 2
        error = capsys.readouterr().err
        assert str(file) in error and "--force" in error and error.count("\n") == 1
        assert file.read_bytes() == before
    assert install("--light", "--force") == 0
    assert "replaced" in capsys.readouterr().out and "linnet_light_mono" in file.read_text()


def test_remove_takes_away_ours_alone(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert install("--remove") == 0
    assert "nothing to remove" in capsys.readouterr().out
    assert install() == 0
    file.write_text(file.read_text() + "# edited\n")
    assert install("--remove") == 0
    assert not file.exists() and "removed" in capsys.readouterr().out
    file.write_bytes(b"context.modules = [ ] # \xff of the user\n")
    assert install("--remove") == 2
    assert file.exists() and str(file) in capsys.readouterr().err


def test_folders_of_others(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert install() == 0
    assert (tmp_path / "config/pipewire/pipewire.conf.d/linnet.conf").exists()
    monkeypatch.setenv("XDG_CONFIG_HOME", "not/absolute")  # is to be ignored, says its specification
    assert filter_chain.default_folder() == home / ".config/pipewire/pipewire.conf.d"
    assert install("--folder", str(tmp_path / "etc")) == 0
    assert (tmp_path / "etc/linnet.conf").exists()


def test_the_plug_in_is_looked_for_and_named(
    file: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own" / filter_chain.PLUGIN
    own.parent.mkdir()
    own.touch()
    monkeypatch.setenv("LADSPA_PATH", f"/nowhere:{own.parent}")
    assert install() == 0 and str(own) in file.read_text()
    assert install("--plugin", str(tmp_path / "none.so")) == 2
    error = capsys.readouterr().err
    assert "none.so" in error and error.count("\n") == 1
    monkeypatch.setattr(filter_chain, "plugin_folders", lambda: iter([tmp_path]))
    assert install("--force") == 2
    error = capsys.readouterr().err
    assert str(tmp_path) in error and "./sconsw plugins" in error and "--plugin" in error
    assert install("--remove") == 0  # which needs none


def test_a_file_that_cannot_be_written_is_an_error_of_one_line(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert install("--folder", str(tmp_path / "file")) == 2
    assert capsys.readouterr().err.count("\n") == 1
    file.mkdir(parents=True)
    assert install("--force") == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_labels_and_controls_are_those_of_the_plug_in(root: Path) -> None:
    told = (root / "sdk/plugins/forms.h").read_text() + (root / "sdk/plugins/ladspa.cpp").read_text()
    labels = set()
    for stereo in (False, True):
        for light in (False, True):
            text = filter_chain.filter_text("x", stereo=stereo, light=light)
            labels |= set(re.findall(r"label = (\w+)", text))
            controls = re.findall(r'"(.*)" = [\d.]+', text)
            assert len(controls) == 2 and all(f'"{name}"' in told for name in controls)
    assert len(labels) == 4 and all(f'"{label}"' in told for label in labels)


def test_an_installation_has_the_text_of_the_file() -> None:
    assert scons_backend.package_files()["linnet/data/filter-chain.conf.in"].is_file()


def test_names_that_cannot_be(file: Path, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plugin = home / os.fsdecode(b"caf\xe9.so")
    plugin.touch()
    assert "not UTF-8" in fails(capsys, "install-filter", "--plugin", plugin)
    assert not file.parent.exists()
    file.mkdir(parents=True)
    for words in ([], ["--force"], ["--remove"], ["--dry-run"]):
        assert f"{file}: not a regular file; move it away" in fails(capsys, "install-filter", *words)
    assert file.is_dir()
