"""What a file is: by its content first, by its name second; runs in a worker process only.

Text is told from binary before any signature made of letters is looked for, so that a text
which speaks of file formats is not taken for one of them.
"""

from __future__ import annotations

import mimetypes
import re
import zipfile
import zlib
from pathlib import Path, PurePath

import filetype
from pygments.lexers import find_lexer_class_for_filename
from pygments.util import ClassNotFound

from prismd.errors import ExtractError, UnsupportedMedia
from prismd.extract.base import MediaType, media_type
from prismd.extract.compound import compound_type
from prismd.extract.decode import looks_like_text
from prismd.extract.naming import BY_SUFFIX, binary_by_name, describe, remedy, third_party
from prismd.extract.signature import binary_signature

_HEAD_BYTES = 1 << 16
_PDF_MARK_BYTES = 1024
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OFFICE = "application/vnd.openxmlformats-officedocument"

_HTML_START = re.compile(
    rb"^(?:\xef\xbb\xbf)?\s*+(?:<\?xml[^>]*\?>\s*)?(?><!--.{0,2000}?-->\s*+)*+"
    rb"<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
_HEADER = rb"[A-Za-z][A-Za-z0-9-]{0,76}:[ \t]?[^\r\n]*\r?\n(?:[ \t][^\r\n]+\r?\n)*"
_MBOX_START = re.compile(rb"^From \S+[^\r\n]*\d\d:\d\d[^\r\n]*\r?\n>?" + _HEADER)
_MAIL_START = re.compile(
    rb"^(?=(?:" + _HEADER + rb"){0,60}?(?:Message-ID|Received|MIME-Version|Date):)"
    rb"(?:Return-Path|Received|Delivered-To|X-[\w-]+|Message-ID|MIME-Version|From|To|Date|Subject"
    rb"|DKIM-Signature|ARC-[\w-]+|Envelope-To):[ \t]?[^\r\n]*\r?\n(?:[ \t][^\r\n]+\r?\n)*"
    + _HEADER,
    re.IGNORECASE,
)

_MAIN_PARTS = {
    f"{_OFFICE}.{kind}.main+xml": f"{_OFFICE}.{kind}"
    for kind in (
        *("wordprocessingml.document", "wordprocessingml.template"),
        *("presentationml.presentation", "presentationml.slideshow", "presentationml.template"),
        *("spreadsheetml.sheet", "spreadsheetml.template"),
    )
} | {
    f"application/vnd.ms-{main}": f"application/vnd.ms-{name}.12"
    for main, name in (
        ("word.document.macroEnabled.main+xml", "word.document.macroEnabled"),
        ("word.template.macroEnabledTemplate.main+xml", "word.template.macroEnabled"),
        ("powerpoint.presentation.macroEnabled.main+xml", "powerpoint.presentation.macroEnabled"),
        ("powerpoint.slideshow.macroEnabled.main+xml", "powerpoint.slideshow.macroEnabled"),
        ("powerpoint.template.macroEnabled.main+xml", "powerpoint.template.macroEnabled"),
        ("excel.sheet.macroEnabled.main+xml", "excel.sheet.macroEnabled"),
        ("excel.template.macroEnabled.main+xml", "excel.template.macroEnabled"),
        ("excel.sheet.binary.macroEnabled.main", "excel.sheet.binary.macroEnabled"),
    )
}


def detect(path: Path, *, marked: bool = False) -> MediaType:
    """What reads a file.

    Args:
        path: Of the file.
        marked: Whether a PDF must have the mark of one, rather than the name.

    Raises:
        UnsupportedMedia: Nothing does; the message names the format.
        EncryptedDocument: An Office document behind a password.
        ExtractError: The file is empty (code ``empty``) or cannot be opened (``unreadable``).
    """
    name = identify(path, marked=marked)
    if (found := media_type(name)) is not None:
        return found
    raise UnsupportedMedia(f"{describe(name)} are not read by this version; {remedy(name)}")


def identify(path: Path, *, marked: bool = False) -> str:
    """The media type of a file; arguments as of ``detect``.

    Raises:
        EncryptedDocument: An Office document behind a password.
        ExtractError: The file is empty (code ``empty``) or cannot be opened (``unreadable``).
    """
    head = _head(path)
    suffix = path.suffix.lower()
    if _is_pdf(head, suffix, needs_mark=marked):
        return "application/pdf"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip_type(path)
    if head.startswith(_OLE):
        return compound_type(path)
    if named := third_party(path):
        return named
    if signed := binary_signature(head):
        # Sound alone in a container that may hold film: only the name says so.
        sound = signed == "video/mp4" and suffix in {".m4a", ".m4b"}
        return "audio/mp4" if sound else signed
    if looks_like_text(head) or BY_SUFFIX.get(suffix) == "message/rfc822":
        return _text_type(path, head)
    return str(filetype.guess_mime(head) or binary_by_name(path))


def _head(path: Path) -> bytes:
    """The first piece of a file that is not blank."""
    try:
        with path.open("rb") as file:
            while head := file.read(_HEAD_BYTES):
                if head.strip(b"\x00\t\n\v\f\r \xef\xbb\xbf"):
                    return head
    except OSError as error:
        raise ExtractError(
            f"it cannot be opened ({error.strerror}); check that it is there and may be read",
            code="unreadable",
            transient=True,
        ) from error
    raise ExtractError("empty; nothing is to be done", code="empty", skip=True)


def _is_pdf(head: bytes, suffix: str, *, needs_mark: bool) -> bool:
    if head.lstrip(b"\xef\xbb\xbf\x00\t\n\f\r ").startswith(b"%PDF-"):
        return True
    # Readers take junk before the mark, and even its absence.
    marked = b"%PDF-" in head[:_PDF_MARK_BYTES]
    if suffix == ".pdf":
        if not marked and (needs_mark or binary_signature(head)):
            return False
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
            if "META-INF/container.xml" in members:
                return "application/epub+zip"
            if "[Content_Types].xml" not in members:
                return "application/zip"
            with archive.open("[Content_Types].xml") as part:
                types = part.read(1 << 20).decode("utf-8", "replace")
    except (
        *(zipfile.BadZipFile, zlib.error, OSError, EOFError),
        *(NotImplementedError, RuntimeError, ValueError),
    ):
        # Which reader is to say what is wrong with it.
        return named or "application/zip"
    return _office_type(types)


def _office_type(types: str) -> str:
    """The type of a package of Microsoft's, by its main part: it may hold parts of others."""
    main = next((name for part, name in _MAIN_PARTS.items() if part in types), None)
    if main is not None:
        return main
    for mark, kind in (("presentationml", "presentation"), ("spreadsheetml", "sheet")):
        if mark in types:
            return f"{_OFFICE}.{mark}.{kind}"
    word = f"{_OFFICE}.wordprocessingml.document"
    return word if "wordprocessingml" in types else "application/zip"


def _text_type(path: Path, head: bytes) -> str:
    start = head.lstrip(b"\xef\xbb\xbf")
    if start.startswith(b"{\\rtf"):
        return "application/rtf"
    if start.startswith(b"%!PS"):
        return "application/postscript"
    named = BY_SUFFIX.get(path.suffix.lower())
    if named in {None, "text/plain"} and not _is_code(path) and (told := _told_by_text(start)):
        return told
    if named is not None:
        # An SVG or a mail is text as well, but that it is one says its name.
        return named
    return "text/x-source-code" if _is_code(path) else "text/plain"


def _told_by_text(start: bytes) -> str | None:
    """What a text of no telling name says of itself: mail folders have no suffix at all."""
    if _HTML_START.match(start):
        return "text/html"
    if re.match(rb"WEBVTT(?:[ \t][^\n]*)?\r?\n", start):
        return "text/vtt"
    if _MBOX_START.match(start):
        return "application/mbox"
    return "message/rfc822" if _MAIL_START.match(start) else None


def _is_code(path: PurePath) -> bool:
    return path.suffix.lower() not in BY_SUFFIX and _lexer_name(path.name) is not None


def _lexer_name(name: str) -> str | None:
    try:
        found = find_lexer_class_for_filename(name)
    except ClassNotFound:
        return None
    return found.name if found and found.name != "Text only" else None
