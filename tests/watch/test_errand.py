"""Between disk and index: neither is taken for the other, and what is given up writes nothing."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TypeVar

import apsw
import pytest

from prismd.disk.looking import look
from prismd.store import files
from prismd.store.database import Database
from prismd.store.files import Root
from prismd.watch import Rules, Sweeper, sweep
from prismd.watch.errand import Errand
from prismd.watch.findings import Findings
from prismd.watch.mounts import Mounts
from prismd.watch.once import SILENT_S
from prismd.watch.pulse import Pulse
from prismd.watch.seen import Abandoned
from prismd.watch.spelling import is_spelled_so
from tests.watch.place import Place
from tests.watch.pulses import Counted, Stuck

T = TypeVar("T")


class Attentive(Database):
    """Notes whether the disk was being asked whenever it is itself, and how often it is written."""

    def __init__(self, data_dir: Path, pulse: Pulse) -> None:
        self._pulse = pulse
        self.asked_too: list[bool] = []
        self.writes = 0
        super().__init__(data_dir)

    def read(self, work: Callable[[apsw.Connection], T], *, deadline_s: float | None = None) -> T:
        self.asked_too.append(self._pulse.silent_s() > 0)
        return super().read(work, deadline_s=deadline_s)

    def write(self, work: Callable[[apsw.Connection], T]) -> T:
        self.asked_too.append(self._pulse.silent_s() > 0)
        self.writes += 1
        return super().write(work)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "watched"
    (made / "inner").mkdir(parents=True)
    return made


@pytest.fixture
def pulse() -> Counted:
    return Counted()


@pytest.fixture
def index(tmp_path: Path, pulse: Pulse) -> Iterator[Attentive]:
    made = Attentive(tmp_path / "index", pulse)
    yield made
    made.close()


def added(database: Database, folder: Path) -> Root:
    return database.write(lambda c: files.add_root(c, str(folder), "command"))


def test_an_index_that_is_slow_is_never_taken_for_a_silent_disk(
    index: Attentive, pulse: Pulse, folder: Path, tmp_path: Path
) -> None:
    sweeper = Sweeper(index, added(index, folder), Rules(), pulse=pulse)
    for name in ("new", "old", "moved", "excluded", "inner/gone"):
        (folder / name).write_text("x")
    (folder / "linked").hardlink_to(folder / "old")
    index.asked_too.clear()
    pulse.beat()
    assert sweeper.sweep().added == 6
    (folder / "old").write_text("longer")
    (folder / "moved").rename(folder / "elsewhere")
    (folder / "inner/gone").unlink()
    (folder / ".prismignore").write_text("excluded")
    found = sweeper.sweep()
    assert (found.changed, found.moved, found.removed) == (2, 1, 2)
    assert sweeper.doubtful() == set()
    assert not sweeper.is_offline()
    folder.rename(tmp_path / "away")
    assert sweeper.sweep().offline
    assert len(index.asked_too) > 20
    assert not any(index.asked_too)
    assert pulse.silent_s() > 0  # it is asked still


def test_one_look_waits_for_an_index_that_is_busy(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write("a.txt")
    busy, asked = threading.Event(), threading.Event()
    passed = {"ahead_s": 0.0}
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + passed["ahead_s"])
    monkeypatch.setattr("prismd.watch.pulse.time", clock)
    write = place.database.write

    def ask_and_write(work: Callable[[apsw.Connection], T]) -> T:
        asked.set()
        return write(work)

    monkeypatch.setattr(place.database, "write", ask_and_write)

    def hold(connection: apsw.Connection) -> None:
        busy.set()
        assert asked.wait(60)
        passed["ahead_s"] = 10 * SILENT_S
        threading.Event().wait(0.5)  # so that it is seen how late it is

    held = place.database.submit(hold)
    assert busy.wait(60)
    found = sweep(place.database, place.root, Rules(), silent_s=SILENT_S)
    held.result()
    assert (found.added, found.silent) == (1, False)


def test_a_disk_that_answers_just_as_it_is_given_up_is_silent(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_up, abandon = threading.Event(), Sweeper.abandon

    def give_up(sweeper: Sweeper) -> None:
        abandon(sweeper)
        given_up.set()

    monkeypatch.setattr(Sweeper, "abandon", give_up)

    def answer_late() -> Mounts:
        assert given_up.wait(60)
        return Mounts()

    found = sweep(place.database, place.root, Rules(), silent_s=0.05, mounts=answer_late)
    assert (found.offline, found.silent) == (True, True)


def test_every_other_name_of_a_file_that_changed_is_an_answer(
    index: Attentive, pulse: Counted, folder: Path
) -> None:
    root = added(index, folder)
    first = folder / "first"
    first.write_text("x")
    for number in range(20):
        (folder / f"{number}").hardlink_to(first)
    Sweeper(index, root, Rules()).sweep()
    known = index.read(lambda c: files.known(c, root.id))
    before = pulse.beats
    Findings(Errand(index, root, pulse)).differs(known[os.fsencode(first)].id, look(str(first)))
    assert pulse.beats >= before + 20


def test_every_name_that_is_listed_to_see_how_it_is_spelled_is_an_answer(folder: Path) -> None:
    for number in range(20):
        (folder / "inner" / f"{number}").write_text("x")
    pulse = Counted()
    path = os.fsencode(folder / "inner" / "7")
    assert is_spelled_so(path, os.fsencode(folder), pulse.beat)
    assert pulse.beats >= 21


def test_many_files_are_forgotten_a_few_at_a_time(
    index: Attentive, pulse: Pulse, folder: Path
) -> None:
    root = added(index, folder)
    entry = look(os.fspath(_written(folder / "a")))
    path = os.fsencode(folder)
    index.write(
        lambda c: files.add(
            c,
            root.id,
            (
                files.Entry(b"%s/%d" % (path, n), entry.device, n, 1, 1, 1)
                for n in range(4_001)
            ),
        )
    )  # fmt: skip
    known = list(index.read(lambda c: files.known(c, root.id)).items())
    findings = Findings(Errand(index, root, pulse))
    before = index.writes
    findings.remove(known)
    assert (findings.removed, index.writes - before) == (4_001, 3)
    findings.remove([])
    assert index.writes - before == 3


def _written(path: Path) -> Path:
    path.write_text("x")
    return path


@contextlib.contextmanager
def left_behind(place: Place, stuck: Stuck) -> Iterator[list[BaseException]]:
    """A sweep that is stuck as long as the context lasts; gives what ended it."""
    ended: list[BaseException] = []
    sweeper = Sweeper(place.database, place.root, Rules(), pulse=stuck)

    def work() -> None:
        try:
            sweeper.sweep()
        except BaseException as error:
            ended.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert stuck.stuck.wait(60)
        yield ended
    finally:
        stuck.over.set()
        thread.join()


def test_a_sweep_left_behind_brings_no_files_of_a_removed_root_to_the_one_with_its_number(
    place: Place, tmp_path: Path
) -> None:
    for number in range(50):
        place.write(f"{number}.txt")
    other = tmp_path / "other"
    other.mkdir()
    with left_behind(place, Stuck(30)) as ended:
        place.database.write(lambda c: files.remove_root(c, place.root.id))
        again = added(place.database, other)
        assert again.id == place.root.id
    assert [type(error) for error in ended] == [Abandoned]
    assert place.database.read(lambda c: files.known(c, again.id)) == {}
    assert place.database.read(files.roots) == [again]


def test_a_sweep_left_behind_changes_nothing_of_the_root_with_its_number(
    place: Place, tmp_path: Path
) -> None:
    errand = Errand(place.database, place.root, Pulse())
    place.database.write(lambda c: files.remove_root(c, place.root.id))
    errand.set_offline()
    again = added(place.database, tmp_path)
    with pytest.raises(Abandoned):
        errand.write(lambda c: files.set_root_state(c, again.id, "polling"))
    errand.set_offline()
    with pytest.raises(Abandoned):
        Sweeper(place.database, place.root, Rules()).sweep()
    assert place.database.read(files.roots) == [again]


def test_what_was_called_off_asks_and_writes_nothing_more(place: Place) -> None:
    errand = Errand(place.database, place.root, Pulse())
    errand.call_off()
    with pytest.raises(Abandoned):
        errand.heard()
    with pytest.raises(Abandoned):
        errand.write(lambda c: files.set_root_state(c, place.root.id, "polling"))
    assert [root.state for root in place.database.read(files.roots)] == ["watching"]
