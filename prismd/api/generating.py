"""Answers in work: begun when there is room, given up when nobody waits any more."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial
from typing import Any

from prismd.api.openai.completion import Item, Reply, Work
from prismd.api.request_metrics import RequestMetrics
from prismd.api.services import Api
from prismd.api.streaming import Pump, raise_when_gone
from prismd.errors import RequestError


async def begin(api: Api, work: Work, gone: asyncio.Future[None]) -> Pump[Item]:
    """Wait for a turn and begin to answer.

    The turn is given back when the work has ended, not when the client has gone: what is still
    in work still takes its place.

    Raises:
        BusyError: Too many are waiting.
        ClientGone: The client did not wait.
    """
    await api.gate.enter(gone)
    timer: asyncio.TimerHandle | None = None

    def end() -> None:
        if timer is not None:
            timer.cancel()
        api.gate.leave()

    try:
        pump: Pump[Item] = Pump(partial(_counted, work, api.metrics), end)
    except BaseException:
        api.gate.leave()
        raise
    timeout_s = api.settings.request_timeout_s
    timer = asyncio.get_running_loop().call_later(timeout_s, _give_up, pump, timeout_s)
    raise_when_gone(pump, gone)
    return pump


async def collect(pump: Pump[Item]) -> Reply:
    """The whole reply."""
    try:
        while True:
            item = await pump.next()
            if isinstance(item, Reply):
                return item
            if item is None:
                raise RequestError("the answer was called off", status=503, code="called_off")
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


def _give_up(pump: Pump[Any], timeout_s: float) -> None:
    pump.fail(
        RequestError(
            f"the answer was not complete within {timeout_s:g} s and was given up; ask for less,"
            " or raise [server] request_timeout_s",
            status=504,
            code="timeout",
        )
    )
