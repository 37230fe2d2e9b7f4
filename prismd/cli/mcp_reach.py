"""The API for ``prismd mcp``: the daemon's while one runs, else that of the index itself."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import httpx

from prismd import __version__
from prismd.access import read_token
from prismd.api.mcp.inward import InwardReach
from prismd.api.mcp.reach import Reached
from prismd.cli.context import Context
from prismd.errors import DaemonUnreachable
from prismd.running import Running, find_running

if TYPE_CHECKING:
    from prismd.daemon.assembly import Prism

T = TypeVar("T")

_TOKEN = "local"  # noqa: S105 - nothing outside this process can send a request
_HEALTH_S = 5.0
_CONNECT_S = 2.0
_ANSWER_S = 600.0
_GONE = (httpx.ConnectError, httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)
"""What a call meets whose daemon ends or is not there any more."""


class OutwardReach:
    """Looks before each call whether a daemon runs: it may come and go while an agent stays.

    Args:
        context: Whose settings say where the daemon and the index are.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._turn = asyncio.Lock()
        self._daemon: tuple[Running, Reached] | None = None
        self._index: _Index | None = None

    async def run(self, work: Callable[[Reached], Awaitable[T]]) -> T:
        """See ``Reach.run``. Nothing here changes anything, so work may be done again.

        Raises:
            PrismdError: There is no daemon and no index, or the daemon went away twice.
        """
        try:
            with contextlib.suppress(*_GONE):
                return await self._run(work)
            return await self._run(work)
        except httpx.HTTPError as error:
            raise DaemonUnreachable(
                f"the running prismd does not answer ({type(error).__name__}); see its log, or"
                " start it again with 'prismd run'"
            ) from error

    async def _run(self, work: Callable[[Reached], Awaitable[T]]) -> T:
        async with self._turn:
            daemon = await self._find_daemon()
            if daemon is None and self._index is None:
                self._index = await _Index.open(self._context)
            index = self._index
            if daemon is not None and index is not None and not index.in_use:
                await self._close_index()
        if daemon is not None:
            return await work(daemon)
        assert index is not None  # noqa: S101 - opened above
        async with index.used():
            return await index.reach.run(work)

    async def _find_daemon(self) -> Reached | None:
        running = await asyncio.to_thread(find_running, self._context.config.data_dir)
        if self._daemon is not None and self._daemon[0] == running:
            return self._daemon[1]
        await self._forget_daemon()
        if running is None:
            return None
        client = httpx.AsyncClient(
            base_url=running.url,
            headers={"User-Agent": f"prismd-mcp/{__version__}"},  # a client with its own limit
            timeout=httpx.Timeout(_ANSWER_S, connect=_CONNECT_S),
            trust_env=False,  # a proxy has no business between us and the loopback interface
        )
        try:
            # Without the token: as long as nobody has answered, it may be anybody's port.
            (await client.get("/health", timeout=_HEALTH_S)).raise_for_status()
        except httpx.HTTPError:
            await client.aclose()
            return None
        token = await asyncio.to_thread(read_token, self._context.config.data_dir)
        client.headers["Authorization"] = f"Bearer {token}"
        self._daemon = running, Reached(client, running.url)
        return self._daemon[1]

    async def _forget_daemon(self) -> None:
        if self._daemon is not None:
            daemon, self._daemon = self._daemon[1], None
            await daemon.client.aclose()

    async def _close_index(self) -> None:
        if self._index is not None:
            index, self._index = self._index, None
            await index.close()

    async def close(self) -> None:
        """Leave the daemon, and close the index."""
        await self._forget_daemon()
        await self._close_index()


class _Index:
    """The index, opened by this process to be read."""

    def __init__(self, prism: Prism, reach: InwardReach) -> None:
        self._prism = prism
        self._users = 0
        self.reach = reach

    @classmethod
    async def open(cls, context: Context) -> _Index:
        """Open it.

        Raises:
            PrismdError: There is none, or it cannot be read.
        """
        context.need_index()
        context.refuse_waiting()  # a keyring would ask its user at every call
        from prismd.daemon.assembly import Prism
        from prismd.daemon.serving import make_app

        prism = await asyncio.to_thread(Prism, context.config, writable=False)
        return cls(prism, InwardReach(make_app(prism, _TOKEN), _TOKEN, base_url=""))

    @property
    def in_use(self) -> bool:
        """Whether a call is at work with it."""
        return self._users > 0

    @contextlib.asynccontextmanager
    async def used(self) -> AsyncIterator[None]:
        """Keep it open meanwhile."""
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1

    async def close(self) -> None:
        """Close it."""
        await self.reach.close()
        await asyncio.to_thread(self._prism.close)
