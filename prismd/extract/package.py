"""Opening packages (ZIP) of Office programs and books without being blown up by them."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lxml import etree

from prismd.errors import ExtractError
from prismd.extract.damage import broken

_MAX_MEMBERS = 10_000
_MAX_TOTAL_BYTES = 1 << 30
_MAX_PART_BYTES = 256 << 20
_MAX_RATIO = 300
_RATIO_FROM_BYTES = 16 << 20
_XML_SUFFIXES = (".xml", ".rels")
_DOCTYPES = (b"<!DOCTYPE", "<!DOCTYPE".encode("utf-16-le"), "<!DOCTYPE".encode("utf-16-be"))

_CORE_PROPERTIES = {
    "title": "title",
    "creator": "author",
    "subject": "subject",
    "keywords": "keywords",
    "language": "language",
    "created": "created",
    "modified": "modified",
}

_STRICT = b"http://purl.oclc.org/ooxml/"
_TO_TRANSITIONAL = (
    (
        b"http://purl.oclc.org/ooxml/officeDocument/relationships/metadata/core-properties",
        b"http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties",
    ),
    (
        b"http://purl.oclc.org/ooxml/officeDocument/",
        b"http://schemas.openxmlformats.org/officeDocument/2006/",
    ),
    (
        b"http://purl.oclc.org/ooxml/wordprocessingml/main",
        b"http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    ),
    (
        b"http://purl.oclc.org/ooxml/spreadsheetml/main",
        b"http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    ),
    (
        b"http://purl.oclc.org/ooxml/presentationml/main",
        b"http://schemas.openxmlformats.org/presentationml/2006/main",
    ),
    (
        b"http://purl.oclc.org/ooxml/drawingml/",
        b"http://schemas.openxmlformats.org/drawingml/2006/",
    ),
)


def open_package(
    path: Path, edit: Callable[[str, bytes], bytes] = lambda _, data: data
) -> io.BytesIO:
    """Read a package's XML parts, checked, and make a small package of nothing else.

    Pictures and other binary parts become empty: they are not read, so they cannot do harm.
    The names of "strict" Office files are put into the common form, which parsers know.

    Args:
        path: The package.
        edit: Given the name and content of each part; gives what a parser is to see of it.

    Raises:
        ExtractError: It is no package (code ``broken``), or a bomb (code ``too_large``).
    """
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as target:
        for name, data in read_parts(path).items():
            if any(mark in data for mark in _DOCTYPES):
                # Not every parser behind this one can be told to leave entities alone.
                raise broken("a part of it declares entities, which Office programs never write")
            target.writestr(name, edit(name, _transitional(data)))
    made.seek(0)
    return made


def read_parts(
    path: Path, wanted: Callable[[str], bool] = lambda name: name.lower().endswith(_XML_SUFFIXES)
) -> dict[str, bytes]:
    """Read the parts of a package that are wanted, checked; the others are there, but empty.

    Raises:
        ExtractError: It is no package (code ``broken``), or a bomb (code ``too_large``).
    """
    try:
        with zipfile.ZipFile(path) as source:
            members = source.infolist()
            _check(members, wanted)
            return {
                member.filename: _part(source, member) if wanted(member.filename) else b""
                for member in {m.filename: m for m in members if not m.is_dir()}.values()
            }
    except (zipfile.BadZipFile, EOFError, OSError, RuntimeError, NotImplementedError) as error:
        raise broken(str(error)) from error
    except (ValueError, zlib.error) as error:
        raise broken(str(error)) from error


def parse_xml(data: bytes) -> Any:
    """Parse an XML part, without entities, network or unlimited nesting.

    Raises:
        ExtractError: It is not well formed (code ``broken``).
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        return etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise broken(str(error)) from error


def core_metadata(archive: zipfile.ZipFile) -> dict[str, str]:
    """What an Office package says of itself: title, author, subject, created and the like."""
    try:
        root = parse_xml(archive.read("docProps/core.xml"))
    except (KeyError, ExtractError):
        return {}
    found = {
        key: " ".join((root.findtext(f"{{*}}{name}") or "").split())
        for name, key in _CORE_PROPERTIES.items()
    }
    return {key: value for key, value in found.items() if value}


def _check(members: list[zipfile.ZipInfo], wanted: Callable[[str], bool]) -> None:
    total = sum(member.file_size for member in members)
    bomb = any(
        member.file_size > max(_RATIO_FROM_BYTES, _MAX_RATIO * member.compress_size)
        for member in members
    )
    part = max((m.file_size for m in members if wanted(m.filename)), default=0)
    if len(members) > _MAX_MEMBERS or total > _MAX_TOTAL_BYTES or part > _MAX_PART_BYTES or bomb:
        raise ExtractError(
            f"it unpacks to {total:,} bytes in {len(members):,} parts, beyond the safe limit; "
            "split it, or save it without embedded objects, to index it",
            code="too_large",
            skip=True,
        )


def _part(source: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    # A member may lie about its size; zipfile stops at the size that it told.
    with source.open(member) as part:
        return part.read(_MAX_PART_BYTES)


def _transitional(data: bytes) -> bytes:
    if _STRICT in data:
        for strict, transitional in _TO_TRANSITIONAL:
            data = data.replace(strict, transitional)
    return data
