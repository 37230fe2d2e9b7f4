"""Which index a service is for is told where that is certain, and else not."""

from __future__ import annotations

from pathlib import Path

import pytest

from prismd.cli.served import served
from prismd.service.command import Command


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text('data_dir = "/of/the/file"\n')
    return path


def runs(*options: str, **environment: str) -> Command:
    return Command(("/usr/bin/prismd", *options, "run", "--patient"), environment)


def test_what_it_names_is_told(config_file: Path) -> None:
    assert served(runs("--data-dir", "/d")) == "/d"
    assert served(runs(PRISMD_DATA_DIR="/d")) == "/d"
    assert served(runs("--config", str(config_file))) == "/of/the/file"
    assert served(runs(PRISMD_CONFIG=str(config_file))) == "/of/the/file"
    assert served(runs("--config", str(config_file), "--data-dir", "/d")) == "/d"


def test_what_is_no_daemon_of_prismd_is_for_none() -> None:
    assert served(None) is None
    assert served(Command(())) is None
    assert served(Command(("/usr/bin/prismd", "--data-dir", "/d", "tray"))) is None


def test_settings_that_cannot_be_read_tell_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("data_dir = [")
    assert served(runs("--config", str(broken))) is None
    assert served(runs("--config", str(tmp_path / "missing.toml"))) is None


def test_what_it_does_not_name_is_told_where_both_look_in_the_same_places(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = served(runs())
    assert usual is not None
    assert Path(usual).is_relative_to(home)
    bare = tmp_path / "bare.toml"
    bare.write_text("")
    assert served(runs("--config", str(bare))) == usual
    elsewhere = str(tmp_path / "elsewhere")
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        assert served(runs(**{name: elsewhere})) is None
        with monkeypatch.context() as shell:
            shell.setenv(name, elsewhere)
            assert served(runs()) is None
            assert served(runs(**{name: elsewhere})) is not None
    # A variable that says what is usual is no other place.
    assert served(runs(XDG_CONFIG_HOME=str(home / ".config"))) == usual


def test_a_file_that_says_where_the_index_is_says_so_wherever_else_one_looks(
    config_file: Path, tmp_path: Path
) -> None:
    command = runs("--config", str(config_file), XDG_DATA_HOME=str(tmp_path))
    assert served(command) == "/of/the/file"
