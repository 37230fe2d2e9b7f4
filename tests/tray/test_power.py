"""Starting and stopping real daemons, and what stands in for ``prismd service``."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from prismd.errors import DaemonUnreachable, PrismdError
from prismd.running import Running, find_running, find_waiting
from prismd.tray import power
from prismd.tray.power import Launch
from tests.building import wait_until
from tests.cli.harness import COMMAND, CONFIG, Place
from tests.encryption import file_keyring


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A place whose variables are this process's, as they are a tray's."""
    place = Place(tmp_path)
    for name, value in place.environment().items():
        monkeypatch.setenv(name, value)
    yield place
    with contextlib.suppress(PrismdError):
        power.stop(launch_of(place))  # whatever a test that fails leaves behind


def launch_of(place: Place, program: tuple[str, ...] = tuple(COMMAND)) -> Launch:
    return Launch(program, (), place.data_dir, f"http://127.0.0.1:{place.port}")


def running(place: Place) -> Running:
    """The daemon of a place, once there is one."""
    wait_until(lambda: find_running(place.data_dir) is not None)
    found = find_running(place.data_dir)
    assert found is not None
    return found


def service(
    place: Place,
    *,
    serves: Path | None,
    pid: int | None = None,
    log_files: tuple[str, ...] = (),
) -> Launch:
    """A prismd that is installed as a service: it notes what it is asked for.

    Args:
        place: Where it lies.
        serves: The data directory of its daemon; None where it is not installed.
        pid: Of its daemon.
        log_files: Where it logs to, if to files.
    """
    program = place.root / "prismd"
    named = str(serves) if serves is not None else None
    told = {
        "installed": serves is not None,
        "pid": pid,
        "data_dir": named,
        "log_files": log_files,
        "more": 1,
    }
    (place.root / "standing").write_bytes(msgspec.json.encode(told))
    program.write_text(
        "#!/bin/sh\n"
        f'echo "$*" >> {place.root}/asked\n'
        'case "$*" in\n'
        f'"service status --json") cat {place.root}/standing ;;\n'
        '"service logs --lines 2000") echo "a line of the journal" ;;\n'
        '"service start") test ! -e "$0.broken" || { echo "it is masked" >&2; exit 1; } ;;\n'
        '"service stop") ;;\n'
        "*) exit 2 ;;\n"
        "esac\n"
    )
    program.chmod(0o755)
    return launch_of(place, (str(program),))


def asked(place: Place) -> list[str]:
    return (place.root / "asked").read_text().splitlines()


def test_a_daemon_is_started_apart_and_ended_in_order(place: Place) -> None:
    ended: list[str] = []
    launch = launch_of(place)
    power.start(launch, ended.append)
    daemon = psutil.Process(running(place).pid)
    assert os.getsid(daemon.pid) == daemon.pid
    log = place.data_dir / "prismd.log"
    wait_until(lambda: "serving on" in log.read_text())
    power.stop(launch)
    psutil.wait_procs([daemon], timeout=60)
    wait_until(lambda: find_running(place.data_dir) is None)
    assert ended == []
    assert power.log_of(launch, place.root) == log


def test_a_daemon_that_ends_at_once_says_why(place: Place) -> None:
    place.config.write_text("[server]\nporty = 0\n")
    ended: list[str] = []
    power.start(launch_of(place), ended.append)
    wait_until(lambda: bool(ended))
    assert ended[0].startswith("config.toml: [server] porty: unknown key")


def test_what_ends_a_daemon_of_an_encrypted_index_is_shown_to_its_user(place: Place) -> None:
    storage = "[storage]\nencryption = true\n"
    place.config.write_text(f"{storage}[server]\nporty = 0\n")
    ended: list[str] = []
    power.start(launch_of(place), ended.append)
    wait_until(lambda: bool(ended))
    assert ended[0].startswith("config.toml: [server] porty: unknown key")


def test_a_daemon_that_waits_for_its_key_can_be_ended(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = tmp_path / "keys"
    keys.mkdir()
    for name, value in file_keyring.variables(keys).items():
        monkeypatch.setenv(name, value)
    file_keyring.silence(keys)
    place.config.write_text(f"{CONFIG}\n[storage]\nencryption = true\n")
    ended: list[str] = []
    launch = launch_of(place)
    power.start(launch, ended.append)
    wait_until(lambda: find_waiting(place.data_dir) is not None)
    found = find_waiting(place.data_dir)
    assert found is not None
    daemon = psutil.Process(found.pid)
    power.stop(launch)
    psutil.wait_procs([daemon], timeout=60)
    assert find_waiting(place.data_dir) is None
    assert ended == []


def test_a_program_that_is_gone_cannot_be_started(place: Place) -> None:
    with pytest.raises(PrismdError, match=r"/gone: cannot be started .*install prismd again"):
        power.start(launch_of(place, ("/gone",)), lambda words: None)


def test_what_does_not_run_cannot_be_stopped(place: Place) -> None:
    with pytest.raises(DaemonUnreachable, match="not running"):
        power.stop(launch_of(place))


def test_a_process_that_only_has_the_number_of_a_daemon_is_left_alone(place: Place) -> None:
    place.data_dir.mkdir()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        told = Running(f"http://127.0.0.1:{place.port}", other.pid)
        (place.data_dir / "daemon.json").write_bytes(msgspec.json.encode(told))
        with pytest.raises(PrismdError, match=f"process {other.pid} is not prismd"):
            power.stop(launch_of(place))
        assert other.poll() is None
        other.send_signal(signal.SIGKILL)


def test_an_installed_service_is_started_and_stopped_as_one(place: Place) -> None:
    power.start(service(place, serves=place.data_dir), lambda words: None)
    assert asked(place) == ["service status --json", "service start"]
    with place.daemon() as daemon:
        launch = service(place, serves=place.data_dir, pid=daemon.process.pid)
        power.stop(launch)
        assert asked(place)[2:] == ["service status --json", "service stop"]
        assert daemon.process.poll() is None  # the service manager ends it, nobody else


def test_a_daemon_that_runs_beside_the_service_is_ended_itself(place: Place) -> None:
    with place.daemon() as daemon:
        power.stop(service(place, serves=place.data_dir, pid=None))
        assert daemon.process.wait(60) == 0
    assert "service stop" not in asked(place)


def test_a_service_that_refuses_says_why(place: Place) -> None:
    launch = service(place, serves=place.data_dir)
    (place.root / "prismd.broken").touch()
    with pytest.raises(PrismdError, match="it is masked"):
        power.start(launch, lambda words: None)


def test_the_services_log_is_copied_where_it_is_none_of_files(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = place.root / "run"
    runtime.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    launch = service(place, serves=place.data_dir)
    path = power.log_of(launch, place.root)
    assert path.is_relative_to(runtime)  # where nothing outlives the login
    assert path.read_text() == "a line of the journal\n"
    assert path.parent.stat().st_mode & 0o077 == 0
    assert power.log_of(launch, place.root) == path
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place.root / "none"))
    with pytest.raises(PrismdError, match="'prismd service logs' shows it"):
        power.log_of(launch, place.root)


def test_a_log_that_the_service_writes_to_a_file_is_that_file(place: Place) -> None:
    launch = service(
        place, serves=place.data_dir, log_files=("/logs/prismd.log", "/logs/other.log")
    )
    assert power.log_of(launch, place.root) == Path("/logs/prismd.log")


def test_without_a_log_the_person_is_told_where_it_is(place: Place) -> None:
    with pytest.raises(PrismdError, match=r"name a file under \[log\]"):
        power.log_of(launch_of(place), place.root)


@pytest.mark.parametrize("standing", [b"", b"{", b"[]", b'{"installed": true, "data_dir": null}'])
def test_what_says_nothing_sensible_is_no_service(place: Place, standing: bytes) -> None:
    launch = service(place, serves=None)
    (place.root / "standing").write_bytes(standing)
    assert power.find_service(launch) is None


def test_a_service_of_another_data_directory_is_none_of_this_trays(place: Place) -> None:
    other = place.data_dir.with_name(f"{place.data_dir.name}2")
    assert power.find_service(service(place, serves=other)) is None
    assert power.find_service(service(place, serves=place.data_dir)) is not None


def test_one_data_directory_by_two_names_is_one(place: Place) -> None:
    place.data_dir.mkdir()
    link = place.root / "link"
    link.symlink_to(place.data_dir)
    assert power.find_service(service(place, serves=link)) is not None


def test_a_daemon_that_hangs_is_killed_in_the_end(place: Place) -> None:
    with place.daemon() as daemon:
        daemon.process.send_signal(signal.SIGSTOP)  # it takes no notice of being asked to end
        power.stop(launch_of(place), patience_s=0.5)
        assert daemon.process.wait(60) == -signal.SIGKILL
