"""Folders that belong to one process, and go with it, even when it is killed.

A process keeps a file in its folder locked. So whoever gets that lock finds a folder that nobody
needs, and what processes that are gone left behind is removed by those that come after them. The
names are by chance: nobody can have prepared them where others may make folders, too.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

_UNFINISHED = "prismd-unfinished-"
"""Prefix of a folder that nobody can have locked yet."""
_UNFINISHED_S = 3600.0
_LOCK = "alive"


class OwnFolder(NamedTuple):
    """A folder of this process.

    Attributes:
        path: The folder; only this user can look into it.
        lock: The descriptor of what is locked in it, as long as it is open.
    """

    path: Path
    lock: int

    def give_up(self) -> None:
        """Leave it to whoever removes what is left."""
        os.close(self.lock)

    def remove(self) -> None:
        """Give it up, with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.give_up()


def make(base: Path, prefix: str) -> OwnFolder:
    """Make a folder of this process's own.

    Args:
        base: Where; it must be there.
        prefix: What its name begins with.

    Raises:
        OSError: It cannot be made.
    """
    with contextlib.ExitStack() as unfinished:
        made = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=base))
        unfinished.callback(shutil.rmtree, made, ignore_errors=True)
        lock = os.open(made / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        unfinished.callback(os.close, lock)
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Under its own name from now on, because it is locked only now.
        folder = made.rename(base / made.name.replace(_UNFINISHED, prefix))
        unfinished.pop_all()
    return OwnFolder(folder, lock)


def sweep(base: Path, prefix: str) -> None:
    """Remove the folders that processes of this user left, and no others.

    Args:
        base: Where they are.
        prefix: What their names begin with.
    """
    for folder in (*base.glob(f"{prefix}*"), *base.glob(f"{_UNFINISHED}*")):
        remove_left(folder)


def remove_left(folder: Path) -> None:
    """Remove a folder that ``make`` made, unless it is another user's, or its process lives."""
    with contextlib.suppress(OSError):
        about = folder.lstat()
        if about.st_uid == os.getuid() and _is_left(folder, about.st_mtime):
            shutil.rmtree(folder, ignore_errors=True)


def _is_left(folder: Path, changed_s: float) -> bool:
    """Whether the process whose folder this is has gone."""
    if folder.name.startswith(_UNFINISHED):
        return time.time() - changed_s > _UNFINISHED_S
    try:
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return True  # another one sweeps, or was ended while it did
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True
