"""Small facts about the index that outlive a run, such as that it is paused."""

from __future__ import annotations

import apsw


def get(connection: apsw.Connection, key: str) -> str | None:
    """What is noted under a key, or None."""
    row = connection.execute("SELECT value FROM facts WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def put(connection: apsw.Connection, key: str, value: str) -> None:
    """Note something, in place of what was noted under the key."""
    connection.execute(
        "INSERT INTO facts (key, value) VALUES (?, ?)"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (key, value),
    )
