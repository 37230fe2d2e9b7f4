"""The ASGI application."""

from __future__ import annotations

import asyncio

import msgspec
from litestar import Litestar
from litestar.datastructures import State
from litestar.openapi import OpenAPIConfig

from prismd.api import (
    citation_page,
    control,
    debug,
    documents,
    effective_settings,
    events,
    files,
    forgetting,
    history,
    metrics,
    passages,
    previews,
    roots,
    search,
    sessions,
    status,
    uploading,
)
from prismd.api.description import Description
from prismd.api.ending import Ending
from prismd.api.errors import on_error
from prismd.api.gate import ChatGate
from prismd.api.hub import Hub
from prismd.api.login import LoginCodes
from prismd.api.mcp import endpoint
from prismd.api.methods import EveryMethod
from prismd.api.offload import Offload
from prismd.api.openai import (
    audio,
    chat,
    embeddings,
    models,
    rerank,
    store_files,
    store_search,
    stores,
)
from prismd.api.openai import files as openai_files
from prismd.api.openai.responses import routes as responses
from prismd.api.queue_counts import QueueCounts
from prismd.api.rates import Rates
from prismd.api.request_metrics import Counted, RequestMetrics
from prismd.api.security import Guard
from prismd.api.services import Api, ApiSettings, Services
from prismd.api.web import assets
from prismd.api.web import routes as web
from prismd.ingest.intake import Intake

_PARTS = (
    chat,
    responses,
    models,
    embeddings,
    audio,
    rerank,
    stores,
    store_files,
    store_search,
    search,
    history,
    files,
    uploading,
    forgetting,
    openai_files,
    passages,
    previews,
    citation_page,
    documents,
    status,
    effective_settings,
    metrics,
    debug,
    control,
    events,
    roots,
    sessions,
    endpoint,
    web,
)


def create_app(services: Services, settings: ApiSettings) -> Litestar:
    """Build the application; it must be called and served in one event loop.

    ``state.end`` ends what is in work: to be awaited before the server waits for it.

    Raises:
        ValueError: A token is needed, and it is empty.
    """
    api = _api(services, settings)
    agents = endpoint.McpEndpoint(services.token, settings)

    async def end() -> None:
        await asyncio.gather(agents.end(), api.ending.end())

    app = Litestar(
        route_handlers=[route for part in _PARTS for route in part.ROUTES],
        state=State({"api": api, "mcp": agents, "end": end, "page": assets.load()}),
        on_startup=[responses.forget_old_responses],
        on_shutdown=[end],
        exception_handlers={Exception: on_error},
        request_max_body_size=settings.max_body_bytes,
        logging_config=None,
        openapi_config=OpenAPIConfig(
            title="prismd",
            version=settings.version,
            description="Ask your own files; every answer says where it comes from.",
            path="/schema",
            use_handler_docstrings=True,
            # No page that loads scripts from elsewhere: the description alone.
            render_plugins=[Description()],
        ),
    )
    # Around everything, routing included: unknown paths and handshakes are guarded as well.
    answering = api.ending.around(EveryMethod(app.asgi_handler))
    guard = Guard(answering, settings, services.token, api.failures)
    app.asgi_handler = Counted(guard, api.metrics)
    return app


def _api(services: Services, settings: ApiSettings) -> Api:
    offload, limit = Offload(), settings.failed_logins_per_minute
    hub = Hub(
        services.progress.feed,
        lambda: offload.read(lambda: status.mark_of(api)),
        lambda: offload.read(lambda: msgspec.to_builtins(status.status_of(api))),
    )
    waiting = settings.max_waiting_chats
    api = Api(
        services=services,
        settings=settings,
        offload=offload,
        gate=ChatGate(settings.max_concurrent_chats, waiting, settings.chat_wait_s),
        logins=LoginCodes(),
        queue=QueueCounts(services.database),
        hub=hub,
        recordings=ChatGate(1, waiting, settings.request_timeout_s),
        metrics=RequestMetrics(),
        failures=Rates(limit) if limit else None,
        intake=Intake(services.database),
        upload_gate=ChatGate(
            settings.max_concurrent_uploads,
            settings.max_waiting_uploads,
            settings.upload_silent_s,
            full="too many files are being uploaded",
            late="no upload could be begun",
        ),
        ending=Ending(),
    )
    api.metrics.registry.register(metrics.Standing(api))
    return api
