from __future__ import annotations

import os
import shlex
import socket
from pathlib import Path

import pytest

from prismd.cli import context as context_module
from prismd.cli.context import Context
from prismd.errors import DaemonSilent
from prismd.running import announced


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


def test_a_daemon_that_does_not_answer_is_not_taken_for_none(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context_module, "_HEALTH_S", 0.1)
    data_dir.mkdir()
    context = Context(None, {"data_dir": data_dir})
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        silent = rf"prismd runs \(process {os.getpid()}\), but does not answer; ask again"
        with announced(data_dir, url):
            with pytest.raises(DaemonSilent, match=silent), context.daemon():
                pass
            assert not context.running()  # who can do without it does
