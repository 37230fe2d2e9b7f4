"""What is written into folders: files that are there, and, as it happens, those that go at once."""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

_MODIFIED, _CLOSED_AFTER_WRITING, _MOVED_HERE, _MADE = 0x2, 0x8, 0x80, 0x100
_WRITING = _MODIFIED | _CLOSED_AFTER_WRITING | _MOVED_HERE | _MADE
_LOST = 0x4000
_HEADER = struct.Struct("iIII")
_READ_BYTES = 1 << 20


class Writing:
    """The files that are written in some folders, by whomever; on Linux.

    Files without a name are among them, by their inode's number.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        assert self._descriptor >= 0, os.strerror(ctypes.get_errno())
        self._folders = {
            libc.inotify_add_watch(self._descriptor, os.fsencode(folder), _WRITING): folder
            for folder in folders
        }
        assert -1 not in self._folders, os.strerror(ctypes.get_errno())

    def seen(self) -> set[Path]:
        """What was written since the last look."""
        found = set()
        with contextlib.suppress(BlockingIOError):
            while read := os.read(self._descriptor, _READ_BYTES):
                at = 0
                while at < len(read):
                    watch, mask, _, length = _HEADER.unpack_from(read, at)
                    assert not mask & _LOST, "more was written than could be told"
                    at += _HEADER.size
                    name = os.fsdecode(read[at : at + length].rstrip(b"\0"))
                    at += length
                    found.add(self._folders[watch] / name)
        return found

    def close(self) -> None:
        os.close(self._descriptor)


def files_in(folders: Iterable[Path]) -> Iterator[Path]:
    """Every file in folders that others use as well.

    What they make and remove meanwhile is found or not, where ``Path.rglob`` would fail.
    """
    for folder in folders:
        for inner, _, names in os.walk(folder):
            yield from (path for name in names if (path := Path(inner, name)).is_file())


@contextlib.contextmanager
def writing_in(folders: Iterable[Path]) -> Iterator[Writing]:
    """See ``Writing``, for as long as the context lasts."""
    writing = Writing(folders)
    try:
        yield writing
    finally:
        writing.close()
