"""What a sweep found, and what it remembers of the folders that it has seen."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from prismd.store.files import Root
from prismd.watch.rules import Scope


class Sweep(msgspec.Struct, frozen=True):
    """What a sweep of one root found.

    ``compared`` are those of the moved files whose content is compared with what is known.
    A root is ``silent``, and offline with that, whose disk does not answer.
    """

    root: Root
    files: int = 0
    added: int = 0
    changed: int = 0
    moved: int = 0
    compared: int = 0
    removed: int = 0
    unreadable: tuple[str, ...] = ()
    unplugged: int = 0
    offline: bool = False
    silent: bool = False

    @property
    def jobs(self) -> int:
        """How many files are to be hashed now, and read if nothing is known of them."""
        return self.added + self.changed + self.compared


class Abandoned(Exception):
    """A sweep was given up; what it had found until then may be written down or not."""


class Seen(NamedTuple):
    """A folder as it was when the index came to agree with it.

    Attributes:
        inode: The folder itself.
        state: Of what is in it, and of the patterns around it; None when that is in doubt.
        outer: The patterns that count around it.
        inner: Those that count in it.
        odd_names: Whether some name in it is not UTF-8.
    """

    inode: int
    state: int | None
    outer: Scope
    inner: Scope
    odd_names: bool
