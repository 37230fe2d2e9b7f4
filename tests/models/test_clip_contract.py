"""What every model of pictures and texts promises, held against every implementation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from prismd.models.added import entries
from prismd.models.base import ImageEmbedder
from prismd.models.catalog import find
from prismd.models.clip import ClipEmbedder
from prismd.models.fake import FakeImageEmbedder
from prismd.models.runner import ModelRunner, RunnerImageEmbedder

HOSTILE = ["", " ", "\x00", "a" * 20_000, "word " * 3_000, "日本語 😀 e\u0301", "<|endoftext|>"]


@pytest.fixture(params=["fake", "runner", pytest.param("clip", marks=pytest.mark.export)])
def model(request: pytest.FixtureRequest) -> Iterator[ImageEmbedder]:
    model: ImageEmbedder
    if request.param == "clip":
        models_dir = request.getfixturevalue("clip_models")
        model = ClipEmbedder(find("clip-int8", entries(models_dir)), models_dir, threads=2)
    else:
        model = FakeImageEmbedder()
    if request.param == "runner":
        runner = ModelRunner("fake", model.close)
        yield RunnerImageEmbedder(model, runner, slice_pictures=3)
        runner.close()
    else:
        yield model
        model.close()


def pictures(model: ImageEmbedder, count: int) -> NDArray[np.uint8]:
    shape = (count, model.edge_px, model.edge_px, 3)
    return np.random.default_rng(3).integers(0, 256, shape, dtype=np.uint8)


def test_it_fulfils_the_protocol(model: ImageEmbedder) -> None:
    assert isinstance(model, ImageEmbedder)


def test_its_space_is_one_of_pictures(model: ImageEmbedder) -> None:
    assert model.space.content == "picture"
    assert 0 < model.least_similarity < 1


def test_vectors_have_the_shape_and_length_of_the_space(model: ImageEmbedder) -> None:
    for vectors in (
        model.embed_images(pictures(model, 4)),
        model.embed_texts(["a", "b", "c", "d"]),
    ):
        assert vectors.shape == (4, model.space.dim)
        assert vectors.dtype == np.float32
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_nothing_gives_no_rows(model: ImageEmbedder) -> None:
    assert model.embed_images(pictures(model, 0)).shape == (0, model.space.dim)
    assert model.embed_texts([]).shape == (0, model.space.dim)


def test_a_vector_does_not_depend_on_its_neighbours(model: ImageEmbedder) -> None:
    several = pictures(model, 7)
    together = model.embed_images(several)
    alone = [model.embed_images(several[n : n + 1])[0] for n in range(len(several))]
    assert np.array_equal(together, np.array(alone))
    texts = ["a red ball", "two dogs on a beach in the rain", "green"]
    together = model.embed_texts(texts)
    alone = [model.embed_texts([text])[0] for text in texts]
    assert np.array_equal(together, np.array(alone))


def test_the_same_again_gives_the_same(model: ImageEmbedder) -> None:
    several = pictures(model, 5)
    assert np.array_equal(model.embed_images(several), model.embed_images(several))
    texts = ["blue", "red", "blue"]
    first = model.embed_texts(texts)
    assert np.array_equal(first, model.embed_texts(texts))
    assert np.array_equal(first[0], first[2])
    assert not np.array_equal(first[0], first[1])


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_has_a_vector(model: ImageEmbedder, text: str) -> None:
    vectors = model.embed_texts([text])
    assert np.isfinite(vectors).all()
    assert np.linalg.norm(vectors[0]) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("value", [0, 255])
def test_an_even_picture_has_a_vector(model: ImageEmbedder, value: int) -> None:
    shape = (1, model.edge_px, model.edge_px, 3)
    assert np.isfinite(model.embed_images(np.full(shape, value, dtype=np.uint8))).all()


def test_it_works_again_after_it_was_closed(model: ImageEmbedder) -> None:
    before = model.embed_texts(["a red ball"])
    model.close()
    assert np.array_equal(model.embed_texts(["a red ball"]), before)
