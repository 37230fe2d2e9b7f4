"""Uploads of a real daemon, killed at any moment: nothing half stays, and nothing elsewhere."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import apsw
import httpx
import pytest

from prismd.store.check import check
from prismd.store.database import FILE_NAME, Database
from tests.building import wait_until
from tests.cli.harness import Daemon, Place
from tests.e2e.writing import files_in

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

SECRET = b"The quokka keeps the key under the third stone."
LONG = b"\n\n".join(SECRET + b" Part %d of it." % number for number in range(5_000))
_SHARED = Path("/dev/shm")


def begin(daemon: Daemon, content: bytes) -> socket.socket:
    """Send the first part of an upload, and leave it at that."""
    wire = socket.create_connection(("127.0.0.1", daemon.place.port), timeout=120)
    head = (
        f"POST /upload HTTP/1.1\r\nHost: 127.0.0.1:{daemon.place.port}\r\n"
        f"Authorization: {daemon.client.headers['Authorization']}\r\n"
        f"Content-Length: {2 * len(content)}\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
        '--b\r\nContent-Disposition: form-data; name="file"; filename="half.txt"\r\n\r\n'
    )
    wire.sendall(head.encode() + content)
    return wire


def count(place: Place, table: str) -> int:
    connection = apsw.Connection(str(place.data_dir / FILE_NAME), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return int(connection.execute(f"SELECT count(*) FROM {table}").get)
    finally:
        connection.close()


def elsewhere(place: Place) -> Iterator[Path]:
    """Every file that this prismd may have written, but the index."""
    for path in files_in((place.data_dir, place.root / "tmp", place.root / "home", _SHARED)):
        if not path.name.startswith(FILE_NAME):
            yield path


def holding_the_secret(place: Place) -> list[Path]:
    found = []
    for path in elsewhere(place):
        try:
            if SECRET in path.read_bytes():
                found.append(path)
        except OSError:  # another program's, in the shared folder
            continue
    return found


def upload(daemon: Daemon, name: str, content: bytes, wait_s: float = 0.0) -> dict[str, object]:
    response = daemon.client.post(
        "/upload", files={"file": (name, content)}, params={"wait_s": wait_s}
    )
    uploaded: dict[str, object] = response.raise_for_status().json()
    return uploaded


def test_a_kill_amid_an_upload_and_amid_its_reading_leaves_nothing_half(place: Place) -> None:
    (place.root / "tmp").mkdir()
    env = {"TMPDIR": str(place.root / "tmp")}
    with place.daemon(env=env) as daemon:
        upload(daemon, "whole.txt", SECRET, 60)
        daemon.client.post("/pause").raise_for_status()  # until all else has come
        upload(daemon, "long.txt", LONG)
        with begin(daemon, SECRET + bytes(8 << 20)):
            wait_until(lambda: count(place, "uploads WHERE file_id IS NULL") == 1)
            wait_until(lambda: count(place, "upload_pieces") > 4)
            daemon.client.post("/resume").raise_for_status()
            wait_until(lambda: bool(daemon.status()["current"]))
            assert holding_the_secret(place) == []
            assert daemon.stop(signal.SIGKILL) == -signal.SIGKILL
    assert holding_the_secret(place) == []
    with place.daemon(env=env) as daemon:
        wait_until(lambda: count(place, "uploads WHERE file_id IS NULL") == 0)
        daemon.await_idle()
        assert place.states() == {"whole.txt": "completed", "long.txt": "completed"}
        assert set(daemon.finds("quokka")) == {"whole.txt", "long.txt"}
        for item in daemon.client.get("/files").json()["data"]:
            expected = {"whole.txt": SECRET, "long.txt": LONG}[Path(item["path"]).name]
            assert daemon.client.get(f"/files/{item['id']}/content").content == expected
            assert daemon.client.delete(f"/files/{item['id']}").status_code == 200
        assert daemon.finds("quokka") == []
        assert daemon.stop() == 0
    assert holding_the_secret(place) == []
    assert count(place, "upload_pieces") == 0
    database = Database(place.data_dir)
    assert check(database, repair=False) == []
    database.close()


def test_an_upload_can_be_searched_in_one_pass_without_a_daemon(place: Place) -> None:
    with place.daemon() as daemon:
        assert daemon.client.post("/pause").is_success
        upload(daemon, "later.txt", SECRET)
    place.run("index", place.folder)
    assert place.states() == {"later.txt": "completed"}
    assert "later.txt" in place.run("search", "quokka key")


def test_a_size_of_the_settings_is_the_limit(place: Place) -> None:
    settings = place.config.read_text()
    place.config.write_text(settings + "\n[server]\nmax_upload_bytes = 1000\n")
    with place.daemon() as daemon:
        assert upload(daemon, "a.txt", SECRET.ljust(1000))["file_id"]
        with pytest.raises(httpx.HTTPStatusError, match="413"):
            upload(daemon, "a.txt", SECRET.ljust(1001))


def test_curl_sends_a_file_as_people_do(place: Place) -> None:
    path = place.write("note.txt", "A quokka smiles.")
    with place.daemon(folders=[place.root / "home"]) as daemon:
        command = ["curl", "-sS", "-F", f"file=@{path}", "-H"]
        command += [f"Authorization: {daemon.client.headers['Authorization']}"]
        said = subprocess.run(
            [*command, f"{daemon.url}/upload?wait_s=60"], capture_output=True, text=True, check=True
        )
        assert '"status":"completed"' in said.stdout
        assert daemon.finds("quokka") == ["note.txt"]
