"""The command line. Heavy imports happen inside the commands, so that ``--help`` is instant."""

from prismd.cli.main import main

__all__ = ["main"]
