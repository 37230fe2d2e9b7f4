"""Pictures as evidence: which ones show what is asked, and what an answer says of them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import PurePath

from prismd.domain import Filters, Hit
from prismd.likeness import GOOD_ENOUGH
from prismd.wording import shown_name, words

LEAD = "Pictures that may show this:"
_MOST = 3
_WORDS_CHARS = 120
_MARKUP = re.compile(r"[\[\]【】<>`*|!\\]|\]\(|(?<=\w)://")
# Small, for the five languages that are met most: "show me a photo of…".
_PICTURE_NOUNS = """
    picture pictures photo photos photograph photographs image images screenshot screenshots
    snapshot snapshots bild bilder foto fotos aufnahme aufnahmen bildschirmfoto
    photographie photographies imagen imágenes fotografía fotografías
    immagine immagini fotografia fotografie
"""
_PICTURE_WORDS = frozenset(_PICTURE_NOUNS.split())


def pictures(hits: Sequence[Hit]) -> list[Hit]:
    """The pictures among the hits that show what the query says, best first, a few at most."""
    shown = [
        hit
        for hit in hits
        if not hit.passage.text
        and hit.explanation.image_rank is not None
        and hit.similarity >= GOOD_ENOUGH
    ]
    return shown[:_MOST]


def asks_for_picture(query: str, filters: Filters) -> bool:
    """Whether a question wants to be shown a picture, and is not answered by words alone."""
    return filters.type == ("image",) or not _PICTURE_WORDS.isdisjoint(words(query))


def describe(hit: Hit, metadata: Mapping[str, str], text: str = "") -> str:
    """A picture in a line: its name, its folder, when and where it was taken, and its words.

    Args:
        hit: The picture as such.
        metadata: What its file says of itself, as the extractor of images has it.
        text: The words on it.

    Returns:
        Plain text: names and words are not ours, and no mark or link of theirs is left.
    """
    told = [hit.title, _date(metadata.get("taken_at", ""))]
    told += [metadata.get("place", ""), metadata.get("camera", "")]
    folder = PurePath(hit.path).parent.name
    where = f" in {_plain(shown_name(folder))}" if folder else ""
    details = ", ".join(_plain(item) for item in told if item)
    line = f"{_plain(shown_name(hit.path))}{where}" + (f" ({details})" if details else "")
    said = _plain(text)
    said = said if len(said) <= _WORDS_CHARS else said[:_WORDS_CHARS].rsplit(" ", 1)[0] + " …"
    return f"{line}: “{said}”" if said else line


def _plain(text: str) -> str:
    """A text in one line, without what Markdown or an answer's marks are made of."""
    return " ".join(_MARKUP.sub(" ", text).split())


def _date(iso: str) -> str:
    try:
        moment = datetime.fromisoformat(iso)
    except ValueError:
        return ""
    return f"{moment.day} {moment:%B %Y}"
