from __future__ import annotations

import pytest

from prismd.answer.evidence import EvidenceSettings, gather, good_enough
from prismd.domain import Explanation, Hit, Passage, TextLocator

SETTINGS = EvidenceSettings()


def hit(
    passage_id: int,
    start: int = 0,
    end: int = 90,
    *,
    document_id: int = 1,
    text: str = "",
    similarity: float = 0.0,
    logit: float | None = None,
) -> Hit:
    text = text or "x" * (end - start)
    passage = Passage(0, start, end, text, (), TextLocator(1, 1, start, end), 10)
    return Hit(
        passage_id, document_id, 1, "/p", "s", "text", "text/plain", "", "", 0.0, passage, 0.0,
        similarity, Explanation(rerank_score=logit),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("second", "kept"),
    [
        (hit(2, 80, 170), [1, 2]),
        (hit(2, 90, 180), [1, 2]),
        (hit(2, 20, 110), [1]),
        (hit(2, 0, 90), [1]),
        (hit(2, 0, 90, document_id=2), [1, 2]),
    ],
)
def test_a_passage_that_mostly_repeats_a_better_one_is_left_out(
    second: Hit, kept: list[int]
) -> None:
    found = gather([hit(1), second], SETTINGS)
    assert [item.hit.passage_id for item in found] == kept
    assert [item.source.n for item in found] == list(range(1, len(kept) + 1))


def test_a_passage_between_two_that_cover_it_is_left_out() -> None:
    found = gather([hit(1, 0, 50), hit(2, 60, 120), hit(3, 20, 100), hit(4, 300, 310)], SETTINGS)
    assert [item.hit.passage_id for item in found] == [1, 2, 4]


LEASE = "The lease ends on 31 August."


@pytest.mark.parametrize(
    ("question", "text", "enough"),
    [
        ("When does the lease end?", LEASE, True),
        ("What is the capital of France?", LEASE, False),
        ("Who was the first man on the moon?", "The first tenants moved in.", False),
        ("How long do I bake the cake?", "The cakes were baked for an hour.", True),
        ("租约什么时候结束", "租约于2026年8月31日结束。", True),
        ("法国的首都是哪里", "租约于2026年8月31日结束。", False),
        ("", LEASE, False),
    ],
)
def test_what_was_not_compared_by_meaning_must_speak_of_the_question(
    question: str, text: str, enough: bool
) -> None:
    found = [hit(1, text=text, similarity=1.0)]
    assert good_enough(found, SETTINGS, question, frozenset()) is enough
    assert good_enough(found, SETTINGS, question, {1})


def test_the_rerankers_word_goes_before_any_similarity() -> None:
    assert not good_enough([hit(1, text=LEASE, similarity=1.0, logit=-5.0)], SETTINGS, "lease")
    assert good_enough([hit(1, text=LEASE, similarity=0.0, logit=5.0)], SETTINGS, "moon")
    assert not good_enough([], SETTINGS, "lease")
