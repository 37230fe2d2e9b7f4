"""``status --follow``: what the daemon does, told as it happens, over its WebSocket."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import Any

import click
import msgspec

from prismd.cli.context import Context
from prismd.cli.standing import faults, in_hand
from prismd.cli.terminal import plain
from prismd.encryption.key_places import KeyAway
from prismd.errors import ConfigError, DaemonUnreachable, PrismdError
from prismd.live_client import Lost, follow
from prismd.timing import duration

_PLAIN_S = 5.0
_CLEAR = "\r\x1b[K"


def follow_daemon(context: Context, *, as_json: bool) -> None:
    """Tell what happens until Ctrl-C; when the daemon goes away, wait until it is back.

    Raises:
        DaemonUnreachable: None answers at the start, or it cannot be followed.
        KeyAway: It waits for the key of its index, and did so at the start.
    """
    view: View | Lines = Lines() if as_json else View(on_terminal=sys.stdout.isatty())
    begun, away = False, ""
    with contextlib.suppress(KeyboardInterrupt):
        for told in follow(context.daemon):
            if not isinstance(told, Lost):
                view.show(told)
                begun, away = True, ""
                continue
            if not begun:
                raise _unreachable(told.error)
            before, away = away, _in_words(told.error)
            if away != before:
                view.away(away)


def _unreachable(error: PrismdError) -> PrismdError:
    """Why there is nothing to follow from the start, as commands end with it."""
    known = isinstance(error, DaemonUnreachable | ConfigError | KeyAway)
    return error if known else DaemonUnreachable(str(error))


def _in_words(error: PrismdError) -> str:
    """Why there is nothing to follow any more, where that is not plain."""
    return "prismd is away" if type(error) is DaemonUnreachable else plain(str(error))


class Lines:
    """Every message as it came, one on a line, for programs."""

    def show(self, message: bytes) -> None:
        """Print it."""
        click.echo(message.decode())

    def away(self, words: str) -> None:
        """The next message is a snapshot again, which says it all."""


class View:
    """What a person wants to see of it.

    Args:
        on_terminal: Keep a line at the bottom that says how it stands; else it is printed anew
            now and then.
    """

    def __init__(self, *, on_terminal: bool) -> None:
        self._on_terminal = on_terminal
        self._status: dict[str, Any] = {}
        self._said = ("", 0.0)

    def show(self, message: bytes) -> None:
        """Show what happened."""
        told = msgspec.json.decode(message)
        if told["type"] == "file":
            error = f" ({told['error']})" if told["error"] else ""
            self._print(f"{told['state']:11}{plain(told['path'])}{error}")
        elif told["type"] == "sweep":
            self._print(f"{'folder':11}{plain(told['root'])}: {_sweep_in_words(told)}")
        elif told["type"] in ("snapshot", "status"):
            self._status.update(told["status"])
        else:
            return
        self._show_status()

    def away(self, words: str) -> None:
        """There is nothing to be told for now."""
        self._print(f"{words}; waiting for it (Ctrl-C ends this)")

    def _print(self, line: str) -> None:
        click.echo(f"{_CLEAR}{line}" if self._on_terminal else line)

    def _show_status(self) -> None:
        line = in_one_line(self._status)
        state, said_s = self._said
        if self._on_terminal:
            width = _width()
            click.echo(f"{_CLEAR}{line[:width]}", nl=False)
        elif self._status["state"] != state or time.monotonic() - said_s > _PLAIN_S:
            self._said = (self._status["state"], time.monotonic())
            click.echo(line)


def in_one_line(status: dict[str, Any]) -> str:
    """How everything stands, on one line."""
    files = status["files"]
    left = files["pending"] + files["processing"]
    told = [
        f"{status['state']}: {files['total'] - left} of {files['total']} files,"
        f" {status['passages_embedded']} of {status['passages']} passages embedded"
    ]
    if status["eta_s"]:
        told.append(f"{duration(status['eta_s'])} left")
    told += map(plain, faults(status))
    told += map(in_hand, status["current"])
    return "; ".join(told)


def _sweep_in_words(told: dict[str, Any]) -> str:
    if told["offline"]:
        return "is not there"
    names = {"added": "new", "changed": "changed", "moved": "moved", "removed": "gone"}
    return ", ".join(f"{told[key]} {name}" for key, name in names.items() if told[key])


def _width() -> int:
    from shutil import get_terminal_size

    return get_terminal_size().columns - 1
