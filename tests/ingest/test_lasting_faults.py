"""Faults go when what failed has succeeded, or nothing is left of it, whatever else is queued."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from prismd.errors import ModelError, StoreError, WorkerError
from prismd.ingest.crew import Ingest
from prismd.models.fake import FakeEmbedder
from prismd.progress.trouble import EMBEDDING, READING, READING_RECORDINGS
from prismd.store import jobs
from tests.building import Indexer, recording, wait_until
from tests.ingest.passes import SETTINGS, CountingPool

FULL = StoreError("prism.db: its disk is full; free some disk space")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed is tried again at once."""
    for module in ("crew", "embedding"):
        monkeypatch.setattr(f"prismd.ingest.{module}.IDLE_WAIT_S", 0.01)


@pytest.fixture
def ingest(indexer: Indexer) -> Iterator[Ingest]:
    with indexer.ingesting() as made:
        wait_until(made.idle)
        yield made


def put_off(indexer: Indexer) -> None:
    """Have all that is queued wait for long, as what is written to all day does."""
    due_s = time.time() + jobs.SOON_S + 240
    indexer.database.write(lambda c: c.execute("UPDATE jobs SET not_before = ?", (due_s,)))


def read(indexer: Indexer, ingest: Ingest, name: str, content: str | bytes = "A walrus.") -> None:
    indexer.write(name, content)
    indexer.sweep()
    ingest.wake()


def test_a_pass_is_at_its_end_though_a_file_is_put_off_for_long(
    indexer: Indexer, ingest: Ingest
) -> None:
    ingest.pause()
    read(indexer, ingest, "app.log")
    assert not ingest.idle()
    put_off(indexer)
    assert ingest.idle()
    due_s = time.time() + jobs.SOON_S / 2
    indexer.database.write(lambda c: c.execute("UPDATE jobs SET not_before = ?", (due_s,)))
    assert not ingest.idle()


def test_a_fault_goes_though_a_file_is_put_off_and_a_recording_is_in_hand(
    indexer: Indexer, pool: CountingPool, ingest: Ingest
) -> None:
    ingest.pause()
    read(indexer, ingest, "app.log")
    put_off(indexer)
    held, release = threading.Event(), threading.Event()

    def hold(name: str) -> None:
        held.set()
        assert release.wait(60)

    pool.before = hold
    try:
        read(indexer, ingest, "talk.wav", recording((0.0, 1.0, "Walruses.")))
        ingest.resume()
        assert held.wait(60)
        indexer.progress.trouble(READING, FULL)
        ingest.wake()
        wait_until(lambda: indexer.progress.fault == "")
    finally:
        release.set()


def test_a_fault_of_the_index_goes_once_it_is_written_again(
    indexer: Indexer, pool: CountingPool, ingest: Ingest
) -> None:
    again, release = threading.Event(), threading.Event()

    def fail_once(name: str) -> None:
        if pool.read.count(name) == 1:
            raise FULL
        again.set()
        assert release.wait(60)

    pool.before = fail_once
    try:
        read(indexer, ingest, "a.txt")
        assert again.wait(60)  # its lease was given back, and another taken
        wait_until(lambda: indexer.progress.fault == "")
    finally:
        release.set()


def test_other_faults_stay_until_the_file_is_read(
    indexer: Indexer, pool: CountingPool, ingest: Ingest
) -> None:
    again, release = threading.Event(), threading.Event()

    def fail_once(name: str) -> None:
        if pool.read.count(name) == 1:
            raise WorkerError("no worker can be started")
        again.set()
        assert release.wait(60)

    pool.before = fail_once
    try:
        read(indexer, ingest, "a.txt")
        assert again.wait(60)
        wait_until(lambda: indexer.progress.fault_of(READING) == "no worker can be started")
    finally:
        release.set()
    wait_until(lambda: indexer.progress.fault == "")


def test_recordings_that_cannot_be_read_and_other_files_that_can_are_told_apart(
    indexer: Indexer, pool: CountingPool, ingest: Ingest
) -> None:
    def fail(name: str) -> None:
        if name == "talk.wav":
            raise ModelError("the speech model cannot be loaded")

    pool.before = fail
    try:
        read(indexer, ingest, "talk.wav", recording((0.0, 1.0, "Walruses.")))
        wait_until(lambda: indexer.progress.fault_of(READING_RECORDINGS) != "")
        told: list[str] = []
        for number in range(20):
            read(indexer, ingest, f"{number}.txt", f"Walrus {number}.")
            wait_until(lambda number=number: indexer.states()[f"{number}.txt"][0] == "completed")  # type: ignore[misc]
            told.append(indexer.progress.fault_of(READING_RECORDINGS))
        assert set(told) == {"the speech model cannot be loaded"}
        assert indexer.progress.fault_of(READING) == ""
    finally:
        pool.before = lambda name: None
    wait_until(lambda: indexer.progress.fault == "")
    wait_until(ingest.idle)


def test_a_fault_is_told_no_more_while_all_is_paused(
    indexer: Indexer, pool: CountingPool, ingest: Ingest
) -> None:
    def fail(_: str) -> None:
        raise WorkerError("no worker can be started")

    pool.before = fail
    read(indexer, ingest, "a.txt")
    wait_until(lambda: indexer.progress.fault_of(READING) != "")
    ingest.pause()
    wait_until(lambda: indexer.progress.fault == "")
    ingest.resume()
    wait_until(lambda: indexer.progress.fault_of(READING) != "")


class Broken(FakeEmbedder):
    """Fails whatever it is given."""

    def embed_passages(self, texts):  # type: ignore[no-untyped-def]
        raise ModelError("the model fell over")


def test_a_fault_of_embedding_is_told_no_more_while_all_is_paused(
    tmp_path: Path, data_dir: Path, pool: CountingPool
) -> None:
    indexer = Indexer(tmp_path / "folder", data_dir, pool, embedder=Broken(), settings=SETTINGS)
    indexer.write("a.txt", "The walrus.")
    indexer.sweep()
    with indexer.ingesting() as ingest:
        wait_until(lambda: indexer.progress.fault_of(EMBEDDING) != "")
        ingest.pause()
        wait_until(lambda: indexer.progress.fault == "")
    indexer.database.close()
