from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import CancelledError

import numpy as np
import pytest
from numpy.typing import NDArray

from prismd.errors import ModelError
from prismd.models.fake import FakeEmbedder
from prismd.models.runner import ModelRunner, Priority, RunnerEmbedder


def nothing() -> None:
    pass


def held(runner: ModelRunner) -> threading.Event:
    """Occupy the runner until the event is set."""
    running, release = threading.Event(), threading.Event()

    def occupy() -> None:
        running.set()
        release.wait()

    runner.submit(Priority.QUESTION, occupy)
    running.wait()
    return release


def test_a_question_overtakes_ingestion_and_like_keeps_its_order() -> None:
    runner = ModelRunner("m", nothing)
    release = held(runner)
    done: list[str] = []
    futures = [
        runner.submit(priority, lambda name=name: done.append(name))  # type: ignore[misc]
        for priority, name in [
            (Priority.INGEST, "i1"),
            (Priority.INGEST, "i2"),
            (Priority.QUESTION, "q1"),
            (Priority.QUESTION, "q2"),
        ]
    ]
    release.set()
    for future in futures:
        future.result()
    assert done == ["q1", "q2", "i1", "i2"]
    runner.close()


def test_cancelled_work_is_skipped() -> None:
    runner = ModelRunner("m", nothing)
    release = held(runner)
    done: list[str] = []
    unwanted = runner.submit(Priority.INGEST, lambda: done.append("unwanted"))
    wanted = runner.submit(Priority.INGEST, lambda: done.append("wanted"))
    assert unwanted.cancel()
    release.set()
    wanted.result()
    assert done == ["wanted"]
    runner.close()


def test_an_error_goes_to_its_caller_and_the_thread_lives_on() -> None:
    runner = ModelRunner("m", nothing)
    with pytest.raises(ZeroDivisionError):
        runner.submit(Priority.QUESTION, lambda: 1 // 0).result()
    assert runner.submit(Priority.QUESTION, lambda: 1).result() == 1
    runner.close()


def test_all_work_is_done_by_one_thread() -> None:
    runner = ModelRunner("m", nothing)
    names = {
        runner.submit(Priority.INGEST, lambda: threading.current_thread().name).result()
        for _ in range(5)
    }
    assert names == {"model-m"}
    runner.close()


def test_an_idle_model_is_unloaded_once_and_used_again() -> None:
    unloaded = threading.Semaphore(0)
    runner = ModelRunner("m", lambda: unloaded.release(), idle_unload_s=0.01)
    runner.submit(Priority.QUESTION, nothing).result()
    assert unloaded.acquire(timeout=30)
    assert runner.submit(Priority.QUESTION, lambda: "again").result() == "again"
    assert unloaded.acquire(timeout=30)
    runner.close()
    assert not unloaded.acquire(blocking=False)


def test_close_finishes_what_runs_cancels_what_waits_and_unloads() -> None:
    unloaded = threading.Event()
    runner = ModelRunner("m", unloaded.set)
    release = held(runner)
    waiting = runner.submit(Priority.INGEST, nothing)
    closer = threading.Thread(target=runner.close)
    closer.start()
    with pytest.raises(CancelledError):
        waiting.result()
    assert not unloaded.is_set()
    release.set()
    closer.join()
    assert unloaded.is_set()
    with pytest.raises(ModelError, match="stopping"):
        runner.submit(Priority.QUESTION, nothing)


def test_a_runner_that_was_never_used_closes() -> None:
    ModelRunner("m", nothing).close()


class Recorder(FakeEmbedder):
    """Says what it embeds, and waits at the first slice."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[list[str]] = []
        self.first, self.go = threading.Event(), threading.Event()

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.calls.append(list(texts))
        self.first.set()
        self.go.wait()
        return super().embed_passages(texts)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        self.calls.append([f"query {text}"])
        return super().embed_query(text)


def test_a_query_waits_for_one_slice_only() -> None:
    model = Recorder()
    runner = ModelRunner("m", model.close)
    embedder = RunnerEmbedder(model, runner, slice_texts=2)
    ingest = threading.Thread(target=embedder.embed_passages, args=([str(n) for n in range(6)],))
    ingest.start()
    model.first.wait()
    query = threading.Thread(target=embedder.embed_query, args=("now",))
    query.start()
    while len(runner._queue) < 3:  # Two slices and the query wait.
        pass
    model.go.set()
    ingest.join()
    query.join()
    order = [call for call in model.calls if len(call) == 2 or call == ["query now"]]
    assert order[:2] == [["0", "1"], ["query now"]]
    runner.close()


def test_a_query_that_was_asked_before_is_not_computed_again() -> None:
    model = Recorder()
    runner = ModelRunner("m", model.close)
    embedder = RunnerEmbedder(model, runner)
    first = embedder.embed_query("same")
    first[:] = 0.0
    second = embedder.embed_query("same")
    assert model.calls == [["query same"]]
    assert np.linalg.norm(second) == pytest.approx(1.0, abs=1e-5)
    runner.close()


def test_passages_for_a_question_go_before_ingestion() -> None:
    model = FakeEmbedder()
    runner = ModelRunner("m", model.close)
    release = held(runner)
    embedder = RunnerEmbedder(model, runner)
    done: list[str] = []

    def embed(view: RunnerEmbedder, name: str) -> None:
        view.embed_passages([name])
        done.append(name)

    ingest = runner.submit(Priority.INGEST, lambda: done.append("ingest"))
    asked = threading.Thread(target=embed, args=(embedder.for_questions(), "asked"))
    asked.start()
    while len(runner._queue) < 2:
        pass
    release.set()
    asked.join()
    ingest.result()
    assert runner.submit(Priority.INGEST, lambda: model.embedded).result() == 1
    assert set(done) == {"asked", "ingest"}
    runner.close()
