"""What a compound file (OLE) is: an old Office document, or a new one that is encrypted.

Decided by what stands in its root folder. Such files hold others, whole: a message what is
attached to it, a sheet the text that was pasted into it.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import Any

import olefile

from prismd.errors import EncryptedDocument, ExtractError
from prismd.extract.damage import broken

# Sizes of sectors as powers of two, counts of those with directories, tables and more tables.
_COMPOUND = struct.Struct("<30xHH6xII16xI4xI")
_MINI_SHIFT = 6
_ENCRYPTED = ("EncryptedPackage", "\tDRMContent")
_TYPES = {
    "WordDocument": "application/msword",
    "PowerPoint Document": "application/vnd.ms-powerpoint",
    "__properties_version1.0": "application/vnd.ms-outlook",
    "Workbook": "application/vnd.ms-excel",
    "Book": "application/vnd.ms-excel",
    "VisioDocument": "application/vnd.visio",
    "Quill": "application/vnd.ms-publisher",
}
_TELLING = tuple(name for name in _TYPES if name not in ("Book", "Quill"))
"""Names that no other data hold by chance."""
_SUFFIXES = {
    ".doc": "application/msword",
    ".xls": "application/vnd.ms-excel",
    ".ppt": "application/vnd.ms-powerpoint",
    ".msg": "application/vnd.ms-outlook",
    ".vsd": "application/vnd.visio",
    ".pub": "application/vnd.ms-publisher",
    ".mpp": "application/vnd.ms-project",
}


def compound_type(path: Path) -> str:
    """The media type of a file that begins as a compound file does.

    Raises:
        EncryptedDocument: It is an Office document behind a password.
    """
    root = _root(path)
    names = _mentioned(path) if root is None else root
    if not names.isdisjoint(map(str.casefold, _ENCRYPTED)):
        raise EncryptedDocument("encrypted; save it without a password to index it")
    found = next((kind for name, kind in _TYPES.items() if name.casefold() in names), None)
    return found or _SUFFIXES.get(path.suffix.lower(), "application/x-ole-storage")


def _root(path: Path) -> frozenset[str] | None:
    """The names in the root folder, in small letters; None where it cannot be read."""
    try:
        check_compound(path)
        with olefile.OleFileIO(str(path), path_encoding=None) as file:
            root: Any = file.root
            return frozenset(entry.name.casefold() for entry in root.kids)
    # On a damaged directory it fails in many ways.
    except (
        ExtractError,
        OSError,
        ValueError,
        IndexError,
        TypeError,
        AttributeError,
        RecursionError,
    ):
        return None


def _mentioned(path: Path) -> frozenset[str]:
    """The known names that stand anywhere in a file."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return frozenset(
            name.casefold()
            for name in (*_ENCRYPTED, *_TELLING)
            if data.find(name.encode("utf-16-le")) >= 0
        )


def check_compound(path: Path) -> None:
    """See that the sizes in the head of a compound file (OLE) are those of a file of its length.

    Parsers ask for as much memory as it says.

    Raises:
        ExtractError: They are not (code ``broken``).
    """
    size_bytes = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_COMPOUND.size)
    if len(head) < _COMPOUND.size:
        raise broken("it is cut off")
    shift, mini_shift, *counts = _COMPOUND.unpack(head)
    most = (size_bytes >> 9) + 1
    if shift not in (9, 12) or mini_shift != _MINI_SHIFT or max(counts) > most:
        raise broken("its head does not fit its length")
