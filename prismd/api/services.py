"""What the daemon hands to the API, and what every handler finds again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, cast

import msgspec
from litestar import Request

from prismd.answer.answering import Answering
from prismd.api.configuration import Configuration
from prismd.api.ending import Ending
from prismd.api.gate import ChatGate
from prismd.api.hub import Hub
from prismd.api.login import LoginCodes
from prismd.api.offload import Offload
from prismd.api.queue_counts import QueueCounts
from prismd.api.rates import Rates
from prismd.api.request_metrics import RequestMetrics
from prismd.errors import RequestError
from prismd.extract.pool import ExtractPool
from prismd.ingest.crew import Ingest
from prismd.ingest.intake import Intake
from prismd.models.base import Embedder, Generator, Reranker, Sampling, Transcriber
from prismd.models.load import ModelState
from prismd.progress.progress import Progress
from prismd.search.history import History
from prismd.search.searching import Search
from prismd.search.viewing import Viewing
from prismd.store.database import Database
from prismd.store.responses import Retention
from prismd.store.stale import Stale
from prismd.watch.folders import Folders

T = TypeVar("T")


class ApiSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How the API behaves.

    Attributes:
        host: Address that the daemon listens on.
        port: Port that it listens on; part of its own origin.
        version: Of prismd, as ``/health`` and ``/status`` show it.
        auth: Whether requests need the token.
        allowed_hosts: Names, with or without port, besides the loopback ones.
        cors_origins: Origins of web pages that may call.
        max_body_bytes: Largest body that any request may have.
        max_upload_bytes: Largest size of the files of one upload, together; of a recording that is
            to be written down.
        max_concurrent_uploads: Uploads that come in at once.
        max_waiting_uploads: Uploads that wait for their turn; further ones get 429.
        upload_silent_s: How long the client of an upload may send nothing.
        max_concurrent_chats: Answers in work at once.
        max_waiting_chats: Requests that wait for their turn; further ones get 429.
        chat_wait_s: How long one waits for its turn before it gets 429.
        request_timeout_s: After this an answer in work is given up.
        heartbeat_s: Silence in a stream after which a comment is sent.
        search_limit: Hits, where the request sets no limit.
        sampling: How the generator writes, where the request does not say.
        responses: How long answers to ``/v1/responses`` are kept, and how many.
        generator_command: Installs the generator that is configured.
        requests_per_minute: Of one client; 0 sets no limit.
        failed_logins_per_minute: Requests of one address without the right token that are told
            so; further ones get 429. 0 sets no limit.
        mcp_sessions: Sessions of agents at once; a further one gets 503.
        mcp_idle_s: A session without a request or an open stream ends after this.
    """

    host: str = "127.0.0.1"
    port: int = 7776
    version: str = ""
    auth: bool = True
    allowed_hosts: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    max_body_bytes: int = 100_000_000
    max_upload_bytes: int = 100_000_000
    max_concurrent_uploads: int = 16
    max_waiting_uploads: int = 100
    upload_silent_s: float = 60.0
    max_concurrent_chats: int = 8
    max_waiting_chats: int = 16
    chat_wait_s: float = 30.0
    request_timeout_s: float = 300.0
    heartbeat_s: float = 10.0
    search_limit: int = 10
    sampling: Sampling = Sampling()
    responses: Retention = Retention(age_s=30 * 86_400, count=1_000)
    generator_command: str = "prismd models pull qwen2.5-coder-0.5b-instruct"
    requests_per_minute: int = 0
    failed_logins_per_minute: int = 0
    mcp_sessions: int = 256
    mcp_idle_s: float = 600.0

    @property
    def base_url(self) -> str:
        """Where clients of this computer reach the API."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


class FolderGone(msgspec.Struct, frozen=True):
    """A folder that is watched no more, and how many files were forgotten with it."""

    path: str
    files: int


class Reloaded(msgspec.Struct, frozen=True, kw_only=True):
    """What came of reading the configuration once more.

    Attributes:
        file: The file that was read; empty where there is none.
        applied: Settings that were changed and hold from now on.
        after_restart: Settings that are not as they were at the start, and wait for the next.
        added: Folders that are watched from now on.
        removed: Folders that are watched no more.
        redo: By changed setting, the command that redoes what was done before it.
        stale: What is stale now.
    """

    file: str
    applied: tuple[str, ...] = ()
    after_restart: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[FolderGone, ...] = ()
    redo: dict[str, str] = {}
    stale: tuple[Stale, ...] = ()


class Reindex(Protocol):
    """Queues files to be read anew."""

    def __call__(self, *, everything: bool) -> int:
        """Queue what is stale, or all; says how many files."""


@dataclass(frozen=True)
class Services:
    """What the daemon has built.

    Attributes:
        database: Open for writing.
        search: Finds passages.
        answering: Answers questions; built with ``interrupt.Interruptible(generator)``, or else a
            client that goes away before the first word has its answer begun all the same.
        embedder: Whose passages are work that a person waits for (``for_questions()``).
        generator: Writes text; None without weights.
        ingest: Can be paused, resumed and woken; None where the index is only read.
        progress: What is in hand.
        pool: Renders previews.
        viewing: Looks at the pictures that come with a question.
        model_states: How each role stands now.
        folders: The watched folders; None where the index is only read.
        token: What requests must show.
        started_at: Seconds since the epoch.
        history: Keeps what is searched and asked.
        stale: What a reindex would redo.
        reindex: Queues what is stale, or everything, and says how many files; None where the
            index is only read.
        reload: Reads the configuration once more, which raises a ``ConfigError`` and changes
            nothing where it is wrong; None where the index is only read.
        after_restart: Settings that were changed and wait for the next start.
        config_fault: What was wrong with the configuration when it was read last.
        transcriber: Writes down recordings that a person waits for; None without weights.
        settings: The settings as they may be shown to anybody.
        configuration: The settings as they may be shown to the person whose they are.
        reranker: Orders documents of programs (``for_programs()``); None without weights.
    """

    database: Database
    search: Search
    answering: Answering
    embedder: Embedder | None
    generator: Generator | None
    ingest: Ingest | None
    progress: Progress
    pool: ExtractPool
    viewing: Viewing
    model_states: Callable[[], Mapping[Any, ModelState]]
    folders: Folders | None
    token: str
    started_at: float
    history: History
    stale: Callable[[], Sequence[Stale]] = field(default=tuple)
    reindex: Reindex | None = None
    reload: Callable[[], Reloaded] | None = None
    after_restart: Callable[[], Sequence[str]] = field(default=tuple)
    config_fault: Callable[[], str] = field(default=str)
    transcriber: Transcriber | None = None
    settings: Callable[[], Mapping[str, Any]] = field(default=dict)
    configuration: Callable[[], Configuration] = field(default=Configuration)
    reranker: Reranker | None = None


@dataclass(frozen=True)
class Api:
    """What handlers work with."""

    services: Services
    settings: ApiSettings
    offload: Offload
    gate: ChatGate
    logins: LoginCodes
    queue: QueueCounts
    hub: Hub
    recordings: ChatGate
    metrics: RequestMetrics
    failures: Rates | None
    intake: Intake
    upload_gate: ChatGate
    ending: Ending


ApiRequest = Request[Any, Any, Any]


def running(part: T | None) -> T:
    """A part that only a running daemon has.

    Raises:
        RequestError: This process only reads the index.
    """
    if part is None:
        raise RequestError(
            "prismd is not running, so nothing can be switched; start it with 'prismd run'",
            status=503,
            code="not_running",
        )
    return part


def api_of(request: ApiRequest) -> Api:
    """The API that a request came to."""
    return cast(Api, request.app.state.api)
