"""SIGHUP: to a daemon, read the configuration; to what runs in a terminal, the terminal is gone."""

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


def on_hangup(reload: Callable[[], object], stop: Callable[[], None]) -> None:
    """Handle SIGHUP from now on.

    Args:
        reload: Reads the configuration once more; called in a thread of its own.
        stop: Ends prismd; called where the terminal that it was started in has been closed,
            unless it was started to outlive that (``nohup``).
    """
    wanted: SimpleQueue[None] = SimpleQueue()
    outlives = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    in_terminal = _has_terminal() and not outlives

    def hung_up(*_: object) -> None:
        if in_terminal and not _has_terminal():
            stop()
        else:
            # Not here: what is interrupted may hold what reloading needs. No event, whose lock an
            # interrupted handler may hold: only this queue is made for that.
            wanted.put(None)

    # However many come while it reads, it reads once more for all of them.
    threading.Thread(
        target=_reload_whenever, args=(reload, wanted), name="prismd-reload", daemon=True
    ).start()
    signal.signal(signal.SIGHUP, hung_up)


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
