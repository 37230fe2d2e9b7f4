"""What happened, in order, for those who listen; kept only while somebody does."""

from __future__ import annotations

import threading

import msgspec

from prismd.domain import FileState


class FileEvent(msgspec.Struct, frozen=True, tag_field="type", tag="file"):
    """A file came to a state, and is out of hand.

    Attributes:
        error: Code of the reason, where it came to no document.
    """

    id: int
    path: str
    state: FileState
    error: str = ""


class SweepEvent(msgspec.Struct, frozen=True, tag_field="type", tag="sweep"):
    """A folder, or a part of it, was held against the index.

    Attributes:
        root: The watched folder.
        offline: Whether it was not there.
    """

    root: str
    added: int
    changed: int
    moved: int
    removed: int
    offline: bool = False


class CitedEvent(msgspec.Struct, frozen=True, tag_field="type", tag="cited"):
    """The last answers may have cited other files than was known before."""


Event = FileEvent | SweepEvent | CitedEvent


class Feed:
    """Collects events between two looks of the one who listens. Any thread may tell."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: list[Event] | None = None

    def open(self) -> None:
        """Begin to collect."""
        with self._lock:
            if self._events is None:
                self._events = []

    def close(self) -> None:
        """Collect no more, and forget what was collected."""
        with self._lock:
            self._events = None

    def tell(self, event: Event) -> None:
        """Something happened, and the index has it already."""
        with self._lock:
            if self._events is not None:
                self._events.append(event)

    def take(self) -> list[Event]:
        """What was told since the last call, in order."""
        with self._lock:
            if not self._events:
                return []
            taken, self._events = self._events, []
            return taken
