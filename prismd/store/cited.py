"""The files that the last answers cited, as far as these answers are kept."""

from __future__ import annotations

import os
from typing import Any

import apsw
import msgspec

from prismd.store import citations, listing
from prismd.store.citations import KeptCitation
from prismd.store.history import NOTHING
from prismd.store.listing import FileRecord

_ANSWERS = 200
"""Older ones are not looked at: a person has them no more in mind."""


class CitedFile(msgspec.Struct, frozen=True):
    """A file, and what was cited of it last.

    Attributes:
        asked_at: When the question was asked; seconds since the epoch.
    """

    file: FileRecord
    citation: KeptCitation
    asked_at: float


def recent(connection: apsw.Connection, limit: int) -> list[CitedFile]:
    """The files that the last answers cited, the latest first, each once.

    Args:
        connection: Any connection to the file.
        limit: How many at most. Files that are in the index no more are left out.
    """
    rows: list[Any] = connection.execute(
        "SELECT h.asked_at, c.value FROM (SELECT id, asked_at, cited FROM history"
        " WHERE cited <> ? ORDER BY id DESC LIMIT ?) h, json_each(h.cited) c"
        " ORDER BY h.id DESC, c.key",
        (NOTHING, _ANSWERS),
    ).fetchall()
    found: dict[int, CitedFile] = {}
    for asked_at, citation_id in rows:
        citation = citations.find(connection, str(citation_id))
        file = _holder(connection, citation) if citation is not None else None
        if citation is not None and file is not None:
            found.setdefault(file.id, CitedFile(file, citation, asked_at))
        if len(found) == limit:
            break
    return list(found.values())


def _holder(connection: apsw.Connection, citation: KeptCitation) -> FileRecord | None:
    """The file that holds what was cited, or else stands where it stood."""
    holding = listing.holding(connection, citation.sha256)
    same = [record for record in holding if record.path == citation.path]
    if found := (*same, *holding):
        return found[0]
    row = connection.execute(
        "SELECT id FROM files WHERE path_raw = ?", (os.fsencode(citation.path),)
    ).fetchone()
    return listing.record(connection, int(row[0])) if row else None
