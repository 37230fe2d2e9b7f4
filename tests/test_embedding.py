"""The loop that makes vectors, on a real index with the shipped fake."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from prismd.extract.pool import ExtractPool
from prismd.models.fake import FakeEmbedder
from prismd.store import counts
from tests.building import Indexer, wait_until
from tests.ingest.passes import CountingPool, Gate


class FirstTold(FakeEmbedder):
    """Does something before it embeds for the first time."""

    first: Callable[[], None] | None = None

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
