"""Room in the file that nothing takes any more, given back to the disk."""

from __future__ import annotations

import apsw

_PAGES = 20_000
"""So many at a time, so that the writer is not held for long."""


def free_pages(connection: apsw.Connection) -> int:
    """Pages of the file that hold nothing."""
    return int(connection.pragma("freelist_count"))


def give_back(connection: apsw.Connection) -> None:
    """Make the file smaller; not within a transaction."""
    for _ in connection.execute(f"PRAGMA incremental_vacuum({_PAGES})"):
        pass
