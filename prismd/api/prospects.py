"""How much is left to do, by folder, and how long that will take."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from prismd.api.services import Api
from prismd.costs import kind_of_end
from prismd.forecast import Backlog, Outlook, Queued
from prismd.store import jobs
from prismd.store.jobs import Outstanding


class Prospects(Struct, frozen=True):
    """What is left to do.

    Attributes:
        files: Queued or in hand; those of offline folders do not count.
        pending: The same by root.
        outlook: How long all of it will take.
    """

    files: int
    pending: dict[int, int]
    outlook: Outlook


def prospects_of(api: Api, unembedded: int | None) -> Prospects:
    """What is left to do now. Blocks.

    Args:
        api: The API.
        unembedded: Passages without a vector; None where there is no model to make them.
    """
    services = api.services
    files, _ = services.database.read(jobs.outstanding)
    groups = api.queue.groups() if files else []
    pending: dict[int, int] = {}
    for group in groups:
        if group.root_id is not None:
            pending[group.root_id] = pending.get(group.root_id, 0) + group.files
    folders = services.folders
    if folders is not None and not folders.watches.started():
        return Prospects(files, pending, Outlook())  # who knows what will be found
    return Prospects(files, pending, services.progress.outlook(backlog_of(groups, unembedded)))


def backlog_of(groups: Sequence[Outstanding], unembedded: int | None) -> Backlog:
    """What is left to do, by kinds of files. Pure.

    Args:
        groups: As ``jobs.outstanding_by_root`` has them.
        unembedded: As for ``prospects_of``.
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
