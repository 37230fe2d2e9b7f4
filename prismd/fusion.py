"""Ranked lists to one order of hits: fusion, reranking, near-duplicates. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from prismd.domain import Explanation, Hit

Ranked = Sequence[tuple[int, float]]
"""Passage ids with their scores, best first."""

RerankMode = Literal["auto", "always", "never"]
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


def fuse(
    words: Ranked,
    substrings: Ranked,
    nearest: Ranked,
    hits: dict[int, Hit],
    settings: SearchSettings,
    vector_trust: float = 1.0,
) -> list[Hit]:
    """Fuse by reciprocal rank (Cormack et al., SIGIR 2009); equals in order of their passages.

    Args:
        words: By the word index; as all, best first.
        substrings: By the trigram index.
        nearest: By their vectors.
        hits: Every passage of these lists.
        settings: Weights and constant.
        vector_trust: Share of the vectors' weight that holds for this query.
    """
    scores: dict[int, float] = defaultdict(float)
    explained: dict[int, dict[str, float | int]] = defaultdict(dict)
    weighed = (
        ("lexical", words, settings.lexical_weight),
        ("substring", substrings, settings.substring_weight),
        ("vector", nearest, settings.vector_weight * vector_trust),
    )
    for name, ranked, weight in weighed:
        for rank, (passage_id, score) in enumerate(ranked, start=1):
            scores[passage_id] += weight / (settings.rrf_k + rank)
            explained[passage_id][f"{name}_rank"] = rank
            if name != "substring":
                explained[passage_id][f"{name}_score"] = score
    return [
        msgspec.structs.replace(
            hits[passage_id],
            score=score,
            explanation=Explanation(**explained[passage_id], fused_score=score),  # type: ignore[arg-type]
        )
        for passage_id, score in sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    ]


def level(
    hits: Sequence[Hit], compared: AbstractSet[int], settings: SearchSettings, vector_trust: float
) -> list[Hit]:
    """Raise passages that wait for their vectors as if these would rank them as the words do.

    Without this, the best match of a file that has just come would stand below chance neighbours.
    """
    by_words = settings.lexical_weight + settings.substring_weight
    if by_words <= 0 or all(hit.passage_id in compared for hit in hits):
        return list(hits)
    raised = 1.0 + settings.vector_weight * vector_trust / by_words
    levelled = [
        hit
        if hit.passage_id in compared
        else msgspec.structs.replace(hit, score=hit.score * raised)
        for hit in hits
    ]
    return sorted(levelled, key=lambda hit: (-hit.score, hit.passage_id))


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
