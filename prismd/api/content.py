"""Files of the index, opened so that nothing outside the watched folders is ever read."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import threading
from collections.abc import AsyncGenerator, Iterable, Mapping
from functools import partial
from pathlib import Path
from urllib.parse import quote

import msgspec
from litestar import Response
from litestar.enums import HttpMethod

from prismd.api.offload import Offload
from prismd.errors import RequestError
from prismd.paths.opening import open_within
from prismd.store import files, uploads
from prismd.store.database import Database
from prismd.store.files import Root
from prismd.store.listing import FileRecord

READING = (HttpMethod.GET, HttpMethod.HEAD)
"""Methods by which files are read: HEAD says what GET would send."""
_PIECE_BYTES = 1 << 18
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_INLINE = frozenset(
    {"application/pdf", "image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"}
)
_AS_TEXT = frozenset(
    {"application/json", "application/yaml", "application/toml", "application/xml"}
    | {"application/xhtml+xml", "image/svg+xml"}
)
_SANDBOX = "default-src 'none'; frame-ancestors 'none'; sandbox"
_PDF_CSP = "frame-ancestors 'none'"
"""A browser's PDF viewer shows nothing under a sandbox; it runs no script of ours either."""


class FileOnDisk(msgspec.Struct, frozen=True):
    """An open regular file within a watched folder. Whoever has it must close it."""

    fd: int
    size_bytes: int
    mtime_ns: int

    @property
    def version(self) -> str:
        """Names its bytes, for as long as they stay as they are."""
        return f"{self.mtime_ns:x}-{self.size_bytes:x}"

    def read(self, start: int, length: int) -> bytes:
        """Some of its bytes, at most ``length``; none beyond the end. Blocks."""
        return os.pread(self.fd, length, start)

    def close(self) -> None:
        """Let go of it. Blocks."""
        os.close(self.fd)


class OpenUpload(msgspec.Struct, frozen=True):
    """An upload, with all that an open file has."""

    database: Database
    upload: uploads.Upload

    @property
    def size_bytes(self) -> int:
        """See ``FileOnDisk``."""
        return self.upload.size_bytes

    @property
    def version(self) -> str:
        """See ``FileOnDisk``."""
        return self.upload.sha256

    def read(self, start: int, length: int) -> bytes:
        """See ``FileOnDisk``."""
        return self.database.read(lambda c: uploads.read(c, self.upload.id, start, length))

    def close(self) -> None:
        """See ``FileOnDisk``."""


OpenFile = FileOnDisk | OpenUpload


class Span(msgspec.Struct, frozen=True):
    """Bytes of a file, half open, and whether the client asked for just these."""

    start: int
    end: int
    partial: bool


def open_file(database: Database, record: FileRecord) -> OpenFile:
    """Open a file of the index, wherever its bytes are. Blocks.

    Raises:
        RequestError: 404; it is gone, or is not such a file.
    """
    if not uploads.is_upload(record.path_raw):
        return open_inside(record, database.read(files.roots))
    upload = database.read(lambda c: uploads.at(c, record.path_raw))
    if upload is None:
        raise _gone(record)
    return OpenUpload(database, upload)


def open_inside(record: FileRecord, roots: Iterable[Root]) -> FileOnDisk:
    """Open a file of a watched folder.

    The row's path is not trusted: what stands there now must be a regular file within a watched
    folder, and no link may lead to it.

    Raises:
        RequestError: 404; it is gone, or is not such a file.
    """
    try:
        descriptor = _opened(record.path_raw, roots)
        found = os.fstat(descriptor)
    except (OSError, ValueError) as error:
        raise _gone(record) from error
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise _gone(record)
    return FileOnDisk(descriptor, found.st_size, found.st_mtime_ns)


def is_as_indexed(record: FileRecord, opened: OpenFile) -> bool:
    """Whether the file still holds the document of its row. Blocks.

    Size and time tell it where the row is settled. While the file waits to be read anew, or could
    not be, they are already those of what is on disk now, and its bytes are hashed.
    """
    if isinstance(opened, OpenUpload):
        return record.sha256 == opened.upload.sha256
    if record.size_bytes != opened.size_bytes or record.mtime_ns != opened.mtime_ns:
        return False
    return record.state == "completed" or _sha256(opened) == record.sha256


def _sha256(opened: OpenFile) -> str:
    digest, at = hashlib.sha256(), 0
    while piece := opened.read(at, _PIECE_BYTES):
        digest.update(piece)
        at += len(piece)
    return digest.hexdigest()


def _opened(path: bytes, roots: Iterable[Root]) -> int:
    for root in roots:
        folder = os.fsencode(root.path)
        if path.startswith(folder.rstrip(b"/") + b"/"):
            return open_within(folder, path)
    raise FileNotFoundError("it stands in no watched folder")


def _gone(record: FileRecord) -> RequestError:
    name = Path(record.path).name
    return RequestError(
        f"{name}: is not there any more; 'POST /rescan' brings the index up to date",
        status=404,
        code="file_gone",
    )


def span_of(header: str, size_bytes: int) -> Span:
    """What a Range header asks for; several ranges, or none that is understood, mean all.

    Raises:
        RequestError: 416; it lies beyond the end.
    """
    match = _RANGE.fullmatch(header.replace(" ", ""))
    if match is None or match[1] == match[2] == "":
        return Span(0, size_bytes, partial=False)
    if match[1] == "":
        start, end = max(0, size_bytes - int(match[2])), size_bytes
    else:
        start = int(match[1])
        end = min(size_bytes, int(match[2]) + 1) if match[2] else size_bytes
        if match[2] and int(match[2]) < start:
            return Span(0, size_bytes, partial=False)
    if start >= size_bytes:
        raise RequestError(
            f"Range: the file has {size_bytes} bytes", status=416, code="range_not_satisfiable"
        )
    return Span(start, end, partial=True)


async def pieces(opened: OpenFile, span: Span, offload: Offload) -> AsyncGenerator[bytes, None]:
    """The bytes of a span; closes the file."""
    try:
        at = span.start
        while at < span.end:
            length = min(_PIECE_BYTES, span.end - at)
            piece = await offload.file(partial(opened.read, at, length))
            if not piece:  # cut short or gone: the connection must not look complete
                raise OSError("the file became shorter while it was sent")
            at += len(piece)
            yield piece
    finally:
        close(opened)


def close(opened: OpenFile) -> None:
    """Close a file without waiting for it: even that is asked of its disk."""
    threading.Thread(target=opened.close, name="prismd-close", daemon=True).start()


def etag_of(opened: OpenFile, shown: str = "") -> str:
    """The name of a file's bytes, or of what is ``shown`` of them, for as long as they stay."""
    return f'"{opened.version}{"-" if shown else ""}{shown}"'


def is_held(headers: Mapping[str, str], etag: str) -> bool:
    """Whether a client has it already, by its ``If-None-Match``."""
    held = [item.strip().removeprefix("W/") for item in headers.get("if-none-match", "").split(",")]
    return etag in held or held == ["*"]


def not_modified(etag: str, headers: Mapping[str, str] | None = None) -> Response[bytes]:
    """304 without a body."""
    return Response(b"", status_code=304, headers={"etag": etag, **(headers or {})})


def headers_of(record: FileRecord, opened: OpenFile, span: Span) -> dict[str, str]:
    """Headers under which no content can run script in our origin."""
    headers = {
        "content-length": str(span.end - span.start),
        "accept-ranges": "bytes",
        "etag": etag_of(opened),
        "content-security-policy": _SANDBOX,
        "content-disposition": _disposition(record),
    }
    if record.media_type == "application/pdf":
        headers["content-security-policy"] = _PDF_CSP
    if span.partial:
        headers["content-range"] = f"bytes {span.start}-{span.end - 1}/{opened.size_bytes}"
    return headers


def served_type(media_type: str) -> str:
    """The media type under which a file is sent; HTML and SVG go as plain text."""
    if media_type in _INLINE or media_type.partition("/")[0] in ("audio", "video"):
        return media_type
    if media_type.startswith("text/") or media_type in _AS_TEXT:
        return "text/plain; charset=utf-8"
    return "application/octet-stream"


def _disposition(record: FileRecord) -> str:
    attached = served_type(record.media_type) == "application/octet-stream"
    name = quote(Path(record.path).name.encode("utf-8", "replace"), safe="")
    return f"{'attachment' if attached else 'inline'}; filename*=UTF-8''{name}"
