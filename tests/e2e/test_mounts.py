"""Disks that go and come back while a daemon watches: real ones, in a namespace of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.building import wait_until
from tests.cli.harness import Place
from tests.e2e.disks import Scenes, bind, mount, unmount

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def test_a_root_whose_disk_is_unplugged_is_offline_and_comes_back(scenes: Scenes) -> None:
    scenes.see(unplugged_root)


def unplugged_root(folder: Path) -> None:
    disk = folder / "disk"
    disk.mkdir()
    mount(disk)
    place = Place(folder)
    bind(disk, place.folder)
    place.write("a.txt", "The walrus is a marine mammal.")
    with place.daemon() as daemon:
        wait_until(lambda: daemon.finds("walrus") == ["a.txt"])
        daemon.await_idle()
        embedded = daemon.status()["embeddings_computed"]
        unmount(place.folder)
        daemon.client.post("/rescan").raise_for_status()
        wait_until(lambda: daemon.status()["roots"][0]["state"] == "offline")
        assert place.states() == {"a.txt": "completed"}
        assert daemon.finds("walrus") == ["a.txt"]
        bind(disk, place.folder)
        wait_until(lambda: daemon.status()["roots"][0]["state"] == "watching")
        daemon.await_idle()
        assert daemon.status()["embeddings_computed"] == embedded
        place.write("b.txt", "A second walrus.")
        wait_until(lambda: sorted(daemon.finds("walrus")) == ["a.txt", "b.txt"])
    assert "Traceback" not in place.log.read_text()


def test_a_disk_within_a_root_that_is_unplugged_is_not_forgotten(scenes: Scenes) -> None:
    scenes.see(unplugged_folder)


def unplugged_folder(folder: Path) -> None:
    disk = folder / "disk"
    disk.mkdir()
    mount(disk)
    place = Place(folder)
    stick = place.folder / "stick"
    stick.mkdir()
    bind(disk, stick)
    place.write("a.txt", "The walrus is a marine mammal.")
    place.write("stick/b.txt", "A walrus on a stick.")
    with place.daemon() as daemon:
        daemon.await_idle()
        embedded = daemon.status()["embeddings_computed"]
        unmount(stick)
        daemon.client.post("/rescan").raise_for_status()
        wait_until(lambda: "not there" in daemon.status()["roots"][0]["detail"])
        assert place.states() == {"a.txt": "completed", "b.txt": "completed"}
        bind(disk, stick)
        (stick / "b.txt").unlink()
        wait_until(lambda: place.states() == {"a.txt": "completed"})
        assert daemon.status()["embeddings_computed"] == embedded


def test_a_pass_ends_while_files_are_on_a_disk_that_is_away(scenes: Scenes) -> None:
    scenes.see(pass_without_disk)


def pass_without_disk(folder: Path) -> None:
    disk = folder / "disk"
    disk.mkdir()
    mount(disk)
    place = Place(folder)
    stick = place.folder / "stick"
    stick.mkdir()
    bind(disk, stick)
    place.write("a.txt", "The walrus is a marine mammal.")
    place.run("index", place.folder)
    with place.daemon() as daemon:
        daemon.await_idle()
        daemon.client.post("/pause").raise_for_status()
        for number in range(3):
            place.write(f"stick/{number}.txt", f"Penguin {number}.")
        wait_until(lambda: daemon.status()["files"]["pending"] == 3)
    unmount(stick)
    told = f"3 files not read: the disk of {stick} is not there; read once it is back\n"
    done = place.start("index")
    out, err = done.communicate(timeout=60)
    assert (done.returncode, err) == (0, told), out
    with place.daemon() as daemon:
        daemon.client.post("/resume").raise_for_status()
        wait_until(lambda: sum(w["files"] for w in daemon.status()["waiting"]) == 3)
        daemon.await_idle()
        assert daemon.status()["roots"][0]["pending"] == 0
        assert f"waiting    3 files: the disk of {stick} is not there" in place.run("status")
        done = place.start("index")
        out, err = done.communicate(timeout=60)
        assert (done.returncode, err) == (0, told), out
        assert out.endswith("Up to date.\n")
        bind(disk, stick)
        wait_until(lambda: len(daemon.finds("penguin")) == 3)
        assert daemon.status()["waiting"] == []
    assert "Traceback" not in place.log.read_text()


def test_a_root_that_is_renamed_is_offline_and_comes_back(place: Place) -> None:
    place.write("a.txt", "The walrus is a marine mammal.")
    with place.daemon() as daemon:
        daemon.await_idle()
        embedded = daemon.status()["embeddings_computed"]
        away = place.folder.with_name("away")
        place.folder.rename(away)
        wait_until(lambda: daemon.status()["roots"][0]["state"] == "offline")
        assert place.states() == {"a.txt": "completed"}
        away.rename(place.folder)
        wait_until(lambda: daemon.status()["roots"][0]["state"] == "watching")
        daemon.await_idle()
        assert daemon.status()["embeddings_computed"] == embedded


SCENES = [unplugged_root, unplugged_folder, pass_without_disk]
