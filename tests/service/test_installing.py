"""``prismd service`` with systemd: systemctl and its like are stood in for, prismd is real."""

from __future__ import annotations

import sys

import pytest

from tests.cli.harness import CONFIG
from tests.service.desktop import Desktop
from tests.service.manager import stand_in

pytestmark = pytest.mark.skipif(sys.platform == "darwin", reason="launchd is what macOS has")

_RUNNING = """\
ActiveState=active
SubState=running
Result=success
MainPID=4242
StatusText=idle: 3 files
UnitFileState=enabled
ExecMainStatus=0
"""


_STARTED = ["daemon-reload", "enable prismd.service", "reset-failed prismd.service"]


def test_it_is_written_enabled_and_started(desktop: Desktop) -> None:
    (desktop.state / "show-prismd.service").write_text(_RUNNING)
    said = desktop.install()
    assert f"{desktop.service}: written\n" in said
    assert "prismd under systemd: running, process 4242; starts at login." in said
    assert desktop.changes() == [*_STARTED, "restart prismd.service"]
    text = desktop.service.read_text()
    assert (
        f'ExecStart=:"{sys.executable}" "-P" "-m" "prismd" "--config" "{desktop.config}"'
        f' "--data-dir" "{desktop.data_dir}" "run" "--patient"\n'
    ) in text
    assert "@" not in "".join(line for line in text.splitlines() if not line.startswith("System"))
    assert desktop.unit_names() == ["prismd.service"]
    assert not desktop.data_dir.exists()  # nothing but the unit is written


def test_again_changes_nothing_and_starts_what_may_be_new(desktop: Desktop) -> None:
    desktop.install()
    before = desktop.service.stat()
    desktop.changes()
    desktop.install()
    assert desktop.service.stat().st_mtime_ns == before.st_mtime_ns
    assert desktop.changes() == [*_STARTED, "restart prismd.service"]


def test_it_can_be_written_without_a_start(desktop: Desktop) -> None:
    desktop.install("--no-start")
    assert desktop.changes() == _STARTED[:2]


def test_other_settings_replace_what_was_written(desktop: Desktop) -> None:
    desktop.install()
    desktop.run("--data-dir", desktop.root / "other", "service", "install")
    assert f'"{desktop.root}/other"' in desktop.service.read_text()
    assert desktop.json("service", "status")["is_outdated"]  # asked with the data dir of before


def test_what_would_be_written_is_printed_and_not_written(desktop: Desktop) -> None:
    said = desktop.install("--print", "--socket")
    assert f"{desktop.service}:\n" in said
    assert "WatchdogSec=" in said
    assert f"ListenStream=127.0.0.1:{desktop.port}\n" in said
    assert desktop.changes() == []
    assert not desktop.units.exists()


def test_units_go_where_the_user_has_them(desktop: Desktop) -> None:
    elsewhere = desktop.root / "configuration"
    desktop.run("service", "install", env={"XDG_CONFIG_HOME": str(elsewhere)})
    text = (elsewhere / "systemd" / "user" / "prismd.service").read_text()
    assert f'Environment="XDG_CONFIG_HOME={elsewhere}"' in text
    assert not desktop.units.exists()


@pytest.mark.parametrize("edit", ["# mine\n", "[Service]\nNice=19\n"])
def test_what_was_changed_by_hand_is_kept(desktop: Desktop, edit: str) -> None:
    desktop.install()
    with desktop.service.open("a") as unit:
        unit.write(edit)
    edited = desktop.service.read_text()
    desktop.changes()
    for command, what in (("install", "replaced"), ("uninstall", "removed")):
        said = desktop.run("service", command, exit_code=1)
        assert f"was changed by hand, and is not {what}; move your changes into a drop-in" in said
    assert desktop.changes() == []
    assert desktop.service.read_text() == edited
    assert desktop.json("service", "status")["is_edited"]
    assert "(changed by hand)" in desktop.run("service", "status")

    desktop.install("--force")
    assert not desktop.json("service", "status")["is_edited"]
    assert (desktop.units / "prismd.service.before").read_text() == edited


def test_a_unit_of_somebody_elses_is_kept(desktop: Desktop) -> None:
    desktop.units.mkdir(parents=True)
    desktop.service.write_bytes(b"[Service]\nExecStart=/bin/true\n\xff")
    said = desktop.run("service", "install", exit_code=1)
    assert "was not written by prismd" in said
    desktop.service.write_text("[Service]\n")
    assert "was not written by prismd" in desktop.run("service", "uninstall", exit_code=1)
    assert desktop.service.read_text() == "[Service]\n"


def test_exactly_what_was_installed_is_removed(desktop: Desktop) -> None:
    drop_in = desktop.units / "prismd.service.d" / "mine.conf"
    drop_in.parent.mkdir(parents=True)
    drop_in.write_text("[Service]\n")
    (desktop.units / "other.service").write_text("[Service]\n")
    desktop.install("--socket")
    desktop.changes()
    said = desktop.run("service", "uninstall")
    assert said == f"{desktop.service}: removed\n{desktop.socket}: removed\n"
    assert desktop.changes() == [
        "disable --now prismd.socket",
        "disable --now prismd.service",
        "daemon-reload",
        "reset-failed prismd.service",
        "reset-failed prismd.socket",
    ]
    assert desktop.unit_names() == ["other.service", "prismd.service.d"]
    assert drop_in.exists()
    assert "nothing to remove" in desktop.run("service", "uninstall")


def test_a_socket_comes_and_goes(desktop: Desktop) -> None:
    desktop.install("--socket")
    assert desktop.changes() == [
        "daemon-reload",
        "disable --now prismd.service",
        "enable prismd.socket",
        "reset-failed prismd.service",
        "stop prismd.socket prismd.service",
        "start prismd.socket",
    ]
    (desktop.state / "show-prismd.service").write_text("ActiveState=inactive\nMainPID=0\n")
    (desktop.state / "show-prismd.socket").write_text("ActiveState=active\nUnitFileState=enabled\n")
    standing = desktop.json("service", "status")
    assert (standing["state"], standing["starts"]) == ("waiting", "at the first request")
    assert standing["listens"] == f"127.0.0.1:{desktop.port}"
    desktop.changes()
    desktop.run("service", "stop")
    assert desktop.changes() == ["stop prismd.socket prismd.service"]
    desktop.install()
    assert desktop.changes() == [
        "disable --now prismd.socket",
        *_STARTED,
        "restart prismd.service",
    ]
    assert not desktop.socket.exists()


def test_without_a_systemd_of_the_user_nothing_is_written(desktop: Desktop) -> None:
    (desktop.state / "unreachable").touch()
    said = desktop.run("service", "install", exit_code=1)
    assert "does not answer (Failed to connect to bus: No medium found); in a container" in said
    assert not desktop.units.exists()
    assert desktop.changes() == []


def test_how_it_stands_is_unknown_where_nobody_answers(desktop: Desktop) -> None:
    desktop.install()
    (desktop.state / "unreachable").touch()
    said = desktop.run("service", "status")
    assert "unknown (the systemd of this user does not answer)" in said
    # It may run: nothing is removed from under it.
    assert "does not answer" in desktop.run("service", "uninstall", exit_code=1)
    assert desktop.service.exists()


def test_without_systemd_it_is_said_what_else_to_do(desktop: Desktop) -> None:
    env = {"PATH": str(desktop.state)}
    said = desktop.run("service", "install", exit_code=1, env=env)
    assert "systemctl: cannot be run (No such file or directory)" in said
    assert "have 'prismd run' started by" in said
    assert not desktop.units.exists()


def test_a_start_that_fails_shows_the_end_of_the_log(desktop: Desktop) -> None:
    (desktop.state / "broken").touch()
    said = desktop.run("service", "install", exit_code=1)
    assert "prismd.service: does not start: the last of the log; 'prismd service logs'" in said


def test_a_wrong_setting_is_told_before_anything_is_written(desktop: Desktop) -> None:
    desktop.config.write_text("nonsense = 1\n")
    assert "nonsense: unknown key" in desktop.run("service", "install", exit_code=2)
    assert not desktop.units.exists()


def test_what_is_installed_can_be_looked_after_with_a_wrong_setting(desktop: Desktop) -> None:
    desktop.install()
    desktop.config.write_text("nonsense = 1\n")
    (desktop.state / "show-prismd.service").write_text(
        "ActiveState=failed\nResult=exit-code\nExecMainStatus=2\nMainPID=0\n"
    )
    said = desktop.run("service", "status")
    assert "failed (a setting is wrong, or the command line)" in said
    assert desktop.run("service", "logs") == "the last of the log\n"
    desktop.run("service", "uninstall")
    assert not desktop.service.exists()


def test_a_daemon_in_the_foreground_is_not_competed_with(desktop: Desktop) -> None:
    with desktop.daemon() as daemon:
        desktop.install("--no-start")
        desktop.changes()
        for command in ("install", "start", "restart"):
            said = desktop.run("service", command, exit_code=1)
            assert f"runs already (process {daemon.process.pid}, {daemon.url})" in said
        assert desktop.changes() == []
        # The service's own daemon is no such thing.
        running = _RUNNING.replace("4242", str(daemon.process.pid))
        (desktop.state / "show-prismd.service").write_text(running)
        desktop.run("service", "restart")


def test_how_it_stands_is_told_to_people_and_programs(desktop: Desktop) -> None:
    assert desktop.json("service", "status")["installed"] is False
    assert "'prismd service install' does that" in desktop.run("service", "status")
    desktop.install()
    (desktop.state / "show-prismd.service").write_text(_RUNNING)
    standing = desktop.json(
        *("--config", desktop.config, "--data-dir", desktop.data_dir, "service", "status")
    )
    assert standing.pop("command")["argv"][-1] == "--patient"
    assert standing == {
        "installed": True,
        "data_dir": str(desktop.data_dir),
        "manager": "systemd",
        "files": [str(desktop.service)],
        "starts": "at login",
        "state": "running",
        "detail": "",
        "pid": 4242,
        "told": "idle: 3 files",
        "listens": "",
        "is_edited": False,
        "is_outdated": False,
        "lingers": False,
        "log_files": [],
    }
    said = desktop.run("service", "status")
    assert "says       idle: 3 files\n" in said
    assert "logged out ends with the last login\n" in said


@pytest.mark.parametrize(
    ("options", "call"),
    [
        ([], "--unit=prismd.service --lines=100 --no-pager"),
        (["-n", "7"], "--unit=prismd.service --lines=7 --no-pager"),
        (["-f"], "--unit=prismd.service --lines=100 --no-pager --follow"),
    ],
)
def test_the_journal_is_shown(desktop: Desktop, options: list[str], call: str) -> None:
    desktop.install()
    assert desktop.run("service", "logs", *options) == "the last of the log\n"
    assert f"journalctl --user {call}\n" in desktop.calls.read_text()


def test_a_keyring_that_is_locked_at_boot_is_told_of(desktop: Desktop) -> None:
    stand_in(desktop.bin, "loginctl", 'echo "Linger=yes"')
    desktop.config.write_text(f"{CONFIG}\n[storage]\nencryption = true\n")
    (desktop.state / "show-prismd.service").write_text(
        _RUNNING.replace("idle: 3 files", "waiting for the key of the index, from the keyring")
    )
    process = desktop.start("service", "install")
    said, notes = process.communicate(timeout=120)
    assert "says       waiting for the key of the index, from the keyring\n" in said
    assert "note: it runs from boot on, and the key of the index is in the keyring" in notes
    desktop.config.write_text(CONFIG)
    process = desktop.start("service", "install")
    assert "keyring" not in process.communicate(timeout=120)[1]


def test_a_log_in_a_file_is_shown_from_there(desktop: Desktop) -> None:
    log = desktop.root / "prismd.log"
    log.write_text("one\ntwo\nthree\n")
    desktop.config.write_text(f'{CONFIG}\n[log]\nfile = "{log}"\n')
    desktop.install()
    assert desktop.run("service", "logs", "-n", "2") == "two\nthree\n"


@pytest.mark.parametrize("command", ["logs", "start", "stop", "restart"])
def test_what_is_not_installed_cannot_be_used(desktop: Desktop, command: str) -> None:
    said = desktop.run("service", command, exit_code=1)
    assert said == (
        "prismd: prismd is not installed as a service; 'prismd service install' does that\n"
    )
    assert desktop.changes() == []


def test_settings_of_the_shell_are_told_of(desktop: Desktop) -> None:
    process = desktop.start("service", "install")
    _, notes = process.communicate(timeout=120)
    assert "note: it ends when you log out" in notes
    assert "PRISMD_PORT" in notes
    assert "set in this shell, and not for the service" in notes
    assert "PRISMD_DATA_DIR" not in notes  # it is written into the command
    assert f'"--config" "{desktop.config}" "--data-dir" "{desktop.data_dir}" "run" "--patient"' in (
        desktop.service.read_text()
    )
    assert "note: no folder is indexed yet; name one: 'prismd add FOLDER'" in notes
