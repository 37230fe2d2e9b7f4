"""Passes over a folder: what they read, what they do, and where they are held back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from prismd.chunk import Chunking
from prismd.domain import Extraction
from prismd.extract.base import ExtractOptions, MediaType
from prismd.extract.pieces import Piece
from prismd.ingest.reading import IngestSettings, Parsers
from prismd.models.fake import FakeEmbedder, FakeReranker
from prismd.search.searching import Search, SearchSettings
from prismd.store.check import check
from tests.building import Indexer

SETTINGS = IngestSettings(chunking=Chunking(target_tokens=32, overlap_tokens=0))
PARAGRAPHS = [
    f"Paragraph {n} speaks of subject{n} at some length" + " and on" * 11 for n in range(9)
]
LONG = ".\n\n".join(PARAGRAPHS)


class CountingPool:
    """The real parsers, counting what they read, and stopping where they are told to."""

    def __init__(self, pool: Parsers) -> None:
        self._pool = pool
        self.read: list[str] = []
        self.pieces: list[int] = []
        self.before: Callable[[str], None] = lambda name: None
        self.after: Callable[[str], None] = lambda name: None

    def extract(
        self,
        path: Path,
        options: ExtractOptions,
        on_step: Callable[[int, int], None] | None = None,
        *,
        known: Sequence[Piece] = (),
        on_piece: Callable[[Piece], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> tuple[MediaType, Extraction]:
        self.read.append(self.noted(path))
        self.before(path.name)

        def tell(piece: Piece) -> None:
            if on_piece is not None:
                on_piece(piece)
            self.pieces.append(piece.number)

        found = self._pool.extract(
            path, options, on_step, known=known, on_piece=tell, cancelled=cancelled
        )
        self.after(path.name)
        return found

    def noted(self, path: Path) -> str:
        """What is noted of a file before it is read."""
        return path.name

    def pixels(
        self, path: Path, edge_px: int, *, cancelled: Callable[[], bool] | None = None
    ) -> NDArray[np.uint8]:
        return self._pool.pixels(path, edge_px, cancelled=cancelled)


def embedder(indexer: Indexer) -> FakeEmbedder:
    assert isinstance(indexer.embedder, FakeEmbedder)
    return indexer.embedder


def work(indexer: Indexer, pool: CountingPool) -> tuple[int, int]:
    """What one more pass does: extractions and embeddings."""
    reads, embedded = len(pool.read), embedder(indexer).embedded
    indexer.run()
    assert check(indexer.database, repair=False) == []
    assert indexer.progress.snapshot().embeddings == embedder(indexer).embedded - embedded
    return len(pool.read) - reads, embedder(indexer).embedded - embedded


def finds(indexer: Indexer, query: str) -> list[str]:
    search = Search(indexer.database, indexer.embedder, FakeReranker(), SearchSettings())
    return [Path(hit.path).name for hit in search.search(query).hits]


class Gate:
    """Holds back whoever comes first, until it is opened."""

    def __init__(self) -> None:
        self.reached, self.open = threading.Event(), threading.Event()

    def __call__(self, _: object) -> None:
        if not self.reached.is_set():
            self.reached.set()
            assert self.open.wait(60)
