"""The ASGI application."""

from __future__ import annotations

import msgspec
from litestar import Litestar
from litestar.datastructures import State
from litestar.openapi import OpenAPIConfig

from prismd.api import (
    citation_page,
    control,
    debug,
    events,
    files,
    metrics,
    previews,
    roots,
    search,
    sessions,
    status,
)
from prismd.api.description import Description
from prismd.api.errors import on_error
from prismd.api.gate import ChatGate
from prismd.api.hub import Hub
from prismd.api.login import LoginCodes
from prismd.api.offload import Offload
from prismd.api.openai import audio, chat, embeddings, models
from prismd.api.queue_counts import QueueCounts
from prismd.api.request_metrics import Counted, RequestMetrics
from prismd.api.security import Guard
from prismd.api.services import Api, ApiSettings, Services


def create_app(services: Services, settings: ApiSettings) -> Litestar:
    """Build the application; it must be called and served in one event loop.

    Raises:
        ValueError: A token is needed, and it is empty.
    """
    gate = ChatGate(settings.max_concurrent_chats, settings.max_waiting_chats, settings.chat_wait_s)
    offload = Offload()
    queue = QueueCounts(services.database)
    hub = Hub(
        services.progress.feed,
        lambda: offload.read(lambda: status.mark_of(api)),
        lambda: offload.read(lambda: msgspec.to_builtins(status.status_of(api))),
    )
    recordings = ChatGate(1, settings.max_waiting_chats, settings.request_timeout_s)
    counting = RequestMetrics()
    api = Api(services, settings, offload, gate, LoginCodes(), queue, hub, recordings, counting)
    counting.registry.register(metrics.Standing(api))
    app = Litestar(
        route_handlers=[
            *chat.ROUTES,
            *models.ROUTES,
            *embeddings.ROUTES,
            *audio.ROUTES,
            *search.ROUTES,
            *files.ROUTES,
            *previews.ROUTES,
            *citation_page.ROUTES,
            *status.ROUTES,
            *metrics.ROUTES,
            *debug.ROUTES,
            *control.ROUTES,
            *events.ROUTES,
            *roots.ROUTES,
            *sessions.ROUTES,
        ],
        state=State({"api": api}),
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
    guard = Guard(app.asgi_handler, settings, services.token)
    app.asgi_handler = Counted(guard, counting)
    return app
