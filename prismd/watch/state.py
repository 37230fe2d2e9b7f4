"""How a root is watched, in words for people. Pure."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import Literal

import msgspec

from prismd.watch.sweep import Sweep

Reason = Literal["", "asked", "network", "names", "closed", "limit"]

_WHY: dict[Reason, str] = {
    "asked": "the settings ask for it",
    "network": "another computer or program writes to their disk, and tells of nothing",
    "names": "they have names that are not UTF-8, of which nothing is told",
    "closed": "the system does not watch them, as they may not be read or their path is too long",
}


class WatchState(msgspec.Struct, frozen=True):
    """How a root is watched.

    Attributes:
        detail: What is out of the ordinary, fit to show; empty when nothing is.
    """

    state: Literal["starting", "watching", "polling", "offline"] = "starting"
    detail: str = ""


def state_of(
    found: Sweep,
    left: Mapping[Reason, Collection[bytes]],
    folders: int,
    poll_s: float,
    shortage: str,
) -> WatchState:
    """How a root is watched after a sweep.

    Args:
        found: What the sweep found.
        left: The folders of which nothing is told, by the reason.
        folders: How many folders there are.
        poll_s: How often those are looked at.
        shortage: Why some are left that could be watched, and what helps.
    """
    if found.offline:
        return WatchState("offline", "it is not there; what is known of it is kept")
    details = []
    for reason, paths in left.items():
        which = "all" if len(paths) == folders else f"{len(paths):,} of {folders:,}"
        why = _WHY.get(reason, shortage)
        details.append(f"{which} folders are looked at every {poll_s:g} s: {why}")
    if found.unplugged:
        details.append(f"{found.unplugged:,} files are on a disk that is not there")
    if found.unreadable:
        one = os.fsencode(found.unreadable[0]).decode("utf-8", "replace")
        details.append(
            f"{len(found.unreadable):,} folders cannot be read, such as {one};"
            " allow prismd's user to list them and their .prismignore, or leave them out"
        )
    polled = sum(map(len, left.values()))
    return WatchState("polling" if polled and polled == folders else "watching", "; ".join(details))
