"""Which parts of the disk tell of changes, which have to be looked at, and which are no disk."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec
import psutil

from prismd.paths.opening import parent

_REMOTE = frozenset(
    (
        *("nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "afpfs", "webdav", "davfs", "ncpfs"),
        *("afs", "9p", "virtiofs", "drvfs", "vboxsf", "vmhgfs", "prl_fs", "fuse", "macfuse"),
        *("osxfuse", "ceph", "glusterfs", "lustre", "orangefs", "beegfs", "gfs2", "ocfs2", "coda"),
    )
)
_NO_DISK = frozenset(
    (
        *("proc", "sysfs", "devtmpfs", "devpts", "devfs", "cgroup", "cgroup2", "securityfs"),
        *("debugfs", "tracefs", "configfs", "pstore", "bpf", "mqueue", "hugetlbfs", "fusectl"),
        *("binfmt_misc", "nsfs", "efivarfs", "rpc_pipefs", "selinuxfs", "nfsd", "resctrl"),
        # The files of other places once more, and what a disk would be mounted by a look at.
        *("fuse.portal", "fuse.gvfsd-fuse", "autofs"),
    )
)

_TABLE = Path("/proc/self/mounts")
_known: dict[bytes, Mounts] = {}
"""The mount points, by the table that they were last read from."""


class Mounts(msgspec.Struct, frozen=True):
    """The mount points of the machine.

    Attributes:
        silent: Those of file systems that change without an event: what another computer writes
            to them is not told.
        no_disk: Those with nothing on them that a person has made; nothing in them is looked at.
        others: All others.
    """

    silent: frozenset[bytes] = frozenset()
    no_disk: frozenset[bytes] = frozenset()
    others: frozenset[bytes] = frozenset()

    def is_silent(self, folder: bytes) -> bool:
        """Whether changes in a folder are not told."""
        while True:
            if folder in self.silent or folder in self.no_disk:
                return True
            if folder in self.others or folder in (b"/", b""):
                return False
            folder = parent(folder)

    def concern(self, folder: bytes, before: Mounts) -> bool:
        """Whether something was mounted or unmounted in a folder, or around it, since then."""
        now_there = self.silent | self.no_disk | self.others
        then_there = before.silent | before.no_disk | before.others
        return any(
            _is_within(point, folder) or _is_within(folder, point)
            for point in now_there ^ then_there
        )


def _is_within(path: bytes, folder: bytes) -> bool:
    return path == folder or path.startswith(folder.rstrip(b"/") + b"/")


def mounts() -> Mounts:
    """The mount points as they are now; asks the system's table, never the disks."""
    try:
        table = _TABLE.read_bytes()
    except OSError:  # another system than Linux
        return _now()
    # Asked every few seconds: a table that is as it was need not be taken apart again.
    if (known := _known.get(table)) is not None:
        return known
    found = _now()
    if _TABLE.read_bytes() == table:  # else it may be of the one or the other
        _known.clear()
        _known[table] = found
    return found


def _now() -> Mounts:
    return _sorted((part.mountpoint, part.fstype) for part in psutil.disk_partitions(all=True))


def _sorted(found: Iterable[tuple[str, str]]) -> Mounts:
    silent: set[bytes] = set()
    no_disk: set[bytes] = set()
    others: set[bytes] = set()
    for point, kind in found:
        # The last one mounted at a place is the one that is seen.
        path = os.fsencode(point)
        for group in (silent, no_disk, others):
            group.discard(path)
        if kind in _NO_DISK:
            no_disk.add(path)
        elif kind in _REMOTE or kind.startswith("fuse."):
            silent.add(path)
        else:
            others.add(path)
    return Mounts(frozenset(silent), frozenset(no_disk), frozenset(others))
