"""What the measurement of indexing counts, and the files that it makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from prismd.extract.pool import ExtractPool
from tests.benchmarks import indexing, made_files
from tests.building import Indexer


def _found(folder: Path, data_dir: Path) -> indexing.Indexed:
    pool = ExtractPool(1)
    indexer = Indexer(folder, data_dir, pool)
    try:
        indexer.run()
        return indexer.database.read(indexing.contents)
    finally:
        pool.close()
        indexer.database.close()


def test_every_passage_is_counted_and_each_text_is_told_once(tmp_path: Path) -> None:
    folder = made_files.small_texts(tmp_path / "small", 3)
    text = (folder / "00000.md").read_text()
    (folder / "again.md").write_text(f"{text}\n# Another heading\n\nThis is said here only.\n")
    found = _found(folder, tmp_path / "index")
    assert found.files == 4
    assert found.bytes == sum(each.stat().st_size for each in folder.iterdir())
    assert found.vectors == found.passages
    assert len(set(found.texts)) == len(found.texts) <= found.passages
    assert any("said here only" in each for each in found.texts)
    assert found.last_words_at > 0


def test_an_empty_index_has_nothing_to_embed(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    found = _found(tmp_path / "empty", tmp_path / "index")
    assert (found.texts, found.files, found.passages) == ((), 0, 0)


def test_made_office_files_are_found_whole(tmp_path: Path) -> None:
    folder = made_files.office_files(tmp_path / "office", 2, sections=4)
    assert {each.suffix for each in folder.iterdir()} == {".docx", ".pdf"}
    found = _found(folder, tmp_path / "index")
    assert found.files == 2
    # Every paragraph has a sentence end for each of its sentences: none is cut off a page.
    assert sum(text.count(".") for text in found.texts) >= 2 * 4 * made_files.SENTENCES


def test_the_same_files_are_made_each_time(tmp_path: Path) -> None:
    once = made_files.long_texts(tmp_path / "once", 2, sections=3)
    again = made_files.long_texts(tmp_path / "again", 2, sections=3)
    texts = [each.read_text() for each in sorted(once.iterdir())]
    assert texts == [each.read_text() for each in sorted(again.iterdir())]
    assert texts[0] != texts[1]


def test_the_share_is_that_of_all_turns_together() -> None:
    found = indexing.Indexed(("a", "b"), 1, 10, 2, 2, 1.0)
    turns = [
        indexing.Turn(10.0, 2.0, 5.0, 1.0, 400, 200, 9.0, 5.0, found),
        indexing.Turn(10.0, 2.0, 5.0, 1.0, 400, 200, 7.0, 5.0, found),
    ]
    figure = indexing.report({"texts": turns}).figures[0]
    assert figure.value == pytest.approx(0.8)
    assert figure.met is False
