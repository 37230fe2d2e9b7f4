"""What a file is: by its content first, by its name second; runs in a worker process only.

Text is told from binary before any signature is looked for, so that a text which speaks of
file formats is not taken for one of them.
"""

from __future__ import annotations

import mimetypes
import mmap
import re
import zipfile
from pathlib import Path, PurePath

import filetype
from pygments.lexers import find_lexer_class_for_filename
from pygments.util import ClassNotFound

from prismd.errors import EncryptedDocument, ExtractError, UnsupportedMedia
from prismd.extract.base import MediaType, media_type
from prismd.extract.decode import looks_like_text

_HEAD_BYTES = 1 << 16
_PDF_MARK_BYTES = 1024
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml"
_UNKNOWN = "application/octet-stream"

_HTML_START = re.compile(
    rb"^(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*\?>\s*)?(?:<!--.{0,2000}?-->\s*)*"
    rb"<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)

_MAIN_PARTS = {
    f"{_WORD}.document.main+xml": f"{_WORD}.document",
    f"{_WORD}.template.main+xml": f"{_WORD}.template",
    "application/vnd.ms-word.document.macroEnabled.main+xml": (
        "application/vnd.ms-word.document.macroEnabled.12"
    ),
    "application/vnd.ms-word.template.macroEnabledTemplate.main+xml": (
        "application/vnd.ms-word.template.macroEnabled.12"
    ),
}

_BY_SUFFIX = {
    **dict.fromkeys(
        (".txt", ".text", ".log", ".org", ".adoc", ".tex", ".srt", ".vtt"), "text/plain"
    ),
    **dict.fromkeys(
        (".md", ".markdown", ".mdown", ".mkd", ".mdx", ".qmd", ".rmd"), "text/markdown"
    ),
    **dict.fromkeys((".rst", ".rest"), "text/x-rst"),
    **dict.fromkeys((".html", ".htm"), "text/html"),
    **dict.fromkeys((".xhtml", ".xht"), "application/xhtml+xml"),
    **dict.fromkeys((".json", ".jsonl", ".ndjson", ".geojson", ".ipynb"), "application/json"),
    **dict.fromkeys((".yaml", ".yml"), "application/yaml"),
    **dict.fromkeys((".xml", ".rss", ".atom", ".xsd"), "application/xml"),
    ".toml": "application/toml",
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".eml": "message/rfc822",
    ".mbox": "application/mbox",
    ".msg": "application/vnd.ms-outlook",
    ".rtf": "application/rtf",
    ".ps": "application/postscript",
    ".eps": "application/postscript",
    ".svg": "image/svg+xml",
    ".ics": "text/calendar",
    ".vcf": "text/vcard",
}

_NAMES = {
    "application/msword": "old Word documents (.doc)",
    "application/vnd.ms-excel": "old Excel workbooks (.xls)",
    "application/vnd.ms-powerpoint": "old PowerPoint presentations (.ppt)",
    "application/vnd.ms-outlook": "Outlook messages",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "Excel workbooks",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": (
        "PowerPoint presentations"
    ),
    "application/vnd.oasis.opendocument.text": "OpenDocument texts",
    "application/vnd.oasis.opendocument.spreadsheet": "OpenDocument spreadsheets",
    "application/vnd.oasis.opendocument.presentation": "OpenDocument presentations",
    "application/epub+zip": "EPUB books",
    "application/rtf": "RTF documents",
    "application/postscript": "PostScript files",
    "application/zip": "ZIP archives",
    "application/x-ole-storage": "old Office documents",
    "message/rfc822": "e-mail messages",
    "application/mbox": "mailboxes",
    _UNKNOWN: "files of unknown binary format",
}
_BINARY_FAMILIES = ("image/", "audio/", "video/", "font/", "application/vnd.", "application/ms")
_TO_CONVERT = frozenset(name for name in _NAMES if name not in {_UNKNOWN, "application/zip"})


def detect(path: Path) -> MediaType:
    """What reads a file.

    Raises:
        UnsupportedMedia: Nothing does; the message names the format.
        EncryptedDocument: An Office document behind a password.
        ExtractError: The file is empty (code ``empty``) or cannot be opened (``unreadable``).
    """
    name = identify(path)
    if (found := media_type(name)) is not None:
        return found
    remedy = (
        "save it as PDF, DOCX or HTML to index it"
        if name in _TO_CONVERT
        else "it is left out of the index"
    )
    raise UnsupportedMedia(f"{describe(name)} are not read by this version; {remedy}")


def describe(name: str) -> str:
    """A media type in words, plural: ``JPEG images``."""
    if name in _NAMES:
        return _NAMES[name]
    family, _, format_name = name.partition("/")
    format_name = format_name.removeprefix("x-").removeprefix("vnd.").upper()
    words = {"image": "images", "audio": "recordings", "video": "videos", "font": "fonts"}
    return f"{format_name} {words.get(family, 'files')}"


def identify(path: Path) -> str:
    """The media type of a file.

    Raises:
        EncryptedDocument: An Office document behind a password.
        ExtractError: The file is empty (code ``empty``) or cannot be opened (``unreadable``).
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise ExtractError(
            f"it cannot be opened ({error.strerror}); check that it is there and may be read",
            code="unreadable",
            transient=True,
        ) from error
    if not head.strip(b"\x00\t\n\v\f\r \xef\xbb\xbf"):
        raise ExtractError("empty; nothing is to be done", code="empty", skip=True)
    suffix = path.suffix.lower()
    if _is_pdf(head, suffix):
        return "application/pdf"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip_type(path)
    if head.startswith(_OLE):
        return _ole_type(path, suffix)
    if named := _third_party(path):
        return named
    if looks_like_text(head):
        return _text_type(path, head)
    return str(filetype.guess_mime(head) or _named(path))


def _third_party(path: PurePath) -> str | None:
    """The type that a file's name says, if an extractor from outside of prismd reads it."""
    named = _BY_SUFFIX.get(path.suffix.lower()) or mimetypes.guess_type(path.name)[0]
    entry = media_type(named) if named else None
    return named if entry and not entry.extractor.startswith("prismd.") else None


def _is_pdf(head: bytes, suffix: str) -> bool:
    if head.lstrip(b"\xef\xbb\xbf\x00\t\n\f\r ").startswith(b"%PDF-"):
        return True
    # Readers take junk before the mark, and even its absence.
    marked = b"%PDF-" in head[:_PDF_MARK_BYTES]
    if suffix == ".pdf":
        return marked or b" obj" in head or b"startxref" in head or not looks_like_text(head)
    return marked and not looks_like_text(head)


def _zip_type(path: Path) -> str:
    """A ZIP container's type, by its members."""
    named = mimetypes.guess_type(path.name)[0]
    try:
        with zipfile.ZipFile(path) as archive:
            members = set(archive.namelist())
            if "mimetype" in members and archive.getinfo("mimetype").file_size < 200:
                return archive.read("mimetype").decode("ascii", "replace").strip()
            if "[Content_Types].xml" not in members:
                return "application/zip"
            with archive.open("[Content_Types].xml") as part:
                types = part.read(1 << 20).decode("utf-8", "replace")
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, ValueError, EOFError):
        # Which reader is to say what is wrong with it.
        return named or "application/zip"
    for main_part, name in _MAIN_PARTS.items():
        if main_part in types:
            return name
    # A presentation may hold workbooks, and a workbook drawings: the main part decides.
    for mark, kind in (("presentationml", "presentation"), ("spreadsheetml", "sheet")):
        if mark in types:
            return f"application/vnd.openxmlformats-officedocument.{mark}.{kind}"
    return f"{_WORD}.document" if "wordprocessingml" in types else "application/zip"


def _ole_type(path: Path, suffix: str) -> str:
    """An old Office file, or a new one that is encrypted: those come in the old container."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data.find("EncryptedPackage".encode("utf-16-le")) >= 0:
            raise EncryptedDocument("encrypted; save it without a password to index it")
        if data.find("WordDocument".encode("utf-16-le")) >= 0:
            return "application/msword"
    old = {".xls": "application/vnd.ms-excel", ".ppt": "application/vnd.ms-powerpoint"}
    return old.get(suffix) or _BY_SUFFIX.get(suffix, "application/x-ole-storage")


def _text_type(path: Path, head: bytes) -> str:
    suffix = path.suffix.lower()
    if head.lstrip(b"\xef\xbb\xbf").startswith(b"{\\rtf"):
        return "application/rtf"
    if head.startswith(b"%!PS"):
        return "application/postscript"
    named = _BY_SUFFIX.get(suffix)
    if named in {None, "text/plain"} and _HTML_START.match(head) and not _is_code(path):
        return "text/html"
    if named is not None:
        # An SVG or a mail is text as well, but that it is one says its name.
        return named
    return "text/x-source-code" if _is_code(path) else "text/plain"


def _is_code(path: PurePath) -> bool:
    return path.suffix.lower() not in _BY_SUFFIX and _lexer_name(path.name) is not None


def _lexer_name(name: str) -> str | None:
    try:
        found = find_lexer_class_for_filename(name)
    except ClassNotFound:
        return None
    return found.name if found and found.name != "Text only" else None


def _named(path: PurePath) -> str:
    """What a binary file's name says that it is, unless it says text, which it is not."""
    named = _BY_SUFFIX.get(path.suffix.lower()) or mimetypes.guess_type(path.name)[0] or _UNKNOWN
    return named if named.startswith(_BINARY_FAMILIES) else _UNKNOWN
