"""Unplugged folders, failing disks and odd names: nothing is lost, and nothing stops for good."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from prismd.extract.pool import ExtractPool
from prismd.store.check import check
from prismd.watch import standing
from tests.building import Indexer, wait_until


@pytest.fixture(scope="module")
def pool() -> Iterator[ExtractPool]:
    made = ExtractPool(2)
    yield made
    made.close()


@pytest.fixture
def indexer(tmp_path: Path, data_dir: Path, pool: ExtractPool) -> Iterator[Indexer]:
    made = Indexer(tmp_path / "folder", data_dir, pool)
    yield made
    made.database.close()


def stand_on_another_disk(indexer: Indexer) -> None:
    """Have the index think that the root was on a disk that is not mounted now."""
    root = indexer.root
    indexer.database.write(
        lambda c: standing.note(c, root, root.device + 1, os.fsencode(root.path))
    )


def test_an_empty_mount_point_keeps_its_index(indexer: Indexer) -> None:
    path = indexer.write("a.txt", "The walrus.")
    indexer.run()
    path.unlink()
    stand_on_another_disk(indexer)
    assert indexer.run().offline
    assert indexer.root.state == "offline"
    assert indexer.texts() == {"a.txt": "The walrus."}
    indexer.write("a.txt", "The walrus.")
    found = indexer.run()
    assert (found.offline, indexer.root.state) == (False, "watching")
    assert indexer.progress.snapshot().embeddings == 0


def test_a_folder_that_was_emptied_is_emptied_in_the_index(indexer: Indexer) -> None:
    path = indexer.write("a.txt", "The walrus.")
    indexer.run()
    path.unlink()
    assert indexer.run().removed == 1
    assert indexer.texts() == {}


def test_a_remounted_disk_costs_nothing(indexer: Indexer) -> None:
    indexer.write("a.txt", "The walrus.")
    indexer.run()
    stand_on_another_disk(indexer)
    found = indexer.run()
    assert (found.jobs, found.removed, found.offline) == (0, 0, False)


def test_a_disk_that_goes_while_files_are_queued_loses_none(indexer: Indexer) -> None:
    for number in range(3):
        indexer.write(f"{number}.txt", f"The walrus number {number}.")
    indexer.run()
    for number in range(3):
        indexer.write(f"{number}.txt", f"The seal number {number}.", age=9)
    indexer.sweep()
    away = indexer.folder.with_name("away")
    shutil.move(indexer.folder, away)
    ingest = indexer.ingest()
    ingest.start()
    wait_until(lambda: indexer.root.state == "offline")
    ingest.stop()
    assert sorted(indexer.texts()) == ["0.txt", "1.txt", "2.txt"]
    shutil.move(away, indexer.folder)
    indexer.run()
    assert indexer.texts() == {f"{n}.txt": f"The seal number {n}." for n in range(3)}
    assert check(indexer.database, repair=False) == []


def test_names_that_are_not_utf8_fail_alone(indexer: Indexer) -> None:
    folder = os.fsencode(indexer.folder)
    for number in range(4):  # more than there are readers
        Path(os.fsdecode(folder + b"/r\xe9sum\xe9-%d.txt" % number)).touch()
    indexer.write("a.txt", "The walrus.")
    indexer.run()
    states = indexer.states()
    assert states.pop("a.txt") == ("completed", "")
    assert set(states.values()) == {("skipped", "empty")}
    assert len(states) == 4


def test_a_full_disk_stops_nothing_for_good(indexer: Indexer) -> None:
    for number in range(6):
        indexer.write(f"{number}.txt", f"The walrus number {number}. " * 400)
    indexer.sweep()
    ingest = indexer.ingest()
    pages = indexer.database.write(lambda c: int(c.pragma("page_count")))
    indexer.database.write(lambda c: c.pragma("max_page_count", pages + 4))
    ingest.start()
    try:
        wait_until(lambda: "disk" in indexer.progress.fault)
        indexer.database.write(lambda c: c.pragma("max_page_count", 1 << 30))
        wait_until(ingest.idle)
    finally:
        ingest.stop()
    assert set(indexer.states().values()) == {("completed", "")}
    assert check(indexer.database, repair=False) == []
    assert indexer.progress.fault == ""


def test_a_pause_outlives_a_restart(indexer: Indexer) -> None:
    first = indexer.ingest()
    first.start()
    first.pause()
    first.stop()
    indexer.write("a.txt", "The walrus.")
    indexer.sweep()
    second = indexer.ingest()
    second.start()
    assert indexer.progress.paused
    assert indexer.states() == {"a.txt": ("pending", "")}
    second.resume()
    wait_until(second.idle)
    second.stop()
    assert indexer.states() == {"a.txt": ("completed", "")}


def test_a_single_pass_is_done_even_when_paused(indexer: Indexer) -> None:
    first = indexer.ingest()
    first.start()
    first.pause()
    first.stop()
    indexer.write("a.txt", "The walrus.")
    indexer.sweep()
    second = indexer.ingest()
    second.start(heed_pause=False)
    wait_until(second.idle)
    second.stop()
    assert indexer.states() == {"a.txt": ("completed", "")}
