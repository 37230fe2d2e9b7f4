"""Follows the daemon for as long as the tray lives, and tells how it stands."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec

from prismd import __version__
from prismd.errors import DaemonSilent, DaemonUnreachable, PrismdError
from prismd.live_client import SILENT_S, Lost, Reach, follow
from prismd.tray.standing import AWAY, STARTING, Standing, standing_of, unfollowed

log = logging.getLogger(__name__)

_EXPECTED_S = 60.0
_EXPECTED_AGAIN_S = 0.5
_AFTER_FAULT_S = 10.0
_FAULT = "internal error; see what the tray has logged"


class Link:
    """Tells how the daemon stands, whenever that changes, in a thread of its own.

    Args:
        reach: Gives a client of the daemon.
        changed: Told how it stands.
        heard: Told the whole status.
        cited: Told that the last answers may have cited other files than before. Of an encrypted
            index that is not told: its names stay with the daemon.
        silent_s: After so long without a word from it the daemon is taken to hang.
    """

    def __init__(
        self,
        reach: Reach,
        changed: Callable[[Standing], None],
        heard: Callable[[dict[str, Any]], None],
        cited: Callable[[], None],
        silent_s: float = SILENT_S,
    ) -> None:
        self._reach = reach
        self._changed = changed
        self._heard = heard
        self._cited = cited
        self._silent_s = silent_s
        self._standing: Standing | None = None
        self._status: dict[str, Any] = {}
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
        while True:
            try:
                for told in follow(self._reach, self._rest, self._silent_s):
                    if isinstance(told, Lost):
                        self._lost(told.error)
                    else:
                        self._take(told)
            except Exception:
                self._tell(unfollowed(self._fault()))
            self._rest(_AFTER_FAULT_S)

    def _rest(self, seconds: float) -> None:
        if self._wanted.wait(_EXPECTED_AGAIN_S if self._is_expected() else seconds):
            self._wanted.clear()

    def _is_expected(self) -> bool:
        return time.monotonic() < self._expected_until_s

    def _lost(self, error: PrismdError) -> None:
        self._status = {}
        if isinstance(error, DaemonSilent):
            self._tell(unfollowed("runs, but does not answer"))
        elif isinstance(error, DaemonUnreachable):
            self._tell(STARTING if self._is_expected() else AWAY)
        else:
            self._tell(unfollowed(str(error).removeprefix("prismd ")))

    def _take(self, message: bytes) -> None:
        told = msgspec.json.decode(message)
        if told["type"] in ("snapshot", "status"):
            self._stand(told["status"], is_first=told["type"] == "snapshot")
        elif told["type"] == "cited" and not self._status["encrypted"]:
            self._cited()

    def _stand(self, changed: dict[str, Any], *, is_first: bool) -> None:
        self._expected_until_s = 0.0
        self._status.update(changed)
        self._tell(standing_of(self._status, time.time()))
        self._heard(self._status)
        # What is forgotten is cited no more; while files are read, that would be asked too often.
        settled = "files" in changed and not self._status["left"]
        if (is_first or settled) and not self._status["encrypted"]:
            self._cited()

    def _fault(self) -> str:
        """What to say of a message that was not understood; called where that is handled."""
        version = self._status.get("version")
        if version not in (None, __version__):
            log.info("version %s is not understood by %s", version, __version__, exc_info=True)
            return (
                f"is version {version} now, and this icon is of {__version__}; quit the icon, and"
                " start it again with 'prismd tray'"
            )
        log.exception("the daemon cannot be followed; please report this")
        return _FAULT

    def _tell(self, standing: Standing) -> None:
        if standing != self._standing:
            self._standing = standing
            self._changed(standing)
