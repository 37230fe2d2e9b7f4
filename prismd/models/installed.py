"""Which model files are there, and whether they are what they should be.

A file is hashed once. Its size, modification time and sha256 are then kept in
``verified.json`` beside it, so that a start does not read half a gigabyte again; whenever size
or time differ from the record, the file is hashed anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from prismd.errors import ModelError
from prismd.models.entry import ModelEntry, ModelFile

_RECORD = "verified.json"
_READ_BYTES = 1 << 20


class _Seen(msgspec.Struct, frozen=True):
    size_bytes: int
    mtime_ns: int
    sha256: str


def sha256_of(path: Path, seen: Callable[[int], None] = lambda _: None) -> str:
    """The hex sha256 of a file; ``seen`` is told the number of each bytes read."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_READ_BYTES):
            digest.update(block)
            seen(len(block))
    return digest.hexdigest()


def presence(entry: ModelEntry, models_dir: Path) -> Literal["present", "missing"]:
    """Whether every file is there with its right size; reads no content, so it is quick."""
    folder = models_dir / entry.name
    for file in entry.files:
        try:
            if (folder / file.name).stat().st_size != file.size_bytes:
                return "missing"
        except OSError:
            return "missing"
    return "present"


def verified(entry: ModelEntry, models_dir: Path) -> dict[str, Path]:
    """The paths of a model's files by name, each with the bytes that the catalogue expects.

    Raises:
        ModelError: A file is missing, or had other bytes and was removed; says what to run.
    """
    folder = models_dir / entry.name
    return {file.name: verify_file(entry, file, folder) for file in entry.files}


def verify_file(entry: ModelEntry, file: ModelFile, folder: Path) -> Path:
    """Check one file, by the record when it still fits, else by reading it.

    Raises:
        ModelError: As ``verified``.
    """
    path = folder / file.name
    try:
        if _is_recorded(file, folder):
            return path
        found = difference(file, folder)
    except OSError as error:
        raise ModelError(
            f"{entry.name}: {file.name} is not there; run `prismd models pull {entry.name}`"
        ) from error
    if not found:
        remember(file, folder)
        return path
    # Of a user's own file only the link is removed.
    path.unlink(missing_ok=True)
    raise ModelError(
        f"{entry.name}: {file.name} is damaged and was removed ({found}); "
        f"run `prismd models pull {entry.name}`"
    )


def difference(file: ModelFile, folder: Path, *, anew: bool = True) -> str:
    """How a file differs from what the catalogue expects; empty where it does not.

    Changes nothing.

    Args:
        file: What is expected.
        folder: The model's folder.
        anew: Read it, even if it has not been touched since it was found right.

    Raises:
        OSError: It is not there, or cannot be read.
    """
    path = folder / file.name
    if (size := path.stat().st_size) != file.size_bytes:
        return f"expected {file.size_bytes} bytes, got {size}"
    if not anew and _is_recorded(file, folder):
        return ""
    got = sha256_of(path)
    return "" if got == file.sha256 else f"expected sha256 {file.sha256}, got {got}"


def _is_recorded(file: ModelFile, folder: Path) -> bool:
    """Whether it was found right, and has not been touched since."""
    stat = (folder / file.name).stat()
    seen = _Seen(stat.st_size, stat.st_mtime_ns, file.sha256)
    return stat.st_size == file.size_bytes and _read(folder).get(file.name) == seen


def remember(file: ModelFile, folder: Path) -> None:
    """Record that a file has been hashed and is right."""
    stat = (folder / file.name).stat()
    records = _read(folder) | {file.name: _Seen(stat.st_size, stat.st_mtime_ns, file.sha256)}
    # Without a record the file is only hashed again; a read-only folder is no reason to fail.
    with contextlib.suppress(OSError):
        write_atomically(folder / _RECORD, msgspec.json.encode(records))


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a small file whole, so that no reader ever sees half of it."""
    part = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    part.write_bytes(content)
    part.replace(path)


def _read(folder: Path) -> dict[str, _Seen]:
    try:
        return msgspec.json.decode((folder / _RECORD).read_bytes(), type=dict[str, _Seen])
    except (OSError, msgspec.DecodeError):
        return {}
