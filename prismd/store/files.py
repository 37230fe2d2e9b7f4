"""Watched folders and the paths in them: which file holds which document, and in what state."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import apsw
import msgspec

from prismd.domain import FileState
from prismd.errors import ConfigError
from prismd.store import exclusions, facts, order
from prismd.store.doubts import doubt

_MAX_INTEGER = 2**63 - 1


class Root(msgspec.Struct, frozen=True):
    """A folder that the user named.

    Attributes:
        device: The file system that it was last seen on, as ``entry_of`` has it; 0 for none yet.
        config_file: The configuration file that names it; empty for one added by command.
    """

    id: int
    path: str
    origin: Literal["config", "command"]
    state: Literal["watching", "polling", "offline"]
    device: int = 0
    config_file: str = ""


class Entry(msgspec.Struct, frozen=True):
    """A regular file as the disk has it.

    Attributes:
        ctime_ns: When anything about it was last changed: its content, whatever its time of
            modification says, its permissions or its name. The system's clock alone sets it.
    """

    path: bytes
    device: int
    inode: int
    size_bytes: int
    mtime_ns: int
    ctime_ns: int


def entry_of(path: bytes, found: os.stat_result) -> Entry:
    """A file as the disk has it, in numbers that SQLite can hold.

    A device or inode of 2**63 or more is folded to a signed number, which tells it from others
    as well; a time beyond the years 1678 and 2262 is taken for the end of that span.
    """
    return Entry(
        path,
        _signed(found.st_dev),
        _signed(found.st_ino),
        found.st_size,
        min(max(found.st_mtime_ns, -_MAX_INTEGER), _MAX_INTEGER),
        min(max(found.st_ctime_ns, -_MAX_INTEGER), _MAX_INTEGER),
    )


def _signed(number: int) -> int:
    return (number + 2**63) % 2**64 - 2**63


class Known(msgspec.Struct, frozen=True):
    """A file as the index has it."""

    id: int
    device: int
    inode: int
    size_bytes: int
    mtime_ns: int
    ctime_ns: int

    def matches(self, entry: Entry) -> bool:
        """Whether the disk's entry can be taken for the same content without reading it.

        The device does not count: a disk gets another number when it is mounted anew.
        """
        return self.looks_like(entry) and self.ctime_ns in (0, entry.ctime_ns)

    def looks_like(self, entry: Entry) -> bool:
        """Whether it may be the same file, which moving it has changed in no other way."""
        return (
            self.size_bytes == entry.size_bytes
            and self.mtime_ns == entry.mtime_ns
            and self.inode == entry.inode
        )


def add_root(
    connection: apsw.Connection,
    path: str,
    origin: Literal["config", "command"],
    config_file: str = "",
) -> Root:
    """Add a folder, or find it.

    A folder of a configuration file belongs to the file that named it last; one that was added
    by command stays so.

    Raises:
        ConfigError: It lies within another watched folder, or holds one; or it is where the index
            and the token are, or lies there.
    """
    own = os.path.realpath(Path(connection.filename).parent)
    if f"{path}/".startswith(own.rstrip("/") + "/"):
        raise ConfigError(f"{path}: is prismd's own, with its index and token; name another folder")
    for root in roots(connection):
        if root.path == path:
            return _named_by(connection, root, config_file)
        for inner, outer in ((path, root.path), (root.path, path)):
            if inner.startswith(outer.rstrip("/") + "/"):
                raise ConfigError(
                    f"{path}: overlaps the watched folder {root.path}; "
                    f"'prismd remove {root.path}' first, or leave this one out"
                )
    connection.execute(
        "INSERT INTO roots (path_raw, path, origin, config_file, added_at) VALUES (?, ?, ?, ?, ?)",
        (os.fsencode(path), _display(os.fsencode(path)), origin, config_file, time.time()),
    )
    return next(root for root in roots(connection) if root.path == path)


def _named_by(connection: apsw.Connection, root: Root, config_file: str) -> Root:
    if not config_file or root.origin != "config" or root.config_file == config_file:
        return root
    connection.execute("UPDATE roots SET config_file = ? WHERE id = ?", (config_file, root.id))
    return msgspec.structs.replace(root, config_file=config_file)


def roots(connection: apsw.Connection) -> list[Root]:
    """Every watched folder, in the order of their paths."""
    rows = connection.execute(
        "SELECT id, path_raw, origin, state, device, config_file FROM roots ORDER BY path"
    )
    return [Root(row[0], os.fsdecode(row[1]), *row[2:]) for row in rows]


def root(connection: apsw.Connection, root_id: int) -> Root | None:
    """One watched folder; None where it has been removed."""
    return next((root for root in roots(connection) if root.id == root_id), None)


def is_root(connection: apsw.Connection, known: Root) -> bool:
    """Whether a watched folder is one still; its number may be another's once it was removed."""
    now = root(connection, known.id)
    return now is not None and now.path == known.path


def count(connection: apsw.Connection, root_id: int) -> int:
    """How many files of a root are known."""
    return int(connection.execute("SELECT count(*) FROM files WHERE root_id = ?", (root_id,)).get)


def set_root_state(connection: apsw.Connection, root_id: int, state: str) -> None:
    """Note whether a folder is there."""
    connection.execute("UPDATE roots SET state = ? WHERE id = ?", (state, root_id))


def set_root_device(connection: apsw.Connection, root_id: int, device: int) -> None:
    """Note the file system that a folder is on.

    Args:
        connection: The write connection.
        root_id: The folder.
        device: As the system has it (``st_dev``), or as ``entry_of`` does.
    """
    connection.execute("UPDATE roots SET device = ? WHERE id = ?", (_signed(device), root_id))


def remove_root(connection: apsw.Connection, root_id: int) -> None:
    """Forget a folder and the files in it; never touches the disk."""
    ids = [row[0] for row in connection.execute("SELECT id FROM files WHERE root_id=?", (root_id,))]
    remove(connection, ids)
    facts.drop_of_root(connection, root_id)
    connection.execute("DELETE FROM roots WHERE id = ?", (root_id,))


def known(connection: apsw.Connection, root_id: int) -> dict[bytes, Known]:
    """Every file of a root by its path."""
    rows = connection.execute(
        "SELECT path_raw, id, device, inode, size_bytes, mtime_ns, ctime_ns FROM files"
        " WHERE root_id = ?",
        (root_id,),
    )
    return {row[0]: Known(*row[1:]) for row in rows}


def add(connection: apsw.Connection, root_id: int | None, entries: Iterable[Entry]) -> int:
    """Take in new files, each with a job, but for those that are kept out; says how many."""
    taken = 0
    for entry in exclusions.without(connection, entries):
        taken += 1
        connection.execute(
            "INSERT INTO files"
            " (root_id, path_raw, path, device, inode, size_bytes, mtime_ns, ctime_ns)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (path_raw) DO NOTHING",
            (
                root_id,
                entry.path,
                _display(entry.path),
                entry.device,
                entry.inode,
                entry.size_bytes,
                entry.mtime_ns,
                entry.ctime_ns,
            ),
        )
        row = connection.execute(
            "SELECT id FROM files WHERE path_raw = ?", (entry.path,)
        ).fetchone()
        assert row is not None  # noqa: S101 - inserted above, or there already
        enqueue(connection, row[0], entry.size_bytes, entry.mtime_ns)
    return taken


def change(connection: apsw.Connection, changed: Iterable[tuple[int, Entry]]) -> list[Entry]:
    """Note new size, time or identity of files, each with a job.

    The document that a file held stays searchable until the new one replaces it.

    Returns:
        Those that have been forgotten meanwhile.
    """
    forgotten = []
    for file_id, entry in changed:
        connection.execute(
            "UPDATE files SET device = ?, inode = ?, size_bytes = ?, mtime_ns = ?, ctime_ns = ?,"
            " state = 'pending' WHERE id = ?",
            (
                entry.device,
                entry.inode,
                entry.size_bytes,
                entry.mtime_ns,
                entry.ctime_ns,
                file_id,
            ),
        )
        if connection.changes():
            enqueue(connection, file_id, entry.size_bytes, entry.mtime_ns)
        else:
            forgotten.append(entry)
    return forgotten


def recognise(connection: apsw.Connection, same: Iterable[tuple[int, Entry]]) -> list[Entry]:
    """Note what the disk says of files that are what they were; gives those forgotten meanwhile."""
    forgotten = []
    for file_id, entry in same:
        connection.execute(
            "UPDATE files SET device = ?, ctime_ns = ? WHERE id = ?",
            (entry.device, entry.ctime_ns, file_id),
        )
        if not connection.changes():
            forgotten.append(entry)
    return forgotten


def move(
    connection: apsw.Connection, root_id: int | None, moved: Iterable[tuple[int, Entry]]
) -> list[Entry]:
    """Give files their new paths; nothing else changes, and nothing that was read is read anew.

    A file in hand goes back to the queue: its reader looks for it where it was.

    Returns:
        Those that have been forgotten meanwhile.
    """
    forgotten = []
    for file_id, entry in moved:
        row = connection.execute("SELECT root_id FROM files WHERE id = ?", (file_id,)).fetchone()
        if row is None:
            forgotten.append(entry)
            continue
        if exclusions.covers(connection, entry.path):
            remove(connection, [file_id])
            continue
        if row[0] != root_id:
            doubt(connection, row[0])
        connection.execute(
            "UPDATE files SET state = 'pending' WHERE id = ? AND state = 'processing'", (file_id,)
        )
        connection.execute(
            "UPDATE jobs SET leased_by = NULL, obstacle_id = NULL WHERE file_id = ?", (file_id,)
        )
        connection.execute(
            "UPDATE files SET root_id = ?, path_raw = ?, path = ?, device = ?, inode = ?,"
            " ctime_ns = ? WHERE id = ?",
            (
                root_id,
                entry.path,
                _display(entry.path),
                entry.device,
                entry.inode,
                entry.ctime_ns,
                file_id,
            ),
        )
    return forgotten


def remove(connection: apsw.Connection, file_ids: Sequence[int]) -> None:
    """Forget files; a document that no file holds any more is out of every answer at once."""
    for file_id in file_ids:
        row = connection.execute(
            "DELETE FROM files WHERE id = ? RETURNING document_id", (file_id,)
        ).fetchone()
        if row and row[0] is not None:
            orphan_if_unheld(connection, row[0])


def orphan_if_unheld(connection: apsw.Connection, document_id: int) -> None:
    """Mark a document for collection when no file holds it."""
    connection.execute(
        "UPDATE documents SET orphaned_at = ? WHERE id = ? AND orphaned_at IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM files WHERE document_id = documents.id)",
        (time.time(), document_id),
    )


def attach(connection: apsw.Connection, file_id: int, document_id: int, sha256: str) -> None:
    """Say that a file holds a document, which ends the file's job."""
    row = connection.execute("SELECT document_id FROM files WHERE id = ?", (file_id,)).fetchone()
    if row is None:  # forgotten while it was being read
        orphan_if_unheld(connection, document_id)
        return
    connection.execute(
        "UPDATE files SET document_id = ?, sha256 = ?, state = 'completed', error_code = '',"
        " error_message = '', indexed_at = ?, media_type ="
        " (SELECT media_type FROM documents WHERE id = ?1) WHERE id = ?4",
        (document_id, sha256, time.time(), file_id),
    )
    connection.execute("UPDATE documents SET orphaned_at = NULL WHERE id = ?", (document_id,))
    connection.execute("DELETE FROM jobs WHERE file_id = ?", (file_id,))
    if row[0] is not None and row[0] != document_id:
        orphan_if_unheld(connection, row[0])


def end_without_document(
    connection: apsw.Connection,
    file_id: int,
    state: FileState,
    *,
    code: str,
    message: str,
    sha256: str | None,
    media_type: str = "",
) -> None:
    """Say why a file gives no document, which ends its job."""
    row = connection.execute("SELECT document_id FROM files WHERE id = ?", (file_id,)).fetchone()
    connection.execute(
        "UPDATE files SET document_id = NULL, sha256 = ?, state = ?, error_code = ?,"
        " error_message = ?, media_type = ?, indexed_at = ? WHERE id = ?",
        (sha256, state, code, message, media_type, time.time(), file_id),
    )
    connection.execute("DELETE FROM jobs WHERE file_id = ?", (file_id,))
    if row and row[0] is not None:
        orphan_if_unheld(connection, row[0])


def enqueue(connection: apsw.Connection, file_id: int, size_bytes: int, mtime_ns: int) -> None:
    """Queue a file: small before large before recordings, then recently changed first.

    A file that is queued already starts afresh: its content is another now.
    """
    path = connection.execute("SELECT path FROM files WHERE id = ?", (file_id,)).get
    connection.execute(
        "INSERT INTO jobs (file_id, root_id, priority, recency)"
        " VALUES (?1, (SELECT root_id FROM files WHERE id = ?1), ?2, ?3)"
        " ON CONFLICT (file_id) DO UPDATE SET attempts = 0, not_before = 0, obstacle_id = NULL,"
        " priority = excluded.priority, recency = excluded.recency, leased_by = NULL",
        (file_id, order.priority(str(path), size_bytes), -mtime_ns),
    )


def counts(connection: apsw.Connection) -> dict[str, int]:
    """Files by state."""
    rows = connection.execute("SELECT state, count(*) FROM files GROUP BY state")
    return {str(state): int(count) for state, count in rows}


def root_counts(connection: apsw.Connection) -> dict[int, int]:
    """Files by root."""
    rows = connection.execute("SELECT root_id, count(*) FROM files GROUP BY root_id")
    return {int(root_id): int(count) for root_id, count in rows if root_id is not None}


def _display(path: bytes) -> str:
    """A path for people; what is not UTF-8 in it shows as replacement characters."""
    return path.decode("utf-8", "replace")
