"""Names that a disk takes for one another: macOS and Windows disks do not heed their case.

On such a disk a file that was renamed from ``Report.txt`` to ``report.txt`` is still found by its
old name. Only the listing of its folder tells.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Container

from prismd.paths.opening import open_folder, parent


def same_but_for_spelling(path: bytes, other: bytes) -> bool:
    """Whether two different paths could be one to a disk that does not heed case."""
    return path != other and _plain(path) == _plain(other)


def _plain(path: bytes) -> str:
    return unicodedata.normalize("NFC", os.fsdecode(path)).casefold()


def is_spelled_so(path: bytes, root: bytes, beat: Callable[[], None] = lambda: None) -> bool:
    """Whether every name of a path below a root is listed as it is spelled.

    What cannot be listed is taken to be.

    Args:
        path: The path.
        root: That of the root it is in.
        beat: Called again and again, as long as the disk answers.
    """
    while path not in (root, b"/"):
        folder = parent(path)
        if os.fsdecode(path[len(folder) :].lstrip(b"/")) not in _names(folder, beat):
            return False
        path = folder
    return True


def _names(folder: bytes, beat: Callable[[], None]) -> Container[str]:
    beat()
    names = set[str]()
    try:
        descriptor = open_folder(folder)
    except OSError:
        return _Anything()
    try:
        with os.scandir(descriptor) as children:
            for child in children:
                beat()
                names.add(child.name)
        return names
    finally:
        os.close(descriptor)


class _Anything:
    def __contains__(self, name: object) -> bool:
        return True
