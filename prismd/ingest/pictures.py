"""Gives pictures, and the texts that they are held against, their vectors, one after the other."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Literal, Protocol

import apsw
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from prismd.disk.asking import GivenUp
from prismd.disk.source import source_of
from prismd.errors import ExtractError, ModelError
from prismd.ingest.embedding import IDLE_WAIT_S
from prismd.models.base import ImageEmbedder
from prismd.progress.progress import Progress
from prismd.store import likeness, vector_search, vectors
from prismd.store.database import Database

log = logging.getLogger(__name__)

_PICTURES = 4
_TEXTS = 16
"""About half a second's work, so that a pause takes effect as soon."""
_LOOK_AGAIN_S = 60.0
_TEND_S = 30.0
_PROBE = "a"
PART = "pictures"
"""Under which name the progress has its troubles."""
_HELD_UP_S = 0.2
"""Wait where texts are still to be embedded for the search by meaning, which goes first."""


Vector = NDArray[np.float32]


class Decodes(Protocol):
    """What is asked of the pool of parsers."""

    def pixels(
        self, path: Path, edge_px: int, *, cancelled: Callable[[], bool] | None = None
    ) -> NDArray[np.uint8]:
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
        shuns: Whether a file is not to be asked for, because its disk does not answer.
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
        shuns: Callable[[str], bool],
    ) -> None:
        self._database = database
        self._images = images
        self._pool = pool
        self._progress = progress
        self._stopping = stopping
        self._running = running
        self._texts_are_embedded = texts_are_embedded
        self._shuns = shuns
        self._queued = threading.Event()
        self._spaces: tuple[int, int] | None = None
        self._passed_over: set[int] = set()
        self._missed: set[int] = set()
        self._told_to = 0
        self._down = False
        self._rests = images is None
        self._tended = self._looked = time.monotonic()
        self.open_spaces()

    def open_spaces(self) -> None:
        """Look which spaces new vectors go to."""
        self._spaces = open_spaces(self._database, self._images) if self._images else None
        self._told_to = 0
        self._queued.set()

    def wake(self) -> None:
        """Say that there may be pictures without a vector."""
        self._queued.set()

    def idle(self) -> bool:
        """Whether every picture and text that can have a vector has one."""
        spaces = self._spaces
        if spaces is None or self._down:
            return True
        return not self._unseen(spaces[0], 1) and not self._untold(spaces[1], 1)

    @property
    def at_rest(self) -> bool:
        """Whether the loop has looked since it was woken, and found nothing; asks no database."""
        return self._spaces is None or self._down or (self._rests and not self._queued.is_set())

    def run(self) -> None:
        """Work until ``stopping`` is set."""
        while True:
            self._progress.await_turn(self._running, PART)
            if self._stopping.is_set():
                return
            # Who only looks whether something is back rests until there is.
            self._rests = self._rests and not self._queued.is_set()
            self._queued.clear()
            try:
                outcome = self._step()
                self._down, self._rests = False, outcome == "done"
                self._progress.trouble(PART)
            except GivenUp:
                raise
            except Exception as error:
                # The loop must outlive a full disk and a failing model, and any fault of ours.
                self._progress.trouble(PART, error)
                self._down = True
                self._stopping.wait(IDLE_WAIT_S)
                continue
            self._tend(at_rest=outcome == "done")
            if outcome == "held up":
                self._queued.wait(_HELD_UP_S)
            elif outcome == "done":
                self._rest()

    def _rest(self) -> None:
        """Wait until there may be something to do."""
        self._queued.wait(_LOOK_AGAIN_S)
        if time.monotonic() - self._looked > _LOOK_AGAIN_S:
            # What was gone, or away for a moment, may be back.
            self._missed.clear()
            self._looked = time.monotonic()

    def _step(self) -> Literal["busy", "held up", "done"]:
        images, spaces = self._images, self._spaces
        if images is None or spaces is None:
            return "done"
        if unseen := self._unseen(spaces[0], _PICTURES):
            for item in unseen:
                if not self._is_called_off():
                    self._embed_picture(images, spaces[0], item)
            return "busy"
        if not self._texts_are_embedded():
            return "held up"
        if untold := self._untold(spaces[1], _TEXTS):
            self._embed_texts(images, spaces[1], untold)
            return "busy"
        return "done"

    def _is_called_off(self) -> bool:
        return self._stopping.is_set() or not self._running.is_set()

    def _unseen(self, space_id: int, limit: int) -> list[likeness.Unseen]:
        without = [*self._passed_over, *self._missed]
        return self._database.read(lambda c: likeness.unseen(c, space_id, limit, without))

    def _untold(self, space_id: int, limit: int) -> list[likeness.Untold]:
        after = self._told_to
        found, newest = self._database.read(
            lambda c: (likeness.untold(c, space_id, limit, after), likeness.newest_passage(c))
        )
        if not found and self._told_to == after:
            self._told_to = newest  # so that what has its vectors is not looked through again
        return found

    def _embed_picture(self, images: ImageEmbedder, space_id: int, item: likeness.Unseen) -> None:
        pixels = self._decode(item, images.edge_px)
        if pixels is None:
            return
        try:
            row = images.embed_images(pixels[np.newaxis])
        except ModelError:
            images.embed_images(np.zeros_like(pixels)[np.newaxis])  # else it is not the picture
            log.warning("a picture got no vector: the model fails on it")
            self._passed_over.add(item.document_id)
            return
        key = bytes.fromhex(item.sha256)
        self._database.write(partial(_add, space_id=space_id, hashes=[key], rows=row))
        self._progress.embedded(1)

    def _decode(self, item: likeness.Unseen, edge_px: int) -> NDArray[np.uint8] | None:
        """A picture's pixels from any of the files that hold it; None where there is none."""
        for path in self._database.read(lambda c: likeness.holders(c, item.document_id)):
            try:
                pixels = self._pixels_of(os.fsdecode(path), item.sha256, edge_px)
            except ExtractError as error:
                if self._is_called_off():
                    return None
                log.info("a picture got no vector: %s", error)
                if not error.transient:
                    self._passed_over.add(item.document_id)
                    return None
            else:
                if pixels is not None:
                    return pixels
        self._missed.add(item.document_id)
        return None

    def _pixels_of(self, path: str, sha256: str, edge_px: int) -> NDArray[np.uint8] | None:
        """A file's pixels; None where another content stands at its path by now."""
        if self._shuns(path):
            return None
        source = source_of(self._database, path)
        try:
            before = source.look()
            if source.sha256(self._is_called_off) != sha256:
                return None
            try:
                with source.readable() as readable:
                    pixels = self._pool.pixels(readable, edge_px, cancelled=self._is_called_off)
            except ExtractError:
                if source.look() != before:
                    return None  # what failed was not this picture
                raise
            return pixels if source.look() == before else None
        except OSError:
            return None

    def _embed_texts(
        self, images: ImageEmbedder, space_id: int, untold: list[likeness.Untold]
    ) -> None:
        texts = {item.embedding_hash: item.text for item in untold}
        try:
            found = dict(zip(texts, images.embed_texts(list(texts.values())), strict=True))
        except ModelError:
            images.embed_texts([_PROBE])  # else it is none of the texts
            found = _one_by_one(images, texts)
        rows = np.reshape(list(found.values()), (len(found), images.space.dim))
        self._database.write(partial(_add, space_id=space_id, hashes=list(found), rows=rows))
        self._progress.embedded(len(found))
        self._told_to = max(self._told_to, untold[-1].passage_id)

    def _tend(self, *, at_rest: bool) -> None:
        """Keep the indexes of whole documents fit; while there is much to do, now and then."""
        if not at_rest and time.monotonic() - self._tended < _TEND_S:
            return
        with self._progress.attempt("tending the index of pictures"):
            for space_id, space in self._database.read(vectors.spaces):
                if space.content != "passage":
                    vector_search.maintain(self._database, space_id, space.dim)
        self._tended = time.monotonic()


def _one_by_one(images: ImageEmbedder, texts: Mapping[bytes, str]) -> dict[bytes, Vector]:
    """The vectors of those texts on which the model does not fail."""
    found: dict[bytes, Vector] = {}
    for key, text in texts.items():
        try:
            found[key] = images.embed_texts([text])[0]
        except ModelError as error:
            log.warning("a passage is not compared with pictures: %s", error)
    return found


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
