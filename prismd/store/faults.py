"""Why the computer keeps prismd from its file, in words; one table for every way in."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

import apsw
import psutil

from prismd.errors import StoreError
from prismd.store.cipher import WrongKey

_FULL = "its disk is full; free some disk space"
_READ_ONLY = (
    "its disk is read-only; make it writable again (the system makes a disk with faults"
    " read-only: its log would say so)"
)
_FORBIDDEN = "prismd may not write it; let your user write the file and its folder"
_GONE = "it is no more where it was, or its disk is not; bring it back, or start prismd anew"
_NO_FILE = "is no file; move it away, or name another --data-dir"
_DAMAGED = "is damaged; run 'prismd check'"
_MEMORY = "memory is short; end some programs"
_OPEN_FILES = "too many files are open; end some programs, or raise the limit (ulimit -n)"

_LITTLE_BYTES = 16 << 20
"""What one transaction may write; with less room than that, room is what is wanting."""

_BY_NUMBER = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: _READ_ONLY,
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.ENOMEM: _MEMORY,
    errno.EMFILE: _OPEN_FILES,
    errno.ENFILE: _OPEN_FILES,
}
_BY_CODE = {
    apsw.SQLITE_FULL: _FULL,
    apsw.SQLITE_PERM: _FORBIDDEN,
    apsw.SQLITE_NOMEM: _MEMORY,
    apsw.SQLITE_IOERR_NOMEM: _MEMORY,
    apsw.SQLITE_READONLY_DBMOVED: _GONE,
    apsw.SQLITE_CORRUPT: _DAMAGED,
    apsw.SQLITE_NOTADB: _DAMAGED,
    apsw.SQLITE_FORMAT: _DAMAGED,
}
"""By extended code, or by the primary one, which is its lowest byte."""
_LOCKED = (apsw.SQLITE_BUSY, apsw.SQLITE_PROTOCOL)
_REFUSED = (apsw.SQLITE_READONLY, apsw.SQLITE_CANTOPEN, apsw.SQLITE_IOERR)


@contextlib.contextmanager
def told(path: Path, connection: apsw.Connection | None = None) -> Iterator[None]:
    """Tell in words what keeps SQLite from doing what is done in the context.

    Args:
        path: The database.
        connection: By which it is done; None where it is still to be opened, which also has the
            system's own errors told.

    Raises:
        StoreError: The disk, the permissions, another program or damage keeps it from that.
        apsw.Error: Anything else: a fault of our own, in SQL or in how SQLite is used. To that
            belongs ``LockedError``, which SQLite raises for conflicts within one connection.
    """
    try:
        yield
    except apsw.Error as error:
        if why := _why(path, error, connection):
            raise StoreError(f"{path}: {why}") from error
        raise
    except OSError as error:
        if connection is not None:
            raise
        subject, cause = error.filename or path, error.strerror or error
        unknown = f"cannot be opened ({cause}); mend that, or name another --data-dir"
        raise StoreError(f"{subject}: {_BY_NUMBER.get(error.errno or 0, unknown)}") from error


def is_damage(error: StoreError) -> bool:
    """Whether what was told is that the file is damaged."""
    if isinstance(error, WrongKey):
        return False  # or that; but what helps is another
    return isinstance(error.__cause__, apsw.CorruptError | apsw.NotADBError | apsw.FormatError)


def _why(path: Path, error: apsw.Error, connection: apsw.Connection | None) -> str:
    """What to tell of an error; empty for a fault of our own."""
    extended = getattr(error, "extendedresult", 0)
    code = extended & 0xFF
    if known := _BY_CODE.get(extended) or _BY_CODE.get(code):
        return known
    if code in _LOCKED:
        return f"is locked by {_holder(path)}; let that finish, or end it"
    if code not in _REFUSED:
        # What keeps sqlite-vec from writing comes out as an error of its own.
        return _standing(path) if "sqlite-vec" in str(error) else ""
    if code == apsw.SQLITE_READONLY:
        if connection is not None and connection.open_flags & apsw.SQLITE_OPEN_READONLY:
            return ""  # a write by what is there to read
        return _standing(path) or _FORBIDDEN
    number = connection.system_errno if connection is not None else 0
    if known := _BY_NUMBER.get(number) or _standing(path):
        return known
    if code == apsw.SQLITE_CANTOPEN:
        return f"cannot be opened ({error}); see that its disk is there"
    # What SQLite did meanwhile may have left another number.
    cause = f"{error}: {os.strerror(number)}" if number == errno.EIO else str(error)
    return f"its disk may be failing, or gone ({cause}); check it, and its cable or connection"


def _standing(path: Path) -> str:
    """What is to be seen of a file's disk and permissions that keeps it from being written.

    The file is not opened for that: closing it would end the locks that SQLite has on it.
    """
    try:
        disk = os.statvfs(path.parent)
        if path.exists() and not path.is_file():
            return _NO_FILE
    except PermissionError:
        return _FORBIDDEN
    except OSError:
        return _GONE
    if disk.f_flag & os.ST_RDONLY:
        return _READ_ONLY
    if not os.access(path.parent, os.R_OK | os.W_OK | os.X_OK):
        return _FORBIDDEN
    if path.exists() and not os.access(path, os.R_OK | os.W_OK):
        return _FORBIDDEN
    return "" if disk.f_bavail * disk.f_frsize > _LITTLE_BYTES else _FULL


def _holder(path: Path) -> str:
    """Who has the lock on a database that keeps others from writing it."""
    with contextlib.suppress(OSError, ValueError, psutil.Error):
        held = {_identity(Path(f"{path}{suffix}")) for suffix in ("", "-shm")}
        for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
            _, _, _, mode, pid, file, *_ = line.replace("->", "").split()
            if mode == "WRITE" and file in held and int(pid) not in (os.getpid(), 0, -1):
                return f"{psutil.Process(int(pid)).name()} (process {pid})"
    return "another program"


def _identity(path: Path) -> str:
    """A file as ``/proc/locks`` names it."""
    try:
        found = path.stat()
    except OSError:
        return ""
    return f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
