"""Folders that are watched: what happens in them is in the index, by itself."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from pathlib import Path

import pytest

from prismd.store import files, jobs
from prismd.watch import Rules, Sweep, Sweeper
from prismd.watch.clock import Clock
from prismd.watch.mounts import Mounts
from prismd.watch.state import WatchState
from tests.building import wait_until
from tests.watch.place import POLLED, Place


def test_every_kind_of_change_is_heard(place: Place, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "inner").mkdir(parents=True)
    (outside / "inner" / "brought.txt").write_text("x")
    place.write("first.txt")
    with place.watching() as watching:
        place.expect("first.txt")
        wait_until(lambda: watching.state_of(1) == WatchState("watching"))
        place.write("a/b/c/nested.txt")
        place.expect("first.txt", "a/b/c/nested.txt")
        (place.folder / "a" / "b").rename(place.folder / "moved")
        place.expect("first.txt", "moved/c/nested.txt")
        place.write("moved/c/later.txt")
        (place.folder / "first.txt").unlink()
        place.expect("moved/c/nested.txt", "moved/c/later.txt")
        shutil.rmtree(place.folder / "moved")
        place.expect()
        outside.rename(place.folder / "in")
        place.expect("in/inner/brought.txt")
        (place.folder / "in" / "inner" / "brought.txt").rename(place.folder / "in" / "taken.txt")
        place.expect("in/taken.txt")


def test_a_folder_that_is_made_anew_under_its_name_is_heard(place: Place) -> None:
    anew = place.folder / "anew"
    place.write("anew/0.txt")
    with place.watching():
        place.expect("anew/0.txt")
        for number in range(1, 5):  # an inode is often given out again at once
            shutil.rmtree(anew)
            anew.mkdir()
            place.write(f"anew/{number}.txt")
            place.expect(f"anew/{number}.txt")
            place.write("anew/more.txt")
            place.expect(f"anew/{number}.txt", "anew/more.txt")


def test_a_root_that_goes_is_offline_and_is_watched_when_it_is_back(place: Place) -> None:
    place.write("deep/kept.txt")
    away = place.folder.with_name("away")
    with place.watching() as watching:
        place.expect("deep/kept.txt")
        place.folder.rename(away)
        wait_until(lambda: watching.state_of(1).state == "offline", 30)
        assert place.names() == {"deep/kept.txt"}
        (away / "deep" / "meanwhile.txt").write_text("x")
        away.rename(place.folder)
        place.expect("deep/kept.txt", "deep/meanwhile.txt")
        wait_until(lambda: watching.state_of(1) == WatchState("watching"))
        place.write("deep/after.txt")
        place.expect("deep/kept.txt", "deep/meanwhile.txt", "deep/after.txt")


def test_a_root_that_is_made_anew_is_watched(place: Place) -> None:
    place.write("old.txt")
    with place.watching():
        place.expect("old.txt")
        shutil.rmtree(place.folder)
        place.write("deep/new.txt")
        place.expect("deep/new.txt")
        place.write("deep/newer.txt")
        place.expect("deep/new.txt", "deep/newer.txt")


def test_names_that_are_not_utf8_are_looked_at_and_the_rest_is_heard(place: Place) -> None:
    odd = os.fsdecode(os.fsencode(place.folder) + b"/caf\xe9")
    place.write("near/a.txt")
    with place.watching(POLLED) as watching:
        place.expect("near/a.txt")
        try:
            Path(odd).mkdir()
        except OSError:
            pytest.skip("this disk takes no such name")
        (Path(odd) / "b.txt").write_text("x")
        place.expect("near/a.txt", "caf\udce9/b.txt")
        if sys.platform == "linux":
            wait_until(lambda: "2 of 3 folders" in watching.state_of(1).detail)
            assert "not UTF-8" in watching.state_of(1).detail
            assert watching.state_of(1).state == "watching"
        place.write("near/c.txt")
        place.expect("near/a.txt", "near/c.txt", "caf\udce9/b.txt")
        shutil.rmtree(odd)
        place.expect("near/a.txt", "near/c.txt")
        wait_until(lambda: watching.state_of(1) == WatchState("watching"))


def test_a_disk_that_tells_of_nothing_is_looked_at(place: Place) -> None:
    place.write("here/a.txt")
    place.write("far/b.txt")
    place.mounts = Mounts(silent=frozenset((os.fsencode(place.folder / "far"),)))
    with place.watching(POLLED) as watching:
        wait_until(lambda: "1 of 3 folders" in watching.state_of(1).detail)
        assert "another computer" in watching.state_of(1).detail
        place.write("far/deep/c.txt")
        place.expect("here/a.txt", "far/b.txt", "far/deep/c.txt")


@pytest.mark.parametrize(
    ("rules", "silent", "said"),
    [(Rules(poll=True), False, "the settings ask for it"), (Rules(), True, "another computer")],
)
def test_a_root_may_be_looked_at_as_a_whole(
    place: Place, rules: Rules, silent: bool, said: str
) -> None:
    place.rules = rules
    if silent:
        place.mounts = Mounts(silent=frozenset((os.fsencode(place.folder),)))
    with place.watching(POLLED) as watching:
        wait_until(lambda: watching.state_of(1).state == "polling")
        assert watching.state_of(1).detail.startswith("all folders are looked at every 0.05 s")
        assert said in watching.state_of(1).detail
        place.write("a/b.txt")
        place.expect("a/b.txt")


def test_rules_that_change_count_at_once(place: Place) -> None:
    place.write("a.txt")
    place.write("b.md")
    with place.watching(POLLED) as watching:
        place.expect("a.txt", "b.md")
        place.rules = Rules(exclude=("*.md",), poll=True)
        watching.follow()
        place.expect("a.txt")
        wait_until(lambda: watching.state_of(1).state == "polling")
        place.rules = Rules()
        watching.follow()
        place.expect("a.txt", "b.md")
        wait_until(lambda: watching.state_of(1) == WatchState("watching"))


def test_what_is_no_disk_is_never_looked_into_and_what_was_there_is_kept(place: Place) -> None:
    place.write("a.txt")
    place.write("auto/letter.txt")
    with place.watching():
        place.expect("a.txt", "auto/letter.txt")
    place.mounts = Mounts(no_disk=frozenset((os.fsencode(place.folder / "auto"),)))
    place.write("auto/unseen.txt")
    place.write("b.txt")
    with place.watching() as watching:
        place.expect("a.txt", "b.txt", "auto/letter.txt")
        watching.rescan()
        wait_until(watching.swept)
        assert place.names() == {"a.txt", "b.txt", "auto/letter.txt"}


def test_a_disk_that_is_mounted_has_everything_looked_through(place: Place) -> None:
    place.mounts = Mounts(others=frozenset((b"/",)))
    sweeps: list[Sweep] = []
    place.on_sweep = sweeps.append
    with place.watching() as watching:
        wait_until(watching.swept)
        place.mounts = Mounts(others=frozenset((b"/", os.fsencode(place.folder / "usb"))))
        count = len(sweeps)
        wait_until(lambda: len(sweeps) > count, 30)


def test_a_fault_is_shown_and_got_over(place: Place) -> None:
    faults = iter([ValueError("a fault of ours"), OSError("an odd disk")] * 2)
    told = threading.Event()

    def report(found: Sweep) -> None:
        if (fault := next(faults, None)) is not None:
            told.wait(120)
            raise fault

    place.on_sweep = report
    place.write("a.txt")
    with place.watching() as watching:
        wait_until(lambda: place.names() == {"a.txt"})
        assert not watching.swept()
        told.set()
        wait_until(watching.swept)
        wait_until(lambda: watching.state_of(1) == WatchState("watching"))
        place.write("b.txt")
        place.expect("a.txt", "b.txt")


def test_what_could_not_be_written_down_is_found_once_more(place: Place) -> None:
    with place.watching() as watching:
        wait_until(watching.swept)
        pages = int(place.database.read(lambda c: c.pragma("page_count")))
        place.database.write(lambda c: c.pragma("max_page_count", pages))
        for number in range(500):
            (place.folder / f"{number} {'long name' * 20}.txt").write_text("x")
        wait_until(lambda: "could not be looked through" in watching.state_of(1).detail)
        place.database.write(lambda c: c.pragma("max_page_count", 1_000_000))
        wait_until(lambda: len(place.names()) == 500)
        wait_until(lambda: watching.state_of(1) == WatchState("watching"))


def test_every_rescan_is_answered_whoever_asks(place: Place) -> None:
    place.rules = Rules(poll=True)  # with nothing told, and nothing looked at, but by a rescan
    with place.watching() as watching:
        wait_until(watching.swept)
        for number in range(5):
            place.write(f"{number}.txt")
            asking = [threading.Thread(target=watching.rescan) for _ in range(20)]
            for thread in asking:
                thread.start()
            for thread in asking:
                thread.join()
            wait_until(watching.swept)
            assert f"{number}.txt" in place.names()


def test_a_disk_that_does_not_answer_holds_up_nobody_else(place: Place, tmp_path: Path) -> None:
    hung = threading.Event()
    hanging = threading.local()
    other = tmp_path / "other"
    other.mkdir()
    place.database.write(lambda c: files.add_root(c, str(other), "config"))
    first = iter([True])  # of two who ask at once, one is the first

    def find_mounts() -> Mounts:
        if getattr(hanging, "since", None) or next(first, False):
            hanging.since = True
            hung.wait()
        return Mounts()

    with place.watching(find_mounts=find_mounts, patience_s=0.2) as watching:
        wait_until(lambda: "watching" in {watching.state_of(id_).state for id_ in (1, 2)})
        assert not watching.started()
        watching.stop()  # without the limit it would wait for ever
    hung.set()


def test_a_sweep_in_hand_is_given_up_at_the_end(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(300):
        place.write(f"{number}/a.txt")
    begun, go_on = threading.Event(), threading.Event()
    calls = iter(range(1000))
    abandon = Sweeper.abandon

    def abandon_and_go_on(sweeper: Sweeper) -> None:
        abandon(sweeper)
        go_on.set()

    monkeypatch.setattr(Sweeper, "abandon", abandon_and_go_on)

    def find_mounts() -> Mounts:
        if next(calls) == 1:  # the sweep is about to begin
            begun.set()
            go_on.wait(120)
        return Mounts()

    with place.watching(find_mounts=find_mounts) as watching:
        assert begun.wait(120)
        stopping = threading.Thread(target=watching.stop)
        stopping.start()
        stopping.join(120)
        assert not stopping.is_alive()
    assert place.names() == set()


def test_roots_come_and_go_while_it_runs(place: Place, tmp_path: Path) -> None:
    others = []
    with place.watching() as watching:
        for number in range(5):
            other = tmp_path / f"other{number}"
            other.mkdir()
            (other / "x.txt").write_text("x")
            others.append(
                place.database.write(lambda c, o=other: files.add_root(c, str(o), "command"))  # type: ignore[misc]
            )
        following = [threading.Thread(target=watching.follow) for _ in range(8)]
        for thread in following:
            thread.start()
        for thread in following:
            thread.join()
        wait_until(watching.swept)
        for root in others:
            assert place.database.read(lambda c, r=root: files.count(c, r.id)) == 1  # type: ignore[misc]
            watching.leave(root.id)
            place.database.write(lambda c, r=root: files.remove_root(c, r.id))  # type: ignore[misc]
        watching.follow()
        wait_until(watching.swept)  # it may have just noticed that it stood still
        place.write("a.txt")
        place.expect("a.txt")
    wait_until(lambda: "prismd-watch" not in {thread.name for thread in threading.enumerate()})


def test_after_the_end_nothing_is_watched_any_more(place: Place) -> None:
    with place.watching() as watching:
        wait_until(watching.swept)
    watching.follow()
    assert watching.state_of(1) == WatchState()
    assert "prismd-clock" not in {thread.name for thread in threading.enumerate()}


def test_nothing_waits_by_a_clock_that_was_set_back(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place.write("a.txt")
    wall = {"ahead_s": 0.0}
    clock = Clock(time.monotonic, lambda: time.time() + wall["ahead_s"])
    with place.watching(clock=clock) as watching:
        wait_until(watching.swept)
        place.database.write(lambda c: jobs.give_back(c, 1, delay_s=3600))
        wait_until(lambda: (place.database.read(jobs.next_due_s) or 0) > 3000)
        place.database.write(lambda c: c.execute("ALTER TABLE jobs RENAME TO away"))
        wall["ahead_s"] = -7200.0
        wait_until(lambda: "could not be heeded yet" in caplog.text)
        place.database.write(lambda c: c.execute("ALTER TABLE away RENAME TO jobs"))
        wait_until(lambda: place.database.read(jobs.next_due_s) == 0)


def test_a_process_that_stood_still_looks_through_everything(place: Place) -> None:
    place.rules = Rules(poll=True)
    passed = {"ahead_s": 0.0}
    clock = Clock(lambda: time.monotonic() + passed["ahead_s"], time.time)
    with place.watching(clock=clock) as watching:
        wait_until(watching.swept)
        place.write("unheard.txt")
        passed["ahead_s"] = 60.0
        place.expect("unheard.txt")
