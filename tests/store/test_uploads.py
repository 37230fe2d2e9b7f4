"""The bytes of uploads: kept in pieces, once, and gone without a rest."""

from __future__ import annotations

import hashlib
import os

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prismd.ingest.intake import Intake
from prismd.store import erasing, jobs, listing, uploads
from prismd.store.database import Database
from prismd.store.uploads import PIECE_BYTES, Upload, is_upload
from tests.uploaded import leave_half, upload


def pieces(database: Database) -> list[int]:
    rows = database.read(
        lambda c: c.execute("SELECT length(content) FROM upload_pieces ORDER BY id").fetchall()
    )
    return [int(str(row[0])) for row in rows]


def found(database: Database, file_id: int) -> Upload:
    record = database.read(lambda c: listing.record(c, file_id))
    assert record is not None
    at = database.read(lambda c: uploads.at(c, record.path_raw))
    assert at is not None
    return at


def content(database: Database, upload_: Upload, start: int, length: int) -> bytes:
    return database.read(lambda c: uploads.read(c, upload_.id, start, length))


@pytest.mark.parametrize(
    ("size_bytes", "lengths"),
    [
        (1, [1]),
        (PIECE_BYTES, [PIECE_BYTES]),
        (PIECE_BYTES + 1, [PIECE_BYTES, 1]),
        (2 * PIECE_BYTES + 5, [PIECE_BYTES, PIECE_BYTES, 5]),
    ],
)
def test_no_large_file_is_one_value(
    database: Database, size_bytes: int, lengths: list[int]
) -> None:
    data = os.urandom(size_bytes)
    at = found(database, upload(database, data).file_id)
    assert pieces(database) == lengths
    assert (at.size_bytes, at.sha256) == (size_bytes, hashlib.sha256(data).hexdigest())


def test_it_is_a_file_of_no_folder_that_waits_to_be_read(database: Database) -> None:
    taken = upload(database, b"words", "Notes.md", media_type="text/markdown")
    record = database.read(lambda c: listing.record(c, taken.file_id))
    assert record is not None
    assert (record.path, record.state) == ("uploads/1/Notes.md", "pending")
    assert (record.size_bytes, record.media_type) == (5, "text/markdown")
    assert is_upload(record.path)
    assert is_upload(record.path_raw)
    job = database.write(lambda c: jobs.lease(c, "us"))
    assert job is not None
    assert job.path == record.path


def test_the_same_bytes_are_the_same_file_under_any_name(database: Database) -> None:
    first = upload(database, b"words", "a.txt")
    again = upload(database, b"words", "b.txt")
    other = upload(database, b"other words", "a.txt")
    assert (first.known, again.known, other.known) == (False, True, False)
    assert again.file_id == first.file_id != other.file_id
    assert len(pieces(database)) == 2


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.integers(0, 3 * PIECE_BYTES), st.integers(1, 2 * PIECE_BYTES))
def test_any_range_reads_what_was_sent(database: Database, start: int, length: int) -> None:
    data = bytes(range(251)) * (2 * PIECE_BYTES // 250)
    at = found(database, upload(database, data).file_id)
    got = b""
    while piece := content(database, at, start + len(got), length - len(got)):
        got += piece
        if len(got) == length:
            break
    assert got == data[start : start + length]


def test_what_was_begun_and_not_ended_goes_when_the_next_begins(database: Database) -> None:
    half = leave_half(database)
    assert database.read(uploads.unfinished) == [half]
    upload(database, b"whole")
    assert database.read(uploads.unfinished) == []
    assert pieces(database) == [5]


def test_what_comes_in_meanwhile_stays(database: Database) -> None:
    intake = Intake(database)
    slow = intake.batch().begin("slow.txt").result()
    quick = intake.batch().begin("quick.txt").result()
    assert database.read(uploads.unfinished) == [slow.id, quick.id]


def test_nothing_of_what_is_given_up_stays(database: Database) -> None:
    batch = Intake(database).batch()
    incoming = [batch.begin(f"{number}.txt").result() for number in range(3)]
    incoming[0].add(b"words")
    incoming[0].write().result()
    batch.end().result()
    assert database.read(uploads.unfinished) == []
    assert pieces(database) == []


def test_nothing_that_is_a_file_is_discarded(database: Database) -> None:
    taken = upload(database, b"words")
    number = found(database, taken.file_id).id
    database.write(lambda c: uploads.discard(c, [number]))
    database.write(uploads.discard_unfinished)
    assert content(database, found(database, taken.file_id), 0, 10) == b"words"


def test_the_number_of_what_has_gone_is_never_used_again(database: Database) -> None:
    half = leave_half(database)
    database.write(uploads.discard_unfinished)
    assert leave_half(database) > half


def test_a_file_takes_its_bytes_with_it(database: Database) -> None:
    taken = upload(database, b"words")

    def delete(connection: apsw.Connection) -> None:
        connection.execute("DELETE FROM files WHERE id = ?", (taken.file_id,))

    database.write(delete)
    assert pieces(database) == []


def test_nothing_of_what_is_not_kept_can_be_read_from_the_file(database: Database) -> None:
    leave_half(database, b"zanzibar " * 9_000)
    upload(database, b"hello timbuktu")
    upload(database, b"hello timbuktu", "again.txt")
    database.run_outside_transaction(erasing.empty_log)
    data = database.path.read_bytes()
    assert b"zanzibar" not in data
    assert data.count(b"timbuktu") == 1
