"""Status and the switches."""

from __future__ import annotations

import dataclasses
import socket
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from prismd.api.app import create_app
from prismd.api.roots import roots_of
from prismd.api.services import ApiSettings
from prismd.api.status import status_of
from prismd.models.fake import FakeImageEmbedder
from prismd.progress.forecast import Backlog, Outlook
from prismd.progress.progress import Progress
from prismd.store import files, jobs
from prismd.watch.folders import Folders
from prismd.watch.state import WatchState
from tests.api.harness import Live, build, live_server, serving, write_sample
from tests.building import picture, wait_until, write_file
from tests.unwatched import Unwatched

DESIGN = {
    "state", "version", "files", "passages", "passages_embedded", "embeddings_computed",
    "current", "rate_files_per_s", "eta_s", "roots", "models", "stale", "index_bytes",
}  # fmt: skip


def test_the_status_says_whether_searches_may_be_kept_anywhere(live: Live) -> None:
    told = live.client.get("/status").json()
    assert (told["encrypted"], told["history_kept"]) == (False, True)
    live.client.post("/search/history", json={"kept": False}).raise_for_status()
    assert live.client.get("/status").json()["history_kept"] is False


def test_the_status_counts_everything(live: Live) -> None:
    status = live.client.get("/status").json()
    assert status.keys() >= DESIGN
    assert status["state"] == "idle"
    assert status["files"] == {
        "total": 6, "pending": 0, "processing": 0, "completed": 4, "failed": 1,
        "skipped": 1, "quarantined": 0,
    }  # fmt: skip
    assert status["passages"] == status["passages_embedded"] == 6
    assert status["eta_s"] == 0
    [root] = status["roots"]
    assert (root["state"], root["files"]) == ("watching", 6)
    assert status["models"]["embedding"]["state"] == "loaded"
    assert status["index_bytes"] > 0


def test_pause_holds_and_resume_goes_on(tmp_path: Path) -> None:
    with live_server(tmp_path, sample=False) as live:
        wait_until(live.stack.folders.watches.swept)
        assert live.client.post("/pause").json()["state"] == "paused"
        assert live.client.get("/status").json()["state"] == "paused"
        assert live.client.post("/resume").json()["state"] == "idle"


def test_rescan_asks_for_a_sweep(tmp_path: Path) -> None:
    with live_server(tmp_path, sample=False) as live:
        watches = live.stack.folders.watches
        wait_until(watches.swept)
        assert live.client.post("/rescan").status_code == 202
        wait_until(watches.swept)


def test_reindex_queues(live: Live) -> None:
    assert live.client.post("/reindex").json() == {"queued": 3}
    assert live.client.post("/reindex", json={"everything": True}).json() == {"queued": 7}


def test_errors_name_every_file_without_a_document(live: Live) -> None:
    listed = live.client.get("/errors").json()
    found = {Path(item["path"]).name: item["error"]["code"] for item in listed["data"]}
    assert found == {"broken.pdf": "broken", "empty.txt": "empty"}
    only = live.client.get("/errors", params={"state": "skipped"}).json()["data"]
    assert [Path(item["path"]).name for item in only] == ["empty.txt"]
    assert live.client.get("/errors", params={"state": "completed"}).status_code == 400


def test_retry_reads_failed_files_again(tmp_path: Path) -> None:
    with live_server(tmp_path) as live:
        path = live.stack.folder / "broken.pdf"
        before = live.client.get(f"/files/{live.id_of('broken.pdf')}").json()["indexed_at"]
        assert live.client.post("/retry").json() == {"queued": 1}
        named = {"file_id": live.id_of("empty.txt")}
        assert live.client.post("/retry", json=named).json() == {"queued": 1}
        live.stack.index()
        item = live.client.get(f"/files/{live.id_of('broken.pdf')}").json()
        assert path.exists()
        assert item["state"] == "failed"
        assert item["indexed_at"] >= before


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"file_id": "file-999"}, 404),
        ({"file_id": "../x"}, 404),
        ({"file_id": 5}, 400),
        ({"states": ["completed"]}, 400),
        ({"file_id": None, "states": None}, 200),
    ],
)
def test_retry_takes_only_what_can_be_retried(live: Live, body: Any, status: int) -> None:
    assert live.client.post("/retry", json=body).status_code == status
    live.stack.index()


@pytest.mark.parametrize("route", ["/pause", "/resume", "/rescan", "/retry", "/reindex"])
def test_where_the_index_is_only_read_nothing_is_switched(tmp_path: Path, route: str) -> None:
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        settings = ApiSettings(port=listener.getsockname()[1])
        stack = build(tmp_path, settings.base_url)
        try:
            write_sample(stack.folder)
            reading = dataclasses.replace(stack.services, ingest=None, folders=None, reindex=None)
            stack.services = reading
            with serving(stack, listener, settings) as live:
                response = live.client.post(route)
                assert response.status_code == 503
                assert "prismd run" in response.json()["error"]["message"]
                assert live.client.get("/status").status_code == 200
        finally:
            stack.close()


def test_a_paused_queue_is_counted_by_folder_and_has_no_time_left(tmp_path: Path) -> None:
    with live_server(tmp_path, sample=False) as live:
        live.client.post("/pause")
        write_sample(live.stack.folder)
        live.stack.folders.watches.rescan()
        wait_until(live.stack.folders.watches.swept)
        status = live.client.get("/status").json()
        [root] = status["roots"]
        assert (root["pending"], root["eta_s"], status["eta_s"]) == (6, None, None)
        assert live.client.get("/roots").json()["data"] == [root]

        live.client.post("/resume")
        wait_until(live.stack.ingest.idle)
        status = live.client.get("/status").json()
        [root] = status["roots"]
        assert (root["pending"], root["eta_s"], status["eta_s"]) == (0, 0, 0)


class Asked(Progress):
    """Notes of what the time left was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.unembedded: list[int | None] = []

    def outlook(self, backlog: Backlog) -> Outlook:
        self.unembedded.append(backlog.unembedded)
        return super().outlook(backlog)


def test_who_asks_for_the_folders_changes_nothing_of_the_time_left(tmp_path: Path) -> None:
    stack = build(tmp_path, "")
    try:
        write_file(stack.folder / "a.txt", "The ferry sails at noon.")
        stack.index()
        stack.ingest.pause()
        stack.database.write(lambda c: c.execute("UPDATE passages SET embedding_id = NULL"))
        asked = Asked()
        app = create_app(dataclasses.replace(stack.services, progress=asked), ApiSettings())
        roots_of(app.state.api)
        status_of(app.state.api)
        # The time that is told moves on from what was told before: all must ask for the same.
        assert asked.unembedded == [1, 1]
    finally:
        stack.close()


def test_pictures_without_a_vector_are_work_of_which_nobody_knows_how_long_it_takes(
    tmp_path: Path,
) -> None:
    at_work, go_on = threading.Event(), threading.Event()

    class Slow(FakeImageEmbedder):
        def embed_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
            at_work.set()
            assert go_on.wait(60)
            return super().embed_images(pixels)

    with live_server(tmp_path, sample=False, images=Slow()) as live:
        write_file(live.stack.folder / "red.png", picture("red"))
        live.stack.folders.watches.rescan()
        assert at_work.wait(60)
        wait_until(lambda: live.client.get("/status").json()["files"]["completed"] == 1)
        wait_until(lambda: live.stack.ingest.pictures.idle() is False)
        status = live.client.get("/status").json()
        assert (status["state"], status["eta_s"]) == ("indexing", None)
        go_on.set()
        wait_until(lambda: live.client.get("/status").json()["state"] == "idle")
        assert live.client.get("/status").json()["eta_s"] == 0


class HalfSeen(Unwatched):
    """Has looked through one folder, and not yet through the other."""

    def __init__(self, well: int, other: int) -> None:
        self.known = {well: WatchState("watching"), other: WatchState("starting", "it hangs")}
        self.all = False
        self.unanswering: frozenset[int] = frozenset()
        self.stuck: frozenset[int] = frozenset()

    def started(self) -> bool:
        return self.all

    def swept(self) -> bool:
        return self.all

    def state_of(self, root_id: int) -> WatchState:
        return self.known[root_id]

    def states(self) -> dict[int, WatchState]:
        return self.known

    def silent(self) -> frozenset[int]:
        return self.unanswering

    def failing(self) -> frozenset[int]:
        return self.stuck


class Expecting(Progress):
    """Expects an hour for any folder, and two for all."""

    def outlook(self, backlog: Backlog) -> Outlook:
        return Outlook(
            7200.0, {queued.root_id: 3600.0 for queued in backlog.queued if queued.root_id}
        )


def test_state_and_time_left_are_those_of_each_folder(tmp_path: Path) -> None:
    stack = build(tmp_path, "")
    try:
        stack.ingest.pause()
        write_file(stack.folder / "a.txt", "The ferry sails at noon.")
        other = tmp_path / "other"
        write_file(other / "b.txt", "The zeppelin lands at dusk.")
        second = stack.database.write(lambda c: files.add_root(c, str(other), "command"))
        stack.folders.watches.follow()
        stack.folders.watches.rescan()  # the first folder may have been looked through before
        wait_until(stack.folders.watches.swept)
        well = next(r.id for r in stack.database.read(files.roots) if r.id != second.id)
        watches = HalfSeen(well, second.id)
        folders = Folders(stack.database, watches, frozenset, stack.ingest.wake)
        services = dataclasses.replace(stack.services, folders=folders, progress=Expecting())
        api = create_app(services, ApiSettings()).state.api
        status = status_of(api)
        assert (status.state, status.eta_s) == ("starting", None)
        told = {root.path: (root.state, root.eta_s, root.detail) for root in status.roots}
        assert told == {
            str(stack.folder): ("watching", 3600.0, ""),
            str(other): ("starting", None, "it hangs"),
        }
        watches.all = True  # but for what does not answer
        status = status_of(api)
        assert (status.state, status.eta_s) == ("indexing", 7200.0)
        assert {root.path: (root.state, root.eta_s, root.detail) for root in status.roots} == told
        assert not any(root.failing for root in status.roots)
        watches.stuck = frozenset({second.id})
        assert [root.failing for root in status_of(api).roots] == [
            root.path == str(other) for root in status.roots
        ]
    finally:
        stack.close()


def test_files_of_a_folder_whose_disk_does_not_answer_are_not_told_to_wait_for_its_return(
    tmp_path: Path,
) -> None:
    stack = build(tmp_path, "")
    try:
        stack.ingest.pause()
        write_file(stack.folder / "a.txt", "The ferry sails at noon.")
        stack.folders.watches.rescan()
        wait_until(lambda: stack.database.read(jobs.outstanding)[0] == 1)
        (root,) = stack.database.read(files.roots)
        stack.folders.watches.stop()
        stack.database.write(lambda c: files.set_root_state(c, root.id, "offline"))
        watches = HalfSeen(root.id, 0)
        folders = Folders(stack.database, watches, frozenset, stack.ingest.wake)
        services = dataclasses.replace(stack.services, folders=folders)
        api = create_app(services, ApiSettings()).state.api
        (waiting,) = status_of(api).waiting
        assert waiting.why == f"{root.path} is not there"
        watches.unanswering = frozenset({root.id})
        assert status_of(api).waiting == (
            msgspec.structs.replace(waiting, why=f"the disk of {root.path} does not answer"),
        )
    finally:
        stack.close()


def test_every_fault_is_told_with_the_part_that_it_keeps_from_going_on(tmp_path: Path) -> None:
    with live_server(tmp_path, sample=False) as live:
        progress = live.stack.services.progress
        progress.trouble("pausing", "the pause was not noted")
        progress.trouble("picking", "the picker fails")
        status = live.client.get("/status").json()
        assert status["faults"] == [
            {"part": "pausing", "message": "the pause was not noted"},
            {"part": "picking", "message": "the picker fails"},
        ]
        assert status["fault"] == "the pause was not noted"


def test_a_file_that_is_put_off_for_long_is_no_work_in_hand(tmp_path: Path) -> None:
    with live_server(tmp_path, sample=False) as live:
        database = live.stack.database
        live.client.post("/pause").raise_for_status()
        write_file(live.stack.folder / "app.log", "A line.")
        live.client.post("/rescan").raise_for_status()
        wait_until(live.stack.folders.watches.swept)
        assert live.client.get("/status").json()["left"] == 1
        off_s = time.time() + jobs.SOON_S + 600
        database.write(lambda c: c.execute("UPDATE jobs SET not_before = ?", (off_s,)))
        live.client.post("/resume").raise_for_status()
        wait_until(lambda: live.client.get("/status").json()["state"] == "idle")
        status = live.client.get("/status").json()
        assert (status["left"], status["files"]["pending"]) == (0, 1)
