"""Citations that were handed out, so that their links go on working."""

from __future__ import annotations

import time
from typing import Any

import apsw
import msgspec

from prismd.domain import Citation, Locator

_KEPT = 100_000
_locator: msgspec.json.Decoder[Locator] = msgspec.json.Decoder(Locator)


class KeptCitation(msgspec.Struct, frozen=True):
    """What a citation's page needs: the document, the range in its text, the quote."""

    id: str
    sha256: str
    start: int
    end: int
    path: str
    title: str
    quote: str
    locator: Locator


def keep(connection: apsw.Connection, citation: Citation, start: int, end: int) -> None:
    """Keep a citation; the oldest beyond a hundred thousand are dropped."""
    connection.execute(
        "INSERT INTO citations (id, sha256, char_start, char_end, path, title, quote, locator,"
        " created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET created_at = excluded.created_at, path = excluded.path,"
        " title = excluded.title, quote = excluded.quote, locator = excluded.locator",
        (
            citation.citation_id,
            citation.sha256,
            start,
            end,
            citation.path,
            citation.title,
            citation.quote,
            msgspec.json.encode(citation.locator).decode(),
            time.time(),
        ),
    )
    connection.execute(
        "DELETE FROM citations WHERE rowid <= (SELECT max(rowid) FROM citations) - ?", (_KEPT,)
    )


def find(connection: apsw.Connection, citation_id: str) -> KeptCitation | None:
    """A citation by its id, or None."""
    row: Any = connection.execute(
        "SELECT id, sha256, char_start, char_end, path, title, quote, locator FROM citations"
        " WHERE id = ?",
        (citation_id,),
    ).fetchone()
    if row is None:
        return None
    id_, sha256, start, end, path, title, quote, locator = row
    return KeptCitation(id_, sha256, start, end, path, title, quote, _locator.decode(locator))
