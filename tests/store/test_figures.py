"""What the index is like, told by numbers."""

from __future__ import annotations

from pathlib import Path

from prismd.store import files
from prismd.store.database import Database
from prismd.store.figures import figures


def test_an_empty_index_has_figures(tmp_path: Path) -> None:
    database = Database(tmp_path)
    told = database.read(figures)
    database.close()
    assert told.rows["files"] == told.rows["roots"] == 0
    assert told.highest_ids == {"passages": 0, "embeddings": 0, "citations": 0}
    assert told.pragmas["page_count"]
    assert told.sqlite.startswith("3.")
    assert told.sqlite_vec.startswith("v")


def test_rows_are_counted(tmp_path: Path) -> None:
    database = Database(tmp_path)
    database.write(lambda c: files.add_root(c, "/home/anna", "config"))
    told = database.read(figures)
    database.close()
    assert told.rows["roots"] == 1


def test_writes_are_counted_whether_or_not_they_succeed(tmp_path: Path) -> None:
    database = Database(tmp_path)
    before = database.writes_done
    database.write(lambda c: files.add_root(c, "/home/anna", "config"))
    failed = database.submit(lambda c: c.execute("no SQL"))
    assert failed.exception() is not None
    assert database.writes_done - before == 2
    assert database.writes_waiting == 0
    database.close()
