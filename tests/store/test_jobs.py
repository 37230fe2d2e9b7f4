from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given, settings

from prismd.store import files, jobs, listing, migrate
from prismd.store.check import check
from prismd.store.database import Database
from prismd.store.jobs import Job
from tests.building import document, entry

LARGE = "x" * 6_000_000


def queue(database: Database, name: str, content: str = "x", mtime_s: float = 1.0) -> int:
    made = entry(f"/d/{name}", content, mtime_s=mtime_s)
    database.write(lambda c: files.add(c, None, [made]))
    return int(
        database.read(
            lambda c: c.execute("SELECT id FROM files WHERE path_raw=?", (made.path,)).get
        )
    )


def lease(database: Database, owner: str = "us") -> Job | None:
    return database.write(lambda c: jobs.lease(c, owner))


def state(database: Database, file_id: int) -> tuple[str, str]:
    found = database.read(lambda c: listing.record(c, file_id))
    assert found is not None
    return found.state, found.error_code


@contextmanager
def due_now(database: Database) -> Iterator[None]:
    """What waits has waited long enough."""
    database.write(lambda c: c.execute("UPDATE jobs SET not_before = 0"))
    yield


def test_small_files_come_before_large_ones_and_recent_before_old(database: Database) -> None:
    for name, content, mtime_s in (
        ("large new", LARGE, 9.0),
        ("small old", "x", 1.0),
        ("small new", "x", 5.0),
        ("large old", LARGE, 2.0),
    ):
        queue(database, name, content, mtime_s)
    order = [job.path for _ in range(4) if (job := lease(database))]
    assert order == ["/d/small new", "/d/small old", "/d/large new", "/d/large old"]
    assert lease(database) is None


def test_a_file_in_hand_is_not_handed_out_again(database: Database) -> None:
    file_id = queue(database, "a")
    assert lease(database, "one") is not None
    assert lease(database, "two") is None
    assert state(database, file_id)[0] == "processing"
    assert database.read(jobs.outstanding) == (1, 1)
    assert database.read(jobs.next_due_s) is None


def test_a_start_takes_back_what_a_dead_process_had_in_hand(database: Database) -> None:
    first, second = queue(database, "a"), queue(database, "b")
    assert lease(database, "dead") is not None
    assert database.write(jobs.recover) == 1
    assert database.write(jobs.recover) == 0
    assert state(database, first)[0] == state(database, second)[0] == "pending"
    taken = {job.file_id for _ in range(2) if (job := lease(database))}
    assert taken == {first, second}


def test_taking_back_counts_no_attempt(database: Database) -> None:
    queue(database, "a")
    for _ in range(10):
        job = lease(database)
        assert job is not None
        assert job.attempts == 0
        database.write(jobs.recover)


def test_a_failed_attempt_waits_shows_its_reason_and_counts(database: Database) -> None:
    file_id = queue(database, "a")
    for attempt in range(3):
        with due_now(database):
            job = lease(database)
        assert job is not None
        assert job.attempts == attempt
        database.write(
            lambda c: jobs.retry_later(c, file_id, delay_s=60, code="busy", message="a: busy")
        )
        assert lease(database) is None
        due_s = database.read(jobs.next_due_s)
        assert due_s is not None
        assert 0 < due_s <= 60
        assert state(database, file_id) == ("pending", "busy")


def test_a_change_forgets_the_attempts_and_the_wait(database: Database) -> None:
    file_id = queue(database, "a")
    lease(database)
    database.write(
        lambda c: jobs.retry_later(c, file_id, delay_s=60, code="busy", message="a: busy")
    )
    database.write(lambda c: files.change(c, [(file_id, entry("/d/a", "new", mtime_s=2))]))
    job = lease(database)
    assert job is not None
    assert job.attempts == 0
    assert (job.size_bytes, job.mtime_ns) == (3, 2_000_000_000)


def test_a_file_given_back_is_next_again(database: Database) -> None:
    file_id = queue(database, "a")
    lease(database)
    database.write(lambda c: jobs.give_back(c, file_id))
    assert state(database, file_id)[0] == "pending"
    assert lease(database) is not None
    database.write(lambda c: jobs.give_back(c, file_id, delay_s=60))
    assert lease(database) is None


def test_a_change_while_it_is_in_hand_takes_the_file_from_its_reader(database: Database) -> None:
    file_id = queue(database, "a")
    lease(database, "us")
    assert database.read(lambda c: jobs.still_leased(c, file_id, "us"))
    database.write(lambda c: files.change(c, [(file_id, entry("/d/a", "new", mtime_s=2))]))
    assert not database.read(lambda c: jobs.still_leased(c, file_id, "us"))
    assert lease(database, "others") is not None
    assert not database.read(lambda c: jobs.still_leased(c, file_id, "us"))


def test_a_file_that_moves_while_it_is_in_hand_is_read_at_its_new_place(database: Database) -> None:
    file_id = queue(database, "a")
    lease(database, "us")
    database.write(lambda c: files.move(c, None, [(file_id, entry("/d/b", "x"))]))
    assert not database.read(lambda c: jobs.still_leased(c, file_id, "us"))
    job = lease(database, "us")
    assert job is not None
    assert job.path == "/d/b"


def test_a_move_leaves_a_file_that_was_read_alone(database: Database) -> None:
    made, _ = document("words")
    file_id = queue(database, "a")
    lease(database)
    database.write(
        lambda c: files.end_without_document(
            c, file_id, "skipped", code="empty", message="a: empty", sha256=made.sha256
        )
    )
    database.write(lambda c: files.move(c, None, [(file_id, entry("/d/b", "x"))]))
    assert state(database, file_id) == ("skipped", "empty")
    assert lease(database) is None


def test_a_removed_file_takes_its_job_along(database: Database) -> None:
    file_id = queue(database, "a")
    lease(database)
    database.write(lambda c: files.remove(c, [file_id]))
    assert database.read(jobs.outstanding) == (0, 0)
    assert not database.read(lambda c: jobs.still_leased(c, file_id, "us"))
    database.write(lambda c: jobs.give_back(c, file_id))
    assert lease(database) is None


@pytest.mark.parametrize("wanted", ["failed", "quarantined", "skipped"])
def test_retry_queues_what_failed_and_nothing_else(database: Database, wanted: str) -> None:
    ids = {}
    for name in ("failed", "quarantined", "skipped"):
        ids[name] = queue(database, name)
        database.write(
            lambda c, name=name: files.end_without_document(  # type: ignore[misc]
                c, ids[name], name, code="c", message="m", sha256=None
            )
        )
    if wanted == "skipped":
        assert database.write(jobs.retry) == 2
    else:
        assert database.write(lambda c: jobs.retry(c, file_id=ids[wanted])) == 1
        job = lease(database)
        assert job is not None
        assert (job.file_id, job.attempts) == (ids[wanted], 0)
    assert database.write(lambda c: jobs.retry(c, file_id=ids["skipped"])) == 0
    assert check(database, repair=False) == []


def test_a_start_lets_nothing_wait_for_a_clock_that_was_set_back(database: Database) -> None:
    file_id = queue(database, "a")
    lease(database)
    database.write(
        lambda c: jobs.retry_later(c, file_id, delay_s=1e9, code="busy", message="a: busy")
    )
    assert database.write(jobs.recover) == 0
    job = lease(database)
    assert job is not None
    assert job.attempts == 1


def test_files_of_a_folder_that_is_offline_wait_until_it_is_back(database: Database) -> None:
    root = database.write(lambda c: files.add_root(c, "/usb", "config"))
    database.write(lambda c: files.add(c, root.id, [entry("/usb/a", "x", mtime_s=9)]))
    uploaded = queue(database, "uploaded", "xyz")
    database.write(lambda c: files.set_root_state(c, root.id, "offline"))
    assert database.read(jobs.outstanding) == (1, 3)
    job = lease(database)
    assert job is not None
    assert job.file_id == uploaded
    assert lease(database) is None
    assert database.read(jobs.next_due_s) is None
    database.write(lambda c: files.set_root_state(c, root.id, "watching"))
    assert database.read(jobs.next_due_s) == 0
    job = lease(database)
    assert job is not None
    assert job.path == "/usb/a"


def test_a_file_in_hand_counts_though_its_folder_went_offline(database: Database) -> None:
    root = database.write(lambda c: files.add_root(c, "/usb", "config"))
    database.write(lambda c: files.add(c, root.id, [entry("/usb/a", "x")]))
    lease(database)
    database.write(lambda c: files.set_root_state(c, root.id, "offline"))
    assert database.read(jobs.outstanding) == (1, 1)


def test_what_is_outstanding_is_told_by_folder_and_end_of_name(database: Database) -> None:
    here = database.write(lambda c: files.add_root(c, "/here", "config"))
    away = database.write(lambda c: files.add_root(c, "/usb", "config"))
    named = ["/here/a.md", "/here/b.md", "/here/none", "/here/c.jpeg"]
    database.write(lambda c: files.add(c, here.id, [entry(name, "xy") for name in named]))
    database.write(lambda c: files.add(c, away.id, [entry("/usb/a.md"), entry("/usb/b.md")]))
    queue(database, "uploaded.pdf", "xyz")
    database.write(lambda c: files.set_root_state(c, away.id, "offline"))
    found = database.read(jobs.outstanding_by_root)
    assert sorted((g.root_id or 0, g.end, g.files, g.size_bytes) for g in found) == [
        (0, "d.pdf", 1, 3), (here.id, "", 1, 2), (here.id, ".jpeg", 1, 2),
        (here.id, "/a.md", 1, 2), (here.id, "/b.md", 1, 2),
    ]  # fmt: skip
    assert not any(group.in_hand for group in found)

    # As ``outstanding`` counts: what is in hand counts, wherever it lies.
    database.write(lambda c: files.set_root_state(c, away.id, "watching"))
    while (job := lease(database)) is not None and not job.path.startswith("/usb"):
        continue
    database.write(lambda c: files.set_root_state(c, away.id, "offline"))
    found = database.read(jobs.outstanding_by_root)
    counted = (sum(g.files for g in found), sum(g.size_bytes for g in found))
    assert counted == database.read(jobs.outstanding)
    assert any(group.in_hand and group.root_id == away.id for group in found)


def test_recordings_come_last_and_have_a_lane_of_their_own(database: Database) -> None:
    for name, content, mtime_s in (
        ("new.mp3", "x", 9.0), ("old.txt", "x", 1.0), ("new.pdf", LARGE, 8.0),
    ):  # fmt: skip
        queue(database, name, content, mtime_s)
    order = [job.path for _ in range(3) if (job := lease(database))]
    assert order == ["/d/old.txt", "/d/new.pdf"]
    slow = database.write(lambda c: jobs.lease(c, "us", slow=True))
    assert slow is not None
    assert slow.path == "/d/new.mp3"


QUEUED = st.tuples(
    st.sampled_from(["/one", "/two", "/uploads"]),
    st.sampled_from([".txt", ".pdf", ".mp3"]),
    st.sampled_from([1, 6_000_000]),
    st.integers(1, 5),
)


@given(queued=st.lists(QUEUED, max_size=12))
@settings(max_examples=25, deadline=None)
def test_the_order_is_one_for_all_folders(queued: list[tuple[str, str, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(Path(folder) / "data")
        try:
            roots: dict[str, int | None] = {"/uploads": None}
            for path in ("/one", "/two"):
                root = database.write(lambda c, p=path: files.add_root(c, p, "config"))  # type: ignore[misc]
                roots[path] = root.id
            for number, (path, end, size_bytes, mtime_s) in enumerate(queued):
                made = entry(f"{path}/{number}{end}", mtime_s=mtime_s)
                made = msgspec.structs.replace(made, size_bytes=size_bytes)
                database.write(lambda c, m=made, p=path: files.add(c, roots[p], [m]))  # type: ignore[misc]
            for slow in (False, True):
                order = []
                while job := database.write(lambda c, s=slow: jobs.lease(c, "us", slow=s)):  # type: ignore[misc]
                    order.append((job.size_bytes > 5_000_000 and not slow, -job.mtime_ns))
                assert order == sorted(order)
                assert len(order) == sum((end == ".mp3") == slow for _, end, _, _ in queued)
        finally:
            database.close()


def test_an_older_queue_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "prism.db"
    connection = apsw.Connection(str(path))
    connection.create_scalar_function("index_text", lambda *texts: texts[0])
    older = [(version, sql) for version, sql in migrate.scripts() if version < 5]
    migrate.migrate(connection, path, older)
    connection.execute(
        "INSERT INTO roots (id, path_raw, path, origin, added_at)"
        " VALUES (7, CAST('/d' AS BLOB), '/d', 'config', 0);"
        "INSERT INTO files (id, root_id, path_raw, path, device, inode, size_bytes, mtime_ns)"
        " VALUES (1, 7, CAST('/d/a' AS BLOB), '/d/a', 1, 1, 1, 1),"
        " (2, NULL, CAST('/u/b' AS BLOB), '/u/b', 1, 2, 1, 2);"
        "INSERT INTO jobs (file_id, priority, recency, attempts, not_before)"
        " VALUES (1, 0, -1, 2, 5), (2, 0, -2, 0, 0)"
    )
    migrate.migrate(connection, path)
    leased = [jobs.lease(connection, "us") for _ in range(3)]
    assert [job and (job.path, job.attempts) for job in leased] == [("/u/b", 0), ("/d/a", 2), None]
    connection.execute("UPDATE jobs SET leased_by = NULL")
    files.set_root_state(connection, 7, "offline")
    assert jobs.outstanding(connection) == (1, 1)
    connection.close()


def test_a_job_goes_to_the_folder_that_its_file_has_moved_to(database: Database) -> None:
    here = database.write(lambda c: files.add_root(c, "/here", "config"))
    away = database.write(lambda c: files.add_root(c, "/usb", "config"))
    file_id = queue(database, "a")
    database.write(lambda c: files.move(c, away.id, [(file_id, entry("/usb/a", "x"))]))
    database.write(lambda c: files.set_root_state(c, away.id, "offline"))
    assert lease(database) is None
    database.write(lambda c: files.move(c, here.id, [(file_id, entry("/here/a", "x"))]))
    assert lease(database) is not None


@pytest.mark.parametrize(("delay_s", "counts"), [(jobs.SOON_S - 5, 1), (jobs.SOON_S + 5, 0)])
def test_what_is_put_off_for_long_is_not_outstanding(
    database: Database, delay_s: float, counts: int
) -> None:
    file_id = queue(database, "app.log")
    assert lease(database) is not None
    assert database.read(jobs.any_outstanding)  # in hand
    database.write(lambda c: jobs.give_back(c, file_id, delay_s=delay_s))
    assert database.read(jobs.outstanding) == (counts, counts)
    assert sum(group.files for group in database.read(jobs.outstanding_by_root)) == counts
    assert database.read(jobs.any_outstanding) == bool(counts)
    assert database.read(lambda c: jobs.any_outstanding(c, slow=False)) == bool(counts)
    assert not database.read(lambda c: jobs.any_outstanding(c, slow=True))
