"""Gives passages their vectors, in batches across documents, and tends the indexes."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from prismd import chunk
from prismd.errors import StoreError
from prismd.models.base import Embedder
from prismd.progress.progress import Progress
from prismd.progress.trouble import EMBEDDING
from prismd.store import documents, vacuum, vector_search, vectors
from prismd.store.database import Database

IDLE_WAIT_S = 5.0
_BATCH = 64
_MOST_S = 0.4
"""A batch is computed in portions of no more work than this, so that a pause takes effect soon."""
_FIRST_PORTION = 8
_TEND_S = 30.0
_ORPHAN_GRACE_S = 60.0
_MOST_FREE_PAGES = 5_000
"""What the pieces of a long file took, say, is not kept for ever."""


class _Computed(NamedTuple):
    """Vectors of a space, shape ``(len(hashes), dim)``, that are still to be written."""

    space_id: int
    hashes: tuple[bytes, ...]
    rows: NDArray[np.float32]


class EmbeddingLoop:
    """Embeds what has no vector yet, for as long as it runs.

    Args:
        database: Open for writing.
        embedder: Makes the vectors; None leaves passages without.
        progress: Told of what is done, and of what keeps it from being done.
        stopping: Set when the loop is to end.
        running: Clear while the loop is to pause.
    """

    def __init__(
        self,
        database: Database,
        embedder: Embedder | None,
        progress: Progress,
        stopping: threading.Event,
        running: threading.Event,
    ) -> None:
        self._database = database
        self._embedder = embedder
        self._progress = progress
        self._stopping = stopping
        self._running = running
        self._queued = threading.Event()
        self._unwritten: _Computed | None = None
        self._writing: Future[None] | None = None
        self._after_id = 0
        self._portion = _FIRST_PORTION
        self._tended = time.monotonic()
        self.space_id: int | None = None
        self.open_space()

    def open_space(self) -> None:
        """Look which space new vectors go to."""
        self.space_id = open_space(self._database, self._embedder) if self._embedder else None
        self._after_id = 0

    def wake(self) -> None:
        """Say that there may be passages without a vector."""
        self._queued.set()

    def idle(self) -> bool:
        """Whether every passage that can have a vector has one."""
        if self.space_id is None:
            return True
        return not self._database.read(lambda c: vectors.unembedded(c, 1))[0]

    def run(self) -> None:
        """Work until ``stopping`` is set."""
        while True:
            self._progress.await_turn(self._running, EMBEDDING)
            if self._stopping.is_set():
                with self._progress.attempt(EMBEDDING):
                    self._finish_writing()
                return
            self._queued.clear()
            try:
                busy = self._embed_batch()
            except Exception as error:
                # The loop must outlive a full disk and a failing model, and any fault of ours.
                self._progress.trouble(EMBEDDING, error)
                self._stopping.wait(IDLE_WAIT_S)
                continue
            if not busy or time.monotonic() - self._tended > _TEND_S:
                self._tend()
            if not busy:
                self._progress.trouble(EMBEDDING)
                self._queued.wait(IDLE_WAIT_S)

    def _embed_batch(self) -> bool:
        embedder, space_id = self._embedder, self.space_id
        if embedder is None or space_id is None:
            return False
        if self._writing is None:
            self._finish_writing()  # which failed before: nothing more is computed until it is done
        batch, last_id = self._database.read(
            lambda c: vectors.unembedded(c, _BATCH, self._after_id)
        )
        if not batch:
            self._finish_writing()
            restarted, self._after_id = self._after_id > 0, 0
            # Passages may have come below where the last round stood.
            return restarted and not self.idle()
        # What is still being written is not seen yet, and another document may hold it too.
        unwritten = self._unwritten.hashes if self._unwritten else ()
        batch = [item for item in batch if item.embedding_hash not in unwritten]
        if not batch:
            self._finish_writing()
            return True
        texts = [chunk.embedding_text(item.title, item.heading, item.text) for item in batch]
        computed = self._computed(embedder, texts)
        if len(computed) == len(batch):
            self._after_id = last_id
        self._finish_writing()
        hashes = tuple(item.embedding_hash for item in batch[: len(computed)])
        self._unwritten = _Computed(space_id, hashes, computed)
        self._writing = self._submit(self._unwritten)  # written while the next is computed
        return True

    def _computed(self, embedder: Embedder, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of texts; of the first of them only, where a pause comes between.

        Returns:
            Shape ``(n, dim)``, rows in the order of the texts.
        """
        rows = [np.empty((0, embedder.space.dim), np.float32)]
        at = 0
        while at < len(texts) and self._running.is_set() and not self._stopping.is_set():
            portion = texts[at : at + self._portion]
            began_s = time.monotonic()
            with self._progress.embedding(len(portion)):
                rows.append(embedder.embed_passages(portion))
            took_s = time.monotonic() - began_s
            if took_s > _MOST_S:
                self._portion = max(1, self._portion // 2)
            elif took_s < _MOST_S / 2:
                self._portion = min(_BATCH, self._portion * 2)
            at += len(portion)
        return np.concatenate(rows)

    def _submit(self, made: _Computed) -> Future[None]:
        return self._database.submit(
            lambda c: vectors.store(c, made.space_id, made.hashes, made.rows)
        )

    def _finish_writing(self) -> None:
        """See that what was computed is written, once more where it failed."""
        if self._unwritten is None:
            return
        writing, self._writing = self._writing or self._submit(self._unwritten), None
        try:
            writing.result()
        except StoreError:
            raise  # it is not computed again for that
        except BaseException:
            self._unwritten = None
            raise
        self._unwritten = None
        self._progress.trouble(EMBEDDING)

    def collect(self, *, older_than_s: float) -> None:
        """Delete what no file holds any more, and give its space back."""
        collected = 0
        while count := self._database.write(
            lambda c: documents.collect_orphans(c, older_than_s=older_than_s)
        ):
            collected += count
        if collected or self._database.read(vacuum.free_pages) > _MOST_FREE_PAGES:
            self._database.run_outside_transaction(vacuum.give_back)

    def _tend(self) -> None:
        """Collect, and keep the index fit; embedding goes on at full speed though that fails."""
        with self._progress.attempt("tending the index"):
            self.collect(older_than_s=_ORPHAN_GRACE_S)
            if self.space_id is not None and self._embedder is not None:
                vector_search.maintain(self._database, self.space_id, self._embedder.space.dim)
        self._tended = time.monotonic()


def open_space(database: Database, embedder: Embedder) -> int | None:
    """The space that new vectors go to.

    Returns:
        None where the index has vectors of another model: they go on serving until the user
        asks for the change (``prismd reindex --stale``).
    """
    known = database.read(lambda c: vectors.spaces(c, "passage"))
    for space_id, space in known:
        if space == embedder.space:
            return space_id
    if known:
        return None
    return database.write(lambda c: vectors.put_space(c, embedder.space))
