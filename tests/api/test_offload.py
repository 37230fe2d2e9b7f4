"""One kind of work does not keep another waiting."""

from __future__ import annotations

import threading

import anyio
import pytest

from prismd.api.errors import BusyError
from prismd.api.offload import Offload
from tests.building import wait_until

PATIENCE_S = 60


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
async def test_a_search_whose_turn_does_not_come_is_told_to_come_back() -> None:
    offload, release = Offload(search_wait_s=0.01), threading.Event()
    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(offload.search, release.wait)
        try:
            await anyio.wait_all_tasks_blocked()
            with pytest.raises(BusyError, match=r"within 0\.01 s") as refused:
                await offload.search(lambda: "found")
            assert (refused.value.status, refused.value.retry_after_s) == (429, 5)
        finally:
            release.set()
    assert await offload.search(lambda: "found") == "found"


@pytest.mark.anyio
@pytest.mark.parametrize(("busy", "waiting"), [("example", "search"), ("change", "read")])
async def test_one_kind_of_work_keeps_no_other_waiting(busy: str, waiting: str) -> None:
    offload, release = Offload(), threading.Event()
    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(getattr(offload, busy), release.wait)
        try:
            with anyio.fail_after(PATIENCE_S):
                assert await getattr(offload, waiting)(lambda: "done") == "done"
        finally:
            release.set()


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["file", "render"])
async def test_disks_that_do_not_answer_keep_nothing_else_waiting(kind: str) -> None:
    offload, release = Offload(), threading.Event()
    look = getattr(offload, kind)
    async with anyio.create_task_group() as group:
        for _ in range(60):
            group.start_soon(look, release.wait)
        try:
            with anyio.fail_after(PATIENCE_S):
                assert await offload.read(lambda: "read") == "read"
                assert await offload.search(lambda: "found") == "found"
        finally:
            release.set()


@pytest.mark.anyio
async def test_who_leaves_a_disk_that_does_not_answer_makes_no_room_for_another() -> None:
    offload, release, asked = Offload(), threading.Event(), []

    def look() -> None:
        asked.append(threading.current_thread())
        release.wait()

    async with anyio.create_task_group() as group:
        for _ in range(60):
            group.start_soon(offload.file, look)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    begun = offload.uses()["file"].most
    assert 0 < begun < 60
    wait_until(lambda: len(asked) == begun)
    assert all(thread.daemon for thread in asked)  # prismd can end all the same
    with anyio.move_on_after(0.1) as waiting:
        await offload.file(look)
    assert waiting.cancelled_caught
    assert len(asked) == begun
    release.set()
    with anyio.fail_after(PATIENCE_S):
        assert await offload.file(lambda: "answered") == "answered"


@pytest.mark.anyio
async def test_what_a_look_at_a_file_comes_to_is_told() -> None:
    def fail() -> None:
        raise FileNotFoundError("gone")

    offload = Offload()
    assert await offload.file(lambda: 7) == 7
    with pytest.raises(FileNotFoundError, match="gone"):
        await offload.file(fail)


@pytest.mark.anyio
async def test_where_no_thread_is_to_be_had_the_turn_is_given_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    offload = Offload()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        for _ in range(60):
            with pytest.raises(RuntimeError, match="new thread"):
                await offload.file(lambda: "never")
    with anyio.fail_after(PATIENCE_S):
        assert await offload.file(lambda: "answered") == "answered"
