"""From the words that an OCR engine found to lines and blocks worth keeping; pure.

Engines see letters in leaves and railings. What is kept is what the engine is sure of: a word by
its own confidence, a block by that of all its letters, more strictly where there is no page of
text around it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Literal

import msgspec

from prismd.domain import Box
from prismd.extract.ocr.page import OcrBlock, OcrLine, OcrWord

Turn = Literal[0, 90, 180, 270]

LEAST_CONFIDENCE = 30.0
"""A word that the engine is less sure of is left out."""
_SURE = 80.0
_PAGE_LETTERS = 100
"""So many letters of sure words make a page of text."""
_BLOCK_ON_PAGE = 40.0
_BLOCK_ALONE = 72.0
"""What a block's letters must reach on average, within a page of text and without."""
_LONE_LETTERS = 3
_LONE_CONFIDENCE = 85.0
"""Words of fewer letters than so many must reach so much, where there is no page around them."""


class FoundWord(msgspec.Struct, frozen=True):
    """A word as the engine found it; ``line`` is its block, paragraph and line."""

    text: str
    box: Box
    confidence: float
    line: tuple[int, int, int]


def turned(box: Box, turn: int, width: float, height: float) -> Box:
    """Where a box stands after its picture has been turned.

    Args:
        box: On a picture of ``width`` by ``height``.
        turn: Degrees, clockwise: 0, 90, 180 or 270.
        width: Of the picture before it is turned.
        height: The same.
    """
    x0, y0, x1, y1 = box
    if turn == 90:
        return (height - y1, x0, height - y0, x1)
    if turn == 180:
        return (width - x1, height - y1, width - x0, height - y0)
    if turn == 270:
        return (y0, width - x1, y1, width - x0)
    return box


def scaled(box: Box, across: float, down: float, width: float, height: float) -> Box:
    """A box on the picture at another size, within its borders."""
    x0, y0, x1, y1 = box
    return (
        min(max(0.0, x0 * across), width),
        min(max(0.0, y0 * down), height),
        min(max(0.0, x1 * across), width),
        min(max(0.0, y1 * down), height),
    )


def blocks(found: Iterable[FoundWord]) -> tuple[OcrBlock, ...]:
    """Join the words that are worth keeping into lines and blocks, in the order given."""
    lines: dict[tuple[int, int, int], list[OcrWord]] = {}
    for word in found:
        if word.confidence >= LEAST_CONFIDENCE and (text := _clean(word.text)):
            x0, y0, x1, y1 = word.box
            if x0 < x1 and y0 < y1:
                kept = OcrWord(text, word.box, word.confidence)
                lines.setdefault(word.line, []).append(kept)
    joined: dict[tuple[int, int], list[OcrLine]] = {}
    for (block, paragraph, _), words in lines.items():
        if letters(words):
            joined.setdefault((block, paragraph), []).append(_line(words))
    made = [OcrBlock(tuple(of)) for of in joined.values()]
    on_page = _is_page(made)
    return tuple(block for block in made if _is_credible(block, on_page))


def letters(words: Iterable[OcrWord]) -> int:
    """How many letters and digits there are."""
    return sum(map(str.isalnum, "".join(word.text for word in words)))


def confidence(words: Iterable[OcrWord]) -> float:
    """How sure the engine is of words, on average over their letters; 0 for none."""
    weights = [(letters([word]), word.confidence) for word in words]
    total = sum(weight for weight, _ in weights)
    return sum(weight * sure for weight, sure in weights) / total if total else 0.0


def line_height(found: Iterable[FoundWord]) -> float:
    """How tall the words are, across their lines: the middle one of all; 0 for none."""
    heights = [
        min(word.box[2] - word.box[0], word.box[3] - word.box[1])
        for word in found
        if sum(map(str.isalnum, word.text)) > 1
    ]
    return median(heights) if heights else 0.0


def worth(read: Sequence[OcrBlock]) -> float:
    """How much there is in a reading: the letters, by how much surer they are than a guess."""
    words = [word for block in read for line in block.lines for word in line.words]
    return sum(letters([word]) * (word.confidence - 50.0) for word in words)


def rotation(read: Sequence[OcrBlock]) -> Turn:
    """By how many degrees, clockwise, a picture must be turned for its text to be upright.

    The lines tell: where their words follow each other, there is the right of the text.
    """
    votes: dict[Turn, int] = {0: 0, 90: 0, 180: 0, 270: 0}
    for block in read:
        for line in block.lines:
            if len(line.words) > 1:
                votes[turn_of(line)] += letters(line.words)
    return max(votes, key=lambda turn: (votes[turn], -turn))


def turn_of(line: OcrLine) -> Turn:
    """The same of one line, of two words at least."""
    first, last = line.words[0].box, line.words[-1].box
    across = (last[0] + last[2]) - (first[0] + first[2])
    down = (last[1] + last[3]) - (first[1] + first[3])
    if _is_right_to_left(line.text):
        across, down = -across, -down
    if abs(across) >= abs(down):
        return 0 if across >= 0 else 180
    return 270 if down > 0 else 90


def _is_right_to_left(text: str) -> bool:
    directions = [unicodedata.bidirectional(letter) for letter in text]
    return sum(d in ("R", "AL") for d in directions) > directions.count("L")


def _line(words: list[OcrWord]) -> OcrLine:
    x0, y0, x1, y1 = zip(*(word.box for word in words), strict=True)
    return OcrLine(tuple(words), (min(x0), min(y0), max(x1), max(y1)))


def _clean(text: str) -> str:
    """A word without what cannot be shown, in one piece."""
    return "".join(c for c in text if c.isprintable() and not c.isspace())


def _words(block: OcrBlock) -> list[OcrWord]:
    return [word for line in block.lines for word in line.words]


def _is_page(made: Sequence[OcrBlock]) -> bool:
    sure = (w for block in made for w in _words(block) if w.confidence >= _SURE)
    return letters(sure) >= _PAGE_LETTERS


def _is_credible(block: OcrBlock, on_page: bool) -> bool:
    words = _words(block)
    if on_page:
        return confidence(words) >= _BLOCK_ON_PAGE
    # In some scripts a letter or two are a word; leaves and railings look like Latin ones.
    pieces = [words] if not block.text.isascii() else [[word] for word in words]
    scraps = max(map(letters, pieces)) < _LONE_LETTERS
    return confidence(words) >= (_LONE_CONFIDENCE if scraps else _BLOCK_ALONE)
