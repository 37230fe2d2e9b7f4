"""The durable queue: one row per file that is to be read, until it has been.

``kill -9`` at any moment costs at most the files in hand: a start takes their leases back.
Attempts count what a file did to its parser, never what happened to the daemon.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any

import apsw
import msgspec

from prismd.domain import FileState
from prismd.store import files, obstacles, order
from prismd.store.doubts import doubt

# The queue is asked folder by folder (CROSS JOIN), so that one that is offline costs nothing. An
# uploaded file has none.
_REACHABLE = (
    "WITH reachable (id) AS (SELECT id FROM roots WHERE state != 'offline' UNION ALL SELECT NULL)"
)
_QUEUED = "leased_by IS NULL AND obstacle_id IS NULL"
# Where most of the queue is of one folder, statistics would have all of it looked through.
_JOBS = "jobs j INDEXED BY jobs_in_order"
_OUTSTANDING = (
    f"{_REACHABLE}, outstanding (file_id, held) AS"
    " (SELECT j.file_id, 0 FROM reachable"
    f" CROSS JOIN {_JOBS} ON j.root_id IS reachable.id AND {_QUEUED} AND j.not_before < ?1"
    " UNION ALL SELECT file_id, 1 FROM jobs WHERE leased_by IS NOT NULL)"
)

SOON_S = 60.0
"""Who waits until all is read waits for what is due within this time; what is put off for longer
is written to all day."""
UNREADABLE = "unreadable"
"""Error code of a file that the system did not give out, for no reason that the file tells."""
_END_CHARS = 5


class Job(msgspec.Struct, frozen=True):
    """A file that is to be read now.

    Attributes:
        obstacle_id: What it waited for until now; it is overcome once the file can be read.
    """

    file_id: int
    path: str
    size_bytes: int
    mtime_ns: int
    attempts: int
    owner: str
    obstacle_id: int | None = None

    @property
    def shown_path(self) -> str:
        """The path for people; what is not UTF-8 in it shows as replacement characters."""
        return os.fsencode(self.path).decode("utf-8", "replace")


def recover(connection: apsw.Connection) -> int:
    """Take back every lease of a process that is no more, and let nothing wait any longer.

    What a file waits for is a time of day, and the clock may have been set back meanwhile.

    Only the process that holds the lock of the data directory may call this.

    Returns:
        How many files were in hand.
    """
    held = in_hand(connection)
    obstacles.overcome_all(connection)
    connection.execute(
        "UPDATE jobs SET leased_by = NULL, not_before = 0"
        " WHERE leased_by IS NOT NULL OR not_before != 0"
    )
    connection.execute("UPDATE files SET state = 'pending' WHERE state = 'processing'")
    # A pending file without a job cannot come about; if it did, it would never be read.
    rows: list[Any] = connection.execute(
        "SELECT id, size_bytes, mtime_ns FROM files WHERE state = 'pending'"
        " AND NOT EXISTS (SELECT 1 FROM jobs WHERE file_id = files.id)"
    ).fetchall()
    for file_id, size_bytes, mtime_ns in rows:
        files.enqueue(connection, file_id, size_bytes, mtime_ns)
    return held


def hurry(connection: apsw.Connection) -> None:
    """Let nothing wait any longer: the clock was set, and it is by the clock that jobs wait."""
    connection.execute("UPDATE jobs SET not_before = 0 WHERE not_before != 0")
    obstacles.look_soon(connection)


def lease(connection: apsw.Connection, owner: str, *, slow: bool = False) -> Job | None:
    """Take the next file in hand, or None when none is due.

    Files of a folder that is offline wait until it is back.

    Args:
        connection: The write connection.
        owner: Names this lease; another one's result for the file does not count any more.
        slow: Whether it is to be one of the files that take minutes, or any other.
    """
    trial = obstacles.to_try(connection, slow=slow)
    file_id = trial.file_id if trial is not None else _first_due(connection, slow=slow)
    if file_id is None:
        return None
    row = connection.execute(
        "SELECT f.path_raw, f.size_bytes, f.mtime_ns, j.attempts"
        " FROM jobs j CROSS JOIN files f ON f.id = j.file_id WHERE j.file_id = ?",
        (file_id,),
    ).fetchone()
    assert row is not None  # noqa: S101 - a job has a file
    connection.execute("UPDATE jobs SET leased_by = ? WHERE file_id = ?", (owner, file_id))
    connection.execute("UPDATE files SET state = 'processing' WHERE id = ?", (file_id,))
    path, size_bytes, mtime_ns, attempts = row
    obstacle_id = trial.obstacle_id if trial is not None else None
    return Job(file_id, os.fsdecode(path), size_bytes, mtime_ns, attempts, owner, obstacle_id)


def _first_due(connection: apsw.Connection, *, slow: bool) -> int | None:
    """The file that is to be read next: the first of all folders' firsts."""
    row = connection.execute(
        f"{_REACHABLE} SELECT j.file_id FROM reachable CROSS JOIN jobs j ON j.file_id ="
        f" (SELECT file_id FROM {_JOBS} WHERE root_id IS reachable.id AND {_QUEUED}"
        f" AND {_lane(slow)} AND not_before <= ? ORDER BY priority, recency, file_id LIMIT 1)"
        " ORDER BY j.priority, j.recency, j.file_id LIMIT 1",
        (time.time(),),
    ).fetchone()
    return None if row is None else int(row[0])


def _lane(slow: bool | None) -> str:
    if slow is None:
        return "true"
    return f"priority {'>=' if slow else '<'} {order.SLOW}"


def give_back(
    connection: apsw.Connection, file_id: int, *, owner: str | None = None, delay_s: float = 0.0
) -> None:
    """Return a file unread, as when the daemon stops or the file is still being written.

    Args:
        connection: The write connection.
        file_id: The file.
        owner: Who gives it back; nothing is done when another has it in hand by now.
        delay_s: For how long nobody is to take it.
    """
    if owner is not None and not still_leased(connection, file_id, owner):
        return
    connection.execute(
        "UPDATE jobs SET leased_by = NULL, obstacle_id = NULL, not_before = ? WHERE file_id = ?",
        (time.time() + delay_s if delay_s else 0, file_id),
    )
    connection.execute(
        "UPDATE files SET state = 'pending' WHERE id = ? AND state = 'processing'", (file_id,)
    )


def retry_later(
    connection: apsw.Connection, file_id: int, *, delay_s: float, code: str, message: str
) -> None:
    """Count a failed attempt and queue another; the reason shows meanwhile."""
    connection.execute(
        "UPDATE jobs SET leased_by = NULL, obstacle_id = NULL, attempts = attempts + 1,"
        " not_before = ? WHERE file_id = ?",
        (time.time() + delay_s, file_id),
    )
    connection.execute(
        "UPDATE files SET state = 'pending', error_code = ?, error_message = ? WHERE id = ?",
        (code, message, file_id),
    )


def still_leased(connection: apsw.Connection, file_id: int, owner: str) -> bool:
    """Whether the file is still ours: a change on disk meanwhile queues it afresh."""
    row = connection.execute("SELECT leased_by FROM jobs WHERE file_id = ?", (file_id,)).fetchone()
    return row is not None and row[0] == owner


def forget(connection: apsw.Connection, file_id: int) -> None:
    """Forget a file that is not there, before a sweep has found that out."""
    row = connection.execute("SELECT root_id FROM files WHERE id = ?", (file_id,)).fetchone()
    if row is not None:
        doubt(connection, row[0])
        files.remove(connection, [file_id])


def outstanding(connection: apsw.Connection) -> tuple[int, int]:
    """Files that are in hand or due soon (``SOON_S``), and their bytes.

    A pass is at its end when there are none: nothing can be done about what is offline, or behind
    an obstacle, and what is put off for long is not waited for.
    """
    row = connection.execute(
        f"{_OUTSTANDING} SELECT count(*), coalesce(sum(f.size_bytes), 0)"
        " FROM outstanding o CROSS JOIN files f ON f.id = o.file_id",
        (_soon(),),
    ).fetchone()
    assert row is not None  # noqa: S101 - an aggregate always has a row
    return int(row[0]), int(row[1])


class Outstanding(msgspec.Struct, frozen=True):
    """Files of a folder whose names end alike, which are in hand or due soon.

    Attributes:
        root_id: The watched folder; None for uploaded files.
        end: The last characters of their names, which hold the suffix, if it is a short one.
        in_hand: Whether they are being read.
    """

    root_id: int | None
    end: str
    in_hand: bool
    files: int
    size_bytes: int


def outstanding_by_root(connection: apsw.Connection) -> list[Outstanding]:
    """What ``outstanding`` counts, by folder and the end of the names; 0.1 s for 100,000 files."""
    rows = connection.execute(
        f"{_OUTSTANDING} SELECT f.root_id,"
        f" CASE instr(substr(f.path, -{_END_CHARS}), '.') WHEN 0 THEN ''"
        f" ELSE substr(f.path, -{_END_CHARS}) END, o.held, count(*),"
        " coalesce(sum(f.size_bytes), 0)"
        " FROM outstanding o CROSS JOIN files f ON f.id = o.file_id GROUP BY 1, 2, 3",
        (_soon(),),
    )
    return [Outstanding(root_id, end, bool(held), *rest) for root_id, end, held, *rest in rows]


def _soon() -> float:
    return time.time() + SOON_S


def any_outstanding(connection: apsw.Connection, *, slow: bool | None = None) -> bool:
    """Whether ``outstanding`` counts any file; told by the first, however many there are.

    Args:
        connection: Any connection to the file.
        slow: As for ``lease``; None asks for files of either kind.
    """
    if _is_due(connection, _soon(), slow=slow):
        return True
    held = f"SELECT 1 FROM jobs WHERE leased_by IS NOT NULL AND {_lane(slow)} LIMIT 1"
    return connection.execute(held).fetchone() is not None


def in_hand(connection: apsw.Connection) -> int:
    """How many files are being read now."""
    return int(connection.execute("SELECT count(*) FROM jobs WHERE leased_by IS NOT NULL").get)


def next_due_s(connection: apsw.Connection, *, slow: bool | None = None) -> float | None:
    """Seconds until ``lease`` has a file to give (0 when it has), or None when none is queued.

    What cannot be read through no fault of its own counts as not queued.

    Args:
        connection: Any connection to the file.
        slow: As for ``lease``; None asks for files of either kind.
    """
    if _is_due(connection, time.time(), slow=slow):  # told by the first, however many there are
        return 0.0
    due = connection.execute(
        f"{_REACHABLE} SELECT min(j.not_before) FROM reachable"
        f" CROSS JOIN {_JOBS} ON j.root_id IS reachable.id AND {_QUEUED} AND {_lane(slow)}"
    ).get
    return None if due is None else max(0.0, float(due) - time.time())


def _is_due(connection: apsw.Connection, by: float, *, slow: bool | None) -> bool:
    row = connection.execute(
        f"{_REACHABLE} SELECT 1 FROM reachable CROSS JOIN {_JOBS} ON j.root_id IS reachable.id"
        f" AND {_QUEUED} AND {_lane(slow)} WHERE j.not_before <= ? LIMIT 1",
        (by,),
    ).fetchone()
    return row is not None


def enqueue_holders(connection: apsw.Connection, document_ids: Sequence[int]) -> int:
    """Queue the files that hold documents.

    Returns:
        How many were queued.
    """
    queued = 0
    for document_id in document_ids:
        rows: list[Any] = connection.execute(
            "SELECT id, size_bytes, mtime_ns FROM files WHERE document_id = ?", (document_id,)
        ).fetchall()
        _queue(connection, rows)
        queued += len(rows)
    return queued


def retry(
    connection: apsw.Connection,
    states: tuple[FileState, ...] = ("failed", "quarantined"),
    file_id: int | None = None,
) -> int:
    """Queue failed files afresh, or the one that is named.

    Returns:
        How many were queued.
    """
    marks = ", ".join("?" * len(states))
    rows: list[Any] = connection.execute(
        "SELECT id, size_bytes, mtime_ns FROM files"
        f" WHERE state IN ({marks}) AND (?{len(states) + 1} IS NULL OR id = ?{len(states) + 1})",
        (*states, file_id),
    ).fetchall()
    _queue(connection, rows)
    return len(rows)


def retry_unreadable(connection: apsw.Connection, root_id: int) -> None:
    """Queue the files of a root that its disk could not give out."""
    rows: list[Any] = connection.execute(
        "SELECT id, size_bytes, mtime_ns FROM files"
        " WHERE state = 'quarantined' AND root_id = ? AND error_code = ?",
        (root_id, UNREADABLE),
    ).fetchall()
    _queue(connection, rows)


def _queue(connection: apsw.Connection, rows: Sequence[tuple[int, int, int]]) -> None:
    for file_id, size_bytes, mtime_ns in rows:
        connection.execute("UPDATE files SET state = 'pending' WHERE id = ?", (file_id,))
        files.enqueue(connection, file_id, size_bytes, mtime_ns)
