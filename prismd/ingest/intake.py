"""Takes uploads in: piece by piece into the index, where they are files once all is there."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import Future

import apsw

from prismd.store import uploads
from prismd.store.database import Database
from prismd.store.uploads import PIECE_BYTES, Received, Taken


class Incoming:
    """The bytes of one file that come in. For one user at a time.

    Attributes:
        id: The upload's number.
        name: What the file is called.
        size_bytes: How many bytes have come.
    """

    def __init__(self, database: Database, upload_id: int, name: str) -> None:
        self._database = database
        self._digest = hashlib.sha256()
        self._buffer = bytearray()
        self._pieces = 0
        self.id = upload_id
        self.name = name
        self.size_bytes = 0

    def add(self, content: bytes | bytearray) -> None:
        """Take some more bytes; ``write_full`` is to be called when there is a piece of them."""
        self._digest.update(content)
        self._buffer += content
        self.size_bytes += len(content)

    @property
    def has_piece(self) -> bool:
        """Whether there is enough to be written."""
        return len(self._buffer) >= PIECE_BYTES

    def write(self) -> Future[None]:
        """Have the next piece written: a full one, or whatever there is left."""
        piece, number = bytes(self._buffer[:PIECE_BYTES]), self._pieces
        del self._buffer[:PIECE_BYTES]
        self._pieces += 1
        return self._database.submit(lambda c: uploads.append(c, self.id, number, piece))

    @property
    def has_rest(self) -> bool:
        """Whether anything has not been written."""
        return bool(self._buffer)

    def received(self, media_type: str, purpose: str) -> Received:
        """What it is, now that all has been written."""
        digest = self._digest.hexdigest()
        return Received(self.id, self.name, digest, self.size_bytes, media_type, purpose)


class Intake:
    """Keeps track of what comes in, so that nothing of it stays that is not to be kept.

    Args:
        database: Open for writing.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._coming: set[int] = set()  # the thread that writes alone changes it

    def batch(self) -> Batch:
        """Begin with the files of one request."""
        return Batch(self._database, self._coming)


class Batch:
    """Files that come in together, and are kept together or not at all.

    Args:
        database: Open for writing.
        coming: Uploads that are coming in, by their numbers.
    """

    def __init__(self, database: Database, coming: set[int]) -> None:
        self._database = database
        self._coming = coming
        self._ours: list[int] = []

    def begin(self, name: str) -> Future[Incoming]:
        """Make room for a file; what others have left behind is removed."""

        def begin(connection: apsw.Connection) -> Incoming:
            uploads.discard_unfinished(connection, self._coming)
            upload_id = uploads.begin(connection)
            self._coming.add(upload_id)
            self._ours.append(upload_id)
            return Incoming(self._database, upload_id, name)

        return self._database.submit(begin)

    def take(self, received: Sequence[Received]) -> Future[list[Taken]]:
        """Make files of all that has come in."""
        return self._database.submit(lambda c: [uploads.take(c, each) for each in received])

    def end(self) -> Future[None]:
        """Drop what has not been taken; to be called whatever happened, and never waits."""

        def drop(connection: apsw.Connection) -> None:
            # Should it fail, as on a full disk, whoever begins next drops it.
            self._coming.difference_update(self._ours)
            uploads.discard(connection, self._ours)

        return self._database.submit(drop)
