"""Files and folders opened without following links, however long their paths are.

The kernel takes a path of 4,096 bytes at most (1,024 on macOS); what lies deeper is reached from
folder to folder.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

_LONGEST_BYTES = 4000 if sys.platform == "linux" else 1000
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def parent(path: bytes) -> bytes:
    """The folder in which a path ends."""
    return path[: path.rindex(b"/")] or b"/"


def lstat(path: bytes) -> os.stat_result:
    """What stands at a path; a link itself, not what it leads to.

    Raises:
        OSError: Nothing stands there, or it cannot be reached.
    """
    with _near(path) as (folder, name):
        return os.stat(name, dir_fd=folder, follow_symlinks=False)


def open_file(path: bytes) -> int:
    """A descriptor to read a file by; never waits, as a FIFO would have one do.

    Raises:
        OSError: It cannot be opened, or is a link.
    """
    with _near(path) as (folder, name):
        return os.open(name, _FILE, dir_fd=folder)


def open_folder(path: bytes) -> int:
    """A descriptor to list a folder by.

    Raises:
        OSError: It cannot be opened, or is a link or no folder.
    """
    with _near(path) as (folder, name):
        return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)


def open_within(root: bytes, path: bytes) -> int:
    """A descriptor to read a file by that stands below a folder, with no link in between.

    What the names on the way lead to is found out while they are followed, so nobody can put
    anything else there in between.

    Raises:
        OSError: It is not there, cannot be opened, or one of the names is that of a link.
    """
    start = root.rstrip(b"/") + b"/"
    names = path.removeprefix(start).split(b"/")
    if not path.startswith(start) or not {b"", b".", b".."}.isdisjoint(names):
        raise FileNotFoundError(f"{os.fsdecode(path)}: does not stand within the folder")
    folder = os.open(start, _FOLDER)
    try:
        for name in names[:-1]:
            deeper = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = deeper
        return os.open(names[-1], _FILE, dir_fd=folder)
    finally:
        os.close(folder)


@contextlib.contextmanager
def reachable(path: bytes) -> Iterator[bytes]:
    """A path for libraries that take no other, by way of the process's working directory.

    Only for a process that does one thing at a time.
    """
    if len(path) <= _LONGEST_BYTES:
        yield path
        return
    before = os.open(".", _FOLDER)
    try:
        with _near(path) as (folder, name):
            assert folder is not None  # noqa: S101 - it is a long path
            os.fchdir(folder)
            yield name
    finally:
        os.fchdir(before)
        os.close(before)


@contextlib.contextmanager
def _near(path: bytes) -> Iterator[tuple[int | None, bytes]]:
    """A folder from which a path is short enough, None for where it starts, and what is left."""
    folder: int | None = None
    try:
        while len(path) > _LONGEST_BYTES:
            cut = path.rindex(b"/", 0, _LONGEST_BYTES)
            deeper = os.open(path[:cut] or b"/", _FOLDER, dir_fd=folder)
            if folder is not None:
                os.close(folder)
            folder, path = deeper, path[cut + 1 :]
        yield folder, path
    finally:
        if folder is not None:
            os.close(folder)
