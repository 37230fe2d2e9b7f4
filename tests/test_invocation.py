"""How this very prismd is called, wherever it is called from."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from prismd.invocation import Invocation, invocation, named_by, program, typed

USUAL = Path("/home/anna/.config/prismd/config.toml")


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The command of an installed prismd, by which this process goes as called."""
    command = tmp_path / "my bin" / "prismd"
    command.parent.mkdir()
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(command), "run"])
    return command


def found(
    config_file: Path | None = None, data_dir: Path | None = None, **environment: str
) -> Invocation:
    return invocation(config_file, data_dir, usual_file=USUAL, environment=environment)


def test_a_command_that_a_shell_finds_is_typed_by_its_name(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(installed.parent))
    assert typed(None, None) == "prismd"


def test_one_that_no_shell_finds_is_typed_by_its_path(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert typed(None, None) == shlex.quote(str(installed))


def test_a_module_is_typed_by_its_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/site-packages/prismd/__main__.py"])
    assert typed(None, None) == f"{sys.executable} -m prismd"


def test_what_is_typed_names_what_was_typed_alone(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(installed.parent))
    monkeypatch.setenv("PRISMD_DATA_DIR", "/of/this/shell")
    monkeypatch.chdir(installed.parent)
    assert shlex.split(typed(Path("own.toml"), Path("/my data"))) == [
        *("prismd", "--config", str(installed.parent / "own.toml"), "--data-dir", "/my data")
    ]
    assert typed(None, None) == "prismd"


def test_without_a_shell_it_goes_by_the_link_that_an_update_renews(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tmp_path / "link" / "prismd"
    link.parent.mkdir()
    link.symlink_to(installed)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["link/prismd", "tray"])
    assert program() == (str(link),)


@pytest.mark.parametrize("called", ["/site-packages/prismd/__main__.py", "/gone/prismd", "-c", ""])
def test_without_a_command_it_goes_by_its_python(
    called: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [called])
    assert program() == (sys.executable, "-P", "-m", "prismd")


def test_its_python_runs_prismd_whatever_lies_in_the_folder(
    place_with_another_prismd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["-c"])
    said = subprocess.run(
        [*program(), "--version"],
        cwd=place_with_another_prismd,
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.startswith("prismd")


@pytest.fixture
def place_with_another_prismd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "prismd.py").write_text("raise SystemExit('not this one')\n")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    return tmp_path


def test_what_only_the_environment_names_is_an_option(tmp_path: Path) -> None:
    named = found(PRISMD_CONFIG="/c.toml", PRISMD_DATA_DIR="/d", PRISMD_PORT="1")
    assert named.options == ("--config", "/c.toml", "--data-dir", "/d")
    assert named.argv == (*named.program, *named.options)
    assert found(PRISMD_CONFIG="", PRISMD_DATA_DIR="").options == ()


def test_the_command_line_goes_before_the_environment() -> None:
    named = found(Path("/own.toml"), Path("/own"), PRISMD_CONFIG="/c.toml", PRISMD_DATA_DIR="/d")
    assert named.options == ("--config", "/own.toml", "--data-dir", "/own")


def test_paths_hold_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/anna")
    named = found(Path("c.toml"), Path("~/data"))
    assert named.options == ("--config", f"{tmp_path}/c.toml", "--data-dir", "/home/anna/data")


def test_the_usual_configuration_is_not_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/anna")
    assert found(Path("~/.config/prismd/config.toml")).options == ()
    assert found(PRISMD_CONFIG=str(USUAL)).options == ()


@pytest.mark.parametrize(
    ("options", "config_file", "data_dir"),
    [
        ("run", "/env.toml", "/env"),
        ("--config /a.toml --data-dir=/a run --patient", "/a.toml", "/a"),
        ("--config=/a.toml run /docs", "/a.toml", "/env"),
        ("run --conf /a.toml --data /a", "/env.toml", "/env"),  # which are no options of ours
        ("run --config", None, None),
    ],
)
def test_a_command_names_what_its_options_or_else_its_variables_name(
    options: str, config_file: str | None, data_dir: str | None
) -> None:
    environment = {"PRISMD_CONFIG": "/env.toml", "PRISMD_DATA_DIR": "/env"}
    found = named_by(["/bin/prismd", *options.split()], environment)
    assert [None if path is None else str(path) for path in found] == [config_file, data_dir]
    assert named_by(["/bin/prismd", "run"], {"PRISMD_CONFIG": ""}) == (None, None)
