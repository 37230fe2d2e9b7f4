"""Opening Office packages (ZIP) without being blown up by them."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from pathlib import Path

from prismd.errors import ExtractError

_MAX_MEMBERS = 10_000
_MAX_TOTAL_BYTES = 1 << 30
_MAX_PART_BYTES = 256 << 20
_MAX_RATIO = 300
_RATIO_FROM_BYTES = 16 << 20
_PLACE = re.compile(r" \(<string>, line \d+\)$")
_XML_SUFFIXES = (".xml", ".rels")

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
        b"http://purl.oclc.org/ooxml/drawingml/",
        b"http://schemas.openxmlformats.org/drawingml/2006/",
    ),
)


def open_package(path: Path) -> io.BytesIO:
    """Read a package's XML parts, checked, and make a small package of nothing else.

    Pictures and other binary parts become empty: they are not read, so they cannot do harm.
    The names of "strict" Office files are put into the common form, which parsers know.

    Raises:
        ExtractError: It is no package (code ``broken``), or a bomb (code ``too_large``).
    """
    made = io.BytesIO()
    try:
        with zipfile.ZipFile(path) as source, zipfile.ZipFile(made, "w") as target:
            members = source.infolist()
            _check(members)
            for member in {m.filename: m for m in members if not m.is_dir()}.values():
                is_xml = member.filename.lower().endswith(_XML_SUFFIXES)
                target.writestr(member.filename, _part(source, member) if is_xml else b"")
    except (zipfile.BadZipFile, EOFError, OSError, RuntimeError, NotImplementedError) as error:
        raise broken(str(error)) from error
    except (ValueError, zlib.error) as error:
        raise broken(str(error)) from error
    made.seek(0)
    return made


def broken(cause: str) -> ExtractError:
    """The error of a document that cannot be read."""
    cause = _PLACE.sub("", " ".join(cause.split()))[:200].rstrip(".")
    return ExtractError(
        f"not a readable document ({cause}); open it in its program and save it anew to index it",
        code="broken",
    )


def _check(members: list[zipfile.ZipInfo]) -> None:
    total = sum(member.file_size for member in members)
    bomb = any(
        member.file_size > max(_RATIO_FROM_BYTES, _MAX_RATIO * member.compress_size)
        for member in members
    )
    part = max((m.file_size for m in members if m.filename.endswith(_XML_SUFFIXES)), default=0)
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
        data = part.read(_MAX_PART_BYTES)
    if _STRICT in data:
        for strict, transitional in _TO_TRANSITIONAL:
            data = data.replace(strict, transitional)
    return data
