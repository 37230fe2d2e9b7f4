from __future__ import annotations

import errno
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from prismd.cli.doctor.daemon import (
    Daemon,
    find,
    judge,
    judge_port,
    look_at_port,
    version_at,
)
from prismd.config.options import Config, Server
from prismd.running import Running, announced
from tests.cli.harness import Daemon as Served

AWAY = Daemon("away")
UP = Daemon("up", "http://127.0.0.1:7776", 123, "1.0", {})


def status(**more: Any) -> Daemon:
    return UP._replace(status={"faults": [], "config_fault": "", "after_restart": [], **more})


def test_a_daemon_that_answers_is_found(served: Served) -> None:
    found = find(served.place.data_dir)
    assert (found.state, found.url) == ("up", served.url)
    assert found.version == served.status()["version"]
    (verdict,) = judge(found)
    assert verdict.detail == f"answers at {served.url} and takes the token"


def test_one_that_does_not_take_the_token_is_told(served: Served, data_dir: Path) -> None:
    data_dir.mkdir()
    running = Running(served.url, served.process.pid)
    (data_dir / "daemon.json").write_bytes(msgspec.json.encode(running))
    assert find(data_dir).state == "strange"  # without a token, and none is made
    assert [path.name for path in data_dir.iterdir()] == ["daemon.json"]
    (data_dir / "token").write_text("prism-of-another\n")
    found = find(data_dir)
    assert found.state == "strange"
    (verdict,) = judge(found, found.version)
    assert verdict.level == "problem"
    assert verdict.remedy.startswith(f"stop it (kill {running.pid}) and start it again (prismd ")


def test_one_that_does_not_answer_is_told(data_dir: Path, free_port: int) -> None:
    data_dir.mkdir()
    code = "import time; print(flush=True); time.sleep(600)"
    process = subprocess.Popen([sys.executable, "-c", code, "prismd"], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        running = Running(f"http://127.0.0.1:{free_port}", process.pid)
        (data_dir / "daemon.json").write_bytes(msgspec.json.encode(running))
        (verdict,) = judge(find(data_dir))
    finally:
        process.kill()
        process.communicate()
    assert verdict.level == "problem"
    assert verdict.detail.startswith(f"process {process.pid} does not answer")


def test_a_process_that_is_no_prismd_is_none(data_dir: Path, free_port: int) -> None:
    data_dir.mkdir()
    running = Running(f"http://127.0.0.1:{free_port}", 1)
    (data_dir / "daemon.json").write_bytes(msgspec.json.encode(running))
    assert find(data_dir) == AWAY
    assert find(data_dir / "none") == AWAY


def test_an_announcement_that_is_broken_is_none(data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / "daemon.json").write_text("{")
    assert find(data_dir) == AWAY
    with announced(data_dir, "http://127.0.0.1:9"):
        pass
    assert find(data_dir) == AWAY


def test_another_version_is_told() -> None:
    (verdict,) = judge(UP, "2.0")
    assert verdict.level == "note"
    assert verdict.detail == "http://127.0.0.1:7776 runs prismd 1.0; this program is 2.0"


@pytest.mark.parametrize(
    ("more", "level", "remedy"),
    [
        ({"faults": [{"message": "the disk is full; free some"}]}, "problem", ""),
        ({"config_fault": "limit: wrong"}, "problem", "correct it there, then: prismd config"),
        ({"after_restart": ["server.port"]}, "note", "stop it (kill "),
        ({"waiting": [{"files": 3, "why": "the disk is away"}]}, "note", "nothing need be done"),
        ({"paused": {"why": "x"}}, "note", "prismd resume"),
    ],
)
def test_what_the_daemon_says_is_told(more: dict[str, Any], level: str, remedy: str) -> None:
    answers, found = judge(status(**more), "1.0")
    assert answers.level == "ok"
    assert found.level == level
    assert found.remedy.startswith(remedy)


def test_a_free_port_is_well(data_dir: Path, free_port: int) -> None:
    (found,) = look_at_port(Config(data_dir=data_dir, server=Server(port=free_port)))
    assert found.detail == f"not running; port {free_port} is free ('prismd run' starts it)"


def test_a_port_of_another_program_is_told_with_its_name(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        (found,) = look_at_port(Config(data_dir=data_dir, server=Server(port=port)))
    assert (found.what, found.level) == ("port", "problem")
    assert "is used by " in found.detail
    if sys.platform == "linux":
        assert found.detail.endswith(f"(process {os.getpid()})")
    assert found.remedy.startswith("stop it, or set port under [server]")


def test_a_port_of_another_prismd_is_told(data_dir: Path, served: Served) -> None:
    assert version_at(served.url) == served.status()["version"]
    server = Server(port=served.place.port)
    (found,) = look_at_port(Config(data_dir=data_dir, server=server))
    where = f"127.0.0.1, port {served.place.port}: is used by "
    pid = served.process.pid
    told = rf"{re.escape(where)}(\S+ \(process {pid}\), )?a prismd \S+ with another data directory"
    assert re.fullmatch(told, found.detail)
    assert found.remedy.startswith("stop that one, or set port under [server]")


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.EACCES, "set port under [server] to another one, such as 7777; those below 1024"),
        (errno.EADDRNOTAVAIL, 'set host under [server] to "127.0.0.1"'),
        (errno.ENETDOWN, "set port under [server] to another one"),
    ],
)
def test_why_an_address_cannot_be_had_is_told(number: int, remedy: str) -> None:
    found = judge_port("::1, port 80", OSError(number, os.strerror(number)), None, "")
    assert found.level == "problem"
    assert found.remedy.startswith(remedy)


def test_who_has_a_port_is_not_asked_where_that_may_start_it(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        config = Config(data_dir=data_dir, server=Server(port=port))
        (found,) = look_at_port(config, asks=False)
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert (found.what, found.level) == ("port", "problem")
