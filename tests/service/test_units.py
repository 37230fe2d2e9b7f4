"""The units as systemd reads them."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from prismd.errors import ConfigError
from prismd.invocation import Invocation
from prismd.service.command import Command, command_of
from prismd.service.unit import SERVICE, SOCKET, address_in, quoted, service_unit, socket_unit
from prismd.service.written import sealed
from tests.service.manager import need

Analyse = Callable[..., "subprocess.CompletedProcess[str]"]
_MOST_EXPOSED = 66
"""Tenths. systemd counts what the manager of a user cannot take away, or has taken already: it
takes the service for one of root's."""


@pytest.fixture
def analyse(tmp_path: Path) -> Analyse:
    """Runs systemd-analyze on units that lie in the test's folder."""
    need("systemd-analyze")
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["systemd-analyze", *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "XDG_RUNTIME_DIR": str(runtime), "SYSTEMD_COLORS": "0"},
        )

    return run


def written(folder: Path, program: Path) -> list[Path]:
    command = Command(
        (str(program), "--data-dir", f"{folder}/a b/100%/$HOME;\"'\\", "run"),
        {"XDG_DATA_HOME": '/x y/50%/"'},
    )
    units = {SERVICE: service_unit(command), SOCKET: socket_unit("::1", 7776)}
    for name, text in units.items():
        (folder / name).write_text(sealed(text))
    return [folder / name for name in units]


def program_in(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "prismd"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(
    "name",
    ["plain", "with space", "100%", "%h", "$HOME", "${HOME}", "ä é 文", ";#"],
)
def test_systemd_finds_the_program_and_nothing_wrong(
    analyse: Analyse, tmp_path: Path, name: str
) -> None:
    units = written(tmp_path, program_in(tmp_path / name))
    done = analyse("verify", "--user", *units)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_systemd_misses_a_program_that_is_not_there(analyse: Analyse, tmp_path: Path) -> None:
    """What the test above hangs on."""
    done = analyse("verify", "--user", *written(tmp_path, tmp_path / "gone" / "prismd"))
    assert done.returncode
    assert "is not executable" in done.stderr


def test_it_is_no_more_exposed_than_a_users_service_must_be(
    analyse: Analyse, tmp_path: Path
) -> None:
    unit, _ = written(tmp_path, program_in(tmp_path / "bin"))
    done = analyse("security", "--user", "--offline=true", f"--threshold={_MOST_EXPOSED}", unit)
    assert done.returncode == 0, done.stdout
    assert re.search(r"Overall exposure level .*: \d", done.stdout)


def test_what_a_users_systemd_cannot_do_is_not_asked_of_it() -> None:
    """Each of these keeps the service from starting there, or hides disks, or is ignored."""
    text = service_unit(Command(("/bin/prismd", "run")))
    set_ = {line.partition("=")[0] for line in text.splitlines() if re.match(r"\w+=", line)}
    assert not {name for name in set_ if name.startswith(("Protect", "Private", "Capability"))}
    assert not set_ & {"ReadWritePaths", "MemoryDenyWriteExecute", "User", "DynamicUser"}
    assert {"Type", "WatchdogSec", "Restart", "NoNewPrivileges", "UMask", "LimitCORE"} <= set_


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1:7776"),
        ("localhost", "127.0.0.1:7776"),
        ("::1", "[::1]:7776"),
    ],
)
def test_the_socket_is_the_settings_address(host: str, address: str) -> None:
    text = socket_unit(host, 7776)
    assert f"\nListenStream={address}\n" in text
    assert address_in(text) == address
    assert address_in(text.replace("ListenStream", "ListenDatagram")) == ""


@pytest.mark.parametrize(
    ("text", "why"), [("a\nUser=root", "control"), ("a\0", "control"), ("\udcff", "UTF-8")]
)
def test_what_no_line_can_hold_is_refused(text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        quoted(text)


@pytest.mark.parametrize("name", ['a"b', "a'b", "a\\b"])
def test_a_program_that_systemd_would_not_run_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="has quotes or backslashes, which a unit of systemd"):
        service_unit(Command((f"/opt/{name}/prismd", "run")))


def test_nothing_is_filled_in_twice() -> None:
    assert '"@ENVIRONMENT@"' in service_unit(Command(("/bin/prismd", "@ENVIRONMENT@")))


def test_the_command_is_the_invocation_with_the_places_of_the_shell() -> None:
    called = Invocation(("/bin/prismd",), Path("/c.toml"), Path("/data"))
    found = command_of(called, {"PRISMD_PORT": "1", "XDG_DATA_HOME": "/d"})
    assert found.argv == (
        "/bin/prismd",
        "--config",
        "/c.toml",
        "--data-dir",
        "/data",
        "run",
        "--patient",
    )
    assert found.environment == {"XDG_DATA_HOME": "/d"}


def test_programs_from_elsewhere_are_found_by_the_service(tmp_path: Path) -> None:
    program = program_in(tmp_path / "brew")
    program.rename(program.with_name("tesseract"))
    found = command_of(Invocation(("/bin/prismd",)), {"PATH": str(tmp_path / "brew")})
    assert found.environment == {"PATH": f"{tmp_path}/brew:/usr/local/bin:/usr/bin:/bin"}
