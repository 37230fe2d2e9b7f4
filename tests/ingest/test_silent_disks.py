"""Disks that do not answer while their files are read: others go on, and the pass has an end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from prismd.disk.asking import asking
from prismd.extract.pool import ExtractPool
from prismd.models.fake import FakeImageEmbedder
from prismd.store import obstacles
from prismd.store.check import check
from tests.building import Indexer, picture, wait_until
from tests.ingest.passes import SETTINGS, CountingPool
from tests.silence import Silence, refuse_to_list

WELL = {f"well{number}.txt" for number in range(5)}
SILENT = {f"silent{number}.txt" for number in range(5)}
WAITING = [("disk", "the disk of /dev does not answer", 5)]


@pytest.fixture(autouse=True)
def disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that does not answer as a whole."""
    refuse_to_list(monkeypatch, "/dev")


@pytest.fixture
def indexer(tmp_path: Path, data_dir: Path, pool: CountingPool) -> Iterator[Indexer]:
    settings = msgspec.structs.replace(SETTINGS, workers=2, silent_s=0.2)
    made = Indexer(tmp_path / "folder", data_dir, pool, settings=settings)
    yield made
    made.database.close()


@pytest.fixture
def silence(indexer: Indexer, pool: CountingPool) -> Iterator[Silence]:
    """What waits for all files whose names begin with it; they are queued before the others."""
    made = Silence()
    # Of another disk than the index is on, in both systems that prismd runs on.
    pool.before = lambda name: made.ask(f"/dev/{name}") if name in SILENT else None
    for name in SILENT:
        indexer.write(name, f"Walrus {name}.", age=1_000)
    for name in WELL:
        indexer.write(name, f"Penguin {name}.")
    indexer.sweep()
    yield made
    made.over.set()


def waiting(indexer: Indexer) -> list[tuple[str, str, int]]:
    return [(w.kind, w.why, w.files) for w in indexer.database.read(obstacles.waiting)]


def test_a_disk_that_does_not_answer_takes_no_reader_from_other_files(
    indexer: Indexer, silence: Silence
) -> None:
    with indexer.ingesting() as ingest:
        wait_until(ingest.idle)
        # On a busy machine other files may not come in time either, for a moment.
        wait_until(lambda: indexer.texts().keys() == WELL)
        wait_until(lambda: waiting(indexer) == WAITING)
        assert indexer.progress.snapshot().current == ()
        silence.over.set()
        wait_until(lambda: indexer.texts().keys() == WELL | SILENT)
        wait_until(ingest.idle)
    assert waiting(indexer) == []
    assert check(indexer.database, repair=False) == []


def test_an_end_while_a_disk_does_not_answer_leaves_its_files_queued(
    indexer: Indexer, silence: Silence
) -> None:
    with indexer.ingesting() as ingest:
        wait_until(ingest.idle)
    assert not silence.over.is_set()
    assert {state for state, _ in indexer.states().values()} == {"completed", "pending"}
    silence.over.set()
    with indexer.ingesting() as ingest:  # a start tries everything once more
        wait_until(ingest.idle)
        wait_until(lambda: indexer.texts().keys() == WELL | SILENT)


class Withheld(CountingPool):
    """Its pictures are on a disk that does not answer."""

    silence: Silence

    def pixels(
        self, path: Path, edge_px: int, *, cancelled: Callable[[], bool] | None = None
    ) -> NDArray[np.uint8]:
        self.silence.ask(str(path))
        return super().pixels(path, edge_px, cancelled=cancelled)


def test_pictures_on_a_disk_that_does_not_answer_keep_no_pass_from_its_end(
    indexer: Indexer, workers: ExtractPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_to_list(monkeypatch, indexer.root.path)
    indexer.pool = pool = Withheld(workers)
    pool.silence = silence = Silence()
    indexer.images = FakeImageEmbedder()
    for number in range(3):
        indexer.write(f"{number}.png", picture(f"#{number}0f0f0"))
    indexer.sweep()
    with indexer.ingesting() as ingest:
        wait_until(ingest.idle)
        wait_until(lambda: threads("prismd-pictures") == 2)
        assert len(silence.asked) == 1
        silence.over.set()
        wait_until(lambda: threads("prismd-pictures") == 1)
        assert indexer.progress.fault == ""
    indexer.run()
    assert len(silence.asked) == 4


def threads(name: str) -> int:
    return sum(thread.name == name for thread in threading.enumerate())


def test_nobody_else_asks_a_disk_that_does_not_answer(
    indexer: Indexer, pool: CountingPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_to_list(monkeypatch, indexer.root.path)
    silence = Silence()
    pool.before = lambda name: silence.ask(str(indexer.folder / name))
    indexer.write("a.txt", "Walrus.")
    indexer.sweep()
    with indexer.ingesting() as ingest:
        wait_until(lambda: [number for _, _, number in waiting(indexer)] == [1])
        indexer.write("b.txt", "Penguin.")
        indexer.sweep()
        ingest.wake()
        wait_until(lambda: [number for _, _, number in waiting(indexer)] == [2])
        assert len(silence.asked) == 1
        silence.over.set()
        wait_until(lambda: indexer.texts().keys() == {"a.txt", "b.txt"})
        wait_until(ingest.idle)


def test_a_late_refusal_fails_no_file(indexer: Indexer, silence: Silence) -> None:
    with indexer.ingesting() as ingest:
        wait_until(ingest.idle)
        silence.error = OSError(110, "Connection timed out")
        silence.over.set()
        wait_until(lambda: len(silence.came_back) == 5)
        wait_until(ingest.idle)
        assert waiting(indexer) == WAITING
        assert indexer.rows("SELECT sum(attempts) FROM jobs") == [(0,)]
        silence.error = None
        indexer.database.write(obstacles.look_soon)
        ingest.wake()
        wait_until(lambda: indexer.texts().keys() == WELL | SILENT)
        wait_until(ingest.idle)


def test_a_file_that_does_not_come_waits_alone_where_its_disk_answers(
    indexer: Indexer, silence: Silence, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    with indexer.ingesting() as ingest:
        wait_until(ingest.idle)
        wait_until(lambda: indexer.texts().keys() == WELL)
        alone = [
            ("disk", f"/dev/{name} does not come, though its disk answers", 1)
            for name in sorted(SILENT)
        ]
        wait_until(lambda: sorted(waiting(indexer)) == alone)
        silence.over.set()
        wait_until(lambda: indexer.texts().keys() == WELL | SILENT)
    assert waiting(indexer) == []


def test_a_file_that_always_comes_late_is_waited_for_longer_each_time(
    indexer: Indexer, silence: Silence, pool: CountingPool
) -> None:
    late = threading.Event()

    def come_late(name: str) -> None:
        if name in SILENT:
            with asking(b"/dev/" + name.encode()):
                late.wait(0.5)  # of which ``silent_s`` is less than the half

    pool.before = come_late
    with indexer.ingesting():
        wait_until(lambda: indexer.texts().keys() == WELL | SILENT)
