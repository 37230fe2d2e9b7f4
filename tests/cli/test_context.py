from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from prismd.cli.context import Context


def test_its_flags_are_named_in_this_shell_and_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    context = Context(Path("own.toml"), {"data_dir": Path("/my data")})
    named = ["--config", str(tmp_path / "own.toml"), "--data-dir", "/my data"]
    assert shlex.split(context.command)[-4:] == named
    assert context.invocation.options == tuple(named)


def test_what_the_environment_names_is_named_only_where_there_is_no_shell(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PRISMD_CONFIG", "/c.toml")
    monkeypatch.delenv("PRISMD_DATA_DIR", raising=False)
    context = Context(None, {})
    assert "--config" not in context.command
    assert context.invocation.options == ("--config", "/c.toml")
