"""Gives pictures, and the texts that they are held against, their vectors, one after the other."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

import apsw
import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from prismd.embedding import IDLE_WAIT_S
from prismd.errors import ExtractError, PrismdError
from prismd.models.base import ImageEmbedder
from prismd.progress import Progress
from prismd.store import likeness, vector_search, vectors
from prismd.store.database import Database

log = logging.getLogger(__name__)

_PICTURES = 4
_TEXTS = 32
"""About a second's work each, so that a pause takes effect as soon."""
_LOOK_AGAIN_S = 300.0
_HELD_UP_S = 0.2
"""Wait where texts are still to be embedded for the search by meaning, which goes first."""


class Decodes(Protocol):
    """What is asked of the pool of parsers."""

    def pixels(self, path: Path, edge_px: int) -> NDArray[np.uint8]:
        """A picture as a square of pixels; see ``extract.pool.ExtractPool``."""


class PictureLoop:
    """Embeds pictures, then texts beside them, for as long as it runs.

    Args:
        database: Open for writing.
        images: Makes the vectors; None leaves pictures without.
        pool: Decodes pictures.
        progress: Told of what is done, and of what keeps it from being done.
        stopping: Set when the loop is to end.
        running: Clear while the loop is to pause.
        texts_are_embedded: Whether what searches by meaning is done, which goes first.
    """

    def __init__(
        self,
        database: Database,
        images: ImageEmbedder | None,
        pool: Decodes,
        progress: Progress,
        stopping: threading.Event,
        running: threading.Event,
        texts_are_embedded: Callable[[], bool],
    ) -> None:
        self._database = database
        self._images = images
        self._pool = pool
        self._progress = progress
        self._stopping = stopping
        self._running = running
        self._texts_are_embedded = texts_are_embedded
        self._queued = threading.Event()
        self._spaces: tuple[int, int] | None = None
        self._done_to = _Done()
        self._looked = time.monotonic()
        self.open_spaces()

    def open_spaces(self) -> None:
        """Look which spaces new vectors go to."""
        self._spaces = open_spaces(self._database, self._images) if self._images else None
        self._done_to = _Done()

    def wake(self) -> None:
        """Say that there may be pictures without a vector."""
        self._queued.set()

    def idle(self) -> bool:
        """Whether every picture and text that can have a vector has one."""
        spaces = self._spaces
        if spaces is None:
            return True
        return not self._unseen(spaces[0], 1) and not self._untold(spaces[1], 1)

    def run(self) -> None:
        """Work until ``stopping`` is set."""
        while True:
            self._running.wait()
            if self._stopping.is_set():
                return
            self._queued.clear()
            try:
                busy = self._step()
                self._progress.trouble("pictures")
                if not busy:
                    self._tend()
                    self._look_again()
                    self._queued.wait(IDLE_WAIT_S if self.idle() else _HELD_UP_S)
            except Exception as error:
                # The loop must outlive a full disk and a failing model, and any fault of ours.
                known = isinstance(error, PrismdError)
                log.log(logging.ERROR, "%s", error, exc_info=None if known else error)
                self._progress.trouble("pictures", str(error))
                self._stopping.wait(IDLE_WAIT_S)

    def _step(self) -> bool:
        images, spaces = self._images, self._spaces
        if images is None or spaces is None:
            return False
        if unseen := self._unseen(spaces[0], _PICTURES):
            self._embed_pictures(images, spaces[0], unseen)
            return True
        if not self._texts_are_embedded():
            return False
        if untold := self._untold(spaces[1], _TEXTS):
            self._embed_texts(images, spaces[1], untold)
            return True
        return False

    def _unseen(self, space_id: int, limit: int) -> list[likeness.Unseen]:
        after = self._done_to.document_id
        return self._database.read(lambda c: likeness.unseen(c, space_id, limit, after))

    def _untold(self, space_id: int, limit: int) -> list[likeness.Untold]:
        after = self._done_to.passage_id
        return self._database.read(lambda c: likeness.untold(c, space_id, limit, after))

    def _embed_pictures(
        self, images: ImageEmbedder, space_id: int, unseen: list[likeness.Unseen]
    ) -> None:
        for item in unseen:
            try:
                pixels = self._pool.pixels(Path(os.fsdecode(item.path)), images.edge_px)
            except ExtractError as error:
                if self._stopping.is_set():
                    return
                # It was read before: it is gone or changed, and the next sweep will see it.
                log.info("a picture got no vector: %s", error)
            else:
                row, key = images.embed_images(pixels[np.newaxis]), bytes.fromhex(item.sha256)
                self._database.write(partial(_add, space_id=space_id, hashes=[key], rows=row))
                self._progress.embedded(1)
            self._done_to.document_id = item.document_id

    def _embed_texts(
        self, images: ImageEmbedder, space_id: int, untold: list[likeness.Untold]
    ) -> None:
        texts = {item.embedding_hash: item.text for item in untold}
        rows = images.embed_texts(list(texts.values()))
        self._database.write(partial(_add, space_id=space_id, hashes=list(texts), rows=rows))
        self._progress.embedded(len(texts))
        self._done_to.passage_id = untold[-1].passage_id

    def _look_again(self) -> None:
        """Start over now and then, for what could not be read, or was gone and came back."""
        if time.monotonic() - self._looked > _LOOK_AGAIN_S:
            self._done_to, self._looked = _Done(), time.monotonic()

    def _tend(self) -> None:
        for space_id in self._spaces or ():
            assert self._images is not None  # noqa: S101 - there are no spaces without
            vector_search.maintain(self._database, space_id, self._images.space.dim)


class _Done(msgspec.Struct):
    """Up to which ids everything has its vectors; new ones are always higher."""

    document_id: int = 0
    passage_id: int = 0


def _add(
    connection: apsw.Connection, *, space_id: int, hashes: list[bytes], rows: NDArray[np.float32]
) -> None:
    vectors.add(connection, space_id, hashes, rows)


def open_spaces(database: Database, images: ImageEmbedder) -> tuple[int, int] | None:
    """The spaces of a model's pictures and of the texts beside them.

    Returns:
        None where the index has vectors of another model: they go on serving until the user
        asks for the change (``prismd reindex --stale``).
    """
    known = database.read(lambda c: vectors.spaces(c, "picture"))
    if any(space != images.space for _, space in known):
        return None
    texts = replace(images.space, content="picture_text")

    def put(connection: apsw.Connection) -> tuple[int, int]:
        return vectors.put_space(connection, images.space), vectors.put_space(connection, texts)

    return database.write(put)
