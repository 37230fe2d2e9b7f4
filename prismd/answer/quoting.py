"""Answers without a generator: the sentences of the evidence that answer best, word for word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from prismd.answer.citation import same_statement, without_markers
from prismd.answer.evidence import Evidence, EvidenceSettings
from prismd.models.base import Embedder, Reranker
from prismd.wording import instructs, share_met

_MAX_SENTENCES = 3
_MAX_CANDIDATES = 48
_LEAST_CHARS = 2
_SENTENCE_MARGIN = 2.0
_SIMILARITY_MARGIN = 0.05
_WORD_MARGIN = 0.0
_INSTRUCTION_MARGINS = 3.0
"""Margins by which a sentence that only instructs must be better than one that states."""

_TOLD_MARGINS = 2.0
"""Margins by which a sentence that was told before must be better than one that was not."""


class Quoting:
    """Picks sentences.

    Args:
        embedder: Compares by meaning; None compares words alone.
        reranker: Picks what answers; None picks by similarity.
    """

    def __init__(self, embedder: Embedder | None, reranker: Reranker | None) -> None:
        self._embedder = embedder
        self._reranker = reranker

    def sentences(
        self, readings: Sequence[str], evidence: Sequence[Evidence], said: Sequence[str] = ()
    ) -> Iterator[tuple[str, int]]:
        """The sentences that answer best, word for word, in the order of their evidence.

        Args:
            readings: The question, in every way to read it that counts.
            evidence: Where the sentences stand.
            said: Statements that were told before; others are preferred.

        Returns:
            Each sentence in one line, and the number of its evidence.
        """
        candidates = [
            (item, start, end)
            for item in evidence
            for start, end in item.source.sentences
            if _says_something(item, start, end)
        ][:_MAX_CANDIDATES]
        if not candidates:
            return
        texts = [item.source.text[start:end] for item, start, end in candidates]
        chosen = self.best(readings, texts, said)
        chosen.sort(key=lambda index: (candidates[index][0].source.n, candidates[index][1]))
        for index in chosen:
            item, _, _ = candidates[index]
            yield without_markers(" ".join(texts[index].split())), item.source.n

    def best(
        self, readings: Sequence[str], texts: Sequence[str], said: Sequence[str] = ()
    ) -> list[int]:
        """The sentences that answer best, a few at most, by their places, the best first."""
        texts = texts[:_MAX_CANDIDATES]
        scored = [self._score_sentences(asked, texts) for asked in readings]
        scores, margin = np.mean([scores for scores, _ in scored], axis=0), scored[0][1]
        if said:
            told = [any(same_statement(text, other) for other in said) for text in texts]
            scores = scores - _TOLD_MARGINS * margin * np.array(told)
        scores = _after_statements(scores, texts, margin)
        chosen: list[int] = []
        for index in np.argsort(-scores, kind="stable").tolist():
            if len(chosen) == _MAX_SENTENCES or scores[index] < scores.max() - margin:
                break
            # What another file says as well becomes a further citation, not a further sentence.
            if not any(same_statement(texts[index], texts[other]) for other in chosen):
                chosen.append(index)
        return chosen

    def answers(self, asked: str, texts: Sequence[str], settings: EvidenceSettings) -> bool:
        """Whether one of some texts, which are no passages, answers a question."""
        texts = texts[:_MAX_CANDIDATES]
        if self._reranker is not None:
            best = float(self._reranker.score(asked, texts).max())
            return float(1 / (1 + np.exp(-best))) >= settings.refusal_threshold
        if self._embedder is not None:
            return float(self._similarities(asked, texts).max()) >= settings.refusal_similarity
        return max(share_met(asked, text) for text in texts) >= settings.refusal_words

    def _score_sentences(
        self, asked: str, texts: Sequence[str]
    ) -> tuple[NDArray[np.float32], float]:
        if self._reranker is not None:
            return self._reranker.score(asked, texts), _SENTENCE_MARGIN
        if self._embedder is not None:
            return self._similarities(asked, texts), _SIMILARITY_MARGIN
        shares = [len(set(asked.lower().split()) & set(text.lower().split())) for text in texts]
        return np.array(shares, np.float32), _WORD_MARGIN

    def _similarities(self, text: str, others: Sequence[str]) -> NDArray[np.float32]:
        assert self._embedder is not None  # noqa: S101 - callers looked
        vectors = self._embedder.embed_passages([text, *others])
        return np.asarray(vectors[1:] @ vectors[0], np.float32)


def _after_statements(
    scores: NDArray[np.float32], texts: Sequence[str], margin: float
) -> NDArray[np.float32]:
    """Scores by which a sentence that tells its reader what to say comes after one that states.

    Only where no statement comes near is such a sentence quoted, as text.
    """
    instructing = np.array([instructs(text) for text in texts])
    if not instructing.any() or instructing.all():
        return scores
    near = scores[~instructing].max() >= scores.max() - _INSTRUCTION_MARGINS * max(margin, 1e-3)
    return np.where(instructing & near, -np.inf, scores).astype(np.float32)


def _says_something(item: Evidence, start: int, end: int) -> bool:
    """Whether a sentence is more than a number in a list, or the passage's heading."""
    text = item.source.text[start:end].strip("#=-*~ \n")
    return end - start > _LEAST_CHARS and text not in (item.hit.title, *item.hit.passage.heading)
