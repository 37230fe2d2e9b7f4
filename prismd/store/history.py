"""What was searched and asked, kept for the user alone."""

from __future__ import annotations

from typing import Any, Literal

import apsw
import msgspec

from prismd.store.erasing import overwriting

Kind = Literal["search", "ask"]
NOTHING = "[]"
"""What a search cites, and an answer without sources."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was searched or asked.

    Attributes:
        asked_at: Seconds since the epoch.
        query: As it was written.
        example: ``image`` or ``audio`` where the like of something was looked for.
        filters: What narrowed it, as JSON.
        hits: How many passages came of it.
        engine: What made the answer; empty for a search.
        grounding: How well the files support the answer; empty for a search.
        cited: What the answer cites, as a JSON list of the ids of its citations.
    """

    asked_at: float = 0.0
    kind: Kind
    query: str
    example: str = ""
    filters: str = "{}"
    hits: int = 0
    engine: str = ""
    grounding: str = ""
    cited: str = NOTHING


class KeptEntry(Entry, frozen=True, kw_only=True):
    """An entry with its number; later ones have higher numbers."""

    id: int


_COLUMNS = Entry.__struct_fields__
_NAMES = ", ".join(_COLUMNS)
_MARKS = ", ".join("?" * len(_COLUMNS))


def add(connection: apsw.Connection, entry: Entry) -> None:
    """Keep an entry."""
    values = tuple(getattr(entry, name) for name in _COLUMNS)
    # When rows move to another page, nothing of them is left on the one before.
    with overwriting(connection):
        connection.execute(f"INSERT INTO history ({_NAMES}) VALUES ({_MARKS})", values)


def prune(connection: apsw.Connection, *, most: int, before: float) -> int:
    """Drop what is too old, and the oldest of what is too many; returns how many.

    Args:
        connection: The write connection.
        most: How many are kept.
        before: Entries of an earlier moment are dropped.
    """
    rows: list[Any] = connection.execute(
        "SELECT id FROM history WHERE asked_at < ? OR id <= coalesce("
        "(SELECT id FROM history ORDER BY id DESC LIMIT 1 OFFSET ?), 0)",
        (before, most),
    ).fetchall()
    return _delete(connection, [row[0] for row in rows])


def page(
    connection: apsw.Connection, *, limit: int, before_id: int | None = None, kind: Kind | None
) -> tuple[list[KeptEntry], int]:
    """Entries, newest first, and how many there are in all pages together.

    Args:
        connection: Any connection to the file.
        limit: How many at most.
        before_id: Where the page begins; None for the newest.
        kind: Searches or questions alone.
    """
    total = connection.execute(
        "SELECT count(*) FROM history WHERE ?1 IS NULL OR kind = ?1", (kind,)
    ).get
    rows: list[Any] = connection.execute(
        f"SELECT id, {_NAMES} FROM history WHERE (?1 IS NULL OR kind = ?1)"
        " AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3",
        (kind, before_id, limit),
    ).fetchall()
    names = ("id", *_COLUMNS)
    return [KeptEntry(**dict(zip(names, row, strict=True))) for row in rows], int(total)


def remove(connection: apsw.Connection, entry_id: int) -> bool:
    """Drop one entry; says whether there was one."""
    return _delete(connection, [entry_id]) > 0


def clear(connection: apsw.Connection) -> int:
    """Drop every entry; returns how many."""
    count = int(connection.execute("SELECT count(*) FROM history").get)
    with overwriting(connection):
        connection.execute("DELETE FROM history")
    return count


def _delete(connection: apsw.Connection, ids: list[int]) -> int:
    if not ids:
        return 0
    with overwriting(connection):
        connection.execute(
            "DELETE FROM history WHERE id IN (SELECT value FROM json_each(?))",
            (msgspec.json.encode(ids).decode(),),
        )
        return int(connection.changes())
