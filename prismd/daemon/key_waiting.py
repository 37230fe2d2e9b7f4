"""Waits for the key of an encrypted index as long as it cannot be had, instead of giving up.

When a service starts, at a login or at boot, the keyring may be locked still, or the stick with the
key not plugged in. The keyring asks its user once, as for any program; after that it is only looked
whether it has been unlocked meanwhile, which asks nobody. Whoever starts it by hand waits for one
answer, and not for ever.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future, wait

from prismd.config.options import Config
from prismd.daemon.putting_off import put_off
from prismd.daemon.supervisor import Supervisor
from prismd.daemon.unlocking import key_place, key_wanted
from prismd.encryption import asking
from prismd.encryption.discretion import Told, own
from prismd.encryption.key_places import KeyAway, KeyPlace
from prismd.errors import PrismdError
from prismd.running import waiting
from prismd.store.database import take_lock

log = logging.getLogger(__name__)

_TICK_S = 0.25
_PATIENCE_S = 5.0
"""For so long it may take to get the key before that is called waiting."""
_LOOK_S = 2.0
_ASK_AGAIN_S = (60.0, 900.0)
"""From how long to how long after a question there is another one, of a keyring that cannot be
looked at; each time is twice the one before."""


def await_key(
    config: Config,
    supervisor: Supervisor,
    is_ending: Callable[[], bool],
    *,
    patient: bool,
    listener: socket.socket | None = None,
) -> KeyPlace | None:
    """Return once the key of the index is had, if it needs one, or once this process is to end.

    To be called when the data directory is there. Nobody else writes it meanwhile.

    Args:
        config: The settings.
        supervisor: Is told that it waits; a start that waits for a person counts as done.
        is_ending: Whether this process is to end.
        patient: Wait until the key can be had; otherwise for one answer, for a while.
        listener: Where requests come in already; they are put off as long as it waits.

    Returns:
        The place of the key, with the key that was got; None if none is needed, or it is to end.

    Raises:
        StoreLocked: Another prismd is using the data directory.
        KeyAway: Without patience: the key cannot be had now.
        ConfigError: What the settings say of the key is wrong, or what is in its place is none.
    """
    ask = key_wanted(config)
    if ask is None:
        return None
    try:
        lock = take_lock(config.data_dir)
        try:
            wait_for = _Wait(config, ask, supervisor, is_ending, listener)
            return wait_for.run() if patient else wait_for.run_once()
        finally:
            os.close(lock)
    except PrismdError as error:
        error.saying(str(error))  # it names the index and its key, and nothing of the files
        raise


class _Wait:
    """One wait; arguments as of ``await_key``, and what asks for the key.

    What may take long is done in threads, and what does not come back is left behind: a keyring
    answers when its user does, and a stick may be pulled out at any time.
    """

    def __init__(
        self,
        config: Config,
        ask: Callable[[], KeyPlace],
        supervisor: Supervisor,
        is_ending: Callable[[], bool],
        listener: socket.socket | None,
    ) -> None:
        self._data_dir = config.data_dir
        self._supervisor = supervisor
        self._is_ending = is_ending
        self._listener = listener
        self._place = key_place(config)
        self._asking = ask
        self._next_s, self._longest_s = _ASK_AGAIN_S

    def run(self) -> KeyPlace | None:
        """The place, with the key in it as soon as it can be had; None at the end before that."""
        self._ask_first()
        if (place := self._had()) is not None or self._is_ending():
            return place
        with waiting(self._data_dir) as tell, put_off(self._listener):
            return self._wait(tell)

    def run_once(self) -> KeyPlace | None:
        """As ``run``, and raises ``KeyAway`` where the key is not had by one question."""
        self._ask_first()
        if not self._asked.done() and not self._is_ending():
            with waiting(self._data_dir) as tell, put_off(self._listener):
                tell(self._why())
                log.warning("%s", own(f"{asking.AWAITED}; Ctrl-C ends prismd"))
                self._pass(asking.BOUND_S, (self._asked,))
        if self._asked.done():
            return self._asked.result()
        if self._is_ending():
            return None
        raise KeyAway(
            f"the key of the index: there was no answer within {asking.BOUND_S:.0f} s"
            f" ({self._why()}); unlock it, and start prismd again"
        )

    def _ask_first(self) -> None:
        with self._supervisor.starting("asking for the key of the index"):
            self._ask()

    def _wait(self, tell: Callable[[str], None]) -> KeyPlace | None:
        told = ""
        looking = asking.begun(self._place.may_answer)
        while (place := self._had()) is None and not self._is_ending():
            if (why := self._why()) != told:
                tell(why)
                log.warning(
                    "waiting for the key of the index: %s", Told(why, "'prismd status' says why")
                )
                if not told:
                    self._supervisor.ready(
                        f"waiting for the key of the index, from {self._place.kind};"
                        " 'prismd status' says why"
                    )
                told = why
            self._pass(_LOOK_S, () if self._asked.done() else (self._asked,))
            self._supervisor.ping()
            if looking.done():
                self._ask_again(looking.result())
                looking = asking.begun(self._place.may_answer)
        if place is not None:
            log.info("the key of the index is there, in %s", own(self._place.kind))
        return place

    def _ask(self) -> None:
        self._asked = asking.begun(self._asking)
        self._asked_s = time.monotonic()
        self._pass(_PATIENCE_S, (self._asked,))

    def _pass(self, seconds: float, awaited: Collection[Future[KeyPlace]]) -> None:
        """Let time pass; less, if there is something awaited and it comes."""
        end_s = time.monotonic() + seconds
        while (left_s := end_s - time.monotonic()) > 0 and not self._is_ending():
            if not awaited:
                time.sleep(min(_TICK_S, left_s))
            elif wait(awaited, timeout=min(_TICK_S, left_s)).done:
                return

    def _ask_again(self, may_answer: bool | None) -> None:
        since_s = time.monotonic() - self._asked_s
        if may_answer is None:
            if self._asked.done() and since_s >= self._next_s:
                self._next_s = min(2 * self._next_s, self._longest_s)
                self._ask()
        elif may_answer and (self._asked.done() or since_s >= _ASK_AGAIN_S[0]):
            self._ask()

    def _had(self) -> KeyPlace | None:
        """The place with the key, if it is there; raises what no waiting mends."""
        if not self._asked.done():
            return None
        try:
            return self._asked.result()
        except KeyAway:
            return None

    def _why(self) -> str:
        if self._asked.done():
            return str(self._asked.exception())
        return f"{self._place}: does not answer yet; a keyring may be asking for its password"
