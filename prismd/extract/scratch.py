"""A folder of this process's own, for what is read by way of the disk.

What a library puts aside for a while, and what is attached to a mail where the system has no files
in memory, are parts of private files. They lie where only the user can look, and go when the
process that needed them is gone, even if it was killed: it keeps a file in its folder locked, so
whoever gets that lock finds a folder that nobody needs.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import fcntl
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from prismd.errors import ExtractError

DISK_FULL = "disk_full"
"""Error code of a file that could not be read for want of room on the disk."""

_FOLDER = "prismd-scratch-"
_UNFINISHED = "prismd-unfinished-"
"""Prefix of a folder that nobody can have locked yet."""
_UNFINISHED_S = 3600.0
_LOCK = "alive"

_guard = threading.Lock()
_own: dict[str, tuple[Path, int]] = {}


def settle(slots_dir: str) -> Path:
    """Make this process's own folder, the place of all its temporary files from now on.

    The first time, what processes that are gone left behind is removed.

    Args:
        slots_dir: What the workers share, made when it is missing; empty stands for the
            system's folder for temporary files.

    Returns:
        The folder, which lasts as long as the process.
    """
    with _guard:
        known = _own.get(slots_dir)
        # Whoever tidies up may have taken it away in the meantime.
        if known is None or not known[0].is_dir():
            base = Path(slots_dir) if slots_dir else _system_folder()
            base.mkdir(mode=0o700, parents=True, exist_ok=True)
            if known is None:
                _sweep(base)
            else:
                os.close(known[1])
            known = _own[slots_dir] = _made(base)
        tempfile.tempdir = str(known[0])
        return known[0]


@contextmanager
def room() -> Iterator[None]:
    """Say of a disk that is full what it is: nothing that a file could be blamed for.

    Raises:
        ExtractError: There is no room (code ``disk_full``).
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise ExtractError(
            "the disk is full, and reading it needs some room there; free some disk space",
            code=DISK_FULL,
            transient=True,
        ) from error


@cache
def _system_folder() -> Path:
    """The system's folder for temporary files, as it was before ``settle``."""
    return Path(tempfile.gettempdir())


def _made(base: Path) -> tuple[Path, int]:
    """Make a folder; gives its lock too, which is held while that is open."""
    unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=base))
    descriptor = os.open(unfinished / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    # Under its own name from now on, because it is locked only now.
    folder = unfinished.rename(base / unfinished.name.replace(_UNFINISHED, _FOLDER))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder, descriptor


def _sweep(base: Path) -> None:
    for folder in (*base.glob(f"{_FOLDER}*"), *base.glob(f"{_UNFINISHED}*")):
        with contextlib.suppress(OSError):
            about = folder.lstat()
            if about.st_uid == os.getuid() and _is_left(folder, about.st_mtime):
                shutil.rmtree(folder, ignore_errors=True)


def _is_left(folder: Path, changed_s: float) -> bool:
    """Whether the process whose folder this is has gone."""
    if folder.name.startswith(_UNFINISHED):
        return time.time() - changed_s > _UNFINISHED_S
    try:
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        return True  # another one sweeps, or was ended while it did
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True
