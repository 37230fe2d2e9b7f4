"""What formats are called: by the ends of file names, and in words."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import PurePath

from prismd.domain import DocumentType
from prismd.extract.base import media_type, media_types

UNKNOWN = "application/octet-stream"

BY_SUFFIX = {
    **dict.fromkeys((".txt", ".text", ".log", ".org", ".adoc", ".tex"), "text/plain"),
    **dict.fromkeys((".ics", ".vcf", ".sub", ".lrc"), "text/plain"),
    **dict.fromkeys(
        (".md", ".markdown", ".mdown", ".mkd", ".mdx", ".qmd", ".rmd"), "text/markdown"
    ),
    **dict.fromkeys((".rst", ".rest"), "text/x-rst"),
    **dict.fromkeys((".html", ".htm"), "text/html"),
    **dict.fromkeys((".xhtml", ".xht"), "application/xhtml+xml"),
    **dict.fromkeys((".json", ".jsonl", ".ndjson", ".geojson"), "application/json"),
    ".ipynb": "application/x-ipynb+json",
    **dict.fromkeys((".yaml", ".yml"), "application/yaml"),
    **dict.fromkeys((".xml", ".rss", ".atom", ".xsd"), "application/xml"),
    ".toml": "application/toml",
    ".csv": "text/csv",
    **dict.fromkeys((".tsv", ".tab"), "text/tab-separated-values"),
    ".srt": "application/x-subrip",
    ".vtt": "text/vtt",
    **dict.fromkeys((".ass", ".ssa"), "text/x-ssa"),
    **dict.fromkeys((".eml", ".emlx", ".mht", ".mhtml"), "message/rfc822"),
    ".mbox": "application/mbox",
    ".msg": "application/vnd.ms-outlook",
    ".rtf": "application/rtf",
    ".ps": "application/postscript",
    ".eps": "application/postscript",
    ".svg": "image/svg+xml",
}
"""Of texts: a file with such a name that is none is not of that type."""

_OFFICE = "application/vnd.openxmlformats-officedocument"
_OPEN = "application/vnd.oasis.opendocument"
_BINARY_SUFFIXES = {
    ".pdf": "application/pdf",
    ".epub": "application/epub+zip",
    ".docx": f"{_OFFICE}.wordprocessingml.document",
    ".docm": "application/vnd.ms-word.document.macroEnabled.12",
    ".dotx": f"{_OFFICE}.wordprocessingml.template",
    ".dotm": "application/vnd.ms-word.template.macroEnabled.12",
    ".pptx": f"{_OFFICE}.presentationml.presentation",
    ".pptm": "application/vnd.ms-powerpoint.presentation.macroEnabled.12",
    ".ppsx": f"{_OFFICE}.presentationml.slideshow",
    ".ppsm": "application/vnd.ms-powerpoint.slideshow.macroEnabled.12",
    ".potx": f"{_OFFICE}.presentationml.template",
    ".potm": "application/vnd.ms-powerpoint.template.macroEnabled.12",
    ".xlsx": f"{_OFFICE}.spreadsheetml.sheet",
    ".xlsm": "application/vnd.ms-excel.sheet.macroEnabled.12",
    ".xltx": f"{_OFFICE}.spreadsheetml.template",
    ".xltm": "application/vnd.ms-excel.template.macroEnabled.12",
    ".xls": "application/vnd.ms-excel",
    ".odt": f"{_OPEN}.text",
    ".ott": f"{_OPEN}.text-template",
    ".ods": f"{_OPEN}.spreadsheet",
    ".ots": f"{_OPEN}.spreadsheet-template",
    ".odp": f"{_OPEN}.presentation",
    ".otp": f"{_OPEN}.presentation-template",
    ".odg": f"{_OPEN}.graphics",
    ".otg": f"{_OPEN}.graphics-template",
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif"), "image/jpeg"),
    **dict.fromkeys((".tif", ".tiff"), "image/tiff"),
    ".png": "image/png",
    ".gif": "image/gif",
    ".bmp": "image/bmp",
    ".webp": "image/webp",
    ".heic": "image/heic",
    ".heif": "image/heif",
    ".avif": "image/avif",
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
    **dict.fromkeys((".m4a", ".m4b"), "audio/mp4"),
    ".aac": "audio/aac",
    **dict.fromkeys((".ogg", ".oga"), "audio/ogg"),
    ".opus": "audio/opus",
    ".flac": "audio/flac",
    ".wma": "audio/x-ms-wma",
    **dict.fromkeys((".aif", ".aiff"), "audio/aiff"),
    **dict.fromkeys((".mp4", ".m4v"), "video/mp4"),
    ".mkv": "video/x-matroska",
    ".webm": "video/webm",
    ".mov": "video/quicktime",
    ".avi": "video/x-msvideo",
    ".wmv": "video/x-ms-wmv",
    **dict.fromkeys((".mpg", ".mpeg"), "video/mpeg"),
    ".ogv": "video/ogg",
    ".flv": "video/x-flv",
    **dict.fromkeys((".3gp", ".3gpp"), "video/3gpp"),
    ".amr": "audio/amr",
    ".caf": "audio/x-caf",
}
_BINARY_FAMILIES = ("image/", "audio/", "video/", "font/", "application/vnd.", "application/ms")

_NAMES = {
    "application/msword": "old Word documents (.doc)",
    "application/vnd.ms-excel": "old Excel workbooks (.xls)",
    "application/vnd.ms-excel.sheet.binary.macroEnabled.12": "binary Excel workbooks (.xlsb)",
    "application/vnd.ms-powerpoint": "old PowerPoint presentations (.ppt)",
    "application/vnd.ms-outlook": "Outlook messages",
    "application/vnd.visio": "old Visio drawings (.vsd)",
    "application/vnd.ms-publisher": "Publisher documents (.pub)",
    "application/vnd.ms-project": "Project plans (.mpp)",
    f"{_OFFICE}.spreadsheetml.sheet": "Excel workbooks",
    f"{_OFFICE}.presentationml.presentation": "PowerPoint presentations",
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
    UNKNOWN: "files of unknown binary format",
}
_REMEDIES = {
    "application/msword": "save it as DOCX or PDF to index it",
    "application/vnd.ms-excel.sheet.binary.macroEnabled.12": "save it as XLSX to index it",
    "application/vnd.ms-powerpoint": "save it as PPTX or PDF to index it",
    "application/x-ole-storage": "save it as DOCX, XLSX, PPTX or PDF to index it",
    "application/vnd.visio": "save it as PDF to index it",
    "application/vnd.ms-publisher": "save it as PDF to index it",
    "application/postscript": "convert it to PDF to index it",
    "application/zip": "unpack it to index what is in it",
}


def describe(name: str) -> str:
    """A media type in words, plural: ``JPEG images``."""
    if name in _NAMES:
        return _NAMES[name]
    family, _, format_name = name.partition("/")
    format_name = format_name.removeprefix("x-").removeprefix("vnd.").upper()
    words = {"image": "images", "audio": "recordings", "video": "videos", "font": "fonts"}
    return f"{format_name} {words.get(family, 'files')}"


def remedy(name: str) -> str:
    """What a person can do about a file that nothing reads."""
    return _REMEDIES.get(name, "it is left out of the index")


def third_party(path: PurePath) -> str | None:
    """The type that a file's name says, if an extractor from outside of prismd reads it."""
    for named in (BY_SUFFIX.get(path.suffix.lower()), mimetypes.guess_type(path.name)[0]):
        entry = media_type(named) if named else None
        if entry and not entry.extractor.startswith("prismd."):
            return entry.name
    return None


def binary_by_name(path: PurePath) -> str:
    """What a binary file's name says that it is, unless it says text, which it is not."""
    suffix = path.suffix.lower()
    named = (
        _BINARY_SUFFIXES.get(suffix)
        or BY_SUFFIX.get(suffix)
        or mimetypes.guess_type(path.name)[0]
        or UNKNOWN
    )
    return named if named.startswith(_BINARY_FAMILIES) else UNKNOWN


def kind_of(path: str) -> DocumentType:
    """What a file is, as far as its name tells; what it does not tell counts as text."""
    return _kind_of_suffix(PurePath(path).suffix.lower())


@lru_cache(maxsize=4096)
def _kind_of_suffix(suffix: str) -> DocumentType:
    guessed = mimetypes.guess_type(f"x{suffix}")[0] if suffix else None
    named = _BINARY_SUFFIXES.get(suffix) or BY_SUFFIX.get(suffix) or guessed or ""
    if entry := media_type(named):
        return entry.type
    # Of what nothing reads, too, so that it is not told as skipped where only pictures are read.
    family = named.partition("/")[0]
    families: dict[str, DocumentType] = {"image": "image", "audio": "audio", "video": "audio"}
    office = named.startswith("application/vnd.") or named in _NAMES
    return families.get(family, "document" if office else "text")


@cache
def read_suffixes() -> Mapping[str, str]:
    """The ends of names, such as ``.odt``, of what is read, with the version that reads it.

    Those of source code are left out.
    """
    named = {**_BINARY_SUFFIXES, **BY_SUFFIX}
    found = {
        # What else such files are called knows the system; third parties tell the type only.
        suffix: entry.version
        for name, entry in media_types().items()
        for suffix in mimetypes.guess_all_extensions(name)
        if suffix not in named
    }
    own = {suffix: media_type(name) for suffix, name in named.items()}
    return found | {suffix: entry.version for suffix, entry in own.items() if entry}
