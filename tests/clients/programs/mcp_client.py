"""The official MCP client: every tool, over streamable HTTP and over stdio."""

import asyncio
import json
import os
from contextlib import AsyncExitStack
from importlib.metadata import version
from typing import Any

import httpx
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

QUESTION = os.environ["QUESTION"]


async def use(session: ClientSession) -> dict[str, Any]:
    """Call each tool as an agent would."""
    begun = await session.initialize()
    tools = (await session.list_tools()).tools

    async def call(name: str, **arguments: Any) -> Any:
        result = await session.call_tool(name, arguments)
        assert not result.is_error, result
        return result.structured_content

    found = await call("search", query=QUESTION, limit=3)
    passage = await call("read_passage", id=found["results"][0]["passage_id"])
    answer = await call("ask", question=QUESTION)
    wrong = await session.call_tool("read_passage", {"id": "nothing"})
    return {
        "server": begun.server_info.name,
        "tools": sorted(tool.name for tool in tools),
        "read_only": all(tool.annotations and tool.annotations.read_only_hint for tool in tools),
        "found": found["results"][0]["snippet"],
        "passage": passage["text"],
        "answer": answer["answer"],
        "source": answer["sources"][0]["url"],
        "files": len((await call("list_files"))["files"]),
        "state": (await call("status"))["state"],
        "wrong": wrong.is_error,
    }


async def over_http() -> dict[str, Any]:
    """At /mcp."""
    address = os.environ["OPENAI_BASE_URL"].removesuffix("/v1") + "/mcp"
    headers = {"Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"}
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(httpx.AsyncClient(headers=headers, timeout=60))
        streams = await stack.enter_async_context(
            streamable_http_client(address, http_client=client)
        )
        session = await stack.enter_async_context(ClientSession(streams[0], streams[1]))
        return await use(session)


async def over_stdio() -> dict[str, Any]:
    """By ``prismd mcp``."""
    command, *arguments = json.loads(os.environ["MCP_COMMAND"])
    server = StdioServerParameters(
        command=command, args=arguments, env=json.loads(os.environ["MCP_ENVIRONMENT"])
    )
    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        return await use(session)


seen = {
    "version": version("mcp"),
    "http": asyncio.run(over_http()),
    "stdio": asyncio.run(over_stdio()),
}
print(json.dumps(seen))
