"""What a folder's own settings say beyond patterns: kinds, and looking instead of being told."""

from __future__ import annotations

import pytest

from prismd.domain import DocumentType
from prismd.store import files
from prismd.watch import Rules
from prismd.watch.watcher import WatchSettings
from prismd.watch.watching import Watching
from tests.building import wait_until
from tests.watch.watched import Watched

NAMES = ["a.txt", "b.pdf", "c.jpg", "d.mp3", "e"]


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ((), NAMES),
        (("text",), ["a.txt", "e"]),
        (("document", "audio"), ["b.pdf", "d.mp3"]),
        (("image",), ["c.jpg"]),
    ],
)
def test_only_the_kinds_that_are_named_are_taken(
    watched: Watched, kinds: tuple[DocumentType, ...], expected: list[str]
) -> None:
    for name in NAMES:
        watched.write(name)
    watched.rules = Rules(kinds=kinds)
    watched.sweep()
    assert watched.names() == expected


def test_other_kinds_forget_and_read_no_more_than_they_name(watched: Watched) -> None:
    for name in NAMES:
        watched.write(name)
    watched.rules = Rules(kinds=("text", "document"))
    assert watched.pass_() == ["a.txt", "b.pdf", "e"]
    watched.rules = Rules(kinds=("text", "image"))
    assert watched.pass_() == ["c.jpg"]
    assert watched.names() == ["a.txt", "c.jpg", "e"]


def test_a_folder_may_be_looked_at_instead_of_being_told_of(watched: Watched) -> None:
    rules = Rules(poll=True)
    settings = WatchSettings(rescan_s=3600, poll_s=0.1)
    watching = Watching(watched.database, lambda _: rules, settings, lambda _: None)
    (root,) = watched.database.read(files.roots)
    watching.start()
    try:
        wait_until(lambda: watching.state_of(root.id).state == "polling")
        watched.write("a.txt")
        wait_until(lambda: watched.names() == ["a.txt"])
        rules = Rules()
        watching.follow()
        wait_until(lambda: watching.state_of(root.id).state == "watching")
    finally:
        watching.stop()


def test_how_often_to_look_may_change_while_it_goes_on(watched: Watched) -> None:
    slow, fast = WatchSettings(3600, 3600), WatchSettings(3600, 0.1)
    watching = Watching(watched.database, lambda _: Rules(poll=True), slow, lambda _: None)
    (root,) = watched.database.read(files.roots)
    watching.start()
    try:
        wait_until(lambda: watching.state_of(root.id).state == "polling")
        watched.write("a.txt")
        watching.settings = fast
        watching.follow()
        wait_until(lambda: watched.names() == ["a.txt"])
    finally:
        watching.stop()
