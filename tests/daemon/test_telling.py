"""What the real daemon tells a service manager that the test plays."""

from __future__ import annotations

import pwd
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from prismd.cli.context import Context
from prismd.errors import ConfigError
from tests.building import wait_until
from tests.cli.harness import CONFIG, Daemon, Place
from tests.service.manager import Told, hearing, stream_of, watchdog

_WATCHDOG_S = 2.0

_HANGS_AT_SIGUSR1 = """\
import signal, threading
signal.signal(signal.SIGUSR1, lambda *_: threading.Event().wait())
from prismd.cli import main
main()
"""
"""prismd in which a signal stops the thread of the event loop, and nothing else."""


def telling(told: Told) -> dict[str, str]:
    return {"NOTIFY_SOCKET": told.address}


@contextmanager
def hanging_at_will(place: Place, env: dict[str, str]) -> Iterator[Daemon]:
    command = [sys.executable, "-c", _HANGS_AT_SIGUSR1]
    daemon = place.start_daemon(place.folder, env=env, command=command)
    try:
        daemon.await_health()
        yield daemon
    finally:
        daemon.process.kill()
        daemon.process.wait()
        daemon.end()


def test_it_is_ready_once_it_answers_and_says_what_it_does_until_it_ends(
    place: Place, any_address: str
) -> None:
    place.write("a.txt", "The ferry sails at noon.")
    healths: list[int] = []
    extensions: list[str] = []

    def ask() -> None:
        url = f"http://127.0.0.1:{place.port}/health"
        healths.append(httpx.get(url, timeout=60, trust_env=False).status_code)
        extensions.extend(told.values("EXTEND_TIMEOUT_USEC"))

    with hearing(any_address, ask) as told:
        with place.daemon(env=telling(told)) as daemon:
            told.await_value("STATUS", "idle: 1 file")
            daemon.process.send_signal(signal.SIGTERM)
            assert daemon.process.wait(60) == 0
        told.await_end()
        assert healths == [200]
        keys = told.first_keys()
        assert keys[-1] == "STOPPING"
        assert [keys.count(key) for key in ("READY", "STOPPING", "WATCHDOG")] == [1, 1, 0]
        statuses = told.values("STATUS")
        assert statuses[0] == "opening the index"
        assert f"serving on http://127.0.0.1:{place.port}" in statuses
        # More time is asked for before it is ready, as often as it takes, and never after.
        assert set(extensions) == {"60000000"}
        assert told.values("EXTEND_TIMEOUT_USEC") == extensions
        assert told.first_keys().index("READY") > 0


def test_no_child_may_speak_for_it(place: Place, address: str) -> None:
    place.write("a.txt", "The ferry sails at noon.")
    with hearing(address) as told:
        env = {**telling(told), **watchdog(600), "LISTEN_FDS": "0"}
        with place.daemon(env=env) as daemon:
            daemon.await_idle()
            children = daemon.children()
            assert children
            for child in children:
                names = set(child.environ())
                assert not names & {"NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_FDS"}


def test_a_reload_is_told_with_the_time_at_which_it_began(place: Place, address: str) -> None:
    with hearing(address) as told, place.daemon(env=telling(told)) as daemon:
        told.await_value("READY")
        daemon.process.send_signal(signal.SIGHUP)
        told.await_value("READY", count=2)
        assert int(told.values("MONOTONIC_USEC")[0]) > 0
        # A configuration that is not taken ends the reload all the same.
        place.config.write_text("nonsense = 1\n")
        daemon.process.send_signal(signal.SIGHUP)
        told.await_value("READY", count=3)
        keys = [key for key in told.first_keys() if key in ("READY", "RELOADING")]
        assert keys == ["READY", "RELOADING", "READY", "RELOADING", "READY"]
        told.await_value("STATUS", "nonsense: unknown key")
        assert daemon.client.get("/health").is_success


def test_of_an_encrypted_index_no_fault_is_told_in_words(place: Place, tmp_path: Path) -> None:
    key = f'[storage]\nencryption = true\nkey = "file"\nkey_file = "{place.root}/prism.key"\n'
    place.config.write_text(f"{CONFIG}{key}")
    place.write("zanzibar.txt", "The zanzibar plan.")
    env = {"JOURNAL_STREAM": stream_of(place.log)}
    with hearing(str(tmp_path / "notify")) as told:
        with place.daemon(env={**telling(told), **env}) as daemon:
            told.await_value("STATUS", "idle: 1 file")
            place.config.write_text("zanzibar = 1\n")
            daemon.process.send_signal(signal.SIGHUP)
            told.await_value("STATUS", "; something is wrong: ask prismd status")
            assert "zanzibar" in daemon.status()["fault"]
            daemon.stop()
        assert all("zanzibar" not in status for status in told.values("STATUS"))
    log = place.log.read_text()
    assert "zanzibar" not in log
    lines = log.splitlines()
    assert f"<6>serving on {daemon.url};" in log
    assert "<6>folder 1: 1 files, 1 new, 0 changed, 0 moved, 0 gone" in lines
    assert "<3>the configuration is not taken: ConfigError" in lines
    assert lines[-1] == "<6>stopped"


def test_it_is_pinged_while_it_is_busy(place: Place, address: str) -> None:
    for number in range(120):
        place.write(f"{number}.txt", f"The ferry {number} sails at noon. " * 200)
    with hearing(address) as told:
        with place.daemon(env={**telling(told), **watchdog(_WATCHDOG_S)}) as daemon:
            told.await_value("WATCHDOG", count=3)
            daemon.await_idle()
            pings = len(told.values("WATCHDOG"))
            told.await_value("WATCHDOG", count=pings + 2)  # and at rest
        # Counts are told while it reads, and no name of a file is.
        assert all(".txt" not in status for status in told.values("STATUS"))


def silences(place: Place) -> int:
    """How often it was logged that the watchdog is not told."""
    return place.log.read_text().count("no sign of life")


def test_a_loop_that_hangs_is_not_pinged_and_tells_where_it_hung(
    place: Place, address: str
) -> None:
    with hearing(address) as told:
        env = {**telling(told), **watchdog(_WATCHDOG_S)}
        with hanging_at_will(place, env) as daemon:
            told.await_value("WATCHDOG", count=2)
            before = silences(place)  # a start may take its time
            daemon.process.send_signal(signal.SIGUSR1)
            # Its own log is the proof that the time for a ping came and none was sent.
            wait_until(lambda: silences(place) > before)
            told.catch_up()
            pings = len(told.values("WATCHDOG"))
            daemon.process.send_signal(signal.SIGABRT)  # as systemd does then
            assert daemon.process.wait(60) == -signal.SIGABRT
        told.catch_up()
        assert len(told.values("WATCHDOG")) == pings
        assert "Fatal Python error: Aborted" in place.log.read_text()


def test_a_stopped_process_is_not_pinged(place: Place, address: str) -> None:
    with hearing(address) as told:
        env = {**telling(told), **watchdog(_WATCHDOG_S)}
        with place.daemon(env=env) as daemon:
            told.await_value("WATCHDOG", count=2)
            process = psutil.Process(daemon.process.pid)
            process.suspend()
            wait_until(lambda: process.status() == psutil.STATUS_STOPPED)
            told.catch_up()
            pings = len(told.values("WATCHDOG"))
            with pytest.raises(httpx.TimeoutException):
                daemon.client.get("/health", timeout=_WATCHDOG_S)
            told.catch_up()
            assert len(told.values("WATCHDOG")) == pings
            process.resume()
            told.await_value("WATCHDOG", count=pings + 2)


def test_a_watchdog_of_another_process_is_none_of_its_business(place: Place, address: str) -> None:
    with hearing(address) as told:
        env = {**telling(told), **watchdog(0.1, pid=1)}
        with place.daemon(env=env) as daemon:
            told.await_value("STATUS", "idle")
            assert daemon.stop() == 0
        told.await_end()
        assert told.values("WATCHDOG") == []


@pytest.mark.parametrize("address", ["vsock:2:1234", "/nowhere/at/all", "nonsense", "@"])
def test_nobody_to_tell_is_no_reason_not_to_serve(place: Place, address: str) -> None:
    env = {"NOTIFY_SOCKET": address, **watchdog(1)}
    with place.daemon(env=env) as daemon:
        daemon.await_idle()
        assert daemon.stop() == 0


def test_a_start_that_fails_is_never_ready(place: Place, address: str) -> None:
    place.data_dir.mkdir(mode=0o700)
    (place.data_dir / "prism.db").write_bytes(b"no database" * 1000)
    with hearing(address) as told:
        place.run("run", place.folder, exit_code=1, env=telling(told))
        assert told.values("READY") == []


def test_it_runs_without_the_variables_of_a_login(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOME")
    try:
        Path.home()
    except RuntimeError:
        pytest.skip("this user has no home directory but by HOME")
    place.config.write_text(f"{CONFIG}\n[server]\nport = {place.port}\n")
    kept = ("PATH", "PYTHONPATH", "PRISMD_CONFIG", "PRISMD_DATA_DIR")
    environment = place.environment()
    with place.log.open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "prismd", "run", str(place.folder)],
            stdin=subprocess.DEVNULL,
            stderr=log,
            env={name: environment[name] for name in kept},
            cwd="/",
        )
    daemon = Daemon(place, process)
    try:
        daemon.await_health()
        assert daemon.stop() == 0
    finally:
        daemon.end()


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(uid: int) -> pwd.struct_passwd:
        raise KeyError(uid)

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    with pytest.raises(ConfigError, match="no home directory is known for this user; set HOME"):
        Context(None, {}).read_config()
