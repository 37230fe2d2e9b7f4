from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from prismd.models.fake import FakeReranker, FakeTokens
from prismd.search.ranking import Windows, cut, ranked, score

TOKENS = FakeTokens()


class Called(FakeReranker):
    """Notes how many texts it is given at once."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        self.calls.append(len(texts))
        return super().score(query, texts)


def go_on() -> None:
    """Nothing is against it."""


def scores(query: str, texts: Sequence[str]) -> list[float]:
    found = score(FakeReranker(), query, cut(texts, query, TOKENS), go_on)
    return [float(logit) for logit in found]


def test_a_short_text_is_a_window_by_itself() -> None:
    windows = cut(["a b", "", "c, d"], "q", TOKENS)
    assert windows == Windows(("a b", "", "c, d"), (0, 1, 2), 5)


@given(
    texts=st.lists(st.integers(0, 1_500), max_size=4),
    asked=st.integers(1, 600),
)
def test_windows_cover_a_text_and_leave_room_for_the_query(texts: list[int], asked: int) -> None:
    written = [" ".join(f"w{number}" for number in range(count)) for count in texts]
    windows = cut(written, "q " * asked, TOKENS)
    assert sorted(set(windows.owners)) == list(range(len(texts)))
    for index, text in enumerate(written):
        own = [
            w.split()
            for w, owner in zip(windows.texts, windows.owners, strict=True)
            if owner == index
        ]
        read = [word for window in own for word in window]
        assert list(dict.fromkeys(read)) == text.split()
        assert all(len(window) <= max(64, min(256, 480 - asked)) for window in own)
        assert len(own) == 1 or all(len(window) <= 160 for window in own)


def test_so_many_windows_or_tokens_and_no_more() -> None:
    text = " ".join(map(str, range(5_000)))
    every = cut([text], "q", TOKENS)
    assert cut([text], "q", TOKENS, max_windows=3).texts == every.texts[:3]
    [cut_short] = cut([text], "q", TOKENS, max_tokens=10).texts
    assert cut_short == "0 1 2 3 4 5 6 7 8 9"


def test_the_best_window_of_a_text_counts() -> None:
    buried = "chaff " * 2_000 + "the walrus swims " + "chaff " * 2_000
    found = scores("walrus swims", ["the walrus", buried, "nothing"])
    assert found[1] == max(found)
    assert found[1] > found[0] > found[2]


def test_others_come_between_two_pieces_of_the_work() -> None:
    reranker, checked = Called(), []
    score(reranker, "q", cut(["x"] * 20, "q", TOKENS), lambda: checked.append(1))
    assert reranker.calls == [8, 8, 4]
    assert len(checked) == 3


def test_work_that_nobody_waits_for_is_given_up() -> None:
    class Enough(Exception):
        pass

    reranker = Called()

    def check() -> None:
        if reranker.calls:
            raise Enough

    with pytest.raises(Enough):
        score(reranker, "q", cut(["x"] * 20, "q", TOKENS), check)
    assert reranker.calls == [8]


@given(
    st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=20),
    st.none() | st.integers(1, 30),
)
def test_the_order_is_that_of_the_scores_and_then_of_the_texts(
    logits: list[float], top_n: int | None
) -> None:
    found = ranked(np.array(logits, np.float32), top_n)
    expected = sorted(range(len(logits)), key=lambda index: (-logits[index], index))
    assert [item.index for item in found] == expected[:top_n]
    assert all(0.0 <= item.relevance <= 1.0 for item in found)
    relevance = [item.relevance for item in found]
    assert relevance == sorted(relevance, reverse=True)


def test_relevance_is_a_probability() -> None:
    found = ranked(np.array([0.0, 100.0, -100.0], np.float32))
    assert [round(item.relevance, 9) for item in found] == [1.0, 0.5, 0.0]
