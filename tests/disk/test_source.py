"""Where readers get the bytes of a file from, and that nothing of an upload is left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from prismd.disk.looking import hash_file, look
from prismd.disk.source import clear_held, source_of
from prismd.store import forgetting, listing
from prismd.store.database import Database
from prismd.store.uploads import PIECE_BYTES
from tests.building import write_file
from tests.uploaded import upload

DATA = os.urandom(2 * PIECE_BYTES + 17)


@pytest.fixture
def path(database: Database) -> str:
    """The path of an upload."""
    taken = upload(database, DATA, "Data set.bin")
    record = database.read(lambda c: listing.record(c, taken.file_id))
    assert record is not None
    return record.path


def test_a_file_on_the_disk_is_itself(database: Database, tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.txt", "words")
    source = source_of(database, str(path))
    assert source.settles
    assert source.look() == look(str(path))
    assert source.sha256() == hash_file(str(path))
    with source.readable() as readable:
        assert readable == path


def test_an_upload_can_be_read_by_another_process(database: Database, path: str) -> None:
    with source_of(database, path).readable() as readable:
        assert readable.name == "Data set.bin"
        assert readable.read_bytes() == DATA
        read = "import sys; sys.stdout.buffer.write(open(sys.argv[1], 'rb').read())"
        other = subprocess.run(
            [sys.executable, "-c", read, str(readable)], capture_output=True, check=True
        )
        assert other.stdout == DATA
    assert not readable.exists()


def test_nobody_else_writes_an_upload(database: Database, path: str) -> None:
    source = source_of(database, path)
    assert not source.settles
    assert source.look() == source.look()
    assert source.look().size_bytes == len(DATA)


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="needs files in memory")
def test_nothing_of_an_upload_is_written_anywhere(
    database: Database, path: str, data_dir: Path
) -> None:
    before = sorted(data_dir.rglob("*"))
    with source_of(database, path).readable() as readable:
        assert sorted(data_dir.rglob("*")) == before
        assert "memfd" in str(readable.readlink())


def test_where_there_are_no_files_in_memory_a_private_one_is_used(
    database: Database, path: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "memfd_create", raising=False)
    with source_of(database, path).readable() as readable:
        assert (readable.name, readable.read_bytes()) == ("Data set.bin", DATA)
        assert Path(str(readable)).is_relative_to(data_dir)
        assert Path(str(readable)).parent.stat().st_mode & 0o077 == 0
        assert readable.stat().st_mode & 0o077 == 0
    assert not readable.exists()


def test_what_a_killed_process_had_in_hand_is_removed(data_dir: Path) -> None:
    left = write_file(data_dir / "uploads-in-hand" / "tmpabc", DATA)
    clear_held(data_dir)
    assert not left.exists()
    clear_held(data_dir)


def test_an_upload_that_is_forgotten_is_not_there(database: Database, path: str) -> None:
    source = source_of(database, path)
    file_id = database.read(lambda c: c.execute("SELECT max(id) FROM files").get)
    database.write(lambda c: forgetting.forget(c, int(str(file_id))))
    with pytest.raises(FileNotFoundError, match="upload"):
        source.look()
    with pytest.raises(FileNotFoundError, match="upload"):
        source.sha256()
    with pytest.raises(FileNotFoundError, match="upload"), source.readable():
        pass


def test_half_an_upload_is_none(database: Database, path: str) -> None:
    database.write(lambda c: c.execute("DELETE FROM upload_pieces WHERE number = 1"))
    with pytest.raises(FileNotFoundError, match="upload"), source_of(database, path).readable():
        pass


def test_no_upload_is_taken_for_a_file_that_stands_there(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_file(tmp_path / "uploads" / "1" / "a.txt", "of the disk")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="upload"):
        source_of(database, "uploads/1/a.txt").look()


def test_what_cannot_be_cleared_is_told_and_keeps_nobody_from_starting(
    data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_file(data_dir / "uploads-in-hand", b"no folder, so it cannot be gone through")
    clear_held(data_dir)
    assert "uploads-in-hand: parts of uploads may be left there" in caplog.text
