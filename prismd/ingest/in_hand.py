"""A file in hand: whether to read on, and the pieces that have been read of it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future

import msgspec

from prismd.disk.source import source_of
from prismd.domain import Extraction
from prismd.extract.base import MediaType, media_type
from prismd.extract.pieces import Piece
from prismd.store import jobs, pieces
from prismd.store.database import Database
from prismd.store.files import Entry
from prismd.store.jobs import Job

_LEASE_LOOK_S = 0.5
_NEARLY_DONE_S = 0.15
"""What is done so soon after a pause is finished: a short text need not be begun anew."""
_HOLD_S = 0.25
"""Pieces are written so much apart at least, however fast they come."""
_SOUND = "sound"
"""Under which name it is kept what a recording is, and says of itself, before it is heard."""


class InHand:
    """A file that is being read, by one thread.

    Args:
        database: Open for writing.
        job: The file's.
        entry: The file as it was when its reading began.
        stopping: Set when nothing is to be read on.
        running: Clear while work is to be put off.
    """

    def __init__(
        self,
        database: Database,
        job: Job,
        entry: Entry,
        stopping: threading.Event,
        running: threading.Event,
    ) -> None:
        self._database = database
        self._job = job
        self._entry = entry
        self._stopping = stopping
        self._running = running
        self._paused_s: float | None = None
        self._lease_look_s = time.monotonic() + _LEASE_LOOK_S
        self._sha256 = ""
        self._known: list[pieces.Piece] = []
        self._found: list[pieces.Piece] = []
        self._writing: Future[bool] | None = None
        self._kept_s = 0.0

    def is_called_off(self) -> bool:
        """Whether reading it is to end: all of it stops, or the file is another's now.

        To be asked several times a second.
        """
        self._write_soon()
        if self._stopping.is_set():
            return True
        now_s = time.monotonic()
        if not self._running.is_set():
            self._paused_s = now_s if self._paused_s is None else self._paused_s
            return now_s - self._paused_s >= _NEARLY_DONE_S
        self._paused_s = None
        if now_s < self._lease_look_s:
            return False
        self._lease_look_s = now_s + _LEASE_LOOK_S
        job = self._job
        return not self._database.read(lambda c: jobs.still_leased(c, job.file_id, job.owner))

    @contextlib.contextmanager
    def in_pieces(self, sha256: str) -> Iterator[None]:
        """Read it with what is known of this content; what is read now is kept, however it ends."""
        self._sha256 = sha256
        self._known = self._database.read(lambda c: pieces.of(c, sha256))
        try:
            yield
        finally:
            self._finish_writing()
            self._write()
            self._finish_writing()

    def known(self) -> list[Piece]:
        """The pieces that were read before."""
        return [Piece(*piece) for piece in self._known]

    def known_by(self, reader: str) -> dict[int, bytes]:
        """The pieces that one reader made before, by number."""
        return {number: content for by, number, content in self._known if by == reader}

    def keep(self, reader: str, number: int, content: bytes) -> None:
        """Keep a piece that has been read; it is written soon."""
        self._found.append((reader, number, content))
        self._write_soon()

    def sound(self, max_chars: int) -> tuple[MediaType, Extraction] | None:
        """What is known of a recording beside what is said in it; None when it is to be read."""
        for packed in self.known_by(_sound_reader(max_chars)).values():
            with contextlib.suppress(msgspec.DecodeError):
                media, extraction = msgspec.msgpack.decode(
                    packed, type=tuple[MediaType, Extraction]
                )
                if media_type(media.name) == media:
                    return media, extraction
        return None

    def keep_sound(self, max_chars: int, media: MediaType, extraction: Extraction) -> None:
        """Keep what has been read of a recording, which is yet to be heard."""
        packed = msgspec.msgpack.encode((media, extraction))
        self.keep(_sound_reader(max_chars), 0, packed)

    def _write_soon(self) -> None:
        """Have what was found written, unless that was just done; does not wait for others."""
        writing = self._writing
        if writing is not None and not writing.done():
            return
        if self._found and time.monotonic() - self._kept_s >= _HOLD_S:
            self._finish_writing()
            self._write()

    def _write(self) -> None:
        found, self._found = self._found, []
        self._kept_s = time.monotonic()
        if not found or not self._is_the_same():
            return
        job, sha256 = self._job, self._sha256
        self._writing = self._database.submit(
            lambda c: pieces.keep(c, job.file_id, job.owner, sha256, found)
        )

    def _finish_writing(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def _is_the_same(self) -> bool:
        """Whether what has just been read is of the content that was hashed."""
        try:
            return source_of(self._database, self._job.path).look() == self._entry
        except OSError:
            return False


def _sound_reader(max_chars: int) -> str:
    return f"{_SOUND}, {max_chars} characters at most"
