"""Disks that go and come back while a daemon watches: real ones, in a namespace of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.building import wait_until
from tests.cli.harness import Place

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

_NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"]
_FREE_BYTES = 8 << 20


def in_namespace(name: str, folder: Path) -> None:
    """Run one of the scenes below where mounting needs no privileges, or skip."""
    if sys.platform != "linux":
        pytest.skip("namespaces of mounts are Linux's")
    try:
        probe = subprocess.run(
            [*_NAMESPACE, "mount", "-t", "tmpfs", "none", str(folder)],
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        pytest.skip(f"there is no {error.filename}")
    if probe.returncode:
        pytest.skip(f"nothing can be mounted here: {probe.stderr.strip()}")
    code = f"import tests.e2e.test_mounts as m, pathlib; m.{name}(pathlib.Path({str(folder)!r}))"
    path = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [*_NAMESPACE, sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
    )
    assert done.returncode == 0, done.stdout + done.stderr


def mount(folder: Path, *options: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", *options, "none", str(folder)], check=True)


def bind(source: Path, folder: Path) -> None:
    subprocess.run(["mount", "--bind", str(source), str(folder)], check=True)


def unmount(folder: Path) -> None:
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_root_whose_disk_is_unplugged_is_offline_and_comes_back(tmp_path: Path) -> None:
    in_namespace("unplugged_root", tmp_path)


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


def test_a_disk_within_a_root_that_is_unplugged_is_not_forgotten(tmp_path: Path) -> None:
    in_namespace("unplugged_folder", tmp_path)


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


def test_a_full_disk_of_the_index_loses_nothing(tmp_path: Path) -> None:
    in_namespace("full_disk", tmp_path)


def full_disk(folder: Path) -> None:
    place = Place(folder)
    place.data_dir.mkdir()
    mount(place.data_dir, "-o", f"size={_FREE_BYTES}")
    place.write("a.txt", "The walrus is a marine mammal.")
    with place.daemon() as daemon:
        daemon.await_idle()
        filler = place.data_dir / "filler"
        filler.write_bytes(b"x" * _free_bytes(place.data_dir))
        for number in range(200):
            place.write(f"{number}.txt", f"Penguin {number}. " + "They cannot fly. " * 200)
        wait_until(lambda: "disk space" in str(daemon.status()))
        assert daemon.finds("walrus") == ["a.txt"]
        filler.unlink()
        subprocess.run(
            ["mount", "-o", f"remount,size={20 * _FREE_BYTES}", str(place.data_dir)], check=True
        )
        wait_until(lambda: len(place.states()) == 201)
        daemon.await_idle()
        assert set(place.states().values()) == {"completed"}
        assert "disk space" not in str(daemon.status())
    assert "Traceback" not in place.log.read_text()


def _free_bytes(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def test_a_watched_disk_may_be_read_only(tmp_path: Path) -> None:
    in_namespace("read_only_disk", tmp_path)


def read_only_disk(folder: Path) -> None:
    place = Place(folder)
    mount(place.folder)
    place.write("a.txt", "The walrus is a marine mammal.")
    subprocess.run(["mount", "-o", "remount,ro", str(place.folder)], check=True)
    with place.daemon() as daemon:
        daemon.await_idle()
        assert daemon.finds("walrus") == ["a.txt"]
        assert daemon.status()["roots"][0]["state"] == "watching"
