"""Files that change, move or go while they are read."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from prismd.models.fake import FakeTokens
from prismd.store.check import check
from tests.building import Indexer, wait_until, write_file
from tests.ingest.passes import SETTINGS, CountingPool, Gate, work


def test_a_file_that_changes_while_it_is_read_is_read_again(
    indexer: Indexer, pool: CountingPool
) -> None:
    indexer.write("a.txt", "The old walrus.")

    def change(_: str) -> None:
        pool.after = lambda name: None
        indexer.write("a.txt", "The new walrus.", age=3)

    pool.after = change
    indexer.run()
    indexer.run()
    assert indexer.texts() == {"a.txt": "The new walrus."}
    assert indexer.states() == {"a.txt": ("completed", "")}
    assert check(indexer.database, repair=False) == []


class GatedTokens(FakeTokens):
    """Holds back whoever cuts a text that holds a word."""

    def __init__(self, word: str) -> None:
        self.word = word
        self.gate = Gate()

    def offsets(self, text: str) -> NDArray[np.int32]:
        if self.word in text:
            self.gate(text)
        return super().offsets(text)


def test_of_two_readers_of_a_changed_file_the_later_result_counts(
    tmp_path: Path, data_dir: Path, pool: CountingPool
) -> None:
    """The first is held back with the old text in hand, the second with the new one."""
    tokens = GatedTokens("old")
    indexer = Indexer(tmp_path / "folder", data_dir, pool, settings=SETTINGS, tokens=tokens)
    indexer.write("a.txt", "The old walrus.")
    indexer.sweep()
    ingest = indexer.ingest()
    ingest.start()
    second = Gate()
    try:
        assert tokens.gate.reached.wait(60)
        pool.after = second
        indexer.write("a.txt", "The new walrus.", age=3)
        indexer.sweep()
        ingest.wake()
        assert second.reached.wait(60)
        tokens.gate.open.set()
        wait_until(lambda: len(indexer.progress.snapshot().current) == 1)
        second.open.set()
        wait_until(ingest.idle)
    finally:
        tokens.gate.open.set()
        second.open.set()
        ingest.stop()
    assert indexer.texts() == {"a.txt": "The new walrus."}
    assert indexer.states() == {"a.txt": ("completed", "")}
    ingest.finish()
    assert check(indexer.database, repair=False) == []
    indexer.database.close()


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_file_that_moves_while_it_is_read_is_not_lost(
    indexer: Indexer, pool: CountingPool, moment: str
) -> None:
    path = indexer.write("a.txt", "The walrus.")

    def move(_: str) -> None:
        pool.before = pool.after = lambda name: None
        path.rename(indexer.folder / "b.txt")
        assert indexer.sweep().moved == 1

    setattr(pool, moment, move)
    indexer.run()
    assert indexer.states() == {"b.txt": ("completed", "")}
    assert indexer.texts() == {"b.txt": "The walrus."}
    assert check(indexer.database, repair=False) == []


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_file_that_goes_while_it_is_read_is_forgotten(
    indexer: Indexer, pool: CountingPool, moment: str
) -> None:
    path = indexer.write("a.txt", "The walrus.")
    setattr(pool, moment, lambda name: path.unlink(missing_ok=True))
    indexer.run()
    indexer.run()
    assert indexer.states() == {}
    assert indexer.rows("SELECT count(*) FROM documents") == [(0,)]


def test_a_link_in_a_files_place_is_not_followed(
    indexer: Indexer, pool: CountingPool, tmp_path: Path
) -> None:
    secret = write_file(tmp_path / "outside" / "secret.txt", "The secret walrus.")
    path = indexer.write("a.txt", "The walrus.")
    indexer.sweep()
    path.unlink()
    path.symlink_to(secret)
    ingest = indexer.ingest()
    ingest.start()
    wait_until(ingest.idle)
    ingest.stop()
    assert pool.read == []
    assert indexer.texts() == {}


def test_a_pipe_in_a_files_place_is_not_opened(indexer: Indexer, pool: CountingPool) -> None:
    path = indexer.write("a.txt", "The walrus.")
    indexer.sweep()
    path.unlink()
    os.mkfifo(path)
    ingest = indexer.ingest()
    ingest.start()
    wait_until(ingest.idle)
    ingest.stop()
    assert pool.read == []


def test_a_file_that_was_just_written_waits_until_it_is_still(
    indexer: Indexer, pool: CountingPool
) -> None:
    (indexer.folder / "a.txt").write_text("The walrus.")
    assert work(indexer, pool) == (1, 1)
