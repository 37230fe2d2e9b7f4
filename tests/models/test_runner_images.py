from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from prismd.errors import ModelError
from prismd.models.fake import FakeImageEmbedder
from prismd.models.runner import ModelRunner, Priority, RunnerImageEmbedder


class Recording(FakeImageEmbedder):
    """Notes what it is asked for, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def embed_images(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.asked.append(f"{len(pixels)} pictures")
        return super().embed_images(pixels)

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked.append(" ".join(texts))
        return super().embed_texts(texts)


def pictures(count: int) -> NDArray[np.uint8]:
    return np.zeros((count, 32, 32, 3), dtype=np.uint8)


def held(runner: ModelRunner) -> threading.Event:
    """Occupy the runner until the event is set."""
    running, release = threading.Event(), threading.Event()

    def occupy() -> None:
        running.set()
        release.wait()

    runner.submit(Priority.QUESTION, occupy)
    running.wait()
    return release


def test_a_question_overtakes_pictures_that_wait() -> None:
    model = Recording()
    runner = ModelRunner("m", model.close)
    images = RunnerImageEmbedder(model, runner, slice_pictures=2)
    release = held(runner)
    ingesting = threading.Thread(target=lambda: images.embed_images(pictures(5)))
    ingesting.start()
    queue = runner._queue
    while len(queue) < 3:  # the slices are queued one after another
        threading.Event().wait(0.001)
    asking = threading.Thread(target=lambda: images.embed_texts(["red"]))
    asking.start()
    while len(queue) < 4:
        threading.Event().wait(0.001)
    release.set()
    ingesting.join()
    asking.join()
    assert model.asked == ["red", "2 pictures", "2 pictures", "1 pictures"]
    runner.close()


def test_a_picture_that_is_asked_with_is_a_question() -> None:
    model = Recording()
    runner = ModelRunner("m", model.close)
    images = RunnerImageEmbedder(model, runner)
    assert np.array_equal(
        images.for_questions().embed_images(pictures(1)), images.embed_images(pictures(1))
    )
    assert images.for_questions()._pictures is Priority.QUESTION
    runner.close()


def test_a_text_that_was_asked_before_is_remembered() -> None:
    model = Recording()
    runner = ModelRunner("m", model.close)
    images = RunnerImageEmbedder(model, runner)
    first = images.embed_texts(["red", "blue", "red"])
    first[:] = 0.0  # what the caller does with its rows is its own
    again = images.embed_texts(["blue", "green", "red"])
    assert model.asked == ["red blue", "green"]
    assert np.array_equal(again, FakeImageEmbedder().embed_texts(["blue", "green", "red"]))
    runner.close()


def test_a_closed_runner_says_so() -> None:
    model = FakeImageEmbedder()
    runner = ModelRunner("m", model.close)
    images = RunnerImageEmbedder(model, runner)
    runner.close()
    with pytest.raises(ModelError, match="stopping"):
        images.embed_images(pictures(1))
