"""Whether the daemon is alive: pings the service manager's watchdog only while it is.

Alive is what does its work, however slowly: the event loop comes round, the thread that writes
ends what it has in hand or is busy with it, and no thread of indexing has died. What hangs gets no
ping, so that the service manager starts prismd anew.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from prismd.api.services import Api
from prismd.api.status import Status, mark_of, status_of
from prismd.daemon.supervisor import Supervisor
from prismd.errors import PrismdError
from prismd.store.database import Database
from prismd.timing import duration
from prismd.wording import counted

log = logging.getLogger(__name__)

_LOOKS = 8
"""So often it is looked within the time that the watchdog gives."""
_LONGEST_WRITE_S = 3_600.0
"""A write that keeps its thread busy for longer will not end."""
_STATUS_S = 3.0


class Vitals:
    """Asks the parts for a sign of life, again and again.

    Args:
        database: Open for writing, and with nothing to write that takes long yet.
        indexing: Whether the threads of indexing run.
    """

    def __init__(self, database: Database, indexing: Callable[[], bool]) -> None:
        self._database = database
        self._indexing = indexing
        self._came_round = threading.Event()
        self._clock = database.submit(lambda _: _clock_of_this_thread()).result()
        self._busy_s = 0.0
        self._written_s = time.monotonic()
        self._writing: Future[None] | None = None

    def ask(self, loop: asyncio.AbstractEventLoop) -> None:
        """Ask every part for a sign; ``alive`` says whether all have come.

        Args:
            loop: The event loop.
        """
        self._came_round.clear()
        loop.call_soon_threadsafe(self._came_round.set)
        if self._writing is None or self._writing.done():
            self._writing = self._database.submit(lambda _: None)
        self._busy_s = self._computed_s()

    def alive(self) -> bool:
        """Whether there was a sign of every part since ``ask``."""
        return self._came_round.is_set() and self._writes() and self._indexing()

    def _writes(self) -> bool:
        now_s = time.monotonic()
        if self._writing is None or self._writing.done():
            self._written_s = now_s
            return True
        # What it has in hand may take minutes, of a large index: then it is busy.
        is_busy = self._computed_s() > self._busy_s
        return is_busy and now_s - self._written_s < _LONGEST_WRITE_S

    def _computed_s(self) -> float:
        return 0.0 if self._clock is None else time.clock_gettime(self._clock)


def _clock_of_this_thread() -> int | None:
    """The clock that tells how much this thread has computed, where the system has such."""
    if sys.platform == "darwin":
        return None
    return time.pthread_getcpuclockid(threading.get_ident())


class Reporting:
    """Tells the service manager how the daemon stands, in threads of its own.

    Args:
        supervisor: Is told; where nobody listens, there is no thread.
        vitals: What the watchdog's pings hang on.
        api: What the status is put together from.
    """

    def __init__(self, supervisor: Supervisor, vitals: Vitals, api: Api) -> None:
        self._supervisor = supervisor
        self._vitals = vitals
        self._api = api
        self._encrypted = api.services.database.encrypted
        self._stopping = threading.Event()
        # Apart, because a status is read from a disk, which may be slow.
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Say that it serves, and begin; to be called in the event loop, which is watched."""
        self._supervisor.ready(f"serving on {self._api.settings.base_url}")
        loop = asyncio.get_running_loop()
        if self._supervisor.listens:
            self._begin("prismd-status", self._tell)
        if self._supervisor.watchdog_s:
            self._begin("prismd-watchdog", partial(self._ping, loop))

    def _begin(self, name: str, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def stop(self) -> None:
        """End; the index may be closed after it."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _ping(self, loop: asyncio.AbstractEventLoop) -> None:
        half_s = self._supervisor.watchdog_s / 2
        self._supervisor.ping()
        pinged_s = time.monotonic()
        warned = False
        self._vitals.ask(loop)
        while not self._stopping.wait(self._supervisor.watchdog_s / _LOOKS):
            silent_s = time.monotonic() - pinged_s
            if silent_s < half_s:
                continue
            if not self._vitals.alive():
                if not warned:
                    log.warning("no sign of life for %.0f s; the watchdog is not told", silent_s)
                warned = True
                continue
            self._supervisor.ping()
            pinged_s, warned = time.monotonic(), False
            self._vitals.ask(loop)

    def _tell(self) -> None:
        seen: object = None
        while True:
            try:
                mark = mark_of(self._api)
                if mark != seen:
                    told = in_one_line(status_of(self._api), discreetly=self._encrypted)
                    self._supervisor.status(told)
                    seen = mark
            except PrismdError as error:
                log.debug("the service manager was not told the status: %s", error)
            if self._stopping.wait(_STATUS_S):
                return


def in_one_line(status: Status, *, discreetly: bool = False) -> str:
    """How it stands, in one line. Pure.

    Args:
        status: As ``/status`` has it.
        discreetly: Leave out what may name a file or folder: of an encrypted index nothing of it
            is to be kept by the service manager.
    """
    files = status.files
    if status.state == "idle":
        told = f"idle: {counted(files.total, 'file')}"
    else:
        done = files.total - status.left
        told = f"{status.state}: {done} of {counted(files.total, 'file')}"
    if status.passages_embedded < status.passages:
        told += f", {status.passages_embedded} of {status.passages} passages embedded"
    if failed := files.failed + files.quarantined:
        told += f", {failed} failed"
    if status.eta_s:
        told += f"; {duration(status.eta_s)} left"
    if not status.fault:
        return told
    return f"{told}; {'something is wrong: ask prismd status' if discreetly else status.fault}"
