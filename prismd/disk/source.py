"""Where the bytes of a file of the index are: on the disk, or in the index itself.

Whatever reads files takes a path. An upload gets one for as long as it is read (see ``openable``):
where there are no files in memory, that of a private file beside the index.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from prismd.disk.looking import hash_file, look
from prismd.paths.openable import Openable
from prismd.store import folders, uploads
from prismd.store.database import Database
from prismd.store.files import Entry
from prismd.store.uploads import PIECE_BYTES, Upload, is_upload

log = logging.getLogger(__name__)

_FOLDER = "uploads-in-hand"


class Source(Protocol):
    """Where a file is read from.

    Attributes:
        settles: Whether somebody else may be writing it.
    """

    settles: bool

    def look(self) -> Entry:
        """The file as it is now.

        Raises:
            FileNotFoundError: There is none.
            OSError: It cannot be looked at.
        """

    def sha256(self, cancelled: Callable[[], bool] | None = None) -> str:
        """The hash of its bytes; as ``looking.hash_file``."""

    def readable(self) -> AbstractContextManager[Path]:
        """A path by which any process of this user can read it, for as long as that is needed.

        Raises:
            FileNotFoundError: There is none.
            OSError: It cannot be had.
        """


class OnDisk:
    """A file of a watched folder."""

    settles = True

    def __init__(self, path: str) -> None:
        self._path = path

    def look(self) -> Entry:
        """See ``Source``."""
        return look(self._path)

    def sha256(self, cancelled: Callable[[], bool] | None = None) -> str:
        """See ``Source``."""
        return hash_file(self._path, cancelled)

    def readable(self) -> AbstractContextManager[Path]:
        """See ``Source``."""
        return contextlib.nullcontext(Path(self._path))


class Uploaded:
    """A file whose bytes are in the index."""

    settles = False

    def __init__(self, database: Database, path: str) -> None:
        self._database = database
        self._path = os.fsencode(path)

    def look(self) -> Entry:
        """See ``Source``."""
        known = self._database.read(lambda c: folders.at(c, self._path))
        if known is None:
            raise _gone(self._path)
        return Entry(
            self._path,
            known.device,
            known.inode,
            known.size_bytes,
            known.mtime_ns,
            known.ctime_ns,
        )

    def sha256(self, cancelled: Callable[[], bool] | None = None) -> str:
        """See ``Source``; it was taken when the bytes came in."""
        return self._upload().sha256

    @contextlib.contextmanager
    def readable(self) -> Iterator[Path]:
        """See ``Source``."""
        upload = self._upload()
        with held(self._database, upload.id, upload.size_bytes, self._name) as path:
            yield path

    @property
    def _name(self) -> str:
        return os.fsdecode(self._path.rpartition(b"/")[2])

    def _upload(self) -> Upload:
        found = self._database.read(lambda c: uploads.at(c, self._path))
        if found is None:
            raise _gone(self._path)
        return found


def source_of(database: Database, path: str) -> Source:
    """Where the file is that has a path in the index."""
    return Uploaded(database, path) if is_upload(path) else OnDisk(path)


@contextlib.contextmanager
def held(database: Database, upload_id: int, size_bytes: int, name: str) -> Iterator[Path]:
    """A path to the bytes of an upload, called as the file is.

    Args:
        database: Where they are.
        upload_id: The upload.
        size_bytes: How many there are.
        name: What the file is called.

    Raises:
        FileNotFoundError: They are not there, or not all of them.
        OSError: There is no room for them.
    """
    with Openable(name, folder=database.path.parent / _FOLDER) as room:
        for start in range(0, size_bytes, PIECE_BYTES):
            piece = database.read(lambda c, at=start: uploads.read(c, upload_id, at, PIECE_BYTES))  # type: ignore[misc]
            if not piece:
                raise _gone(os.fsencode(name))
            room.write(piece)
        yield room.path


def clear_held(data_dir: Path) -> None:
    """Remove what a process that is no more had in hand; what cannot be removed is told."""
    try:
        shutil.rmtree(data_dir / _FOLDER)
    except FileNotFoundError:
        pass
    except OSError as error:
        log.warning(
            "%s: parts of uploads may be left there, and cannot be removed (%s); remove it",
            data_dir / _FOLDER,
            error.strerror,
        )


def _gone(path: bytes) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, "is no upload any more", os.fsdecode(path))
