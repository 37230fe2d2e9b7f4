"""Texts in the order in which they answer a query, by a cross-encoder; long ones in windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from prismd.models.base import Reranker, TokenCounter

_PAIR_TOKENS = 480
"""What a cross-encoder is given at once, query and window; the common ones read 512."""
_WHOLE_TOKENS = 256
"""A text of so many tokens, the size of prismd's own passages, is read whole."""
_WINDOW_TOKENS = 160
"""Of a longer one. One telling sentence among others, read by ms-marco-MiniLM-L-12-v2: relevance
0.93 in windows of 160 tokens, 0.36 of 256 and 0.05 of 480, which take twice as long, too."""
_LEAST_TOKENS = 64
_OVERLAP = 32
_SLICE = 8
"""Windows in one piece of work; others who want the model come between two."""


class Windows(Struct, frozen=True):
    """Texts cut into pieces that a model can read.

    Attributes:
        texts: The pieces.
        owners: Of each piece, the index of its text; ascending.
        tokens: Of all pieces together, the query left out.
    """

    texts: tuple[str, ...]
    owners: tuple[int, ...]
    tokens: int


class Scored(Struct, frozen=True):
    """A text by its index, and how surely it answers the query, in [0, 1]."""

    index: int
    relevance: float


def cut(
    texts: Sequence[str],
    query: str,
    tokens: TokenCounter,
    *,
    max_windows: int | None = None,
    max_tokens: int | None = None,
) -> Windows:
    """Cut texts into windows that overlap; a short one is a window by itself.

    Args:
        texts: In any order.
        query: Takes its part of what the model reads.
        tokens: Counts, as nearly as is known, the model's tokens.
        max_windows: Of one text; what comes after is not read.
        max_tokens: Of one text, likewise.
    """
    room = max(_LEAST_TOKENS, _PAIR_TOKENS - len(tokens.offsets(query)))
    pieces: list[str] = []
    owners: list[int] = []
    counted = 0
    for index, text in enumerate(texts):
        offsets = tokens.offsets(text)[:max_tokens]
        whole = len(offsets) <= min(room, _WHOLE_TOKENS)
        size = max(_LEAST_TOKENS, len(offsets)) if whole else min(room, _WINDOW_TOKENS)
        starts = range(0, max(1, len(offsets) - _OVERLAP), size - _OVERLAP)[:max_windows]
        for start in starts:
            window = offsets[start : start + size]
            pieces.append(text[int(window[0, 0]) : int(window[-1, 1])] if len(window) else text)
            owners.append(index)
            counted += len(window)
    return Windows(tuple(pieces), tuple(owners), counted)


def score(
    reranker: Reranker, query: str, windows: Windows, check: Callable[[], None]
) -> NDArray[np.float32]:
    """Score texts by the best of their windows.

    Args:
        reranker: The model.
        query: What they are to answer.
        windows: At least one of each text.
        check: Called between pieces of the work; ends it by raising.

    Returns:
        The model's logits, shape ``(texts,)``, in the order of the texts.

    Raises:
        ModelError: The model fails.
    """
    pieces = []
    for start in range(0, len(windows.texts), _SLICE):
        check()
        pieces.append(reranker.score(query, windows.texts[start : start + _SLICE]))
    best = np.full(windows.owners[-1] + 1 if windows.owners else 0, -np.inf, np.float32)
    if pieces:
        np.maximum.at(best, list(windows.owners), np.concatenate(pieces))
    return best


def ranked(logits: NDArray[np.float32], top_n: int | None = None) -> list[Scored]:
    """The best first, equals in the order of their indices."""
    order = np.argsort(-logits, kind="stable")[:top_n]
    probabilities = 1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -500, 500)))
    return [Scored(int(index), float(probabilities[index])) for index in order]
