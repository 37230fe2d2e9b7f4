"""What every reranker promises, held against every implementation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from prismd.models.base import Reranker
from prismd.models.catalog import find
from prismd.models.fake import FakeReranker
from prismd.models.onnx import OnnxReranker
from prismd.models.remote import EstimatedTokens
from prismd.models.runner import ModelRunner, RunnerReranker
from prismd.search import ranking


@pytest.fixture(params=["fake", "runner", pytest.param("onnx", marks=pytest.mark.models)])
def reranker(request: pytest.FixtureRequest) -> Iterator[Reranker]:
    model: Reranker = FakeReranker()
    if request.param == "onnx":
        weights = request.getfixturevalue("onnx_weights")
        model = OnnxReranker(find("ms-marco-MiniLM-L-12-v2"), weights, threads=2)
    if request.param == "runner":
        runner = ModelRunner("fake", model.close)
        yield RunnerReranker(model, runner)
        runner.close()
    else:
        yield model
        model.close()


def test_it_fulfils_the_protocol(reranker: Reranker) -> None:
    assert isinstance(reranker, Reranker)


def test_there_is_a_score_for_every_text_in_order(reranker: Reranker) -> None:
    texts = ["Rice is cooked in water.", "Shares fell on Monday.", "How to cook rice: boil it."]
    scores = reranker.score("how to cook rice", texts)
    assert scores.shape == (3,)
    assert scores.dtype == np.float32
    assert scores[2] > scores[0] > scores[1]
    assert np.array_equal(reranker.score("how to cook rice", texts[::-1]), scores[::-1])


def test_a_score_does_not_depend_on_the_other_texts(reranker: Reranker) -> None:
    texts = ["Rice is cooked in water.", "long " * 400, ""]
    together = reranker.score("how to cook rice", texts)
    alone = np.concatenate([reranker.score("how to cook rice", [text]) for text in texts])
    assert np.array_equal(together, alone)


def test_no_texts_give_no_scores(reranker: Reranker) -> None:
    assert reranker.score("anything", []).shape == (0,)


@pytest.mark.parametrize("query", ["", "word " * 2_000, "\x00 😀"])
def test_any_query_and_text_have_a_finite_score(reranker: Reranker, query: str) -> None:
    assert np.isfinite(reranker.score(query, ["", "word " * 2_000, "\x00", "plain"])).all()


def test_it_works_again_after_close(reranker: Reranker) -> None:
    before = reranker.score("a question", ["an answer"])
    reranker.close()
    assert np.array_equal(reranker.score("a question", ["an answer"]), before)


def test_what_stands_late_in_a_long_text_is_read_in_windows(reranker: Reranker) -> None:
    query, chaff = "how to cook rice", "Shares fell on Monday, and again on Tuesday. " * 150
    texts = [chaff, f"{chaff} How to cook rice: boil it in water. {chaff}", chaff]
    windows = ranking.cut(texts, query, EstimatedTokens())
    found = ranking.ranked(ranking.score(reranker, query, windows, lambda: None))
    assert [item.index for item in found] == [1, 0, 2]
    assert found[0].relevance > 0.5 > found[1].relevance
