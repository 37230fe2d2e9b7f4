"""``/files``: listing, record, content."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, get_args

import msgspec
from litestar import Response, get, route
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Struct

from prismd.api import content
from prismd.api.description import BINARY, FILE_ID, between, described, one_of
from prismd.api.services import Api, ApiRequest, api_of
from prismd.api.streaming import StreamedResponse
from prismd.domain import DocumentType, FileState
from prismd.errors import RequestError
from prismd.store import citations, listing
from prismd.store.citations import KeptCitation
from prismd.store.listing import FileQuery, FileRecord
from prismd.timing import iso_time

_FILE_ID = re.compile(r"file-([1-9][0-9]{0,17})")
_CITATION_ID = re.compile(r"[0-9a-f]{8,64}")
_MAX_LIMIT = 1000
_STATES: tuple[str, ...] = get_args(FileState)
_TYPES: tuple[str, ...] = get_args(DocumentType)


class FileError(Struct, frozen=True):
    """Why a file gave no document."""

    code: str
    message: str


class FileItem(Struct, frozen=True):
    """A file of the index."""

    id: str
    path: str
    type: str
    media_type: str
    size_bytes: int
    modified_at: str
    sha256: str
    state: FileState
    error: FileError | None
    passages: int
    title: str
    indexed_at: str | None


class FileDetail(FileItem, frozen=True):
    """A file with what it says of itself, and what was left out of it."""

    metadata: dict[str, Any]
    warnings: list[str]


class FilePage(Struct, frozen=True):
    """Some of the files, in the order of their ids."""

    data: tuple[FileItem, ...]
    total: int
    next: str | None
    object: Literal["list"] = "list"


@get(
    "/files",
    operation_class=described(
        parameters={
            "state": one_of(_STATES),
            "type": one_of(_TYPES),
            "limit": between(1, _MAX_LIMIT, 100),
            "after": FILE_ID,
        }
    ),
    summary="Files of the index",
)
async def list_files(
    request: ApiRequest,
    q: FromQuery[str] = "",
    states: Annotated[list[str] | None, QueryParameter(name="state")] = None,
    types: Annotated[list[str] | None, QueryParameter(name="type")] = None,
    limit: FromQuery[int] = 100,
    after: FromQuery[str] = "",
) -> FilePage:
    """Files whose path holds ``q``, in these states and of these types, page by page."""
    query = FileQuery(
        state=chosen(states, _STATES, "state"),
        type=chosen(types, _TYPES, "type"),
        path=q,
        limit=in_range(limit, 1, _MAX_LIMIT, "limit"),
        after_id=id_after(after),
    )
    return await page_of(api_of(request), query)


@get("/files/{file_id:str}", summary="One file")
async def get_file(request: ApiRequest, file_id: FromPath[str]) -> FileDetail:
    """A file with its metadata and warnings."""
    record = await find(api_of(request), file_id)
    return FileDetail(
        **msgspec.structs.asdict(item_of(record)),
        metadata=msgspec.json.decode(record.metadata, type=dict[str, Any]),
        warnings=msgspec.json.decode(record.warnings, type=list[str]),
    )


@route(
    "/files/{file_id:str}/content",
    http_method=content.READING,
    operation_class=described(only_also=True, also={"*/*": BINARY}, statuses=(206, 304, 416)),
    summary="A file's bytes",
)
async def get_content(request: ApiRequest, file_id: FromPath[str]) -> Response[Any]:
    """The file as it is on disk now; ``Range`` is understood."""
    return await send(request, await find(api_of(request), file_id))


async def send(request: ApiRequest, record: FileRecord) -> Response[Any]:
    """The bytes of a file, or those that are asked for.

    Raises:
        RequestError: 404; it is gone. 416; it has no such bytes.
    """
    api = api_of(request)
    opened = await api.offload.file(lambda: content.open_file(api.services.database, record))
    wanted = request.headers.get("range", "")
    try:
        if content.is_held(request.headers, etag := content.etag_of(opened)):
            content.close(opened)
            return content.not_modified(etag)
        span = content.span_of(wanted, opened.size_bytes)
        headers = content.headers_of(record, opened, span)
        condition = request.headers.get("if-range", "")
        if span.partial and condition and condition != headers["etag"]:
            span = content.Span(0, opened.size_bytes, partial=False)
            headers = content.headers_of(record, opened, span)
    except BaseException:
        content.close(opened)
        raise
    silent = request.method == HttpMethod.HEAD
    return StreamedResponse(
        content.pieces(opened, content.Span(0, 0, partial=False) if silent else span, api.offload),
        media_type=content.served_type(record.media_type),
        headers=headers,
        status_code=206 if span.partial else 200,
    )


async def page_of(api: Api, query: FileQuery) -> FilePage:
    """A page of files."""
    database = api.services.database
    records, total = await api.offload.read(
        lambda: database.read(lambda connection: listing.listing(connection, query))
    )
    more = len(records) == query.limit
    return FilePage(
        tuple(item_of(record) for record in records),
        total,
        f"file-{records[-1].id}" if more else None,
    )


def file_number(file_id: str) -> int | None:
    """The number of a file, by its id; None where it can be none. Pure."""
    match = _FILE_ID.fullmatch(file_id)
    return int(match[1]) if match else None


async def find(api: Api, file_id: str, *, param: str = "file_id") -> FileRecord:
    """A file by its id.

    Raises:
        RequestError: 404.
    """
    number, database = file_number(file_id), api.services.database
    record = None
    if number is not None:
        record = await api.offload.read(
            lambda: database.read(lambda connection: listing.record(connection, number))
        )
    if record is None:
        raise RequestError(
            "there is no file of this id; GET /files lists them",
            status=404,
            code="file_not_found",
            param=param,
        )
    return record


async def find_citation(api: Api, citation_id: str) -> KeptCitation:
    """A citation by its id.

    Raises:
        RequestError: 404.
    """
    kept = None
    if _CITATION_ID.fullmatch(citation_id):
        database = api.services.database
        kept = await api.offload.read(
            lambda: database.read(lambda connection: citations.find(connection, citation_id))
        )
    if kept is None:
        raise RequestError(
            "there is no citation of this id; ask again for a new one",
            status=404,
            code="citation_not_found",
            param="citation_id",
        )
    return kept


def item_of(record: FileRecord) -> FileItem:
    """A file as it is shown."""
    error = None
    if record.error_code:
        error = FileError(record.error_code, record.error_message)
    return FileItem(
        id=f"file-{record.id}",
        path=record.path,
        type=record.type,
        media_type=record.media_type,
        size_bytes=record.size_bytes,
        modified_at=iso_time(record.mtime_ns / 1e9),
        sha256=record.sha256,
        state=record.state,
        error=error,
        passages=record.passages,
        title=record.title,
        indexed_at=None if record.indexed_at is None else iso_time(record.indexed_at),
    )


def chosen(given: list[str] | None, allowed: tuple[str, ...], param: str) -> tuple[str, ...]:
    """Values of a query parameter, repeated or separated by commas.

    Raises:
        RequestError: One is not allowed.
    """
    values = [part for value in given or () for part in value.split(",") if part]
    for value in values:
        if value not in allowed:
            raise RequestError(
                f"{param}: {value[:40]!r} is not one; allowed are {', '.join(allowed)}",
                param=param,
                code="invalid_request",
            )
    return tuple(dict.fromkeys(values))


def in_range(value: int, low: int, high: int, param: str) -> int:
    """A number of a query parameter.

    Raises:
        RequestError: It is too low or too high.
    """
    if not low <= value <= high:
        raise RequestError(
            f"{param}: {value} is not between {low} and {high}", param=param, code="invalid_request"
        )
    return value


def id_after(cursor: str) -> int:
    """The id after which a page begins.

    Raises:
        RequestError: It is no place in the list.
    """
    if not cursor:
        return 0
    match = _FILE_ID.fullmatch(cursor)
    if match is None:
        raise RequestError(
            "after: is no place in the list; give 'next' of the page before",
            param="after",
            code="invalid_request",
        )
    return int(match[1])


ROUTES: list[HTTPRouteHandler] = [list_files, get_file, get_content]
