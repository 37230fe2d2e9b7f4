"""How a root is watched, in words."""

from __future__ import annotations

import os

from prismd.store.files import Root
from prismd.watch import Sweep
from prismd.watch.inotify import shortage
from prismd.watch.state import Reason, state_of

ROOT = Root(1, "/d", "config", "watching")


def test_folders_that_cannot_be_read_are_told_by_name_whatever_it_is_made_of() -> None:
    found = Sweep(ROOT, unreadable=(os.fsdecode(b"/d/caf\xe9"), "/d/x"))
    detail = state_of(found, {}, 3, 30.0, "").detail
    assert detail.startswith("2 folders cannot be read, such as /d/caf\N{REPLACEMENT CHARACTER};")
    assert "let prismd's user list" in detail


def test_one_of_anything_is_told_as_one() -> None:
    found = Sweep(ROOT, unreadable=("/d/x",), unplugged=1)
    left: dict[Reason, tuple[bytes, ...]] = {"names": (b"/d/y",)}
    assert state_of(found, left, 2_000, 30.0, "").detail.split("; ") == [
        "1 of 2,000 folders is looked at every 30 s: of names that are not UTF-8 nothing is told",
        "1 file is on a disk that is not there",
        "1 folder cannot be read: /d/x",
        "let prismd's user list what is in there and read .prismignore, or exclude it",
    ]
    many = Sweep(ROOT, unplugged=2_000)
    assert state_of(many, {}, 1, 30.0, "").detail == ("2,000 files are on a disk that is not there")


def test_a_limit_that_nobody_knows_is_given_no_number() -> None:
    assert shortage(100, None).endswith("raise it (fs.inotify.max_user_watches)")
    assert shortage(100, 8_192).endswith("sudo sysctl fs.inotify.max_user_watches=65536")
    assert shortage(100, 100_000).endswith("sudo sysctl fs.inotify.max_user_watches=200000")
