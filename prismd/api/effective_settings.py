"""``GET /settings``: what holds now, where it was set, and what waits."""

from __future__ import annotations

from litestar import get
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

from prismd.api.configuration import Section
from prismd.api.services import Api, ApiRequest, api_of
from prismd.store.stale import Stale


class Settings(Struct, frozen=True, kw_only=True):
    """The settings, to be read; they are changed in the file.

    Attributes:
        file: The configuration file that is read, or would be.
        exists: Whether it is there.
        reload: The command that has prismd take up a changed file.
        after_restart: Settings that were changed, and wait for the next start.
        fault: What was wrong with the configuration when it was read last; empty where nothing
            was.
        stale: What was made by other settings than those of now, and the command that redoes it.
    """

    file: str
    exists: bool
    reload: str
    sections: tuple[Section, ...]
    after_restart: tuple[str, ...]
    fault: str
    stale: tuple[Stale, ...]


RELOAD = "prismd config reload"


@get("/settings", summary="What is set, and where")
async def settings(request: ApiRequest) -> Settings:
    """Every setting with its value, its default and where it was set; no key is shown."""
    api = api_of(request)
    return await api.offload.read(lambda: _settings(api))


def _settings(api: Api) -> Settings:
    services = api.services
    found = services.configuration()
    return Settings(
        file=found.file,
        exists=found.exists,
        reload=RELOAD,
        sections=found.sections,
        after_restart=tuple(services.after_restart()),
        fault=services.config_fault(),
        stale=tuple(services.stale()),
    )


ROUTES: list[HTTPRouteHandler] = [settings]
