from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from prismd.cli.context import Context


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The command of an installed prismd, by which this process goes as called."""
    command = tmp_path / "my bin" / "prismd"
    command.parent.mkdir()
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(command), "run"])
    return command


def test_a_command_that_a_shell_finds_goes_by_its_name(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(installed.parent))
    assert Context(None, {}).command == "prismd"


def test_one_that_no_shell_finds_goes_by_its_path(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert Context(None, {}).command == shlex.quote(str(installed))


def test_a_module_goes_by_its_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/site-packages/prismd/__main__.py"])
    assert Context(None, {}).command == f"{sys.executable} -m prismd"


def test_the_settings_that_it_was_called_with_are_named(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(installed.parent))
    monkeypatch.chdir(installed.parent)
    context = Context(Path("own.toml"), {"data_dir": Path("/my data")})
    assert shlex.split(context.command) == [
        *("prismd", "--config", str(installed.parent / "own.toml"), "--data-dir", "/my data")
    ]
