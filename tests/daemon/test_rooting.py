"""Folders of the settings whose disks do not answer when the settings are taken."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from prismd.config.loading import load
from prismd.config.options import Config
from prismd.daemon.assembly import Prism
from prismd.daemon.rooting import Rooting
from prismd.errors import ConfigError
from prismd.store import facts, files
from prismd.store.database import Database
from prismd.watch.folders import Folders, add_root, forget, removable
from tests.building import wait_until
from tests.hung_paths import HungPaths
from tests.unwatched import Unwatched

FAKES = '[models]\nembedding = "fake"\nreranking = "fake"\ngeneration = "off"\n'
SOON_S = 0.01


@pytest.fixture
def hung(monkeypatch: pytest.MonkeyPatch) -> Iterator[HungPaths]:
    made = HungPaths(monkeypatch)
    yield made
    made.answer_all()


class Counted(Unwatched):
    """Watches nothing, and counts how often it is told to look which folders there are."""

    def __init__(self) -> None:
        self.followed = 0

    def follow(self) -> None:
        self.followed += 1


class Waited:
    """A lock that tells when somebody wants it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.wanted = threading.Event()

    def __enter__(self) -> None:
        self.wanted.set()
        self.lock.acquire()

    def __exit__(self, *error: object) -> None:
        self.lock.release()


class Setting:
    """A configuration file, folders to name in it, and an index over some of them."""

    def __init__(self, base: Path, database: Database) -> None:
        self.database = database
        self.share, self.near = base / "share", base / "near"
        self.link = base / "Documents"
        for folder in (self.share, self.near):
            folder.mkdir()
        self.link.symlink_to(self.share)
        self.file = base / "config.toml"
        self.watches = Counted()

    def config(self, *folders: Path, flags: tuple[Path, ...] = (), more: str = "") -> Config:
        lines = "".join(f'[[folders]]\npath = "{folder}"\n{more}' for folder in folders)
        self.file.write_text(FAKES + lines)
        given = {"data_dir": self.database.path.parent, "folders": [str(f) for f in flags]}
        return load(self.file, {}, given)

    def start(self, config: Config) -> Rooting:
        made = Rooting(self.database, config, again_s=SOON_S)
        made.put()
        return made

    def roots(self) -> list[str]:
        return sorted(Path(root.path).name for root in self.database.read(files.roots))

    def folders(self, rooting: Rooting) -> Folders:
        return Folders(self.database, self.watches, lambda: rooting.placed.configured, lambda: None)


@pytest.fixture
def setting(tmp_path: Path) -> Iterator[Setting]:
    made = Setting(tmp_path, Database(tmp_path / "index"))
    yield made
    made.database.close()


@pytest.fixture
def tended(setting: Setting) -> Iterator[Callable[[Rooting], Folders]]:
    """Has late disks be asked for as long as the test goes on."""
    started: list[Rooting] = []

    def tend(rooting: Rooting) -> Folders:
        folders = setting.folders(rooting)
        rooting.tend(folders)
        started.append(rooting)
        return folders

    yield tend
    for rooting in started:
        rooting.stop()


def test_a_link_to_a_disk_that_does_not_answer_leads_where_it_led_last(
    setting: Setting, hung: HungPaths
) -> None:
    config = setting.config(setting.link, more="poll = true\n")
    setting.start(config)
    assert setting.roots() == ["share"]
    hung.hang(setting.link)
    again = setting.start(config)
    assert setting.roots() == ["share"]
    assert again.placed.configured == {str(setting.share)}
    (folder,) = again.placed.config.folders
    assert (folder.path, folder.poll) == (setting.share, True)
    with pytest.raises(ConfigError, match="is named in the configuration"):
        removable(setting.database, setting.link, again.placed.configured)


def test_a_folder_that_was_never_found_keeps_nothing_from_starting_and_is_added_late(
    setting: Setting,
    hung: HungPaths,
    tended: Callable[[Rooting], Folders],
    caplog: pytest.LogCaptureFixture,
) -> None:
    hung.hang(setting.link)
    made = setting.start(setting.config(setting.near, setting.link))
    assert setting.roots() == ["near"]
    assert f"{setting.link}: its disk does not answer; it is indexed as soon as" in caplog.text
    tended(made)
    hung.answer(setting.link)
    wait_until(lambda: setting.roots() == ["near", "share"])
    wait_until(lambda: not made.placed.unsure)
    assert made.placed.configured == {str(setting.near), str(setting.share)}
    wait_until(lambda: setting.watches.followed == 1)
    hung.hang(setting.link)  # where it leads is known from now on
    assert setting.start(setting.config(setting.near, setting.link)).placed.configured == {
        str(setting.near),
        str(setting.share),
    }


def test_as_long_as_one_folder_cannot_be_told_none_is_forgotten(
    setting: Setting, hung: HungPaths, tended: Callable[[Rooting], Folders]
) -> None:
    setting.start(setting.config(setting.near, setting.link))
    hung.hang(setting.link)
    made = setting.start(setting.config(setting.link))
    assert setting.roots() == ["near", "share"]
    tended(made)
    hung.answer(setting.link)
    wait_until(lambda: not made.placed.unsure)
    assert setting.roots() == ["near", "share"]  # nobody was asked
    setting.start(setting.config(setting.link))
    assert setting.roots() == ["share"]


def test_a_disk_that_answers_just_in_between_has_nothing_forgotten_nor_added_under_a_link(
    setting: Setting, hung: HungPaths
) -> None:
    config = setting.config(setting.link)
    setting.start(config)
    setting.database.write(lambda c: facts.put(c, "real paths", "{}"))  # as before it was noted
    hung.hang(setting.link)

    made = Rooting(setting.database, config)
    placed = made.place(config)
    hung.answer(setting.link)
    made.put(placed)
    assert setting.roots() == ["share"]
    (root,) = setting.database.read(files.roots)
    assert made.placed.disowns(root)  # it may be another's: nobody can tell


def test_a_disk_that_goes_silent_in_between_has_nothing_forgotten(
    setting: Setting, hung: HungPaths
) -> None:
    setting.start(setting.config(setting.near))
    made = Rooting(setting.database, setting.config(setting.share))
    placed = made.place(setting.config(setting.share))
    hung.hang(setting.share)
    made.put(placed)
    assert setting.roots() == ["near"]
    assert made.placed.unsure == {str(setting.share)}


def test_a_late_folder_that_cannot_be_added_is_told_once_and_tried_again(
    setting: Setting,
    hung: HungPaths,
    tended: Callable[[Rooting], Folders],
    caplog: pytest.LogCaptureFixture,
) -> None:
    late = setting.share / "late"
    hung.hang(late, setting.near)
    made = setting.start(setting.config(late, setting.near))
    tended(made)
    hung.answer(late, setting.near)
    wait_until(lambda: setting.roots() == ["near"])
    wait_until(lambda: setting.watches.followed > 3)
    late.mkdir()
    wait_until(lambda: setting.roots() == ["late", "near"])
    assert caplog.text.count("late: there is no such folder; correct or remove it") == 1


def test_a_late_folder_of_the_command_is_added_unless_it_was_removed_meanwhile(
    setting: Setting, hung: HungPaths, tended: Callable[[Rooting], Folders]
) -> None:
    add_root(setting.database, setting.share)
    hung.hang(setting.share, setting.near)
    made = setting.start(setting.config(flags=(setting.share, setting.near)))
    assert setting.roots() == ["share"]
    forget(setting.database, removable(setting.database, setting.share, made.placed.configured))
    tended(made)
    hung.answer(setting.share, setting.near)
    wait_until(lambda: not made.placed.unsure)
    assert setting.roots() == ["near"]


def test_settings_that_are_read_once_more_meanwhile_hold(setting: Setting, hung: HungPaths) -> None:
    hung.hang(setting.share)
    made = setting.start(setting.config(setting.near, setting.share))
    hung.answer(setting.share)
    wait_until(lambda: not _asking())
    folders = setting.folders(made)
    folders.changing = waited = Waited()  # type: ignore[assignment]
    with waited.lock:
        made.tend(folders)
        assert waited.wanted.wait(60)  # by now it knows where the share is
        made.put(made.place(setting.config(setting.near)))
    assert made.placed.unsure == frozenset()
    made.stop()
    assert setting.roots() == ["near"]


def test_a_folder_whose_disk_does_not_answer_is_not_added_by_command(
    setting: Setting, hung: HungPaths
) -> None:
    hung.hang(setting.link)
    with pytest.raises(ConfigError, match="Documents: its disk does not answer; try again when"):
        add_root(setting.database, setting.link)
    assert setting.roots() == []


def test_a_folder_that_may_be_named_still_is_not_read_by_other_rules(
    tmp_path: Path, setting: Setting, hung: HungPaths
) -> None:
    first = setting.config(setting.near, setting.link)
    setting.start(first)
    setting.database.close()
    (setting.near / "secret.txt").write_text("x")
    hung.hang(setting.link)
    prism = Prism(setting.config(setting.link))
    try:
        near, share = prism.put_roots()
        with pytest.raises(ConfigError, match=f"cannot be told before {setting.link} answers"):
            prism.rules(near)
        assert prism.sweep(near).silent
        assert prism.rules(share).never
        wanted = prism.place(setting.config(setting.link))
        assert prism.leaving(wanted) == []
        hung.answer(setting.link)
        wait_until(lambda: not _asking())
        with pytest.raises(ConfigError, match="named in the configuration"):
            prism.rules(near)
        wanted = prism.place(setting.config(setting.link))
        assert prism.leaving(wanted) == [(near, 0)]
        assert prism.put_roots(wanted) == [share]
    finally:
        prism.close()


def _asking() -> bool:
    return any(thread.name == "prismd-path" for thread in threading.enumerate())
