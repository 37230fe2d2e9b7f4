"""The tools over a pair of descriptors, for the one agent at their other ends."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from mcp.server.stdio import stdio_server

from prismd.api.mcp.pipes import LinesIn, LinesOut
from prismd.api.mcp.reach import Reach
from prismd.api.mcp.server import make_server


async def converse(reach: Reach, incoming: int, outgoing: int) -> None:
    """Serve until the input ends, or nobody reads the output; what is in hand then is called off.

    Args:
        reach: Finds the API for each call.
        incoming: Descriptor of messages, one a line.
        outgoing: Descriptor of the answers.
    """
    server = make_server(reach)
    told, answered = LinesIn(incoming), LinesOut(outgoing)

    async def serve() -> None:
        # What the SDK calls files it iterates, and writes to: no more.
        async with stdio_server(cast(Any, told), cast(Any, answered)) as (read, write):
            await server.run(read, write, server.create_initialization_options())

    serving = asyncio.ensure_future(serve())
    unread = asyncio.ensure_future(answered.closed.wait())
    try:
        await asyncio.wait({serving, unread}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        serving.cancel()
        unread.cancel()
        await asyncio.gather(serving, unread, return_exceptions=True)
    if not serving.cancelled() and (error := serving.exception()) is not None:
        raise error
