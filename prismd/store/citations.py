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
    """Keep a citation as the newest; the oldest beyond a hundred thousand are dropped."""
    # A row that is replaced gets a new rowid: what is handed out again is not old.
    connection.execute(
        "INSERT OR REPLACE INTO citations (id, sha256, char_start, char_end, path, title, quote,"
        " locator, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
    beyond = int(connection.execute("SELECT count(*) FROM citations").get) - _KEPT
    if beyond > 0:
        connection.execute(
            "DELETE FROM citations WHERE rowid IN"
            " (SELECT rowid FROM citations ORDER BY rowid LIMIT ?)",
            (beyond,),
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


def drop(connection: apsw.Connection, sha256: str) -> None:
    """Keep no citation of a document any longer."""
    connection.execute("DELETE FROM citations WHERE sha256 = ?", (sha256,))
