"""Only what is lost without this shell is told of."""

from __future__ import annotations

from pathlib import Path

from prismd.cli.shell_settings import note_on
from prismd.config.loading import load


def note(tmp_path: Path, **environment: str) -> str:
    file = tmp_path / "config.toml"
    file.write_text('[log]\nlevel = "debug"\n')
    return note_on(load(file, env=environment), "at a login")


def test_nothing_is_said_where_nothing_is_lost(tmp_path: Path) -> None:
    assert note(tmp_path) == ""
    assert note(tmp_path, PRISMD_DATA_DIR="/d", LANG="C") == ""


def test_each_variable_that_is_lost_is_named(tmp_path: Path) -> None:
    said = note(tmp_path, PRISMD_PORT="7000", PRISMD_LOG_LEVEL="error", PRISMD_DATA_DIR="/d")
    assert said == (
        "PRISMD_LOG_LEVEL, PRISMD_PORT: set in this shell, and not at a login; write it into the"
        " configuration file"
    )
