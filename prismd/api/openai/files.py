"""``/v1/files``: the files of the index, as OpenAI's clients have them.

Without the prefix, ``/files`` is prismd's own.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any, Literal

from litestar import Response, delete, get, post, route
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery
from msgspec import Struct

from prismd.api import content
from prismd.api.description import BINARY, between, described
from prismd.api.files import find, in_range, send
from prismd.api.forgetting import forget
from prismd.api.receiving import FILE_FIELD, reception
from prismd.api.services import Api, ApiRequest, api_of
from prismd.api.uploading import PURPOSE, records_of
from prismd.domain import FileState
from prismd.errors import RequestError
from prismd.store import listing, uploads
from prismd.store.listing import FileRecord, FilesInTime

_MAX_LIMIT = 10_000
_WATCHED = "assistants"
"""What files of watched folders are for."""
_PURPOSES = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")

Status = Literal["uploaded", "processed", "error"]


class File(Struct, frozen=True):
    """A file of the index.

    ``created_at`` is when an upload came, and when a file of a watched folder was last changed.
    """

    id: str
    bytes: int
    created_at: int
    filename: str
    purpose: str
    status: Status
    status_details: str | None = None
    expires_at: int | None = None
    object: Literal["file"] = "file"


class FileList(Struct, frozen=True):
    """Some of the files."""

    data: tuple[File, ...]
    first_id: str | None
    last_id: str | None
    has_more: bool
    object: Literal["list"] = "list"


class FileDeleted(Struct, frozen=True):
    """That a file was forgotten."""

    id: str
    deleted: Literal[True] = True
    object: Literal["file"] = "file"


class FileFields(Struct, frozen=True):
    """What is said beside the file."""

    purpose: Literal["assistants", "batch", "fine-tune", "vision", "user_data", "evals"] | None = (
        None
    )


@get(
    "/v1/files",
    operation_class=described(
        statuses=(404,), parameters={"limit": between(1, _MAX_LIMIT, _MAX_LIMIT)}
    ),
    summary="Files of the index, for OpenAI's clients",
)
async def list_openai_files(
    request: ApiRequest,
    after: FromQuery[str] = "",
    limit: FromQuery[int] = _MAX_LIMIT,
    order: FromQuery[Literal["asc", "desc"]] = "desc",
    purpose: FromQuery[str] = "",
) -> FileList:
    """Every file, uploaded or in a watched folder, by ``created_at``; the newest first."""
    api = api_of(request)
    in_range(limit, 1, _MAX_LIMIT, "limit")
    last = await find(api, after, param="after") if after else None
    query = FilesInTime(
        limit=limit + 1,
        newest_first=order == "desc",
        after=(last.mtime_ns, last.id) if last else None,
        purpose=purpose,
        watched=purpose == _WATCHED,
    )
    database = api.services.database
    records = await api.offload.read(lambda: database.read(lambda c: listing.in_time(c, query)))
    shown = await _shown(api, records[:limit])
    return FileList(
        shown,
        shown[0].id if shown else None,
        shown[-1].id if shown else None,
        has_more=len(records) > limit,
    )


@post(
    ["/v1/files", "/files"],
    status_code=200,
    request_max_body_size=None,  # it is never held; the file has a limit of its own
    operation_class=described(
        form=FileFields, files={FILE_FIELD: "The file."}, statuses=(408, 409)
    ),
    summary="Upload a file, for OpenAI's clients",
)
async def create_openai_file(request: ApiRequest) -> File:
    """As ``POST /upload``; whatever its purpose is, the file is read and can be searched."""
    api = api_of(request)
    async with reception(api, request) as coming:
        form = await coming.form()
        purpose = form.fields.get("purpose", "").strip() or PURPOSE
        if purpose not in _PURPOSES:
            raise RequestError(
                f"purpose: {purpose[:40]!r} is not one; allowed are {', '.join(_PURPOSES)}",
                param="purpose",
                code="invalid_request",
            )
        if any(name.partition("[")[0] == "expires_after" for name in form.fields):
            raise RequestError(
                "expires_after: files do not expire here; DELETE /v1/files/{id} forgets one",
                param="expires_after",
                code="invalid_request",
            )
        if len(form.files) > 1:
            raise RequestError(
                f"{FILE_FIELD}: is there {len(form.files)} times; POST /upload takes several",
                param=FILE_FIELD,
                code="invalid_request",
            )
        stored = await coming.keep(purpose)
    return (await _shown(api, await records_of(api, stored)))[0]


@get("/v1/files/{file_id:str}", summary="One file, for OpenAI's clients")
async def get_openai_file(request: ApiRequest, file_id: FromPath[str]) -> File:
    """A file of the index."""
    api = api_of(request)
    return (await _shown(api, [await find(api, file_id)]))[0]


@route(
    "/v1/files/{file_id:str}/content",
    http_method=content.READING,
    operation_class=described(only_also=True, also={"*/*": BINARY}, statuses=(206, 304, 416)),
    summary="A file's bytes, for OpenAI's clients",
)
async def get_openai_content(request: ApiRequest, file_id: FromPath[str]) -> Response[Any]:
    """The file's bytes; ``Range`` is understood."""
    return await send(request, await find(api_of(request), file_id))


@delete("/v1/files/{file_id:str}", status_code=200, summary="Forget a file, for OpenAI's clients")
async def delete_openai_file(request: ApiRequest, file_id: FromPath[str]) -> FileDeleted:
    """Forget a file, as ``DELETE /files/{id}`` does; the user's own file is never touched."""
    await forget(api_of(request), file_id)
    return FileDeleted(file_id)


async def _shown(api: Api, records: list[FileRecord]) -> tuple[File, ...]:
    ids = [record.id for record in records]
    database = api.services.database
    purposes = await api.offload.read(lambda: database.read(lambda c: uploads.purposes(c, ids)))
    return tuple(_file_of(record, purposes.get(record.id, _WATCHED)) for record in records)


def _file_of(record: FileRecord, purpose: str) -> File:
    return File(
        id=f"file-{record.id}",
        bytes=record.size_bytes,
        created_at=record.mtime_ns // 10**9,
        filename=PurePosixPath(record.path).name,
        purpose=purpose,
        status=_STATUS[record.state],
        status_details=record.error_message or None,
    )


_STATUS: dict[FileState, Status] = {
    "pending": "uploaded",
    "processing": "uploaded",
    "completed": "processed",
    "failed": "error",
    "skipped": "error",
    "quarantined": "error",
}

ROUTES: list[HTTPRouteHandler] = [
    list_openai_files,
    create_openai_file,
    get_openai_file,
    get_openai_content,
    delete_openai_file,
]
