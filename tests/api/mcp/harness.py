"""Agents by the official client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

from tests.api.harness import TOKEN, Live

LEGACY, MODERN = "legacy", "2026-07-28"


@asynccontextmanager
async def agent(live: Live, mode: str = LEGACY) -> AsyncIterator[Client]:
    """A session of the official client over HTTP."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60, trust_env=False) as http,
        Client(streamable_http_client(f"{live.url}/mcp", http_client=http), mode=mode) as client,
    ):
        yield client


def text_of(result: Any) -> str:
    """What a result says to agents that read text."""
    [block] = result.content
    return str(block.text)
