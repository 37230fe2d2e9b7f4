"""Sockets that a service manager hands over: taken, or refused with what is wrong."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from prismd.daemon.activation import handed_over, need_address
from prismd.errors import ConfigError
from tests.cli.harness import COMMAND, CONFIG, Daemon, Place
from tests.service.manager import HANDING_OVER, handed_environment, need


@contextmanager
def listening(place: Place) -> Iterator[socket.socket]:
    """The port of a place, listened on as a service manager does."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", place.port))
        listener.listen()
        yield listener


def start_with(
    place: Place, handed: socket.socket, count: int = 1, *more: str
) -> subprocess.Popen[bytes]:
    handed.set_inheritable(True)
    with place.log.open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-c", HANDING_OVER, str(handed.fileno()), str(count), "run", *more],
            stdin=subprocess.DEVNULL,
            stderr=log,
            close_fds=False,
            env=place.environment(),
        )


def refused(place: Place, handed: socket.socket, count: int = 1) -> str:
    """What prismd says that is handed a socket which it cannot serve on."""
    process = start_with(place, handed, count)
    assert process.wait(120) == 2
    return place.log.read_text()


def test_a_request_from_before_its_start_is_answered(place: Place) -> None:
    with listening(place) as listener, socket.create_connection(listener.getsockname()) as early:
        early.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        daemon = Daemon(place, start_with(place, listener))
        try:
            early.settimeout(120)
            assert early.recv(12) == b"HTTP/1.1 200"
            daemon.await_health()
            assert place.json("status")["running"]
            assert all("LISTEN_FDS" not in child.environ() for child in daemon.children())
            assert daemon.stop() == 0
        finally:
            daemon.end()
        # The port is the manager's still: the next request waits for the next start.
        socket.create_connection(listener.getsockname()).close()


def test_who_asks_while_it_waits_for_its_key_is_told_to_come_again(
    place: Place, tmp_path: Path
) -> None:
    stick = tmp_path / "stick"
    key_file = f'key = "file"\nkey_file = "{stick}/key"\n'
    place.config.write_text(f"{CONFIG}\n[storage]\nencryption = true\n{key_file}")
    with (
        listening(place) as listener,
        httpx.Client(base_url=f"http://127.0.0.1:{place.port}", timeout=120) as client,
        socket.create_connection(listener.getsockname()) as silent,
    ):
        daemon = Daemon(place, start_with(place, listener, 1, "--patient"))
        try:
            for method, path in (("GET", "/health"), ("POST", "/v1/search"), ("BREW", "/x")):
                answer = client.request(method, path, content=b"x" * 100_000)
                assert answer.status_code == 503
                assert int(answer.headers["Retry-After"]) > 0
                assert answer.json()["error"]["code"] == "waiting_for_key"
                assert "stick" not in answer.text
            assert client.head("/").content == b""
            with socket.create_connection(listener.getsockname()) as odd:
                odd.sendall(b"\0nonsense\r\n\r\n")
                assert odd.recv(1000)  # refused, and nobody else with it
            stick.mkdir()
            daemon.await_health()  # whoever has said nothing yet keeps nobody waiting
            assert place.json("status")["running"]
            assert daemon.stop() == 0
        finally:
            silent.close()
            daemon.end()


def test_nobody_starts_it_by_asking_how_it_stands(place: Place) -> None:
    place.write("a.txt", "The ferry sails at noon.")
    place.run("index", place.folder)
    with listening(place) as listener:
        listener.settimeout(0)
        assert place.json("status")["running"] is False
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_systemd_starts_it_by_the_first_request(place: Place) -> None:
    need("systemd-socket-activate")
    variables = place.environment()
    settings = [
        f"--setenv={name}={variables[name]}"
        for name in ("HOME", "PYTHONPATH", "PRISMD_CONFIG", "PRISMD_DATA_DIR", "PRISMD_PORT")
    ]
    with place.log.open("a") as log:
        process = subprocess.Popen(
            [
                *("systemd-socket-activate", f"--listen=127.0.0.1:{place.port}", *settings),
                *(*COMMAND, "run", str(place.folder)),
            ],
            stdin=subprocess.DEVNULL,
            stderr=log,
            env=variables,
        )
    daemon = Daemon(place, process)
    try:
        daemon.await_health()
        assert daemon.finds("anything") == []
        assert daemon.stop() == 0
    finally:
        daemon.end()


def test_another_port_than_the_settings_name_is_refused(place: Place) -> None:
    with listening(place) as listener:
        place.port = 1
        said = refused(place, listener)
    assert "port 1: is what the settings say, and the socket that was handed over has" in said
    assert "'prismd service install --socket' writes one that fits" in said


@pytest.mark.parametrize(
    ("host", "address", "fits"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("::1", "::1", True),
        ("0:0:0:0:0:0:0:1", "::1", True),
        ("localhost", "127.0.0.1", True),
        ("localhost", "::1", True),
        ("::1", "127.0.0.1", False),
        ("127.0.0.1", "::1", False),
        ("127.0.0.1", "127.0.0.2", False),
    ],
)
def test_another_address_than_the_settings_name_is_refused(
    host: str, address: str, fits: bool
) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as handed:
        try:
            handed.bind((address, 0))
        except OSError:
            pytest.skip(f"{address} is no address of this computer")
        port = handed.getsockname()[1]
        if fits:
            need_address(handed, host, port)
        else:
            with pytest.raises(ConfigError, match=rf"host {host}.*listens on {address}.*--socket"):
                need_address(handed, host, port)


def test_a_daemon_with_a_socket_of_another_address_does_not_serve(place: Place) -> None:
    place.config.write_text(f'{CONFIG}\n[server]\nhost = "::1"\n')
    with listening(place) as listener:
        said = refused(place, listener)
    assert "host ::1: is what the settings say" in said
    assert not (place.data_dir / "daemon.json").exists()


@pytest.mark.parametrize(
    ("kind", "address", "why"),
    [
        (socket.SOCK_DGRAM, "127.0.0.1", "is not one of TCP"),
        (socket.SOCK_STREAM, "127.0.0.1", "does not listen"),
        (socket.SOCK_STREAM, "0.0.0.0", "listens on 0.0.0.0"),
    ],
)
def test_what_it_cannot_serve_on_is_refused(
    place: Place, kind: socket.SocketKind, address: str, why: str
) -> None:
    with socket.socket(socket.AF_INET, kind) as handed:
        handed.bind((address, place.port))
        if address == "0.0.0.0":
            handed.listen()
        assert f"the socket that was handed over {why}" in refused(place, handed)


def test_a_socket_of_this_computers_files_is_refused(place: Place) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as handed:
        handed.bind(str(place.root / "s"))
        handed.listen()
        assert "is not one of TCP" in refused(place, handed)


def test_two_sockets_are_refused(place: Place) -> None:
    with listening(place) as listener:
        assert "2 sockets were handed over" in refused(place, listener, count=2)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"LISTEN_FDS": "1"},
        handed_environment(pid=1),
        handed_environment("0"),
        handed_environment("nonsense"),
        handed_environment("-1"),
    ],
)
def test_what_is_meant_for_nobody_or_another_is_none_of_its_business(
    environment: dict[str, str],
) -> None:
    assert handed_over(environment) is None
    assert environment == {}
