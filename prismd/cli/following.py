"""``status --follow``: what the daemon does, told as it happens, over its WebSocket."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import Any

import click
import msgspec

from prismd.cli.context import Context
from prismd.cli.status import faults, in_hand
from prismd.cli.terminal import plain
from prismd.errors import DaemonUnreachable
from prismd.timing import duration

_AGAIN_S = 1.0
_PLAIN_S = 5.0
_CLEAR = "\r\x1b[K"
_CONNECT_S = 5.0


def follow_daemon(context: Context, *, as_json: bool) -> None:
    """Tell what happens until Ctrl-C; when the daemon goes away, wait until it is back.

    Raises:
        DaemonUnreachable: None answers at the start.
    """
    view: View | Lines = Lines() if as_json else View(on_terminal=sys.stdout.isatty())
    with contextlib.suppress(KeyboardInterrupt):
        told = _messages(context)
        view.show(next(told))
        while True:
            for message in told:
                view.show(message)
            view.away()
            told = _returned(context)


def _messages(context: Context) -> Iterator[bytes]:
    """What the daemon sends, until it ends.

    Raises:
        DaemonUnreachable: It does not answer, or not so.
    """
    from websockets.exceptions import ConnectionClosed, WebSocketException
    from websockets.sync.client import connect

    with context.daemon() as daemon:
        address = str(daemon.base_url.join("/ws")).replace("http", "ws", 1)
        token = daemon.headers["Authorization"]
    with contextlib.ExitStack() as stack:
        try:
            connection = stack.enter_context(
                connect(
                    address,
                    additional_headers={"Authorization": token},
                    open_timeout=_CONNECT_S,
                    proxy=None,  # a proxy has no business between us and the loopback interface
                )
            )
            first = connection.recv(decode=False)
        except (OSError, WebSocketException) as error:
            raise DaemonUnreachable(
                f"the running prismd tells nothing ({error}); see its log,"
                " or start it again with 'prismd run'"
            ) from error
        stack.enter_context(contextlib.suppress(ConnectionClosed))
        yield first
        while True:
            yield connection.recv(decode=False)


def _returned(context: Context) -> Iterator[bytes]:
    """The same once there is a daemon again; its index may be of another address by then."""
    while True:
        time.sleep(_AGAIN_S)
        told = _messages(context)
        with contextlib.suppress(DaemonUnreachable):
            first = next(told)
            return _with_first(first, told)


def _with_first(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


class Lines:
    """Every message as it came, one on a line, for programs."""

    def show(self, message: bytes) -> None:
        """Print it."""
        click.echo(message.decode())

    def away(self) -> None:
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

    def away(self) -> None:
        """The daemon ended."""
        self._print("prismd is away; waiting for it (Ctrl-C ends this)")

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
