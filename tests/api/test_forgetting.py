"""``DELETE /files/{id}``: forgotten, kept out, and taken back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from prismd.store.check import check
from tests.api.harness import LEASE, Live, ask, live_server, wait_until, write_pdf
from tests.api.sending import send, take
from tests.building import recording


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_server(tmp_path_factory.mktemp("forgetting")) as live:
        yield live
        assert check(live.stack.database, repair=False) == []


def names(live: Live) -> set[str]:
    return {Path(item["path"]).name for item in live.client.get("/files").json()["data"]}


def finds(live: Live, query: str) -> set[str]:
    results = live.client.post("/search", json={"query": query}).json()["results"]
    return {Path(result["metadata"]["path"]).name for result in results}


def excluded(live: Live) -> list[str]:
    return [Path(item["path"]).name for item in live.client.get("/exclusions").json()["data"]]


def test_an_upload_is_gone_with_all_that_came_of_it(server: Live) -> None:
    uploaded = take(server, "a.txt", b"The wombat digs its burrow at night.")
    file_id = uploaded["file_id"]
    path = server.client.get(f"/files/{file_id}").json()["path"]
    asked = {"query": "When does the wombat dig its burrow at night?", "answer": True}
    citation = server.client.post("/search", json=asked).json()["citations"][0]["citation_id"]
    said = server.client.delete(f"/files/{file_id}")
    assert said.status_code == 200
    assert said.json() == {
        "id": file_id,
        "object": "file",
        "deleted": True,
        "path": path,
        "excluded": False,
        "message": f"{path}: is forgotten, with its bytes and the kept responses that rest on it",
    }
    assert "a.txt" not in finds(server, "wombat digs at night")
    for address in (f"/files/{file_id}", f"/files/{file_id}/content", f"/c/{citation}"):
        assert server.client.get(address).status_code == 404
    assert "a.txt" not in excluded(server)


def test_no_byte_of_it_is_left_and_no_answer_that_quotes_it(tmp_path: Path) -> None:
    secret = "The bandicoot forages at dusk near Xylophonburg."
    with live_server(tmp_path) as live:
        file_id = take(live, "a.txt", "\n\n".join([secret] * 900).encode())["file_id"]
        asking = {"model": "prism", "input": "Where does the bandicoot forage at dusk?"}
        answers = [live.client.post("/v1/responses", json=asking).json()]
        onward = asking | {"input": "Really?", "previous_response_id": answers[0]["id"]}
        answers.append(live.client.post("/v1/responses", json=onward).json())
        other = {"model": "prism", "input": "What deposit do the tenants pay before the keys?"}
        stays = live.client.post("/v1/responses", json=other).json()
        assert file_id in str(answers[0])
        data_dir = live.stack.database.path.parent
        assert any(b"Xylophonburg" in path.read_bytes() for path in data_dir.iterdir())
        assert live.client.delete(f"/files/{file_id}").status_code == 200
        for path in data_dir.iterdir():
            assert b"xylophonburg" not in path.read_bytes().lower(), path
        for answer, status in ((answers[0], 404), (answers[1], 404), (stays, 200)):
            assert live.client.get(f"/v1/responses/{answer['id']}").status_code == status


def test_a_second_time_there_is_nothing(server: Live) -> None:
    file_id = take(server, "a.txt", b"A wombat digs.")["file_id"]
    assert server.client.delete(f"/files/{file_id}").status_code == 200
    again = server.client.delete(f"/files/{file_id}")
    assert again.status_code == 404
    assert again.json()["error"]["code"] == "file_not_found"


@pytest.mark.parametrize("file_id", ["file-999", "file-0", "1", "..%2f..", "file-1%00"])
def test_what_is_no_file_cannot_be_deleted(server: Live, file_id: str) -> None:
    before = names(server)
    assert server.client.delete(f"/files/{file_id}").status_code == 404
    assert server.client.delete(f"/exclusions/{file_id}").status_code == 404
    assert names(server) == before


def test_the_users_own_file_is_not_touched_and_stays_out(server: Live) -> None:
    path = server.stack.folder / "Own.md"
    path.write_text("# Own\n\nWritten about badgers.\n")
    server.stack.index()
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    file_id = server.id_of("Own.md")
    said = server.client.delete(f"/files/{file_id}").json()
    assert said["excluded"] is True
    assert f"DELETE /exclusions/{file_id}" in said["message"]
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    for _ in range(2):
        server.stack.index()
        assert "Own.md" not in names(server)
    path.write_text("# Own\n\nWritten anew about otters.\n")
    server.stack.index()
    assert "Own.md" not in names(server)
    path.rename(path.with_name("Moved.md"))
    server.stack.index()
    assert not {"Own.md", "Moved.md"} & names(server)
    assert excluded(server) == ["Moved.md"]


def test_a_file_is_taken_back(server: Live) -> None:
    file_id = server.id_of("Tax notes.md")
    server.client.delete(f"/files/{file_id}")
    listed = server.client.get("/exclusions").json()["data"]
    assert listed[0]["id"] == file_id
    said = server.client.delete(f"/exclusions/{file_id}")
    assert said.status_code == 200
    assert said.json()["path"] == str(server.stack.folder / "Tax notes.md")
    server.stack.index()
    assert "Tax notes.md" in finds(server, "tax return sent online")
    assert "Tax notes.md" not in excluded(server)
    assert server.client.delete(f"/exclusions/{file_id}").status_code == 404


def test_a_file_that_is_being_read_can_be_deleted(tmp_path: Path) -> None:
    with live_server(tmp_path, sample=False) as live:
        said = live.stack.folder / "long.wav"
        said.write_bytes(recording(pitch_hz=200, seconds=600))
        live.stack.folders.watches.rescan()
        wait_until(
            lambda: bool(live.client.get("/status").json()["current"]) or names(live) != set()
        )
        file_id = live.id_of("long.wav")
        assert live.client.delete(f"/files/{file_id}").status_code == 200
        live.stack.index()
        assert names(live) == set()


def test_a_file_that_is_being_sent_ends_amid(server: Live) -> None:
    """What has gone is not made up, and the connection does not look complete."""
    path = server.stack.folder / "x.pdf"
    write_pdf(path, LEASE)
    content = path.read_bytes() + bytes(40_000_000)
    file_id = send(server, "x.pdf", content).json()["file_id"]
    got = 0
    with server.client.stream("GET", f"/files/{file_id}/content") as response:
        pieces = response.iter_bytes(65536)
        got += len(next(pieces))
        assert server.client.delete(f"/files/{file_id}").status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            for piece in pieces:
                got += len(piece)
    assert got < len(content)


def test_answers_no_longer_come_of_it(server: Live) -> None:
    body = ask("What deposit do the tenants pay before the keys are handed over?")
    before = server.client.post("/v1/chat/completions", json=body).json()
    assert before["prism"]["citations"]
    server.client.delete(f"/files/{server.id_of('Lease.pdf')}")
    after = server.client.post("/v1/chat/completions", json=body).json()
    assert not any("Lease.pdf" in each["path"] for each in after["prism"]["citations"])


def test_many_at_once_delete_it_once(server: Live) -> None:
    file_id = take(server, "a.txt", b"A wombat digs.")["file_id"]
    statuses: list[int] = []

    def delete() -> None:
        statuses.append(server.client.delete(f"/files/{file_id}").status_code)

    threads = [threading.Thread(target=delete) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [404] * 7
