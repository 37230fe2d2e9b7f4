"""Where what is read by way of files is put aside meanwhile: which folders are in memory.

Which one is taken never depends on how full one is at the moment, so it is the same at every start.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

DISK_FULL = "disk_full"
"""Error code of what cannot be read for want of room on the disk."""
MEMORY_FULL = "memory_full"
"""Error code of what cannot be read for want of room in a folder that is in memory."""
NO_ROOM = frozenset({DISK_FULL, MEMORY_FULL})

_IN_MEMORY = frozenset({"tmpfs", "ramfs"})
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - judged like any other
_TEMPORARY = Path("/tmp")  # noqa: S108
_SESSIONS = Path("/run/user")
WITHOUT_LIMIT = 1 << 62
"""The size of what grows as long as there is memory."""


class Place(NamedTuple):
    """A folder, and the room that it has.

    Attributes:
        folder: The folder.
        point: Where what it is part of is mounted.
        in_memory: Whether nothing of it reaches the disk, but for swap space.
        total_bytes: What it and its neighbours can hold.
        free_bytes: What of that is left.
    """

    folder: Path
    point: Path
    in_memory: bool
    total_bytes: int
    free_bytes: int


class Shortage(NamedTuple):
    """That a place is full, as it is told.

    Attributes:
        code: Of the error: ``DISK_FULL`` or ``MEMORY_FULL``.
        cause: Without a full stop.
        remedy: What helps.
    """

    code: str
    cause: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.cause}; {self.remedy}"


def place_of(folder: Path) -> Place:
    """What a folder is, or the nearest one above it that is there.

    Raises:
        OSError: It does not answer.
    """
    import psutil  # a worker asks for the first time when its room is short

    real = Path(os.path.realpath(folder))
    kinds = {part.mountpoint: part.fstype for part in psutil.disk_partitions(all=True)}
    point = next((above for above in (real, *real.parents) if str(above) in kinds), Path("/"))
    found = os.statvfs(next(above for above in (real, *real.parents) if above.exists()))
    total_bytes, free_bytes = found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize
    is_in_memory = kinds.get(str(point)) in _IN_MEMORY
    if is_in_memory and not total_bytes:  # it may grow until the memory is used up
        total_bytes = free_bytes = WITHOUT_LIMIT
    return Place(folder, point, is_in_memory, total_bytes, free_bytes)


def candidates(environment: Mapping[str, str]) -> list[Path]:
    """The folders that may be in memory, the best one first; none is looked at.

    Args:
        environment: The variables of the process, as it was started.

    Returns:
        The one that the user names, that of the user's session, and those of the system.
    """
    named = [environment.get(name, "") for name in ("TMPDIR", "XDG_RUNTIME_DIR")]
    session = _SESSIONS / str(os.getuid())  # also for those who are not told of it
    found = [*(Path(name) for name in named if name), session, _TEMPORARY, _SHARED_MEMORY]
    return list(dict.fromkeys(found))


def in_memory(folders: Iterable[Path]) -> Iterator[Place]:
    """Those of some folders that are in memory, and in which nobody else can touch our files."""
    for folder in folders:
        try:
            if is_safe(folder) and (place := place_of(folder)).in_memory:
                yield place
        except OSError:
            continue  # it is not there, or does not answer


def is_safe(folder: Path) -> bool:
    """Whether we can make folders in a folder, and no other user can put theirs in their place.

    Raises:
        OSError: It is not there.
    """
    about = folder.stat()
    writers = about.st_mode & (stat.S_IWOTH | stat.S_IWGRP)
    if about.st_gid == os.getegid():
        writers &= ~stat.S_IWGRP
    return (
        stat.S_ISDIR(about.st_mode)
        and about.st_uid in (0, os.getuid())
        and (not writers or bool(about.st_mode & stat.S_ISVTX))
        and os.access(folder, os.R_OK | os.W_OK | os.X_OK)
    )


def choose(places: Iterable[Place], room_bytes: int) -> Place | None:
    """The first place that can hold so much; else the largest; None without any. Pure."""
    places = list(places)
    roomy = (place for place in places if place.total_bytes >= room_bytes)
    return next(roomy, max(places, key=lambda place: place.total_bytes, default=None))


def shortage(place: Place) -> Shortage:
    """That a place is full. Pure."""
    if not place.in_memory:
        cause = f"the disk is full, and reading needs some room in {place.folder}"
        return Shortage(DISK_FULL, cause, "free some disk space")
    room = told_bytes(place.total_bytes)
    cause = f"{place.point} is full: {room} of memory, in which files are put aside while read"
    return Shortage(MEMORY_FULL, cause, larger(place.point))


def larger(point: Path) -> str:
    """How a place in memory is made larger. Pure."""
    by = " (in a container by shm_size)" if point == _SHARED_MEMORY else ""
    return f"enlarge {point}{by}, or set TMPDIR to a folder of a larger tmpfs, and restart prismd"


def told_bytes(size_bytes: int) -> str:
    """A size, as people read it. Pure."""
    if size_bytes >= WITHOUT_LIMIT:
        return "any amount"
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.0f} MB"
