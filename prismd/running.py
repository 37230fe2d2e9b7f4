"""Where a data directory's daemon is to be found by the other commands."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

_RUNNING_FILE = "daemon.json"


class Running(msgspec.Struct, frozen=True):
    """Where a data directory's daemon is to be found."""

    url: str
    pid: int


@contextlib.contextmanager
def announced(data_dir: Path, url: str) -> Iterator[None]:
    """Let other commands find this daemon for as long as it serves."""
    path = data_dir / _RUNNING_FILE
    temporary = path.with_suffix(".part")
    temporary.write_bytes(msgspec.json.encode(Running(url, os.getpid())))
    temporary.chmod(0o600)
    temporary.replace(path)
    try:
        yield
    finally:
        # On a disk that went read-only it stays; that its process is gone tells enough.
        with contextlib.suppress(OSError):
            path.unlink()


def find_running(data_dir: Path) -> Running | None:
    """Where the daemon of a data directory says that it is.

    Returns:
        None when there is none, or its process is no more: after ``kill -9`` its port may be
        anybody's.
    """
    try:
        running = msgspec.json.decode((data_dir / _RUNNING_FILE).read_bytes(), type=Running)
        os.kill(running.pid, 0)
    except (OSError, msgspec.MsgspecError):
        return None
    return running
