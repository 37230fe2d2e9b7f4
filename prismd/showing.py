"""Pictures as evidence: which ones show what is asked, and what an answer says of them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import PurePath

from prismd.domain import Filters, Hit
from prismd.likeness import GOOD_ENOUGH
from prismd.wording import share_met, shown_name, words

LEAD = "Pictures that may show this:"
_MOST = 3
_TELLING_PARTS = 3
_WORDS_CHARS = 120
_MARKUP = re.compile(r"[\[\]【】<>`*|!\\]|\]\(|(?<=\w)://")
# Small, for the five languages that are met most: "show me a photo of…".
_PICTURE_NOUNS = """
    picture pictures photo photos photograph photographs image images screenshot screenshots
    snapshot snapshots bild bilder foto fotos aufnahme aufnahmen bildschirmfoto
    photographie photographies imagen imágenes fotografía fotografías
    immagine immagini fotografia fotografie
    照片 图片 圖片 相片 写真 画像 사진
"""
_PICTURE_WORDS = frozenset(_PICTURE_NOUNS.split())
_SHOWING_WORDS = """
    show shows showing find look looking taken made
    zeig zeige zeigt finde such suche gemacht
    montre montrez trouve cherche muestra muéstrame busca mostra mostrami trova cerca
"""
_SHOWING = frozenset(_SHOWING_WORDS.split())
_SHOW = frozenset({"show", "zeig", "zeige", "montre", "muéstrame", "mostrami"})


def pictures(hits: Sequence[Hit], query: str, filters: Filters) -> list[Hit]:
    """The pictures among the hits that show what the query says, best first, a few at most.

    One that is asked for may also be told by its name and folder, all that is asked being there.
    """
    wanted = asks_for_picture(query, filters)
    shown = [
        hit
        for hit in hits
        if not hit.passage.text
        and hit.type == "image"
        and (_looks_like_it(hit) or (wanted and _is_named_so(hit, query)))
    ]
    return shown[:_MOST]


def _looks_like_it(hit: Hit) -> bool:
    return hit.explanation.image_rank is not None and hit.similarity >= GOOD_ENOUGH


def _is_named_so(hit: Hit, query: str) -> bool:
    """Whether a picture's path and title say all that a question asks, and it asks something."""
    if hit.explanation.name_rank is None:
        return False
    subject = " ".join(word for word in words(query) if word not in _PICTURE_WORDS | _SHOWING)
    near = " ".join(PurePath(hit.path).parts[-_TELLING_PARTS:])
    return share_met(subject, f"{hit.title} {near}") >= 1.0


def asks_for_picture(query: str, filters: Filters) -> bool:
    """Whether a question wants to be shown a picture, and is not answered by words alone."""
    said = words(query)
    wanted = filters.type == ("image",) or not _PICTURE_WORDS.isdisjoint(said)
    return wanted or (bool(said) and said[0] in _SHOW)


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
