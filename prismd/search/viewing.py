"""Pictures that come with a question: their words are read, and what they show is compared.

They are untrusted files like any other, so a worker process decodes them. What came of the last
few is kept, for clients send the pictures of a conversation again with every turn.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from prismd.domain import Extraction
from prismd.errors import ModelError
from prismd.extract.base import ExtractOptions
from prismd.paths.openable import Openable
from prismd.search.likeness import Example, Likeness

log = logging.getLogger(__name__)

Cancelled = Callable[[], bool]

_KEPT = 32
_UNREAD = "not read"
_WITHOUT_MODEL = (
    "the picture was not compared with others, for no model of pictures is installed: only the"
    " words on it were looked for; 'prismd models pull clip' installs one"
)


class Viewed(msgspec.Struct, frozen=True):
    """A picture that came with a question.

    Attributes:
        sha256: Of its file.
        words: What is written on it, in lines; empty for none.
        example: What it shows, to be compared; None where nothing can compare it.
        warnings: What could not be done, fit to show to a person.
    """

    sha256: str
    words: str = ""
    example: Example | None = None
    warnings: tuple[str, ...] = ()


class Decodes(Protocol):
    """What is asked of the pool of parsers; see ``extract.pool.ExtractPool``."""

    def words(
        self, path: Path, options: ExtractOptions, *, cancelled: Cancelled | None = None
    ) -> Extraction:
        """The words on a picture."""

    def pixels(
        self,
        path: Path,
        edge_px: int,
        *,
        asked: bool = False,
        cancelled: Cancelled | None = None,
    ) -> NDArray[np.uint8]:
        """A picture as a square of pixels."""


class Viewing:
    """Looks at pictures; any number of threads may call it.

    Args:
        pool: Decodes and reads them.
        likeness: Has the model of pictures, or none.
        options: How they are read.
    """

    def __init__(self, pool: Decodes, likeness: Likeness, options: ExtractOptions) -> None:
        self._pool = pool
        self._likeness = likeness
        self.options = options
        """How pictures are read; may be set by any thread, and counts from the next one on."""
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, ExtractOptions], Viewed] = OrderedDict()

    def view(self, data: bytes, cancelled: Cancelled | None = None) -> Viewed:
        """Look at a picture. Blocks.

        Args:
            data: Its file.
            cancelled: Asked several times a second; once it says so, the work is given up.

        Raises:
            ExtractError: It is no picture that can be read, or that was called off.
            WorkerError: No worker can be started; the picture is not to blame.
        """
        key = hashlib.sha256(data).hexdigest(), self.options
        with self._lock:
            if (known := self._known.get(key)) is not None:
                self._known.move_to_end(key)
                return known
        with stored(data) as file:
            read = self._pool.words(file.path, key[1], cancelled=cancelled)
            example, trouble = self._compare(file.path, cancelled)
        warnings = *_unread(read), *filter(None, [trouble])
        viewed = Viewed(key[0], _words_of(read), example, warnings)
        if example is not None or self._likeness.images is None:  # a model may work the next time
            self._keep(key, viewed)
        return viewed

    def _keep(self, key: tuple[str, ExtractOptions], viewed: Viewed) -> None:
        with self._lock:
            self._known[key] = viewed
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)

    def _compare(self, path: Path, cancelled: Cancelled | None) -> tuple[Example | None, str]:
        images = self._likeness.images
        if images is None:
            return None, _WITHOUT_MODEL
        pixels = self._pool.pixels(path, images.edge_px, asked=True, cancelled=cancelled)
        try:
            return Example("image", self._likeness.embed_picture(pixels)), ""
        except ModelError as error:
            log.warning("a picture was not compared: %s", error)
            return None, f"the picture was not compared with others: {error}"


def stored(data: bytes) -> Openable:
    """A picture as a file that a worker process can open, as long as the context lasts."""
    file = Openable("picture")
    try:
        file.write(data)
    except BaseException:
        file.close()
        raise
    return file


def _words_of(read: Extraction) -> str:
    """The words themselves, without what the file says of the picture."""
    blocks = (block for block in read.blocks if block.kind != "caption")
    return "\n".join(read.text[block.start : block.end] for block in blocks)


def _unread(read: Extraction) -> Iterator[str]:
    notes = (page.note for page in read.layout.pages)
    if (note := next((note for note in notes if note.startswith(_UNREAD)), "")) != "":
        yield f"the words on the picture were {note}"
