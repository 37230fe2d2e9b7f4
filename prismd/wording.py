"""Words and sentences of a text, in any language. Pure."""

from __future__ import annotations

import re

import sentencex

_BROKEN_WORD = re.compile(r"(\w)[-\u00ad\u2010]\n(?=[^\W\d_A-Z])")
_SOFT_HYPHEN = "\u00ad"
UNSPACED = re.compile(
    "["
    "\u0e00-\u0eff"  # Thai, Lao
    "\u0f00-\u0fff"  # Tibetan
    "\u1000-\u109f"  # Myanmar
    "\u1780-\u17ff"  # Khmer
    "\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff"  # Kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Han
    "\U00020000-\U0003ffff"  # Han, supplementary planes
    "]+"
)
"""A run of a script that puts no spaces between words."""
_WORD = re.compile(r"[^\W_]+")
_WRAPPED = re.compile(r"(?<![\n|\t])\n(?=[^\n|\t*#\-+\d][^\t\n]*(?:\n|$))")
_ROW = re.compile(r"^(?:[ ]*\|.*\||[^\n]*\t[^\n]*)$", re.MULTILINE)
"""A row of a table: Markdown, or cells with tabs between them."""
_RULE = re.compile(r"[\s|:-]+")
_PARAGRAPH = re.compile(r"\n[ \t]*\n\s*")


def join_broken_words(text: str) -> str:
    """A text with the words joined that a hyphen broke at a line's end."""
    if "\n" in text:
        text = _BROKEN_WORD.sub(r"\1", text)
    return text.replace(_SOFT_HYPHEN, "") if _SOFT_HYPHEN in text else text


def unwrap(text: str) -> str:
    """A text with the lines of its paragraphs joined; tables and lists keep theirs."""
    return _WRAPPED.sub(" ", join_broken_words(text))


def statement_ranges(text: str, language: str = "") -> list[tuple[int, int]]:
    """Where the sentences of the prose and the rows of the tables stand.

    Returns:
        As ``sentence_ranges``.
    """
    ranges: list[tuple[int, int]] = []
    start = 0
    for row in _ROW.finditer(text):
        ranges += _within(text, start, row.start(), language)
        if not _RULE.fullmatch(row[0]):
            ranges += [trimmed] if (trimmed := trim(text, row.start(), row.end())) else []
        start = row.end()
    return ranges + _within(text, start, len(text), language)


def _within(text: str, start: int, end: int, language: str) -> list[tuple[int, int]]:
    return [(start + a, start + b) for a, b in sentence_ranges(text[start:end], language)]


def sentence_ranges(text: str, language: str = "") -> list[tuple[int, int]]:
    """Where the sentences stand, without the white space around them.

    Args:
        text: Any text; a blank line always ends a sentence.
        language: ISO 639-1 code where it is known, for its abbreviations.

    Returns:
        Half-open ranges in code points, ascending, not overlapping, none empty.
    """
    ranges = []
    for boundary in sentencex.get_sentence_boundaries(language or "en", text):
        start, end = boundary["start_index"], boundary["end_index"]
        for piece_start, piece_end in _split_paragraphs(text, start, end):
            if trimmed := trim(text, piece_start, piece_end):
                ranges.append(trimmed)
    return ranges


def _split_paragraphs(text: str, start: int, end: int) -> list[tuple[int, int]]:
    pieces = []
    for gap in _PARAGRAPH.finditer(text, start, end):
        pieces.append((start, gap.start()))
        start = gap.end()
    pieces.append((start, end))
    return pieces


def trim(text: str, start: int, end: int) -> tuple[int, int] | None:
    """The range without white space at its ends, or None where nothing is left."""
    piece = text[start:end]
    stripped = piece.lstrip()
    if not stripped:
        return None
    start += len(piece) - len(stripped)
    return start, start + len(stripped.rstrip())


def passage_context(title: str, heading: tuple[str, ...]) -> str:
    """Title and headings of a passage in one line, outermost first, none twice."""
    return " > ".join(dict.fromkeys(part for part in (title, *heading) if part))


def pairs(run: str) -> list[str]:
    """The overlapping pairs of characters of an unspaced run; the run itself when it is one."""
    return [run[i : i + 2] for i in range(len(run) - 1)] or [run]


def words(text: str) -> list[str]:
    """The words of a text, case folded; those of unspaced scripts as pairs of characters."""
    found: list[str] = []
    for word in _WORD.findall(join_broken_words(text).casefold()):
        position = 0
        for run in UNSPACED.finditer(word):
            found += [word[position : run.start()]] if run.start() > position else []
            found += pairs(run[0])
            position = run.end()
        found += [word[position:]] if position < len(word) else []
    return found
