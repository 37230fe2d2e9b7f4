"""Pausing and stopping."""

from __future__ import annotations

import threading
from pathlib import Path

from prismd.extract.pool import ExtractPool
from prismd.ingest.reading import IngestSettings
from tests.building import Indexer, wait_until
from tests.ingest.passes import SETTINGS, CountingPool, Gate


def test_pausing_starts_nothing_and_resuming_goes_on(
    tmp_path: Path, data_dir: Path, pool: CountingPool
) -> None:
    one = IngestSettings(workers=1)
    indexer = Indexer(tmp_path / "folder", data_dir, pool, settings=one)
    for number in range(20):
        indexer.write(f"{number}.txt", f"Text {number} of the walrus.")
    indexer.sweep()
    ingest = indexer.ingest()
    pool.before = in_hand = Gate()
    ingest.start()
    try:
        assert in_hand.reached.wait(60)
        ingest.pause()
        assert indexer.progress.paused
        in_hand.open.set()  # what is in hand is finished or given back
        wait_until(lambda: indexer.progress.snapshot().current == ())
        indexer.write("later.txt", "Later.")
        indexer.sweep()
        ingest.wake()
        wait_until(lambda: indexer.progress.snapshot().current == ())
        assert len(pool.read) == 1
        ingest.resume()
        assert not indexer.progress.paused
        wait_until(ingest.idle)
    finally:
        in_hand.open.set()
        ingest.stop()
    assert len(pool.read) in (21, 22)
    assert set(indexer.states().values()) == {("completed", "")}
    indexer.database.close()


def test_a_stop_gives_back_what_is_in_hand(
    tmp_path: Path, data_dir: Path, workers: ExtractPool
) -> None:
    own = ExtractPool(1)
    pool = CountingPool(own)
    indexer = Indexer(tmp_path / "folder", data_dir, pool, settings=SETTINGS)
    indexer.write("a.txt", "The walrus.")
    indexer.sweep()
    started = threading.Event()

    def close(_: str) -> None:
        own.close()
        started.set()

    pool.before = close
    ingest = indexer.ingest()
    ingest.start()
    assert started.wait(60)
    ingest.stop()
    states = indexer.states()
    assert states["a.txt"][0] == "pending"
    indexer.pool = CountingPool(workers)
    indexer.run()
    assert indexer.states() == {"a.txt": ("completed", "")}
    indexer.database.close()
