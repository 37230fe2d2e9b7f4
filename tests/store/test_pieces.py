"""Pieces of files that are being read: kept while the file is queued, and no longer."""

from __future__ import annotations

from collections.abc import Callable

import apsw
import pytest

from prismd.store import documents, files, jobs, pieces
from prismd.store.check import check
from prismd.store.database import Database
from prismd.store.jobs import Job
from tests.building import document, entry

SHA = "ab" * 32


def in_hand(database: Database, name: str = "a", owner: str = "us") -> Job:
    database.write(lambda c: files.add(c, None, [entry(f"/d/{name}", name)]))
    job = database.write(lambda c: jobs.lease(c, owner))
    assert job is not None
    return job


def keep(database: Database, job: Job, *found: pieces.Piece, sha256: str = SHA) -> bool:
    return database.write(lambda c: pieces.keep(c, job.file_id, job.owner, sha256, found))


def known(database: Database, sha256: str = SHA) -> list[pieces.Piece]:
    return database.read(lambda c: pieces.of(c, sha256))


def test_pieces_come_back_by_reader_and_number(database: Database) -> None:
    job = in_hand(database)
    assert keep(database, job, ("ocr", 2, b"two"), ("speech", 0, b"hello"))
    assert keep(database, job, ("ocr", 10, b"ten"), ("ocr", 1, b"one"))
    assert known(database) == [
        ("ocr", 1, b"one"),
        ("ocr", 2, b"two"),
        ("ocr", 10, b"ten"),
        ("speech", 0, b"hello"),
    ]
    assert known(database, "cd" * 32) == []


def test_a_piece_that_is_read_again_takes_the_place_of_the_former(database: Database) -> None:
    job = in_hand(database)
    keep(database, job, ("ocr", 1, b"former"))
    keep(database, job, ("ocr", 1, b"latter"))
    assert known(database) == [("ocr", 1, b"latter")]


def test_no_more_is_given_out_than_fits(database: Database) -> None:
    keep(database, in_hand(database), *(("ocr", n, b"x" * 10) for n in range(5)))
    found = database.read(lambda c: pieces.of(c, SHA, most_bytes=35))
    assert [number for _, number, _ in found] == [0, 1, 2]


def test_who_has_lost_the_file_keeps_nothing(database: Database) -> None:
    job = in_hand(database)
    database.write(lambda c: files.enqueue(c, job.file_id, 1, 1))
    assert not keep(database, job, ("ocr", 1, b"one"))
    assert known(database) == []


def test_they_outlive_a_crash_and_a_file_given_back_or_moved(database: Database) -> None:
    job = in_hand(database)
    keep(database, job, ("ocr", 1, b"one"))
    database.write(jobs.recover)
    database.write(lambda c: jobs.give_back(c, job.file_id))
    database.write(lambda c: files.move(c, None, [(job.file_id, entry("/d/b"))]))
    again = database.write(lambda c: jobs.lease(c, "others"))
    assert again is not None
    assert known(database) == [("ocr", 1, b"one")]


def stored(connection: apsw.Connection, job: Job) -> None:
    made, passages = document("The walrus.", sha256=SHA)
    document_id = documents.replace(connection, made, passages, None)
    files.attach(connection, job.file_id, document_id, SHA)


def given_up(connection: apsw.Connection, job: Job) -> None:
    files.end_without_document(
        connection, job.file_id, "quarantined", code="crash", message="died", sha256=None
    )


def forgotten(connection: apsw.Connection, job: Job) -> None:
    files.remove(connection, [job.file_id])


@pytest.mark.parametrize("end", [stored, given_up, forgotten])
def test_they_go_with_the_end_of_the_file(
    database: Database, end: Callable[[apsw.Connection, Job], None]
) -> None:
    job = in_hand(database)
    keep(database, job, ("ocr", 1, b"one"))
    other = in_hand(database, "b")
    keep(database, other, ("ocr", 1, b"of the other"), sha256="cd" * 32)
    database.write(lambda c: end(c, job))
    assert known(database) == []
    assert known(database, "cd" * 32) == [("ocr", 1, b"of the other")]
    assert check(database, repair=False) == []


def test_a_file_taken_back_before_its_end_keeps_them(database: Database) -> None:
    job = in_hand(database)
    keep(database, job, ("ocr", 1, b"one"))

    def fail(connection: apsw.Connection) -> None:
        stored(connection, job)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        database.write(fail)
    assert known(database) == [("ocr", 1, b"one")]


def test_the_pieces_of_two_files_alike_are_the_same(database: Database) -> None:
    one, two = in_hand(database, "a", "one"), in_hand(database, "b", "two")
    keep(database, one, ("ocr", 1, b"one"))
    keep(database, two, ("ocr", 1, b"one"), ("ocr", 2, b"two"))
    assert known(database) == [("ocr", 1, b"one"), ("ocr", 2, b"two")]
