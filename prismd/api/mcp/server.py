"""The tools as a server of the official SDK, for any transport."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Mapping
from typing import Any

import anyio
import mcp_types as types
import msgspec
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.shared.exceptions import MCPError

from prismd import __version__
from prismd.api.mcp.reach import Reach
from prismd.api.mcp.schemas import schema_of
from prismd.api.mcp.tools import BY_NAME, INSTRUCTIONS, TOOLS, Tool
from prismd.encryption.discretion import own
from prismd.errors import PrismdError

log = logging.getLogger(__name__)

_Context = ServerRequestContext[Any, Any]

GONE = "prismd.gone"
"""Of a request's scope: an ``asyncio.Event``, set when the agent has hung up. The protocol has it
that this calls nothing off, for the sake of agents that come back for an answer; here nothing is
kept that could be come back for."""


def make_server(reach: Reach) -> Server[Any]:
    """A server of the tools.

    Args:
        reach: Finds the API for each call.
    """

    async def list_tools(
        _: _Context, __: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_described(tool) for tool in TOOLS])

    async def call_tool(
        context: _Context, asked: types.CallToolRequestParams
    ) -> types.CallToolResult:
        tool = BY_NAME.get(asked.name)
        if tool is None:
            raise MCPError(
                types.INVALID_PARAMS,
                f"there is no tool {asked.name[:60]!r}; there are: {', '.join(BY_NAME)}",
            )
        return await _called(tool, asked.arguments, reach, context)

    server: Server[Any] = Server(
        "prismd",
        version=__version__,
        title="prismd: the user's own files",
        instructions=INSTRUCTIONS,
        get_tool_input_schema=_input_schema,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )
    # By default every call is told to OpenTelemetry, and so to wherever that may send it.
    server.middleware.clear()
    return server


def _input_schema(name: str) -> Mapping[str, Any] | None:
    tool = BY_NAME.get(name)
    return schema_of(tool.takes) if tool is not None else None


def _described(tool: Tool) -> types.Tool:
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=schema_of(tool.takes),
        output_schema=schema_of(tool.gives),
        annotations=types.ToolAnnotations(
            title=tool.title,
            read_only_hint=True,
            destructive_hint=False,
            idempotent_hint=True,
            open_world_hint=False,
        ),
    )


async def _called(
    tool: Tool, given: Mapping[str, Any] | None, reach: Reach, context: _Context
) -> types.CallToolResult:
    """Call a tool for as long as somebody waits for it."""
    result = _failed("the agent has hung up")  # which nobody reads
    async with anyio.create_task_group() as group:

        async def watch(gone: asyncio.Event) -> None:
            await gone.wait()
            group.cancel_scope.cancel()

        if context.request is not None:
            group.start_soon(watch, context.request.scope[GONE])
        result = await _answered(tool, given, reach, context)
        group.cancel_scope.cancel()
    return result


async def _answered(
    tool: Tool, given: Mapping[str, Any] | None, reach: Reach, context: _Context
) -> types.CallToolResult:
    """Call a tool; whatever goes wrong is told to the agent in words."""
    started = time.monotonic()

    async def progress(told: str) -> None:
        # What is reported has to grow, and how much there is in all nobody knows.
        await context.session.report_progress(round(time.monotonic() - started, 3), None, told)

    try:
        done, text = await tool.answer(given, reach, progress)
    except PrismdError as error:
        return _failed(str(error))
    except Exception as error:
        error_id = uuid.uuid4().hex[:12]
        # The message may hold text of a document: at debug only.
        told = (own(tool.name), own(error_id), own(type(error).__name__))
        log.error("tool %s, error %s: %s", *told)
        log.debug("error %s", own(error_id), exc_info=error)
        return _failed(f"prismd failed on this call; its log says more under error {error_id}")
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=text)],
        structured_content=msgspec.to_builtins(done),
    )


def _failed(message: str) -> types.CallToolResult:
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=message)], is_error=True
    )
