"""The connection to ``prism.db``: one writer thread, a few read-only connections.

Every write is one ``BEGIN IMMEDIATE`` transaction on the one thread that owns the write
connection, so writes never wait for each other's locks. Every read sees one snapshot.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import queue
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import apsw
import sqlite_vec

from prismd.encryption.key import Key
from prismd.errors import StoreError, StoreLocked
from prismd.store import cipher, conversion, erasing, faults, lexical, migrate

T = TypeVar("T")
log = logging.getLogger(__name__)

FILE_NAME = "prism.db"
_BUSY_TIMEOUT_MS = 10_000
_READERS = 4


class Database:
    """The one file. Use ``write`` and ``read``; nothing else holds a connection.

    Args:
        data_dir: The directory of ``prism.db``; made with mode 0700 when missing.
        writable: Take the lock of the data directory, migrate, and allow ``write``. A reader
            beside a running daemon opens the file with ``writable=False``.
        at_rest: For a reader: make no file beside it, as SQLite does for whoever reads. To be
            had only while nobody writes it, and nothing waits in its write-ahead log.
        key: Gets the key of a file that is encrypted, or is to be when it is made; called when
            the lock is had.

    Raises:
        StoreLocked: Another process has the data directory open for writing.
        WrongKey: The key does not open the file.
        StoreError: The file is damaged, newer than this program, or cannot be opened.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        writable: bool = True,
        at_rest: bool = False,
        key: Callable[[], Key] | None = None,
    ) -> None:
        self.path = data_dir / FILE_NAME
        self.writable = writable
        self._at_rest = at_rest
        self._key: Key | None = None
        self._closed = False
        self._changes = 0
        self._counting = threading.Lock()
        self._writes_asked = self._writes_done = 0
        self._lock_fd: int | None = None
        if writable:
            with faults.told(self.path):
                data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._lock_fd = take_lock(data_dir)
        elif not self.path.exists():
            raise StoreError(f"{self.path}: no index here yet; 'prismd run FOLDER' makes it")
        try:
            with faults.told(self.path):
                if writable:
                    conversion.finish(self.path)
            self._key = key() if key is not None else None
            self._open()
        except StoreError as error:
            self._release_lock()
            if self._key is None and faults.is_damage(error):
                self._refuse_without_key(error)
            raise
        except BaseException:
            self._release_lock()
            raise

    def _refuse_without_key(self, error: StoreError) -> None:
        """Tell of an encrypted file that it is one: without its key it looks damaged."""
        if cipher.state(self.path) == "encrypted":
            raise StoreError(f"{self.path}: is encrypted, and opened without its key") from error

    def _open(self) -> None:
        # None says that all have been closed.
        self._readers: queue.SimpleQueue[apsw.Connection | None] = queue.SimpleQueue()
        if self.writable:
            self._writer = ThreadPoolExecutor(1, thread_name_prefix="prismd-writer")
            try:
                self._write_connection = self._writer.submit(
                    _open_writer, self.path, self._key
                ).result()
            except BaseException:
                self._writer.shutdown()
                raise
            self._changes = self._write_connection.total_changes()
        with _opening(self.path):
            for _ in range(_READERS):
                self._readers.put(self._reader())
            if not self.writable:
                self.read(migrate.require_current)

    def _reader(self) -> apsw.Connection:
        flags = apsw.SQLITE_OPEN_READONLY
        if not self._at_rest:
            return _connect(self.path, flags, self._key)
        location = f"{self.path.absolute().as_uri()}?immutable=1"
        return _connect(location, flags | apsw.SQLITE_OPEN_URI, self._key)

    @property
    def encrypted(self) -> bool:
        """Whether what is written to the file is encrypted."""
        return self._key is not None

    def another(self) -> apsw.Connection:
        """A connection to read by that is the caller's own, and to be closed by the caller.

        Raises:
            StoreError: The file cannot be opened.
        """
        with _opening(self.path):
            return _connect(self.path, apsw.SQLITE_OPEN_READONLY, self._key)

    @property
    def changes(self) -> int:
        """How many rows were written since it was opened; tells cheaply that nothing was."""
        return self._changes

    @property
    def writes_done(self) -> int:
        """How many writes have ended since it was opened, well or not."""
        return self._writes_done

    @property
    def writes_waiting(self) -> int:
        """How many writes are queued or in hand."""
        return max(0, self._writes_asked - self._writes_done)

    def submit(self, work: Callable[[apsw.Connection], T]) -> Future[T]:
        """Queue a write; it runs in one transaction, rolled back when it raises.

        Raises:
            StoreError: It is open for reading only, or closed; from the future, as ``write``.
        """
        if not self.writable:
            raise StoreError(f"{self.path}: open for reading only")
        if self._closed:
            raise self._closed_error()
        with self._counting:
            self._writes_asked += 1
        return self._writer.submit(self._transact, work)

    def write(self, work: Callable[[apsw.Connection], T]) -> T:
        """Run a write and wait for it.

        Raises:
            StoreError: The disk is full, read-only or failing, another program holds the file's
                lock, or the file is damaged.
        """
        return self.submit(work).result()

    def _transact(self, work: Callable[[apsw.Connection], T]) -> T:
        connection = self._write_connection
        try:
            with faults.told(self.path, connection):
                result = _transact(connection, work)
        finally:
            self._writes_done += 1  # by the one writer alone
        self._changes = connection.total_changes()
        return result

    def run_outside_transaction(self, work: Callable[[apsw.Connection], T]) -> T:
        """Run maintenance that SQLite refuses within a transaction (VACUUM, checkpoints).

        Raises:
            StoreError: As ``write``.
        """

        def told() -> T:
            with faults.told(self.path, self._write_connection):
                return work(self._write_connection)

        return self._writer.submit(told).result()

    def read(self, work: Callable[[apsw.Connection], T], *, deadline_s: float | None = None) -> T:
        """Run a read in the caller's thread, on one snapshot of the file.

        Args:
            work: Gets a read-only connection.
            deadline_s: Interrupt the statement in hand after this long.

        Raises:
            StoreError: The deadline passed, the file is closed or damaged, or its disk fails.
        """
        connection = self._readers.get()
        if connection is None:
            self._readers.put(None)  # for the next who comes too late
            raise self._closed_error()
        if deadline_s is not None:
            end = time.monotonic() + deadline_s
            connection.set_progress_handler(lambda: time.monotonic() > end, 20_000)
        try:
            with faults.told(self.path, connection):
                return _on_one_snapshot(connection, work)
        except apsw.InterruptError as error:
            raise StoreError(
                f"the search took longer than {deadline_s:g} s and was stopped; "
                "narrow it with a filter"
            ) from error
        finally:
            self._readers.put(connection)

    def size_bytes(self) -> int:
        """Bytes on disk, write-ahead log included."""
        total = 0
        for suffix in ("", "-wal"):
            with contextlib.suppress(OSError):
                total += Path(f"{self.path}{suffix}").stat().st_size
        return total

    def close(self) -> None:
        """Finish queued writes, close every connection, release the lock."""
        if self._closed:
            return
        self._closed = True
        for _ in range(_READERS):
            if (connection := self._readers.get()) is not None:
                connection.close()
        self._readers.put(None)
        if self.writable:
            self._writer.submit(_close_writer, self._write_connection).result()
            self._writer.shutdown()
        self._release_lock()

    def _closed_error(self) -> StoreError:
        return StoreError(f"{self.path}: is closed, for prismd is stopping; ask again when it runs")

    def _release_lock(self) -> None:
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd = None


def take_lock(data_dir: Path) -> int:
    """Have a data directory for this process alone.

    Returns:
        A descriptor; the lock is held until it is closed.

    Raises:
        StoreLocked: Another process has it.
        OSError: The lock cannot be made.
    """
    descriptor = os.open(data_dir / "prismd.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        told = f"{data_dir}: another prismd is using it; stop that one, or name another --data-dir"
        raise StoreLocked(told).saying(told) from error
    return descriptor


def _connect(path: Path | str, flags: int, key: Key | None) -> apsw.Connection:
    connection = apsw.Connection(str(path), flags=flags)
    connection.set_busy_timeout(_BUSY_TIMEOUT_MS)
    if key is None:
        connection.execute("PRAGMA mmap_size = 268435456")
    else:
        cipher.unlock(connection, key)
    connection.enable_load_extension(True)
    connection.load_extension(sqlite_vec.loadable_path())
    connection.enable_load_extension(False)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA temp_store = MEMORY")
    # SQLite's own lower() knows only ASCII.
    connection.create_scalar_function("fold", _fold, 1, deterministic=True)
    # Triggers call it, and the file's schema is not trusted to call what may do harm.
    connection.create_scalar_function(
        "index_text", _index_text, 1, deterministic=True, flags=apsw.SQLITE_INNOCUOUS
    )
    return connection


def _fold(*values: apsw.SQLiteValue) -> str:
    return unicodedata.normalize("NFC", str(values[0])).lower()


def _index_text(*values: apsw.SQLiteValue) -> str:
    return lexical.index_text(str(values[0]))


def _open_writer(path: Path, key: Key | None) -> apsw.Connection:
    with _opening(path):
        new = not path.exists()
        if new:
            # Made by hand first: SQLite would give it the user's umask.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = _connect(path, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE, key)
        if connection.pragma("user_version") == 0:
            connection.pragma("auto_vacuum", "INCREMENTAL")
        connection.pragma("journal_mode", "wal")
        connection.pragma("synchronous", "NORMAL")
        connection.pragma("journal_size_limit", 64 * 1024 * 1024)
        connection.pragma("cache_size", -32_000)
        erasing.overwrite_what_moves(connection)
        migrate.migrate(connection, path)
    return connection


@contextlib.contextmanager
def _opening(path: Path) -> Iterator[None]:
    """Nothing of a file that cannot even be opened is sure to be a fault of ours."""
    try:
        with faults.told(path):
            yield
    except apsw.Error as error:
        raise StoreError(f"{path}: cannot be opened as an index ({error})") from error


def _close_writer(connection: apsw.Connection) -> None:
    with contextlib.suppress(apsw.Error):
        connection.pragma("optimize")
    connection.close()


def _transact(connection: apsw.Connection, work: Callable[[apsw.Connection], T]) -> T:
    connection.execute("BEGIN IMMEDIATE")
    try:
        result = work(connection)
        connection.execute("COMMIT")
    except BaseException:
        # A full disk or an I/O error may have rolled back already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return result


def _on_one_snapshot(connection: apsw.Connection, work: Callable[[apsw.Connection], T]) -> T:
    try:
        connection.execute("BEGIN")
        return work(connection)
    finally:
        connection.set_progress_handler(None)
        if connection.in_transaction:
            connection.execute("ROLLBACK")
