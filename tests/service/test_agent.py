"""The agent of launchd, and how launchd is asked; launchctl is stood in for."""

from __future__ import annotations

import plistlib
from pathlib import Path
from typing import Any

import pytest

from prismd.errors import PrismdError
from prismd.service import written
from prismd.service.agent import LABEL, agent_plist
from prismd.service.command import Command
from prismd.service.launchd import Launchd
from tests.service.manager import stand_in

COMMAND = Command(("/opt/a b/<prismd>&", "--data-dir", "/d", "run"), {"XDG_DATA_HOME": "/x"})
_LAUNCHCTL = """\
case "$1" in
print) case "$2" in */local.prismd) [ -e "$STATE" ] || exit 113; cat "$STATE" ;; *)
    [ ! -e "$STATE.nobody" ] || { echo "Could not find domain" >&2; exit 125; } ;; esac ;;
bootstrap) [ ! -e "$STATE" ] || exit 5; printf '\\tstate = running\\n\\tpid = 77\\n' >"$STATE" ;;
bootout) rm "$STATE" ;;
esac"""


class Mac:
    """A home with a launchd.

    Args:
        root: An empty folder.
        monkeypatch: Sets the environment of this process.
    """

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._calls = stand_in(root / "bin", "launchctl", _LAUNCHCTL)
        self.loaded = root / "loaded"
        monkeypatch.setenv("PATH", f"{root}/bin:/usr/bin:/bin")
        monkeypatch.setenv("STATE", str(self.loaded))
        monkeypatch.setattr("os.getuid", lambda: 501)
        self.plist = Path.home() / "Library" / "LaunchAgents" / f"{LABEL}.plist"

    def changes(self) -> list[str]:
        """What was asked of launchd since this was asked last, but for questions."""
        calls = self._calls.read_text().splitlines() if self._calls.exists() else []
        self._calls.unlink(missing_ok=True)
        told = [call.removeprefix("launchctl ") for call in calls]
        return [call for call in told if not call.startswith("print")]


@pytest.fixture
def mac(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mac:
    return Mac(tmp_path, monkeypatch)


def read(text: str) -> Any:
    return plistlib.loads(text.encode())


def test_the_agent_has_what_launchd_goes_by() -> None:
    agent = read(written.sealed(agent_plist(COMMAND, Path("/logs/prismd.log"), sets_log=True)))
    assert agent == {
        "Label": "local.prismd",
        "ProgramArguments": ["/opt/a b/<prismd>&", "--data-dir", "/d", "run"],
        "EnvironmentVariables": {
            "PATH": "/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "XDG_DATA_HOME": "/x",
            "PRISMD_LOG_FILE": "/logs/prismd.log",
        },
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": 60,
        "ExitTimeOut": 60,
        "Nice": 5,
        "LowPriorityIO": True,
        "Umask": 0o077,
        "HardResourceLimits": {"Core": 0},
        "SoftResourceLimits": {"Core": 0, "NumberOfFiles": 8192},
        "StandardOutPath": "/dev/null",
        "StandardErrorPath": "/logs/prismd.stderr.log",
    }


def test_a_log_file_of_the_settings_is_left_to_them() -> None:
    agent = read(agent_plist(COMMAND, Path("/logs/mine.log"), sets_log=False))
    assert "PRISMD_LOG_FILE" not in agent["EnvironmentVariables"]


def test_it_is_loaded_loaded_anew_and_removed(mac: Mac) -> None:
    launchd = Launchd(COMMAND, None)
    target = f"gui/501/{LABEL}"
    assert not launchd.standing().is_installed
    launchd.install(socket=False, start=True, force=False)
    assert mac.changes() == [f"enable {target}", f"bootstrap gui/501 {mac.plist}"]
    log = Path.home() / "Library" / "Logs" / "prismd" / "prismd.log"
    assert read(mac.plist.read_text())["EnvironmentVariables"]["PRISMD_LOG_FILE"] == str(log)
    assert log.parent.is_dir()
    assert launchd.log_files() == (log, log.with_name("prismd.stderr.log"))
    standing = launchd.standing()
    assert (standing.state, standing.pid, standing.starts) == ("running", 77, "at login")
    assert not standing.is_outdated
    assert Launchd(Command(("/other", "run")), None).standing().is_outdated

    mac.changes()
    launchd.install(socket=False, start=True, force=False)
    launchd.start()
    assert mac.changes() == [
        f"enable {target}",
        f"bootout {target}",
        f"bootstrap gui/501 {mac.plist}",
        f"kickstart {target}",
    ]
    launchd.stop()
    launchd.start()
    assert mac.changes() == [f"bootout {target}", f"bootstrap gui/501 {mac.plist}"]
    assert launchd.uninstall(force=False) == [mac.plist]
    assert not mac.plist.exists()
    assert not mac.loaded.exists()
    assert launchd.uninstall(force=False) == []
    assert log.parent.is_dir()


def test_an_agent_that_was_changed_by_hand_is_kept(mac: Mac) -> None:
    launchd = Launchd(COMMAND, None)
    launchd.install(socket=False, start=False, force=False)
    mac.plist.write_text(mac.plist.read_text().replace("<integer>5<", "<integer>9<"))
    mac.changes()
    with pytest.raises(PrismdError, match="was changed by hand, and is not replaced"):
        launchd.install(socket=False, start=True, force=False)
    with pytest.raises(PrismdError, match="was changed by hand, and is not removed"):
        launchd.uninstall(force=False)
    assert mac.changes() == []
    assert launchd.standing().is_edited
    launchd.uninstall(force=True)
    assert "<integer>9<" in mac.plist.with_name(f"{mac.plist.name}.before").read_text()


def test_without_a_session_at_the_screen_nothing_is_written(mac: Mac) -> None:
    Path(f"{mac.loaded}.nobody").touch()
    with pytest.raises(PrismdError, match="no session of this user at the screen"):
        Launchd(COMMAND, None).install(socket=False, start=True, force=False)
    assert not mac.plist.exists()


def test_a_start_at_the_first_request_is_not_to_be_had(mac: Mac) -> None:
    with pytest.raises(PrismdError, match="--socket: is for systemd"):
        Launchd(COMMAND, None).install(socket=True, start=True, force=False)
    assert not mac.plist.exists()


def test_an_agent_that_failed_says_so(mac: Mac) -> None:
    launchd = Launchd(COMMAND, None)
    launchd.install(socket=False, start=True, force=False)
    mac.loaded.write_text("\tstate = not running\n\tlast exit code = 2\n")
    standing = launchd.standing()
    assert (standing.state, standing.detail, standing.pid) == ("failed", "exit code 2", None)


def test_a_refusal_of_launchd_is_told(mac: Mac) -> None:
    launchd = Launchd(COMMAND, None)
    launchd.install(socket=False, start=True, force=False)
    with pytest.raises(PrismdError, match=r"launchctl bootstrap .*: exit code 5; 'prismd service"):
        launchd._do("bootstrap", "gui/501", str(mac.plist))


@pytest.mark.parametrize(
    ("follow", "command"), [(False, ["tail", "-n", "9"]), (True, ["tail", "-n", "9", "-F"])]
)
def test_the_log_is_its_file(mac: Mac, follow: bool, command: list[str]) -> None:
    launchd = Launchd(COMMAND, Path("/var/mine.log"))
    assert launchd.log_command(9, follow=follow) == [*command, "/var/mine.log"]
