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


def of_root(what: str, root_id: int) -> str:
    """The key of a fact about a watched folder, which ``drop_of_root`` drops."""
    return f"{what} of root {root_id}"


def drop_of_root(connection: apsw.Connection, root_id: int) -> None:
    """Drop everything that is noted about a folder; the next one may get its number."""
    connection.execute("DELETE FROM facts WHERE key GLOB ?", (of_root("*", root_id),))
