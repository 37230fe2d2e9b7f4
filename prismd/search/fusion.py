"""Ranked lists to one order of hits: fusion, reranking, near-duplicates. Pure."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from prismd.domain import GOOD_ENOUGH, Explanation, Hit

Ranked = Sequence[tuple[int, float]]
"""Passage ids with their scores, best first."""

RerankMode = Literal["auto", "always", "never"]
Retriever = Literal["lexical", "substring", "name", "vector", "image", "like", "like_text"]
_SCORED: tuple[Retriever, ...] = ("lexical", "name", "vector", "image", "like", "like_text")
_WORTHLESS = -6.9
"""Score of the reranker (a probability of 0.001) below which a passage answers nothing."""
_PROSE_MARKS = re.compile(r"[.,](?!\d)|[;:!?'\"“”‘’„«»…]")  # noqa: RUF001 - the marks of prose


class SearchSettings(msgspec.Struct, frozen=True):
    """How results are ranked; the defaults were chosen by measurement (tests/benchmarks).

    Attributes:
        candidates: How many passages each retriever gives to the fusion.
        rrf_k: Constant of the reciprocal rank fusion.
        lexical_weight: Weight of the word index in the fusion.
        substring_weight: Weight of the trigram index in the fusion.
        vector_weight: Weight of the vectors in the fusion.
        name_weight: Weight of the names of files in the fusion.
        image_weight: Weight of what pictures show in the fusion.
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
    name_weight: float = 1.0
    image_weight: float = 1.0
    foreign_weight: float = 0.02
    rerank: RerankMode = "auto"
    rerank_depth: int = 20
    rerank_tokens: int = 2_000
    rerank_weight: float = 0.5


def fuse(
    lists: Mapping[Retriever, Ranked],
    hits: Mapping[int, Hit],
    settings: SearchSettings,
    vector_trust: float = 1.0,
) -> list[Hit]:
    """Fuse by reciprocal rank (Cormack et al., SIGIR 2009); equals in order of their passages.

    Ranks are all that is compared: a score means something beside those of its own list only.

    Args:
        lists: What each retriever found, best first.
        hits: Every passage of these lists.
        settings: Weights and constant.
        vector_trust: Share of the vectors' weight that holds for this query.
    """
    scores: dict[int, float] = defaultdict(float)
    explained: dict[int, dict[str, float | int]] = defaultdict(dict)
    weights = _weights(settings, vector_trust)
    for name, ranked in lists.items():
        for rank, (passage_id, score) in enumerate(ranked, start=1):
            scores[passage_id] += weights[name] / (settings.rrf_k + rank)
            explained[passage_id][f"{name}_rank"] = rank
            if name in _SCORED:
                explained[passage_id][f"{name}_score"] = score
    _raise_named(scores, lists.get("name", ()), hits)
    return [
        msgspec.structs.replace(
            hits[passage_id],
            score=score,
            explanation=Explanation(**explained[passage_id], fused_score=score),  # type: ignore[arg-type]
        )
        for passage_id, score in sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    ]


def _weights(settings: SearchSettings, vector_trust: float) -> dict[Retriever, float]:
    return {
        "lexical": settings.lexical_weight,
        "substring": settings.substring_weight,
        "name": settings.name_weight,
        "vector": settings.vector_weight * vector_trust,
        "image": settings.image_weight,
        "like": 1.0,
        "like_text": 1.0,
    }


def _raise_named(scores: dict[int, float], by_name: Ranked, hits: Mapping[int, Hit]) -> None:
    """Have the picture or recording that is called what is asked come second at the latest.

    No words and no meaning of a text speak for it, so that chance neighbours would outweigh it.
    """
    exactly = (id_ for id_, share in by_name if share >= 1.0 and not hits[id_].passage.text)
    if (named := next(exactly, None)) is not None:
        others = sorted((score for id_, score in scores.items() if id_ != named), reverse=True)
        if len(others) > 1:
            scores[named] = max(scores[named], math.nextafter(others[1], math.inf))


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

    The rest follow in their order; their scores stay below. What has no text (a picture, found
    by what it shows or is called) has no score (NaN) and keeps its place: the others change
    theirs among them. Only passages that are found to answer nothing come after it.
    """
    depth = len(scores)
    read = np.flatnonzero(~np.isnan(scores))
    ranks = np.arange(1, depth + 1)
    ranks[read[np.argsort(-scores[read], kind="stable")]] = read + 1
    fused_weight = 1.0 - settings.rerank_weight
    weighed = [
        settings.rerank_weight / (settings.rrf_k + int(rank))
        + fused_weight / (settings.rrf_k + position)
        for position, rank in enumerate(ranks, start=1)
    ]
    best = sorted(range(depth), key=lambda position: (-weighed[position], position))
    falling = [weighed[position] for position in best]
    head = [
        msgspec.structs.replace(
            hits[position],
            score=1.0 + weight,
            explanation=msgspec.structs.replace(
                hits[position].explanation, rerank_score=_score(scores[position])
            ),
        )
        for position, weight in zip(_raise_as_such(best, hits, scores), falling, strict=True)
    ]
    return head + list(hits[depth:])


def _raise_as_such(
    order: Sequence[int], hits: Sequence[Hit], scores: NDArray[np.float32]
) -> list[int]:
    """Positions of hits, with pictures and recordings that are surely meant before the worthless.

    The first that is called what is asked comes second at the latest.
    """
    end = next((at for at, item in enumerate(order) if scores[item] < _WORTHLESS), len(order))
    sure = [item for item in order[end:] if _is_sure(hits[item])]
    rest = [item for item in order[end:] if item not in sure]
    raised = [*order[:end], *sure, *rest]
    named = (item for item in raised if _is_sure(hits[item]) and _is_named(hits[item]))
    if (first := next(named, None)) is not None and raised.index(first) > 1:
        raised.remove(first)
        raised.insert(1, first)
    return raised


def _is_sure(hit: Hit) -> bool:
    how = hit.explanation
    found = how.name_rank is not None or how.image_rank is not None
    return found and not hit.passage.text and hit.similarity >= GOOD_ENOUGH


def _is_named(hit: Hit) -> bool:
    """Whether a name says all that is asked."""
    return (hit.explanation.name_score or 0.0) >= 1.0


def _score(score: np.float32) -> float | None:
    return None if np.isnan(score) else float(score)


def collapse(hits: Iterable[Hit]) -> list[Hit]:
    """Leave out passages that say what an earlier hit of the same type says.

    White space, case and the marks of prose make no difference; signs do (a + b, a - b). The
    same words in a letter, on its photograph and in a recording are three sources, not one.
    """
    seen: set[tuple[str, str]] = set()
    kept = []
    for hit in hits:
        words = " ".join(_PROSE_MARKS.sub(" ", hit.passage.text.casefold()).split())
        text = (hit.type, words or f"file {hit.document_id}")
        if text not in seen:
            seen.add(text)
            kept.append(hit)
    return kept
