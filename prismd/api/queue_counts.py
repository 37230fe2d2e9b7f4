"""The queue by folder and kind of file, counted no more often than it is worth."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from prismd.store import jobs
from prismd.store.database import Database
from prismd.store.jobs import Outstanding

_REST = 20
"""It is counted anew after this many times as long as counting took: at most 5 % of a core."""


class QueueCounts:
    """Counts what is queued or in hand. Any thread may ask.

    Args:
        database: Where the queue is.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._groups: Sequence[Outstanding] = ()
        self._until_s = 0.0

    def groups(self) -> Sequence[Outstanding]:
        """As ``jobs.outstanding_by_root`` has it, now or, of a long queue, a moment ago."""
        with self._lock:
            began_s = time.monotonic()
            if began_s >= self._until_s:
                self._groups = self._database.read(jobs.outstanding_by_root)
                ended_s = time.monotonic()
                self._until_s = ended_s + _REST * (ended_s - began_s)
            return self._groups
