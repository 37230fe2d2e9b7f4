"""Where there is no room for what is put aside while a file is read, it waits; it is no fault."""

from __future__ import annotations

import errno
import os
import threading
from functools import partial

import pytest

from prismd.errors import ExtractError
from prismd.ingest.crew import Ingest
from prismd.paths.aside import DISK_FULL, MEMORY_FULL
from prismd.paths.openable import Openable
from prismd.store import obstacles
from prismd.store.obstacles import Waiting
from tests.building import Indexer, wait_until
from tests.ingest.passes import SETTINGS, CountingPool
from tests.uploaded import upload

MAILS = ("a.eml", "b.eml")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits is looked at again at once."""
    monkeypatch.setattr("prismd.ingest.crew.IDLE_WAIT_S", 0.01)


def waiting(indexer: Indexer) -> list[Waiting]:
    return indexer.database.read(obstacles.waiting)


def all_wait(indexer: Indexer) -> bool:
    return sum(each.files for each in waiting(indexer)) == len(MAILS)


def try_again(indexer: Indexer, pool: CountingPool, ingest: Ingest) -> None:
    """Have one of them be read anew, which is refused."""
    before = len(pool.read)
    indexer.database.write(obstacles.look_soon)
    ingest.wake()
    wait_until(lambda: len(pool.read) > before)
    wait_until(lambda: all_wait(indexer))


def refuse(code: str, name: str) -> None:
    if name in MAILS:
        raise ExtractError(f"{name}: no room", code=code, transient=True)


def refuse_all(name: str) -> None:
    raise ExtractError(f"{name}: no room", code=MEMORY_FULL, transient=True)


@pytest.mark.parametrize("code", [DISK_FULL, MEMORY_FULL])
def test_files_wait_as_long_as_there_is_no_room_and_are_read_when_there_is(
    indexer: Indexer, pool: CountingPool, code: str
) -> None:
    for name in (*MAILS, "c.txt"):
        indexer.write(name, f"Subject: {name}\n\nA walrus.")
    indexer.sweep()
    pool.before = partial(refuse, code)
    with indexer.ingesting() as ingest:
        wait_until(lambda: all_wait(indexer))
        wait_until(lambda: indexer.states()["c.txt"][0] == "completed")
        wait_until(ingest.idle)  # nobody waits for them
        (told,) = waiting(indexer)
        assert told.kind == "room"
        assert "is full" in told.why
        for _ in range(SETTINGS.attempts + 2):
            try_again(indexer, pool, ingest)
        assert {indexer.states()[name][0] for name in MAILS} == {"pending"}
        assert waiting(indexer) == [told]
        pool.before = lambda name: None
        indexer.database.write(obstacles.look_soon)
        ingest.wake()
        wait_until(lambda: {state for state, *_ in indexer.states().values()} == {"completed"})
    assert waiting(indexer) == []


@pytest.mark.parametrize("skip", [False, True])
def test_one_that_had_room_and_is_no_document_keeps_the_others_from_nothing(
    indexer: Indexer, pool: CountingPool, skip: bool
) -> None:
    for name in (*MAILS, "c.eml"):
        indexer.write(name, f"Subject: {name}\n\nA walrus.")
    indexer.sweep()
    pool.before = refuse_all
    tried: list[str] = []
    at_once: set[str] = set()
    done = threading.Event()

    def read_one(name: str) -> None:
        tried.append(name)
        if tried[0] == name:
            raise ExtractError(f"{name}: is broken", skip=skip)
        at_once.add(name)
        done.wait()

    with indexer.ingesting() as ingest:
        wait_until(lambda: sum(each.files for each in waiting(indexer)) == 3)
        pool.before = read_one
        indexer.database.write(obstacles.look_soon)
        ingest.wake()
        try:
            wait_until(lambda: len(at_once) == 2)  # else each would wait for the one before
        finally:
            done.set()
        wait_until(lambda: indexer.states()[tried[0]][0] == ("skipped" if skip else "failed"))
        wait_until(lambda: all(indexer.states()[name][0] == "completed" for name in at_once))
    assert waiting(indexer) == []


def test_one_of_them_is_tried_at_a_time_though_it_is_given_out(
    indexer: Indexer, pool: CountingPool
) -> None:
    for name in MAILS:
        indexer.write(name, f"Subject: {name}\n\nA walrus.")
    indexer.sweep()
    pool.before = partial(refuse, MEMORY_FULL)
    with indexer.ingesting() as ingest:
        wait_until(lambda: all_wait(indexer))
        before = len(pool.read)
        try_again(indexer, pool, ingest)
        assert len(pool.read) == before + 1


def test_an_upload_for_whose_bytes_there_is_no_room_waits_until_there_is(
    indexer: Indexer, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(indexer.database, b"A walrus sleeps.", "walrus.txt")

    def refuse_to_keep(file: Openable, block: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    keep = Openable.write
    monkeypatch.setattr(Openable, "write", refuse_to_keep)
    with indexer.ingesting() as ingest:
        wait_until(lambda: waiting(indexer) != [])
        (told,) = waiting(indexer)
        assert (told.kind, told.files) == ("room", 1)
        assert "free some disk space" in told.why
        monkeypatch.setattr(Openable, "write", keep)
        indexer.database.write(obstacles.look_soon)
        ingest.wake()
        wait_until(lambda: {state for state, _ in indexer.states().values()} == {"completed"})
    assert waiting(indexer) == []
