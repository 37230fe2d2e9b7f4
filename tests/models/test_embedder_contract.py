"""What every embedder promises, held against every implementation."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from prismd.models.base import Embedder
from prismd.models.catalog import find
from prismd.models.fake import FakeEmbedder
from prismd.models.onnx import OnnxEmbedder
from prismd.models.remote import RemoteEmbedder
from prismd.models.remote_http import RemoteEngine
from prismd.models.runner import ModelRunner, RunnerEmbedder
from tests.models.openai_server import OpenAIServer

HOSTILE = ["", " ", "\x00", "a" * 20_000, "word " * 3_000, "日本語 😀 e\u0301", "\ud7ff\ufffd"]


@pytest.fixture(params=["fake", "runner", "remote", pytest.param("onnx", marks=pytest.mark.models)])
def embedder(request: pytest.FixtureRequest) -> Iterator[Embedder]:
    model: Embedder
    if request.param == "onnx":
        weights = request.getfixturevalue("onnx_weights")
        model = OnnxEmbedder(find("bge-small-en-v1.5"), weights, threads=2)
    elif request.param == "remote":
        server: OpenAIServer = request.getfixturevalue("openai_server")
        model = RemoteEmbedder(RemoteEngine(server.base_url, "fake"), dim=64)
    else:
        model = FakeEmbedder()
    if request.param == "runner":
        runner = ModelRunner("fake", model.close)
        yield RunnerEmbedder(model, runner, slice_texts=3)
        runner.close()
    else:
        yield model
        model.close()


def test_it_fulfils_the_protocol(embedder: Embedder) -> None:
    assert isinstance(embedder, Embedder)


def test_vectors_have_the_shape_and_length_of_the_space(embedder: Embedder) -> None:
    vectors = embedder.embed_passages(["one", "two words", "three words here"])
    assert vectors.shape == (3, embedder.space.dim)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_no_texts_give_no_rows(embedder: Embedder) -> None:
    assert embedder.embed_passages([]).shape == (0, embedder.space.dim)


def test_a_query_is_one_normalised_vector(embedder: Embedder) -> None:
    vector = embedder.embed_query("what is this")
    assert vector.shape == (embedder.space.dim,)
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-5)


def test_a_text_has_the_same_vector_alone_and_among_others(embedder: Embedder) -> None:
    texts = ["short", "a text of middling length, for company", "long " * 150, "", "short"]
    together = embedder.embed_passages(texts)
    alone = np.concatenate([embedder.embed_passages([text]) for text in texts])
    assert np.array_equal(together, alone)


def test_rows_come_in_the_order_of_the_texts(embedder: Embedder) -> None:
    texts = [f"text number {n} " + "with more words " * (n % 5) for n in range(20)]
    forth = embedder.embed_passages(texts)
    back = embedder.embed_passages(texts[::-1])
    assert np.array_equal(forth, back[::-1])


def test_any_text_has_a_finite_vector(embedder: Embedder) -> None:
    vectors = embedder.embed_passages(HOSTILE)
    assert np.isfinite(vectors).all()
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_texts_that_share_words_are_nearer(embedder: Embedder) -> None:
    rice, boiled, shares = embedder.embed_passages(
        [
            "how to cook rice in a pot",
            "to cook rice, use a large pot",
            "share prices fell on Monday",
        ]
    )
    assert rice @ boiled > rice @ shares


def test_it_works_again_after_close(embedder: Embedder) -> None:
    before = embedder.embed_query("again")
    embedder.close()
    assert np.array_equal(embedder.embed_query("again"), before)


def test_threads_do_not_mix_their_results(embedder: Embedder) -> None:
    texts = [f"thread number {n} says its own words" for n in range(4)]
    expected = embedder.embed_passages(texts)
    got: dict[int, np.ndarray] = {}

    def run(n: int) -> None:
        got[n] = embedder.embed_passages([texts[n]] * 5)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for n in range(4):
        assert np.array_equal(got[n], np.repeat(expected[n : n + 1], 5, axis=0))


@pytest.mark.parametrize(
    "text", ["plain words, with signs.", "naïve 😀 日本語 e\u0301x", "", " \n "]
)
def test_token_offsets_are_ascending_ranges_of_the_text(embedder: Embedder, text: str) -> None:
    offsets = embedder.tokens.offsets(text)
    assert offsets.shape == (len(offsets), 2)
    assert offsets.dtype == np.int32
    starts, ends = offsets[:, 0], offsets[:, 1]
    assert (starts <= ends).all()
    assert (np.diff(starts) >= 0).all()
    assert not len(offsets) or (starts[0] >= 0 and ends[-1] <= len(text))


def test_tokens_stand_on_the_words(embedder: Embedder) -> None:
    text = "😀 some plain words"
    pieces = {text[start:end] for start, end in embedder.tokens.offsets(text)}
    assert "some" in pieces
