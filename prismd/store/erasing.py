"""Deleting so that nothing is left to be read from free space of the file, or from its log."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import apsw

_MODES = {0: "off", 1: "on", 2: "fast"}
_WORDS = ("passage_words", "passage_trigrams", "file_names")
_REWRITTEN_PAGES = 16_384
"""Of 4 KiB: that much is rewritten within a second or two."""


@contextlib.contextmanager
def overwriting(connection: apsw.Connection) -> Iterator[None]:
    """What is deleted meanwhile is overwritten; when rows move, what they leave is, too."""
    was = _MODES[int(connection.pragma("secure_delete"))]
    connection.pragma("secure_delete", "on")
    try:
        yield
    finally:
        connection.pragma("secure_delete", was)


def overwrite_what_moves(connection: apsw.Connection) -> None:
    """From now on, nothing is left of rows where they were, as long as their pages are in use.

    That costs no more writing. Pages that are given up are overwritten by ``overwriting`` alone.
    """
    connection.pragma("secure_delete", "fast")


def rewrite_words(connection: apsw.Connection) -> None:
    """Write the indexes of words anew without what was deleted, unless the file is a large one.

    Of what is deleted they only note that it is; its words stay, without the text that they made,
    until the pages are merged. Of a large file that would take minutes, and comes with time.
    """
    if int(connection.pragma("page_count")) > _REWRITTEN_PAGES:
        return
    with overwriting(connection):
        for table in _WORDS:
            connection.execute(f"INSERT INTO {table} ({table}) VALUES ('optimize')")


def empty_log(connection: apsw.Connection) -> None:
    """Empty the log of writes, which has what was deleted until it is written over.

    Not within a transaction. As long as somebody reads what was before, the rest of it stays
    until the next time.
    """
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
