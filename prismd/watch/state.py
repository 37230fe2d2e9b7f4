"""How a root is watched, in words for people. Pure."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import Literal

import msgspec

from prismd.watch.seen import Sweep
from prismd.wording import counted

Reason = Literal["", "asked", "network", "names", "closed", "limit"]

_WHY: dict[Reason, str] = {
    "asked": "the settings ask for it",
    "network": "another computer or program writes to that disk, and tells of nothing",
    "names": "of names that are not UTF-8 nothing is told",
    "closed": "the system watches nothing that may not be read, or whose path is too long",
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
        why = _WHY.get(reason, shortage)
        details.append(f"{_which(len(paths), folders)} looked at every {poll_s:g} s: {why}")
    if away := found.unplugged:
        details.append(f"{counted(away, 'file')} {_are(away)} on a disk that is not there")
    if found.unreadable:
        one = os.fsencode(found.unreadable[0]).decode("utf-8", "replace")
        several = (number := len(found.unreadable)) > 1
        details.append(
            f"{counted(number, 'folder')} cannot be read{', such as' if several else ':'} {one};"
            " let prismd's user list what is in there and read .prismignore, or exclude it"
        )
    polled = sum(map(len, left.values()))
    return WatchState("polling" if polled and polled == folders else "watching", "; ".join(details))


def _which(number: int, folders: int) -> str:
    """So many of all folders, as the beginning of a sentence."""
    if number == folders:
        return "all folders are"
    return f"{number:,} of {counted(folders, 'folder')} {_are(number)}"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"
