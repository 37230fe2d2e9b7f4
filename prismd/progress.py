"""What indexing is doing now, counted; read by the status, the progress bar and the events."""

from __future__ import annotations

import threading
import time
from collections import deque

import msgspec

from prismd.domain import FileState

_RATE_WINDOW_S = 30.0


class Current(msgspec.Struct, frozen=True):
    """A file in hand."""

    path: str
    stage: str
    done: int
    total: int


class Snapshot(msgspec.Struct, frozen=True):
    """The counts since the start, at one moment."""

    files: dict[str, int]
    bytes: int
    passages: int
    embeddings: int
    current: tuple[Current, ...]
    files_per_s: float
    bytes_per_s: float
    embeddings_per_s: float


class Progress:
    """Counts what is done. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: dict[str, int] = {}
        self._bytes = 0
        self._passages = 0
        self._embeddings = 0
        self._current: dict[str, Current] = {}
        self._history: deque[tuple[float, int, int, int]] = deque()
        self.paused = False
        self._faults: dict[str, str] = {}

    @property
    def fault(self) -> str:
        """What keeps something from going on, fit to show; empty while all is well."""
        with self._lock:
            return next((fault for fault in self._faults.values() if fault), "")

    def fault_of(self, *parts: str) -> str:
        """What keeps the first of these parts that is in trouble from going on; else empty."""
        with self._lock:
            return next((fault for part in parts if (fault := self._faults.get(part))), "")

    def trouble(self, part: str, fault: str = "") -> None:
        """Say what keeps a part (reading, embedding) from going on; without a fault, nothing."""
        with self._lock:
            self._faults[part] = fault

    def began(self, lease: str, path: str, size_bytes: int) -> None:
        """A file was taken in hand."""
        with self._lock:
            self._current[lease] = Current(path, "reading", 0, size_bytes)

    def at(self, lease: str, stage: str, done: int = 0, total: int = 0) -> None:
        """A file in hand reached a stage."""
        with self._lock:
            current = self._current[lease]
            self._current[lease] = Current(current.path, stage, done, total or current.total)

    def ended(self, lease: str) -> None:
        """A file is no more in hand."""
        with self._lock:
            self._current.pop(lease, None)

    def done(self, state: FileState, size_bytes: int, *, passages: int = 0) -> None:
        """A file came to a state."""
        with self._lock:
            self._files[state] = self._files.get(state, 0) + 1
            self._bytes += size_bytes
            self._passages += passages
            self._remember()

    def embedded(self, count: int) -> None:
        """Vectors were computed."""
        with self._lock:
            self._embeddings += count
            self._remember()

    def _remember(self) -> None:
        now = time.monotonic()
        self._history.append((now, sum(self._files.values()), self._bytes, self._embeddings))
        while now - self._history[0][0] > _RATE_WINDOW_S:
            self._history.popleft()

    def snapshot(self) -> Snapshot:
        """Everything, at one moment; the rates are of the last half minute."""
        with self._lock:
            now = time.monotonic()
            recent = [entry for entry in self._history if now - entry[0] <= _RATE_WINDOW_S]
            rates = (0.0, 0.0, 0.0)
            if recent:
                first = recent[0]
                span_s = max(now - first[0], 1.0)
                rates = (
                    (sum(self._files.values()) - first[1]) / span_s,
                    (self._bytes - first[2]) / span_s,
                    (self._embeddings - first[3]) / span_s,
                )
            return Snapshot(
                files=dict(self._files),
                bytes=self._bytes,
                passages=self._passages,
                embeddings=self._embeddings,
                current=tuple(self._current.values()),
                files_per_s=rates[0],
                bytes_per_s=rates[1],
                embeddings_per_s=rates[2],
            )
