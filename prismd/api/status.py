"""How it stands, and the switches: status, pause, resume, rescan, errors, retry."""

from __future__ import annotations

from typing import Annotated, Literal

from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery, QueryParameter
from msgspec import Struct

from prismd.api import wire
from prismd.api.body import CHAT_BODY_BYTES, decode_body, described
from prismd.api.files import FilePage, chosen, find, id_after, in_range, page_of
from prismd.api.roots import RootStatus, roots_of
from prismd.api.services import Api, ApiRequest, api_of, running
from prismd.domain import FileState
from prismd.models.load import ModelState
from prismd.progress import Current, Snapshot
from prismd.store import counts, files, jobs
from prismd.store.listing import FileQuery
from prismd.store.stale import Stale

State = Literal["starting", "indexing", "idle", "paused"]
_FAILURES: tuple[FileState, ...] = ("failed", "quarantined", "skipped")
_RETRIED: tuple[FileState, ...] = ("failed", "quarantined")
_MAX_LIMIT = 1000


class Health(Struct, frozen=True):
    """That it runs; open to everybody on this computer."""

    version: str
    status: Literal["ok"] = "ok"


class FileCounts(Struct, frozen=True):
    """Files by state."""

    total: int = 0
    pending: int = 0
    processing: int = 0
    completed: int = 0
    failed: int = 0
    skipped: int = 0
    quarantined: int = 0


class Status(Struct, frozen=True):
    """How everything stands at one moment."""

    state: State
    version: str
    files: FileCounts
    passages: int
    passages_embedded: int
    embeddings_computed: int
    current: tuple[Current, ...]
    rate_files_per_s: float
    eta_s: float | None
    roots: tuple[RootStatus, ...]
    models: dict[str, ModelState]
    fault: str
    stale: tuple[Stale, ...]
    index_bytes: int
    started_at: float


class Switched(Struct, frozen=True):
    """The state after a switch."""

    state: State


class Queued(Struct, frozen=True):
    """How many files were queued."""

    queued: int


@get("/health", sync_to_thread=False, summary="Whether it runs")
def health(request: ApiRequest) -> Health:
    """Say that it runs; nothing about what is in the index."""
    return Health(api_of(request).settings.version)


@get("/status", summary="How everything stands")
async def status(request: ApiRequest) -> Status:
    """Counts, the files in hand, rate and time left, folders and models."""
    api = api_of(request)
    return await api.offload.read(lambda: _status(api))


@post("/pause", status_code=200, summary="Start no more work")
async def pause(request: ApiRequest) -> Switched:
    """Start no more work until resumed; files in hand are finished, recordings begun anew."""
    api = api_of(request)
    await api.offload.read(running(api.services.ingest).pause)
    return Switched((await api.offload.read(lambda: _status(api))).state)


@post("/resume", status_code=200, summary="Go on")
async def resume(request: ApiRequest) -> Switched:
    """Go on after a pause."""
    api = api_of(request)
    await api.offload.read(running(api.services.ingest).resume)
    return Switched((await api.offload.read(lambda: _status(api))).state)


@post("/rescan", status_code=202, summary="Compare the folders with the index")
async def rescan(request: ApiRequest) -> Switched:
    """Ask for a sweep of all folders; the status shows what it finds."""
    api = api_of(request)
    await api.offload.read(running(api.services.folders).watches.rescan)
    return Switched((await api.offload.read(lambda: _status(api))).state)


@get("/errors", summary="Files without a document, and why")
async def errors(
    request: ApiRequest,
    states: Annotated[list[str] | None, QueryParameter(name="state")] = None,
    limit: FromQuery[int] = 100,
    after: FromQuery[str] = "",
) -> FilePage:
    """Files that failed, were put in quarantine or were skipped, each with its reason."""
    query = FileQuery(
        state=chosen(states, _FAILURES, "state") or _FAILURES,
        limit=in_range(limit, 1, _MAX_LIMIT, "limit"),
        after_id=id_after(after),
    )
    return await page_of(api_of(request), query)


@post(
    "/retry",
    status_code=200,
    request_max_body_size=CHAT_BODY_BYTES,
    operation_class=described(wire.RetryRequest),
    summary="Read files again that failed",
)
async def retry(request: ApiRequest) -> Queued:
    """Queue one file, or every file in the states that are named (failed and quarantined)."""
    api = api_of(request)
    ingest = running(api.services.ingest)
    asked = await decode_body(request, wire.RetryRequest)
    states: tuple[FileState, ...] = tuple(asked.states or ()) or _RETRIED
    file_id = None
    if asked.file_id is not None:
        file_id = (await find(api, asked.file_id)).id
        states = tuple(asked.states or ()) or _FAILURES
    database = api.services.database
    queued = await api.offload.read(
        lambda: database.write(lambda connection: jobs.retry(connection, states, file_id))
    )
    ingest.wake()
    return Queued(queued)


@post(
    "/reindex",
    status_code=200,
    request_max_body_size=CHAT_BODY_BYTES,
    operation_class=described(wire.ReindexRequest),
    summary="Read files anew that settings or upgrades made stale",
)
async def reindex(request: ApiRequest) -> Queued:
    """Queue what is stale, or with ``everything`` all files."""
    api = api_of(request)
    redo = running(api.services.reindex)
    asked = await decode_body(request, wire.ReindexRequest)
    return Queued(await api.offload.read(lambda: redo(everything=bool(asked.everything))))


def _status(api: Api) -> Status:
    services = api.services
    database = services.database
    by_state = database.read(files.counts)
    passages, embedded = database.read(counts.passages)
    queued = database.read(jobs.outstanding)
    snapshot = services.progress.snapshot()
    unembedded = passages - embedded if services.embedder is not None else 0
    return Status(
        state=_state(api, queued[0], unembedded),
        version=api.settings.version,
        files=FileCounts(total=sum(by_state.values()), **by_state),
        passages=passages,
        passages_embedded=embedded,
        embeddings_computed=snapshot.embeddings,
        current=snapshot.current,
        rate_files_per_s=round(snapshot.files_per_s, 2),
        eta_s=eta_s(queued, unembedded, snapshot),
        roots=roots_of(api),
        models={str(role): state for role, state in services.model_states().items()},
        fault=services.progress.fault,
        stale=tuple(services.stale()),
        index_bytes=database.size_bytes(),
        started_at=services.started_at,
    )


def _state(api: Api, queued: int, unembedded: int) -> State:
    if api.services.progress.paused:
        return "paused"
    folders = api.services.folders
    if folders is not None and not folders.watches.started():
        return "starting"
    looking = folders is not None and not folders.watches.swept()
    return "indexing" if queued or unembedded or looking else "idle"


def eta_s(queued: tuple[int, int], unembedded: int, snapshot: Snapshot) -> float | None:
    """Seconds until everything is read and embedded; None where no rate is known yet. Pure.

    Files are read and passages embedded at the same time, so the longer one counts; large files
    count by their bytes, many small ones by their number.
    """
    number, size_bytes = queued
    if not number and not unembedded:
        return 0.0
    waits = [
        (number, snapshot.files_per_s),
        (size_bytes, snapshot.bytes_per_s),
        (unembedded, snapshot.embeddings_per_s),
    ]
    if any(left and not rate for left, rate in waits):
        return None
    return round(max(left / rate for left, rate in waits if left), 1)


ROUTES: list[HTTPRouteHandler] = [health, status, pause, resume, rescan, errors, retry, reindex]
