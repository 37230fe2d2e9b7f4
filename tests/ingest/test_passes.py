"""What a pass over a folder does, and what is not done twice."""

from __future__ import annotations

import os
from pathlib import Path

from prismd.domain import Filters
from prismd.search.searching import Search, SearchSettings
from prismd.store import files
from tests.building import Indexer, write_file
from tests.ingest.passes import LONG, PARAGRAPHS, CountingPool, finds, work


def test_a_folder_becomes_searchable(indexer: Indexer, pool: CountingPool) -> None:
    indexer.write("a.txt", LONG)
    indexer.write("deep/b.md", "# Title\n\nThe walrus is a **marine** mammal.\n")
    indexer.write("c.html", "<html><body><p>Penguins cannot fly.</p></body></html>")
    indexer.write("d.py", "def swim():\n    return 'walrus'\n")
    assert work(indexer, pool) == (4, len(PARAGRAPHS) + 3)
    assert set(indexer.states().values()) == {("completed", "")}
    assert finds(indexer, "marine mammal")[0] == "b.md"
    assert finds(indexer, "penguins")[0] == "c.html"
    assert finds(indexer, "subject7")[0] == "a.txt"
    snapshot = indexer.progress.snapshot()
    assert snapshot.files == {"completed": 4}
    assert snapshot.passages == len(PARAGRAPHS) + 3
    assert snapshot.current == ()


def test_a_second_pass_does_nothing(indexer: Indexer, pool: CountingPool) -> None:
    indexer.write("a.txt", LONG)
    assert work(indexer, pool) == (1, len(PARAGRAPHS))
    assert work(indexer, pool) == (0, 0)
    assert indexer.progress.snapshot().files == {}


def test_a_touched_file_costs_nothing(indexer: Indexer, pool: CountingPool) -> None:
    indexer.write("a.txt", LONG)
    work(indexer, pool)
    indexer.write("a.txt", LONG, age=50)
    assert work(indexer, pool) == (0, 0)
    assert indexer.states() == {"a.txt": ("completed", "")}


def test_a_copied_moved_or_renamed_file_costs_nothing(indexer: Indexer, pool: CountingPool) -> None:
    path = indexer.write("a.txt", LONG)
    work(indexer, pool)
    indexer.write("copy.md", LONG)
    assert work(indexer, pool) == (0, 0)
    path.rename(indexer.folder / "renamed.txt")
    assert work(indexer, pool) == (0, 0)
    assert sorted(indexer.texts()) == ["copy.md", "renamed.txt"]
    assert indexer.rows("SELECT count(*) FROM documents") == [(1,)]


def test_an_edited_file_embeds_only_what_was_edited(indexer: Indexer, pool: CountingPool) -> None:
    indexer.write("a.txt", LONG)
    work(indexer, pool)
    edited = LONG.replace("subject4", "topic4")
    indexer.write("a.txt", edited, age=1)
    assert work(indexer, pool) == (1, 1)
    assert indexer.texts() == {"a.txt": edited}
    assert finds(indexer, "subject4") == [] or "subject4" not in edited
    assert indexer.rows("SELECT count(*) FROM documents") == [(1,)]
    assert indexer.rows("SELECT count(*) FROM embeddings") == [(len(PARAGRAPHS),)]


def test_a_removed_file_is_gone_with_everything_of_it(indexer: Indexer, pool: CountingPool) -> None:
    path = indexer.write("a.txt", LONG)
    indexer.write("b.txt", "Another text altogether.")
    work(indexer, pool)
    path.unlink()
    assert work(indexer, pool) == (0, 0)
    assert "a.txt" not in finds(indexer, "subject4")
    assert indexer.rows("SELECT count(*) FROM passages") == [(1,)]


def test_files_of_one_content_that_come_together_are_one_document(
    indexer: Indexer, pool: CountingPool
) -> None:
    for number in range(8):
        indexer.write(f"{number}.txt", LONG)
    _, embedded = work(indexer, pool)
    assert embedded == len(PARAGRAPHS)
    assert indexer.rows("SELECT count(*) FROM documents") == [(1,)]
    assert len(indexer.texts()) == 8


def test_a_name_that_is_not_utf8_is_read_and_found(indexer: Indexer, pool: CountingPool) -> None:
    indexer.write(os.fsdecode(b"caf\xe9 \xff.txt"), "The walrus of the strange name.")
    assert work(indexer, pool) == (1, 1)
    assert finds(indexer, "walrus") == ["caf\ufffd \ufffd.txt"]
    search = Search(indexer.database, None, None, SearchSettings())
    found = search.search("walrus", filters=Filters(path=("caf*",)))
    assert len(found.hits) == 1
    assert work(indexer, pool) == (0, 0)


def test_a_file_outside_every_root_can_be_queued_too(indexer: Indexer, tmp_path: Path) -> None:
    path = write_file(tmp_path / "uploads" / "u.txt", "The uploaded walrus.")
    entry = files.entry_of(os.fsencode(path), path.stat())
    indexer.database.write(lambda c: files.add(c, None, [entry]))
    indexer.run()
    indexer.run()
    assert finds(indexer, "uploaded walrus") == ["u.txt"]
