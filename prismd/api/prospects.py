"""How much is left to do, by folder, and how long that will take."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from prismd.api.services import Api
from prismd.ingest.pictures import PictureLoop
from prismd.progress.costs import kind_of_end
from prismd.progress.forecast import Backlog, Outlook, Queued
from prismd.store import counts, jobs
from prismd.store.jobs import Outstanding


class Prospects(Struct, frozen=True):
    """What is left to do.

    Attributes:
        files: Queued or in hand; those of offline folders do not count.
        passages: Passages that can be found.
        embedded: How many of them have a vector.
        busy: Whether there is anything to do, pictures without a vector included.
        pending: ``files`` by root.
        outlook: How long all of it will take.
    """

    files: int
    passages: int
    embedded: int
    busy: bool
    pending: dict[int, int] = {}
    outlook: Outlook = Outlook()


def prospects_of(api: Api) -> Prospects:
    """What is left to do now. Blocks."""
    services = api.services
    passages, embedded = services.database.read(counts.passages)
    unembedded = passages - embedded if services.embedder is not None else None
    files, _ = services.database.read(jobs.outstanding)
    pictures = services.ingest is not None and not _has_all(services.ingest.pictures)
    left = Prospects(files, passages, embedded, bool(files or unembedded or pictures))
    groups = api.queue.groups() if files else []
    pending: dict[int, int] = {}
    for group in groups:
        if group.root_id is not None:
            pending[group.root_id] = pending.get(group.root_id, 0) + group.files
    left = replace(left, pending=pending)
    # The same for everybody who asks: what is told of it moves on from what was told before.
    outlook = services.progress.outlook(backlog_of(groups, unembedded))
    folders = services.folders
    found_all = folders is None or folders.watches.started()
    # Who knows what will be found; and how long pictures take nobody has learned.
    if not found_all or (left.busy and not outlook.eta_s):
        outlook = replace(outlook, eta_s=None)
    return replace(left, outlook=outlook)


def _has_all(pictures: PictureLoop) -> bool:
    return pictures.at_rest or pictures.idle()


def backlog_of(groups: Sequence[Outstanding], unembedded: int | None) -> Backlog:
    """What is left to do, by kinds of files. Pure.

    Args:
        groups: As ``jobs.outstanding_by_root`` has them.
        unembedded: Passages without a vector; None where there is no model to make them.
    """
    return Backlog(_queued(groups, in_hand=False), _queued(groups, in_hand=True), unembedded)


def rounded(seconds: float | None) -> float | None:
    """A time left as it is told."""
    return None if seconds is None else round(seconds, 1)


def _queued(groups: Sequence[Outstanding], *, in_hand: bool) -> tuple[Queued, ...]:
    return tuple(
        Queued(group.root_id, kind_of_end(group.end), group.files, group.size_bytes)
        for group in groups
        if group.in_hand == in_hand
    )
