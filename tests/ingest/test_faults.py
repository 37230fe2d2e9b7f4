"""What no file is to blame for: models, workers and disks that fail, or are not there."""

from __future__ import annotations

import errno
import os
from collections import deque
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from prismd.errors import ModelError, StoreError, WorkerError
from prismd.ingest.reading import IngestSettings
from prismd.models.fake import FakeEmbedder, FakeTokens
from prismd.search.searching import Search, SearchSettings
from prismd.store.check import check
from prismd.store.jobs import Job
from tests.building import Indexer, wait_until
from tests.ingest.passes import LONG, SETTINGS, CountingPool, finds


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed is tried again at once."""
    for module in ("crew", "embedding"):
        monkeypatch.setattr(f"prismd.ingest.{module}.IDLE_WAIT_S", 0.01)


class Failing(FakeEmbedder):
    """Fails until it is mended."""

    mended = False

    def embed_passages(self, texts) -> NDArray[np.float32]:  # type: ignore[no-untyped-def]
        if not self.mended:
            raise ModelError("the model fell over; try again")
        return super().embed_passages(texts)


def test_a_model_that_fails_loses_no_passage(
    tmp_path: Path, data_dir: Path, pool: CountingPool
) -> None:
    model = Failing()
    indexer = Indexer(tmp_path / "folder", data_dir, pool, embedder=model, settings=SETTINGS)
    indexer.write("a.txt", LONG)
    indexer.sweep()
    with indexer.ingesting() as ingest:
        wait_until(lambda: indexer.progress.fault != "")
        assert "fell over" in indexer.progress.fault
        assert "a.txt" in finds(indexer, "subject4")  # words first
        model.mended = True
        wait_until(ingest.idle)
    assert indexer.progress.fault == ""
    assert indexer.rows("SELECT count(*) FROM passages WHERE embedding_id IS NULL") == [(0,)]
    assert check(indexer.database, repair=False) == []
    indexer.database.close()


class Broken(FakeTokens):
    """A tokeniser whose file is damaged, until it is mended."""

    mended = False

    def offsets(self, text: str) -> NDArray[np.int32]:
        if not self.mended:
            raise ModelError("tokenizer.json: its checksum is wrong; pull the model again")
        return super().offsets(text)


def test_a_broken_model_is_no_fault_of_the_files(
    tmp_path: Path, data_dir: Path, pool: CountingPool
) -> None:
    tokens = Broken()
    indexer = Indexer(tmp_path / "folder", data_dir, pool, settings=SETTINGS, tokens=tokens)
    indexer.write("a.txt", "The walrus.")
    indexer.sweep()
    ingest = indexer.ingest()
    ingest.start()
    wait_until(lambda: "checksum" in indexer.progress.fault)
    assert indexer.states()["a.txt"][0] in ("pending", "processing")
    tokens.mended = True
    wait_until(ingest.idle)
    ingest.stop()
    assert indexer.states() == {"a.txt": ("completed", "")}
    assert indexer.progress.fault == ""
    indexer.database.close()


@pytest.mark.parametrize("error", [StoreError, WorkerError])
def test_what_no_file_is_to_blame_for_is_told_and_passes(
    indexer: Indexer, pool: CountingPool, error: type[Exception]
) -> None:
    def fail(_: str) -> None:
        pool.before = lambda name: None
        raise error("short of memory; end some programs")

    pool.before = fail
    indexer.write("a.txt", "The walrus.")
    indexer.run()
    assert indexer.states() == {"a.txt": ("completed", "")}


def test_what_keeps_files_from_being_read_is_logged_once(
    tmp_path: Path,
    data_dir: Path,
    pool: CountingPool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    tokens = Broken()
    indexer = Indexer(tmp_path / "folder", data_dir, pool, settings=SETTINGS, tokens=tokens)
    indexer.write("a.txt", "The walrus.")
    indexer.sweep()
    monkeypatch.setattr("prismd.ingest.crew.IDLE_WAIT_S", 0.001)
    with indexer.ingesting() as ingest:
        wait_until(lambda: len(pool.read) >= 20)
        tokens.mended = True
        wait_until(ingest.idle)
    indexer.database.close()
    faults = [record.getMessage() for record in caplog.records]
    assert faults == ["reading: tokenizer.json: its checksum is wrong; pull the model again"]


def test_a_full_disk_stops_nothing_for_good(indexer: Indexer, pool: CountingPool) -> None:
    indexer.run()
    indexer.write("a.txt", LONG * 20)
    indexer.sweep()
    pages = indexer.rows("PRAGMA page_count")[0][0]

    def limit(pages: object) -> None:
        indexer.database.run_outside_transaction(lambda c: c.pragma("max_page_count", pages))

    limit(pages)
    ingest = indexer.ingest()
    ingest.start()
    wait_until(lambda: "disk space" in indexer.progress.fault)
    limit(1 << 30)
    wait_until(ingest.idle)
    ingest.stop()
    assert indexer.states() == {"a.txt": ("completed", "")}
    assert check(indexer.database, repair=False) == []


def test_without_an_embedder_words_are_enough(
    tmp_path: Path, data_dir: Path, pool: CountingPool
) -> None:
    indexer = Indexer(tmp_path / "folder", data_dir, pool, settings=SETTINGS)
    indexer.embedder = None  # type: ignore[assignment]
    indexer.write("a.txt", "The walrus.")
    indexer.run()
    search = Search(indexer.database, None, None, SearchSettings())
    assert len(search.search("walrus").hits) == 1
    indexer.embedder = FakeEmbedder()
    indexer.run()
    assert indexer.rows("SELECT count(*) FROM embeddings") == [(1,)]
    indexer.database.close()


def test_of_two_loops_that_return_the_same_file_neither_stumbles(
    indexer: Indexer, caplog: pytest.LogCaptureFixture
) -> None:
    class Emptied(deque[Job]):
        """What another loop takes everything out of as soon as one has looked."""

        def __len__(self) -> int:
            return 1

    ingest = indexer.ingest()
    ingest._held = Emptied()
    ingest.start()
    indexer.write("a.txt", "The walrus.")
    indexer.sweep()
    ingest.wake()
    wait_until(lambda: indexer.states() == {"a.txt": ("completed", "")})
    ingest.stop()
    assert "internal error" not in caplog.text


def test_a_fault_is_told_no_more_once_its_file_has_gone(
    indexer: Indexer, pool: CountingPool
) -> None:
    def refuse(_: str) -> None:
        raise WorkerError("no worker can be started")

    pool.before = refuse
    path = indexer.write("a.txt", "The walrus.", age=9)
    indexer.sweep()
    with indexer.ingesting() as ingest:
        wait_until(lambda: indexer.progress.fault != "")
        path.unlink()
        indexer.sweep()
        ingest.wake()
        wait_until(lambda: indexer.progress.fault == "")


def test_a_file_is_not_forgotten_because_another_one_is_missing(
    indexer: Indexer, pool: CountingPool
) -> None:
    def miss(_: str) -> None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "dictionary")

    pool.before = miss
    indexer.settings = IngestSettings(attempts=1)
    indexer.write("a.txt", "The walrus.", age=9)
    indexer.run()
    assert indexer.states() == {"a.txt": ("quarantined", "unreadable")}
