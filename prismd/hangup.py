"""SIGHUP: to a daemon, read the configuration; to what runs in a terminal, the terminal is gone."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable

from prismd.errors import ConfigError, PrismdError
from prismd.reloading import Reloading

log = logging.getLogger(__name__)


def on_hangup(reloading: Reloading, stop: Callable[[], None]) -> None:
    """Handle SIGHUP from now on.

    Args:
        reloading: Reads the configuration once more.
        stop: Ends prismd; called where the terminal that it was started in has been closed,
            unless it was started to outlive that (``nohup``).
    """
    wanted = threading.Event()
    outlives = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    in_terminal = _has_terminal() and not outlives

    def hung_up(*_: object) -> None:
        if in_terminal and not _has_terminal():
            stop()
        else:
            # Not here: what is interrupted may hold what reloading needs.
            wanted.set()

    # However many come while it reads, it reads once more for all of them.
    threading.Thread(
        target=_reload_whenever, args=(reloading, wanted), name="prismd-reload", daemon=True
    ).start()
    signal.signal(signal.SIGHUP, hung_up)


def _reload_whenever(reloading: Reloading, wanted: threading.Event) -> None:
    while wanted.wait():
        wanted.clear()
        _reload(reloading)


def _reload(reloading: Reloading) -> None:
    try:
        reloading.reload()
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
