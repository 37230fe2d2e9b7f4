"""Query to hits: lexical, substring and vector retrieval, fusion, reranking."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

import apsw
import msgspec
import numpy as np
from numpy.typing import NDArray

from prismd.chunk import embedding_text
from prismd.domain import GOOD_ENOUGH, Filters, Hit
from prismd.errors import ModelError
from prismd.models.base import Embedder, Reranker
from prismd.search.fusion import (
    RerankMode,
    Retriever,
    SearchSettings,
    collapse,
    fuse,
    level,
    rerank,
)
from prismd.search.likeness import Example, Likeness
from prismd.search.query import combine, misread, parse_query
from prismd.store import lexical, names, retrieval, vectors
from prismd.store.database import Database
from prismd.store.retrieval import Ranked, Scope
from prismd.store.vector_search import SpaceSearch

__all__ = ["RerankMode", "Search", "SearchResult", "SearchSettings"]

log = logging.getLogger(__name__)

_DEADLINE_S = 10.0
_SPARE = 2.0
_QUERY_CHARS = 8_000
"""What is read of a query: some 2,000 tokens, more than any model here takes."""
_WORDS_ALONE = "searched by words alone"
_TELLING = 20
_MOSTLY = 0.5


class SearchResult(msgspec.Struct, frozen=True):
    """Hits, best first, and how they were found.

    Attributes:
        hits: Best first.
        query: The words that were looked for, filters taken out.
        filters: All that narrowed the search.
        timings_ms: Time of each step; what has a point in its name is a part of what stands before
            it (``retrieve.words``).
        warnings: What the search had to do without, fit to show to a person.
        compared: Passages whose similarity is a cosine with the query, not a share of a score.
        by_words_alone: Whether what says the same in other words could not be found.
    """

    hits: tuple[Hit, ...]
    query: str
    filters: Filters
    timings_ms: dict[str, float]
    warnings: tuple[str, ...] = ()
    compared: frozenset[int] = frozenset()
    by_words_alone: bool = False


class _Asked(msgspec.Struct, frozen=True):
    """A query, as the retrievers take it."""

    words: str
    vector: NDArray[np.float32] | None
    picture: NDArray[np.float32] | None
    example: Example | None
    filters: Filters


class _Candidates(msgspec.Struct, frozen=True):
    lists: dict[Retriever, Ranked]
    hits: dict[int, Hit]
    similarities: dict[int, float]
    compared: frozenset[int]
    """Passages that were compared with the words by meaning."""
    other_model: str = ""


class Search:
    """Finds passages.

    Args:
        database: Where they are.
        embedder: Embeds queries; None searches by words alone.
        reranker: Reads the best once more; None leaves them as fused.
        settings: How results are ranked.
        languages: What both models know, as ISO 639-1 codes; empty means any.
        likeness: Finds pictures by what they show, and what is like an example.
        without_meaning: Tells why there is no embedder, though one is wanted; fit to show to a
            person.
    """

    def __init__(
        self,
        database: Database,
        embedder: Embedder | None,
        reranker: Reranker | None,
        settings: SearchSettings,
        languages: Sequence[str] = (),
        likeness: Likeness | None = None,
        without_meaning: Callable[[], str] = lambda: "",
    ) -> None:
        self._without_meaning = without_meaning
        self.likeness = likeness or Likeness(database, None)
        self._languages = frozenset(languages)
        self._database = database
        self._embedder = embedder
        self._reranker = reranker
        self.settings = settings
        """How results are ranked; may be set by any thread, and counts from the next query on."""
        self._space: SpaceSearch | None = None

    def search(
        self,
        query: str,
        *,
        limit: int = 10,
        filters: Filters | None = None,
        rerank: RerankMode | None = None,
        example: Example | None = None,
    ) -> SearchResult:
        """Find the passages that answer a query.

        Args:
            query: Words, of which 8,000 characters are read, and filters (``parse_query``).
            limit: How many hits at most.
            filters: Further filters.
            rerank: Overrides the settings.
            example: A picture or recording of which more is to be found; words are not needed
                then.

        Raises:
            RequestError: A filter's date is not one.
            StoreError: The search took too long.
        """
        clock = _Clock()
        asked, written = parse_query(query)
        wanted = combine(written, filters or Filters())
        query_, warnings = self._understand(asked[:_QUERY_CHARS], example, wanted)
        clock.lap("embed")
        parts = _Clock("retrieve.")
        found = self._database.read(
            lambda c: self._retrieve(c, query_, parts), deadline_s=_DEADLINE_S
        )
        clock.laps_ms |= parts.laps_ms
        clock.lap("retrieve")
        hits = self._rank(query_.words, found, rerank or self.settings.rerank, clock)
        return SearchResult(
            tuple(hit for hit in hits if hit.similarity >= wanted.least_similarity)[:limit],
            asked,
            wanted,
            clock.laps_ms,
            (*misread(asked), *warnings, *self._other_model(found)),
            frozenset(found.compared),
            by_words_alone=bool(query_.words) and not _means(query_, found),
        )

    def _understand(
        self, words: str, example: Example | None, wanted: Filters
    ) -> tuple[_Asked, tuple[str, ...]]:
        """A query as the retrievers take it, and what they have to do without."""
        vector, warnings = self._embed(words)
        picture, trouble = self.likeness.embed_words(words)
        asked = _Asked(words, vector, picture, example, wanted)
        return asked, (*warnings, *filter(None, [trouble]))

    def _rank(self, words: str, found: _Candidates, mode: RerankMode, clock: _Clock) -> list[Hit]:
        foreign = self._foreign_share(found)
        hits = self._fuse(found, foreign)
        clock.lap("fuse")
        if foreign <= _MOSTLY:  # a reranker would only shuffle what it cannot read
            hits = self._rerank(words, hits, mode)
        clock.lap("rerank")
        return hits

    def _fuse(self, found: _Candidates, foreign: float) -> list[Hit]:
        trust = 1.0 - foreign * (1.0 - self.settings.foreign_weight)
        hits = fuse(found.lists, found.hits, self.settings, trust)
        if not found.compared:
            hits = _similarity_from_score(hits)
        else:
            as_such = {hit.passage_id for hit in hits if not hit.passage.text}
            hits = level(hits, found.compared | as_such, self.settings, trust)
        return collapse(
            msgspec.structs.replace(
                hit, similarity=found.similarities.get(hit.passage_id, hit.similarity)
            )
            for hit in hits
        )

    def _other_model(self, found: _Candidates) -> tuple[str, ...]:
        if not found.other_model or self._embedder is None:
            return ()
        return (
            f"{_WORDS_ALONE}: the index was embedded by {found.other_model}, not by"
            f" {self._embedder.space.model}; 'prismd reindex --stale' embeds it anew",
        )

    def _embed(self, words: str) -> tuple[NDArray[np.float32] | None, tuple[str, ...]]:
        if not words:
            return None, ()
        if self._embedder is None:
            why = self._without_meaning()
            return None, (f"{_WORDS_ALONE}, not by meaning: {why}",) if why else ()
        try:
            return self._embedder.embed_query(words), ()
        except ModelError as error:
            # Words alone are better than nothing, as long as the answer says so.
            log.warning("searching by words alone: %s", error)
            return None, (f"{_WORDS_ALONE}: {error}",)

    def _retrieve(self, connection: apsw.Connection, asked: _Asked, clock: _Clock) -> _Candidates:
        scope = retrieval.scope(connection, asked.filters)
        clock.lap("filters")
        # Some may belong to documents that no file holds any more.
        k = int(self.settings.candidates * _SPARE)
        found, named = self._lists(connection, asked, k, scope, clock)
        hits = self._hits(connection, asked, found, scope, named)
        clock.lap("hits")
        lists = {
            name: [item for item in ranked if item[0] in hits][: self.settings.candidates]
            for name, ranked in found.items()
        }
        space = self._open_space(connection)
        space_id = None if space is None else space.space_id
        others = [] if space or asked.vector is None else vectors.spaces(connection, "passage")
        known = retrieval.similarities(connection, asked.vector, sorted(hits), space_id)
        clock.lap("compare")
        pictures: tuple[Retriever, ...] = ("like_text", "image", "like")
        # What has no text is as good as its name says, if nothing else found it.
        shown = {
            id_: round(GOOD_ENOUGH * share, 4)
            for id_, share in lists["name"]
            if not hits[id_].passage.text
        }
        shown |= {id_: round(score, 4) for name in pictures for id_, score in lists[name]}
        other = others[-1][1].model if others else ""
        return _Candidates(lists, hits, shown | known, frozenset(known), other)

    def _hits(
        self,
        connection: apsw.Connection,
        asked: _Asked,
        found: dict[Retriever, Ranked],
        scope: Scope,
        named: Sequence[int],
    ) -> dict[int, Hit]:
        """What was found, as hits: the first of each list, and all where one of these has gone."""
        itself = None if asked.example is None else asked.example.document_id
        for depth in (self.settings.candidates, None):
            ids = {id_ for ranked in found.values() for id_, _ in ranked[:depth]}
            hits = retrieval.hits(connection, sorted(ids), scope, named)
            # An example is not like itself, it is itself.
            hits = {id_: hit for id_, hit in hits.items() if hit.document_id != itself}
            if len(hits) == len(ids):
                break
        return hits

    def _lists(
        self, connection: apsw.Connection, asked: _Asked, k: int, scope: Scope, clock: _Clock
    ) -> tuple[dict[Retriever, Ranked], list[int]]:
        """What each retriever finds, and the files that were found by their names."""
        parsed = lexical.parse(asked.words)
        shown: Ranked = []
        if asked.picture is not None:
            shown = self.likeness.by_words(connection, asked.picture, k, scope)
        like: tuple[Ranked, Ranked] = [], []
        if asked.example is not None:
            like = self.likeness.by_example(connection, asked.example, k, scope)
        clock.lap("likeness")
        by_name, named = names.by_name(connection, asked.words, parsed, k, scope)
        clock.lap("names")
        by_words = retrieval.by_words(connection, parsed, k, scope)
        clock.lap("words")
        by_substrings = retrieval.by_substrings(connection, parsed, k, scope)
        clock.lap("substrings")
        nearest = self._nearest(connection, asked.vector, k, scope)
        clock.lap("vectors")
        found: dict[Retriever, Ranked] = {
            "lexical": by_words,
            "substring": by_substrings,
            "name": by_name,
            "vector": nearest,
            "image": shown,
            "like": like[0],
            "like_text": like[1],
        }
        return found, named

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
            for space_id, space in vectors.spaces(connection, "passage"):
                if space == self._embedder.space:
                    self._space = SpaceSearch(space_id, space)
        return self._space

    def _foreign_share(self, found: _Candidates) -> float:
        """How much of what answers the query by its words is in languages unknown to the models.

        Passages tell their language surely, a query of a few words does not.
        """
        telling = (found.lists["lexical"] or found.lists["vector"])[:_TELLING]
        if not self._languages or not telling:
            return 0.0
        languages = [found.hits[passage_id].language for passage_id, _ in telling]
        known = [language for language in languages if language]
        foreign = [language for language in known if language not in self._languages]
        return len(foreign) / len(known) if known else 0.0

    def _rerank(self, words: str, hits: list[Hit], mode: RerankMode) -> list[Hit]:
        # One hit needs no order, but whether it is refused hangs on the score.
        if self._reranker is None or mode == "never" or not hits or not words:
            return hits
        depth = _depth(hits, mode, self.settings)
        read = [position for position, hit in enumerate(hits[:depth]) if hit.passage.text]
        texts = [
            embedding_text(hits[n].title, hits[n].passage.heading, hits[n].passage.text)
            for n in read
        ]
        scores = np.full(len(hits[:depth]), np.nan, np.float32)
        try:
            scores[read] = self._reranker.score(words, texts) if read else []
        except ModelError as error:
            log.warning("not reranked: %s", error)
            return hits
        return rerank(hits, scores, self.settings)


def _means(asked: _Asked, found: _Candidates) -> bool:
    """Whether what says the same in other words could be found."""
    return asked.vector is not None and not found.other_model


def _depth(hits: Sequence[Hit], mode: RerankMode, settings: SearchSettings) -> int:
    if mode == "always":
        return settings.rerank_depth
    tokens = np.cumsum([hit.passage.tokens for hit in hits[: settings.rerank_depth]])
    return max(2, int(np.searchsorted(tokens, settings.rerank_tokens, "right")))


def _similarity_from_score(hits: Sequence[Hit]) -> list[Hit]:
    """Without vectors, the share of the best score of a text."""
    best = max((hit.score for hit in hits if hit.passage.text), default=0.0)
    return [
        msgspec.structs.replace(hit, similarity=min(1.0, hit.score / best) if best else 0.0)
        for hit in hits
    ]


class _Clock:
    """Times the steps of a query, whose names begin with ``prefix``."""

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self._last = time.perf_counter()
        self.laps_ms: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps_ms[self._prefix + name] = round(1000 * (now - self._last), 2)
        self._last = now
