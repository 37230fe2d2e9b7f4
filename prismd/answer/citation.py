"""Which source supports a sentence, and how well; markers in generated text. Pure.

Citations never depend on the model alone: every sentence of an answer is held against the
evidence afterwards, whatever numbers the model wrote.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from prismd.domain import Grounding, Support
from prismd.wording import (
    UNSPACED,
    instructs,
    negates,
    share_of,
    statement_ranges,
    telling_words,
    words,
)

Similarities = Callable[[str, Sequence[str]], NDArray[np.float32]]
"""How near texts are to a text: (text, texts) to cosines of shape (len(texts),)."""

SUPPORTED_SHARE = 0.6
"""Share of a sentence's telling words that its source must have for ``supported``."""
WEAK_SHARE = 0.35
SUPPORTED_COSINE = 0.8
"""Cosine of sentence and source that makes up for other words, with as many words as ``weak``."""
CORROBORATING_SCORE = 0.8
"""Share of words by which a further source says the same; a word or two may be misread."""

_MARKER = re.compile(r"[ \t]*[\[【]\s*(\d+(?:\s*[,;–-]\s*\d+)*)\s*[\]】]")
_OPEN = re.compile(r"[ \t]*[\[【][\[【\d\s,;–-]*\Z|[ \t]+\Z")
_DECIMAL = re.compile(r"\d[.,]\d")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_UNSAID = re.compile(r"[^\w?]*(?:\d{1,3}[.)])?[^\w?]*")
"""What may stand beside a quote of a whole statement: marks, and the number of a list's item."""
_MAX_CLAIMS = 8
_MAX_DIGITS = 6


class Source(msgspec.Struct, frozen=True):
    """A piece of evidence: what number it has, its words, and where its sentences stand."""

    n: int
    text: str
    sentences: tuple[tuple[int, int], ...]


def source(n: int, text: str, language: str = "") -> Source:
    """Number a text as evidence."""
    return Source(n, text, tuple(statement_ranges(text, language)))


class Attribution(msgspec.Struct, frozen=True):
    """A source's range that a sentence rests on."""

    n: int
    start: int
    end: int
    support: Support
    score: float


def attribute(
    sentence: str,
    sources: Sequence[Source],
    similarities: Similarities | None = None,
    claimed: Sequence[int] = (),
    asked: str = "",
) -> list[Attribution]:
    """Find what supports a sentence.

    Args:
        sentence: One sentence of an answer, without markers.
        sources: The evidence.
        similarities: Compares texts by meaning; None compares words alone.
        claimed: Numbers that the model wrote; those that are no source's are dropped.
        asked: The question; what the sentence repeats of it needs less support than what it adds.

    Returns:
        One for each claimed source, whatever its support; where none is claimed, the best
        supporting one, if there is one that supports at least weakly.
    """
    by_number = {item.n: item for item in sources}
    valid = [by_number[n] for n in dict.fromkeys(claimed) if n in by_number]
    candidates = valid or list(sources)
    exact = [found for item in candidates if (found := _judge_exact(sentence, item)) is not None]
    if exact and not valid:
        return exact[:1]
    settled = {found.n: found for found in exact}
    judged = [
        settled.get(item.n) or _judge_by_words(sentence, item, similarities, asked)
        for item in candidates
    ]
    if valid:
        return judged
    best = max(judged, key=lambda found: (found.score, -found.n), default=None)
    return [best] if best is not None and best.support != "none" else []


def corroborating(sentence: str, sources: Sequence[Source], asked: str = "") -> list[Attribution]:
    """Which further sources say the same, in (nearly) the same words.

    Args:
        sentence: One sentence of an answer, without markers.
        sources: Evidence that the sentence does not rest on yet.
        asked: The question.
    """
    judged = [
        _judge_exact(sentence, item) or _judge_by_words(sentence, item, None, asked)
        for item in sources
    ]
    return [
        found
        for found in judged
        if found.support in ("exact", "supported") and found.score >= CORROBORATING_SCORE
    ]


def same_statement(one: str, other: str) -> bool:
    """Whether two sentences say the same, in (nearly) the same words."""
    first, second = telling_words(one), telling_words(other)
    return (
        min(share_of(first, second), share_of(second, first)) >= CORROBORATING_SCORE
        and _numbers(one) == _numbers(other)
        and negates(one) == negates(other)
    )


def _judge_exact(sentence: str, item: Source) -> Attribution | None:
    flat, offsets = _flatten(item.text)
    wanted = " ".join(sentence.split()).strip(" \"'“”").rstrip(".")
    folded, sought = _fold(flat), _fold(wanted)
    at = _find_whole(sought, folded) if len(wanted) > 1 else -1
    while at >= 0:
        first, last = offsets[at], offsets[at + len(wanted) - 1] + 1
        start, end = _whole_sentences(item, first, last)
        before, after = item.text[start:first], without_markers(item.text[last:end])
        # A part of a statement may say the opposite: "we deny that", "unless".
        if _UNSAID.fullmatch(before) and _UNSAID.fullmatch(after):
            return Attribution(item.n, start, end, "exact", 2.0)
        at = _find_whole(sought, folded, at + 1)
    return None


def _fold(text: str) -> str:
    """The text in lower case, each character where it was."""
    return "".join(low if len(low := character.lower()) == 1 else character for character in text)


def _find_whole(wanted: str, text: str, start: int = 0) -> int:
    """Where the words occur from a place on, no word or number cut in two; else -1."""
    at = text.find(wanted, start)
    while at >= 0 and (_cuts(text, at) or _cuts(text, at + len(wanted))):
        at = text.find(wanted, at + 1)
    return at


def _cuts(text: str, at: int) -> bool:
    """Whether a border at this place would cut a word or a number."""
    before, after = text[max(0, at - 2) : at], text[at : at + 2]
    if not before or not after:
        return False
    if before[-1].isalnum() and after[0].isalnum():
        return not (UNSPACED.match(before[-1]) and UNSPACED.match(after[0]))
    # 3|.5 and 3.|5
    return bool(_DECIMAL.fullmatch(before[-1] + after) or _DECIMAL.fullmatch(before + after[0]))


def _judge_by_words(
    sentence: str, item: Source, similarities: Similarities | None, asked: str
) -> Attribution:
    telling = telling_words(sentence)
    added = telling - telling_words(asked) or telling
    ranges = item.sentences or ((0, len(item.text)),)
    pieces = [item.text[start:end] for start, end in ranges]
    overlap = np.array([share_of(telling, telling_words(piece)) for piece in pieces], np.float32)
    cosine = np.zeros(len(pieces), np.float32)
    if similarities is not None and pieces:
        cosine = similarities(sentence, pieces)
    best = int(np.argmax(overlap + cosine))
    start, end = ranges[best]
    # The words may stand in several sentences of the source; the numbers must stand in it.
    there = telling_words(item.text)
    share, added_share = share_of(telling, there), share_of(added, there)
    numbers = _numbers(sentence) <= _numbers(item.text)
    score = float(0.5 * share + 0.5 * max(overlap[best], cosine[best]))
    near = float(cosine[best]) >= SUPPORTED_COSINE and share >= WEAK_SHARE
    support: Support = "none"
    enough = share >= WEAK_SHARE and max(share, added_share) >= SUPPORTED_SHARE
    if numbers and (enough or near) and not _says_otherwise(sentence, pieces[best], near=near):
        support = "supported"
    elif share >= WEAK_SHARE:
        support = "weak"
    return Attribution(item.n, start, end, support, score if numbers else score / 2)


def _numbers(text: str) -> set[str]:
    """The numbers of a text; 09 is 9."""
    return {number.lstrip("0") for number in _NUMBER.findall(text)}


def _says_otherwise(sentence: str, piece: str, *, near: bool) -> bool:
    """Whether a source's sentence has the words but not the claim.

    It denies what the other affirms, or it only tells its reader what to say, or it has the very
    same words in another order (who paid whom) and nothing speaks for the same meaning.
    """
    if negates(sentence) != negates(piece) or instructs(piece):
        return True
    said, found = words(sentence), words(piece)
    return not near and said != found and sorted(said) == sorted(found)


def _flatten(text: str) -> tuple[str, list[int]]:
    """The text with every white space as one blank, and where each character stood.

    Markers of its own are left out, for no answer repeats them.
    """
    out: list[str] = []
    offsets: list[int] = []
    marks = {at for found in _MARKER.finditer(text) for at in range(*found.span())}
    for position, character in enumerate(text):
        if position in marks:
            continue
        if character.isspace():
            if out and out[-1] == " ":
                continue
            character = " "  # noqa: PLW2901 - the blank stands for it
        out.append(character)
        offsets.append(position)
    return "".join(out), offsets


def _whole_sentences(item: Source, start: int, end: int) -> tuple[int, int]:
    """Widen a range to the sentences it touches."""
    touched = [pair for pair in item.sentences if pair[0] < end and pair[1] > start]
    return (touched[0][0], touched[-1][1]) if touched else (start, end)


def grounding(supports: Sequence[Support]) -> Grounding:
    """What the best support of each sentence amounts to for the whole answer."""
    if supports and all(support in ("exact", "supported") for support in supports):
        return "supported"
    return "partial" if any(support != "none" for support in supports) else "none"


def without_markers(text: str) -> str:
    """A text without ``[n]`` markers: those of a source are not those of an answer."""
    markers = MarkerFilter()
    parts = [*markers.feed(text), *markers.finish()]
    return "".join(part for part in parts if isinstance(part, str))


class MarkerFilter:
    """Takes ``[n]`` markers out of text that comes in pieces.

    Only an unfinished marker is held back, with the blanks before it.
    """

    def __init__(self) -> None:
        self._held = ""

    def feed(self, piece: str) -> list[str | int]:
        """Add text; get what is certain by now: text, and the numbers of markers, in order."""
        out = self._take_markers(piece)
        held = _OPEN.search(self._held)
        cut = held.start() if held else len(self._held)
        if cut:
            out.append(self._held[:cut])
            self._held = self._held[cut:]
        return out

    def finish(self) -> list[str | int]:
        """What was held back at the end."""
        text, self._held = self._held, ""
        return [text] if text else []

    def _take_markers(self, piece: str) -> list[str | int]:
        out: list[str | int] = []
        text = self._held + piece
        closes = "]" in piece or "】" in piece
        while closes and (marker := _MARKER.search(text)):
            before = text[: marker.start()]
            # Without this marker, what is open before it may become one with what follows.
            still_open = _OPEN.search(before)
            cut = still_open.start() if still_open else len(before)
            if cut:
                out.append(before[:cut])
            out += _claims(marker[1])
            text = before[cut:] + text[marker.end() :]
        self._held = text
        return out


def _claims(marker: str) -> list[int]:
    found = re.findall(r"\d+", marker)[:_MAX_CLAIMS]
    return [int(number) for number in found if len(number) <= _MAX_DIGITS]
