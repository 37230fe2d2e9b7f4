"""The daemon as a process: how it starts, ends, fails and comes back."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import apsw
import psutil
import pytest

from prismd.store.check import check
from prismd.store.database import Database
from tests.building import wait_until
from tests.cli.harness import CONFIG, Daemon, Place

SECRET = "The passphrase of the archive is heliotrope."


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_its_folder_and_ends_in_order(place: Place, number: signal.Signals) -> None:
    place.write("a.txt", "The ferry sails at noon.")
    announcement = place.data_dir / "daemon.json"
    with place.daemon() as daemon:
        assert daemon.client.get("/health").json()["status"] == "ok"
        assert stat.S_IMODE(announcement.stat().st_mode) == 0o600
        assert f'"pid":{daemon.process.pid}' in announcement.read_text()
        daemon.await_idle()
        assert daemon.finds("ferry") == ["a.txt"]
        children = daemon.children()
        assert children
        assert daemon.stop(number) == 0
    assert not announcement.exists()
    assert not [child for child in children if child.is_running()]
    assert place.log.read_text().splitlines()[-1].endswith("INFO stopped")


@pytest.fixture
def starting(place: Place) -> Iterator[tuple[Place, subprocess.Popen[str]]]:
    """A daemon that waits for its configuration: somebody has to write it to a pipe."""
    place.config.unlink()
    os.mkfifo(place.config)
    process = place.start("run", place.folder)
    yield place, process
    if process.poll() is None:
        process.kill()
    process.communicate()


def give_configuration(
    place: Place, process: subprocess.Popen[str], *first: signal.Signals
) -> None:
    """Write the configuration that is being waited for, after signals have been sent."""
    pipe = -1

    def is_read() -> bool:
        nonlocal pipe
        assert process.poll() is None
        try:
            pipe = os.open(place.config, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return False
        return True

    wait_until(is_read)
    for number in first:
        process.send_signal(number)
    os.write(pipe, CONFIG.encode())
    os.close(pipe)


def test_a_reload_that_is_asked_during_the_start_is_done_once_it_serves(
    starting: tuple[Place, subprocess.Popen[str]],
) -> None:
    place, process = starting
    give_configuration(place, process, signal.SIGHUP, signal.SIGHUP)
    assert process.stderr is not None
    said = iter(process.stderr.readline, "")
    assert any("serving on" in line for line in said)
    give_configuration(place, process)  # it is read once more
    assert any("the configuration was read once more" in line for line in said)
    process.terminate()
    assert process.wait(60) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_end_that_is_asked_during_the_start_is_in_order(
    starting: tuple[Place, subprocess.Popen[str]], number: signal.Signals
) -> None:
    place, process = starting
    give_configuration(place, process, number, number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "Traceback" not in said
    assert "serving on" not in said
    assert said.endswith("INFO stopped\n")
    assert not (place.data_dir / "daemon.json").exists()


def test_an_end_that_is_asked_while_the_index_is_opened_is_in_order(place: Place) -> None:
    place.data_dir.mkdir()
    Database(place.data_dir).close()
    other = apsw.Connection(str(place.data_dir / "prism.db"))
    other.execute("BEGIN IMMEDIATE")  # whoever wants to write waits
    process = place.start("run", place.folder)
    try:
        wait_until(lambda: _has_open(process, place.data_dir / "prismd.lock"))
        process.terminate()
        other.execute("ROLLBACK")
        _, said = process.communicate(timeout=60)
    finally:
        other.close()
        process.kill()
        process.wait()
    assert process.returncode == 0, said
    assert "Traceback" not in said
    assert said.endswith("INFO stopped\n")
    assert _well(place)


def _has_open(process: subprocess.Popen[str], path: Path) -> bool:
    """Whether it has come to the lock; who tried to take that would keep it from having it."""
    return str(path) in {file.path for file in psutil.Process(process.pid).open_files()}


def test_an_impatient_end_is_in_order_too(place: Place) -> None:
    with place.daemon() as daemon:
        for _ in range(3):
            daemon.process.send_signal(signal.SIGINT)
        assert daemon.process.wait(60) == 0
    assert "Traceback" not in place.log.read_text()
    assert place.log.read_text().splitlines()[-1].endswith("INFO stopped")


def test_it_ends_in_order_while_it_reads(place: Place) -> None:
    place.write("large.txt", "One more sentence about the harbour.\n\n" * 60_000)
    with place.daemon() as daemon:
        wait_until(lambda: daemon.status()["files"]["processing"] == 1)
        children = daemon.children()
        assert daemon.stop() == 0
    assert not [child for child in children if child.is_running()]
    assert "Traceback" not in place.log.read_text()
    assert _well(place)


HALF_SENT = {
    "/upload": "multipart/form-data; boundary=x",
    "/v1/files": "multipart/form-data; boundary=x",
    "/v1/audio/transcriptions": "multipart/form-data; boundary=x",
    "/v1/responses": "application/json",
    "/search": "application/json",
}


def _half_sent(daemon: Daemon, path: str, kind: str) -> socket.socket:
    """A connection on which half of a request has come."""
    port, token = daemon.client.base_url.port, daemon.client.headers["authorization"]
    assert port is not None
    form = b'--x\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhalf'
    wire = socket.create_connection(("127.0.0.1", port), timeout=60)
    wire.sendall(
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: {token}\r\n"
        f"Content-Type: {kind}\r\nContent-Length: 5000\r\n\r\n".encode()
        + (form if "form" in kind else b'{"model"')
    )
    return wire


def test_requests_that_are_half_sent_are_told_of_the_end(place: Place) -> None:
    with place.daemon() as daemon, contextlib.ExitStack() as opened:
        wires = [
            opened.enter_context(_half_sent(daemon, path, kind)) for path, kind in HALF_SENT.items()
        ]
        in_progress = f"prismd_http_requests_in_progress {len(wires) + 1:.1f}"
        wait_until(lambda: in_progress in daemon.client.get("/metrics").text)
        assert daemon.stop() == 0
        for wire in wires:
            head, _, body = _read_to_end(wire).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 503"), head
            assert b"retry-after: 5" in head
            assert json.loads(body)["error"]["code"] == "ending"
    log = place.log.read_text()
    assert "Cancel" not in log
    assert "Traceback" not in log
    assert "ERROR" not in log


def _read_to_end(wire: socket.socket) -> bytes:
    received = b""
    while piece := wire.recv(65536):
        received += piece
    return received


def test_a_second_one_on_the_same_data_is_told_so(place: Place) -> None:
    with place.daemon() as daemon:
        commands = [["run"], ["run", "--port", str(place.port + 1)]]
        for said in place.run_at_once(commands, exit_code=1):
            assert said == (
                f"prismd: {place.data_dir}: another prismd is using it; stop that one, or name"
                " another --data-dir\n"
            )
        assert daemon.client.get("/health").is_success
        assert (place.data_dir / "daemon.json").exists()


def test_a_port_in_use_is_told_and_nothing_is_kept(place: Place) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", place.port))
        other.listen()
        said = place.run("run", exit_code=1)
    assert said == (
        f"prismd: port {place.port}: cannot be listened on (Address already in use); stop what"
        " uses it, or choose another with --port\n"
    )
    assert not (place.data_dir / "daemon.json").exists()
    Database(place.data_dir).close()  # its lock is free


def test_after_a_kill_it_starts_again_and_finds_everything(place: Place) -> None:
    for n in range(40):
        place.write(f"{n}.txt", f"The ferry number {n} sails at noon. " * 20)
    with place.daemon() as daemon:
        wait_until(lambda: daemon.status()["files"]["completed"] > 0)
        children = daemon.children()
        daemon.process.kill()
        daemon.process.wait()
    assert (place.data_dir / "daemon.json").exists()
    psutil.wait_procs(children, timeout=120)
    assert not [child for child in children if child.is_running()]
    with place.daemon() as daemon:
        daemon.await_idle()
        status = daemon.status()
        assert status["files"]["completed"] == status["files"]["total"] == 40
        assert status["passages"] == status["passages_embedded"]
        assert daemon.finds("ferry number 17")[0] == "17.txt"
    assert _well(place)


def test_the_log_is_private_and_has_neither_questions_nor_passages(place: Place) -> None:
    place.write_sample()
    place.write("secret.txt", SECRET)
    log = place.root / "logs" / "prismd.log"
    with place.daemon(env={"PRISMD_LOG_FILE": str(log)}) as daemon:
        daemon.await_idle()
        assert daemon.finds("heliotrope") == ["secret.txt"]
        asked = {"model": "prism", "messages": [{"role": "user", "content": SECRET}]}
        reply = daemon.client.post("/v1/chat/completions", json=asked)
        assert "heliotrope" in reply.text
        daemon.client.post("/search", json={"query": "heliotrope " * 20_000})
        assert daemon.stop() == 0
    text = log.read_text()
    assert "serving on" in text
    assert "broken.pdf" in text
    assert "heliotrope" not in text
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert not place.log.read_text()


@pytest.mark.parametrize("below", ["", "below"])
def test_a_data_directory_that_is_a_file_is_told(place: Place, below: str) -> None:
    taken = place.root / "taken"
    taken.write_text("a file")
    said = place.run("run", exit_code=2, env={"PRISMD_DATA_DIR": str(taken / below)})
    assert said.startswith(f"prismd: {taken / below}: cannot be the data directory (")
    assert said.endswith("name another with --data-dir\n")


@pytest.mark.skipif(os.geteuid() == 0, reason="to the superuser every directory is writable")
def test_a_data_directory_that_cannot_be_written_is_told(place: Place) -> None:
    place.data_dir.mkdir(mode=0o500)
    assert str(place.data_dir) in place.run("run", exit_code=2)


def test_a_folder_that_is_not_there_at_the_start_is_told(place: Place) -> None:
    settings = place.config.read_text()
    place.config.write_text(f'{settings}\n[[folders]]\npath = "{place.root}/gone"\n')
    said = place.run("run", exit_code=2)
    assert said == f"prismd: {place.root}/gone: there is no such folder; correct or remove it\n"


def test_without_a_folder_it_says_how_to_name_one(place: Place) -> None:
    with place.daemon(folders=[]):
        pass
    assert "no folder is indexed; name one: 'prismd run FOLDER'" in place.log.read_text()


def test_a_folder_that_vanishes_and_comes_back_loses_nothing(place: Place) -> None:
    place.write("a.txt", "The ferry sails at noon.")
    elsewhere = place.root / "unplugged"
    with place.daemon() as daemon:
        daemon.await_idle()
        place.folder.rename(elsewhere)
        _sweep_until(daemon, "offline")
        assert daemon.finds("ferry") == ["a.txt"]
        assert daemon.status()["files"]["completed"] == 1
        daemon.client.post("/rescan").raise_for_status()
        wait_until(lambda: not daemon.status()["looking"])
        assert place.log.read_text().count(f"{place.folder}: is not there") == 1

        elsewhere.rename(place.folder)
        place.write("b.txt", "The zeppelin lands at dusk.")
        _sweep_until(daemon, "watching")
        wait_until(lambda: daemon.finds("zeppelin") == ["b.txt"])
        assert daemon.finds("ferry") == ["a.txt"]
        daemon.await_idle()
        assert daemon.status()["embeddings_computed"] == 2


def test_a_change_is_found_without_being_asked(place: Place) -> None:
    place.write("a.txt", "The ferry sails at noon.")
    with place.daemon(env={"PRISMD_INDEX_RESCAN_S": "0.2"}) as daemon:
        daemon.await_idle()
        place.write("b.txt", "The zeppelin lands at dusk.")
        (place.folder / "a.txt").unlink()
        wait_until(lambda: daemon.finds("zeppelin") == ["b.txt"])
        wait_until(lambda: daemon.finds("ferry") == [])


def test_commands_whose_daemon_goes_away_say_so(place: Place) -> None:
    place.write("large.txt", "One more sentence about the harbour.\n\n" * 200_000)
    with place.daemon() as daemon:
        wait_until(lambda: daemon.status()["files"]["processing"] == 1)
        following = place.start("index")
        assert following.stdout is not None
        assert "is looking through" in following.stdout.readline()
        daemon.process.kill()
        daemon.process.wait()
        _, err = following.communicate(timeout=60)
    assert following.returncode == 3
    assert "the running prismd answers no more" in err
    assert "Traceback" not in err


def _sweep_until(daemon: Daemon, state: str) -> None:
    """Ask for a sweep, and wait until the folder is found in a state."""
    daemon.client.post("/rescan").raise_for_status()
    wait_until(lambda: daemon.status()["roots"][0]["state"] == state)


def _well(place: Place) -> bool:
    database = Database(place.data_dir)
    try:
        return check(database, repair=False) == []
    finally:
        database.close()
