"""What has been read so far of files that are being read, so that none of it is read twice.

The pieces of a content are kept as long as the file in which it was found is queued: they go with
its job, in the transaction that stores the document, or that gives the file up or forgets it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw

from prismd.store import jobs

Piece = tuple[str, int, bytes]
"""What read it, and how; its number, of those by the same reader; what was read."""

MOST_BYTES = 256 << 20
"""Of one file so much is given out: what is beyond is read again."""


def keep(
    connection: apsw.Connection, file_id: int, owner: str, sha256: str, found: Sequence[Piece]
) -> bool:
    """Keep pieces of a file in hand, in place of those with the same names.

    Args:
        connection: The write connection.
        file_id: The file.
        owner: Who has it in hand.
        sha256: Of its content.
        found: What was read.

    Returns:
        Whether they were kept: not when another has the file in hand by now.
    """
    if not jobs.still_leased(connection, file_id, owner):
        return False
    connection.executemany(
        "INSERT INTO pieces (sha256, reader, number, content, file_id) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (sha256, reader, number)"
        " DO UPDATE SET content = excluded.content, file_id = excluded.file_id",
        [(sha256, reader, number, content, file_id) for reader, number, content in found],
    )
    return True


def of(connection: apsw.Connection, sha256: str, most_bytes: int = MOST_BYTES) -> list[Piece]:
    """The pieces of a content, by reader and number; no more than fit."""
    found: list[Piece] = []
    rows: Any = connection.execute(
        "SELECT reader, number, content FROM pieces WHERE sha256 = ? ORDER BY reader, number",
        (sha256,),
    )
    for reader, number, content in rows:
        most_bytes -= len(content)
        if most_bytes < 0:
            break
        found.append((str(reader), int(number), bytes(content)))
    return found
