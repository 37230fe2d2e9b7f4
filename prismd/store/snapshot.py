"""Writes a consistent copy of the live file."""

from __future__ import annotations

import os
from pathlib import Path

import apsw


def write(connection: apsw.Connection, destination: Path) -> None:
    """Copy what a connection has open into a new file that only its owner can read.

    Raises:
        FileExistsError: The destination exists.
        OSError: It cannot be made.
        apsw.Error: It cannot be written.
    """
    # Made by hand first: SQLite takes an empty file, and would give a new one the user's umask.
    os.close(os.open(destination, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    connection.execute("VACUUM INTO ?", (str(destination),))
