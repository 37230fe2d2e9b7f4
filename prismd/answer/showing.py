"""Pictures and recordings as such: which ones are asked for, and what is said of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import PurePath

from prismd.domain import GOOD_ENOUGH, Filters, Hit
from prismd.wording import (
    PARTICULAR,
    PICTURE_WORDS,
    POINTING,
    RECORDING_WORDS,
    name_asked_for,
    plain,
    share_met,
    shown_folder,
    shown_name,
    subject_words,
    words,
)

LEAD = "This may be what you are looking for:"
SAME = "The picture that was sent is among your files:"
NEAR = "Nearly the same picture is among your files:"
ALIKE = "Pictures among your files that are like it:"
_MOST = 3
_TELLING_PARTS = 3
_WORDS_CHARS = 120
_READING_WORDS = """
    read reads reading text texts words written write writes says said saying describe description
    transcribe transcript content contents extract shown shows showing show seen here please
    everything whole
    lies lese lesen vorlesen text wörter geschrieben steht stehen darauf drauf beschreibe beschreib
    inhalt zeigt siehst sehen bitte hier alles
    lire lisez texte mots écrit écrite décris décrivez contenu montre voit
    leer texto palabras escrito escrita describe contenido muestra pone
    leggi leggere testo parole scritto scritta descrivi contenuto mostra vede
"""
_OF_PICTURES = frozenset(_READING_WORDS.split()) | PICTURE_WORDS
_SHOW = frozenset({"show", "zeig", "zeige", "montre", "muéstrame", "mostrami"})


def pictures(hits: Sequence[Hit], query: str, filters: Filters) -> list[Hit]:
    """The pictures among the hits that show what the query says, best first, a few at most.

    One that is asked for may also be told by its name and folder, all that is asked being there;
    so may a recording.
    """
    wanted = {
        "image": asks_for_picture(query, filters),
        "audio": asks_for_recording(query, filters),
    }
    shown = [
        hit
        for hit in hits
        if not hit.passage.text
        and (_looks_like_it(hit) or (wanted.get(hit.type, False) and _is_named_so(hit, query)))
    ]
    return shown[:_MOST]


def _looks_like_it(hit: Hit) -> bool:
    found = hit.type == "image" and hit.explanation.image_rank is not None
    return found and hit.similarity >= GOOD_ENOUGH


def _is_named_so(hit: Hit, query: str) -> bool:
    """Whether a file's path and title say all that a question asks, and it asks something."""
    if hit.explanation.name_rank is None:
        return False
    near = " ".join(PurePath(hit.path).parts[-_TELLING_PARTS:])
    return share_met(name_asked_for(query, hit.type), f"{hit.title} {near}") >= 1.0


def asks_about_sent(asked: str) -> bool:
    """Whether a question that came with a picture is about that picture as a whole.

    Such as "what does this say?", "read this" and no question at all; "when is this due?" wants
    to be told something, and "where is this?" to be led somewhere.
    """
    return PARTICULAR.isdisjoint(words(asked)) and subject_words(asked) <= _OF_PICTURES | POINTING


def asks_for_picture(query: str, filters: Filters) -> bool:
    """Whether a question wants to be shown a picture, and is not answered by words alone."""
    said = words(query)
    wanted = filters.type == ("image",) or not PICTURE_WORDS.isdisjoint(said)
    return wanted or (bool(said) and said[0] in _SHOW)


def asks_for_recording(query: str, filters: Filters) -> bool:
    """Whether a question wants to be given a recording."""
    return filters.type == ("audio",) or not RECORDING_WORDS.isdisjoint(words(query))


def describe(hit: Hit, metadata: Mapping[str, str], text: str = "") -> str:
    """A picture or recording in a line: name, folder, when and where it was taken, and words.

    Args:
        hit: It as such.
        metadata: What its file says of itself, as the extractor of images has it.
        text: The words on it.

    Returns:
        Plain text: names and words are not ours, and no mark or link of theirs is left.
    """
    told = [hit.title, _date(metadata.get("taken_at", ""))]
    told += [metadata.get("place", ""), metadata.get("camera", "")]
    folder = plain(shown_folder(hit.path))
    where = f" in {folder}" if folder else ""
    details = ", ".join(plain(item) for item in told if item)
    line = f"{plain(shown_name(hit.path))}{where}" + (f" ({details})" if details else "")
    said = plain(text)
    said = said if len(said) <= _WORDS_CHARS else said[:_WORDS_CHARS].rsplit(" ", 1)[0] + " …"
    return f"{line}: “{said}”" if said else line


def _date(iso: str) -> str:
    try:
        moment = datetime.fromisoformat(iso)
    except ValueError:
        return ""
    return f"{moment.day} {moment:%B %Y}"
