"""Where a data directory's daemon is to be found by the other commands, and what it waits for."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

_RUNNING_FILE = "daemon.json"
_WAITING_FILE = "waiting.json"


class Running(msgspec.Struct, frozen=True):
    """Where a data directory's daemon is to be found."""

    url: str
    pid: int


class Waiting(msgspec.Struct, frozen=True):
    """A daemon that does not serve yet.

    Attributes:
        why: What it waits for, fit to show to a person.
    """

    pid: int
    why: str


@contextlib.contextmanager
def announced(data_dir: Path, url: str) -> Iterator[None]:
    """Let other commands find this daemon for as long as it serves."""
    path = data_dir / _RUNNING_FILE
    _remove(data_dir / _WAITING_FILE)  # of one that was killed while it waited
    os.close(_write(path, Running(url, os.getpid())))
    try:
        yield
    finally:
        _remove(path)


@contextlib.contextmanager
def waiting(data_dir: Path) -> Iterator[Callable[[str], None]]:
    """Let other commands know that this daemon waits, by what is told within the context.

    What cannot be written, on a disk that is full, is not told, and keeps nobody from waiting.
    """
    path = data_dir / _WAITING_FILE
    with contextlib.ExitStack() as held:

        def tell(why: str) -> None:
            with contextlib.suppress(OSError):
                descriptor = _write(path, Waiting(os.getpid(), why))
                held.close()
                held.callback(os.close, descriptor)

        try:
            yield tell
        finally:
            _remove(path)


def find_running(data_dir: Path) -> Running | None:
    """Where the daemon of a data directory says that it is.

    Returns:
        None when there is none, or its process is no more: after ``kill -9`` its port may be
        anybody's.
    """
    try:
        told = msgspec.json.decode((data_dir / _RUNNING_FILE).read_bytes(), type=Running)
        os.kill(told.pid, 0)
    except (OSError, msgspec.MsgspecError):
        return None
    return told


def find_waiting(data_dir: Path) -> Waiting | None:
    """What the daemon of a data directory waits for; None when there is none that waits.

    After ``kill -9`` its number may be anybody's. So who waits keeps locked what it has written.
    """
    path = data_dir / _WAITING_FILE
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        while True:
            with path.open("rb") as stream:
                if _is_held(stream.fileno()):
                    return msgspec.json.decode(stream.read(), type=Waiting)
                if os.path.samestat(os.fstat(stream.fileno()), path.stat()):
                    return None  # else something newer has been told just now
    return None


def _is_held(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _write(path: Path, told: Running | Waiting) -> int:
    """Write what is told, locked before anybody can see it.

    Returns:
        A descriptor; it is locked until that is closed.
    """
    temporary = path.with_suffix(".part")
    descriptor = os.open(temporary, os.O_CREAT | os.O_TRUNC | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        temporary.write_bytes(msgspec.json.encode(told))
        temporary.replace(path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _remove(path: Path) -> None:
    # On a disk that went read-only it stays; that nobody holds it, or its process, tells enough.
    with contextlib.suppress(OSError):
        path.unlink()
