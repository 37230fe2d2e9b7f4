"""Files that cannot be read through no fault of theirs wait without being in anybody's way."""

from __future__ import annotations

import apsw
import pytest

from prismd.store import files, jobs, obstacles
from prismd.store.check import check
from prismd.store.database import Database
from prismd.store.files import Root
from prismd.store.jobs import Job
from tests.building import entry

WHY = "the disk of /r/stick is not there"


@pytest.fixture
def root(database: Database) -> Root:
    return database.write(lambda c: files.add_root(c, "/r", "config"))


def queue(database: Database, root: Root, *names: str) -> None:
    database.write(lambda c: files.add(c, root.id, [entry(f"/r/{name}", "x") for name in names]))


def lease(database: Database, *, slow: bool = False) -> Job | None:
    return database.write(lambda c: jobs.lease(c, "us", slow=slow))


def taken(database: Database, *, slow: bool = False) -> Job:
    job = lease(database, slow=slow)
    assert job is not None
    return job


def put_behind(database: Database, *, slow: bool = False, why: str = WHY) -> Job:
    """Have the next file wait."""
    job = taken(database, slow=slow)
    database.write(lambda c: obstacles.put_behind(c, job.file_id, "disk", why))
    return job


def look_soon(database: Database) -> None:
    database.write(obstacles.look_soon)


def waiting(database: Database) -> list[tuple[str, str, int]]:
    return [(w.kind, w.why, w.files) for w in database.read(obstacles.waiting)]


def test_what_waits_is_neither_handed_out_nor_counted(database: Database, root: Root) -> None:
    queue(database, root, "a")
    job = put_behind(database)
    assert lease(database) is None
    assert database.read(jobs.next_due_s) is None
    assert database.read(jobs.outstanding) == (0, 0)
    assert database.read(jobs.outstanding_by_root) == []
    assert waiting(database) == [("disk", WHY, 1)]
    assert database.read(files.counts) == {"pending": 1}
    assert not database.read(lambda c: jobs.still_leased(c, job.file_id, "us"))
    assert check(database, repair=False) == []


def test_all_files_of_a_disk_wait_once_one_was_missed(database: Database, root: Root) -> None:
    queue(database, root, *(f"stick/{n}" for n in range(9)), "stick2", "b")
    database.write(lambda c: c.execute("UPDATE files SET device = 7 WHERE path LIKE '%stick%'"))
    elsewhere = entry("/r/stick/left behind", "x")  # a file of the mount point itself
    database.write(lambda c: files.add(c, root.id, [elsewhere]))
    while not (job := taken(database)).path.startswith("/r/stick/") or "left" in job.path:
        continue
    in_hand = job.file_id
    others = "UPDATE jobs SET leased_by = NULL WHERE file_id != ?"
    database.write(lambda c: c.execute(others, (in_hand,)))
    database.write(lambda c: obstacles.put_disk_behind(c, in_hand, b"/r/stick", WHY))
    assert waiting(database) == [("disk", WHY, 9)]
    left = {taken(database).path for _ in range(3)}
    assert lease(database) is None
    assert left == {"/r/stick2", "/r/b", "/r/stick/left behind"}


def test_files_of_a_disk_in_other_folders_wait_for_their_folders_part_in_it(
    database: Database, root: Root
) -> None:
    other = database.write(lambda c: files.add_root(c, "/r2", "config"))
    queue(database, root, "a", "b")
    database.write(lambda c: files.add(c, other.id, [entry("/r2/c", "x")]))
    why = "the disk of / does not answer"
    put_behind(database)  # what was known of it before counts no more
    job = taken(database)
    database.write(lambda c: obstacles.put_disk_behind(c, job.file_id, b"/", why))
    assert sorted(waiting(database)) == [("disk", why, 1), ("disk", why, 2)]
    database.write(lambda c: files.remove_root(c, root.id))
    assert waiting(database) == [("disk", why, 1)]
    database.write(lambda c: obstacles.overcome_disk(c, WHY))
    assert waiting(database) == [("disk", why, 1)]
    look_soon(database)
    tried = taken(database).obstacle_id
    assert tried is not None
    database.write(lambda c: obstacles.overcome(c, tried))
    assert waiting(database) == []


def test_one_file_is_tried_for_all_and_another_each_time(database: Database, root: Root) -> None:
    queue(database, root, "a", "b", "c")
    for _ in range(3):
        put_behind(database)
    tried = []
    for _ in range(6):
        assert lease(database) is None  # not before its time
        look_soon(database)
        job = taken(database)
        assert job.obstacle_id is not None
        assert lease(database) is None  # one is enough
        tried.append(job.path)
        database.write(lambda c, j=job: obstacles.put_behind(c, j.file_id, "disk", WHY))  # type: ignore[misc]
    assert set(tried[:3]) == {"/r/a", "/r/b", "/r/c"}
    assert tried[3:] == tried[:3]


def test_while_one_is_tried_no_other_is_in_either_lane(database: Database, root: Root) -> None:
    """A refusal may take minutes, and then it would have all readers."""
    queue(database, root, "a", "b", "c.mp3")
    put_behind(database)
    put_behind(database)
    put_behind(database, slow=True)
    look_soon(database)
    job = taken(database)
    look_soon(database)
    assert lease(database) is None
    assert lease(database, slow=True) is None
    database.write(lambda c: obstacles.put_behind(c, job.file_id, "disk", WHY))
    assert lease(database) is None, "time is counted from the refusal on"
    look_soon(database)
    assert lease(database) is not None


def test_once_one_could_be_read_all_can_be(database: Database, root: Root) -> None:
    queue(database, root, "a", "b", "c")
    for _ in range(3):
        put_behind(database)
    look_soon(database)
    job = taken(database)
    obstacle_id = job.obstacle_id
    assert obstacle_id is not None
    database.write(lambda c: obstacles.overcome(c, obstacle_id))
    assert database.read(jobs.next_due_s) == 0
    assert waiting(database) == []
    assert {taken(database).path, taken(database).path, job.path} == {"/r/a", "/r/b", "/r/c"}


def test_a_recording_is_tried_in_its_own_lane(database: Database, root: Root) -> None:
    queue(database, root, "a.mp3")
    put_behind(database, slow=True)
    look_soon(database)
    assert lease(database) is None
    assert taken(database, slow=True).path == "/r/a.mp3"


def test_nothing_is_tried_in_a_folder_that_is_offline(database: Database, root: Root) -> None:
    queue(database, root, "a", "b")
    put_behind(database)
    database.write(lambda c: files.set_root_state(c, root.id, "offline"))
    look_soon(database)
    assert lease(database) is None
    assert waiting(database) == [("folder", "/r is not there", 1), ("disk", WHY, 1)]


@pytest.mark.parametrize("end", ["start", "change", "move", "retry"])
def test_what_is_known_to_be_there_waits_no_longer(
    database: Database, root: Root, end: str
) -> None:
    queue(database, root, "a")
    file_id = put_behind(database).file_id

    def work(connection: apsw.Connection) -> None:
        if end == "start":
            jobs.recover(connection)
        elif end == "change":
            files.change(connection, [(file_id, entry("/r/a", "other"))])
        elif end == "move":
            files.move(connection, root.id, [(file_id, entry("/r/b", "x"))])
        else:
            jobs.retry(connection, ("pending",))

    database.write(work)
    assert waiting(database) == []
    job = lease(database)
    assert job is not None
    assert job.obstacle_id is None


def test_a_clock_that_was_set_keeps_nothing_waiting(database: Database, root: Root) -> None:
    queue(database, root, "a")
    put_behind(database)
    database.write(lambda c: c.execute("UPDATE obstacles SET look_at = look_at + 1e9"))
    database.write(jobs.hurry)
    assert taken(database).path == "/r/a"


def test_obstacles_go_with_their_folder(database: Database, root: Root) -> None:
    queue(database, root, "a")
    put_behind(database)
    database.write(lambda c: files.remove_root(c, root.id))
    assert waiting(database) == []
    assert database.read(lambda c: c.execute("SELECT count(*) FROM obstacles").get) == 0


def test_those_of_a_file_that_has_gone_are_in_nobodys_way(database: Database, root: Root) -> None:
    queue(database, root, "a", "b")
    gone = put_behind(database)
    database.write(lambda c: files.remove(c, [gone.file_id]))
    put_behind(database, why="the disk of /r/other is not there")
    look_soon(database)
    assert taken(database).file_id != gone.file_id


def test_those_that_nothing_waits_for_are_forgotten(database: Database, root: Root) -> None:
    queue(database, root, "a")
    gone = put_behind(database)
    look_soon(database)
    assert database.read(lambda c: obstacles.stand_in(c, root.id))
    database.write(lambda c: files.remove(c, [gone.file_id]))
    look_soon(database)
    assert not database.read(lambda c: obstacles.stand_in(c, root.id))
