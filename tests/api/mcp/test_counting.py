"""What agents ask is counted once, and against the agent that asks."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx

from tests.api.harness import TOKEN, Live, live_server
from tests.api.mcp.harness import agent, text_of

CALLS = 5


def call(live: Live) -> list[Any]:
    async def calls() -> list[Any]:
        async with agent(live) as client:
            return [await client.call_tool("search", {"query": "deposit"}) for _ in range(CALLS)]

    return asyncio.run(calls())


def test_agents_are_not_held_back_by_scripts_of_the_same_library(tmp_path: Path) -> None:
    with live_server(tmp_path, requests_per_minute=20) as live:
        wild = httpx.Client(trust_env=False, headers={"authorization": f"Bearer {TOKEN}"})
        with wild:
            while wild.get(f"{live.url}/roots").is_success:
                pass
        results = call(live)
        assert not any(result.is_error for result in results), text_of(results[-1])


def test_a_call_is_one_request_in_the_figures(tmp_path: Path) -> None:
    with live_server(tmp_path) as live:
        call(live)
        figures = live.client.get("/metrics").text
        assert 'route="/mcp"' in figures
        assert 'route="/search"' not in figures


def test_no_header_makes_a_request_one_of_the_process(tmp_path: Path) -> None:
    with live_server(tmp_path, sample=False, requests_per_minute=2) as live:
        claimed = {"prismd.within": "1", "user-agent": "wild/1"}
        asked = [live.client.get("/roots", headers=claimed).status_code for _ in range(3)]
        assert asked == [200, 200, 429]
