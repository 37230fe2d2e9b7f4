"""What a sweep stands between: the disk of its root, and what the index has of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import apsw

from prismd.store import files
from prismd.store.database import Database
from prismd.store.files import Root
from prismd.watch.pulse import Pulse
from prismd.watch.seen import Abandoned

T = TypeVar("T")


class Errand:
    """Asks the disk and the index about one root, until it is called off.

    However long the index takes, the disk is not silent meanwhile: it is asked nothing. And
    however long the disk takes, nothing is written where the root has been removed meanwhile.

    Args:
        database: Open for writing.
        root: The folder.
        pulse: Tells whether its disk answers.
    """

    def __init__(self, database: Database, root: Root, pulse: Pulse) -> None:
        self._database = database
        self.root = root
        self.pulse = pulse
        self._off = False

    def call_off(self) -> None:
        """Have nothing more be asked nor written; for any thread."""
        self._off = True

    def heard(self) -> None:
        """The disk has answered, and is asked once more.

        Raises:
            Abandoned: It was called off.
        """
        if self._off:
            raise Abandoned
        self.pulse.beat()

    def read(self, work: Callable[[apsw.Connection], T]) -> T:
        """Read the index.

        Raises:
            StoreError: It cannot be read.
        """
        with self.pulse.resting():
            return self._database.read(work)

    def write(self, work: Callable[[apsw.Connection], T]) -> T:
        """Write to the index, in one transaction.

        Raises:
            StoreError: It cannot be written.
            Abandoned: It was called off, or the root was removed: its number may be another's by
                now. Nothing was written.
        """

        def ours(connection: apsw.Connection) -> T:
            if self._off or not files.is_root(connection, self.root):
                raise Abandoned
            return work(connection)

        with self.pulse.resting():
            return self._database.write(ours)

    def set_offline(self) -> None:
        """Have the root taken for one that is not there, if it is still one; for any thread."""

        def offline(connection: apsw.Connection) -> None:
            if files.is_root(connection, self.root):
                files.set_root_state(connection, self.root.id, "offline")

        self._database.write(offline)  # the thread that asks the disk may wait for it meanwhile
