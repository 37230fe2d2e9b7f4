"""Agents: the official MCP client and that of fastmcp, over both transports."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.harness import COMMAND, Daemon
from tests.clients.harness import TRAIN, Runtime, assert_cites_the_train

pytestmark = pytest.mark.clients


@pytest.mark.parametrize("program", ["mcp_client.py", "fastmcp_client.py"])
def test_agents_use_every_tool_over_both_transports(
    openai_3: Runtime, daemon: Daemon, tmp_path: Path, program: str
) -> None:
    variables = {
        "MCP_COMMAND": json.dumps([*COMMAND, "mcp"]),
        "MCP_ENVIRONMENT": json.dumps(daemon.place.environment()),
    }
    seen = openai_3.run(program, daemon, tmp_path, variables)
    for transport in ("http", "stdio"):
        told = seen[transport]
        assert told["tools"] == ["ask", "list_files", "read_passage", "search", "status"]
        assert TRAIN in told["found"]
        assert TRAIN in told["passage"]
        assert_cites_the_train(told["answer"], told["source"], daemon)
        assert told["files"] == 6
        assert told["state"] == "idle"
        assert told["wrong"]
    assert seen["http"].get("read_only", True)
