"""What an uploaded file is called: what the client says, fit for the end of a path. Pure."""

from __future__ import annotations

import unicodedata
from pathlib import PurePosixPath

_UNNAMED = "upload"
_MOST_BYTES = 200
_MOST_SUFFIX_BYTES = 20
_TURNS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
"""Marks that turn the direction of what follows: ``exe.fdp`` would be read as ``pdf.exe``."""
_NOT_SHOWN = ("Cc", "Cs", "Zl", "Zp", "Cn", "Co")


def upload_name(given: str) -> str:
    """The last part of what a client calls a file, without what is not to be shown.

    Args:
        given: A name, or a path as the client's system writes it; any text, or none.

    Returns:
        At least one character and 200 bytes at most in UTF-8, the suffix kept; never ``.``, ``..``
        or anything with a slash, a backslash or a control character in it.
    """
    text = unicodedata.normalize("NFC", given).replace("\\", "/")
    shown = "".join(c for c in text if c not in _TURNS and not _is_hidden(c))
    name = " ".join(shown.rstrip("/ ").rpartition("/")[2].split())
    if not name.strip("."):
        return _UNNAMED
    return _cut(name)


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in _NOT_SHOWN


def _cut(name: str) -> str:
    if len(name.encode()) <= _MOST_BYTES:
        return name
    suffix = PurePosixPath(name).suffix
    if len(suffix.encode()) > _MOST_SUFFIX_BYTES:
        suffix = ""
    stem = name.removesuffix(suffix).encode()[: _MOST_BYTES - len(suffix.encode())]
    return stem.decode("utf-8", "ignore").rstrip() + suffix
