"""Read-only disks, of the index and of the files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.building import wait_until
from tests.cli.harness import Daemon, Place
from tests.e2e.disks import Scenes, gone_read_only, heard_daemon, mount, remount

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

_REMEDY = "its disk is read-only; make it writable again"


def test_a_watched_disk_may_be_read_only(scenes: Scenes) -> None:
    scenes.see(read_only_files)


def read_only_files(folder: Path) -> None:
    place = Place(folder)
    mount(place.folder)
    place.write("a.txt", "The walrus is a marine mammal.")
    remount(place.folder, "ro")
    with place.daemon() as daemon:
        daemon.await_idle()
        assert daemon.finds("walrus") == ["a.txt"]
        assert daemon.status()["roots"][0]["state"] == "watching"


def test_prismd_lives_through_a_disk_of_the_index_that_goes_read_only(scenes: Scenes) -> None:
    scenes.see(index_goes_read_only)


def index_goes_read_only(folder: Path) -> None:
    place = Place(folder)
    place.data_dir.mkdir()
    mount(place.data_dir)
    place.write("a.txt", "The walrus is a marine mammal.")
    said: list[str] = []
    with heard_daemon(place, said) as daemon:
        daemon.await_idle()
        assert place.run("pause") == "Paused.\n"
        place.write("b.txt", "The penguin cannot fly.")
        daemon.client.post("/rescan").raise_for_status()
        wait_until(lambda: daemon.status()["files"]["pending"] == 1)
        with gone_read_only(place.data_dir, daemon.process):
            while_read_only(daemon)
        wait_until(lambda: daemon.finds("penguin") == ["b.txt"])
        wait_until(lambda: daemon.finds("zeppelin") == ["c.txt"])
        daemon.await_idle()
        wait_until(lambda: "read-only" not in str(daemon.status()))
        assert place.states() == {name: "completed" for name in ("a.txt", "b.txt", "c.txt")}
        assert daemon.status()["embeddings_computed"] == 3
    log = "".join(said)
    assert "Traceback" not in log
    assert "internal error" not in log
    told = [line.split(maxsplit=2)[2] for line in said if _REMEDY in line]
    assert sorted(told) == sorted(set(told)), "what lasts is told once"
    assert place.json("check") == []


def while_read_only(daemon: Daemon) -> None:
    place = daemon.place
    resumed = daemon.client.post("/resume").raise_for_status().json()
    assert resumed["paused"] is None
    assert "a restart would pause it again" in resumed["note"]
    assert _REMEDY in resumed["note"]
    place.write("c.txt", "The zeppelin lands at dusk.")
    daemon.client.post("/rescan").raise_for_status()
    wait_until(lambda: _REMEDY in str(daemon.status()["roots"][0]["detail"]))
    wait_until(lambda: _REMEDY in daemon.status()["fault"])

    assert daemon.finds("walrus") == ["a.txt"]
    answer: Any = daemon.client.post(
        "/v1/chat/completions",
        json={"model": "prism", "messages": [{"role": "user", "content": "What is the walrus?"}]},
    )
    (citation, *_) = answer.raise_for_status().json()["prism"]["citations"]
    assert Path(citation["path"]).name == "a.txt"
    refused = daemon.client.post("/roots", json={"path": str(place.root / "home")})
    assert refused.status_code == 503
    assert refused.json()["error"]["code"] == "store_unavailable"
    assert _REMEDY in refused.json()["error"]["message"]

    assert place.run("pause") == "Paused.\n"  # as it was written down before
    assert daemon.status()["state"] == "paused"
    with place.start("resume") as command:
        out, err = command.communicate()
    assert (command.returncode, out) == (0, "Resumed.\n")
    assert err.startswith("note: the end of the pause could not be written down, so a restart")
    assert daemon.status()["paused"] is None


def test_prismd_ends_in_order_on_a_disk_that_went_read_only(scenes: Scenes) -> None:
    scenes.see(end_while_read_only)


def end_while_read_only(folder: Path) -> None:
    place = Place(folder)
    place.data_dir.mkdir()
    mount(place.data_dir)
    place.write("a.txt", "The walrus is a marine mammal.")
    said: list[str] = []
    with heard_daemon(place, said) as daemon:
        daemon.await_idle()
        with gone_read_only(place.data_dir, daemon.process):
            place.write("b.txt", "The penguin cannot fly.")
            daemon.client.post("/rescan").raise_for_status()
            wait_until(lambda: _REMEDY in str(daemon.status()))
            assert daemon.stop() == 0, said
    assert "Traceback" not in "".join(said)
    with place.daemon() as daemon:
        wait_until(lambda: daemon.finds("penguin") == ["b.txt"])
        assert daemon.finds("walrus") == ["a.txt"]


def test_a_start_on_a_read_only_disk_says_what_to_do(scenes: Scenes) -> None:
    scenes.see(read_only_start)


def read_only_start(folder: Path) -> None:
    place = Place(folder)
    place.data_dir.mkdir()
    mount(place.data_dir)
    place.write("a.txt", "The walrus is a marine mammal.")
    remount(place.data_dir, "ro")
    said = place.run("run", place.folder, exit_code=2)
    assert said.startswith(f"prismd: {place.data_dir}")
    assert "Read-only file system" in said
    assert "make it writable, or name another --data-dir" in said
    assert _REMEDY in place.run("index", place.folder, exit_code=1)

    remount(place.data_dir, "rw")
    place.run("index", place.folder)
    place.run("token")
    remount(place.data_dir, "ro")
    for command in ("run", "index", "search walrus", "check"):
        said = place.run(*command.split(), exit_code=1)
        assert said.startswith(f"prismd: {place.data_dir}")
        assert _REMEDY in said
        assert "delete" not in said
    found = {item["what"]: item for item in place.json("doctor", exit_code=1)}
    assert found["data directory"]["remedy"].startswith("make it writable again")

    remount(place.data_dir, "rw")
    with place.daemon() as daemon:
        wait_until(lambda: daemon.finds("walrus") == ["a.txt"])


SCENES = [read_only_files, index_goes_read_only, end_while_read_only, read_only_start]
