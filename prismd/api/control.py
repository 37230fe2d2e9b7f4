"""The switches: pause, resume, rescan, and the configuration read once more."""

from __future__ import annotations

from litestar import post
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

from prismd.api import wire
from prismd.api.body import CHAT_BODY_BYTES, decode_body
from prismd.api.description import described
from prismd.api.services import Api, ApiRequest, Reloaded, api_of, running
from prismd.api.status import State, status_of
from prismd.errors import ConfigError, RequestError
from prismd.schedule.holding import Hold


class Switched(Struct, frozen=True):
    """The state after a switch; see ``Status``.

    Attributes:
        note: Why a restart would not find it switched so; empty where it would.
    """

    state: State
    paused: Hold | None
    overridden: tuple[str, ...]
    note: str = ""


def _switched(api: Api, note: str = "") -> Switched:
    status = status_of(api)
    return Switched(status.state, status.paused, status.overridden, note)


@post(
    "/pause",
    status_code=200,
    request_max_body_size=CHAT_BODY_BYTES,
    operation_class=described(wire.PauseRequest),
    summary="Start no more work",
)
async def pause(request: ApiRequest) -> Switched:
    """Start no more work until resumed, or for as long as is asked; outlives a restart."""
    api = api_of(request)
    holds = running(api.services.ingest).holds
    asked = await decode_body(request, wire.PauseRequest)
    note = await api.offload.read(lambda: holds.pause(asked.for_s))
    return await api.offload.read(lambda: _switched(api, note))


@post(
    "/resume",
    status_code=200,
    request_max_body_size=CHAT_BODY_BYTES,
    operation_class=described(wire.ResumeRequest),
    summary="Go on",
)
async def resume(request: ApiRequest) -> Switched:
    """Go on after a pause; what the schedule holds is gone on with only by ``override``."""
    api = api_of(request)
    holds = running(api.services.ingest).holds
    asked = await decode_body(request, wire.ResumeRequest)
    note = await api.offload.read(lambda: holds.resume(override=bool(asked.override)))
    return await api.offload.read(lambda: _switched(api, note))


@post(
    "/override",
    status_code=200,
    request_max_body_size=CHAT_BODY_BYTES,
    operation_class=described(wire.OverrideRequest),
    summary="Go against the schedule for a moment",
)
async def override(request: ApiRequest) -> Switched:
    """Go against the schedule, whatever it says, for a pass that a person waits for.

    Ends by itself unless it is asked for anew; a pause stands.
    """
    api = api_of(request)
    holds = running(api.services.ingest).holds
    asked = await decode_body(request, wire.OverrideRequest)
    await api.offload.read(lambda: holds.keep_pass(asked.name, asked.for_s))
    return await api.offload.read(lambda: _switched(api))


@post("/rescan", status_code=202, summary="Compare the folders with the index")
async def rescan(request: ApiRequest) -> Switched:
    """Ask for a sweep of all folders; the status shows what it finds."""
    api = api_of(request)
    await api.offload.read(running(api.services.folders).watches.rescan)
    return await api.offload.read(lambda: _switched(api))


@post("/config/reload", status_code=200, summary="Read the configuration once more")
async def reload(request: ApiRequest) -> Reloaded:
    """Go by what the configuration says now, as far as that can be without a restart."""
    api = api_of(request)
    read_again = running(api.services.reload)

    def reloaded() -> Reloaded:
        try:
            return read_again()
        except ConfigError as error:
            raise RequestError(str(error), code="invalid_config") from error

    return await api.offload.change(reloaded)


ROUTES: list[HTTPRouteHandler] = [pause, resume, override, rescan, reload]
