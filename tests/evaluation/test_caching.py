from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from prismd.models.base import Embedder, Reranker
from prismd.models.fake import FakeEmbedder, FakeReranker
from tests.evaluation.caching import Kept, KeptEmbedder, KeptReranker

TEXTS = ("a red fox", "a blue whale", "a red fox")


def test_kept_models_tell_what_the_models_tell(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "scores.db")
    embedder, reranker = FakeEmbedder(), FakeReranker()
    kept_embedder, kept_reranker = KeptEmbedder(embedder, kept), KeptReranker(reranker, kept)
    assert isinstance(kept_embedder, Embedder)
    assert isinstance(kept_reranker, Reranker)
    for _ in range(2):
        assert np.array_equal(kept_embedder.embed_passages(TEXTS), embedder.embed_passages(TEXTS))
        assert np.array_equal(kept_embedder.embed_query("fox"), embedder.embed_query("fox"))
        assert np.array_equal(kept_reranker.score("fox", TEXTS), reranker.score("fox", TEXTS))
        assert kept_embedder.embed_passages([]).shape == (0, embedder.space.dim)
        assert kept_reranker.score("fox", []).shape == (0,)
    assert kept.computed == 5  # two passages, one query, two pairs
    kept.close()


def test_what_is_kept_is_there_after_a_restart_and_computed_no_more(tmp_path: Path) -> None:
    def never(texts: Sequence[str]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        raise AssertionError(texts)

    file = tmp_path / "scores.db"
    first = Kept(file)
    first.of(("model", "query"), ["text"], lambda texts: np.ones((1, 3), np.float32))
    first.close()
    second = Kept(file)
    assert np.array_equal(second.of(("model", "query"), ["text"], never)[0], np.ones(3))
    assert (second.served, second.computed) == (1, 0)
    second.close()


def test_parts_that_join_to_the_same_are_kept_apart(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "scores.db")
    kept.of(("ab",), ["c"], lambda texts: np.zeros((1, 1), np.float32))
    rows = kept.of(("a",), ["bc"], lambda texts: np.ones((1, 1), np.float32))
    assert rows[0] == 1
    kept.close()
