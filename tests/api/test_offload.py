"""One kind of work does not keep another waiting."""

from __future__ import annotations

import threading

import anyio
import pytest

from prismd.api.offload import Offload


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
async def test_searches_do_not_wait_for_pictures_that_come_with_others() -> None:
    offload, release = Offload(), threading.Event()
    async with anyio.create_task_group() as group:
        for _ in range(8):
            group.start_soon(offload.example, release.wait)
        try:
            with anyio.fail_after(10):
                assert await offload.search(lambda: "found") == "found"
        finally:
            release.set()


@pytest.mark.anyio
async def test_changes_keep_no_read_waiting() -> None:
    offload, release = Offload(), threading.Event()
    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(offload.change, release.wait)
        try:
            with anyio.fail_after(10):
                assert await offload.read(lambda: "read") == "read"
        finally:
            release.set()
