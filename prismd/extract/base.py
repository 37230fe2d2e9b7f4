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
        slots_on_disk: Whether that folder may keep what is large and no part of any file.
        parallel: How many native programs run at once; 0 means one per core.
        max_chars: Text beyond is left out, with a warning.
    """

    ocr: bool = True
    ocr_languages: tuple[str, ...] = ()
    slots_dir: str = ""
    slots_on_disk: bool = False
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

_OFFICE = "application/vnd.openxmlformats-officedocument"
_OPEN = "application/vnd.oasis.opendocument"

_PDF: _Row = ("document", "prismd.extract.pdf.extractor:PdfExtractor", "pdf-4")
_HTML: _Row = ("document", "prismd.extract.text.html:HtmlExtractor", "html-1")
_WORD: _Row = ("document", "prismd.extract.office.docx:DocxExtractor", "docx-2")
_SLIDES: _Row = ("document", "prismd.extract.office.pptx:PptxExtractor", "pptx-1")
_SHEETS: _Row = ("document", "prismd.extract.office.xlsx:XlsxExtractor", "xlsx-2")
_OLD_SHEETS: _Row = ("document", "prismd.extract.office.xls:XlsExtractor", "xls-2")
_ODF: _Row = (
    "document",
    "prismd.extract.office.opendocument:OpenDocumentExtractor",
    "opendocument-2",
)
_EPUB: _Row = ("document", "prismd.extract.office.epub:EpubExtractor", "epub-1")
_MAIL: _Row = ("document", "prismd.extract.mail.mail:MailExtractor", "mail-2")
_RTF: _Row = ("document", "prismd.extract.text.rtf:RtfExtractor", "rtf-2")
_NOTEBOOK: _Row = ("document", "prismd.extract.text.notebook:NotebookExtractor", "notebook-1")
_MARKDOWN: _Row = ("text", "prismd.extract.text.markdown:MarkdownExtractor", "markdown-1")
_TEXT: _Row = ("text", "prismd.extract.text.text:TextExtractor", "text-1")
_CODE: _Row = ("text", "prismd.extract.text.code:CodeExtractor", "code-1")
_TABLE: _Row = ("text", "prismd.extract.text.delimited:DelimitedExtractor", "delimited-1")
_JSON: _Row = ("text", "prismd.extract.text.jsontext:JsonExtractor", "json-1")
_CUES: _Row = ("text", "prismd.extract.text.subtitles:SubtitleExtractor", "subtitles-2")
_IMAGE: _Row = ("image", "prismd.extract.image.extractor:ImageExtractor", "image-1")
_AUDIO: _Row = ("audio", "prismd.extract.audio.extractor:AudioExtractor", "audio-1")

_OWN: dict[str, _Row] = {
    "application/pdf": _PDF,
    f"{_OFFICE}.wordprocessingml.document": _WORD,
    f"{_OFFICE}.wordprocessingml.template": _WORD,
    "application/vnd.ms-word.document.macroEnabled.12": _WORD,
    "application/vnd.ms-word.template.macroEnabled.12": _WORD,
    f"{_OFFICE}.presentationml.presentation": _SLIDES,
    f"{_OFFICE}.presentationml.slideshow": _SLIDES,
    f"{_OFFICE}.presentationml.template": _SLIDES,
    "application/vnd.ms-powerpoint.presentation.macroEnabled.12": _SLIDES,
    "application/vnd.ms-powerpoint.slideshow.macroEnabled.12": _SLIDES,
    "application/vnd.ms-powerpoint.template.macroEnabled.12": _SLIDES,
    f"{_OFFICE}.spreadsheetml.sheet": _SHEETS,
    f"{_OFFICE}.spreadsheetml.template": _SHEETS,
    "application/vnd.ms-excel.sheet.macroEnabled.12": _SHEETS,
    "application/vnd.ms-excel.template.macroEnabled.12": _SHEETS,
    "application/vnd.ms-excel": _OLD_SHEETS,
    **dict.fromkeys(
        (
            f"{_OPEN}.{kind}{template}"
            for kind in ("text", "spreadsheet", "presentation", "graphics")
            for template in ("", "-template")
        ),
        _ODF,
    ),
    "application/epub+zip": _EPUB,
    "message/rfc822": _MAIL,
    "application/mbox": _MAIL,
    "application/vnd.ms-outlook": _MAIL,
    "application/rtf": _RTF,
    "application/x-ipynb+json": _NOTEBOOK,
    "text/html": _HTML,
    "application/xhtml+xml": _HTML,
    "text/markdown": _MARKDOWN,
    "text/x-rst": _TEXT,
    "text/plain": _TEXT,
    "text/csv": _TABLE,
    "text/tab-separated-values": _TABLE,
    "application/json": _JSON,
    "application/yaml": _TEXT,
    "application/toml": _TEXT,
    "application/xml": _TEXT,
    "application/x-subrip": _CUES,
    "text/vtt": _CUES,
    "text/x-ssa": _CUES,
    "text/x-source-code": _CODE,
    **dict.fromkeys(
        (
            *("image/jpeg", "image/png", "image/gif", "image/bmp", "image/webp", "image/tiff"),
            *("image/heic", "image/heif", "image/avif"),
        ),
        _IMAGE,
    ),
    **dict.fromkeys(
        (
            *("audio/mpeg", "audio/wav", "audio/mp4", "audio/aac", "audio/ogg", "audio/opus"),
            *("audio/flac", "audio/x-ms-wma", "audio/aiff", "audio/amr", "audio/x-caf"),
            *("video/mp4", "video/x-matroska", "video/webm", "video/quicktime", "video/ogg"),
            *("video/x-msvideo", "video/x-ms-wmv", "video/mpeg", "video/mp2t", "video/3gpp"),
            "video/x-flv",
        ),
        _AUDIO,
    ),
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
