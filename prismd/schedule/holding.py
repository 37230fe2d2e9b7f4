"""What holds indexing back: the pause that a person asked for, and the schedule.

The pause is kept in the index, and so outlives a restart, until it is ended or its time is up.
What the schedule holds is never kept: it follows from how the computer stands now.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Literal

import msgspec

from prismd.encryption.discretion import own
from prismd.errors import PrismdError
from prismd.progress.progress import Progress
from prismd.schedule.schedule import Conditions, Reason, Rule, Schedule, judge
from prismd.store import facts
from prismd.store.database import Database

log = logging.getLogger(__name__)

_PAUSED = "paused"
_FOR_GOOD = "yes"
_PART = "pausing"
_LOST = {True: ("the pause", "forget it"), False: ("the end of the pause", "pause it again")}
_TICK_S = 3.0


class Hold(msgspec.Struct, frozen=True):
    """Why nothing is begun.

    Attributes:
        why: Fit to show; empty where the person who paused it needs no reason.
        until: Unix time at which it ends by itself; None where nobody knows.
    """

    by: Literal["you", "schedule"]
    why: str = ""
    until: float | None = None


class _Pause(msgspec.Struct, frozen=True):
    """A pause for some time; both are kept, because the clock may be set meanwhile."""

    until: float
    for_s: float


class Holds:
    """Stops and starts the loops. Every method may be called from any thread.

    Args:
        database: Open for writing.
        running: Clear while nothing is to be begun.
        progress: Told whether it is paused.
        now: Unix time.
    """

    def __init__(
        self,
        database: Database,
        running: threading.Event,
        progress: Progress,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._running = running
        self._progress = progress
        self._now = now
        self._lock = threading.RLock()
        self._noting = threading.Lock()
        self._paused = False
        self._until: _Pause | None = None
        self._ends_s = 0.0
        self._noted: str | None = None
        self._unnoted = False
        self._reasons: tuple[Reason, ...] = ()
        self._overridden: frozenset[Rule] = frozenset()
        self._passes: dict[str, float] = {}
        self._ended = False
        self._apply()

    def recall(self) -> None:
        """Take up the pause that was in force when prismd last ended."""
        noted = self._noted = self._database.read(lambda c: facts.get(c, _PAUSED)) or ""
        if not noted:
            return
        if noted == _FOR_GOOD:
            self._pause(None)
            return
        kept = msgspec.json.decode(noted, type=_Pause)
        # Never longer than was asked for, should the clock have been set back.
        left_s = min(kept.until - self._now(), kept.for_s)
        if left_s > 0:
            self._pause(_Pause(self._now() + left_s, kept.for_s), left_s)

    def pause(self, for_s: float | None = None) -> str:
        """Begin nothing more, after a restart neither.

        Args:
            for_s: It ends by itself after so long; None is until ``resume``.

        Returns:
            Why a restart would forget it, fit to show; empty where it would not. It is paused
            all the same, and what could not be written down is tried again.
        """
        self._pause(_Pause(self._now() + for_s, for_s) if for_s is not None else None, for_s or 0.0)
        return self._note()

    def _pause(self, until: _Pause | None, left_s: float = 0.0) -> None:
        with self._lock:
            self._paused, self._until = True, until
            self._ends_s = time.monotonic() + left_s
            self._apply()

    def resume(self, *, override: bool = False) -> str:
        """End the pause.

        Args:
            override: Go on against the schedule, too, until a rule that holds now is kept again.

        Returns:
            Why a restart would find it paused, fit to show; empty where it would not. See
            ``pause``.
        """
        with self._lock:
            self._paused = False
            if override:
                self._overridden |= {reason.rule for reason in self._reasons}
            self._apply()
        return self._note()

    def keep_pass(self, name: str, for_s: float) -> None:
        """Go against the schedule for a pass that a person asked for; a pause stands.

        To be said again and again while it goes on: whoever makes it may be killed, and then
        nobody says that it is over.

        Args:
            name: Tells it from others.
            for_s: It is over after so long, unless this is said anew; 0 is at once.
        """
        with self._lock:
            self._passes[name] = time.monotonic() + for_s
            self._end_passes()
            self._apply()

    def _end_passes(self) -> None:
        now_s = time.monotonic()
        self._passes = {name: end_s for name, end_s in self._passes.items() if end_s > now_s}

    def _note(self) -> str:
        """Write down whether a person has paused it; returns why that could not be done."""
        with self._noting:  # whoever is last writes what is true by then
            with self._lock:
                paused, until, self._unnoted = self._paused, self._until, True
            record = (msgspec.json.encode(until).decode() if until else _FOR_GOOD) if paused else ""
            if record != self._noted:
                try:
                    self._database.write(lambda c: facts.put(c, _PAUSED, record))
                except PrismdError as error:
                    what, then = _LOST[paused]
                    why = f"{what} could not be written down, so a restart would {then} ({error})"
                    self._progress.trouble(_PART, why)
                    return why
            self._noted, self._unnoted = record, False
        self._progress.trouble(_PART)
        return ""

    def look(self, reasons: tuple[Reason, ...]) -> None:
        """Go by the reasons that the schedule has now, and end a pause whose time is up."""
        over = False
        with self._lock:
            before, self._reasons = self._holders(), reasons
            # What was overridden is so only for as long as it lasts.
            self._overridden &= {reason.rule for reason in reasons}
            self._end_passes()
            if self._paused and self._until is not None:
                over = self._now() >= self._until.until or time.monotonic() >= self._ends_s
                self._paused = not over
            self._apply()
            now, held = self._holders(), self.standing()
        if over or self._unnoted:
            self._note()
        if now != before:
            what = f"indexing is paused: {held.why or 'asked for'}" if held else "going on"
            log.info("%s", own(what))

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """What the schedule has against going on, overridden or not."""
        with self._lock:
            return self._reasons

    def overridden(self) -> tuple[str, ...]:
        """What the schedule has against it, and a person has overridden; fit to show."""
        with self._lock:
            others = self._reasons if self._passes else ()
            return tuple(
                r.why if r.rule in self._overridden else f"{r.why} (until 'prismd index' ends)"
                for r in self._reasons
                if r.rule in self._overridden or r in others
            )

    def standing(self) -> Hold | None:
        """Why nothing is begun now; None while all goes on."""
        with self._lock:
            if self._paused:
                return Hold("you", until=self._until.until if self._until else None)
            holding = self._holding()
            if not holding:
                return None
            known = [reason.until for reason in holding if reason.until is not None]
            until = max(known) if len(known) == len(holding) else None
            return Hold("schedule", "; ".join(reason.why for reason in holding), until)

    def _holding(self) -> list[Reason]:
        if self._passes:
            return []
        return [reason for reason in self._reasons if reason.rule not in self._overridden]

    def _holders(self) -> tuple[bool, list[Rule]]:
        """Who holds: a person, and rules; without figures, which change from look to look."""
        return self._paused, [reason.rule for reason in self._holding()]

    def end(self) -> None:
        """Let the loops go for good, so that they can end."""
        with self._lock:
            self._ended = True
            self._running.set()

    def _apply(self) -> None:
        held = self.standing() is not None
        self._progress.paused = held
        if held and not self._ended:
            self._running.clear()
        else:
            self._running.set()


class Scheduling:
    """Looks every few seconds whether the schedule lets indexing go on, in a thread of its own.

    Args:
        holds: Told what it says.
        schedule: The rules.
        conditions: How the computer stands, as far as the rules ask for it.
    """

    def __init__(
        self, holds: Holds, schedule: Schedule, conditions: Callable[[Schedule], Conditions]
    ) -> None:
        self._schedule = schedule
        self._holds = holds
        self._conditions = conditions
        self._stopping = False
        self._failed = False
        self._wanted = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="prismd-schedule", daemon=True)

    def follow(self, schedule: Schedule) -> None:
        """Go by these rules from now on."""
        self._schedule = schedule
        self._wanted.set()

    def look(self) -> None:
        """Look once."""
        schedule = self._schedule
        self._holds.look(judge(schedule, self._conditions(schedule), self._holds.reasons))

    def start(self) -> None:
        """Look at once, and again and again from then on."""
        self._look_safely()
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopping = True
        self._wanted.set()
        self._thread.join()

    def _loop(self) -> None:
        while True:
            self._wanted.wait(_TICK_S)
            self._wanted.clear()
            if self._stopping:
                return
            self._look_safely()

    def _look_safely(self) -> None:
        try:
            self.look()
            self._failed = False
        except Exception:
            if not self._failed:
                log.exception("the schedule could not be looked at; please report this")
            self._failed = True
            # What cannot be judged must hold nothing up: neither by the look before, nor a pause
            # whose time is up.
            self._holds.look(())
