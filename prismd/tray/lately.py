"""Asks the daemon what the last answers cited, as often as that may have changed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import httpx

from prismd.errors import PrismdError
from prismd.live_client import Reach
from prismd.tray.cited import MOST, Cited, cited_of

log = logging.getLogger(__name__)

_ANSWER_S = 10.0
_REST_S = 2.0
"""Agents may ask ten times a second, and nobody reads a menu as fast."""


class Lately:
    """Tells what the last answers cited, in a thread of its own.

    Args:
        reach: Gives a client of the daemon.
        told: Told what was cited.
    """

    def __init__(self, reach: Reach, told: Callable[[tuple[Cited, ...]], None]) -> None:
        self._reach = reach
        self._told = told
        self._wanted = threading.Event()

    def start(self) -> None:
        """Begin; ends with the process."""
        threading.Thread(target=self._loop, name="prismd-lately", daemon=True).start()

    def look(self) -> None:
        """Ask soon; returns at once."""
        self._wanted.set()

    def _loop(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            try:
                self._told(self._found())
            except Exception:
                log.exception("what was cited cannot be shown; please report this")
            time.sleep(_REST_S)

    def _found(self) -> tuple[Cited, ...]:
        """What was cited; nothing where that cannot be had: it is asked again after the next."""
        try:
            with self._reach() as client:
                response = client.get("/search/cited", params={"limit": MOST}, timeout=_ANSWER_S)
                return cited_of(response.raise_for_status().json())
        except (PrismdError, httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            log.info("what was cited is not known: %s", type(error).__name__)
            return ()
