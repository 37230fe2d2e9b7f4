"""One look through a root, for who has no time to watch it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future

from prismd.store.database import Database
from prismd.store.files import Root
from prismd.watch.mounts import Mounts
from prismd.watch.rules import Rules
from prismd.watch.seen import Abandoned, Sweep
from prismd.watch.sweep import Sweeper

SILENT_S = 30.0
_LOOK_S = 0.1


def sweep(
    database: Database,
    root: Root,
    rules: Rules,
    *,
    silent_s: float = SILENT_S,
    mounts: Callable[[], Mounts] = Mounts,
) -> Sweep:
    """Bring the rows of a root to what is on disk, once; see ``Sweeper.sweep``.

    Args:
        database: Open for writing.
        root: The folder.
        rules: What of it is looked at.
        silent_s: When its disk has not answered for so long, it is left as the index has it.
        mounts: The mount points as they are now; none unless given.

    Raises:
        StoreError: Nothing can be written.
    """
    sweeper, swept = Sweeper(database, root, rules, mounts), Future[Sweep]()
    thread = _swept_beside(sweeper, swept)
    try:
        while thread.is_alive() and sweeper.pulse.silent_s() <= silent_s:
            thread.join(_LOOK_S)
    finally:
        sweeper.abandon()
        thread.join(_LOOK_S)
    if swept.done():
        # It may have answered in just this moment, and the sweep was given up.
        with contextlib.suppress(Abandoned):
            return swept.result()
    sweeper.set_offline()
    return Sweep(root, offline=True, silent=True)


def _swept_beside(sweeper: Sweeper, swept: Future[Sweep]) -> threading.Thread:
    """Sweep in a thread of its own: it may be stuck in the disk for ever."""

    def work() -> None:
        try:
            sweeper.pulse.beat()
            swept.set_result(sweeper.sweep())
        except BaseException as error:
            swept.set_exception(error)

    thread = threading.Thread(target=work, name="prismd-sweep", daemon=True)
    thread.start()
    return thread
