"""What the disk says of a file, without following links; nothing here knows the index.

A disk may never answer: whatever is asked of one is noted (see ``asking``).
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import signal
import stat
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import NamedTuple

import psutil

from prismd.disk.asking import asking
from prismd.errors import CANCELLED, ExtractError
from prismd.paths.opening import lstat, open_file, parent
from prismd.store.files import Entry, Root, entry_of

_PIECE_BYTES = 1 << 18
"""Even a slow disk gives out so much in a few seconds."""
_ESCAPED = re.compile(rb"\\([0-7]{3})")
_ASKABLE = sys.platform == "linux"


def look(path: str) -> Entry:
    """A regular file as it is now.

    Raises:
        FileNotFoundError: There is none: nothing, a folder, a link, or a device.
        OSError: It cannot be looked at.
    """
    raw = os.fsencode(path)
    with asking(raw):
        found = lstat(raw)
    if not stat.S_ISREG(found.st_mode):
        raise FileNotFoundError(f"{path}: is no regular file any more")
    return entry_of(raw, found)


def is_file(path: str) -> bool:
    """Whether a regular file is seen at a path."""
    try:
        look(path)
    except OSError:
        return False
    return True


def hash_file(path: str, cancelled: Callable[[], bool] | None = None) -> str:
    """The sha256 of a regular file's content, in hexadecimal digits.

    Args:
        path: The file.
        cancelled: Asked often; once it says so, the work is given up.

    Raises:
        OSError: It cannot be read, or a link stands in its place.
        ExtractError: It was called off (code ``cancelled``).
    """
    digest = hashlib.sha256()
    with contextlib.closing(_pieces(os.fsencode(path))) as pieces:
        for piece in pieces:
            digest.update(piece)
            if cancelled is not None and cancelled():
                raise ExtractError(
                    f"{path}: reading it was called off; it is read at the next run",
                    code=CANCELLED,
                    transient=True,
                )
    return digest.hexdigest()


def _pieces(path: bytes) -> Generator[bytes]:
    descriptor = -1
    try:
        with asking(path):  # which may give up what has been opened by then
            descriptor = open_file(path)
        while True:
            with asking(path):
                piece = os.read(descriptor, _PIECE_BYTES)
            if not piece:
                return
            yield piece
    finally:
        if descriptor >= 0:
            with asking(path):
                os.close(descriptor)


def heed_writers() -> None:
    """Have ``is_being_written`` find out; to be called once, in the main thread.

    The system tells who asks by a signal when somebody else opens the file at that very moment,
    and it would end the process.
    """
    if _ASKABLE:
        signal.signal(signal.SIGIO, signal.SIG_IGN)


def is_being_written(path: str) -> bool | None:
    """Whether some process has a file open for writing; None where that cannot be told.

    Told on Linux, for files of the same user on disks of the machine, after ``heed_writers``.

    Raises:
        OSError: It cannot be opened.
    """
    if not _ASKABLE or signal.getsignal(signal.SIGIO) != signal.SIG_IGN:
        return None
    raw = os.fsencode(path)
    with asking(raw):
        return _is_being_written(raw)


def _is_being_written(path: bytes) -> bool | None:
    descriptor = open_file(path)
    try:
        # Such a lease is granted only while nobody writes. It is given back at once, by closing.
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except BlockingIOError:
        return True
    except OSError:
        return None  # a disk of another machine, or a file of another user
    finally:
        os.close(descriptor)
    return False


def is_there(root: Root) -> bool:
    """Whether a root's own disk stands at its path: not an empty mount point, or nothing."""
    device = device_of(os.fsencode(root.path))
    return device is not None and root.device in (0, device)


def device_of(path: bytes) -> int | None:
    """The file system that a folder is on; None where there is no folder."""
    try:
        with asking(path):
            found = lstat(path)
    except OSError:
        return None
    return entry_of(path, found).device if stat.S_ISDIR(found.st_mode) else None


def bare_mount_point(path: bytes, device: int) -> bytes | None:
    """The folder on which the disk of a missing file would be mounted, if nothing is.

    Args:
        path: The file.
        device: That of the root.

    Returns:
        None where another disk is mounted there: then the file is missing on that one.
    """
    while path != b"/":
        path = parent(path)
        found = device_of(path)
        if found is not None:
            return path if found == device else None
    return None


class Disk(NamedTuple):
    """Something mounted.

    Attributes:
        point: Where.
        device: Tells it from what is mounted there at other times.
    """

    point: bytes
    device: str


def disk_of(path: bytes) -> Disk:
    """The disk that a path is on; asks the system's table, never the disk."""
    found = Disk(b"/", "")
    for disk in _mounted():
        around = path == disk.point or path.startswith(disk.point.rstrip(b"/") + b"/")
        # The last one mounted at a place is the one that is seen.
        if around and len(disk.point) >= len(found.point):
            found = disk
    return found


def _mounted() -> Iterator[Disk]:
    try:
        table = Path("/proc/self/mountinfo").read_bytes()
    except OSError:
        for part in psutil.disk_partitions(all=True):
            yield Disk(os.fsencode(part.mountpoint), part.device)
        return
    for line in table.splitlines():
        _, _, device, _, point, *_ = line.split(b" ")
        yield Disk(_ESCAPED.sub(lambda found: bytes([int(found[1], 8)]), point), device.decode())
