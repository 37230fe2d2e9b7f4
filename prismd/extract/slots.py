"""How many native programs run at once, counted over all worker processes.

The count lives in the kernel: a slot is a lock on one of so many files in a folder that the
workers share, so a worker that is killed gives its slots back.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

_POLL_S = 0.02


@contextmanager
def slot(folder: str, count: int = 0) -> Iterator[None]:
    """Hold one of the slots; waits for a free one.

    Args:
        folder: What the workers share; made when it is missing. Empty counts within this
            process only.
        count: How many there are; 0 means one per core. All who share a folder should agree.
    """
    count = count if count > 0 else os.cpu_count() or 1
    if not folder:
        with _own_slots(count):
            yield
        return
    held = _take(Path(folder), count)
    try:
        yield
    finally:
        os.close(held)


def _take(folder: Path, count: int) -> int:
    """Lock a free slot's file; gives its descriptor, which holds the lock while it is open."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    while True:
        for number in range(count):
            descriptor = os.open(folder / f"slot-{number}", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
            except BaseException:
                os.close(descriptor)
                raise
            else:
                return descriptor
        # The kernel waits for one lock only, never for the first of several.
        time.sleep(_POLL_S)


@cache
def _own_slots(count: int) -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(count)
