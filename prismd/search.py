"""Query to hits: lexical, substring and vector retrieval, fusion, reranking."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterable, Sequence
from typing import Literal

import apsw
import msgspec
import numpy as np
from numpy.typing import NDArray

from prismd.chunk import embedding_text
from prismd.domain import Explanation, Filters, Hit
from prismd.errors import ModelError
from prismd.models.base import Embedder, Reranker
from prismd.query import combine, parse_query
from prismd.store import lexical, retrieval, vectors
from prismd.store.database import Database
from prismd.store.retrieval import Ranked, Scope
from prismd.store.vector_search import SpaceSearch

log = logging.getLogger(__name__)

RerankMode = Literal["auto", "always", "never"]
_DEADLINE_S = 10.0
_SPARE = 2.0
_QUERY_CHARS = 8_000
"""What is read of a query: some 2,000 tokens, more than any model here takes."""
_TELLING = 20
_MOSTLY = 0.5
_PROSE_MARKS = re.compile(r"[.,](?!\d)|[;:!?'\"“”‘’„«»…]")  # noqa: RUF001 - the marks of prose


class SearchSettings(msgspec.Struct, frozen=True):
    """How results are ranked; the defaults were chosen by measurement (tests/benchmarks).

    Attributes:
        candidates: How many passages each retriever gives to the fusion.
        rrf_k: Constant of the reciprocal rank fusion.
        lexical_weight: Weight of the word index in the fusion.
        substring_weight: Weight of the trigram index in the fusion.
        vector_weight: Weight of the vectors in the fusion.
        foreign_weight: Share of the vectors' weight that is left where the query's words are
            found in passages of languages that the models do not know.
        rerank: Whether the best are read once more by the cross-encoder: ``auto`` reads as many
            as ``rerank_tokens`` allow.
        rerank_depth: How many are reranked at most.
        rerank_tokens: Tokens of passages that ``auto`` reranks at most; stands for time.
        rerank_weight: Weight of the reranker's order against the fused one.
    """

    candidates: int = 100
    rrf_k: int = 10
    lexical_weight: float = 0.5
    substring_weight: float = 0.2
    vector_weight: float = 1.0
    foreign_weight: float = 0.02
    rerank: RerankMode = "auto"
    rerank_depth: int = 20
    rerank_tokens: int = 4_000
    rerank_weight: float = 0.5


class SearchResult(msgspec.Struct, frozen=True):
    """Hits, best first, and how they were found.

    Attributes:
        hits: Best first.
        query: The words that were looked for, filters taken out.
        filters: All that narrowed the search.
        timings_ms: Time of each step.
        warnings: What the search had to do without, fit to show to a person.
        compared: Passages whose similarity is a cosine with the query, not a share of a score.
    """

    hits: tuple[Hit, ...]
    query: str
    filters: Filters
    timings_ms: dict[str, float]
    warnings: tuple[str, ...] = ()
    compared: frozenset[int] = frozenset()


class _Candidates(msgspec.Struct, frozen=True):
    words: Ranked
    substrings: Ranked
    vectors: Ranked
    hits: dict[int, Hit]
    similarities: dict[int, float]
    other_model: str = ""


class Search:
    """Finds passages.

    Args:
        database: Where they are.
        embedder: Embeds queries; None searches by words alone.
        reranker: Reads the best once more; None leaves them as fused.
        settings: How results are ranked.
        languages: What both models know, as ISO 639-1 codes; empty means any.
    """

    def __init__(
        self,
        database: Database,
        embedder: Embedder | None,
        reranker: Reranker | None,
        settings: SearchSettings,
        languages: Sequence[str] = (),
    ) -> None:
        self._languages = frozenset(languages)
        self._database = database
        self._embedder = embedder
        self._reranker = reranker
        self.settings = settings
        self._space: SpaceSearch | None = None

    def search(
        self,
        query: str,
        *,
        limit: int = 10,
        filters: Filters | None = None,
        rerank: RerankMode | None = None,
    ) -> SearchResult:
        """Find the passages that answer a query.

        Args:
            query: A person's words; may hold filters (see ``query.parse_query``). Only the
                first 8,000 characters of the words are read.
            limit: How many hits at most.
            filters: Further filters.
            rerank: Overrides the settings.

        Raises:
            RequestError: A filter's date is not one.
            StoreError: The search took too long.
        """
        clock = _Clock()
        written_words, written = parse_query(query)
        words = written_words[:_QUERY_CHARS]
        wanted = combine(written, filters or Filters())
        vector, warnings = self._embed(words)
        clock.lap("embed")
        found = self._database.read(
            lambda c: self._retrieve(c, words, vector, wanted), deadline_s=_DEADLINE_S
        )
        clock.lap("retrieve")
        warnings += self._other_model(found)
        foreign = self._foreign_share(found)
        hits = self._fuse(found, foreign)
        clock.lap("fuse")
        if foreign <= _MOSTLY:  # a reranker would only shuffle what it cannot read
            hits = self._rerank(words, hits, rerank or self.settings.rerank)
        clock.lap("rerank")
        return SearchResult(
            tuple(hits[:limit]),
            written_words,
            wanted,
            clock.laps_ms,
            warnings,
            frozenset(found.similarities),
        )

    def _fuse(self, found: _Candidates, foreign: float) -> list[Hit]:
        trust = 1.0 - foreign * (1.0 - self.settings.foreign_weight)
        hits = fuse(found.words, found.substrings, found.vectors, found.hits, self.settings, trust)
        if not found.similarities:
            return collapse(_similarity_from_score(hits))
        return collapse(
            msgspec.structs.replace(hit, similarity=found.similarities.get(hit.passage_id, 0.0))
            for hit in hits
        )

    def _other_model(self, found: _Candidates) -> tuple[str, ...]:
        if not found.other_model or self._embedder is None:
            return ()
        return (
            f"searched by words alone: the index was embedded by {found.other_model}, not by"
            f" {self._embedder.space.model}; 'prismd reindex --stale' embeds it anew",
        )

    def _embed(self, words: str) -> tuple[NDArray[np.float32] | None, tuple[str, ...]]:
        if self._embedder is None or not words:
            return None, ()
        try:
            return self._embedder.embed_query(words), ()
        except ModelError as error:
            # Words alone are better than nothing, as long as the answer says so.
            log.warning("searching by words alone: %s", error)
            return None, (f"searched by words alone: {error}",)

    def _retrieve(
        self,
        connection: apsw.Connection,
        words: str,
        vector: NDArray[np.float32] | None,
        filters: Filters,
    ) -> _Candidates:
        scope = retrieval.scope(connection, filters)
        # Some may belong to documents that no file holds any more.
        k = int(self.settings.candidates * _SPARE)
        parsed = lexical.parse(words)
        by_words = retrieval.by_words(connection, parsed, k, scope)
        by_substrings = retrieval.by_substrings(connection, parsed, k, scope)
        by_vectors = self._nearest(connection, vector, k, scope)
        ids = {id_ for ranked in (by_words, by_substrings, by_vectors) for id_, _ in ranked}
        hits = retrieval.hits(connection, sorted(ids), scope)
        lists = [
            [item for item in ranked if item[0] in hits][: self.settings.candidates]
            for ranked in (by_words, by_substrings, by_vectors)
        ]
        space = self._open_space(connection)
        space_id = None if space is None else space.space_id
        others = [] if space or vector is None else vectors.spaces(connection)
        return _Candidates(
            lists[0],
            lists[1],
            lists[2],
            hits,
            retrieval.similarities(connection, vector, sorted(hits), space_id),
            others[-1][1].model if others else "",
        )

    def _nearest(
        self,
        connection: apsw.Connection,
        vector: NDArray[np.float32] | None,
        k: int,
        scope: Scope,
    ) -> Ranked:
        space = self._open_space(connection)
        if vector is None or space is None:
            return []
        allowed = retrieval.embeddings_in(connection, scope)
        ids, similarity = space.search(connection, vector, k, allowed)
        return retrieval.passages_of(connection, ids.tolist(), similarity.tolist())

    def _open_space(self, connection: apsw.Connection) -> SpaceSearch | None:
        """The search over the embedder's own space; vectors of another model do not compare."""
        if self._space is None and self._embedder is not None:
            for space_id, space in vectors.spaces(connection):
                if space == self._embedder.space:
                    self._space = SpaceSearch(space_id, space)
        return self._space

    def _foreign_share(self, found: _Candidates) -> float:
        """How much of what answers the query by its words is in languages unknown to the models.

        Passages tell their language surely, a query of a few words does not.
        """
        telling = (found.words or found.vectors)[:_TELLING]
        if not self._languages or not telling:
            return 0.0
        languages = [found.hits[passage_id].language for passage_id, _ in telling]
        known = [language for language in languages if language]
        foreign = [language for language in known if language not in self._languages]
        return len(foreign) / len(known) if known else 0.0

    def _rerank(self, words: str, hits: list[Hit], mode: RerankMode) -> list[Hit]:
        if self._reranker is None or mode == "never" or len(hits) < 2 or not words:
            return hits
        depth = _depth(hits, mode, self.settings)
        texts = [embedding_text(h.title, h.passage.heading, h.passage.text) for h in hits[:depth]]
        try:
            scores = self._reranker.score(words, texts)
        except ModelError as error:
            log.warning("not reranked: %s", error)
            return hits
        return rerank(hits, scores, self.settings)


def _depth(hits: Sequence[Hit], mode: RerankMode, settings: SearchSettings) -> int:
    if mode == "always":
        return settings.rerank_depth
    tokens = np.cumsum([hit.passage.tokens for hit in hits[: settings.rerank_depth]])
    return max(2, int(np.searchsorted(tokens, settings.rerank_tokens, "right")))


# Pure


def fuse(
    words: Ranked,
    substrings: Ranked,
    nearest: Ranked,
    hits: dict[int, Hit],
    settings: SearchSettings,
    vector_trust: float = 1.0,
) -> list[Hit]:
    """Fuse ranked lists by reciprocal rank (Cormack, Clarke, Büttcher, SIGIR 2009).

    Args:
        words: Passages by the word index, best first.
        substrings: Passages by the trigram index, best first.
        nearest: Passages by their vectors, nearest first.
        hits: Every passage of these lists.
        settings: Weights and constant.
        vector_trust: Share of the vectors' weight that holds for this query.

    Returns:
        Hits with score and explanation, best first; equals in the order of their passages.
    """
    scores: dict[int, float] = {}
    explained: dict[int, dict[str, float | int]] = {}
    weighed = (
        ("lexical", words, settings.lexical_weight),
        ("substring", substrings, settings.substring_weight),
        ("vector", nearest, settings.vector_weight * vector_trust),
    )
    for name, ranked, weight in weighed:
        for rank, (passage_id, score) in enumerate(ranked, start=1):
            scores[passage_id] = scores.get(passage_id, 0.0) + weight / (settings.rrf_k + rank)
            notes = explained.setdefault(passage_id, {})
            notes[f"{name}_rank"] = rank
            if name != "substring":
                notes[f"{name}_score"] = score
    return [
        msgspec.structs.replace(
            hits[passage_id],
            score=score,
            explanation=Explanation(**explained[passage_id], fused_score=score),  # type: ignore[arg-type]
        )
        for passage_id, score in sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    ]


def rerank(hits: Sequence[Hit], scores: NDArray[np.float32], settings: SearchSettings) -> list[Hit]:
    """Order the first ``len(scores)`` hits by the reranker's ranks, weighed against the fused.

    The rest follow in their order; their scores stay below.
    """
    depth = len(scores)
    order = np.argsort(-scores, kind="stable")
    ranks = np.empty(depth, np.int64)
    ranks[order] = np.arange(1, depth + 1)
    fused_weight = 1.0 - settings.rerank_weight
    weighed = [
        settings.rerank_weight / (settings.rrf_k + int(rank))
        + fused_weight / (settings.rrf_k + position)
        for position, rank in enumerate(ranks, start=1)
    ]
    best = sorted(range(depth), key=lambda position: (-weighed[position], position))
    head = [
        msgspec.structs.replace(
            hits[position],
            score=1.0 + weighed[position],
            explanation=msgspec.structs.replace(
                hits[position].explanation, rerank_score=float(scores[position])
            ),
        )
        for position in best
    ]
    return head + list(hits[depth:])


def collapse(hits: Iterable[Hit]) -> list[Hit]:
    """Leave out passages that say what an earlier hit says.

    White space, case and the marks of prose make no difference; signs do (a + b, a - b).
    """
    seen: set[str] = set()
    kept = []
    for hit in hits:
        text = " ".join(_PROSE_MARKS.sub(" ", hit.passage.text.casefold()).split())
        if text not in seen:
            seen.add(text)
            kept.append(hit)
    return kept


def _similarity_from_score(hits: Sequence[Hit]) -> list[Hit]:
    """Without vectors, the share of the best score."""
    best = max((hit.score for hit in hits), default=0.0) or 1.0
    return [msgspec.structs.replace(hit, similarity=hit.score / best) for hit in hits]


class _Clock:
    """Times the steps of a query."""

    def __init__(self) -> None:
        self._last = time.perf_counter()
        self.laps_ms: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps_ms[name] = round(1000 * (now - self._last), 2)
        self._last = now
