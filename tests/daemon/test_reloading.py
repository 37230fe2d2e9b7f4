"""What of a changed configuration holds at once."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from prismd.config import SECTIONS, Config, load
from prismd.daemon.assembly import Prism
from prismd.daemon.reloading import LIVE, Reloading, holding_at_once
from prismd.schedule.holding import Scheduling
from prismd.schedule.machine import Machine
from prismd.schedule.schedule import Schedule
from prismd.watch.folders import Folders
from tests.unwatched import Unwatched

FAKES = '[models]\nembedding = "fake"\nreranking = "fake"\ngeneration = "off"\n'
LEVELS = {"log.level": "debug"}


def other(value: object, key: str) -> object:
    """Another value that the setting may have."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case float():
            return value / 2 or 0.5
        case None:
            return Path("/elsewhere")
        case tuple():
            return ("x",)
        case _:
            return LEVELS.get(key, "other")


KEYS = [
    f"{section}.{field.name}"
    for section, kind in SECTIONS.items()
    for field in msgspec.structs.fields(kind)
]


@pytest.mark.parametrize("key", KEYS)
def test_every_setting_holds_at_once_or_stays_as_it_is(key: str) -> None:
    section, _, name = key.partition(".")
    running = load(env={})
    old = getattr(running, section)
    changed = msgspec.structs.replace(old, **{name: other(getattr(old, name), key)})
    wanted = msgspec.structs.replace(running, **{section: changed})
    now = holding_at_once(running, wanted)
    assert now in (running, wanted)
    assert now == running if section not in LIVE else True


class Watched(Unwatched):
    """Watches nothing, and notes whether folders may be changed by others meanwhile."""

    def __init__(self) -> None:
        self.folders: Folders | None = None
        self.exclusive: list[tuple[str, bool]] = []

    def _note(self, what: str) -> None:
        assert self.folders is not None
        self.exclusive.append((what, self.folders.changing.locked()))

    def follow(self) -> None:
        self._note("follow")

    def leave(self, root_id: int) -> None:
        self._note("leave")


def test_no_folder_is_added_or_removed_by_others_while_settings_are_taken(tmp_path: Path) -> None:
    folder, file = tmp_path / "folder", tmp_path / "config.toml"
    folder.mkdir()
    file.write_text(f'{FAKES}[[folders]]\npath = "{folder}"\n')

    def read() -> Config:
        return load(file, {}, {"data_dir": tmp_path / "data"})

    prism = Prism(read())
    try:
        prism.put_roots()
        watches = Watched()
        watches.folders = Folders(prism.database, watches, prism.configured, prism.ingest.wake)
        scheduling = Scheduling(prism.ingest.holds, Schedule(), Machine().conditions)
        reloading = Reloading(prism, watches.folders, scheduling, read)
        file.write_text(FAKES)
        assert [gone.path for gone in reloading.reload().removed] == [str(folder)]
        assert watches.exclusive == [("leave", True), ("follow", True)]
        assert not watches.folders.changing.locked()
    finally:
        prism.close()


def test_folders_hold_at_once_and_the_data_stays_where_it_is(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('data_dir = "elsewhere"\n[[folders]]\npath = "a"\n')
    running, wanted = load(env={}), load(file, {})
    now = holding_at_once(running, wanted)
    assert (now.folders, now.sources, now.file) == (wanted.folders, wanted.sources, file)
    assert now.data_dir == running.data_dir
