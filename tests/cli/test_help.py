from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from prismd import __version__
from prismd.cli.main import cli, main
from prismd.errors import ConfigError, DaemonUnreachable, PrismdError

HEAVY = {
    "apsw",
    "asyncio",
    "httpx",
    "litestar",
    "llama_cpp",
    "numpy",
    "onnxruntime",
    "pymupdf",
    "rich",
    "tokenizers",
    "uvicorn",
}
SHOWN = "import sys; from prismd.cli import main\ntry:\n    main(['--help'])\nfinally:\n"
SHOWN += "    print(*{name.split('.')[0] for name in sys.modules}, file=sys.stderr)"


def commands(
    group: click.Group = cli,
    path: tuple[str, ...] = (),
) -> list[tuple[str, ...]]:
    """The path of every command, those of groups included."""
    found = []
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        found.append((*path, name))
        if isinstance(command, click.Group):
            found += commands(command, (*path, name))
    return found


def ends_with(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert isinstance(end.value.code, int)
    return end.value.code


def test_help_imports_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", SHOWN], capture_output=True, text=True, check=True)
    assert "Ask your own files" in done.stdout
    assert "prismd" in done.stderr.split()
    assert not set(done.stderr.split()) & HEAVY


def test_every_command_of_the_design_is_there() -> None:
    names = {path[0] for path in commands()}
    assert names >= {
        *("run", "index", "search", "ask", "status", "pause", "resume", "errors", "retry"),
        *("add", "remove", "files", "models", "reindex", "check", "backup", "token", "doctor"),
        *("config", "service"),
    }


@pytest.mark.parametrize("path", commands(), ids=" ".join)
def test_every_command_explains_itself(path: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(cli, [*path, "--help"])
    assert shown.exit_code == 0
    explanation = shown.output.split("\n\n")[1].strip()
    assert explanation.endswith(".")


@pytest.mark.parametrize("path", commands(), ids=" ".join)
def test_every_option_and_argument_of_a_command_explains_itself(path: tuple[str, ...]) -> None:
    command: click.Command = cli
    for name in path:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), name)
        assert found is not None
        command = found
    for parameter in command.params:
        explained = (getattr(parameter, "help", None) or "").strip()
        assert explained.endswith((".", "…")), f"{parameter.name}: {explained}"


def groups() -> list[tuple[str, ...]]:
    """The path of every command that has commands of its own."""
    return sorted({path[:-1] for path in commands()})


@pytest.mark.parametrize("path", groups(), ids=lambda path: " ".join(path) or "prismd")
def test_commands_are_listed_without_being_cut_short(path: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(cli, [*path, "--help"], terminal_width=80).output
    names = {known[-1] for known in commands() if known[:-1] == path}
    rows = [line for line in shown.splitlines() if line[:2].isspace() and line[2:3].strip()]
    listed = {line.split()[0]: line for line in rows if line.split()[0] in names}
    assert set(listed) == names
    assert [line for line in listed.values() if not line.endswith(".") or "..." in line] == []


def test_help_ends_with_variables_and_exit_codes() -> None:
    shown = CliRunner().invoke(cli, ["--help"]).output
    assert "PRISMD_DATA_DIR" in shown
    for error, code in {"failed": PrismdError, "configuration": ConfigError}.items():
        assert any(
            line.split()[:1] == [str(code.exit_code)] and error in line
            for line in shown.splitlines()
        )
    assert f"    {DaemonUnreachable.exit_code}    no prismd is running\n" in shown


@pytest.mark.parametrize(("value", "coloured"), [("", True), ("1", False)])
def test_no_color_is_heeded(
    value: str, coloured: bool, monkeypatch: pytest.MonkeyPatch, data_dir: Path
) -> None:
    monkeypatch.setenv("NO_COLOR", value)
    # By the runner colours are kept unless they are switched off.
    said = CliRunner().invoke(cli, ["--data-dir", str(data_dir), "doctor"], color=True).output
    assert ("\x1b[" in said) is coloured


def test_the_module_runs_like_the_command() -> None:
    command = [sys.executable, "-m", "prismd", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"prismd, version {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--bogus"],
        ["bogus"],
        ["search"],
        ["search", "--bogus", "words"],
        ["search", "--limit", "0", "words"],
        ["search", "--type", "bogus", "words"],
        ["files", "--state", "bogus"],
        ["run", "--port", "many"],
        ["run", "--port", "70000"],
        ["index", "/nowhere/at/all"],
        ["reindex"],
        ["reindex", "--stale", "--all"],
        ["models", "bogus"],
        ["--config", "/nowhere/at/all.toml", "status"],
    ],
    ids=" ".join,
)
def test_a_command_that_is_not_understood_ends_with_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert ends_with(arguments) == 2
    said = capsys.readouterr()
    assert not said.out
    assert said.err


def test_help_ends_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert ends_with(["search", "-h"]) == 0
    assert "--after" in capsys.readouterr().out


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert ends_with([]) == 0
    bare = capsys.readouterr().out
    assert ends_with(["--help"]) == 0
    assert bare == capsys.readouterr().out
    assert "prismd run ~/Documents       read a folder, and answer until Ctrl-C" in bare


def test_the_help_lists_every_command_once(capsys: pytest.CaptureFixture[str]) -> None:
    ends_with(["--help"])
    shown = capsys.readouterr().out
    listed = [line.split()[0] for line in shown.splitlines() if re.match(r"  [a-z]+  +[A-Z]", line)]
    assert sorted(listed) == sorted(path[0] for path in commands() if len(path) == 1)
