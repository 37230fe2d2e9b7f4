"""Uploads for tests, taken in by the ways that prismd itself uses."""

from __future__ import annotations

from prismd.ingest.intake import Intake
from prismd.store.database import Database
from prismd.store.uploads import Taken


def upload(
    database: Database,
    content: bytes,
    name: str = "a.txt",
    *,
    media_type: str = "text/plain",
    purpose: str = "user_data",
) -> Taken:
    """Have a file in the index, with a job."""
    batch = Intake(database).batch()
    incoming = batch.begin(name).result()
    for start in range(0, len(content), 70_000):
        incoming.add(content[start : start + 70_000])
        while incoming.has_piece:
            incoming.write().result()
    if incoming.has_rest:
        incoming.write().result()
    (taken,) = batch.take([incoming.received(media_type, purpose)]).result()
    batch.end().result()
    return taken


def leave_half(database: Database, content: bytes = b"half of it") -> int:
    """Begin with a file and never end, as a process that was killed; gives its number."""
    incoming = Intake(database).batch().begin("half.txt").result()
    incoming.add(content)
    incoming.write().result()
    return incoming.id
