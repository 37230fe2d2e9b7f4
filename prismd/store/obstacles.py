"""What stands between prismd and files that are queued, through no fault of theirs.

Files behind an obstacle are no work in hand: nobody waits for them, and no time is told for them.
One of them is tried now and then, another each time, and once it can be read all others are taken
up as well. So a disk with any number of files costs one look as long as it is away.
"""

from __future__ import annotations

import time
from typing import Any, Literal, NamedTuple

import apsw
import msgspec

from prismd.store import order

Kind = Literal["disk", "system"]

LOOK_S = 30.0
"""So much apart the files behind an obstacle are tried."""


class Waiting(msgspec.Struct, frozen=True):
    """Files that are queued, and cannot be read now through no fault of theirs.

    Attributes:
        kind: Whether a watched folder is not there, or a disk within one; or the system refuses.
        why: Fit to show; without a full stop.
        root_id: The watched folder; None for uploaded files.
    """

    kind: Literal["folder", "disk", "system"]
    why: str
    files: int
    root_id: int | None = None


class Trial(NamedTuple):
    """A file by which it is found out whether an obstacle is still there."""

    obstacle_id: int
    file_id: int


def put_behind(connection: apsw.Connection, file_id: int, kind: Kind, why: str) -> None:
    """Have a file in hand wait until an obstacle is overcome.

    Args:
        connection: The write connection.
        file_id: The file.
        kind: What it is.
        why: Tells this obstacle from others of the same folder; fit to show.
    """
    obstacle_id = _obstacle(connection, file_id, kind, why)
    connection.execute(
        "UPDATE jobs SET leased_by = NULL, not_before = ?, obstacle_id = ? WHERE file_id = ?",
        (time.time(), obstacle_id, file_id),
    )
    connection.execute(
        "UPDATE files SET state = 'pending' WHERE id = ? AND state = 'processing'", (file_id,)
    )


def put_disk_behind(
    connection: apsw.Connection, file_id: int, point: bytes, device: int, why: str
) -> None:
    """As ``put_behind``, with all other files of a disk that are queued.

    Args:
        connection: The write connection.
        file_id: A file of it, in hand.
        point: Where the disk was mounted.
        device: Its number, as ``files.entry_of`` has it.
        why: Fit to show.
    """
    put_behind(connection, file_id, "disk", why)
    connection.execute(
        "UPDATE jobs SET obstacle_id = (SELECT obstacle_id FROM jobs WHERE file_id = ?)"
        " WHERE leased_by IS NULL AND obstacle_id IS NULL AND file_id IN"
        " (SELECT id FROM files WHERE path_raw >= ? AND path_raw < ? AND device = ?)",
        (file_id, point.rstrip(b"/") + b"/", point.rstrip(b"/") + b"0", device),
    )


def _obstacle(connection: apsw.Connection, file_id: int, kind: Kind, why: str) -> int:
    root_id = connection.execute("SELECT root_id FROM files WHERE id = ?", (file_id,)).get
    row = connection.execute(
        "SELECT id FROM obstacles WHERE root_id IS ? AND kind = ? AND why = ?",
        (root_id, kind, why),
    ).fetchone()
    if row is None:
        row = connection.execute(
            "INSERT INTO obstacles (root_id, kind, why, look_at) VALUES (?, ?, ?, ?) RETURNING id",
            (root_id, kind, why, time.time() + LOOK_S),
        ).fetchone()
    assert row is not None  # noqa: S101 - inserted above, or there already
    return int(row[0])


def to_try(connection: apsw.Connection, *, slow: bool) -> Trial | None:
    """A file behind an obstacle that is to be looked at by now; the one that waits longest.

    Args:
        connection: The write connection.
        slow: As for ``jobs.lease``.
    """
    now = time.time()
    row = connection.execute(
        "SELECT * FROM (SELECT obstacles.id,"
        " (SELECT file_id FROM jobs INDEXED BY jobs_behind"
        " WHERE obstacle_id = obstacles.id AND leased_by IS NULL"
        f" AND priority {'>=' if slow else '<'} {order.SLOW} ORDER BY not_before LIMIT 1) AS file"
        " FROM obstacles LEFT JOIN roots r ON r.id = root_id"
        " WHERE look_at <= ? AND ifnull(r.state, '') != 'offline') WHERE file IS NOT NULL"
        " LIMIT 1",
        (now,),
    ).fetchone()
    if row is None:
        return None
    connection.execute("UPDATE obstacles SET look_at = ? WHERE id = ?", (now + LOOK_S, row[0]))
    return Trial(*row)


def overcome(connection: apsw.Connection, obstacle_id: int) -> None:
    """Queue all that waits behind an obstacle as if it had never been there."""
    connection.execute("DELETE FROM obstacles WHERE id = ?", (obstacle_id,))


def overcome_all(connection: apsw.Connection) -> None:
    """As ``overcome``, for every obstacle."""
    connection.execute("DELETE FROM obstacles")


def look_soon(connection: apsw.Connection, root_id: int | None = None) -> None:
    """Have the obstacles of a folder, or all of them, looked at as soon as somebody can."""
    connection.execute(
        "UPDATE obstacles SET look_at = 0 WHERE look_at != 0 AND (?1 IS NULL OR root_id = ?1)",
        (root_id,),
    )


def stand_in(connection: apsw.Connection, root_id: int) -> bool:
    """Whether there is any in a folder."""
    row = connection.execute("SELECT 1 FROM obstacles WHERE root_id = ?", (root_id,)).fetchone()
    return row is not None


def waiting(connection: apsw.Connection) -> list[Waiting]:
    """Files that are queued and are no work in hand, by what they wait for."""
    away: list[Any] = connection.execute(
        "SELECT 'folder', r.path || ' is not there', count(*), r.id"
        " FROM roots r CROSS JOIN jobs j ON j.root_id IS r.id AND j.obstacle_id IS NULL"
        " WHERE r.state = 'offline' AND j.leased_by IS NULL GROUP BY r.id"
    ).fetchall()
    behind: list[Any] = connection.execute(
        "SELECT o.kind, o.why, count(*), o.root_id FROM obstacles o"
        " CROSS JOIN jobs j ON j.obstacle_id = o.id"
        " WHERE j.leased_by IS NULL GROUP BY o.id ORDER BY o.id"
    ).fetchall()
    return [Waiting(*row) for row in (*away, *behind)]
