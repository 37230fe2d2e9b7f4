"""Writes a consistent copy of the live file."""

from __future__ import annotations

import os
from pathlib import Path

import apsw


def write(connection: apsw.Connection, destination: Path, name: str = "") -> None:
    """Copy what a connection has open into a new file that only its owner can read.

    Args:
        connection: What to copy; the copy has its key, if it has one.
        destination: The new file.
        name: What SQLite is told instead, such as ``cipher.uri`` for another key.

    Raises:
        FileExistsError: The destination exists.
        OSError: It cannot be made.
        apsw.Error: It cannot be written.
    """
    # Made by hand first: SQLite takes an empty file, and would give a new one the user's umask.
    os.close(os.open(destination, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    connection.execute("VACUUM INTO ?", (name or str(destination),))
