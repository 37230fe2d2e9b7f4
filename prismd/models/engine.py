"""What the engines that run in a process of their own share: rest, surroundings, last words."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from prismd.child import Child, ChildDied, ChildError
from prismd.errors import ModelError
from prismd.models.entry import ModelEntry

_CRASHES = frozenset({"SIGILL", "SIGSEGV", "SIGBUS", "SIGFPE", "SIGABRT"})


class IdleUnload:
    """Gives an engine's memory back once nothing has been asked of it for long.

    Args:
        turn: Held by whoever works with the engine; what is at work is never unloaded.
        after_s: How long it must rest; None lets it rest for ever.
        unload: Called from a thread of its own, with the turn held.
    """

    def __init__(
        self, turn: threading.Lock, after_s: float | None, unload: Callable[[], None]
    ) -> None:
        self._turn = turn
        self._after_s = after_s
        self._unload = unload
        self._timer: threading.Timer | None = None

    def begin(self) -> None:
        """Work is done for now: from here the time counts. The turn must be held."""
        self.end()
        if self._after_s is None:
            return
        timer = threading.Timer(self._after_s, lambda: self._run_out(timer))
        timer.daemon = True
        self._timer = timer
        timer.start()

    def end(self) -> None:
        """Work begins, or the engine has gone: no time counts. The turn must be held."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _run_out(self, timer: threading.Timer) -> None:
        if not self._turn.acquire(blocking=False):
            return  # It is at work, after which the time counts anew.
        try:
            # Work may have come and gone between the timer's end and the turn.
            if self._timer is timer:
                self._timer = None
                self._unload()
        finally:
            self._turn.release()


class EngineProcess:
    """An engine in a process of its own, started when it is needed.

    Attributes:
        entry: The model.
        failure: Why the engine could not be started the last time; empty when it could.
        turn: Held by whoever works with the engine.

    Args:
        entry: The model.
        idle_unload_s: The process ends when it has had nothing to do for this long; None keeps it.
    """

    def __init__(self, entry: ModelEntry, idle_unload_s: float | None) -> None:
        self.entry = entry
        self.failure = ""
        self.turn = threading.Lock()
        self._child: Child | None = None
        self._idle = IdleUnload(self.turn, idle_unload_s, self._end_child)

    @property
    def name(self) -> str:
        """The model's name in the catalogue."""
        return self.entry.name

    @property
    def loaded(self) -> bool:
        """Whether the process runs."""
        child = self._child
        return child is not None and child.alive

    @property
    def pid(self) -> int | None:
        """The process id, while it runs."""
        child = self._child
        return child.pid if child is not None and child.alive else None

    def rest(self) -> None:
        """Work is done for now: from here the idle time counts. The turn must be held."""
        if self._child is not None:
            self._idle.begin()

    def kill(self) -> None:
        """End the process now, whatever it does. The turn must be held."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    def _end_child(self) -> None:
        """End the process; it is started anew when it is needed. The turn must be held."""
        self._idle.end()
        if self._child is not None:
            self._child.close()
            self._child = None


def sleeping_threads() -> dict[str, str]:
    """Variables by which an engine's threads wait for each other asleep, not spinning.

    While other work keeps the cores busy (ingestion does), spinning threads wait for one that
    does not get to run: measured with two threads on two busy cores, 1 token a second instead
    of 21 to 28.
    """
    return {"OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "passive")}


def crash_of(error: ChildError) -> str:
    """The signal by which native code killed itself, or empty when that is not what happened."""
    signal_name = error.signal_name if isinstance(error, ChildDied) else ""
    return signal_name if signal_name in _CRASHES else ""


def engine_lost(name: str, error: ChildError) -> ModelError:
    """What to tell of an engine's process that failed for no known reason, by its last words."""
    stderr = error.stderr.splitlines() if isinstance(error, ChildDied) else []
    said = f" ({stderr[-1].strip()})" if stderr else ""
    return ModelError(f"{name}: {error}{said}; try again, and see `prismd doctor`")
