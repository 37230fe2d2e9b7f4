"""How a root is watched, in words."""

from __future__ import annotations

import os

from prismd.store.files import Root
from prismd.watch import Sweep
from prismd.watch.state import state_of

ROOT = Root(1, "/d", "config", "watching")


def test_folders_that_cannot_be_read_are_told_by_name_whatever_it_is_made_of() -> None:
    found = Sweep(ROOT, unreadable=(os.fsdecode(b"/d/caf\xe9"), "/d/x"))
    detail = state_of(found, {}, 3, 30.0, "").detail
    assert detail.startswith("2 folders cannot be read, such as /d/caf\N{REPLACEMENT CHARACTER};")
    assert "allow" in detail
