"""Encrypts a plain file, makes an encrypted one plain, or gives it another key.

The new file is made beside the old one, verified, and put in its place by one rename: whatever
happens, there is the one or the other, whole. What of the old one could be read without a key is
overwritten. Whoever calls holds the lock of the data directory.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw

from prismd.encryption.key import Key
from prismd.errors import StoreError
from prismd.paths.settling import settle
from prismd.store import cipher, faults, snapshot

_NEW = ".new"
_OLD = ".old"
"""Ends of the names of the file in the making, and of the one that is to be overwritten."""
_BESIDE = ("-wal", "-journal", "-shm")
_BUSY_TIMEOUT_MS = 2_000
_ROOM_BYTES = 16 << 20
_BLOCK = bytes(1 << 20)
_STEPS = 200_000

Tell = Callable[[float], None]
"""Told of how much of the copy is done, from 0 to 1."""


def convert(
    path: Path,
    old: Key | None,
    new: Key | None,
    tell: Tell = lambda _: None,
    clear: Callable[[], None] = lambda: None,
) -> bool:
    """Make the file one with another key, or with none.

    Args:
        path: The file; nobody else may have it open.
        old: Its key; None for a plain file.
        new: The key that it is to have; None to make it plain.
        tell: Called now and then.
        clear: Removes what else is to be gone once the file is another; called when nothing but
            that is left to be done, so that it has been done whenever the new file is there.

    Returns:
        Whether nothing is left of a plain file as far as overwriting goes; not so where it has
        another name (a hard link), which is left alone.

    Raises:
        StoreError: There is no room, it is damaged, or another program reads it; it is as it was.
    """
    finish(path)
    _require_room(path)
    made = path.with_name(path.name + _NEW)
    with faults.told(path):
        try:
            known = _copy(path, old, made, new, tell)
            _verify(made, new, known)
            clear()
            _take_away(path, plain=old is None)  # a log that stayed would be read with the new file
            return _replace(path, made, plain=old is None)
        except BaseException:
            _discard(made, plain=new is None)
            raise


def finish(path: Path) -> None:
    """Bring to its end what a conversion that was cut short has left.

    Raises:
        OSError: It cannot be removed.
    """
    _discard(path.with_name(path.name + _NEW), plain=True)
    old = path.with_name(path.name + _OLD)
    if old.exists() and path.exists():
        if old.samefile(path):
            old.unlink()  # it was cut short before the rename: this is a second name of the file
        else:
            wipe(old)
    readable = [backup for backup in backups(path) if cipher.state(backup) == "plain"]
    if readable and cipher.state(path) == "encrypted":
        for backup in readable:
            wipe(backup)


def wipe(path: Path) -> bool:
    """Overwrite a file and remove it.

    What a disk keeps of it all the same is beyond this: the spare blocks of flash memory, and the
    older versions of a file system that copies on writing.

    Returns:
        Whether it was overwritten: one that has other names is only removed.

    Raises:
        OSError: It cannot be written, or removed.
    """
    alone = path.lstat().st_nlink == 1 and not path.is_symlink()
    if alone:
        with path.open("r+b", buffering=0) as stream:
            left = os.fstat(stream.fileno()).st_size
            while left > 0:
                left -= stream.write(_BLOCK[:left])
            os.fsync(stream.fileno())
            stream.truncate(0)
    path.unlink()
    return alone


def backups(path: Path) -> list[Path]:
    """The copies beside the file that were made before its schema was renewed."""
    return sorted(path.parent.glob(f"{path.stem}.before-*.db"))


def _require_room(path: Path) -> None:
    needed = sum(
        Path(f"{path}{end}").stat().st_size for end in ("", "-wal") if _is_there(path, end)
    )
    free = shutil.disk_usage(path.parent).free
    if free < needed + _ROOM_BYTES:
        raise StoreError(
            f"{path}: a second copy needs {needed / 1e6:.0f} MB for a while, and its disk has"
            f" {free / 1e6:.0f} MB; free some disk space"
        )


def _is_there(path: Path, end: str) -> bool:
    return Path(f"{path}{end}").exists()


def _copy(
    path: Path, old: Key | None, made: Path, new: Key | None, tell: Tell
) -> dict[str, int | str]:
    """Write the new file; returns what must be found in it."""
    with _opened(path, old) as source:
        _keep_log(source)
        source.pragma("locking_mode", "exclusive")
        source.execute("BEGIN EXCLUSIVE")  # held from now on, and had only when nobody reads
        source.execute("COMMIT")
        source.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_FULL)
        pages = int(source.pragma("page_count")) - int(source.pragma("freelist_count"))
        whole_bytes = max(1, pages * int(source.pragma("page_size")))

        def progress() -> bool:
            with contextlib.suppress(OSError):
                tell(min(1.0, made.stat().st_size / whole_bytes))
            return False

        source.set_progress_handler(progress, _STEPS)
        snapshot.write(source, made, cipher.uri(made, new))
        source.set_progress_handler(None)
        return _figures(source)


def _verify(made: Path, key: Key | None, known: dict[str, int | str]) -> None:
    if cipher.state(made) != ("plain" if key is None else "encrypted"):
        raise StoreError(f"{made}: is not written as it is to be; the file stays as it was")
    with _opened(made, key) as copy:
        found = [str(row[0]) for row in copy.execute("PRAGMA integrity_check(1)")]
        if found != ["ok"] or _figures(copy) != known:
            raise StoreError(
                f"{made}: the copy is not like the file, which stays as it was; run 'prismd check'"
            )
    descriptor = os.open(made, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _replace(path: Path, made: Path, *, plain: bool) -> bool:
    """Put the new file in the place of the old; see ``convert`` for what it returns."""
    old = path.with_name(path.name + _OLD)
    if plain:
        # So that it can be overwritten by whoever comes after, if this is cut short. On the disk
        # before the rename is: else a loss of power could leave the old file no name at all.
        os.link(path, old)
        settle(path.parent)
    made.replace(path)
    settle(path.parent)
    return wipe(old) if plain else True


def _take_away(path: Path, *, plain: bool) -> None:
    """Remove what lies beside a file that nobody has open; all of it is in the file."""
    for end in _BESIDE:
        beside = Path(f"{path}{end}")
        if beside.exists():
            if plain and end != "-shm":
                wipe(beside)
            else:
                beside.unlink()
    settle(path.parent)


def _discard(made: Path, *, plain: bool) -> None:
    for end in ("", *_BESIDE):
        left = Path(f"{made}{end}")
        if left.exists():
            if plain:
                wipe(left)
            else:
                left.unlink()


@contextlib.contextmanager
def _opened(path: Path, key: Key | None) -> Iterator[apsw.Connection]:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_URI)
    try:
        connection.set_busy_timeout(_BUSY_TIMEOUT_MS)
        if key is not None:
            cipher.unlock(connection, key)
        connection.pragma("temp_store", "memory")
        yield connection
    finally:
        connection.close()


def _keep_log(connection: apsw.Connection) -> None:
    """Have the write-ahead log stay after closing, to be overwritten then."""
    wanted = ctypes.c_int(1)
    connection.file_control("main", apsw.SQLITE_FCNTL_PERSIST_WAL, ctypes.addressof(wanted))


def _figures(connection: apsw.Connection) -> dict[str, int | str]:
    """The rows of every table, by its name, and the version of the schema."""
    tables = [
        str(row[0])
        for row in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table'"
            " AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name"
        ).fetchall()
    ]
    counts = {
        name: int(connection.execute(f'SELECT count(*) FROM "{name}"').get) for name in tables
    }
    return {"schema": int(connection.pragma("user_version")), **counts}
