"""Files and folders opened without following links, however long their paths are.

The kernel takes a path of 4,096 bytes at most (1,024 on macOS); what lies deeper is reached from
folder to folder.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Container, Iterator

_LONGEST_BYTES = 4000 if sys.platform == "linux" else 1000
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_WAY = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
"""To go on from, not to list: what may be passed through need not be readable."""
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def parent(path: bytes) -> bytes:
    """The folder in which a path ends."""
    return path[: path.rindex(b"/")] or b"/"


def is_within(path: bytes, folders: Container[bytes]) -> bool:
    """Whether a path is one of some folders, or in one of them, however deep."""
    while path not in folders:
        if path == b"/":
            return False
        path = parent(path)
    return True


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
    with _within(root, path) as (folder, name):
        return os.open(name, _FILE, dir_fd=folder)


def lstat_within(root: bytes, path: bytes) -> os.stat_result:
    """What stands at a path below a folder, with no link in between.

    Raises:
        NotADirectoryError: One of the names on the way is that of a link, or of no folder.
        OSError: Nothing stands there, or it cannot be reached.
    """
    with _within(root, path) as (folder, name):
        return os.stat(name, dir_fd=folder, follow_symlinks=False)


@contextlib.contextmanager
def _within(root: bytes, path: bytes) -> Iterator[tuple[int, bytes]]:
    """The folder that a path below another one ends in, reached by no link, and the last name."""
    start = root.rstrip(b"/") + b"/"
    names = path.removeprefix(start).split(b"/")
    if not path.startswith(start) or not {b"", b".", b".."}.isdisjoint(names):
        raise FileNotFoundError(f"{os.fsdecode(path)}: does not stand within the folder")
    folder = os.open(start, _WAY)
    try:
        for name in names[:-1]:
            deeper = _step(folder, name)
            os.close(folder)
            folder = deeper
        yield folder, names[-1]
    finally:
        os.close(folder)


def _step(folder: int, name: bytes) -> int:
    try:
        return os.open(name, _WAY | os.O_NOFOLLOW, dir_fd=folder)
    except OSError as error:
        if error.errno == errno.ELOOP:  # so macOS says of a link
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from error
        raise


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
