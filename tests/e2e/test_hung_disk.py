"""A disk that answers nothing, as a share does whose computer is away, beside one that does.

It is a real one, in a namespace of its own: a file system in user space that nobody serves.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.building import wait_until, write_file
from tests.cli.harness import CONFIG, Daemon, Place
from tests.e2e.disks import Scenes, hung

pytestmark = [pytest.mark.slow, pytest.mark.timeout(280)]


def root_of(daemon: Daemon, folder: Path) -> dict[str, object]:
    roots: dict[str, dict[str, object]] = {r["path"]: r for r in daemon.status()["roots"]}
    return roots[str(folder)]


def test_a_disk_that_hangs_holds_up_nothing_but_its_own_folder(scenes: Scenes) -> None:
    scenes.see(beside_a_hung_disk)


def beside_a_hung_disk(base: Path) -> None:
    place, share = Place(base), base / "share"
    share.mkdir()
    (share / "far.txt").write_text("The zeppelin lands at dusk.")
    place.config.write_text(f'{CONFIG}\n[[folders]]\npath = "{share}"\n')
    place.write("a.txt", "The ferry sails at noon.")
    place.run("index", place.folder)
    place.write("b.txt", "The walrus sleeps on the ice.")
    with hung(share), place.daemon() as daemon:
        wait_until(lambda: daemon.finds("walrus") == ["b.txt"])
        assert daemon.finds("zeppelin") == ["far.txt"]
        assert root_of(daemon, place.folder)["state"] == "watching"
        assert root_of(daemon, share)["state"] == "starting"
        wait_until(lambda: daemon.status()["state"] == "idle")
        assert "has not answered for" in str(root_of(daemon, share)["detail"])
        place.write("c.txt", "The balloon rises at dawn.")
        assert place.run("index", place.folder).endswith("Up to date.\n")
        assert daemon.finds("balloon") == ["c.txt"]
        assert "its disk has not answered for" in place.run("status")
        assert place.run("config", "reload").endswith("Nothing has changed.\n")
        assert daemon.stop() == 0
    assert "Traceback" not in place.log.read_text()


def test_one_pass_beside_a_disk_that_hangs_comes_to_its_end(scenes: Scenes) -> None:
    scenes.see(one_pass_beside_a_hung_disk)


def one_pass_beside_a_hung_disk(base: Path) -> None:
    place, share = Place(base), base / "share"
    share.mkdir()
    (share / "far.txt").write_text("The zeppelin lands at dusk.")
    place.run("index", share)
    place.write("a.txt", "The ferry sails at noon.")
    with hung(share):
        done = place.start("index", place.folder)
        out, err = done.communicate(timeout=120)
        assert done.returncode == 0, err
        assert f"{share}: its disk does not answer; kept as it was" in err
        assert "In the index: 2 completed" in out
    wait_until(lambda: place.run("index").count("In the index: 2 completed") == 1)


def fill(folder: Path, words: str, *, age: int = 0) -> None:
    """Write more files than there are threads to read them."""
    for number in range(5):
        write_file(folder / f"{folder.name}{number}.txt", f"{words} No. {number}.", age=age)


def test_a_disk_within_a_folder_that_hangs_while_its_files_are_read_keeps_no_reader(
    scenes: Scenes,
) -> None:
    scenes.see(reading_from_a_hung_disk)


def reading_from_a_hung_disk(base: Path) -> None:
    place, nas = Place(base), base / "share" / "nas"
    nas.mkdir(parents=True)
    with place.daemon([place.folder, nas.parent]) as daemon:
        place.run("pause")
        fill(nas, "The zeppelin lands at dusk.", age=1_000)  # the newest are read first
        fill(place.folder, "The walrus sleeps at noon.")
        wait_until(lambda: daemon.status()["files"]["pending"] == 10)
        with hung(nas):
            place.run("resume")
            wait_until(lambda: len(daemon.finds("walrus")) == 5)
            wait_until(lambda: daemon.status()["state"] == "idle")
            (waiting,) = daemon.status()["waiting"]
            assert waiting["kind"] == "disk"
            assert waiting["why"] == f"the disk of {nas} does not answer"
            assert waiting["files"] == 5
            assert daemon.status()["current"] == []
            place.write("c.txt", "The balloon rises at dawn.")
            assert f"5 files not read: the disk of {nas} does not answer" in said(place, "index")
            assert daemon.finds("balloon") == ["c.txt"]
        wait_until(lambda: len(daemon.finds("zeppelin")) == 5)
        daemon.await_idle()
        assert daemon.stop() == 0
    assert "Traceback" not in place.log.read_text()


def said(place: Place, *arguments: object) -> str:
    """What a command that does its work says beside its answer."""
    process = place.start(*arguments)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return err


def test_a_daemon_ends_while_it_reads_from_a_disk_that_hangs(scenes: Scenes) -> None:
    scenes.see(ending_beside_a_hung_disk)


def ending_beside_a_hung_disk(base: Path) -> None:
    place, nas = Place(base), base / "share" / "nas"
    nas.mkdir(parents=True)
    with place.daemon([nas.parent]) as daemon:
        place.run("pause")
        fill(nas, "The zeppelin lands at dusk.")
        wait_until(lambda: daemon.status()["files"]["pending"] == 5)
        with hung(nas):
            place.run("resume")
            wait_until(lambda: daemon.status()["files"]["processing"] > 0)
            assert daemon.stop() == 0
    assert "Traceback" not in place.log.read_text()
    assert "In the index: 5 completed" in place.run("index")


def test_one_pass_ends_though_a_disk_hangs_in_the_middle_of_it(scenes: Scenes) -> None:
    scenes.see(one_pass_from_a_hung_disk)


def one_pass_from_a_hung_disk(base: Path) -> None:
    place, nas = Place(base), base / "files" / "nas"
    nas.mkdir()
    for number in range(300):  # enough to be in the midst of them when the disk hangs
        place.write(f"{number}.txt", f"The walrus sleeps {number} times.", age=1_000)
    fill(nas, "The zeppelin lands at dusk.")  # what is older is read last
    done = place.start("index", place.folder)
    wait_until(lambda: "completed" in place.states().values())
    with hung(nas):
        out, err = done.communicate(timeout=120)
        assert done.returncode == 0, err
        assert "In the index: 300 completed, 5 pending" in out
        assert f"5 files not read: the disk of {nas} does not answer" in err
    assert "In the index: 305 completed" in place.run("index")


SCENES = [
    beside_a_hung_disk,
    one_pass_beside_a_hung_disk,
    reading_from_a_hung_disk,
    ending_beside_a_hung_disk,
    one_pass_from_a_hung_disk,
]
