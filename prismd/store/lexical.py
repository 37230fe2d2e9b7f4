"""What the word index sees of a text, and how a person's words become a safe query. Pure.

``unicode61`` takes a run of Chinese, Japanese or Thai for one word, so such runs are written as
overlapping pairs of characters, each pair one made-up word that no tokeniser splits or stems.
"""

from __future__ import annotations

import re

import msgspec

from prismd.wording import UNSPACED, join_broken_words, pairs

_WORD = re.compile(r"[^\W_]+")
_QUOTED = re.compile(r'"([^"]+)"')
_SPECIAL = re.compile(r"\S*[^\W_]\S*[^\w\s]\S*|\S*[^\w\s]\S*[^\W_]\S*|\w*_\w*")
_EDGES = " \t\n.,;:!?\"'()[]{}<>«»“”‘’…。、，！？；："
_MAX_WORDS = 64
MIN_SUBSTRING = 3


def index_text(text: str) -> str:
    """A text as the word index gets it: broken words joined, unspaced scripts in pairs."""
    text = join_broken_words(text)
    if text.isascii():
        return text
    return UNSPACED.sub(lambda match: f" {' '.join(map(_pair_word, pairs(match[0])))} ", text)


def _pair_word(characters: str) -> str:
    # Ends in x so that no stemmer takes the hexadecimal digits for a suffix.
    return "u" + "".join(f"{ord(character):x}" for character in characters) + "x"


_PAIR_WORD = re.compile(r"u[0-9a-f]{4,10}x")


def is_pair(word: str) -> bool:
    """Whether a word stands for characters of an unspaced script."""
    return _PAIR_WORD.fullmatch(word) is not None


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
    query = query.replace("\0", " ")
    phrases = [" ".join(_WORD.findall(index_text(found))) for found in _QUOTED.findall(query)]
    words = dict.fromkeys(word.casefold() for word in _WORD.findall(index_text(query)))
    substrings = (found.strip(_EDGES) for found in _SPECIAL.findall(query))
    return LexicalQuery(
        words=tuple(words)[:_MAX_WORDS],
        phrases=tuple(dict.fromkeys(phrase for phrase in phrases if " " in phrase))[:8],
        substrings=tuple(
            dict.fromkeys(
                found
                for found in substrings
                if len(found) >= MIN_SUBSTRING and not _WORD.fullmatch(found)
            )
        )[:8],
    )


def match_any(words: list[str]) -> str:
    """An FTS5 expression that matches any of the words or phrases; signs in them are harmless."""
    return " OR ".join(quote(word) for word in words)


def match_trigrams(substring: str) -> str:
    """An FTS5 expression for rows of the trigram table that may hold the substring."""
    folded = substring.casefold()
    grams = dict.fromkeys(folded[i : i + 3] for i in range(len(folded) - 2))
    return " AND ".join(quote(gram) for gram in list(grams)[:_MAX_WORDS])


def quote(word: str) -> str:
    """A word as an FTS5 string."""
    return '"' + word.replace('"', '""') + '"'
