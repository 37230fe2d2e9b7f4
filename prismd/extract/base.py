"""The extractor protocol and the table from media type to extractor.

The table holds names, not classes: the daemon reads it without importing a parser. Third
parties add extractors by the entry point group ``prismd.extractors``: the entry's name is the
media type, its value ``module:Class``.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path
from typing import ClassVar, Protocol

import msgspec

from prismd.domain import DocumentType, Extraction


class ExtractOptions(msgspec.Struct, frozen=True):
    """What a folder's settings say about reading its files."""

    ocr_languages: tuple[str, ...] = ()
    max_chars: int = 20_000_000


class Extractor(Protocol):
    """Reads one kind of file. Runs in a worker process only, and may crash it."""

    version: ClassVar[str]
    """Changes whenever the output for the same bytes may change."""

    def extract(self, path: Path, media_type: str, options: ExtractOptions) -> Extraction:
        """Read a file.

        Raises:
            ExtractError: Or one of its kinds, with a message that starts at the cause: the
                caller puts the file's name before it.
        """


class MediaType(msgspec.Struct, frozen=True):
    """A media type that prismd reads: what it is called, and what reads it."""

    name: str
    type: DocumentType
    extractor: str
    """``module:Class``."""
    version: str
    """The extractor's version, known without importing it; a test holds the two together."""
