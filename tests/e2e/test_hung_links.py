"""Folders that are named by links, which lead to a disk that does not answer."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from tests.building import wait_until
from tests.cli.harness import CONFIG, Place
from tests.e2e.disks import Scenes, hung

pytestmark = [pytest.mark.slow, pytest.mark.timeout(280)]


def named_by_link(base: Path) -> tuple[Place, Path]:
    """A configuration that names a folder of a share by a link."""
    place, docs = Place(base), base / "share" / "docs"
    docs.mkdir(parents=True)
    (docs / "far.txt").write_text("The zeppelin lands at dusk.")
    (base / "Documents").symlink_to(docs)
    place.config.write_text(f'{CONFIG}\n[[folders]]\npath = "{base}/Documents"\n')
    place.write("a.txt", "The ferry sails at noon.")
    return place, docs


def test_a_link_to_a_disk_that_hangs_keeps_nothing_from_starting(scenes: Scenes) -> None:
    scenes.see(known_behind_a_link)


def known_behind_a_link(base: Path) -> None:
    place, docs = named_by_link(base)
    place.run("index", place.folder)
    place.write("b.txt", "The walrus sleeps on the ice.")
    with hung(docs.parent), place.daemon() as daemon:
        wait_until(lambda: daemon.finds("walrus") == ["b.txt"])
        assert daemon.finds("zeppelin") == ["far.txt"]
        assert {root["path"] for root in daemon.status()["roots"]} == {
            str(place.folder),
            str(docs),
        }
        assert place.run("config", "reload").endswith("Nothing has changed.\n")
        assert daemon.stop() == 0
    assert "Traceback" not in place.log.read_text()


def test_a_new_link_to_a_disk_that_hangs_is_indexed_as_soon_as_it_answers(scenes: Scenes) -> None:
    scenes.see(new_behind_a_link)


def new_behind_a_link(base: Path) -> None:
    place, docs = named_by_link(base)
    place.write("b.txt", "The walrus sleeps on the ice.")
    with contextlib.ExitStack() as silence:
        silence.enter_context(hung(docs.parent))
        with place.daemon() as daemon:
            wait_until(lambda: daemon.finds("walrus") == ["b.txt"])
            assert [root["path"] for root in daemon.status()["roots"]] == [str(place.folder)]
            silence.close()  # what was asked meanwhile is answered by errors
            wait_until(lambda: daemon.finds("zeppelin") == ["far.txt"])
            assert str(docs) in {root["path"] for root in daemon.status()["roots"]}
            assert daemon.stop() == 0
    log = place.log.read_text()
    assert "Documents: its disk does not answer; it is indexed as soon as it does" in log
    assert "Traceback" not in log


SCENES = [known_behind_a_link, new_behind_a_link]
