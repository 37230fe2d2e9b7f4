"""One owner thread for each model: a person's question overtakes ingestion.

Ingestion is submitted in small slices, so a question waits for one slice at most.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from enum import IntEnum
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from prismd.domain import EmbeddingSpace
from prismd.errors import ModelError
from prismd.models.base import Embedder, Reranker, TokenCounter

T = TypeVar("T")

_QUERY_CACHE = 512
_SLICE_TEXTS = 8


class Priority(IntEnum):
    """Who waits for the work; the lower runs first."""

    QUESTION = 0
    INGEST = 1


class ModelRunner:
    """Runs work on one model, one piece at a time, by priority and then in order.

    Args:
        name: What the thread and errors are called after.
        unload: Gives the model's memory back; called after ``idle_unload_s`` without work, and
            at the end.
        idle_unload_s: None never unloads.
    """

    def __init__(
        self, name: str, unload: Callable[[], None], *, idle_unload_s: float | None = None
    ) -> None:
        self._name = name
        self._unload = unload
        self._idle_unload_s = idle_unload_s
        self._changed = threading.Condition()
        self._queue: list[tuple[int, int, Callable[[], None], Future[object]]] = []
        self._order = itertools.count()
        self._closed = False
        self._thread: threading.Thread | None = None

    def submit(self, priority: Priority, work: Callable[[], T]) -> Future[T]:
        """Queue work; a future that is cancelled before its turn is skipped.

        Raises:
            ModelError: The runner has been closed.
        """
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(work())
            except BaseException as error:
                # Whatever it is, it is for the one who waits; the owner thread goes on.
                future.set_exception(error)

        with self._changed:
            if self._closed:
                raise ModelError(f"{self._name}: prismd is stopping; try again when it runs")
            heapq.heappush(self._queue, (priority, next(self._order), run, future))  # type: ignore[misc]
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._own, name=f"model-{self._name}", daemon=True
                )
                self._thread.start()
            self._changed.notify()
        return future

    def close(self) -> None:
        """Cancel what waits, let what runs finish, unload, and end the thread."""
        with self._changed:
            self._closed = True
            for *_, future in self._queue:
                future.cancel()
            self._queue.clear()
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _own(self) -> None:
        used = False
        while True:
            with self._changed:
                patience_s = self._idle_unload_s if used else None
                self._changed.wait_for(lambda: self._queue or self._closed, patience_s)
                item = heapq.heappop(self._queue) if self._queue else None
                closed = self._closed
            if item is not None:
                *_, run, future = item
                if future.set_running_or_notify_cancel():
                    run()
                    used = True
                # A result must not live on in this frame until the next piece of work.
                del item, run, future
                continue
            if used:
                self._unload()
                used = False
            if closed:
                return


class RunnerEmbedder:
    """An embedder as seen through its runner; keeps the vectors of recent queries.

    Args:
        model: The embedder; used by the runner's thread only.
        runner: Its runner.
        passages: Whose work ``embed_passages`` is.
        slice_texts: Passages in one piece of work.
    """

    def __init__(
        self,
        model: Embedder,
        runner: ModelRunner,
        *,
        passages: Priority = Priority.INGEST,
        slice_texts: int = _SLICE_TEXTS,
    ) -> None:
        self._model = model
        self._runner = runner
        self._passages = passages
        self._slice_texts = slice_texts
        self._cache: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._cache_lock = threading.Lock()

    @property
    def space(self) -> EmbeddingSpace:
        """The space of the model's vectors."""
        return self._model.space

    @property
    def tokens(self) -> TokenCounter:
        """The model's tokeniser; it needs no turn."""
        return self._model.tokens

    def for_questions(self) -> RunnerEmbedder:
        """The same embedder, whose passages too are work that a person waits for."""
        return RunnerEmbedder(
            self._model, self._runner, passages=Priority.QUESTION, slice_texts=self._slice_texts
        )

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed passages; shape ``(len(texts), space.dim)``, rows L2-normalised, in order.

        Raises:
            ModelError: The model fails, or the runner has been closed.
        """
        starts = range(0, len(texts), self._slice_texts)
        futures = [
            self._runner.submit(
                self._passages, self._work(texts[start : start + self._slice_texts])
            )
            for start in starts
        ]
        vectors = np.empty((len(texts), self.space.dim), dtype=np.float32)
        try:
            for start, future in zip(starts, futures, strict=True):
                vectors[start : start + self._slice_texts] = future.result()
        except BaseException:
            for future in futures:
                future.cancel()
            raise
        return vectors

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Embed a query before all ingestion; shape ``(space.dim,)``, L2-normalised.

        Raises:
            ModelError: As ``embed_passages``.
        """
        with self._cache_lock:
            if text in self._cache:
                self._cache.move_to_end(text)
                return self._cache[text].copy()
        vector = self._runner.submit(
            Priority.QUESTION, lambda: self._model.embed_query(text)
        ).result()
        with self._cache_lock:
            self._cache[text] = vector
            while len(self._cache) > _QUERY_CACHE:
                self._cache.popitem(last=False)
        return vector.copy()

    def close(self) -> None:
        """Give the memory back; the next call loads again."""
        self._runner.submit(Priority.QUESTION, self._model.close).result()

    def _work(self, texts: Sequence[str]) -> Callable[[], NDArray[np.float32]]:
        return lambda: self._model.embed_passages(texts)


class RunnerReranker:
    """A reranker as seen through its runner; always work that a person waits for."""

    def __init__(self, model: Reranker, runner: ModelRunner) -> None:
        self._model = model
        self._runner = runner

    @property
    def name(self) -> str:
        """The model's name in the catalogue."""
        return self._model.name

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """Score each text; shape ``(len(texts),)``, in input order.

        Raises:
            ModelError: The model fails, or the runner has been closed.
        """
        return self._runner.submit(
            Priority.QUESTION, lambda: self._model.score(query, texts)
        ).result()

    def close(self) -> None:
        """Give the memory back; the next call loads again."""
        self._runner.submit(Priority.QUESTION, self._model.close).result()
