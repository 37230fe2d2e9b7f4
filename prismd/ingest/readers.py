"""The threads that read files. One that a disk leaves without an answer is left behind.

What such a disk is asked may never be answered, and nothing ends a thread that waits for it. So
another takes its place, the files of the disk wait behind an obstacle, and nobody asks the disk
for any of them: that one thread finds out when it answers again. Where the disk gives out other
files, the one that does not come waits alone.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

import apsw

from prismd.disk.asking import Asker, GivenUp, Question, asks_as
from prismd.disk.looking import Disk, disk_of
from prismd.encryption.discretion import Told
from prismd.errors import PrismdError
from prismd.ingest.unreached import answers
from prismd.progress.progress import Progress
from prismd.progress.trouble import READERS
from prismd.store import jobs, obstacles
from prismd.store.database import Database
from prismd.store.jobs import Job
from prismd.store.uploads import is_upload

log = logging.getLogger(__name__)

SILENT_S = 30.0
_LOOK_S = 2.0
_MOST_DOUBLED = 5
_MOST_KNOWN = 1_000
_MOST_TOLD = 5
_LOOKS = 3
"""A disk is looked after so often at least within the time that it has for an answer."""
_JOIN_S = 0.1
_IN_PASSING_S = 1.0
"""What was asked so long ago is not about to be answered."""


class Lane(NamedTuple):
    """What a thread does, for as long as prismd runs."""

    name: str
    loop: Callable[[Reader], None]


class Reader:
    """One of the threads.

    Attributes:
        job: The file that it has in hand.
    """

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.asker = Asker()
        self.job: Job | None = None
        self.thread = threading.Thread()
        self._looked_at: Question | None = None

    def asking(self) -> Question | None:
        """What it asks a disk; None unless it did so at the last look, too.

        While the whole process stands still, nobody hears an answer.
        """
        question, before = self.asker.question, self._looked_at
        self._looked_at = question
        return question if question is before else None


class _Stuck:
    """A thread that was left behind, and the disk that it waits for.

    Attributes:
        path: What it asks for.
        stands: Whether there is no sign yet that the disk answers.
        is_noted: Whether its file waits in the index.
    """

    def __init__(self, disk: Disk, path: bytes, *, stands: bool) -> None:
        self.disk = disk
        self.path = path
        self.stands = stands
        self.is_noted = False


class Readers:
    """Keeps as many threads reading as there are to be.

    Args:
        database: Open for writing.
        progress: Told of what is no more in hand, and when too many have been left behind.
        wake: Called when files can be read that waited for a disk.
        silent_s: A disk that has not answered for so long is one that does not answer.
        most: So many threads are replaced at most; those that get stuck beyond that are missing.
        patience_s: For so long ``stop`` waits for disks that do not answer.
    """

    def __init__(
        self,
        database: Database,
        progress: Progress,
        wake: Callable[[], None],
        *,
        silent_s: float = SILENT_S,
        most: int = 16,
        patience_s: float = 10.0,
    ) -> None:
        self._database = database
        self._progress = progress
        self._wake = wake
        self._silent_s = silent_s
        self._most = most
        self._patience_s = patience_s
        self._lock = threading.Lock()
        self._lanes: tuple[Lane, ...] = ()
        self._at_work: dict[int, Reader] = {}
        self._given_up: Counter[bytes] = Counter()
        self._stuck: dict[Reader, _Stuck] = {}
        self._stopping = threading.Event()
        self._looking = threading.Thread(target=self._look_on, name="prismd-readers", daemon=True)

    def start(self, lanes: Iterable[Lane]) -> None:
        """Begin, one thread for each lane."""
        self._lanes = tuple(lanes)
        self._fill()
        self._looking.start()

    def shuns(self, path: str) -> bool:
        """Whether a file is not to be asked for: somebody waits for it, or its disk, already."""
        return self._obstacle_at(path) is not None

    def put_off(self, job: Job) -> bool:
        """Have a file in hand wait that is not to be asked for; whether it is one.

        Raises:
            StoreError: That could not be written.
        """
        if (stuck := self._obstacle_at(job.path)) is None:
            return False
        self._put_behind(job, stuck)
        return True

    def alive(self) -> bool:
        """Whether the threads run, but for those that were left behind."""
        readers = tuple(self._at_work.values())
        return self._looking.is_alive() and all(reader.thread.is_alive() for reader in readers)

    def stop(self) -> None:
        """Wait until all threads have ended, but for those to which a disk owes an answer.

        They must have been told to end.
        """
        self._stopping.set()
        if self._looking.is_alive():
            self._looking.join()
        end_s = time.monotonic() + self._patience_s
        for number, reader in tuple(self._at_work.items()):
            self._await(number, reader, end_s)
        with contextlib.suppress(PrismdError):  # the next start takes back what is in hand
            self._note_stuck()

    def _await(self, number: int, reader: Reader, end_s: float) -> None:
        while reader.thread.is_alive():
            reader.thread.join(_JOIN_S)
            question = reader.asker.question
            if question is None or time.monotonic() < end_s:
                continue
            if question.age_s() > _IN_PASSING_S and self._leave(number, reader, question):
                return

    # Leaving behind

    def _look_on(self) -> None:
        while not self._stopping.wait(min(_LOOK_S, self._silent_s / _LOOKS)):
            with self._progress.attempt("disks that do not answer"):
                self._look()

    def _look(self) -> None:
        for number, reader in tuple(self._at_work.items()):
            question = reader.asking()
            if question is not None and question.age_s() > self._patience_for(question.path):
                self._leave(number, reader, question)
        self._note_stuck()
        self._fill()

    def _patience_for(self, path: bytes) -> float:
        """For how long an answer is waited for: longer each time, for some files are slow."""
        return self._silent_s * (1 << min(self._given_up[path], _MOST_DOUBLED))

    def _leave(self, number: int, reader: Reader, question: Question) -> bool:
        """Leave a thread behind, unless it has had its answer; whether it was."""
        disk = disk_of(question.path)
        # One file may be slow, or never come, on a disk that gives out all others.
        stands = self._stopping.is_set() or not answers(disk.point)
        with self._lock:
            if not reader.asker.give_up(question):
                return False
            del self._at_work[number]
            is_news = disk not in self._silent()
            stuck = self._stuck[reader] = _Stuck(disk, question.path, stands=stands)
            if len(self._given_up) >= _MOST_KNOWN:
                self._given_up.clear()
            self._given_up[question.path] += 1
        if is_news:
            told = Told(_why(stuck), "a disk, or a file, does not answer")
            log.warning("%s; others are read meanwhile", told)
        if reader.job is not None:
            self._progress.ended(reader.job.owner)
        return True

    def _note_stuck(self) -> None:
        """Have the files wait that stuck threads have in hand."""
        with self._lock:
            left = tuple(self._stuck.items())
        for reader, stuck in left:
            if not stuck.is_noted and reader.job is not None:
                self._put_behind(reader.job, stuck)
            stuck.is_noted = True

    def _fill(self) -> None:
        missing = False
        for number, lane in enumerate(self._lanes):
            if number in self._at_work:
                continue
            if len(self._stuck) > self._most:
                missing = True
                continue
            self._at_work[number] = reader = Reader(lane)
            reader.thread = threading.Thread(
                target=self._run, args=(reader,), name=f"prismd-{lane.name}", daemon=True
            )
            reader.thread.start()
        if not missing:
            self._progress.trouble(READERS)
        elif not self._stopping.is_set():
            self._tell_missing()

    def _tell_missing(self) -> None:
        with self._lock:
            causes = sorted({_why(stuck) for stuck in self._stuck.values()})
        more = f"; and {len(causes) - _MOST_TOLD} more" if len(causes) > _MOST_TOLD else ""
        self._progress.trouble(
            READERS,
            f"what reads files waits for disks ({'; '.join(causes[:_MOST_TOLD])}{more});"
            " unmount them or bring them back, then restart prismd",
        )

    # Finding that a disk answers

    def _run(self, reader: Reader) -> None:
        with asks_as(reader.asker):
            try:
                reader.lane.loop(reader)
            except GivenUp:
                self._come_back(reader)

    def _come_back(self, reader: Reader) -> None:
        """A disk has answered, however late: all that waits for it is tried again."""
        with self._lock:
            stuck = self._stuck.pop(reader)
            was_silent = stuck.disk in self._silent() or stuck.stands
            for other in self._stuck.values():
                other.stands = other.stands and other.disk != stuck.disk
        if reader.asker.refused:
            return  # it may take as long to refuse the next file: one is tried, when it is time
        if was_silent:
            log.info("the disk of %s answers again", _shown(stuck.disk))
        with contextlib.suppress(PrismdError):  # one is tried for all, now and then
            self._database.write(lambda c: obstacles.overcome_disk(c, _why(stuck)))
        self._wake()

    def _silent(self) -> set[Disk]:
        return {stuck.disk for stuck in self._stuck.values() if stuck.stands}

    def _obstacle_at(self, path: str) -> _Stuck | None:
        """Who waits for a file, or for its disk; nobody for an upload, which is on none."""
        with self._lock:
            stuck = tuple(self._stuck.values())
        if not stuck or is_upload(path):
            return None
        raw = os.fsencode(path)
        disk = disk_of(raw)
        silent = (each for each in stuck if each.stands and each.disk == disk)
        return next(silent, None) or next((each for each in stuck if each.path == raw), None)

    def _put_behind(self, job: Job, stuck: _Stuck) -> None:
        def put(connection: apsw.Connection) -> None:
            if not jobs.still_leased(connection, job.file_id, job.owner):
                return
            if stuck.stands:
                point = stuck.disk.point
                obstacles.put_disk_behind(connection, job.file_id, point, _why(stuck))
            else:
                obstacles.put_behind(connection, job.file_id, "disk", _why(stuck))

        self._database.write(put)


def _shown(disk: Disk) -> str:
    return disk.point.decode("utf-8", "replace")


def _why(stuck: _Stuck) -> str:
    """What the files of a disk wait for, or one of them; fit to show."""
    if stuck.stands:
        return f"the disk of {_shown(stuck.disk)} does not answer"
    return f"{stuck.path.decode('utf-8', 'replace')} does not come, though its disk answers"
