"""The HTTP side of a built prismd: as served by the daemon, or called by a command itself."""

from __future__ import annotations

import time
from dataclasses import replace

from litestar import Litestar

from prismd import __version__
from prismd.api.app import create_app
from prismd.api.services import ApiSettings, Services
from prismd.config.options import Config
from prismd.config.shown import shown
from prismd.config.told import told
from prismd.daemon.assembly import Prism
from prismd.daemon.parameters import answer_settings
from prismd.daemon.reloading import Reloading
from prismd.store.responses import Retention
from prismd.watch.folders import Folders

_DAY_S = 86_400


def make_app(
    prism: Prism,
    token: str,
    folders: Folders | None = None,
    reloading: Reloading | None = None,
) -> Litestar:
    """The HTTP interface; without folders that are watched it only reads."""
    services = _services(prism, token, folders)
    if reloading is not None:
        services = replace(
            services,
            reload=reloading.reload,
            after_restart=reloading.after_restart,
            config_fault=reloading.fault,
        )
    return create_app(services, api_settings(prism.config))


def _services(prism: Prism, token: str, folders: Folders | None) -> Services:
    embedder, reranker = prism.models.embedder, prism.models.reranker
    transcriber = prism.models.transcriber
    return Services(
        database=prism.database,
        search=prism.search,
        answering=prism.answering,
        embedder=embedder.for_questions() if embedder is not None else None,
        generator=prism.models.generator,
        transcriber=transcriber.for_persons() if transcriber is not None else None,
        ingest=prism.ingest if folders is not None else None,
        progress=prism.progress,
        pool=prism.pool,
        viewing=prism.viewing,
        model_states=prism.models.states,
        folders=folders,
        settings=lambda: shown(prism.config),
        configuration=lambda: told(prism.config),
        stale=prism.stale,
        reindex=prism.reindex if folders is not None else None,
        started_at=time.time(),
        history=prism.history,
        token=token,
        reranker=reranker.for_programs() if reranker is not None else None,
    )


def api_settings(config: Config) -> ApiSettings:
    """What of the settings concerns the HTTP side."""
    server = config.server
    return ApiSettings(
        host=server.host,
        port=server.port,
        auth=server.auth,
        allowed_hosts=server.allowed_hosts,
        cors_origins=server.cors_origins,
        max_body_bytes=server.max_body_mb * 1_000_000,
        max_upload_bytes=server.max_upload_bytes,
        max_concurrent_chats=server.max_concurrent_chats,
        request_timeout_s=server.request_timeout_s,
        requests_per_minute=server.requests_per_minute,
        failed_logins_per_minute=server.failed_logins_per_minute,
        search_limit=config.search.limit,
        sampling=answer_settings(config).sampling,
        responses=Retention(
            age_s=config.responses.keep_days * _DAY_S, count=config.responses.keep_count
        ),
        generator_command=f"prismd models pull {config.models.generation}",
        version=__version__,
    )
