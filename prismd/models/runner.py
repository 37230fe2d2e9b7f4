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
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from prismd.domain import EmbeddingSpace
from prismd.errors import ModelError
from prismd.models.base import Embedder, ImageEmbedder, Reranker, TokenCounter

T = TypeVar("T")

_QUERY_CACHE = 512
_SLICE_TEXTS = 8
# A picture takes about as long as two passages.
_SLICE_PICTURES = 4


class Priority(IntEnum):
    """Who waits for the work; the lower runs first."""

    QUESTION = 0
    PROGRAM = 1
    INGEST = 2


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
        self._recent = _Recent()

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
        work = [
            partial(self._model.embed_passages, piece)
            for piece in _slices(texts, self._slice_texts)
        ]
        return _gathered(self._runner, self._passages, work, self.space.dim)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Embed a query before all ingestion; shape ``(space.dim,)``, L2-normalised.

        Raises:
            ModelError: As ``embed_passages``.
        """
        if (known := self._recent.get(text)) is not None:
            return known
        vector = self._runner.submit(
            Priority.QUESTION, lambda: self._model.embed_query(text)
        ).result()
        self._recent.put(text, vector.copy())
        return vector

    def close(self) -> None:
        """Give the memory back; the next call loads again."""
        self._runner.submit(Priority.QUESTION, self._model.close).result()


class RunnerReranker:
    """A reranker as seen through its runner.

    Args:
        model: The reranker; used by the runner's thread only.
        runner: Its runner.
        priority: Whose work it is.
    """

    def __init__(
        self, model: Reranker, runner: ModelRunner, *, priority: Priority = Priority.QUESTION
    ) -> None:
        self._model = model
        self._runner = runner
        self._priority = priority

    def for_programs(self) -> RunnerReranker:
        """The same reranker, whose work a question from a person overtakes."""
        return RunnerReranker(self._model, self._runner, priority=Priority.PROGRAM)

    @property
    def name(self) -> str:
        """The model's name in the catalogue."""
        return self._model.name

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """Score each text; shape ``(len(texts),)``, in input order.

        Raises:
            ModelError: The model fails, or the runner has been closed.
        """
        return self._runner.submit(self._priority, lambda: self._model.score(query, texts)).result()

    def close(self) -> None:
        """Give the memory back; the next call loads again."""
        self._runner.submit(Priority.QUESTION, self._model.close).result()


class RunnerImageEmbedder:
    """A model of pictures and texts as seen through its runner.

    Texts are questions and overtake; pictures are ingestion, unless they are asked with. The
    vectors of recent texts are kept.

    Args:
        model: The model; used by the runner's thread only.
        runner: Its runner.
        pictures: Whose work ``embed_images`` is.
        slice_pictures: Pictures in one piece of work.
    """

    def __init__(
        self,
        model: ImageEmbedder,
        runner: ModelRunner,
        *,
        pictures: Priority = Priority.INGEST,
        slice_pictures: int = _SLICE_PICTURES,
    ) -> None:
        self._model = model
        self._runner = runner
        self._pictures = pictures
        self._slice_pictures = slice_pictures
        self._recent = _Recent()

    @property
    def space(self) -> EmbeddingSpace:
        """The space of pictures, with ``content`` ``picture``."""
        return self._model.space

    @property
    def edge_px(self) -> int:
        """The side of the square that the model looks at."""
        return self._model.edge_px

    @property
    def least_similarity(self) -> float:
        """The least cosine at which a picture is taken to show what a text says."""
        return self._model.least_similarity

    def for_questions(self) -> RunnerImageEmbedder:
        """The same model, whose pictures too are work that a person waits for."""
        return RunnerImageEmbedder(
            self._model,
            self._runner,
            pictures=Priority.QUESTION,
            slice_pictures=self._slice_pictures,
        )

    def embed_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed pictures; shape ``(n, space.dim)``, rows L2-normalised, in input order.

        Args:
            pixels: Shape ``(n, edge_px, edge_px, 3)``, RGB.

        Raises:
            ModelError: The model fails, or the runner has been closed.
        """
        slices = _slices(pixels, self._slice_pictures)
        work = [partial(self._model.embed_images, piece) for piece in slices]
        return _gathered(self._runner, self._pictures, work, self.space.dim)

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed texts before all ingestion; shape ``(len(texts), space.dim)``, in order.

        Raises:
            ModelError: As ``embed_images``.
        """
        known = {}
        for text in texts:
            if (vector := self._recent.get(text)) is not None:
                known[text] = vector
        unknown = [text for text in dict.fromkeys(texts) if text not in known]
        work = [partial(self._model.embed_texts, piece) for piece in _slices(unknown, _SLICE_TEXTS)]
        vectors = _gathered(self._runner, Priority.QUESTION, work, self.space.dim)
        for text, row in zip(unknown, vectors, strict=True):
            known[text] = row
            self._recent.put(text, row.copy())
        rows = [known[text] for text in texts]
        return np.array(rows, dtype=np.float32).reshape(len(texts), self.space.dim)

    def close(self) -> None:
        """Give the memory back; the next call loads again."""
        self._runner.submit(Priority.QUESTION, self._model.close).result()


class _Recent:
    """The vectors of the texts that were asked last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._vectors: OrderedDict[str, NDArray[np.float32]] = OrderedDict()

    def get(self, text: str) -> NDArray[np.float32] | None:
        with self._lock:
            if text not in self._vectors:
                return None
            self._vectors.move_to_end(text)
            return self._vectors[text].copy()

    def put(self, text: str, vector: NDArray[np.float32]) -> None:
        with self._lock:
            self._vectors[text] = vector
            while len(self._vectors) > _QUERY_CACHE:
                self._vectors.popitem(last=False)


_Rows = TypeVar("_Rows", bound=Sequence[object] | NDArray[np.uint8])


def _slices(rows: _Rows, size: int) -> list[_Rows]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]  # type: ignore[misc]


def _gathered(
    runner: ModelRunner,
    priority: Priority,
    work: Sequence[Callable[[], NDArray[np.float32]]],
    dim: int,
) -> NDArray[np.float32]:
    """Run pieces of work, and put their rows together in order."""
    futures = [runner.submit(priority, piece) for piece in work]
    try:
        rows = [future.result() for future in futures]
    except BaseException:
        for future in futures:
            future.cancel()
        raise
    return np.concatenate(rows) if rows else np.empty((0, dim), dtype=np.float32)
