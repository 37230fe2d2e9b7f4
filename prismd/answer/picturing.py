"""What is said of pictures that came with a question: their own words, and pictures like them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec
from msgspec.structs import replace

from prismd.answer.evidence import EvidenceSettings
from prismd.answer.quoting import Quoting
from prismd.domain import Filters, Hit
from prismd.search.searching import Search
from prismd.search.viewing import Viewed
from prismd.store import documents, likeness
from prismd.store.database import Database
from prismd.wording import share_of, statement_ranges, telling_words

NO_WORDS = "No words were found on the picture that was sent."
SAYS = "The picture that was sent says:"
_SAYS_OF_SEVERAL = "The pictures that were sent say:"
_QUERY_CHARS = 600
_QUOTED_CHARS = 4_000
_LEAST_NEAR = 0.95
_LEAST_ALIKE = 0.8
"""Cosine of two pictures from which on they are named as alike: what CLIP gives to pictures of the
same thing, where any two photographs have about 0.5."""
_SAME_WORDS = 0.6
_PAGE_WORDS = 12
_FIRST_CHARS = 400
_MOST = 3


class Kin(msgspec.Struct, frozen=True):
    """Pictures of the index beside those that were sent, each in one of these alone.

    Attributes:
        same: The very same file.
        near: The same picture to all appearance.
        alike: Pictures that show the like.
    """

    same: tuple[Hit, ...] = ()
    near: tuple[Hit, ...] = ()
    alike: tuple[Hit, ...] = ()


def query_of(pictures: Sequence[Viewed]) -> str:
    """The words of pictures in one line, as many as a search can do with."""
    return " ".join(words_of(pictures).split())[:_QUERY_CHARS]


def words_of(pictures: Sequence[Viewed]) -> str:
    """The words of pictures, in lines."""
    return "\n".join(picture.words for picture in pictures if picture.words)


def lines_of(pictures: Sequence[Viewed]) -> list[str]:
    """The words of pictures line by line, those that are quoted at most."""
    text = words_of(pictures)[:_QUOTED_CHARS]
    return [line for line in (" ".join(line.split()) for line in text.splitlines()) if line]


def lead(pictures: Sequence[Viewed]) -> str:
    """What stands before the words of pictures."""
    return SAYS if len(pictures) == 1 else _SAYS_OF_SEVERAL


def statements_of(pictures: Sequence[Viewed]) -> list[str]:
    """The sentences on pictures, and the lines that are none."""
    found: list[str] = []
    for picture in pictures:
        text = picture.words[:_QUOTED_CHARS]
        for start, end in statement_ranges(text):
            piece = text[start:end]
            ended = piece.rstrip().endswith((".", "!", "?", "。"))
            lines = [piece] if ended else piece.splitlines()
            found += [stripped for line in lines if (stripped := " ".join(line.split()))]
    return found


class Picturing:
    """Finds out about pictures that came with a question.

    Args:
        database: The index.
        search: Finds the pictures that are like them.
        quoting: Picks what answers a question.
    """

    def __init__(self, database: Database, search: Search, quoting: Quoting) -> None:
        self._database = database
        self._search = search
        self._quoting = quoting

    def answering(
        self,
        asked: str,
        pictures: Sequence[Viewed],
        settings: EvidenceSettings,
        *,
        leaning: bool = False,
    ) -> list[str]:
        """What is written on pictures that answers a question; empty where nothing does.

        Args:
            asked: The question.
            pictures: Where the answer may stand.
            settings: How well it must answer.
            leaning: Whether the question says little without the pictures: then it is enough
                that they have to do with it.
        """
        if leaning:
            settings = replace(settings, refusal_threshold=settings.follow_up_threshold)
        statements = statements_of(pictures)
        if not statements:
            return []
        # A line is short of words; all of them together tell better what it is about.
        texts = [*statements, words_of(pictures)[:_QUOTED_CHARS]]
        if not self._quoting.answers(asked, texts, settings):
            return []
        return [statements[index] for index in self._quoting.best([asked], statements)]

    def kin(self, pictures: Sequence[Viewed], filters: Filters) -> Kin:
        """The pictures of the index that are the same or alike, the best first, a few at most."""
        same = [
            hit
            for picture in pictures
            if (
                hit := self._database.read(
                    partial(likeness.held, sha256=picture.sha256, filters=filters)
                )
            )
        ]
        taken = {hit.document_id for hit in same}
        like = [(picture, hit) for picture in pictures for hit in self._like(picture, filters)]
        like.sort(key=lambda item: -item[1].similarity)
        ids = [hit.document_id for _, hit in like]
        about = self._database.read(lambda c: documents.about(c, ids))
        near: list[Hit] = []
        alike: list[Hit] = []
        for picture, hit in like:
            written = about.get(hit.document_id, ({}, ""))[1]
            agree = _agree(picture.words, written)
            if hit.document_id in taken or (not agree and _is_page(picture.words)):
                continue
            taken.add(hit.document_id)
            (near if agree and hit.similarity >= _LEAST_NEAR else alike).append(hit)
        return Kin(tuple(same[:_MOST]), tuple(near[:_MOST]), tuple(alike[:_MOST]))

    def _like(self, picture: Viewed, filters: Filters) -> list[Hit]:
        if picture.example is None:
            return []
        found = self._search.search("", example=picture.example, filters=filters).hits
        return [
            hit
            for hit in found
            if hit.explanation.like_rank is not None and hit.similarity >= _LEAST_ALIKE
        ]


def _agree(one: str, other: str) -> bool:
    """Whether the same is written on two pictures, a few misread words allowed."""
    if len(other) >= _FIRST_CHARS:  # only the first passage of the other is known
        one = one[: len(other)]
    first, second = (telling_words(text) if text else set() for text in (one, other))
    if not first or not second:
        return not first and not second
    return min(share_of(first, second), share_of(second, first)) >= _SAME_WORDS


def _is_page(text: str) -> bool:
    """Whether so much is written on a picture that to a model of pictures it is like any page."""
    return len(telling_words(text)) >= _PAGE_WORDS
