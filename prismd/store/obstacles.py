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

Kind = Literal["disk", "system", "room"]

LOOK_S = 30.0
"""So much apart the files behind an obstacle are tried."""


class Waiting(msgspec.Struct, frozen=True):
    """Files that are queued, and cannot be read now through no fault of theirs.

    Attributes:
        kind: Whether a watched folder is not there, or a disk within one; or the system refuses;
            or there is no room for what is put aside while it is read.
        why: Fit to show; without a full stop.
        root_id: The watched folder; None for uploaded files.
    """

    kind: Literal["folder", "disk", "system", "room"]
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
    root_id = connection.execute("SELECT root_id FROM files WHERE id = ?", (file_id,)).get
    obstacle_id = _obstacle(connection, root_id, kind, why)
    connection.execute(
        "UPDATE jobs SET leased_by = NULL, not_before = ?, obstacle_id = ? WHERE file_id = ?",
        (time.time(), obstacle_id, file_id),
    )
    connection.execute(
        "UPDATE files SET state = 'pending' WHERE id = ? AND state = 'processing'", (file_id,)
    )


def put_disk_behind(connection: apsw.Connection, file_id: int, point: bytes, why: str) -> None:
    """As ``put_behind``, with all other files of its disk that are queued, of whichever folder.

    Args:
        connection: The write connection.
        file_id: A file of it, in hand.
        point: Where the disk is mounted, or was.
        why: Fit to show; takes the place of what is known of the others.
    """
    put_behind(connection, file_id, "disk", why)
    of_disk = (
        "leased_by IS NULL AND file_id IN (SELECT id FROM files"
        " WHERE path_raw >= ?1 AND path_raw < ?2"
        " AND device = (SELECT device FROM files WHERE id = ?3))"
    )
    values = (point.rstrip(b"/") + b"/", point.rstrip(b"/") + b"0", file_id)
    roots: list[Any] = connection.execute(
        f"SELECT DISTINCT root_id FROM jobs WHERE {of_disk}", values
    ).fetchall()
    for (root_id,) in roots:
        connection.execute(
            "UPDATE jobs SET obstacle_id = ?4"
            f" WHERE root_id IS ?5 AND obstacle_id IS NOT ?4 AND {of_disk}",
            (*values, _obstacle(connection, root_id, "disk", why), root_id),
        )


def _obstacle(connection: apsw.Connection, root_id: int | None, kind: Kind, why: str) -> int:
    row = connection.execute(
        "SELECT id FROM obstacles WHERE root_id IS ? AND kind = ? AND why = ?",
        (root_id, kind, why),
    ).fetchone()
    look_at = time.time() + LOOK_S  # from the last refusal on, which may take minutes
    if row is None:
        row = connection.execute(
            "INSERT INTO obstacles (root_id, kind, why, look_at) VALUES (?, ?, ?, ?) RETURNING id",
            (root_id, kind, why, look_at),
        ).fetchone()
    assert row is not None  # noqa: S101 - inserted above, or there already
    connection.execute("UPDATE obstacles SET look_at = ? WHERE id = ?", (look_at, row[0]))
    return int(row[0])


def to_try(connection: apsw.Connection, *, slow: bool) -> Trial | None:
    """A file behind an obstacle that is to be looked at by now; the one that waits longest.

    While one is being tried, no other is: a refusal may take so long that all readers would be at
    it, again and again.

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
        " WHERE look_at <= ? AND ifnull(r.state, '') != 'offline'"
        " AND NOT EXISTS (SELECT 1 FROM jobs INDEXED BY jobs_in_hand"
        " WHERE obstacle_id = obstacles.id AND leased_by IS NOT NULL)) WHERE file IS NOT NULL"
        " LIMIT 1",
        (now,),
    ).fetchone()
    if row is None:
        return None
    connection.execute("UPDATE obstacles SET look_at = ? WHERE id = ?", (now + LOOK_S, row[0]))
    return Trial(*row)


def opened(connection: apsw.Connection, obstacle_id: int) -> None:
    """As ``overcome``, unless that a file is given out says nothing of it: room is still wanted."""
    row = connection.execute("SELECT kind FROM obstacles WHERE id = ?", (obstacle_id,)).fetchone()
    if row is not None and row[0] != "room":
        overcome(connection, obstacle_id)


def overcome(connection: apsw.Connection, obstacle_id: int) -> None:
    """Queue all that waits behind an obstacle as if it had never been there.

    Where a disk stood in the way, its files in other folders are queued as well.
    """
    connection.execute(
        "DELETE FROM obstacles WHERE id = ?1 OR (kind = 'disk' AND why ="
        " (SELECT why FROM obstacles WHERE id = ?1 AND kind = 'disk'))",
        (obstacle_id,),
    )


def overcome_disk(connection: apsw.Connection, why: str) -> None:
    """As ``overcome``, for what stands before the files of a disk, in all folders."""
    connection.execute("DELETE FROM obstacles WHERE kind = 'disk' AND why = ?", (why,))


def overcome_all(connection: apsw.Connection) -> None:
    """As ``overcome``, for every obstacle."""
    connection.execute("DELETE FROM obstacles")


def look_soon(connection: apsw.Connection, root_id: int | None = None) -> None:
    """Have the obstacles of a folder, or all of them, looked at as soon as somebody can.

    Those that nothing waits for any more are forgotten.
    """
    connection.execute(
        "DELETE FROM obstacles WHERE (?1 IS NULL OR root_id = ?1)"
        " AND NOT EXISTS (SELECT 1 FROM jobs WHERE obstacle_id = obstacles.id)",
        (root_id,),
    )
    connection.execute(
        "UPDATE obstacles SET look_at = 0 WHERE look_at != 0 AND (?1 IS NULL OR root_id = ?1)",
        (root_id,),
    )


def go_on(connection: apsw.Connection, obstacle_id: int, file_id: int) -> None:
    """Have another file tried at once, where the last one told nothing and waits no more."""
    connection.execute(
        "UPDATE obstacles SET look_at = 0 WHERE id = ?1"
        " AND NOT EXISTS (SELECT 1 FROM jobs WHERE file_id = ?2 AND obstacle_id = ?1)",
        (obstacle_id, file_id),
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
