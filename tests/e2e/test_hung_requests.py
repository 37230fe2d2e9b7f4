"""Requests for files of a disk that answers nothing: whoever asks for anything else is answered."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import httpx
import pytest

from tests.building import wait_until, write_file
from tests.cli.harness import Daemon, Place
from tests.e2e.disks import hung, in_namespace

pytestmark = [pytest.mark.slow, pytest.mark.timeout(280)]

_REQUESTS = 24


def test_files_of_a_hung_disk_keep_no_other_request_and_no_end_waiting(tmp_path: Path) -> None:
    in_namespace(asking_for_files_of_a_hung_disk, tmp_path)


def asking_for_files_of_a_hung_disk(base: Path) -> None:
    place, nas = Place(base), base / "share" / "nas"
    for number in range(_REQUESTS):
        write_file(nas / f"{number}.txt", f"The zeppelin lands {number} times.")
    place.write("a.txt", "The ferry sails at noon.")
    with place.daemon([place.folder, nas.parent]) as daemon:
        daemon.await_idle()
        listed = daemon.client.get("/files", params={"q": "/nas/"}).json()["data"]
        assert len(listed) == _REQUESTS
        with hung(nas):
            begun = [ask(daemon, f"/files/{file['id']}/content") for file in listed]
            assert all(request.is_alive() for request in begun)
            daemon.client.get("/status", timeout=30).raise_for_status()
            daemon.client.post("/pause", timeout=30).raise_for_status()
            assert daemon.finds("ferry") == ["a.txt"]
            assert all(request.is_alive() for request in begun)
            assert daemon.stop() == 0
        wait_until(lambda: not any(request.is_alive() for request in begun))
    assert "Traceback" not in place.log.read_text()


def ask(daemon: Daemon, path: str) -> threading.Thread:
    """Ask for something in a thread of its own, which waits for the answer."""
    sent = threading.Event()

    def get() -> None:
        with httpx.Client(
            base_url=daemon.url, headers=daemon.client.headers, trust_env=False, timeout=120
        ) as client:
            sent.set()
            with contextlib.suppress(httpx.TransportError):  # it ended
                client.get(path)

    thread = threading.Thread(target=get, daemon=True)
    thread.start()
    assert sent.wait(60)
    return thread
