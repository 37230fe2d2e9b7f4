"""How it stands, and what failed: status, errors, retry, reindex."""

from __future__ import annotations

from typing import Annotated, Literal

from litestar import get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery, QueryParameter
from msgspec import Struct
from msgspec.structs import replace

from prismd.api import wire
from prismd.api.body import CHAT_BODY_BYTES, decode_body
from prismd.api.description import FILE_ID, between, described, one_of
from prismd.api.files import FilePage, chosen, find, id_after, in_range, page_of
from prismd.api.prospects import Prospects, prospects_of, rounded
from prismd.api.roots import RootStatus, roots_of
from prismd.api.services import Api, ApiRequest, api_of, running
from prismd.domain import FileState
from prismd.models.load import ModelState
from prismd.progress.progress import Current, Snapshot
from prismd.progress.trouble import Fault
from prismd.schedule.holding import Hold
from prismd.store import files, jobs, obstacles
from prismd.store.listing import FileQuery
from prismd.store.obstacles import Waiting
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
    """How everything stands at one moment.

    Attributes:
        rate_files_per_s: Files that came to a state, in the last half minute.
        rate_embeddings_per_s: Vectors that were made, of passages and pictures, likewise.
        eta_s: Until everything is read and embedded; None while that is not known, or paused.
        looking: Whether the folders are being looked through, as was asked for last.
        paused: Why nothing is begun; None while all goes on.
        overridden: What the schedule has against it, and ``resume --now`` has overridden, or
            ``index`` as long as it runs.
        left: How many files are in hand, or to be read soon.
        waiting: Of the pending files those that cannot be read now, and are no work in hand.
        fault: What keeps something from going on, or else what is wrong with the configuration.
        faults: What keeps parts from going on, each by its name; ``fault`` is the first of them.
        config_fault: What is wrong with the configuration as it was read last.
        after_restart: Settings that were changed, and wait for the next start.
        encrypted: Whether the index is; then nothing of it belongs into anybody else's files.
        history_kept: Whether what is searched and asked is kept.
    """

    state: State
    version: str
    looking: bool
    paused: Hold | None
    overridden: tuple[str, ...]
    files: FileCounts
    left: int
    waiting: tuple[Waiting, ...]
    passages: int
    passages_embedded: int
    embeddings_computed: int
    current: tuple[Current, ...]
    rate_files_per_s: float
    rate_embeddings_per_s: float
    eta_s: float | None
    roots: tuple[RootStatus, ...]
    models: dict[str, ModelState]
    fault: str
    faults: tuple[Fault, ...]
    config_fault: str
    stale: tuple[Stale, ...]
    index_bytes: int
    started_at: float
    after_restart: tuple[str, ...]
    encrypted: bool
    history_kept: bool


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
    return await api.offload.read(lambda: status_of(api))


@get(
    "/errors",
    operation_class=described(
        parameters={
            "state": one_of(_FAILURES),
            "limit": between(1, _MAX_LIMIT, 100),
            "after": FILE_ID,
        }
    ),
    summary="Files without a document, and why",
)
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
    operation_class=described(wire.RetryRequest, statuses=(404,)),
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


def status_of(api: Api) -> Status:
    """How everything stands now. Blocks."""
    services = api.services
    ingest = services.ingest
    database = services.database
    # First of all: once everything is looked through, what it has found is among the counts.
    looking = _looking(api)
    by_state = database.read(files.counts)
    snapshot = services.progress.snapshot()
    prospects = prospects_of(api)
    faults = services.progress.faults
    return Status(
        state=_state(api, looking or prospects.busy),
        version=api.settings.version,
        looking=looking,
        paused=ingest.holds.standing() if ingest is not None else None,
        overridden=ingest.holds.overridden() if ingest is not None else (),
        files=FileCounts(total=sum(by_state.values()), **by_state),
        left=prospects.files,
        waiting=_waiting(api),
        passages=prospects.passages,
        passages_embedded=prospects.embedded,
        embeddings_computed=snapshot.embeddings,
        current=_current(snapshot, prospects),
        rate_files_per_s=round(snapshot.files_per_s, 2),
        rate_embeddings_per_s=round(snapshot.embeddings_per_s, 2),
        eta_s=rounded(prospects.outlook.eta_s),
        roots=roots_of(api, prospects),
        models={str(role): state for role, state in services.model_states().items()},
        fault=faults[0].message if faults else services.config_fault(),
        faults=faults,
        config_fault=services.config_fault(),
        stale=tuple(services.stale()),
        index_bytes=database.size_bytes(),
        started_at=services.started_at,
        after_restart=tuple(services.after_restart()),
        encrypted=database.encrypted,
        history_kept=services.history.kept,
    )


def _current(snapshot: Snapshot, prospects: Prospects) -> tuple[Current, ...]:
    """The files in hand, each with the time that it will take still."""
    left_s = prospects.outlook.hands
    return tuple(
        replace(current, eta_s=rounded(left_s.get(lease)))
        for current, lease in zip(snapshot.current, snapshot.leases, strict=True)
    )


def mark_of(api: Api) -> object:
    """Something that is another whenever the status may be another; asks no database."""
    services = api.services
    watches = services.folders.watches if services.folders is not None else None
    ingest = services.ingest
    return (
        services.progress.version,
        services.database.changes,
        watches is not None
        and (watches.started(), watches.swept(), watches.states(), watches.failing()),
        ingest is not None
        and (ingest.holds.standing(), ingest.holds.overridden(), ingest.pictures.at_rest),
        dict(services.model_states()),
        tuple(services.after_restart()),
        services.config_fault(),
        services.history.kept,
    )


def _state(api: Api, busy: bool) -> State:
    if api.services.progress.paused:
        return "paused"
    folders = api.services.folders
    if folders is not None and not folders.watches.started():
        return "starting"
    return "indexing" if busy else "idle"


def _waiting(api: Api) -> tuple[Waiting, ...]:
    """What cannot be read now; the index does not know why a folder cannot be reached."""
    database, folders = api.services.database, api.services.folders
    waiting = tuple(database.read(obstacles.waiting))
    silent = folders.watches.silent() if folders is not None else frozenset()
    if not silent:
        return waiting
    paths = {root.id: root.path for root in database.read(files.roots) if root.id in silent}
    return tuple(
        replace(each, why=f"the disk of {paths[each.root_id]} does not answer")
        if each.kind == "folder" and each.root_id in paths
        else each
        for each in waiting
    )


def _looking(api: Api) -> bool:
    folders = api.services.folders
    return folders is not None and not folders.watches.swept()


ROUTES: list[HTTPRouteHandler] = [health, status, errors, retry, reindex]
