"""What befalls one folder concerns no other: each is watched, told of and got over by itself."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from prismd.errors import ConfigError, StoreError
from prismd.store import files, jobs
from prismd.store.files import Root
from prismd.watch import Rules, Sweeper, sweep
from prismd.watch.events import Events, SystemEvents
from prismd.watch.inotify import WatchLimit
from prismd.watch.mounts import Mounts
from prismd.watch.state import WatchState
from prismd.watch.watcher import WatchSettings
from prismd.watch.watching import Watching
from tests.building import wait_until
from tests.watch.place import Place
from tests.watch.pulses import Counted

SETTINGS = WatchSettings(rescan_s=1e6, poll_s=1e6, retry_s=0.05, silent_s=0.3)


@pytest.fixture
def other(place: Place, tmp_path: Path) -> Root:
    """A second root with a file in it; its path comes before that of the first."""
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "other.txt").write_text("x")
    place.write("first.txt")
    return place.database.write(lambda c: files.add_root(c, str(folder), "command"))


class Faulty:
    """Gives rules, or raises what it is told to for one of the roots."""

    def __init__(self, root: Root) -> None:
        self.root = root
        self.fault: Exception | None = None
        self.rules = Rules()

    def __call__(self, root: Root) -> Rules:
        if root.id == self.root.id and self.fault is not None:
            raise self.fault
        return self.rules


def watching(place: Place, rules_of: Faulty) -> Watching:
    return Watching(place.database, rules_of, SETTINGS, lambda found: None, find_mounts=Mounts)


def count(place: Place, root: Root) -> int:
    return place.database.read(lambda c: files.count(c, root.id))


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (ConfigError("exclude: no pattern"), "(exclude: no pattern)"),
        (OSError(24, "Too many open files"), "Too many open files"),
        (ValueError("secret"), "(internal error: ValueError;"),
    ],
)
def test_a_root_that_cannot_be_watched_leaves_the_others_watched_and_is_tried_again(
    place: Place, other: Root, fault: Exception, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    rules_of = Faulty(other)
    rules_of.fault = fault
    made = watching(place, rules_of)
    made.start()
    try:
        place.expect("first.txt")
        assert count(place, other) == 0
        state = made.state_of(other.id)
        assert state.state == "starting"
        assert state.detail.startswith("it is not watched (")
        assert said in state.detail
        assert made.states()[other.id] == state
        place.write("later.txt")
        place.expect("first.txt", "later.txt")
        rules_of.fault = None
        wait_until(lambda: count(place, other) == 1)
        wait_until(lambda: made.state_of(other.id) == WatchState("watching"))
    finally:
        made.stop()
    logged = [
        record
        for record in caplog.records
        if record.levelno == logging.ERROR and record.getMessage().startswith(f"{other.path}: ")
    ]
    assert len(logged) == 1  # however often it was tried


def test_new_rules_that_cannot_be_had_leave_those_of_before(place: Place, other: Root) -> None:
    rules_of = Faulty(other)
    made = watching(place, rules_of)
    made.start()
    try:
        wait_until(lambda: count(place, other) == 1)
        rules_of.fault, rules_of.rules = ConfigError("no pattern"), Rules(exclude=("*.txt",))
        made.follow()
        place.expect()
        assert count(place, other) == 1
        assert "its new settings are not taken (no pattern)" in made.state_of(other.id).detail
        rules_of.fault = None
        wait_until(lambda: count(place, other) == 0)
        wait_until(lambda: made.state_of(other.id) == WatchState("watching"))
    finally:
        made.stop()


def test_a_root_that_is_gone_is_watched_no_more_whatever_befalls_the_others(
    place: Place, other: Root
) -> None:
    rules_of = Faulty(place.root)
    made = watching(place, rules_of)
    made.start()
    try:
        wait_until(made.swept)
        place.database.write(lambda c: files.remove_root(c, other.id))
        rules_of.fault = StoreError("the disk is full")
        made.follow()
        assert made.states().keys() == {place.root.id}
        wait_until(lambda: watchers() == 1)
    finally:
        made.stop()


def watchers() -> int:
    return sum(thread.name == "prismd-watch" for thread in threading.enumerate())


def test_a_number_that_is_anothers_by_now_has_the_other_watched(
    place: Place, other: Root, tmp_path: Path
) -> None:
    made = watching(place, Faulty(other))
    made.start()
    try:
        wait_until(lambda: count(place, other) == 1)
        third = tmp_path / "third"
        third.mkdir()
        (third / "a.txt").write_text("x")
        (third / "b.txt").write_text("x")
        place.database.write(lambda c: files.remove_root(c, other.id))
        again = place.database.write(lambda c: files.add_root(c, str(third), "command"))
        assert again.id == other.id
        made.follow()
        wait_until(lambda: count(place, again) == 2)
    finally:
        made.stop()


def test_folders_that_cannot_be_read_from_the_index_are_followed_later(
    place: Place, other: Root
) -> None:
    made = watching(place, Faulty(other))
    place.database.write(lambda c: c.execute("ALTER TABLE roots RENAME TO away"))
    made.start()
    try:
        assert made.states() == {}
        place.database.write(lambda c: c.execute("ALTER TABLE away RENAME TO roots"))
        place.expect("first.txt")
        wait_until(lambda: count(place, other) == 1)
    finally:
        made.stop()


def test_events_that_cannot_be_had_for_one_root_are_had_for_the_others(
    place: Place, other: Root
) -> None:
    limit, refusing = WatchLimit(), threading.Event()
    refusing.set()

    def events_of(path: bytes) -> Events:
        if path == other.path.encode() and refusing.is_set():
            raise OSError(24, "Too many open files")
        return SystemEvents(path, limit)

    with place.watching(SETTINGS, events_of=events_of) as made:
        place.expect("first.txt")
        assert "Too many open files" in made.state_of(other.id).detail
        refusing.clear()
        wait_until(lambda: count(place, other) == 1)


class Hanging:
    """A disk that answers nothing of one root, until it does: its sweep waits for its mounts."""

    def __init__(self) -> None:
        self.stuck = threading.Event()
        self.answers = threading.Event()
        self.only: threading.Thread | None = None
        self._lock = threading.Lock()

    def __call__(self) -> Mounts:
        if not self.answers.is_set():
            with self._lock:  # two may ask at once
                self.only = self.only or threading.current_thread()
            if threading.current_thread() is self.only:
                self.stuck.set()
                self.answers.wait(60)
        return Mounts()


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    made = Hanging()
    yield made
    made.answers.set()


def test_a_disk_that_does_not_answer_is_waited_for_by_nobody_and_told(
    place: Place, other: Root, hanging: Hanging
) -> None:
    with place.watching(SETTINGS, find_mounts=hanging, patience_s=0.1) as made:
        assert hanging.stuck.wait(60)
        # On a busy machine any disk may take for a moment longer than these settings allow.
        wait_until(lambda: WatchState("watching") in made.states().values())
        wait_until(made.started)
        wait_until(made.swept)
        [hung] = [id_ for id_, state in made.states().items() if state.state == "starting"]
        wait_until(lambda: "its disk has not answered for" in made.state_of(hung).detail)
        made.rescan()
        wait_until(made.swept)
        # What is known of it waits until it answers.
        wait_until(lambda: state_in_index(place, hung) == "offline")
        hanging.answers.set()
        wait_until(lambda: made.state_of(hung) == WatchState("watching"))
        wait_until(lambda: state_in_index(place, hung) == "watching")
        wait_until(lambda: place.database.read(jobs.outstanding)[0] == 2)


def state_in_index(place: Place, root_id: int) -> str:
    root = place.database.read(lambda c: files.root(c, root_id))
    assert root is not None
    return root.state


def test_a_disk_that_answers_no_more_is_offline_and_what_is_known_of_it_is_kept(
    place: Place, hanging: Hanging
) -> None:
    place.write("first.txt")
    hanging.answers.set()
    with place.watching(SETTINGS, find_mounts=hanging, patience_s=0.1) as made:
        place.expect("first.txt")
        wait_until(made.swept)
        hanging.answers.clear()
        made.rescan()
        assert hanging.stuck.wait(60)
        wait_until(lambda: made.state_of(1).state == "offline")
        wait_until(made.swept)
        assert "what is known of it is kept" in made.state_of(1).detail
        place.write("later.txt")
        hanging.answers.set()
        place.expect("first.txt", "later.txt")
        wait_until(lambda: made.state_of(1) == WatchState("watching"))


def test_a_slow_disk_is_heard_with_every_folder_and_file(place: Place) -> None:
    for number in range(10):
        place.write(f"{number}/a.txt")
    pulse = Counted()
    sweeper = Sweeper(place.database, place.root, Rules(), pulse=pulse)
    assert sweeper.sweep().added == 10
    assert pulse.beats >= 20
    before = pulse.beats
    for number in range(10):
        (place.folder / f"{number}" / "a.txt").unlink()
    assert sweeper.sweep().removed == 10
    assert pulse.beats >= before + 20


def test_one_look_is_given_up_where_the_disk_does_not_answer(
    place: Place, other: Root, hanging: Hanging
) -> None:
    found = sweep(place.database, other, Rules(), silent_s=0.1, mounts=hanging)
    assert (found.offline, found.silent) == (True, True)
    assert state_in_index(place, other.id) == "offline"
    assert sweep(place.database, place.root, Rules()).added == 1
    hanging.answers.set()
    assert not sweep(place.database, other, Rules(), mounts=hanging).silent
    assert count(place, other) == 1


def test_what_ends_one_look_is_told(place: Place) -> None:
    place.write("a.txt")
    place.database.write(lambda c: c.execute("ALTER TABLE files RENAME TO away"))
    with pytest.raises(apsw.SQLError, match="files"):
        sweep(place.database, place.root, Rules())
