"""``/v1/vector_stores/{id}/files``: the files of a folder, or the uploads, one by one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal, NoReturn

from litestar import delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Struct

from prismd.api.body import CHAT_BODY_BYTES, decode_body
from prismd.api.description import between, described
from prismd.api.files import find, in_range
from prismd.api.openai import paging
from prismd.api.openai.narrowing import UPLOADS_ID
from prismd.api.openai.paging import DEFAULT_LIMIT, MAX_LIMIT, Order, Page
from prismd.api.openai.stores import STATES, FileStatus, found, refuse
from prismd.api.services import Api, ApiRequest, api_of
from prismd.domain import FileState
from prismd.errors import RequestError
from prismd.store import attributes, collections, documents, listing
from prismd.store.attributes import Values
from prismd.store.collections import FilesOf
from prismd.store.listing import FileRecord

_FILES = ["/v1/vector_stores/{store_id:str}/files", "/vector_stores/{store_id:str}/files"]
_FILE = [f"{path}/{{file_id:str}}" for path in _FILES]
_CONTENT = [f"{path}/content" for path in _FILE]
_BATCHES = [path.removesuffix("files") + "file_batches" for path in _FILES]
_FILE_ID = re.compile(r"file-([1-9][0-9]{0,17})")
_STATUS: dict[FileState, FileStatus] = {
    state: status for status, states in STATES.items() for state in states
}


class LastError(Struct, frozen=True):
    """Why a file gave no document; ``message`` is prismd's own sentence."""

    code: Literal["server_error", "unsupported_file", "invalid_file"]
    message: str


class StoredFile(Struct, frozen=True, kw_only=True):
    """A file of a store.

    Attributes:
        created_at: When it was last read; of one that waits for it, when it was changed.
        attributes: What filters can be held against.
    """

    id: str
    vector_store_id: str
    created_at: int
    status: FileStatus
    last_error: LastError | None
    usage_bytes: int
    attributes: Values
    object: Literal["vector_store.file"] = "vector_store.file"


class TextContent(Struct, frozen=True):
    """A text."""

    text: str
    type: Literal["text"] = "text"


class FileContent(Struct, frozen=True, kw_only=True):
    """What was read of a file."""

    data: tuple[TextContent, ...]
    has_more: bool = False
    next_page: None = None
    object: Literal["vector_store.file_content.page"] = "vector_store.file_content.page"


class AttachRequest(Struct, frozen=True):
    """``POST /v1/vector_stores/{id}/files``: the file, which must be in the store already."""

    file_id: str
    attributes: dict[str, Any] | None = None


@get(
    _FILES,
    operation_class=described(parameters={"limit": between(1, MAX_LIMIT, DEFAULT_LIMIT)}),
    summary="The files of a store",
)
async def list_files(
    request: ApiRequest,
    store_id: FromPath[str],
    limit: FromQuery[int] = DEFAULT_LIMIT,
    order: FromQuery[Order] = "desc",
    after: FromQuery[str] = "",
    before: FromQuery[str] = "",
    status: Annotated[FileStatus | None, QueryParameter(name="filter")] = None,
) -> Page[StoredFile]:
    """Files in the order in which they came, page by page; ``filter`` is a status."""
    in_range(limit, 1, MAX_LIMIT, "limit")
    store = await found(request, store_id)
    api = api_of(request)
    query = FilesOf(
        store.root_id,
        STATES[status] if status else None,
        limit,
        _place(after, "after"),
        _place(before, "before"),
        newest_first=order == "desc",
    )
    return await api.offload.read(lambda: _page(api, store_id, query))


@get(_FILE, summary="One file of a store")
async def get_file(
    request: ApiRequest, store_id: FromPath[str], file_id: FromPath[str]
) -> StoredFile:
    """A file with its status and attributes."""
    record = await _find(request, store_id, file_id)
    api = api_of(request)
    return await api.offload.read(lambda: _stored(api, store_id, [record])[0])


@get(_CONTENT, summary="What was read of a file")
async def get_content(
    request: ApiRequest, store_id: FromPath[str], file_id: FromPath[str]
) -> FileContent:
    """The whole text of a file, as it is searched."""
    record = await _find(request, store_id, file_id)
    database = api_of(request).services.database
    content = await api_of(request).offload.read(
        lambda: database.read(lambda c: documents.content(c, record.sha256))
    )
    if content is None or record.document_id is None:
        raise RequestError(
            f"file_id: nothing was read of it ({record.error_message or 'it waits for its turn'})",
            status=404,
            code="no_content",
            param="file_id",
        )
    return FileContent(data=(TextContent(content.text),))


@post(
    _FILES,
    status_code=200,
    request_max_body_size=CHAT_BODY_BYTES,
    operation_class=described(AttachRequest),
    summary="Attach a file that is in the store already",
)
async def attach_file(request: ApiRequest, store_id: FromPath[str]) -> StoredFile:
    """An upload is in its store at once, and a file in that of its folder: this says so."""
    asked = await decode_body(request, AttachRequest)
    store = await found(request, store_id)
    if asked.attributes:
        _refuse_attributes()
    api = api_of(request)
    record = await find(api, asked.file_id)
    if not await _holds(api, store.root_id, record.id):
        refuse(
            "a watched folder holds the files that lie in it; move the file there"
            if store.path
            else f"{UPLOADS_ID!r} holds what was uploaded; send the file to POST /v1/files"
        )
    return await api.offload.read(lambda: _stored(api, store_id, [record])[0])


@post(
    _FILE,
    status_code=200,
    operation_class=described(refuses=True),
    summary="Refused: attributes are the file's own",
)
async def update_file(
    request: ApiRequest, store_id: FromPath[str], file_id: FromPath[str]
) -> StoredFile:
    """Says why attributes cannot be set."""
    await _find(request, store_id, file_id)
    _refuse_attributes()


@delete(
    _FILE,
    status_code=200,
    operation_class=described(refuses=True),
    summary="Refused: a file is in the store of its folder",
)
async def detach_file(
    request: ApiRequest, store_id: FromPath[str], file_id: FromPath[str]
) -> StoredFile:
    """Says how a file is forgotten."""
    await _find(request, store_id, file_id)
    refuse(
        "a file is always in the store of its folder, or of the uploads; forget it with"
        " DELETE /v1/files/{id}"
    )


@post(
    _BATCHES,
    status_code=200,
    operation_class=described(refuses=True),
    summary="Refused: files are in their stores at once",
)
async def create_batch(request: ApiRequest, store_id: FromPath[str]) -> StoredFile:
    """Says that nothing needs to be attached."""
    await found(request, store_id)
    refuse(
        "files need not be attached in batches: an upload is in 'vs_uploads' at once, a file in the"
        f" store of its folder; GET /v1/vector_stores/{store_id}/files says how far they are read"
    )


def _page(api: Api, store_id: str, query: FilesOf) -> Page[StoredFile]:
    ids, more = api.services.database.read(lambda c: collections.file_ids(c, query))
    records = {
        record.id: record
        for record in api.services.database.read(lambda c: listing.records(c, ids))
    }
    ordered = [records[id_] for id_ in ids if id_ in records]
    return paging.page(_stored(api, store_id, ordered), has_more=more)


def _stored(api: Api, store_id: str, records: Sequence[FileRecord]) -> list[StoredFile]:
    ids = [record.id for record in records]
    values = api.services.database.read(lambda c: attributes.of_files(c, ids))
    return [
        StoredFile(
            id=f"file-{record.id}",
            vector_store_id=store_id,
            created_at=int(
                record.mtime_ns / 1e9 if record.indexed_at is None else record.indexed_at
            ),
            status=_STATUS[record.state],
            last_error=_error(record),
            usage_bytes=record.size_bytes,
            attributes=values.get(record.id, {}),
        )
        for record in records
    ]


def _error(record: FileRecord) -> LastError | None:
    if not record.error_code:
        return None
    if record.state == "skipped":
        return LastError("unsupported_file", record.error_message)
    code: Literal["server_error", "invalid_file"]
    code = "server_error" if record.state == "quarantined" else "invalid_file"
    return LastError(code, record.error_message)


async def _find(request: ApiRequest, store_id: str, file_id: str) -> FileRecord:
    store = await found(request, store_id)
    api = api_of(request)
    record = await find(api, file_id)
    if not await _holds(api, store.root_id, record.id):
        raise RequestError(
            f"file_id: {file_id} is not in this store; GET /v1/vector_stores/{store_id}/files lists"
            " what is",
            status=404,
            code="file_not_found",
            param="file_id",
        )
    return record


async def _holds(api: Api, root_id: int, file_id: int) -> bool:
    database = api.services.database
    return await api.offload.read(
        lambda: database.read(lambda c: collections.holds(c, root_id, file_id))
    )


def _place(file_id: str, param: str) -> int | None:
    """The number of the file at which a page begins or ends; it may be forgotten meanwhile."""
    match = _FILE_ID.fullmatch(file_id)
    if file_id and match is None:
        raise paging.no_place(param)
    return int(match[1]) if match is not None else None


def _refuse_attributes() -> NoReturn:
    refuse(
        "attributes: a file's are its own (type, path, modified_at …) and cannot be set; GET"
        " /v1/vector_stores/{id}/files shows them"
    )


ROUTES: list[HTTPRouteHandler] = [
    list_files,
    get_file,
    get_content,
    attach_file,
    update_file,
    detach_file,
    create_batch,
]
