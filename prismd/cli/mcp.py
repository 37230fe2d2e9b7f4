"""``mcp``: the tools for agents over standard input and output."""

from __future__ import annotations

import os
import signal
import threading

import click

from prismd.cli.context import Context, pass_context
from prismd.cli.unattended import is_encrypted, log_kind, unattended

_END_S = 1.0
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@click.command("mcp", short_help="Serve an agent by the Model Context Protocol.")
@pass_context
@unattended
def mcp_command(context: Context) -> None:
    """Serve an agent by the Model Context Protocol, over standard input and output.

    To be named in the agent's settings as the command of an MCP server; it ends with its input.
    It asks the running prismd, or reads the index itself where none runs, and changes nothing.
    """
    import asyncio

    from prismd.api.mcp.pipes import claim
    from prismd.daemon.logs import log_to_stderr, log_uncaught

    log_to_stderr(context.config.log.level, "prismd: %(message)s", log_kind(context))
    if is_encrypted(context):
        log_uncaught()
    # Standard output is the protocol's: whatever else is said in this process goes beside it.
    nothing = os.open(os.devnull, os.O_RDONLY)
    incoming, outgoing = claim(0, nothing), claim(1, 2)
    os.close(nothing)
    asyncio.run(_serve(context, incoming, outgoing))


async def _serve(context: Context, incoming: int, outgoing: int) -> None:
    """Serve until the input ends, nobody reads the output, or a signal comes."""
    import asyncio

    from prismd.api.mcp.stdio import converse
    from prismd.cli.mcp_reach import OutwardReach

    reach = OutwardReach(context)
    serving = asyncio.ensure_future(converse(reach, incoming, outgoing))
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, serving.cancel)
    try:
        await asyncio.wait({serving})
    finally:
        failed = not serving.cancelled() and serving.exception() is not None
        _end_within(_END_S, 1 if failed else 0)
        await reach.close()
    if not serving.cancelled():
        serving.result()


def _end_within(seconds: float, exit_code: int) -> None:
    """End the process even if a search or a model is at work that nothing can interrupt.

    It has nothing to lose: it only reads, and whatever it said was written.
    """
    last = threading.Timer(seconds, os._exit, (exit_code,))
    last.daemon = True
    last.start()
