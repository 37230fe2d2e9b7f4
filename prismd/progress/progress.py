"""What indexing is doing now, counted; read by the status, the progress bar and the events."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Iterator

import msgspec

from prismd.cores import usable_cores
from prismd.domain import FileState
from prismd.progress.costs import Costs
from prismd.progress.feed import Feed, FileEvent
from prismd.progress.forecast import Backlog, Forecast, Outlook
from prismd.progress.trouble import Fault, Troubles

_RATE_WINDOW_S = 30.0


class Current(msgspec.Struct, frozen=True):
    """A file in hand.

    Attributes:
        done: Pages, seconds or other steps of the stage that are done, of ``total``.
        eta_s: Until it is read; None while that is not known.
    """

    path: str
    stage: str
    done: int
    total: int
    eta_s: float | None = None


class Snapshot(msgspec.Struct, frozen=True):
    """The counts since the start, at one moment.

    Attributes:
        recognised: Of the files, those whose content was known, so that none was read.
        current: The files in hand.
        leases: By which they are in hand, in the same order.
        sweeps: How often a folder was looked through.
        changes: Files that were found new, changed, moved or gone by that.
    """

    files: dict[str, int]
    recognised: int
    bytes: int
    passages: int
    embeddings: int
    current: tuple[Current, ...]
    leases: tuple[str, ...]
    files_per_s: float
    bytes_per_s: float
    embeddings_per_s: float
    sweeps: int = 0
    changes: int = 0


class Progress:
    """Counts what is done, and tells what happened. Every method may be called from any thread.

    Attributes:
        feed: Gets an event for every file that came to a state.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: dict[str, int] = {}
        self._recognised = 0
        self._bytes = 0
        self._passages = 0
        self._embeddings = 0
        self._sweeps = self._changes = 0
        self._current: dict[str, Current] = {}
        self._given: dict[str, int] = {}
        self._history: deque[tuple[float, int, int, int]] = deque()
        self._paused = False
        self._troubles = Troubles()
        self._version = 0
        self._forecast = Forecast(usable_cores(), time.monotonic())
        self.feed = Feed()

    @property
    def version(self) -> int:
        """Another number after every change."""
        return self._version

    @property
    def paused(self) -> bool:
        """Whether no work is started."""
        return self._paused

    @paused.setter
    def paused(self, paused: bool) -> None:
        with self._lock:
            if paused == self._paused:
                return
            self._version += 1
            self._paused = paused
            self._forecast.pause(time.monotonic(), paused=paused)

    @property
    def fault(self) -> str:
        """What keeps something from going on, fit to show; empty while all is well."""
        return self._troubles.of()

    def fault_of(self, *parts: str) -> str:
        """What keeps the first of these parts that is in trouble from going on; else empty."""
        return self._troubles.of(*parts)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What keeps parts from going on, each by its name."""
        return self._troubles.all()

    def trouble(self, part: str, fault: str | Exception = "") -> None:
        """Say what keeps a part (reading, embedding) from going on; without a fault, nothing.

        However often the same is said, it is logged once; see ``Troubles``.
        """
        changed = self._troubles.gone(part) if fault == "" else self._troubles.met(part, fault)
        if changed:
            with self._lock:
                self._version += 1

    def await_turn(self, running: threading.Event, part: str) -> None:
        """Wait as long as all is paused; what is not tried is in no trouble, either."""
        if not running.is_set():
            self.trouble(part)
            running.wait()

    @contextlib.contextmanager
    def attempt(self, part: str) -> Iterator[None]:
        """Try something that may fail without anything else being kept from going on."""
        try:
            yield
        except Exception as error:
            self.trouble(part, error)
        else:
            self.trouble(part)

    def began(self, lease: str, path: str, size_bytes: int) -> None:
        """A file was taken in hand."""
        with self._lock:
            self._version += 1
            self._current[lease] = Current(path, "reading", 0, size_bytes)
            self._forecast.began(lease, path, size_bytes, time.monotonic())

    def at(self, lease: str, stage: str, done: int = 0, total: int = 0) -> None:
        """A file in hand reached a stage."""
        with self._lock:
            self._version += 1
            current = self._current[lease]
            self._current[lease] = Current(current.path, stage, done, total or current.total)
            self._forecast.step(lease, stage, done, total, time.monotonic())

    def ended(self, lease: str) -> None:
        """A file is no more in hand."""
        with self._lock:
            self._version += 1
            self._current.pop(lease, None)
            self._forecast.ended(lease, time.monotonic(), self._given.pop(lease, None))

    def done(
        self,
        state: FileState,
        size_bytes: int,
        *,
        passages: int = 0,
        recognised: bool = False,
        lease: str = "",
        file_id: int = 0,
        error: str = "",
    ) -> None:
        """A file came to a state.

        Args:
            state: Which.
            size_bytes: Its size.
            passages: How many it gave.
            recognised: Whether its content was known.
            lease: By which it was in hand.
            file_id: Its id.
            error: Code of the reason, where it came to no document.
        """
        with self._lock:
            self._version += 1
            self._files[state] = self._files.get(state, 0) + 1
            self._recognised += recognised
            self._bytes += size_bytes
            self._passages += passages
            self._remember()
            current = self._current.get(lease)
            if current is not None:
                self._given[lease] = passages
                self.feed.tell(FileEvent(file_id, current.path, state, error))

    @contextlib.contextmanager
    def embedding(self, passages: int) -> Iterator[None]:
        """Vectors of passages are made as long as the context lasts, and then count as made."""
        with self._lock:
            self._forecast.embedding(time.monotonic())
        made = 0
        try:
            yield
            made = passages
        finally:
            with self._lock:
                self._forecast.embedded(made, time.monotonic())
                self._count_embedded(made)

    def embedded(self, count: int) -> None:
        """Other vectors were computed than those of passages, of pictures, say."""
        with self._lock:
            self._count_embedded(count)

    def _count_embedded(self, count: int) -> None:
        self._version += 1
        self._embeddings += count
        self._remember()

    @property
    def costs(self) -> Costs:
        """What files cost, as far as that was learned; to be read while nothing goes on."""
        return self._forecast.costs

    def outlook(self, backlog: Backlog) -> Outlook:
        """How long what is left will take."""
        with self._lock:
            return self._forecast.outlook(backlog, time.monotonic())

    def swept(self, changes: int) -> None:
        """A folder was looked through, and so many files were found to be otherwise."""
        with self._lock:
            self._sweeps += 1
            self._changes += changes

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
                recognised=self._recognised,
                bytes=self._bytes,
                passages=self._passages,
                embeddings=self._embeddings,
                current=tuple(self._current.values()),
                leases=tuple(self._current),
                files_per_s=rates[0],
                bytes_per_s=rates[1],
                embeddings_per_s=rates[2],
                sweeps=self._sweeps,
                changes=self._changes,
            )
