"""Finds what answers a question, by itself or together with what it leans on."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from prismd.answer.conversation import Asked
from prismd.answer.evidence import Evidence, EvidenceSettings, gather, good_enough
from prismd.answer.verbatim import Match, matches
from prismd.domain import Filters
from prismd.models.base import Reranker
from prismd.search.searching import Search, SearchResult
from prismd.wording import POINTING, asks_nothing, share_met, subject_words

_OWN_PASSAGES = 3


class Found(msgspec.Struct, frozen=True):
    """What was found for a question.

    Attributes:
        result: Of the search.
        evidence: What the answer may rest on; empty where nothing is good enough.
        readings: The ways to read the question by which an answer is picked.
        context: What the question leans on, where that was needed.
        said: What was told before, and is told again only where nothing else answers as well.
    """

    result: SearchResult
    evidence: tuple[Evidence, ...] = ()
    readings: tuple[str, ...] = ()
    context: str = ""
    said: tuple[str, ...] = ()


class Finding:
    """Finds evidence.

    Args:
        search: Finds the passages.
        reranker: Tells whether a passage has to do with a question; None goes by its words.
    """

    def __init__(self, search: Search, reranker: Reranker | None) -> None:
        self._search = search
        self._reranker = reranker

    def phrase(
        self, phrase: str, asked: str, filters: Filters, limit: int, settings: EvidenceSettings
    ) -> tuple[Found, list[list[Match]]]:
        """Where words stand as they are; how well they answer anything is not asked."""
        result = self._looked_for(phrase, filters, limit, settings)
        evidence = gather(result.hits, settings)
        stated = matches(phrase, evidence, statements_only=phrase == asked)
        return Found(result, tuple(evidence)), stated

    def find(
        self,
        asked: Asked,
        filters: Filters,
        limit: int,
        settings: EvidenceSettings,
        first: SearchResult | None = None,
    ) -> Found:
        """What answers a question, by itself or else together with what it leans on.

        Args:
            asked: The question.
            filters: What narrows the search.
            limit: Hits at most.
            settings: How good the evidence must be.
            first: What a search for the question alone found, where there was one already.
        """
        if asks_nothing(asked.text) or not asked.text:
            return Found(SearchResult((), asked.text, filters, {}))
        alone = first or self._looked_for(asked.text, filters, limit, settings)
        leaning = asked.leans and bool(asked.contexts)
        if not leaning and _suffices(alone, settings):
            return _by_itself(alone, settings)
        for context in asked.contexts:
            query = f"{context.topic} {asked.text}"
            wider = self._looked_for(query, filters, limit, settings)
            if _suffices(wider, settings):
                evidence = gather(wider.hits, settings)
                if self._concerns(asked, evidence, settings):
                    readings = (asked.text, *(f"{one} {asked.text}" for one in context.readings))
                    return Found(wider, tuple(evidence), readings, context.text, asked.said)
        if leaning and not asked.must_lean and _suffices(alone, settings):
            return _by_itself(alone, settings)
        return Found(alone)

    def _looked_for(
        self, query: str, filters: Filters, limit: int, settings: EvidenceSettings
    ) -> SearchResult:
        limit = max(limit, settings.max_passages)
        return self._search.search(query, limit=limit, filters=filters)

    def _concerns(
        self, asked: Asked, evidence: Sequence[Evidence], settings: EvidenceSettings
    ) -> bool:
        """Whether passages have to do with a turn's own words, not with its context alone."""
        texts = [item.source.text for item in evidence[:_OWN_PASSAGES]]
        reranked = any(item.hit.explanation.rerank_score is not None for item in evidence)
        if self._reranker is not None and reranked:
            best = self._reranker.score(asked.text, texts).max()
            if float(1 / (1 + np.exp(-best))) >= settings.follow_up_threshold:
                return True
            if not asked.leans:  # a word in common makes no follow-up of a new question
                return False
        subject = subject_words(asked.text) - POINTING
        return not subject or any(share_met(asked.text, text) > 0 for text in texts)


def _by_itself(result: SearchResult, settings: EvidenceSettings) -> Found:
    return Found(result, tuple(gather(result.hits, settings)), (result.query,))


def _suffices(result: SearchResult, settings: EvidenceSettings) -> bool:
    return good_enough(result.hits, settings, result.query, result.compared)
