"""A folder of this process's own, for what is read by way of the disk.

What a library puts aside for a while, and what is attached to a mail where the system has no files
in memory, are parts of private files. They lie where only the user can look, and go when the
process that needed them is gone, even if it was killed.
"""

from __future__ import annotations

import atexit
import errno
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from prismd.errors import ExtractError
from prismd.paths.aside import place_of, shortage
from prismd.paths.own_folder import OwnFolder, make, sweep

_PREFIX = "prismd-scratch-"

_guard = threading.Lock()
_own: dict[str, OwnFolder] = {}


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
        if known is None or not known.path.is_dir():
            base = Path(slots_dir) if slots_dir else _system_folder()
            base.mkdir(mode=0o700, parents=True, exist_ok=True)
            if known is None:
                sweep(base, _PREFIX)
            else:
                known.give_up()
            known = _own[slots_dir] = make(base, _PREFIX)
            atexit.register(shutil.rmtree, known.path, ignore_errors=True)
        tempfile.tempdir = str(known.path)
        return known.path


def tidy(slots_dir: Path) -> None:
    """Remove the folders of processes that are gone: one that is killed cannot do it itself."""
    sweep(slots_dir, _PREFIX)


@contextmanager
def room() -> Iterator[None]:
    """Say of a disk that is full what it is: nothing that a file could be blamed for.

    Raises:
        ExtractError: There is no room (a code of ``aside.NO_ROOM``).
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        found = shortage(place_of(Path(tempfile.gettempdir())))
        raise ExtractError(str(found), code=found.code, transient=True) from error


@cache
def _system_folder() -> Path:
    """The system's folder for temporary files, as it was before ``settle``."""
    return Path(tempfile.gettempdir())
