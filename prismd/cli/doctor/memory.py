"""The folder in memory for what is read of an encrypted index: whether there is one, with room."""

from __future__ import annotations

import os
from collections.abc import Iterator

from prismd.cli.doctor.encryption import Seen
from prismd.cli.doctor.verdict import Verdict, note, ok
from prismd.config.options import Config
from prismd.encryption import secrecy
from prismd.paths import aside
from prismd.paths.aside import Place, told_bytes

_WHAT = "memory folder"


def look(config: Config, seen: Seen) -> Iterator[Verdict]:
    """Look for the folder; of an index that is not encrypted there is nothing to say.

    Args:
        config: The settings.
        seen: What was seen of the encryption.
    """
    if not seen.wanted and seen.state != "encrypted":
        return
    needed_bytes = config.server.max_upload_bytes
    yield judge(_place(config, needed_bytes), needed_bytes)


def _place(config: Config, needed_bytes: int) -> Place | None:
    """That of the process that works on the index, or what it would be."""
    # The check of the index opens it meanwhile, and that has a folder, too.
    at_work = next(iter(secrecy.in_use(config.data_dir, by_others=True)), None)
    if at_work is not None:
        return aside.place_of(at_work)
    return aside.choose(aside.in_memory(aside.candidates(os.environ)), needed_bytes)


def judge(place: Place | None, needed_bytes: int) -> Verdict:
    """What is to be said of it. Pure.

    Args:
        place: The folder; None without one.
        needed_bytes: What it must hold: the largest upload.
    """
    if place is None or not place.in_memory:
        return note(_WHAT, secrecy.NOWHERE, "encrypt the disk as well")
    if place.total_bytes >= aside.WITHOUT_LIMIT:
        return ok(_WHAT, f"{place.point}, which grows as long as there is memory")
    free, total, needed = map(told_bytes, (place.free_bytes, place.total_bytes, needed_bytes))
    room = f"{place.point}, {free} of {total} free"
    if place.total_bytes < needed_bytes:
        detail = f"{room}; an upload may have {needed} ([server] max_upload_bytes)"
        return note(_WHAT, detail, aside.larger(place.point))
    if place.free_bytes < needed_bytes:
        detail = f"{room}; an upload may have {needed}, and waits or is refused meanwhile"
        return note(_WHAT, detail, f"see what fills it: du -sh {place.point}/*")
    return ok(_WHAT, room)
