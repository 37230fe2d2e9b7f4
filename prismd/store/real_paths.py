"""Where the folders of the settings were found last, which their disks may not tell every time."""

from __future__ import annotations

import os
from collections.abc import Mapping

import apsw
import msgspec

from prismd.store import facts, files

_KEY = "real paths"


def noted(connection: apsw.Connection) -> dict[str, str]:
    """The real paths of folders, by their paths as they were named."""
    known = facts.get(connection, _KEY)
    if known is None:
        return {}
    raw = msgspec.json.decode(known, type=dict[str, str])
    return {_text(named): _text(real) for named, real in raw.items()}


def note(connection: apsw.Connection, found: Mapping[str, str]) -> None:
    """Note where folders were found, besides those of before that are still watched.

    Args:
        connection: The write connection.
        found: As ``noted`` has them.
    """
    watched = {root.path for root in files.roots(connection)}
    known = noted(connection)
    kept = {named: real for named, real in known.items() if real in watched}
    now = {**kept, **found}
    if now != known:
        # In bytes: a path need not be UTF-8.
        raw = {os.fsencode(named).hex(): os.fsencode(real).hex() for named, real in now.items()}
        facts.put(connection, _KEY, msgspec.json.encode(raw).decode())


def _text(raw: str) -> str:
    return os.fsdecode(bytes.fromhex(raw))
