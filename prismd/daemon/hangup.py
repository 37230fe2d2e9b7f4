"""What signals ask of a daemon: to end, and to read the configuration once more.

SIGHUP is of two kinds: to a daemon it says that the configuration is to be read; to what runs in
a terminal, that the terminal is gone.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue

from prismd.errors import ConfigError, PrismdError

log = logging.getLogger(__name__)


class Signals:
    """Heeds SIGINT, SIGTERM and SIGHUP from the moment on at which it is made.

    That is to be the first moment of all: each of them would end a process that has no handler,
    in the middle of whatever it is at. Until ``serve`` is called they are only remembered. To be
    made in the main thread. A terminal that has been closed ends what was started in it, unless
    that was started to outlive it (``nohup``); nor does Ctrl-C end what a script runs beside it.
    """

    def __init__(self) -> None:
        self._stop: Callable[[], None] | None = None
        self._ending = False
        self._wanted: SimpleQueue[None] = SimpleQueue()
        outlives = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        self._in_terminal = _has_terminal() and not outlives
        signal.signal(signal.SIGTERM, self._end)
        if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
            signal.signal(signal.SIGINT, self._end)
        signal.signal(signal.SIGHUP, self._hung_up)

    @property
    def ending(self) -> bool:
        """Whether it was asked to end; to be looked at between the steps of a start."""
        return self._ending

    def serve(self, reload: Callable[[], object], stop: Callable[[], None]) -> None:
        """Do from now on what is asked, and what has been asked until now.

        Args:
            reload: Reads the configuration once more; called in a thread of its own.
            stop: Ends the daemon; called in the middle of anything, and maybe more than once.
        """
        self._stop = stop
        if self._ending:
            stop()
        # However many come while it reads, it reads once more for all of them.
        threading.Thread(
            target=_reload_whenever, args=(reload, self._wanted), name="prismd-reload", daemon=True
        ).start()

    def _end(self, *_: object) -> None:
        self._ending = True
        if self._stop is not None:
            self._stop()

    def _hung_up(self, *_: object) -> None:
        if self._in_terminal and not _has_terminal():
            self._end()
        else:
            # Not here: what is interrupted may hold what reloading needs. No event, whose lock an
            # interrupted handler may hold: only this queue is made for that.
            self._wanted.put(None)


def _reload_whenever(reload: Callable[[], object], wanted: SimpleQueue[None]) -> None:
    while True:
        wanted.get()
        with contextlib.suppress(Empty):
            while True:
                wanted.get_nowait()
        _reload(reload)


def _reload(reload: Callable[[], object]) -> None:
    try:
        reload()
    except ConfigError:
        pass  # it was logged, and stands in the status
    except PrismdError as error:
        log.error("the configuration could not be taken: %s", error)
    except Exception:
        log.exception("the configuration could not be taken; please report this")


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
