"""Deleting so that nothing is left to be read from free space of the file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import apsw


@contextlib.contextmanager
def overwriting(connection: apsw.Connection) -> Iterator[None]:
    """What is deleted meanwhile is overwritten; when rows move, what they leave is, too."""
    was = connection.pragma("secure_delete")
    connection.pragma("secure_delete", 1)
    try:
        yield
    finally:
        connection.pragma("secure_delete", was)
