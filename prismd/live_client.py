"""Follows the daemon over its WebSocket, however often it ends and is there again.

Each time it is looked for anew, with the address and the token of then.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from msgspec import Struct

from prismd.errors import DaemonSilent, DaemonUnreachable, PrismdError

if TYPE_CHECKING:
    import httpx
    from websockets.sync.client import ClientConnection

Reach = Callable[[], "AbstractContextManager[httpx.Client]"]
"""Gives a client of the daemon that runs now; raises DaemonUnreachable where none does."""

SIGNED_OUT = (
    "the prismd that answers does not take this data directory's token: it was started with"
    " another one, or for another directory; stop it, and start it again"
)
SILENT_S = 45.0
"""The daemon says something every ten seconds; longer than this only one that hangs is silent."""
_CONNECT_S = 5.0
_CLOSE_S = 1.0
_AGAIN_S = (1.0, 10.0)
"""From how long to how long to wait before the next try; each doubles the one before."""
_REFUSED = frozenset({401, 403})


class Lost(Struct, frozen=True):
    """There is no daemon to follow, for now.

    Attributes:
        error: Why; ``DaemonUnreachable`` where none is there.
    """

    error: PrismdError


def follow(
    reach: Reach, rest: Callable[[float], object] = time.sleep, silent_s: float = SILENT_S
) -> Iterator[bytes | Lost]:
    """What a daemon tells, and that it tells nothing, after each try; without end.

    Args:
        reach: Gives a client of the daemon.
        rest: Waits before the next try for the seconds that it is given, or less.
        silent_s: Of a daemon that says nothing for so long, nothing more is awaited.

    Yields:
        Messages of ``/ws``: JSON objects, the first after a ``Lost`` a snapshot.
    """
    wait_s = _AGAIN_S[0]
    while True:
        met = False
        error: PrismdError = DaemonUnreachable("prismd has ended")
        try:
            with contextlib.closing(_messages(reach, silent_s)) as messages:
                for message in messages:
                    met = True
                    yield message
        except PrismdError as found:
            error = found
        except OSError as found:  # too many files may be open, or a disk fails
            error = PrismdError(
                f"prismd cannot be followed ({found.strerror or found}); 'prismd doctor' may know"
                " why"
            )
        yield Lost(error)
        wait_s = _AGAIN_S[0] if met else min(2 * wait_s, _AGAIN_S[1])
        rest(wait_s)


def _messages(reach: Reach, silent_s: float) -> Generator[bytes, None, None]:
    """What the daemon sends, until it ends.

    Raises:
        DaemonUnreachable: None answers, or not any more.
        PrismdError: One does, but cannot be followed.
    """
    from websockets.exceptions import ConnectionClosed

    with contextlib.ExitStack() as stack:
        connection = _connected(reach, stack)
        # Who is one too many is told so here, and not by the handshake.
        with _following():
            message = _next(connection, silent_s)
        stack.enter_context(contextlib.suppress(ConnectionClosed))
        while True:
            yield message
            message = _next(connection, silent_s)


def _connected(reach: Reach, stack: contextlib.ExitStack) -> ClientConnection:
    from websockets.sync.client import connect

    with reach() as client:
        address = str(client.base_url.join("/ws")).replace("http", "ws", 1)
        headers = {"Authorization": client.headers["Authorization"]}
    with _following():
        return stack.enter_context(
            connect(
                address,
                additional_headers=headers,
                open_timeout=_CONNECT_S,
                close_timeout=_CLOSE_S,
                ping_interval=None,  # the daemon's own messages show that it is alive
                proxy=None,  # a proxy has no business between us and the loopback interface
            )
        )


def _next(connection: ClientConnection, silent_s: float) -> bytes:
    try:
        return connection.recv(silent_s, decode=False)
    except TimeoutError as error:
        raise DaemonSilent(
            "prismd runs, but says nothing any more; stop it, and start it again"
        ) from error


@contextlib.contextmanager
def _following() -> Iterator[None]:
    """Tell why a daemon that is there cannot be followed."""
    from websockets.exceptions import InvalidStatus, WebSocketException

    try:
        yield
    except TimeoutError as error:
        raise DaemonSilent("prismd runs, but does not answer; stop it, and start it again") from (
            error
        )
    except InvalidStatus as error:
        if error.response.status_code in _REFUSED:
            raise PrismdError(SIGNED_OUT) from error
        raise _unfollowed(error) from error
    except (OSError, WebSocketException) as error:
        raise _unfollowed(error) from error


def _unfollowed(error: Exception) -> PrismdError:
    return PrismdError(f"prismd runs, but cannot be followed ({error}); see its log")
