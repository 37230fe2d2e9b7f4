"""Hits to evidence: which passages an answer may rest on, and whether they are good enough."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from prismd.citation import Source, source
from prismd.domain import Hit


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
    """

    max_passages: int = 8
    max_tokens: int = 2_000
    refusal_threshold: float = 0.8
    refusal_similarity: float = 0.65


def gather(hits: Sequence[Hit], settings: EvidenceSettings) -> list[Evidence]:
    """Number the best passages, as many as fit; at least one where there is any."""
    evidence: list[Evidence] = []
    tokens = 0
    for hit in hits[: settings.max_passages]:
        tokens += hit.passage.tokens
        if evidence and tokens > settings.max_tokens:
            break
        evidence.append(Evidence(source(len(evidence) + 1, hit.passage.text), hit))
    return evidence


def confidence(hits: Sequence[Hit]) -> tuple[float, bool]:
    """How likely the hits hold an answer.

    Returns:
        A number in [0, 1], and whether it is the reranker's probability (else a similarity).
    """
    logits = [hit.explanation.rerank_score for hit in hits]
    known = [logit for logit in logits if logit is not None]
    if known:
        return float(1 / (1 + np.exp(-max(known)))), True
    return max((hit.similarity for hit in hits), default=0.0), False


def good_enough(hits: Sequence[Hit], settings: EvidenceSettings) -> bool:
    """Whether to answer at all."""
    if not hits:
        return False
    value, probability = confidence(hits)
    return value >= (settings.refusal_threshold if probability else settings.refusal_similarity)
