"""Blocking work off the event loop, so much at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import anyio.to_thread
from anyio import CapacityLimiter

T = TypeVar("T")

_READS = 8
_SEARCHES = 4
_EMBEDDINGS = 2
_RENDERINGS = 2
_EXAMPLES = 1
_CHANGES = 1


class Offload:
    """Threads for each kind of work, so that none keeps another waiting."""

    def __init__(self) -> None:
        self._reads = CapacityLimiter(_READS)
        self._searches = CapacityLimiter(_SEARCHES)
        self._embeddings = CapacityLimiter(_EMBEDDINGS)
        self._renderings = CapacityLimiter(_RENDERINGS)
        self._examples = CapacityLimiter(_EXAMPLES)
        self._changes = CapacityLimiter(_CHANGES)

    async def read(self, work: Callable[[], T]) -> T:
        """Run short work on the database or the disk."""
        return await anyio.to_thread.run_sync(work, limiter=self._reads)

    async def change(self, work: Callable[[], T]) -> T:
        """Change folders or settings; that may take long, and each waits for the one before."""
        return await anyio.to_thread.run_sync(work, limiter=self._changes)

    async def search(self, work: Callable[[], T]) -> T:
        """Run a search."""
        return await anyio.to_thread.run_sync(work, limiter=self._searches)

    async def embed(self, work: Callable[[], T]) -> T:
        """Run the embedding model."""
        return await anyio.to_thread.run_sync(work, limiter=self._embeddings)

    async def example(self, work: Callable[[], T]) -> T:
        """Make out a picture or a recording that came with a request."""
        return await anyio.to_thread.run_sync(work, limiter=self._examples)

    async def render(self, work: Callable[[], T]) -> T:
        """Render a preview."""
        return await anyio.to_thread.run_sync(work, limiter=self._renderings)
