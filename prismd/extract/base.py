"""The extractor protocol and the table from media type to extractor.

The table holds names, not classes: the daemon reads it without importing a parser. Third
parties add extractors by the entry point group ``prismd.extractors``: the entry's name is the
media type, its value ``module:Class``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Protocol

import msgspec

from prismd.domain import DocumentType, Extraction
from prismd.errors import ExtractError

ENTRY_POINT_GROUP = "prismd.extractors"


class ExtractOptions(msgspec.Struct, frozen=True):
    """What a folder's settings say about reading its files.

    Attributes:
        ocr: Whether pictures of text are read.
        ocr_languages: Tesseract's names of the languages to expect, such as ``eng``, ``deu``;
            empty means what is installed and fits the script that is found.
        slots_dir: A folder that all workers share, to keep to ``parallel`` native programs at
            once between them; empty counts within one worker.
        parallel: How many native programs run at once; 0 means one per core.
        max_chars: Text beyond is left out, with a warning.
    """

    ocr: bool = True
    ocr_languages: tuple[str, ...] = ()
    slots_dir: str = ""
    parallel: int = 0
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


_Row = tuple[DocumentType, str, str]

_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml"
_PDF: _Row = ("document", "prismd.extract.pdf:PdfExtractor", "pdf-1")
_HTML: _Row = ("document", "prismd.extract.html:HtmlExtractor", "html-1")
_WORD: _Row = ("document", "prismd.extract.docx:DocxExtractor", "docx-1")
_MARKDOWN: _Row = ("text", "prismd.extract.markdown:MarkdownExtractor", "markdown-1")
_TEXT: _Row = ("text", "prismd.extract.text:TextExtractor", "text-1")
_CODE: _Row = ("text", "prismd.extract.code:CodeExtractor", "code-1")

_OWN: dict[str, _Row] = {
    "application/pdf": _PDF,
    f"{_DOCX}.document": _WORD,
    f"{_DOCX}.template": _WORD,
    "application/vnd.ms-word.document.macroEnabled.12": _WORD,
    "application/vnd.ms-word.template.macroEnabled.12": _WORD,
    "text/html": _HTML,
    "application/xhtml+xml": _HTML,
    "text/markdown": _MARKDOWN,
    "text/x-rst": _TEXT,
    "text/plain": _TEXT,
    "text/csv": _TEXT,
    "text/tab-separated-values": _TEXT,
    "application/json": _TEXT,
    "application/yaml": _TEXT,
    "application/toml": _TEXT,
    "application/xml": _TEXT,
    "text/x-source-code": _CODE,
}

NOT_PROSE = frozenset(
    {
        "text/x-source-code",
        "text/csv",
        "text/tab-separated-values",
        "application/json",
        "application/yaml",
        "application/toml",
        "application/xml",
    }
)
"""What is not written in a human language, so that none is looked for."""

_TYPES_BY_FAMILY: dict[str, DocumentType] = {
    "image": "image",
    "audio": "audio",
    "video": "audio",
    "text": "text",
}


@cache
def media_types() -> Mapping[str, MediaType]:
    """The table: every media type that is read, by name; those of third parties included.

    A third party's entry does not replace one of prismd's own. Its version is that of the
    distribution that brings it.
    """
    table = {name: MediaType(name, *row) for name, row in _OWN.items()}
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        family = entry.name.partition("/")[0]
        version = f"{entry.dist.name}-{entry.dist.version}" if entry.dist else entry.value
        table.setdefault(
            entry.name,
            MediaType(entry.name, _TYPES_BY_FAMILY.get(family, "document"), entry.value, version),
        )
    return MappingProxyType(table)


def media_type(name: str) -> MediaType | None:
    """The entry of a media type, or None when nothing reads it."""
    return media_types().get(name)


def load_extractor(entry: MediaType) -> Extractor:
    """Import and make the extractor of a media type; in a worker process only.

    Raises:
        ExtractError: The extractor cannot be imported (code ``extractor``).
    """
    module, _, name = entry.extractor.partition(":")
    try:
        made: Extractor = getattr(import_module(module), name)()
    except (ImportError, AttributeError) as error:
        raise ExtractError(
            f"its extractor {entry.extractor} cannot be loaded ({error}); "
            "reinstall the package that brings it",
            code="extractor",
            transient=True,
        ) from error
    return made
