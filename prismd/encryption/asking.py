"""Asks what may not answer: a keyring does when its user does, and that may be never.

The question is put in a thread that the end of this process does not wait for, so that whoever
asks stays able to end, and can say what it waits for.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

from prismd.encryption.discretion import own

T = TypeVar("T")
log = logging.getLogger(__name__)

BOUND_S = 120.0
"""For so long somebody may look for a password, and type it."""
_WORD_S = 3.0
"""From then on it is told what is waited for."""
AWAITED = "waiting for the keyring, which may be asking for its password"


class Unanswered(Exception):
    """There was no answer in time."""


def begun(work: Callable[[], T]) -> Future[T]:
    """Begin something in a thread that the end of this process does not wait for."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="prismd-key", daemon=True).start()
    return future


def answer(ask: Callable[[], T], bound_s: float | None) -> T:
    """What a keyring answers; whatever it raises is raised. Ctrl-C ends the waiting.

    Args:
        ask: Asks it.
        bound_s: How long to wait, and to say so after a while; None is for whoever asks in a thread
            to spare, and says itself what is waited for.

    Raises:
        Unanswered: It took longer.
    """
    if bound_s is None:
        return ask()
    asked = begun(ask)
    if not wait((asked,), timeout=min(_WORD_S, bound_s)).done:
        log.warning("%s", own(AWAITED))
        if not wait((asked,), timeout=max(bound_s - _WORD_S, 0.0)).done:
            raise Unanswered(f"no answer within {bound_s:.0f} s; it may be asking for its password")
    return asked.result()
