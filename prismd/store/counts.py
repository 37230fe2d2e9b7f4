"""Figures for the status."""

from __future__ import annotations

import apsw


def passages(connection: apsw.Connection) -> tuple[int, int]:
    """Passages of text that can be found, and how many of them have a vector."""
    gone = "document_id IN (SELECT id FROM documents WHERE orphaned_at IS NOT NULL)"
    row = connection.execute(
        "SELECT (SELECT count(*) FROM passages)"
        " - (SELECT count(*) FROM passages WHERE char_end = char_start)"
        f" - (SELECT count(*) FROM passages WHERE char_end > char_start AND {gone}),"
        " (SELECT count(*) FROM passages WHERE embedding_id IS NULL"
        f" AND char_end > char_start AND NOT {gone})"
    ).fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM always has a row
    return int(row[0]), int(row[0]) - int(row[1])
