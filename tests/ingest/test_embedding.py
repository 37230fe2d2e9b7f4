"""The loop that makes vectors, on a real index with the shipped fake."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import apsw
import numpy as np
import pytest
from numpy.typing import NDArray

from prismd.errors import ModelError
from prismd.extract.pool import ExtractPool
from prismd.models.fake import FakeEmbedder
from prismd.store import counts
from tests.building import Indexer, put, wait_until
from tests.ingest.passes import CountingPool, Gate


class FirstTold(FakeEmbedder):
    """Does something before it embeds for the first time."""

    first: Callable[[], object] | None = None

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        first, self.first = self.first, None
        if first is not None:
            first()
        return super().embed_passages(texts)


@pytest.fixture
def pool() -> Iterator[CountingPool]:
    workers = ExtractPool(1)
    yield CountingPool(workers)
    workers.close()


def test_a_text_whose_vector_is_being_written_is_not_embedded_for_another_document(
    tmp_path: Path, data_dir: Path, pool: CountingPool
) -> None:
    embedder = FirstTold()
    indexer = Indexer(tmp_path / "folder", data_dir, pool, embedder=embedder)
    indexer.write("a.txt", "The walrus is a marine mammal.")
    indexer.write("b.txt", "The walrus is a marine mammal.\n\n")
    second = Gate()
    pool.before = lambda _: second(None) if len(pool.read) > 1 else None

    def store_the_other() -> None:
        assert second.reached.wait(60)
        second.open.set()
        wait_until(lambda: indexer.database.read(counts.passages)[0] == 2)
        indexer.database.submit(lambda _: time.sleep(0.5))  # the vector's turn comes late

    embedder.first = store_the_other
    indexer.run()
    assert indexer.database.read(counts.passages) == (2, 2)
    assert embedder.embedded == 1
    indexer.database.close()


class Counting(FirstTold):
    """Counts how often it is asked; fails as long as it is told to."""

    asked = 0
    down = False

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += 1
        if self.down:
            raise ModelError("the model fell over; try again")
        return super().embed_passages(texts)


@pytest.fixture
def embedder() -> Counting:
    return Counting()


@pytest.fixture
def indexer(
    tmp_path: Path, data_dir: Path, pool: CountingPool, embedder: Counting
) -> Iterator[Indexer]:
    made = Indexer(tmp_path / "folder", data_dir, pool, embedder=embedder)
    yield made
    made.database.close()


def put_passages(indexer: Indexer, count: int) -> None:
    """Index so many texts, each of one passage, that have no vectors yet."""
    for number in range(count):
        put(indexer.database, f"/d/{number}.txt", f"The walrus of number {number}.")


def test_embedding_is_not_held_up_by_an_index_that_cannot_be_tended(
    indexer: Indexer, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_passages(indexer, 200)
    indexer.database.write(
        lambda c: c.execute(
            "UPDATE files SET document_id = NULL WHERE document_id = 1;"
            "UPDATE documents SET orphaned_at = 1 WHERE id = 1;"
            "CREATE TRIGGER kept BEFORE DELETE ON documents"
            " BEGIN SELECT RAISE(ABORT, 'it stays'); END"
        )
    )
    monkeypatch.setattr("prismd.ingest.embedding._TEND_S", 0.0)
    monkeypatch.setattr("prismd.ingest.embedding.IDLE_WAIT_S", 3600.0)  # a wait would never end
    with indexer.ingesting() as ingest:
        wait_until(ingest.idle)
        wait_until(lambda: indexer.progress.fault != "")
        assert indexer.progress.fault_of("reading", "embedding") == ""
        indexer.database.write(lambda c: c.execute("DROP TRIGGER kept"))
        ingest.wake()
        wait_until(lambda: indexer.progress.fault == "")
    assert indexer.rows("SELECT count(*) FROM embeddings") == [(199,)]


def test_vectors_that_could_not_be_written_are_not_computed_again(
    indexer: Indexer, embedder: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_passages(indexer, 40)
    monkeypatch.setattr("prismd.ingest.embedding.IDLE_WAIT_S", 0.01)
    indexer.database.run_outside_transaction(lambda c: c.set_busy_timeout(10))
    other = apsw.Connection(str(indexer.database.path))
    other.set_busy_timeout(60_000)
    embedder.first = lambda: other.execute("BEGIN IMMEDIATE")
    with indexer.ingesting() as ingest:
        wait_until(lambda: "is locked by" in indexer.progress.fault_of("embedding"))
        other.execute("ROLLBACK")
        wait_until(ingest.idle)
        wait_until(lambda: indexer.progress.fault == "")
    other.close()
    assert indexer.rows("SELECT count(*) FROM embeddings") == [(40,)]
    assert embedder.embedded == 40


def test_a_model_that_stays_down_is_logged_once(
    indexer: Indexer,
    embedder: Counting,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    put_passages(indexer, 1)
    embedder.down = True
    monkeypatch.setattr("prismd.ingest.embedding.IDLE_WAIT_S", 0.001)
    with caplog.at_level(logging.INFO), indexer.ingesting():
        wait_until(lambda: embedder.asked >= 50)
        embedder.down = False
        wait_until(lambda: indexer.progress.fault == "")
    faults = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.getMessage() for record in faults] == [
        "embedding: the model fell over; try again"
    ]
