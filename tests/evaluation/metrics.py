"""Metrics of rankings, answers and citations. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
from rapidfuzz.distance import LCSseq

_ARTICLES = frozenset({"a", "an", "the"})
_MARKER = re.compile(r"\s*\[\d+\]")
_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\u0e00-\u0e7f]|[^\W_\u3040-\u30ff\u3400-\u4dbf"
    r"\u4e00-\u9fff\u0e00-\u0e7f]+"
)
"""A word, or one character of a script that puts no spaces between words."""
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_YEAR = re.compile(r"(?:19|20)\d\d,?")
_RESAMPLED = 1_000
_SEED = 7


def ndcg(ranked: Sequence[str], relevant: Mapping[str, int], k: int = 10) -> float:
    """nDCG@k with the gains of the judgements; 0 where nothing is relevant."""
    gains = np.array([relevant.get(id_, 0) for id_ in ranked[:k]], dtype=float)
    ideal = np.array(sorted(relevant.values(), reverse=True)[:k], dtype=float)
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    best = float(ideal @ discount[: len(ideal)])
    return float(gains @ discount[: len(gains)]) / best if best > 0 else 0.0


def recall(ranked: Sequence[str], relevant: Mapping[str, int], k: int) -> float:
    """Share of the relevant among the first k, of as many as k can hold."""
    positive = {id_ for id_, gain in relevant.items() if gain > 0}
    return len(positive.intersection(ranked[:k])) / max(1, min(k, len(positive)))


def reciprocal_rank(ranked: Sequence[str], relevant: Mapping[str, int], k: int = 10) -> float:
    """One over the rank of the first relevant among the first k; 0 where there is none."""
    ranks = (rank for rank, id_ in enumerate(ranked[:k], 1) if relevant.get(id_, 0) > 0)
    return 1 / next(ranks, float("inf"))


def interval(values: Sequence[float], share: float = 0.95) -> tuple[float, float]:
    """Bootstrap confidence interval of the mean, over queries; the same for the same values."""
    if not values:
        return 0.0, 0.0
    drawn = np.random.default_rng(_SEED).integers(0, len(values), (_RESAMPLED, len(values)))
    means = np.asarray(values, dtype=float)[drawn].mean(axis=1)
    low, high = np.quantile(means, [(1 - share) / 2, (1 + share) / 2])
    return float(low), float(high)


def tokens(text: str) -> list[str]:
    """Words without case, marks, English articles and numbers of citations.

    Scripts without spaces are cut into characters.
    """
    plain = unicodedata.normalize("NFKC", _MARKER.sub("", text)).casefold()
    return [word for word in _WORD.findall(plain) if word not in _ARTICLES]


def exact_match(answer: str, reference: str) -> float:
    """1 where both have the same words in the same order (SQuAD's exact match)."""
    return float(tokens(answer) == tokens(reference))


def token_f1(answer: str, reference: str) -> float:
    """Harmonic mean of the precision and recall of words (SQuAD's F1)."""
    said, wanted = tokens(answer), tokens(reference)
    shared = sum((Counter(said) & Counter(wanted)).values())
    return 2 * shared / (len(said) + len(wanted)) if said or wanted else 1.0


def rouge_l(answer: str, reference: str) -> float:
    """ROUGE-L: F1 of the longest common subsequence of words."""
    said, wanted = tokens(answer), tokens(reference)
    shared = LCSseq.similarity(said, wanted)
    return 2 * float(shared) / (len(said) + len(wanted)) if said or wanted else 1.0


def contains(answer: str, reference: str) -> float:
    """1 where the answer has the words of the reference, in a row."""
    said, wanted = tokens(answer), tokens(reference)
    starts = range(len(said) - len(wanted) + 1)
    return float(any(said[at : at + len(wanted)] == wanted for at in starts))


def best(measure: Callable[[str, str], float], answer: str, references: Collection[str]) -> float:
    """A measure against the reference that it is highest for; 0 without one."""
    return max((measure(answer, reference) for reference in references), default=0.0)


def share(part: Collection[object], whole: Collection[object]) -> float | None:
    """How much of a whole is in a part; None of nothing."""
    return sum(item in part for item in whole) / len(whole) if whole else None


def letters(text: str) -> str:
    """Letters and digits only: tokenised text has spaces where other text has none."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text)).casefold()


def same_sentence(quote: str, sentence: str) -> bool:
    """Whether a quote and a sentence are one within the other."""
    one, other = letters(quote), letters(sentence)
    return bool(one and other) and (one in other or other in one)


def numbers(text: str) -> set[str]:
    """Numbers of three digits and more, and those with decimals, without separators.

    Years are left out: they stand on every page.
    """
    found = (match.rstrip(",") for match in _NUMBER.findall(text) if not _YEAR.fullmatch(match))
    plain = (number.replace(",", "") for number in found)
    return {number for number in plain if len(number) > 2}


def area_under_curve(positive: Sequence[float], negative: Sequence[float]) -> float | None:
    """How often a value of what is so is above one of what is not (ROC AUC); ties count half."""
    if not positive or not negative:
        return None
    one, other = np.asarray(positive)[:, None], np.asarray(negative)[None, :]
    return float(np.mean(one > other) + np.mean(one == other) / 2)


def mean(values: Sequence[float | None]) -> float | None:
    """Mean of those that are known; None where none is."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
