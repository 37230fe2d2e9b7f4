"""What doctor says of the service, and of a port that systemd has for prismd."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from prismd.cli.doctor.service import judge, judge_boot, judge_key_wait, judge_waiting
from prismd.config.options import Config, Server, Storage
from prismd.running import Waiting
from prismd.service.base import Standing
from tests.service.desktop import Desktop

FILES = ("/home/anna/.config/systemd/user/prismd.service",)
WAITING = Standing(
    manager="systemd", files=FILES, state="waiting", starts="at login", listens="127.0.0.1:7776"
)


@pytest.fixture
def desktop(tmp_path: Path) -> Desktop:
    """A place whose user has a systemd."""
    return Desktop(tmp_path)


@pytest.mark.parametrize(
    ("state", "level", "remedy"),
    [
        ("running", "ok", ""),
        ("starting", "ok", ""),
        ("waiting", "ok", ""),
        ("failed", "problem", "'prismd service logs' says why; then: prismd service restart"),
        ("stopped", "note", "prismd service start"),
        ("unknown", "note", "log in as this user, by ssh or at the screen, and ask again"),
    ],
)
def test_each_state_has_its_remedy(state: str, level: str, remedy: str) -> None:
    standing = Standing(manager="systemd", files=FILES, state=state, starts="at login")
    (found,) = judge(standing)
    assert found.detail == f"prismd under systemd: {state}; starts at login."
    assert (found.level, found.remedy) == (level, remedy)


@pytest.mark.parametrize(
    ("lingers", "storage", "told"),
    [
        (True, Storage(encryption=True), True),
        (False, Storage(encryption=True), False),
        (None, Storage(encryption=True), False),
        (True, Storage(encryption=True, key="file"), False),
        (True, Storage(), False),
    ],
)
def test_a_keyring_that_is_locked_when_it_starts_is_told(
    tmp_path: Path, lingers: bool | None, storage: Storage, told: bool
) -> None:
    standing = Standing(manager="systemd", files=FILES, starts="at login", lingers=lingers)
    found = list(judge_boot(standing, Config(data_dir=tmp_path, storage=storage)))
    assert [(each.level, 'key = "file"' in each.remedy) for each in found] == [
        ("note", True)
    ] * told


def test_who_waits_for_the_key_is_told_of() -> None:
    found = judge_key_wait(Waiting(7, "its key is not in /k"))
    assert (found.level, found.detail) == ("note", "process 7 waits for the key of the index")


def test_none_is_well() -> None:
    (found,) = judge(Standing(manager="launchd"))
    assert found.level == "ok"
    assert "'prismd service install'" in found.detail


@pytest.mark.parametrize(
    ("listens", "again"), [("", "prismd service install,"), ("::1", "prismd service install --so")]
)
def test_one_that_would_be_written_otherwise_is_told(listens: str, again: str) -> None:
    standing = Standing(manager="systemd", files=FILES, is_outdated=True, listens=listens)
    _, found = judge(standing)
    assert found.level == "note"
    assert found.remedy.startswith(again)


@pytest.mark.parametrize(
    ("server", "is_its"),
    [
        (Server(), True),
        (Server(host="localhost"), True),
        (Server(port=7777), False),
        (Server(host="::1"), False),
    ],
)
def test_a_port_that_systemd_has_for_it_is_well(server: Server, is_its: bool) -> None:
    found = judge_waiting(WAITING, Config(data_dir=Path("/d"), server=server))
    assert (found is not None) == is_its
    assert judge_waiting(Standing(manager="systemd"), Config(data_dir=Path("/d"))) is None


@pytest.mark.skipif(sys.platform == "darwin", reason="launchd has no such thing")
def test_a_service_that_waits_is_not_started_by_being_looked_at(desktop: Desktop) -> None:
    desktop.install("--socket")
    (desktop.state / "show-prismd.socket").write_text("ActiveState=active\nUnitFileState=enabled\n")
    with socket.create_server(("127.0.0.1", desktop.port)) as listener:
        found = {verdict["what"]: verdict for verdict in desktop.json("doctor")}
        # Of a service that has failed systemd may hand the port on all the same.
        (desktop.state / "show-prismd.service").write_text("ActiveState=failed\n")
        failed = {verdict["what"]: verdict for verdict in desktop.json("doctor", exit_code=1)}
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert found["daemon"]["detail"] == (
        f"starts at the first request; systemd listens on port {desktop.port}"
    )
    assert found["service"]["level"] == "ok"
    assert "waiting; starts at the first request" in found["service"]["detail"]
    assert failed["service"]["remedy"].startswith("'prismd service logs' says why")


@pytest.mark.skipif(sys.platform == "darwin", reason="launchd has no such thing")
def test_a_service_manager_that_is_not_there_spoils_nothing(desktop: Desktop) -> None:
    desktop.install()
    found = desktop.json("doctor", exit_code=1, env={"PATH": str(desktop.state)})
    told = {verdict["what"]: verdict for verdict in found}
    assert "systemctl: cannot be run" in told["service"]["detail"]
    assert told["daemon"]["level"] == "ok"
