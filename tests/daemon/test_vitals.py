"""What counts as a sign of life, of a real index and a real event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

import apsw
import pytest

from prismd.daemon.vitals import Vitals
from prismd.store.database import Database
from tests.building import wait_until

_ENDLESS_SQL = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000000)"
    " SELECT count(*) FROM n"
)


@contextmanager
def running_loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    with running_loop() as running:
        yield running


@pytest.fixture
def vitals(database: Database) -> Vitals:
    """Of a daemon whose threads of indexing run."""
    return Vitals(database, lambda: True)


def test_what_works_is_alive(vitals: Vitals, loop: asyncio.AbstractEventLoop) -> None:
    for _ in range(3):
        vitals.ask(loop)
        wait_until(vitals.alive)


def test_a_loop_that_does_not_come_round_gives_no_sign(
    vitals: Vitals, database: Database, loop: asyncio.AbstractEventLoop
) -> None:
    released = threading.Event()
    loop.call_soon_threadsafe(released.wait)
    vitals.ask(loop)
    database.write(lambda _: None)  # what was asked of the writer is done
    assert not vitals.alive()
    released.set()
    wait_until(vitals.alive)


def test_a_writer_that_hangs_gives_no_sign(
    vitals: Vitals, database: Database, loop: asyncio.AbstractEventLoop
) -> None:
    began, released = threading.Event(), threading.Event()

    def hang(_: apsw.Connection) -> None:
        began.set()
        released.wait()

    def gives_no_sign() -> bool:
        vitals.ask(loop)
        came_round = threading.Event()
        loop.call_soon_threadsafe(came_round.set)
        came_round.wait()  # so that it is the writer's sign that is missing
        return not vitals.alive()

    hanging: Future[None] = database.submit(hang)
    try:
        began.wait()
        wait_until(gives_no_sign)  # on its way to where it hangs it computes
        assert gives_no_sign()
    finally:
        released.set()
    hanging.result()
    wait_until(vitals.alive)


def test_a_writer_that_computes_for_long_is_alive(
    vitals: Vitals, database: Database, loop: asyncio.AbstractEventLoop
) -> None:
    began = threading.Event()

    def count(connection: apsw.Connection) -> None:
        began.set()
        connection.execute(_ENDLESS_SQL).fetchall()

    counting = database.submit(count)
    began.wait()
    try:
        for _ in range(3):
            vitals.ask(loop)
            wait_until(vitals.alive)
            assert not counting.done()
    finally:
        database._write_connection.interrupt()
    with pytest.raises(apsw.InterruptError):
        counting.result()


def test_a_writer_that_is_refused_is_alive(
    vitals: Vitals, database: Database, loop: asyncio.AbstractEventLoop
) -> None:
    """Somebody else's lock on the file is no fault that a new start would mend."""
    other = apsw.Connection(str(database.path))
    other.execute("BEGIN IMMEDIATE")
    database._write_connection.set_busy_timeout(1)
    try:
        vitals.ask(loop)
        wait_until(vitals.alive)
    finally:
        other.close()


def test_dead_threads_of_indexing_give_no_sign(
    database: Database, loop: asyncio.AbstractEventLoop
) -> None:
    vitals = Vitals(database, lambda: False)
    vitals.ask(loop)
    database.write(lambda _: None)
    assert not vitals.alive()
