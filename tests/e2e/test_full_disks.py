"""Full disks, of the index and of the files: nothing is lost, and what goes on is said."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest

from prismd.errors import StoreError
from prismd.ingest.embedding import open_space
from prismd.models.fake import FakeEmbedder
from prismd.store.database import Database
from tests.building import embed_waiting, put, wait_until
from tests.cli.harness import Place
from tests.e2e.disks import Scenes, free_bytes, mount, remount

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

_FREE_BYTES = 8 << 20
_FEW = 8


def test_a_full_disk_of_the_index_loses_nothing(scenes: Scenes) -> None:
    scenes.see(full_disk_of_the_index)


def full_disk_of_the_index(folder: Path) -> None:
    place = Place(folder)
    place.data_dir.mkdir()
    mount(place.data_dir, "-o", f"size={_FREE_BYTES}")
    place.write("a.txt", "The walrus is a marine mammal.")
    with place.daemon() as daemon:
        daemon.await_idle()
        filler = place.data_dir / "filler"
        filler.write_bytes(b"x" * free_bytes(place.data_dir))
        for number in range(200):
            place.write(f"{number}.txt", f"Penguin {number}. " + "They cannot fly. " * 200)
        wait_until(lambda: "disk space" in str(daemon.status()))
        assert daemon.finds("walrus") == ["a.txt"]
        for switch in ("/pause", "/resume"):
            assert daemon.client.post(switch).status_code == 200
        assert daemon.status()["paused"] is None
        filler.unlink()
        remount(place.data_dir, f"size={20 * _FREE_BYTES}")
        wait_until(lambda: len(place.states()) == 201)
        daemon.await_idle()
        assert set(place.states().values()) == {"completed"}
        assert "disk space" not in str(daemon.status())
    said = place.log.read_text()
    assert "Traceback" not in said
    assert "internal error" not in said
    assert len(re.findall("disk is full", said)) <= _FEW


def test_a_full_disk_is_told_though_sqlite_vec_hides_it(scenes: Scenes) -> None:
    scenes.see(full_disk_for_vectors)


def full_disk_for_vectors(folder: Path) -> None:
    mount(folder, "-o", f"size={_FREE_BYTES}")
    database = Database(folder / "data")
    embedder = FakeEmbedder()
    open_space(database, embedder)
    put(database, "/d/a.txt", "The walrus is a marine mammal.")
    database.run_outside_transaction(
        lambda c: c.pragma("max_page_count", c.pragma("page_count") + 1)
    )
    with pytest.raises(StoreError, match="its disk is full; free some disk space") as refused:
        embed_waiting(database, embedder)
    assert "sqlite-vec" in str(refused.value.__cause__)
    database.run_outside_transaction(lambda c: c.pragma("max_page_count", 1 << 30))
    embed_waiting(database, embedder)
    database.close()


def test_a_full_disk_of_the_files_keeps_none_from_being_found(scenes: Scenes) -> None:
    scenes.see(full_disk_of_the_files)


def full_disk_of_the_files(folder: Path) -> None:
    place = Place(folder)
    mount(place.folder, "-o", f"size={_FREE_BYTES}")
    whole = "The walrus sleeps. " * 1000
    place.write("a.txt", "The walrus is a marine mammal.")
    with place.daemon() as daemon:
        wait_until(lambda: daemon.finds("walrus") == ["a.txt"])
        filler = place.folder / "filler.bin"
        filler.write_bytes(b"\0" * (free_bytes(place.folder) - 3 * len(whole)))
        written, torn = [], []
        for number in range(8):
            try:
                place.write(f"{number}.txt", f"Penguin{number} swims. {whole}")
                written.append(number)
            except OSError:  # the disk is full
                torn.append(number)
        assert written
        assert torn
        wait_until(lambda: all(daemon.finds(f"Penguin{n}") == [f"{n}.txt"] for n in written))
        daemon.await_idle()
        assert daemon.finds("mammal") == ["a.txt"]
        status = daemon.status()
        assert (status["fault"], status["roots"][0]["state"]) == ("", "watching")
        filler.unlink()
        for number in torn:
            place.write(f"{number}.txt", f"Penguin{number} swims. {whole} And wakes{number}.")
        wait_until(lambda: all(daemon.finds(f"wakes{n}") == [f"{n}.txt"] for n in torn))
        with contextlib.suppress(FileNotFoundError):
            (place.folder / "a.txt").unlink()
        wait_until(lambda: daemon.finds("mammal") == [])
        daemon.await_idle()
        assert {f"{n}.txt" for n in range(8)} == set(place.states())
    assert " ERROR " not in place.log.read_text()


SCENES = [full_disk_of_the_index, full_disk_for_vectors, full_disk_of_the_files]
