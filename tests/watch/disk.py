"""A disk that is changed in every way, and tells of it as the system would."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

GONE = b"/gone"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CLOCK_OF_CHANGES = 5 if sys.platform == "linux" else time.CLOCK_REALTIME
"""``CLOCK_REALTIME_COARSE``, for which Python has no name."""
_LONG_AGO_NS = 1_600_000_000_000_000_000
DEEP_NAME = b"deep" * 60
DEEP_FOLDERS = 18
"""So many folders of such names lie deeper than a path may be long."""


class Standing(msgspec.Struct, frozen=True):
    """Something on the disk, by its path."""

    path: bytes
    kind: str


class Disk:
    """Folders below a base, changed by descriptors, so that paths may be of any length.

    Args:
        base: Where everything stands.
        tell: Told where something changed: the inode of the folder, and the name in it; the name
            is empty where it is the folder itself, and ``GONE`` where that is no more.
    """

    def __init__(self, base: Path, tell: Callable[[int, bytes], None]) -> None:
        self.base = os.fsencode(base)
        self._tell = tell
        self._age = 0

    @contextlib.contextmanager
    def _at(self, path: bytes) -> Iterator[tuple[int, bytes]]:
        """The folder in which a path ends, and the name in it."""
        *folders, name = path.removeprefix(self.base).strip(b"/").split(b"/")
        descriptor = os.open(self.base, _FOLDER)
        try:
            for folder in folders:
                deeper = os.open(folder, _FOLDER, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = deeper
            yield descriptor, name
        finally:
            os.close(descriptor)

    def _told(self, folder: int, name: bytes) -> None:
        self._tell(os.fstat(folder).st_ino, name)

    # What there is

    def below(self, folder: bytes) -> list[Standing]:
        """Everything below a folder, in the order of the paths."""
        found: list[Standing] = []
        with self._at(folder + b"/.") as (descriptor, _):
            self._list(os.dup(descriptor), folder, found)
        return sorted(found, key=lambda standing: standing.path)

    def _list(self, descriptor: int, folder: bytes, found: list[Standing]) -> None:
        try:
            for name in map(os.fsencode, os.listdir(descriptor)):
                mode = os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode
                path = folder + b"/" + name
                if stat.S_ISDIR(mode):
                    found.append(Standing(path, "folder"))
                    self._list(os.open(name, _FOLDER, dir_fd=descriptor), path, found)
                else:
                    found.append(Standing(path, "file" if stat.S_ISREG(mode) else "other"))
        finally:
            os.close(descriptor)

    def content(self, path: bytes) -> bytes:
        """What is in a file."""
        with self._at(path) as (folder, name):
            descriptor = os.open(name, os.O_RDONLY, dir_fd=folder)
            with os.fdopen(descriptor, "rb") as file:
                return file.read()

    # What happens

    def make_folder(self, path: bytes) -> None:
        with self._at(path) as (folder, name):
            os.mkdir(name, 0o755, dir_fd=folder)
            self._told(folder, name)

    def write(self, path: bytes, content: bytes, *, mtime: str = "past") -> None:
        """Write a file in place, or make it.

        Args:
            path: The file.
            content: What is in it afterwards.
            mtime: ``past`` for one it never had, ``kept``, or ``now``.
        """
        with self._at(path) as (folder, name):
            before = _stat(folder, name)
            _await_tick(before)
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK
            with os.fdopen(os.open(name, flags, 0o644, dir_fd=folder), "wb") as file:
                file.write(content)
                file.flush()
                if mtime == "kept" and before is not None:
                    os.utime(file.fileno(), ns=(before.st_mtime_ns, before.st_mtime_ns))
                elif mtime != "now":
                    os.utime(file.fileno(), ns=(self._past_ns(), self._past_ns()))
            self._told(folder, name)

    def replace(self, path: bytes, content: bytes, *, mtime: str = "past") -> None:
        """Write a file beside another and put it in its place."""
        beside = path[: path.rindex(b"/") + 1] + b".beside"
        with self._at(path) as (folder, name):
            before = _stat(folder, name)
        self.write(beside, content, mtime="past")
        with self._at(path) as (folder, name):
            if mtime == "kept" and before is not None:
                times = (before.st_mtime_ns, before.st_mtime_ns)
                os.utime(b".beside", ns=times, dir_fd=folder)
            os.replace(b".beside", name, src_dir_fd=folder, dst_dir_fd=folder)
            self._told(folder, b".beside")
            self._told(folder, name)

    def touch(self, path: bytes) -> None:
        with self._at(path) as (folder, name):
            os.utime(name, ns=(self._past_ns(),) * 2, dir_fd=folder, follow_symlinks=False)
            self._told(folder, name)

    def set_mode(self, path: bytes, mode: int) -> None:
        with self._at(path) as (folder, name):
            os.chmod(name, mode, dir_fd=folder)
            self._told(folder, name)
            self._told_of_itself(folder, name)

    def move(self, path: bytes, to: bytes) -> None:
        """Rename, onto whatever stands there, as far as the system lets one."""
        with self._at(path) as (folder, name), self._at(to) as (other, new):
            before, moved = _stat(other, new), _stat(folder, name)
            os.rename(name, new, src_dir_fd=folder, dst_dir_fd=other)
            if before is not None and moved is not None and os.path.samestat(before, moved):
                return  # renamed to itself, of which nothing comes
            if before is not None and stat.S_ISDIR(before.st_mode):
                self._tell(before.st_ino, GONE)
            self._told(folder, name)
            self._told(other, new)
            self._told_of_itself(other, new)

    def copy(self, path: bytes, to: bytes) -> None:
        """Copy a file or a tree; what is neither file nor folder in it is left out."""
        with self._at(path) as (folder, name):
            is_folder = stat.S_ISDIR(_mode(folder, name))
            inside = [standing.path for standing in self.below(path)] if is_folder else []
        if not is_folder:
            self.write(to, self.content(path))
            return
        self.make_folder(to)
        for inner in inside:
            with self._at(inner) as (folder, name):
                mode = _mode(folder, name)
            copied = to + inner.removeprefix(path)
            if stat.S_ISDIR(mode):
                self.make_folder(copied)
            elif stat.S_ISREG(mode):
                self.write(copied, self.content(inner))

    def link(self, path: bytes, to: bytes) -> None:
        """Give a file another name."""
        with self._at(path) as (folder, name), self._at(to) as (other, new):
            os.link(name, new, src_dir_fd=folder, dst_dir_fd=other, follow_symlinks=False)
            self._told(folder, name)
            self._told(other, new)

    def make_odd(self, path: bytes, kind: str) -> None:
        """Make what is neither file nor folder: ``pipe``, ``socket``, or a link that leads to
        what ``kind`` names.
        """
        with self._at(path) as (folder, name):
            made = name[:80] if kind == "socket" else name  # a socket's path may not be long
            if kind == "pipe":
                os.mkfifo(made, 0o644, dir_fd=folder)
            elif kind == "socket":
                with socket.socket(socket.AF_UNIX) as listening:
                    listening.bind(f"/proc/self/fd/{folder}/".encode() + made)
            else:
                os.symlink(kind.encode(), made, dir_fd=folder)
            self._told(folder, made)

    def remove(self, path: bytes) -> None:
        """Delete a file, or a folder with all that is in it."""
        with self._at(path) as (folder, name):
            if stat.S_ISDIR(_mode(folder, name)):
                for inner in self.below(path)[::-1]:
                    with self._at(inner.path) as (around, inner_name):
                        if inner.kind == "folder":
                            self._rmdir(around, inner_name)
                        else:
                            os.unlink(inner_name, dir_fd=around)
                        self._told(around, inner_name)
                self._rmdir(folder, name)
            else:
                os.unlink(name, dir_fd=folder)
            self._told(folder, name)

    def delete_everything(self) -> None:
        """Leave nothing behind."""
        shutil.rmtree(self.base)

    def _rmdir(self, folder: int, name: bytes) -> None:
        inode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_ino
        os.rmdir(name, dir_fd=folder)
        self._tell(inode, GONE)

    def _told_of_itself(self, folder: int, name: bytes) -> None:
        found = _stat(folder, name)
        if found is not None and stat.S_ISDIR(found.st_mode):
            self._tell(found.st_ino, b"")

    def _past_ns(self) -> int:
        self._age += 1
        return _LONG_AGO_NS + self._age * 1_000_000_007


def _stat(folder: int, name: bytes) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _mode(folder: int, name: bytes) -> int:
    return os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode


def _await_tick(before: os.stat_result | None) -> None:
    """Wait until the system's clock of changes has gone on.

    Of two writes between two of its ticks, which are some milliseconds apart, the second leaves
    no trace if it keeps size and time. Nobody who reads files that are still can be deceived so,
    but here they are read at once.
    """
    while before and time.clock_gettime_ns(_CLOCK_OF_CHANGES) <= before.st_ctime_ns:
        time.sleep(0.001)
