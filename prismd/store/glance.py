"""The index at a glance: what a look over the file tells without verifying all of it."""

from __future__ import annotations

import time
from typing import Any

import apsw
import msgspec

from prismd.errors import StoreError
from prismd.store import files
from prismd.store.database import Database
from prismd.store.jobs import UNREADABLE

_MANY = 20


class Glance(msgspec.Struct, frozen=True):
    """What the index holds, and what is still to come.

    Attributes:
        schema: The version of its tables.
        states: How many files there are, by state.
        unreadable: How many of them the system does not let be read.
        pending_bytes: Bytes of the files that are to be read.
        completed_bytes: Bytes of the files that are read.
        newest_s: When the newest file was changed, by its own disk; 0 without files.
    """

    schema: int
    states: dict[str, int]
    unreadable: int
    pending_bytes: int
    completed_bytes: int
    newest_s: float


def glance(connection: apsw.Connection) -> Glance:
    """Count what is there."""
    row: Any = connection.execute(
        "SELECT coalesce(sum(error_code IN ('permission', ?)), 0),"
        " coalesce(sum(size_bytes) FILTER (WHERE state = 'pending'), 0),"
        " coalesce(sum(size_bytes) FILTER (WHERE state = 'completed'), 0),"
        " coalesce(max(mtime_ns), 0) / 1e9 FROM files",
        (UNREADABLE,),
    ).fetchone()
    return Glance(int(connection.pragma("user_version")), files.counts(connection), *row)


def skim(database: Database, within_s: float) -> tuple[list[str], bool]:
    """Look through the pages for damage, as far as that goes in a time.

    Returns:
        What SQLite says of damage, and whether it came to the end. ``check`` also holds the
        indexes against the content, which takes far longer.

    Raises:
        StoreError: The file is so damaged that it cannot be looked through.
    """
    end_s = time.monotonic() + within_s
    try:
        rows = database.read(
            lambda c: c.execute(f"PRAGMA quick_check({_MANY})").fetchall(), deadline_s=within_s
        )
    except StoreError:
        if time.monotonic() < end_s:
            raise
        return [], False
    return [str(row[0]) for row in rows if row[0] != "ok"], True
