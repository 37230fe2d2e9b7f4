"""Hits to evidence: which passages an answer may rest on, and whether they are good enough."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import msgspec
import numpy as np

from prismd.answer.citation import Source, source
from prismd.domain import Hit
from prismd.wording import share_met

_NEW_SHARE = 1 / 3


class Evidence(msgspec.Struct, frozen=True):
    """A numbered passage."""

    source: Source
    hit: Hit


class EvidenceSettings(msgspec.Struct, frozen=True):
    """How much evidence an answer gets, and how good the best must be.

    Attributes:
        max_passages: Passages at most.
        max_tokens: Tokens of passages at most.
        refusal_threshold: Least probability, by the reranker, that the best passage answers.
        refusal_similarity: Least similarity of the best passage, where nothing was reranked.
        refusal_words: Least share of the question's subject in the best passage, where it was not
            compared by meaning either.
        follow_up_threshold: Least probability, by the reranker, that the best passage answers a
            follow-up read without the turn before: what it asks must be near, not answered.
            Measured: follow-ups 0.003 and more, other questions below 0.0001.
    """

    max_passages: int = 8
    max_tokens: int = 2_000
    refusal_threshold: float = 0.8
    refusal_similarity: float = 0.65
    refusal_words: float = 0.6
    follow_up_threshold: float = 0.001


def gather(hits: Sequence[Hit], settings: EvidenceSettings) -> list[Evidence]:
    """Number the best passages, as many as fit; at least one where there is any.

    A passage that mostly repeats a better one beside it is left out.
    """
    evidence: list[Evidence] = []
    tokens = 0
    for hit in hits:
        if not hit.passage.text:  # a picture or a recording as such
            continue
        if len(evidence) == settings.max_passages:
            break
        if _repeats(hit, [item.hit for item in evidence]):
            continue
        tokens += hit.passage.tokens
        if evidence and tokens > settings.max_tokens:
            break
        numbered = source(len(evidence) + 1, hit.passage.text, hit.language)
        evidence.append(Evidence(numbered, hit))
    return evidence


def _repeats(hit: Hit, taken: Sequence[Hit]) -> bool:
    """Whether less than a third of a passage is new beside those of its document."""
    start, end = hit.passage.start, hit.passage.end
    old = np.zeros(end - start, np.bool_)
    for other in taken:
        if other.document_id == hit.document_id and other.passage.start < end:
            old[max(0, other.passage.start - start) : max(0, other.passage.end - start)] = True
    return bool(old.any() and np.count_nonzero(~old) < _NEW_SHARE * len(old))


def confidence(hits: Sequence[Hit]) -> tuple[float, bool]:
    """How likely the hits hold an answer.

    Returns:
        A number in [0, 1], and whether it is the reranker's probability (else a similarity).
    """
    logits = [hit.explanation.rerank_score for hit in hits]
    known = [logit for logit in logits if logit is not None]
    if known:
        return float(1 / (1 + np.exp(-max(known)))), True
    return max((hit.similarity for hit in hits if hit.passage.text), default=0.0), False


def good_enough(
    hits: Sequence[Hit],
    settings: EvidenceSettings,
    asked: str = "",
    compared: AbstractSet[int] | None = None,
) -> bool:
    """Whether to answer at all.

    Args:
        hits: What was found.
        settings: What is asked of the best.
        asked: The question; its words are looked at where a passage was not compared by meaning.
        compared: Passages whose similarity is a cosine; None for all.
    """
    value, probability = confidence(hits)
    if probability:
        return value >= settings.refusal_threshold
    return any(
        hit.similarity >= settings.refusal_similarity
        if compared is None or hit.passage_id in compared
        else share_met(asked, hit.passage.text) >= settings.refusal_words
        for hit in hits
        if hit.passage.text
    )
