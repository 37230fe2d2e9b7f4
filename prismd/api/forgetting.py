"""``DELETE /files/{id}``, and the list of what it keeps out of the index."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Literal

from litestar import delete, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from msgspec import Struct

from prismd.api.files import file_number
from prismd.api.services import Api, ApiRequest, api_of, running
from prismd.errors import RequestError, StoreError
from prismd.store import erasing, exclusions, forgetting, vacuum
from prismd.store.database import Database
from prismd.store.forgetting import Forgotten
from prismd.timing import iso_time


class DeletedFile(Struct, frozen=True):
    """A file that was forgotten.

    ``excluded`` says that it lies in a watched folder, where nobody has touched it, and is kept
    out of the index until ``DELETE /exclusions/{id}`` takes it back.
    """

    id: str
    path: str
    excluded: bool
    message: str
    deleted: Literal[True] = True
    object: Literal["file"] = "file"


class ExcludedFile(Struct, frozen=True):
    """A file that is kept out of the index, by the id that it had there."""

    id: str
    path: str
    excluded_at: str


class ExcludedFiles(Struct, frozen=True):
    """All files that are kept out, the last first."""

    data: tuple[ExcludedFile, ...]
    object: Literal["list"] = "list"


class TakenBack(Struct, frozen=True):
    """A file that is kept out no longer; a sweep takes it in again, under another id."""

    id: str
    path: str
    message: str


@delete("/files/{file_id:str}", status_code=200, summary="Forget a file")
async def delete_file(request: ApiRequest, file_id: FromPath[str]) -> DeletedFile:
    """Forget a file with all that is known of it; the user's own file is never touched.

    What the index had of it is overwritten, and answers of ``/v1/responses`` that were kept and
    rest on it go as well, with those that go on from them. An upload is gone with its bytes. A file
    of a watched folder is kept out of the index from now on, under whatever name it gets on the
    same disk, and so is what is written in its place.
    """
    forgotten = await forget(api_of(request), file_id)
    answers = "the kept responses that rest on it"
    message = f"{forgotten.path}: is forgotten, with " + (
        f"{answers}; it is kept out of the index until DELETE /exclusions/{file_id} takes it back"
        if forgotten.excluded
        else f"its bytes and {answers}"
    )
    return DeletedFile(file_id, forgotten.path, forgotten.excluded, message)


async def forget(api: Api, file_id: str) -> Forgotten:
    """Forget a file, and give back the room that it took.

    Raises:
        RequestError: 404; there is no such file. 503; this process only reads the index.
        StoreError: The index cannot be written.
    """
    running(api.services.ingest)
    number, database = file_number(file_id), api.services.database
    forgotten = None
    if number is not None:
        forgotten = await asyncio.wrap_future(
            database.submit(lambda connection: forgetting.forget(connection, number))
        )
    if forgotten is None:
        raise RequestError(
            "there is no file of this id; GET /files lists them",
            status=404,
            code="file_not_found",
            param="file_id",
        )
    await api.offload.read(lambda: _wipe(database))
    return forgotten


def _wipe(database: Database) -> None:
    """Let nothing be read of what was forgotten, and give its room back."""
    database.write(erasing.rewrite_words)
    database.run_outside_transaction(vacuum.give_back)
    # A reader in the way lets the log stand until it is written over.
    with contextlib.suppress(StoreError):
        database.run_outside_transaction(erasing.empty_log)


@get("/exclusions", summary="Files that are kept out")
async def list_exclusions(request: ApiRequest) -> ExcludedFiles:
    """Files of watched folders that were deleted from the index, and are kept out of it."""
    api = api_of(request)
    found = await api.offload.read(lambda: api.services.database.read(exclusions.every))
    return ExcludedFiles(
        tuple(
            ExcludedFile(f"file-{each.file_id}", each.path, iso_time(each.excluded_at))
            for each in found
        )
    )


@delete("/exclusions/{file_id:str}", status_code=200, summary="Take a file back")
async def lift_exclusion(request: ApiRequest, file_id: FromPath[str]) -> TakenBack:
    """Keep a file out no longer, by the id that it had; it is read again, and gets another id."""
    api = api_of(request)
    folders, database = running(api.services.folders), api.services.database
    number = file_number(file_id)
    lifted = None
    if number is not None:
        lifted = await asyncio.wrap_future(
            database.submit(lambda connection: forgetting.take_back(connection, number))
        )
    if lifted is None:
        raise RequestError(
            "no file of this id is kept out; GET /exclusions lists those that are",
            status=404,
            code="file_not_found",
            param="file_id",
        )
    await api.offload.read(folders.watches.rescan)
    return TakenBack(file_id, lifted.path, f"{lifted.path}: is looked for, and read again")


ROUTES: list[HTTPRouteHandler] = [delete_file, list_exclusions, lift_exclusion]
