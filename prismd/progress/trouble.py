"""What keeps the parts of prismd from going on: to be shown, and logged once."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import msgspec

from prismd.encryption.discretion import Told, own
from prismd.errors import PrismdError

log = logging.getLogger(__name__)

CALM_S = 60.0
_MOST_TOLD = 20


READING = "reading"
READING_RECORDINGS = "reading recordings"
EMBEDDING = "embedding"
READERS = "threads that read"
NEEDED = (READING, READING_RECORDINGS, READERS, EMBEDDING)
"""The parts without which what is queued does not become searchable."""


class Fault(msgspec.Struct, frozen=True):
    """What keeps a part from going on; ``message`` is fit to show."""

    part: str
    message: str


class Troubles:
    """The faults of parts, each logged when it begins, when it changes, and when it is over.

    What fails is tried again every few seconds, for days if need be, so what was logged once is
    not logged again until it is over. That it is, once it has stayed away for a while: on a disk
    that is nearly full one write in two may succeed. Every method may be called from any thread.

    Args:
        calm_s: For how long a fault has to stay away.
        now_s: A clock that never goes back.
    """

    def __init__(self, calm_s: float = CALM_S, now_s: Callable[[], float] = time.monotonic) -> None:
        self._calm_s = calm_s
        self._now_s = now_s
        self._lock = threading.Lock()
        self._spells: dict[str, _Spell] = {}

    def met(self, part: str, fault: str | Exception, told: Told | None = None) -> bool:
        """Say what keeps a part from going on.

        Args:
            part: As it is to be named in the log, where its faults are told after it.
            fault: In words, or an error; one that is none of prismd's is logged with its trace.
            told: How the log is to name a part in whose name there is a path.

        Returns:
            Whether that is another fault than before.
        """
        words = _words(fault)
        with self._lock:
            spell = self._spells.setdefault(part, _Spell())
            if not spell.fault:
                spell.since_s = self._now_s()
            changed, spell.fault, spell.calm_since_s = spell.fault != words, words, None
            # One whose words are others at each try must not fill the log either.
            is_news = words not in spell.told and len(spell.told) < _MOST_TOLD
            if is_news:
                spell.told.add(words)
        if is_news:
            trace = None if isinstance(fault, str | PrismdError) else fault
            said = own(words) if trace is not None else fault
            log.error("%s: %s", told or own(part), said, exc_info=trace)
        return changed

    def gone(self, part: str, told: Told | None = None) -> bool:
        """Say that a part goes on, or has nothing to do; to be said again and again.

        Args:
            part: As ``met`` was told.
            told: As ``met`` was told.

        Returns:
            Whether a fault kept it from that until now.
        """
        with self._lock:
            spell = self._spells.get(part)
            if spell is None:
                return False
            changed, spell.fault = bool(spell.fault), ""
            now_s = self._now_s()
            if spell.calm_since_s is None:
                spell.calm_since_s = now_s
            over = now_s - spell.calm_since_s >= self._calm_s
            if over:
                del self._spells[part]
        if over:
            log.info("%s: all is well again", told or own(part))
        return changed

    def of(self, *parts: str) -> str:
        """The fault of the first of these parts that has one, or of any; empty without one."""
        with self._lock:
            spells = [self._spells.get(part) for part in parts or self._spells]
            return next((spell.fault for spell in spells if spell and spell.fault), "")

    def all(self) -> tuple[Fault, ...]:
        """The faults that there are now, in the order in which their parts got into trouble."""
        with self._lock:
            return tuple(
                Fault(part, spell.fault) for part, spell in self._spells.items() if spell.fault
            )

    def age_s(self, part: str) -> float:
        """For how long a fault, if not always the same, has kept a part from going on."""
        with self._lock:
            spell = self._spells.get(part)
            return self._now_s() - spell.since_s if spell is not None and spell.fault else 0.0


class _Spell:
    """A time of trouble of one part: what it is now, and what was logged of it."""

    def __init__(self) -> None:
        self.fault = ""
        self.since_s = 0.0
        self.told: set[str] = set()
        self.calm_since_s: float | None = None


def _words(fault: str | Exception) -> str:
    if isinstance(fault, str | PrismdError):
        return str(fault)
    # Its own words may be of a document.
    return f"internal error: {type(fault).__name__}; please report this, with prismd's log"
