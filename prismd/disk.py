"""What the disk says of a file, without following links; nothing here knows the index."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from prismd.store.files import Entry, Root, entry_of

_PIECE_BYTES = 1 << 20


def look(path: str) -> Entry:
    """A regular file as it is now.

    Raises:
        FileNotFoundError: There is none: nothing, a folder, a link, or a device.
        OSError: It cannot be looked at.
    """
    found = os.stat(path, follow_symlinks=False)  # noqa: PTH116 - Path.stat builds a Path per file
    if not stat.S_ISREG(found.st_mode):
        raise FileNotFoundError(f"{path}: is no regular file any more")
    return entry_of(os.fsencode(path), found)


def hash_file(path: str) -> str:
    """The sha256 of a regular file's content, in hexadecimal digits.

    Raises:
        OSError: It cannot be read, or a link stands in its place.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    digest = hashlib.sha256()
    with os.fdopen(descriptor, "rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def is_there(root: Root) -> bool:
    """Whether a root's own disk stands at its path: not an empty mount point, or nothing."""
    path = Path(root.path)
    try:
        return path.is_dir() and root.device in (0, entry_of(b"", path.stat()).device)
    except OSError:
        return False
