"""One folder of the disk, listed: what is in it, and a figure that changes when any of it does."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Callable
from typing import NamedTuple

from prismd.paths.opening import open_file, open_folder
from prismd.store.files import Entry, entry_of
from prismd.watch.rules import ignore_lines

log = logging.getLogger(__name__)

_MASK = 2**64 - 1
_IGNORE_FILE_BYTES = 1 << 20


class Listing(NamedTuple):
    """A folder's children, by kind.

    Attributes:
        device: The file system that the folder is on, as ``entry_of`` has it.
        inode: The folder itself.
        files: Regular files, in no order.
        folders: Folders by name, with their inodes; links to folders are not among them.
        unreadable: Names of what could not be looked at; it may be anything.
        fingerprint: Equal for two listings when nothing was added, removed, renamed, replaced,
            written or given other permissions in between; 64 bits, within this process only.
        odd_names: Whether some name is not UTF-8.
    """

    device: int
    inode: int
    files: list[Entry]
    folders: dict[bytes, int]
    unreadable: list[bytes]
    fingerprint: int
    odd_names: bool


def list_folder(path: bytes, beat: Callable[[], None] = lambda: None) -> Listing:
    """Look at everything in a folder, without following links.

    Args:
        path: The folder.
        beat: Called again and again, as long as the disk answers.

    Raises:
        OSError: It cannot be listed, or is no folder any more.
    """
    files: list[Entry] = []
    folders: dict[bytes, int] = {}
    unreadable: list[bytes] = []
    fingerprint = 0
    odd_names = False
    prefix = path.rstrip(b"/") + b"/"
    descriptor = open_folder(path)
    try:
        own = entry_of(path, os.fstat(descriptor))
        with os.scandir(descriptor) as children:
            for child in children:
                beat()
                name = os.fsencode(child.name)
                odd_names = odd_names or not _is_utf8(name)
                try:
                    found = child.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue  # gone since it was listed
                except OSError:
                    unreadable.append(name)
                    fingerprint += hash(name)
                    continue
                mode = found.st_mode
                if stat.S_ISDIR(mode):
                    inode = entry_of(name, found).inode
                    folders[name] = inode
                    fingerprint += hash((name, inode))
                elif stat.S_ISREG(mode):
                    entry = entry_of(prefix + name, found)
                    files.append(entry)
                    fingerprint += hash(
                        (name, entry.inode, entry.size_bytes, entry.mtime_ns, entry.ctime_ns)
                    )
                else:  # a link, a FIFO, a socket, a device: never opened
                    fingerprint += hash((name, mode))
    finally:
        os.close(descriptor)
    fingerprint &= _MASK
    return Listing(own.device, own.inode, files, folders, unreadable, fingerprint, odd_names)


def read_ignore_file(path: bytes) -> list[str]:
    """The patterns of an ignore file; what is beyond a megabyte of them does not count.

    Raises:
        OSError: It cannot be read.
    """
    with os.fdopen(open_file(path), "rb") as file:
        content = file.read(_IGNORE_FILE_BYTES)
    if len(content) == _IGNORE_FILE_BYTES:
        log.warning("%s: is too long; its end is passed over", os.fsdecode(path))
        content = content[: content.rfind(b"\n") + 1]  # half a pattern may exclude too much
    lines, unusable = ignore_lines(content)
    for line in unusable:
        log.warning("%s: %r is no pattern; it is passed over", os.fsdecode(path), line)
    return lines


def _is_utf8(name: bytes) -> bool:
    if name.isascii():
        return True
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True
