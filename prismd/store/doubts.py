"""Whether the files of a root are still the ones that its last sweep has written down.

A sweep passes over folders that are on disk as they were. That is right as long as nobody else
takes files out of the index: where somebody does, the next sweep compares everything once more.
"""

from __future__ import annotations

import apsw

from prismd.store import facts


def doubt(connection: apsw.Connection, root_id: int | None) -> None:
    """Say that somebody else than its own sweep took a file out of a root."""
    if root_id is not None:
        facts.put(connection, _key(root_id), str(doubts(connection, root_id) + 1))


def doubts(connection: apsw.Connection, root_id: int) -> int:
    """How often that was said."""
    return int(facts.get(connection, _key(root_id)) or 0)


def _key(root_id: int) -> str:
    return facts.of_root("doubts", root_id)
