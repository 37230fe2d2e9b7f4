"""When the hub looks, and what a listener gets."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from prismd.api.hub import MAX_QUEUED_BYTES, Hub, Listener, State
from prismd.progress.feed import Feed, SweepEvent

PATIENCE_S = 60


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, PATIENCE_S))


class World:
    """A state that changes when it is told to, and counts how often it is looked at."""

    def __init__(self) -> None:
        self.number = 0
        self.state = "idle"
        self.rate = 0.0
        self.rate_of = "rate_files_per_s"
        self.looks = self.marks = 0
        self.marked = asyncio.Event()
        self.feed = Feed()
        self.hub = Hub(self.feed, self.mark, self.look)

    async def mark(self) -> object:
        self.marks += 1
        self.marked.set()
        return self.number

    async def look(self) -> State:
        self.looks += 1
        counts = {"number": self.number, self.rate_of: self.rate}
        return {"state": self.state, "same": "same", **counts}

    async def marked_again(self, times: int) -> None:
        for _ in range(times):
            self.marked.clear()
            await self.marked.wait()

    def join(self) -> Listener:
        listener = self.hub.join()
        assert listener is not None
        return listener


async def next_of(listener: Listener) -> dict[str, Any]:
    message = json.loads(await listener.take())
    assert isinstance(message, dict)
    return message


def test_while_nothing_changes_nobody_looks() -> None:
    async def work() -> None:
        world = World()
        listener = world.join()
        assert (await next_of(listener))["type"] == "snapshot"
        await world.marked_again(4)
        assert world.looks == 1
        world.number = 7
        told = await next_of(listener)
        assert told == {"seq": 2, "type": "status", "status": {"number": 7}}
        assert world.looks == 2
        world.hub.leave(listener)

    run(work())


@pytest.mark.parametrize("rate", ["rate_files_per_s", "rate_embeddings_per_s"])
def test_a_rate_is_told_until_it_has_fallen(rate: str) -> None:
    async def work() -> None:
        world = World()
        world.rate_of = rate
        world.rate = 3.0
        listener = world.join()
        await next_of(listener)
        world.rate = 0.0
        assert (await next_of(listener))["status"] == {rate: 0.0}
        world.hub.leave(listener)

    run(work())


def test_those_who_come_later_get_the_whole_and_the_others_the_rest() -> None:
    async def work() -> None:
        world = World()
        first = world.join()
        await next_of(first)
        world.number = 1
        second = world.join()
        assert (await next_of(second))["status"]["number"] == 1
        assert (await next_of(first))["status"] == {"number": 1}
        world.hub.leave(first)
        world.hub.leave(second)
        assert len(world.hub) == 0

    run(work())


def test_events_of_before_are_not_told_to_who_has_no_snapshot_yet() -> None:
    async def work() -> None:
        world = World()
        listener = world.join()
        world.feed.tell(SweepEvent(root="/a", added=1, changed=0, moved=0, removed=0))
        assert (await next_of(listener))["type"] == "snapshot"
        world.feed.tell(SweepEvent(root="/b", added=1, changed=0, moved=0, removed=0))
        assert (await next_of(listener))["root"] == "/b"
        world.hub.leave(listener)

    run(work())


def test_a_fault_ends_every_connection_and_the_next_one_is_served() -> None:
    async def work() -> None:
        world = World()
        look: Callable[[], Awaitable[State]] = world.look
        faults = [ValueError("a fault")]

        async def fail_once() -> State:
            if faults:
                raise faults.pop()
            return await look()

        hub = Hub(world.feed, world.mark, fail_once)
        listener = hub.join()
        assert listener is not None
        assert (await listener.ended)[0] == 1011
        hub.leave(listener)
        again = hub.join()
        assert again is not None
        assert (await next_of(again))["type"] == "snapshot"
        hub.leave(again)

    run(work())


def test_who_takes_nothing_is_ended_and_holds_nothing() -> None:
    async def work() -> None:
        listener = Listener()
        body = json.dumps({"type": "x" * 1000}).encode()
        for _ in range(MAX_QUEUED_BYTES // len(body) + 1):
            listener.put(body)
        code, reason = await listener.ended
        assert code == 1013
        assert "too slow" in reason

    run(work())


@pytest.mark.parametrize("taken", [0, 5])
def test_messages_are_numbered_without_a_gap(taken: int) -> None:
    async def work() -> None:
        listener = Listener()
        for _ in range(10):
            listener.put(b'{"type":"ping"}')
        found = [json.loads(await listener.take())["seq"] for _ in range(10 - taken)]
        assert found == list(range(1, 11 - taken))

    run(work())


def test_silence_is_noticed_and_its_heartbeat_breaks_none() -> None:
    async def work() -> None:
        listener = Listener()
        for _ in range(3):
            assert listener.silent()
            listener.put(b"{}")  # the heartbeat
        listener.put(b"{}")
        assert not listener.silent()
        assert listener.silent()

    run(work())


def test_what_was_taken_makes_room() -> None:
    async def work() -> None:
        listener = Listener()
        body = json.dumps({"type": "x" * (MAX_QUEUED_BYTES // 3 - 100)}).encode()
        listener.put(body)
        listener.put(body)
        for _ in range(5):
            await listener.take()  # it may be on its way still: with it there are three
            listener.put(body)
            assert not listener.ended.done()
        await listener.take()
        listener.put(body)
        listener.put(body)
        assert listener.ended.done()

    run(work())


def test_a_full_queue_is_emptied_without_counting_all_of_it_each_time() -> None:
    async def work() -> None:
        listener = Listener()
        for _ in range(60_000):
            listener.put(b"{}")
        assert not listener.ended.done()
        for number in range(60_000):
            await listener.take()
            if number % 1_000 == 0:
                await asyncio.sleep(0)

    began_s = time.thread_time()
    run(work())
    # To count them each time would take half a minute; this takes a fraction of a second.
    assert time.thread_time() - began_s < 10
