"""``POST /upload``: files that live in the index."""

from __future__ import annotations

import asyncio
import time
from pathlib import PurePosixPath
from typing import Annotated, Literal

from litestar import post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery
from msgspec import Meta, Struct

from prismd.api.description import between, described
from prismd.api.errors import ClientGone
from prismd.api.receiving import FILE_FIELD, Came, Stored, reception
from prismd.api.services import Api, ApiRequest, api_of
from prismd.api.streaming import watching_client
from prismd.domain import FileState
from prismd.errors import RequestError
from prismd.store import listing
from prismd.store.listing import FileRecord

PURPOSE = "user_data"
"""What an upload is for where nothing is said of it; a word of OpenAI's."""
_MAX_WAIT_S = 300.0
_LOOK_S = 0.05
_UNREAD: tuple[FileState, ...] = ("pending", "processing")

Status = Literal["queued", "processing", "completed", "failed", "skipped", "quarantined", "known"]


class Uploaded(Struct, frozen=True):
    """A file that was uploaded.

    ``status`` is ``known`` where the same bytes had been uploaded before: then it is that file.
    ``state`` is how the file stands, as ``/files`` has it.
    """

    file_id: str
    filename: str
    status: Status
    message: str
    state: FileState
    size_bytes: int
    media_type: str
    sha256: str


class UploadAnswer(Uploaded, frozen=True):
    """The first file that was uploaded, and all of them."""

    files: tuple[Uploaded, ...]


class UploadFields(Struct, frozen=True):
    """What is said beside the files of an upload."""

    wait_s: Annotated[float, Meta(ge=0, le=_MAX_WAIT_S)] | None = None


@post(
    "/upload",
    status_code=200,
    request_max_body_size=None,  # it is never held; the files have a limit of their own
    operation_class=described(
        form=UploadFields,
        files={FILE_FIELD: "The file; several are kept together, or none of them."},
        statuses=(408, 409),
        parameters={"wait_s": between(0, _MAX_WAIT_S, 0.0)},
    ),
    summary="Upload files into the index",
)
async def upload(request: ApiRequest, wait_s: FromQuery[float] = 0.0) -> UploadAnswer:
    """Keep files in the index itself, and queue them; with ``wait_s``, until they are read.

    What they are is told by their content. The same bytes make one file, however often they come.
    """
    api = api_of(request)
    _checked_wait(wait_s)
    async with reception(api, request) as coming:
        form = await coming.form()
        wait_s = _wait_of(form, wait_s)
        stored = await coming.keep(PURPOSE)
    uploaded = await answers(request, stored, wait_s)
    first = uploaded[0]
    return UploadAnswer(
        **{name: getattr(first, name) for name in Uploaded.__struct_fields__},
        files=tuple(uploaded),
    )


async def answers(request: ApiRequest, stored: list[Stored], wait_s: float) -> list[Uploaded]:
    """How uploads stand, once they have been read or the time is over.

    Raises:
        ClientGone: The client did not wait for it.
    """
    api = api_of(request)
    end_s = time.monotonic() + wait_s
    with watching_client(request) as gone:
        while True:
            records = await records_of(api, stored)
            unread = any(record.state in _UNREAD for record in records)
            if not unread or time.monotonic() >= end_s:
                break
            await asyncio.wait({gone}, timeout=_LOOK_S)
            if gone.done():
                raise ClientGone
    paused = api.services.progress.paused
    return [_uploaded(*pair, paused=paused) for pair in zip(stored, records, strict=True)]


async def records_of(api: Api, stored: list[Stored]) -> list[FileRecord]:
    """The rows of uploads.

    Raises:
        RequestError: 409; one has been deleted meanwhile.
    """
    ids = [each.taken.file_id for each in stored]
    database = api.services.database
    records = await api.offload.read(
        lambda: database.read(lambda c: [listing.record(c, file_id) for file_id in ids])
    )
    found = [record for record in records if record is not None]
    if len(found) < len(records):
        raise RequestError(
            "the file was deleted while it was uploaded; send it again to have it",
            status=409,
            code="deleted_meanwhile",
            retry_after_s=1,
        )
    return found


def _uploaded(stored: Stored, record: FileRecord, *, paused: bool) -> Uploaded:
    name = PurePosixPath(record.path).name
    known = stored.taken.known
    return Uploaded(
        file_id=f"file-{record.id}",
        filename=name,
        status="known" if known else _STATUS[record.state],
        message=_message(record, name, known=known, paused=paused),
        state=record.state,
        size_bytes=record.size_bytes,
        media_type=record.media_type,
        sha256=stored.received.sha256,
    )


_STATUS: dict[FileState, Status] = {
    "pending": "queued",
    "processing": "processing",
    "completed": "completed",
    "failed": "failed",
    "skipped": "skipped",
    "quarantined": "quarantined",
}


def _message(record: FileRecord, name: str, *, known: bool, paused: bool) -> str:
    before = "was uploaded before, and " if known else ""
    if record.error_message:
        return record.error_message
    if record.state == "completed":
        return f"{name}: {before}can be searched"
    if paused:
        return f"{name}: {before}is kept, and read once 'prismd resume' ends the pause"
    return f"{name}: {before}is kept, and can be searched as soon as it has been read"


def _wait_of(form: Came, wait_s: float) -> float:
    if not (given := form.fields.get("wait_s", "").strip()):
        return wait_s
    try:
        return _checked_wait(float(given))
    except ValueError:
        raise RequestError(
            f"wait_s: {given[:40]!r} is no number of seconds",
            param="wait_s",
            code="invalid_request",
        ) from None


def _checked_wait(wait_s: float) -> float:
    if not 0 <= wait_s <= _MAX_WAIT_S:  # nor is "not a number"
        raise RequestError(
            f"wait_s: is not between 0 and {_MAX_WAIT_S:g}", param="wait_s", code="invalid_request"
        )
    return wait_s


ROUTES: list[HTTPRouteHandler] = [upload]
