"""Follows the daemon over its WebSocket, for as long as the tray lives."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import msgspec

from prismd.errors import DaemonUnreachable, PrismdError
from prismd.tray.standing import AWAY, STARTING, Standing, standing_of, unfollowed

if TYPE_CHECKING:
    import httpx

log = logging.getLogger(__name__)

Reach = Callable[[], "AbstractContextManager[httpx.Client]"]
"""Gives a client of the daemon that runs now; raises DaemonUnreachable where none does."""

_CONNECT_S = 5.0
_AGAIN_S = (1.0, 10.0)
"""From how long to how long to wait before the next try; each doubles the one before."""
_EXPECTED_S = 60.0
_EXPECTED_AGAIN_S = 0.5


class Link:
    """Tells how the daemon stands, whenever that changes, in a thread of its own.

    The daemon may come and go; each time it is looked for anew, with the token of then.

    Args:
        reach: Gives a client of the daemon.
        changed: Told how it stands.
        heard: Told the whole status.
    """

    def __init__(
        self,
        reach: Reach,
        changed: Callable[[Standing], None],
        heard: Callable[[dict[str, Any]], None],
    ) -> None:
        self._reach = reach
        self._changed = changed
        self._heard = heard
        self._standing: Standing | None = None
        self._wanted = threading.Event()
        self._expected_until_s = 0.0

    def start(self) -> None:
        """Begin to follow; ends with the process."""
        threading.Thread(target=self._loop, name="prismd-link", daemon=True).start()

    def expect(self) -> None:
        """A daemon is being started: look for it more often for a while."""
        self._expected_until_s = time.monotonic() + _EXPECTED_S
        self._wanted.set()

    def give_up(self) -> None:
        """No daemon is to be expected any more."""
        self._expected_until_s = 0.0
        self._wanted.set()

    def _loop(self) -> None:
        wait_s = _AGAIN_S[0]
        while True:
            standing, met = self._follow()
            if standing is AWAY and self._is_expected():
                standing, pause_s = STARTING, _EXPECTED_AGAIN_S
            else:
                wait_s = _AGAIN_S[0] if met else min(2 * wait_s, _AGAIN_S[1])
                pause_s = wait_s
            self._tell(standing)
            if self._wanted.wait(pause_s):
                self._wanted.clear()

    def _is_expected(self) -> bool:
        return time.monotonic() < self._expected_until_s

    def _follow(self) -> tuple[Standing, bool]:
        """Tell what the daemon tells until it ends.

        Returns:
            How it stands without it, and whether there was one to follow.
        """
        status: dict[str, Any] = {}
        try:
            for message in _messages(self._reach):
                self._take(status, message)
        except DaemonUnreachable:
            return AWAY, bool(status)
        except PrismdError as error:
            return unfollowed(str(error)), bool(status)
        except Exception:
            log.exception("the daemon cannot be followed; please report this")
            return unfollowed("internal error; see what the tray has logged"), bool(status)
        return AWAY, True

    def _take(self, status: dict[str, Any], message: bytes) -> None:
        told = msgspec.json.decode(message)
        if told["type"] not in ("snapshot", "status"):
            return
        self._expected_until_s = 0.0
        status.update(told["status"])
        self._tell(standing_of(status, time.time()))
        self._heard(status)

    def _tell(self, standing: Standing) -> None:
        if standing != self._standing:
            self._standing = standing
            self._changed(standing)


def _messages(reach: Reach) -> Iterator[bytes]:
    """What the daemon sends, until it ends.

    Raises:
        DaemonUnreachable: None answers.
        PrismdError: One does, but cannot be followed.
    """
    from websockets.exceptions import ConnectionClosed, WebSocketException
    from websockets.sync.client import connect

    with reach() as client:
        address = str(client.base_url.join("/ws")).replace("http", "ws", 1)
        token = client.headers["Authorization"]
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
            raise PrismdError(f"runs, but cannot be followed ({error}); see its log") from error
        stack.enter_context(contextlib.suppress(ConnectionClosed))
        yield first
        while True:
            yield connection.recv(decode=False)
