"""Single passages with what stands around them."""

from __future__ import annotations

from typing import Any

import apsw
import msgspec

from prismd.domain import Filters, Hit, Passage
from prismd.store import retrieval
from prismd.store.documents import PASSAGE_COLUMNS, read_passage


class NumberedPassage(msgspec.Struct, frozen=True):
    """A passage and its id."""

    id: int
    passage: Passage


class Surroundings(msgspec.Struct, frozen=True):
    """A passage, the file that holds it, and the passages next to it in reading order."""

    hit: Hit
    before: tuple[NumberedPassage, ...]
    after: tuple[NumberedPassage, ...]


def surroundings(connection: apsw.Connection, passage_id: int, around: int) -> Surroundings | None:
    """A passage with at most so many before and after it; None when no file holds it any more."""
    everything = retrieval.scope(connection, Filters())
    hit = retrieval.hits(connection, [passage_id], everything).get(passage_id)
    if hit is None:
        return None
    here = hit.passage.ordinal
    rows: list[Any] = connection.execute(
        f"SELECT p.id, {PASSAGE_COLUMNS} FROM passages p WHERE p.document_id = ?"
        # A picture or a recording as such is a passage without words.
        " AND p.ordinal BETWEEN ? AND ? AND p.char_end > p.char_start ORDER BY p.ordinal",
        (hit.document_id, here - around, here + around),
    ).fetchall()
    near = [NumberedPassage(row[0], read_passage(row[1:])) for row in rows]
    return Surroundings(
        hit,
        tuple(each for each in near if each.passage.ordinal < here),
        tuple(each for each in near if each.passage.ordinal > here),
    )


def holding(connection: apsw.Connection, sha256: str, start: int, end: int) -> int | None:
    """The passage of a document that holds most of a range of its text, or None.

    An empty range stands for a picture or a recording as such.
    """
    found = connection.execute(
        "SELECT p.id FROM passages p JOIN documents d ON d.id = p.document_id"
        " WHERE d.sha256 = ?1 AND p.char_start <= ?3 AND p.char_end >= ?2"
        " ORDER BY (?2 = ?3) = (p.char_end > p.char_start),"
        " min(p.char_end, ?3) - max(p.char_start, ?2) DESC, p.ordinal LIMIT 1",
        (sha256, start, end),
    ).get
    return None if found is None else int(found)
