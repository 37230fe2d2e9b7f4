"""The client of fastmcp: every tool, over streamable HTTP and over stdio."""

import asyncio
import json
import os
from importlib.metadata import version
from typing import Any

from fastmcp import Client
from fastmcp.client.transports import ClientTransport, StdioTransport, StreamableHttpTransport
from fastmcp.exceptions import ToolError

QUESTION = os.environ["QUESTION"]


async def use(transport: ClientTransport) -> dict[str, Any]:
    """Call each tool as an agent would."""
    async with Client(transport) as client:
        tools = await client.list_tools()

        async def call(name: str, **arguments: Any) -> Any:
            return (await client.call_tool(name, arguments)).structured_content

        found = await call("search", query=QUESTION, limit=3)
        passage = await call("read_passage", id=found["results"][0]["passage_id"])
        answer = await call("ask", question=QUESTION)
        try:
            await call("read_passage", id="nothing")
            wrong = False
        except ToolError:
            wrong = True
        return {
            "tools": sorted(tool.name for tool in tools),
            "found": found["results"][0]["snippet"],
            "passage": passage["text"],
            "answer": answer["answer"],
            "source": answer["sources"][0]["url"],
            "files": len((await call("list_files"))["files"]),
            "state": (await call("status"))["state"],
            "wrong": wrong,
        }


command, *arguments = json.loads(os.environ["MCP_COMMAND"])
address = os.environ["OPENAI_BASE_URL"].removesuffix("/v1") + "/mcp"
http = StreamableHttpTransport(
    address, headers={"Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"}
)
stdio = StdioTransport(command, arguments, env=json.loads(os.environ["MCP_ENVIRONMENT"]))
seen = {
    "version": version("fastmcp"),
    "http": asyncio.run(use(http)),
    "stdio": asyncio.run(use(stdio)),
}
print(json.dumps(seen))
