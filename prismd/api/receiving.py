"""Files that come with a request: checked, and kept in the index together, or not at all."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from concurrent.futures import Future
from contextlib import asynccontextmanager
from functools import partial

import msgspec

from prismd.api.multipart import Form, FormLimits, Part
from prismd.api.services import Api, ApiRequest, running
from prismd.disk.source import held
from prismd.errors import ExtractError, RequestError, StoreError, UnsupportedMedia
from prismd.ingest.intake import Batch, Incoming
from prismd.paths.upload_name import upload_name
from prismd.store.uploads import Received, Taken

FILE_FIELD = "file"
_MAX_PARTS = 100
_HEADER_BYTES = 1 << 16
"""Room for a name that is far too long, which is cut rather than refused."""
_READ = (
    "read are PDF, Office, OpenDocument, EPUB, HTML, mail, text, source code, pictures,"
    " recordings and films"
)


class Stored(msgspec.Struct, frozen=True):
    """A file that came, and the file of the index that it is."""

    received: Received
    taken: Taken


class Came(msgspec.Struct):
    """What came in: fields by their names, and files whose bytes are in the index."""

    fields: dict[str, str]
    files: list[Incoming]


class Reception:
    """Receives the files of one request.

    Args:
        api: Where they go to.
        request: A request whose body nobody has read.
        batch: Its files, as far as they are there.
    """

    def __init__(self, api: Api, request: ApiRequest, batch: Batch) -> None:
        self._api = api
        self._request = request
        self._batch = batch
        self._came = Came({}, [])
        self._size_bytes = 0
        self._writing: Future[None] | None = None

    async def form(self) -> Came:
        """Read the whole form, writing what comes as it comes.

        Raises:
            RequestError: It is no form, holds no file, an empty one, or too much.
            StoreError: The index cannot be written, as when its disk is full.
            ClientGone: The client went away before its end.
        """
        settings = self._api.settings
        limits = FormLimits(
            file_bytes=settings.max_upload_bytes,
            parts=_MAX_PARTS,
            header_bytes=_HEADER_BYTES,
            silent_s=settings.upload_silent_s,
        )
        async for part in Form(self._request, limits):
            if part.name == FILE_FIELD:
                await self._take(part)
            else:
                self._came.fields[part.name] = await part.text()
        if not self._came.files:
            raise RequestError(
                f"{FILE_FIELD}: there is no file; send one as this field of the form, such as by"
                " curl -F file=@report.pdf",
                param=FILE_FIELD,
                code="missing_file",
            )
        return self._came

    async def keep(self, purpose: str) -> list[Stored]:
        """Make files of the index of what came, once all of it has been found to be readable.

        Raises:
            RequestError: One is of a type that is not read (415), or empty.
            ExtractError: What keeps it from being read is known by now, such as a password.
            StoreError: The index cannot be written.
        """
        received = []
        for incoming in self._came.files:
            media_type = await self._api.offload.example(partial(self._type_of, incoming))
            received.append(incoming.received(media_type, purpose))
        taken = await asyncio.wrap_future(self._batch.take(received))
        running(self._api.services.ingest).wake()
        return [Stored(*pair) for pair in zip(received, taken, strict=True)]

    async def _take(self, part: Part) -> None:
        if part.filename is None:
            raise RequestError(
                f"{FILE_FIELD}: is text, and no file; curl sends a file by -F file=@report.pdf",
                param=FILE_FIELD,
                code="missing_file",
            )
        incoming = await asyncio.wrap_future(self._batch.begin(upload_name(part.filename)))
        self._came.files.append(incoming)
        async for content in part.chunks():
            self._size_bytes += len(content)
            if self._size_bytes > self._api.settings.max_upload_bytes:
                raise self._too_large()
            incoming.add(content)
            while incoming.has_piece:
                await self._write(incoming)
        if incoming.has_rest:
            await self._write(incoming)
        await self._written()
        if not incoming.size_bytes:
            raise RequestError(
                f"{incoming.name}: is empty; there is nothing to keep",
                param=FILE_FIELD,
                code="empty",
            )

    async def _write(self, incoming: Incoming) -> None:
        """Have a piece written while the next one comes; no more than one waits for the disk."""
        await self._written()
        self._writing = incoming.write()

    async def _written(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            await asyncio.wrap_future(writing)

    def _type_of(self, incoming: Incoming) -> str:
        services = self._api.services
        try:
            with held(services.database, incoming.id, incoming.size_bytes, incoming.name) as path:
                return services.pool.detect(path).name
        except UnsupportedMedia as error:
            raise RequestError(
                f"{error}; {_READ}", status=415, param=FILE_FIELD, code="unsupported"
            ) from error
        except ExtractError as error:
            if error.code != "empty":
                raise
            raise RequestError(str(error), param=FILE_FIELD, code="empty") from error
        except OSError as error:
            raise RequestError(
                f"{incoming.name}: there is no room to read it now ({error.strerror});"
                " try again in a moment",
                status=503,
                code="no_room",
            ) from error

    def _too_large(self) -> RequestError:
        limit = self._api.settings.max_upload_bytes
        return RequestError(
            f"{FILE_FIELD}: more than {limit} bytes are not taken in one request; raise [server]"
            " max_upload_bytes, or put the file into a watched folder",
            status=413,
            param=FILE_FIELD,
            code="file_too_large",
        )


@asynccontextmanager
async def reception(api: Api, request: ApiRequest) -> AsyncIterator[Reception]:
    """Receive files; whatever has not been kept at the end is gone.

    Raises:
        BusyError: Too many come in at once.
        RequestError: This process only reads the index.
    """
    running(api.services.ingest)
    loop = asyncio.get_running_loop()
    # Whether the client is still there is told by the body, which nobody else may read.
    await api.upload_gate.enter(loop.create_future())
    batch = api.intake.batch()
    try:
        yield Reception(api, request, batch)
    finally:
        api.upload_gate.leave()
        with contextlib.suppress(StoreError):  # a stopping daemon's next start does it
            batch.end()
