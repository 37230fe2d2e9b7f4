"""One look through a root, for who has no time to watch it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future

from prismd.store.database import Database
from prismd.store.files import Root
from prismd.watch.mounts import Mounts
from prismd.watch.rules import Rules
from prismd.watch.seen import Sweep
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

    def work() -> None:
        try:
            sweeper.pulse.beat()
            swept.set_result(sweeper.sweep())
        except BaseException as error:
            swept.set_exception(error)

    # In a thread of its own: it may be stuck in the disk for ever.
    thread = threading.Thread(target=work, name="prismd-sweep", daemon=True)
    thread.start()
    try:
        while thread.is_alive() and sweeper.pulse.silent_s() <= silent_s:
            thread.join(_LOOK_S)
    finally:
        sweeper.abandon()
        thread.join(_LOOK_S)
    if swept.done():
        return swept.result()
    sweeper.set_offline()
    return Sweep(root, offline=True, silent=True)
