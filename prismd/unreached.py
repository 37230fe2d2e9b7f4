"""What becomes of a file that the system does not give out: it has gone, waits, or is to blame."""

from __future__ import annotations

import os
from functools import partial

import apsw

from prismd.disk import bare_mount_point, is_file, is_there
from prismd.store import files, folders, jobs, obstacles
from prismd.store.database import Database
from prismd.store.files import Root
from prismd.store.jobs import Job
from prismd.unread import is_of_the_machine, refusal


class Unreached:
    """Ends the jobs of files that cannot be reached.

    Args:
        database: Open for writing.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def end(self, job: Job, error: OSError) -> bool:
        """Give back or forget a file, unless the refusal is of its own making.

        Args:
            job: The file's.
            error: What the system said.

        Returns:
            Whether it was; if not, nothing was done.
        """
        missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        if missing and not is_file(job.path):  # else it is another file that is missing
            self._end_missing(job)
            return True
        if is_of_the_machine(error):
            self._put_behind(job, refusal(error))
            return True
        return False

    def _end_missing(self, job: Job) -> None:
        """Forget a file that is not there, unless its whole disk is gone."""
        for root in self._database.read(files.roots):
            if not job.path.startswith(root.path.rstrip("/") + "/"):
                continue
            if not is_there(root):
                self._set_offline(job, root)
                return
            if self._put_disk_behind(job, root):
                return

        def forget(connection: apsw.Connection) -> None:
            # A sweep may have found by now that it was only moved.
            if jobs.still_leased(connection, job.file_id, job.owner):
                jobs.forget(connection, job.file_id)

        self._database.write(forget)

    def _set_offline(self, job: Job, root: Root) -> None:
        self._database.write(partial(files.set_root_state, root_id=root.id, state="offline"))
        self._database.write(lambda c: jobs.give_back(c, job.file_id, owner=job.owner))

    def _put_disk_behind(self, job: Job, root: Root) -> bool:
        """Have a file wait that is on a disk within its root that is away; whether it is."""
        path = os.fsencode(job.path)
        known = self._database.read(lambda c: folders.at(c, path))
        if known is None or root.device in (0, known.device):
            return False
        point = bare_mount_point(path, root.device)
        if point is None:
            return False
        why = f"the disk of {point.decode('utf-8', 'replace')} is not there"

        def put(connection: apsw.Connection) -> None:
            if jobs.still_leased(connection, job.file_id, job.owner):
                obstacles.put_disk_behind(connection, job.file_id, point, known.device, why)

        self._database.write(put)
        return True

    def _put_behind(self, job: Job, why: str) -> None:
        def put(connection: apsw.Connection) -> None:
            if jobs.still_leased(connection, job.file_id, job.owner):
                obstacles.put_behind(connection, job.file_id, "system", why)

        self._database.write(put)
