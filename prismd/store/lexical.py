"""What the word index sees of a text, and how a person's words become a safe query. Pure.

``unicode61`` takes a run of Chinese, Japanese or Thai for one word, so such runs are written as
overlapping pairs of characters, each pair one made-up word that no tokeniser splits or stems. The
last character stands alone once more: so every character begins a word, and is found by it.
"""

from __future__ import annotations

import re
import unicodedata

import msgspec

from prismd.wording import UNSPACED, join_broken_words, pairs

_WORD = re.compile(r"[^\W_]+")
_QUOTED = re.compile(r'"([^"]+)"')
_SIGN = re.compile(r"[^\w\s]")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_EDGES = " \t\n.,;:!?\"'()[]{}<>«»“”‘’…。、，！？；："
_MAX_WORDS = 64
MIN_SUBSTRING = 3


def index_text(text: str) -> str:
    """A text as the word index gets it: broken words joined, unspaced scripts in pairs."""
    return _spell(text, last=True)


def _spell(text: str, *, last: bool) -> str:
    text = join_broken_words(text)
    if text.isascii():
        return text

    def spell(run: re.Match[str]) -> str:
        found = pairs(run[0])
        if last and len(run[0]) > 1:
            found.append(run[0][-1])
        return f" {' '.join(map(_pair_word, found))} "

    return UNSPACED.sub(spell, text)


def _pair_word(characters: str) -> str:
    # Ends in x so that no stemmer takes the hexadecimal digits for a suffix.
    return f"u{ord(characters[0]):x}z{''.join(f'{ord(c):x}' for c in characters[1:])}x"


_PAIR_WORD = re.compile(r"(u[0-9a-f]{3,5}z)([0-9a-f]{3,5})?x")


def is_pair(word: str) -> bool:
    """Whether a word stands for characters of an unspaced script."""
    return _PAIR_WORD.fullmatch(word) is not None


def beginning(word: str) -> str:
    """How every word begins that a single character of an unspaced script begins; else empty."""
    found = _PAIR_WORD.fullmatch(word)
    return found[1] if found and not found[2] else ""


class LexicalQuery(msgspec.Struct, frozen=True):
    """A query as the lexical indexes take it.

    Attributes:
        words: Words to match, without order or repetition.
        phrases: What stood in quotation marks, each matched as a phrase.
        substrings: What holds signs that no word index keeps (``C++``, ``a_b``), as typed.
    """

    words: tuple[str, ...]
    phrases: tuple[str, ...]
    substrings: tuple[str, ...]


def parse(query: str) -> LexicalQuery:
    """Split a person's query. Never raises; signs of any query language mean nothing here."""
    query = _UNSTORABLE.sub(" ", query)
    spelled = _spell(query, last=False)
    phrases = [
        " ".join(_WORD.findall(_spell(found, last=False))) for found in _QUOTED.findall(query)
    ]
    # As they were typed: the index folds case by rules of its own.
    words = {word.lower(): word for word in reversed(_WORD.findall(spelled))}
    substrings = (piece.strip(_EDGES) for piece in query.split())
    return LexicalQuery(
        words=tuple(reversed(words.values()))[:_MAX_WORDS],
        phrases=tuple(dict.fromkeys(phrase for phrase in phrases if " " in phrase))[:8],
        substrings=tuple(
            dict.fromkeys(
                found for found in substrings if len(found) >= MIN_SUBSTRING and _is_special(found)
            )
        )[:8],
    )


def _is_special(piece: str) -> bool:
    """Whether a word index would not find a piece as it stands."""
    return "_" in piece or (_SIGN.search(piece) is not None and _WORD.search(piece) is not None)


def fold(text: str) -> str:
    """A text without case and diacritics, to compare with another one."""
    lowered = text.lower()
    if lowered.isascii():
        return lowered
    return "".join(c for c in unicodedata.normalize("NFD", lowered) if not unicodedata.combining(c))


def match_any(words: list[str]) -> str:
    """An FTS5 expression that matches any of the words or phrases; signs in them are harmless."""
    return " OR ".join(
        f"{quote(start)} *" if (start := beginning(word)) else quote(word) for word in words
    )


def match_trigrams(substring: str) -> str:
    """An FTS5 expression for rows of the trigram table that may hold the substring."""
    folded = fold(substring)
    grams = dict.fromkeys(folded[i : i + 3] for i in range(len(folded) - 2))
    return " AND ".join(quote(gram) for gram in list(grams)[:_MAX_WORDS])


def quote(word: str) -> str:
    """A word as an FTS5 string."""
    return '"' + word.replace('"', '""') + '"'
