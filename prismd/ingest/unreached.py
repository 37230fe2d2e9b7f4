"""What becomes of a file that the system does not give out: it has gone, waits, or is to blame."""

from __future__ import annotations

import os
from functools import partial

import apsw

from prismd.disk.looking import bare_mount_point, disk_of, is_file, is_there
from prismd.ingest.unread import is_of_the_disk, is_of_the_room, is_of_the_system, no_room, refusal
from prismd.paths.real_path import gives_out
from prismd.store import files, folders, jobs, obstacles
from prismd.store.database import Database
from prismd.store.files import Root
from prismd.store.jobs import Job
from prismd.store.uploads import is_upload


def answers(point: bytes) -> bool:
    """Whether a disk as such can be read; asked of what is mounted there, not of any file."""
    try:
        return gives_out(os.fsdecode(point)) is not None
    except OSError as error:
        return not is_of_the_disk(error)


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
        # Else it is another file that is missing.
        if missing and (is_upload(job.path) or not is_file(job.path)):
            self._end_missing(job)
            return True
        if is_of_the_disk(error) and not is_upload(job.path):
            point = disk_of(os.fsencode(job.path)).point
            if not answers(point):  # it may take minutes to refuse each of its files
                why = f"the disk of {_shown(point)} gives nothing out ({error.strerror})"
                self._put_disk_behind(job, point, why)
                return True
        if is_of_the_disk(error) or is_of_the_system(error):
            self._put_behind(job, "system", refusal(error))
            return True
        if is_of_the_room(error):
            self.wait_for_room(job, no_room(error))
            return True
        return False

    def wait_for_room(self, job: Job, why: str) -> None:
        """Have a file wait until there is room for what is put aside while it is read.

        Args:
            job: The file's.
            why: The same for every file that it concerns; fit to show.
        """
        self._put_behind(job, "room", why)

    def _end_missing(self, job: Job) -> None:
        """Forget a file that is not there, unless its whole disk is gone."""
        for root in self._database.read(files.roots):
            if not job.path.startswith(root.path.rstrip("/") + "/"):
                continue
            if not is_there(root):
                self._set_offline(job, root)
                return
            if (point := self._unplugged(job, root)) is not None:
                self._put_disk_behind(job, point, f"the disk of {_shown(point)} is not there")
                return

        def forget(connection: apsw.Connection) -> None:
            # A sweep may have found by now that it was only moved.
            if jobs.still_leased(connection, job.file_id, job.owner):
                jobs.forget(connection, job.file_id)

        self._database.write(forget)

    def _set_offline(self, job: Job, root: Root) -> None:
        self._database.write(partial(files.set_root_state, root_id=root.id, state="offline"))
        self._database.write(lambda c: jobs.give_back(c, job.file_id, owner=job.owner))

    def _unplugged(self, job: Job, root: Root) -> bytes | None:
        """The mount point of the disk within its root that a file is on, if that is away."""
        path = os.fsencode(job.path)
        known = self._database.read(lambda c: folders.at(c, path))
        if known is None or root.device in (0, known.device):
            return None
        return bare_mount_point(path, root.device)

    def _put_disk_behind(self, job: Job, point: bytes, why: str) -> None:
        def put(connection: apsw.Connection) -> None:
            if jobs.still_leased(connection, job.file_id, job.owner):
                obstacles.put_disk_behind(connection, job.file_id, point, why)

        self._database.write(put)

    def _put_behind(self, job: Job, kind: obstacles.Kind, why: str) -> None:
        def put(connection: apsw.Connection) -> None:
            if jobs.still_leased(connection, job.file_id, job.owner):
                obstacles.put_behind(connection, job.file_id, kind, why)

        self._database.write(put)


def _shown(path: bytes) -> str:
    return path.decode("utf-8", "replace")
