"""Whether a folder's own disk stands at its path, or what is left where it was mounted."""

from __future__ import annotations

import os

import apsw

from prismd.disk.looking import device_of
from prismd.paths.opening import parent
from prismd.store import facts, files, folders, jobs
from prismd.store.files import Root


def mount_point(folder: bytes) -> bytes:
    """Where the disk of a folder is mounted, which is there."""
    device = device_of(folder)
    while folder != b"/" and device_of(parent(folder)) == device:
        folder = parent(folder)
    return folder


def noted_point(connection: apsw.Connection, root: Root) -> bytes:
    """Where the disk of a root was mounted when it was there last; empty for nowhere yet."""
    return bytes.fromhex(facts.get(connection, _key(root.id)) or "")


def is_mounted(root: Root, point: bytes) -> bool:
    """Whether a disk is mounted where that of a root was, which the root is only a part of.

    It is taken for the same disk then. Some have another number after every start.

    Args:
        root: The root.
        point: As ``noted_point`` has it.
    """
    return point not in (b"", os.fsencode(root.path)) and mount_point(point) == point


def note(connection: apsw.Connection, root: Root, device: int, point: bytes) -> None:
    """Note that a root is there, on which disk, and where that is mounted.

    A disk that is mounted anew has another number by now, and its files have it as well. Those
    that have been deleted meanwhile would be taken for files of a disk that is away.
    """
    if root.state == "offline" or root.device != device:
        jobs.retry_unreadable(connection, root.id)  # it may have been for this that it went
    files.set_root_state(connection, root.id, "watching")
    folders.renumber(connection, root, device)
    facts.put(connection, _key(root.id), point.hex())


def is_noted(connection: apsw.Connection, root: Root, point: bytes) -> bool:
    """Whether it is known where the disk of a root is mounted."""
    return noted_point(connection, root) == point


def _key(root_id: int) -> str:
    return facts.of_root("mount point", root_id)
