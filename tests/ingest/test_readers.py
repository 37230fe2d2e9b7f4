"""Threads that wait for a disk are left behind, and others do what they cannot do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from prismd.disk.asking import asking
from prismd.ingest.readers import Lane, Reader, Readers
from prismd.progress.progress import Progress
from prismd.progress.trouble import READERS
from prismd.store import files, jobs, obstacles
from prismd.store.database import Database
from prismd.store.jobs import Job
from tests.building import entry, wait_until
from tests.silence import Silence, refuse_to_list

SILENT_S = 0.1


class Crew:
    """Readers whose loops ask a silent disk for what they are given."""

    def __init__(self, database: Database, *, most: int = 16) -> None:
        self.silence = Silence()
        self.woken = threading.Event()
        self.progress = Progress()
        self.readers = Readers(
            database,
            self.progress,
            self.woken.set,
            silent_s=SILENT_S,
            most=most,
            patience_s=0.2,
        )
        self.stopping = threading.Event()
        self.to_ask: list[str] = []
        self.began = 0

    def loop(self, reader: Reader) -> None:
        self.began += 1
        while not self.stopping.wait(0.01):
            if self.to_ask:
                self.silence.ask(self.to_ask.pop())

    def start(self, lanes: int = 1) -> None:
        self.readers.start(Lane(f"lane-{number}", self.loop) for number in range(lanes))


@pytest.fixture(autouse=True)
def disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One that does not answer as a whole."""
    refuse_to_list(monkeypatch, str(tmp_path))


@pytest.fixture
def crew(database: Database) -> Iterator[Crew]:
    made = Crew(database)
    yield made
    made.stopping.set()
    made.readers.stop()
    made.silence.over.set()


def test_only_what_is_unanswered_at_two_looks_is_silence(tmp_path: Path) -> None:
    reader = Reader(Lane("lane", lambda reader: None))
    assert reader.asking() is None
    reader.asker.ask(bytes(tmp_path))
    assert reader.asking() is None  # the process may have stood still until now
    assert reader.asking() is reader.asker.question
    reader.asker.ask(bytes(tmp_path))
    assert reader.asking() is None
    reader.asker.answered(refused=False)
    assert reader.asking() is None


def test_another_thread_takes_the_place_of_one_that_is_stuck(crew: Crew, tmp_path: Path) -> None:
    crew.start(lanes=2)
    crew.to_ask.append(str(tmp_path))
    wait_until(lambda: crew.began == 3)
    assert crew.readers.shuns(str(tmp_path / "another"))
    assert not crew.readers.shuns("/proc/self/stat")
    crew.silence.over.set()
    wait_until(crew.woken.is_set)
    assert not crew.readers.shuns(str(tmp_path / "another"))


class Clock:
    """Time that passes when a test says so; sees when it is asked how old a question is."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.looked_at = threading.Event()

    def monotonic(self) -> float:
        if threading.current_thread().name == "prismd-readers":
            self.looked_at.set()
        return self.now_s


def test_who_asks_often_is_not_silent(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr("prismd.disk.asking.time", clock)
    monkeypatch.setattr("prismd.ingest.readers._LOOK_S", 0.01)
    enough = threading.Event()
    began: list[Reader] = []

    def loop(reader: Reader) -> None:
        began.append(reader)
        for _ in range(5):
            with asking(bytes(tmp_path)):
                clock.now_s += 60.0  # two of them together take longer than is waited for one
                for _ in range(2):  # at the second look, what follows from the first is done
                    clock.looked_at.clear()
                    clock.looked_at.wait()
        enough.set()

    readers = Readers(database, Progress(), lambda: None, silent_s=100.0)
    readers.start([Lane("lane", loop)])
    wait_until(enough.is_set)
    readers.stop()
    assert len(began) == 1


def test_one_answer_is_enough_for_a_disk(crew: Crew, tmp_path: Path) -> None:
    other = Silence()
    crew.start(lanes=2)
    crew.to_ask += [str(tmp_path)]
    wait_until(lambda: crew.began == 3)
    crew.silence, first = other, crew.silence
    crew.to_ask += [str(tmp_path)]
    wait_until(lambda: crew.began == 4)
    first.over.set()
    wait_until(crew.woken.is_set)
    assert not crew.readers.shuns(str(tmp_path / "another"))
    other.over.set()


def test_a_disk_that_refuses_at_last_is_tried_when_it_is_time(crew: Crew, tmp_path: Path) -> None:
    crew.start()
    crew.to_ask.append(str(tmp_path))
    wait_until(lambda: crew.began == 2)
    crew.silence.error = OSError(110, "Connection timed out")
    crew.silence.over.set()
    wait_until(lambda: not crew.readers.shuns(str(tmp_path)))
    assert not crew.woken.is_set()


def test_no_more_are_replaced_than_are_allowed_and_that_is_told(
    database: Database, tmp_path: Path
) -> None:
    crew = Crew(database, most=1)
    crew.start()
    crew.to_ask += [str(tmp_path)] * 2
    wait_until(lambda: crew.progress.fault_of(READERS) != "")
    assert crew.began == 2
    fault = crew.progress.fault_of(READERS)
    assert fault.startswith("what reads files waits for disks (the disk of ")
    crew.silence.over.set()
    wait_until(lambda: crew.began == 3)
    wait_until(lambda: crew.progress.fault == "")
    crew.stopping.set()
    crew.readers.stop()


def test_the_end_does_not_wait_for_a_disk(database: Database, crew: Crew, tmp_path: Path) -> None:
    crew.readers = Readers(database, crew.progress, crew.woken.set, silent_s=1e6, patience_s=0.1)
    crew.start(lanes=2)
    crew.to_ask.append(str(tmp_path))
    wait_until(lambda: crew.silence.asked != [])
    crew.stopping.set()
    crew.readers.stop()
    assert not crew.silence.over.is_set()


@pytest.mark.parametrize("fails", [False, True])
def test_the_files_of_the_disk_wait_behind_an_obstacle(
    database: Database, tmp_path: Path, fails: bool
) -> None:
    root = database.write(lambda c: files.add_root(c, "/", "config"))
    names = [str(tmp_path / name) for name in ("a", "b", "c")]
    database.write(lambda c: files.add(c, root.id, [entry(name, "x") for name in names]))
    crew = Crew(database)
    leases: list[Job] = []

    def loop(reader: Reader) -> None:
        if (job := database.write(lambda c: jobs.lease(c, f"us {len(leases)}"))) is None:
            return
        leases.append(job)
        reader.job = job
        if fails and len(leases) == 1:
            database.write(lambda c: c.execute("ALTER TABLE obstacles RENAME TO away"))
        crew.progress.began(job.owner, job.shown_path, job.size_bytes)
        if not crew.readers.put_off(job):
            crew.silence.ask(job.path)
        crew.progress.ended(job.owner)  # where one is left behind, this is not come to

    crew.readers.start([Lane("lane", loop)])
    if fails:
        part = "disks that do not answer"
        wait_until(lambda: crew.progress.fault_of(part) != "")
        database.write(lambda c: c.execute("ALTER TABLE away RENAME TO obstacles"))
    wait_until(lambda: leases != [] and database.read(jobs.in_hand) == 0)
    (waiting,) = database.read(obstacles.waiting)
    assert waiting.kind == "disk"
    assert waiting.why.endswith(" does not answer")
    assert waiting.files == 3
    assert crew.silence.asked == [leases[0].path]
    crew.silence.over.set()
    wait_until(lambda: database.read(obstacles.waiting) == [])
    crew.readers.stop()
    assert crew.progress.snapshot().current == ()


def test_a_closed_index_is_no_fault_of_a_thread_that_comes_back(
    database: Database, crew: Crew, tmp_path: Path
) -> None:
    crew.start()
    crew.to_ask.append(str(tmp_path))
    wait_until(lambda: crew.began == 2)
    crew.stopping.set()
    crew.readers.stop()
    database.close()
    crew.silence.over.set()
    wait_until(crew.woken.is_set)


def test_they_live_while_disks_are_silent_and_not_without_a_thread(
    database: Database, crew: Crew, tmp_path: Path
) -> None:
    assert not crew.readers.alive()
    crew.to_ask.append(str(tmp_path))
    crew.start()
    wait_until(lambda: crew.began == 2)  # one was left behind
    wait_until(crew.readers.alive)
    crew.stopping.set()  # of the loop alone, as if it had ended by a fault
    wait_until(lambda: not crew.readers.alive())
