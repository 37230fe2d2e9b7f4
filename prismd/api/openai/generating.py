"""Answers in work: begun when there is room, told as they come, given up when nobody waits."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterable, Iterator
from functools import partial
from typing import Any, Protocol

import msgspec
from litestar import Response
from litestar.enums import MediaType

from prismd.api.errors import ClientGone
from prismd.api.openai.completion import Item, Reply, Work
from prismd.api.request_metrics import RequestMetrics
from prismd.api.services import Api, ApiRequest
from prismd.api.streaming import Pump, StreamedResponse, raise_when_gone, watching_client
from prismd.errors import RequestError

_EARLY_S = 2.0
"""How long a stream waits for its first word, so that an early failure gets its own status."""

_STREAM_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


class Telling(Protocol):
    """Puts one answer into the words of an endpoint."""

    def whole(self, reply: Reply) -> msgspec.Struct:
        """The answer at once."""

    def begin(self) -> Iterable[bytes]:
        """What a stream begins with."""

    def item(self, item: Item) -> Iterable[bytes]:
        """What a stream says of a piece; the reply is the last one."""

    def failure(self, error: Exception) -> Iterable[bytes]:
        """What a stream says of an error, in place of the rest."""


async def respond(
    request: ApiRequest, api: Api, work: Work, telling: Telling, *, stream: bool
) -> Response[Any]:
    """Have an answer made, and tell it whole or as server-sent events.

    Raises:
        BusyError: Too many are waiting.
        ClientGone: The client did not wait.
        Exception: What went wrong before the first word.
    """
    with watching_client(request) as gone:
        pump = await begin(api, work, gone)
        if not stream:
            whole = telling.whole(await collect(pump))
            return Response(msgspec.json.encode(whole), media_type=MediaType.JSON)
        try:
            await pump.peek(_EARLY_S)
        except BaseException:
            pump.stop()
            raise
    return StreamedResponse(
        _told(pump, telling, api.settings.heartbeat_s),
        media_type="text/event-stream; charset=utf-8",
        headers=_STREAM_HEADERS,
    )


async def _told(
    pump: Pump[Item], telling: Telling, heartbeat_s: float
) -> AsyncGenerator[bytes, None]:
    try:
        for event in telling.begin():
            yield event
        item: Item | None = None
        while not isinstance(item, Reply):
            try:
                item = await _next(pump, heartbeat_s)
            except TimeoutError:
                yield b": still at work\n\n"
                continue
            for event in telling.item(item):
                yield event
    except ClientGone:  # between the first look and the first event
        return
    except Exception as error:  # the status is sent: only the stream can tell
        for event in telling.failure(error):
            yield event
    finally:
        pump.stop()


async def begin(api: Api, work: Work, gone: asyncio.Future[None]) -> Pump[Item]:
    """Wait for a turn and begin to answer.

    The turn is given back when the work has ended, not when the client has gone: what is still
    in work still takes its place.

    Raises:
        BusyError: Too many are waiting.
        ClientGone: The client did not wait.
    """
    await api.gate.enter(gone)
    at_end = contextlib.ExitStack()
    at_end.callback(api.gate.leave)
    try:
        pump: Pump[Item] = Pump(partial(_counted, work, api.metrics), at_end.close)
    except BaseException:
        at_end.close()
        raise
    timeout_s = api.settings.request_timeout_s
    timer = asyncio.get_running_loop().call_later(timeout_s, _give_up, pump, timeout_s)
    at_end.callback(timer.cancel)
    at_end.callback(api.ending.tell(pump.fail))
    raise_when_gone(pump, gone)
    return pump


async def collect(pump: Pump[Item]) -> Reply:
    """The whole reply."""
    try:
        while True:
            item = await _next(pump)
            if isinstance(item, Reply):
                return item
    finally:
        pump.stop()


def _counted(work: Work, metrics: RequestMetrics) -> Iterator[Item]:
    items = work()
    try:
        for item in items:
            if isinstance(item, Reply):
                metrics.generated(item.usage.prompt_tokens, item.usage.completion_tokens)
            yield item
    finally:
        close = getattr(items, "close", None)
        if close is not None:
            close()


async def _next(pump: Pump[Item], timeout_s: float | None = None) -> Item:
    item = await pump.next(timeout_s)
    if item is None:
        raise RequestError("the answer was called off", status=503, code="called_off")
    return item


def _give_up(pump: Pump[Any], timeout_s: float) -> None:
    pump.fail(
        RequestError(
            f"the answer was not complete within {timeout_s:g} s and was given up; ask for less,"
            " or raise [server] request_timeout_s",
            status=504,
            code="timeout",
        )
    )
