"""Whether a document is still on disk as it was read: what a citation is held against."""

from __future__ import annotations

from typing import Literal

import msgspec

from prismd.api import content
from prismd.errors import RequestError
from prismd.store import listing
from prismd.store.database import Database
from prismd.store.listing import FileRecord

Standing = Literal["same", "changed", "gone"]


class Held(msgspec.Struct, frozen=True):
    """How a document stands: ``same`` with the file that holds it now, or else without one."""

    standing: Standing
    file: FileRecord | None = None


def held(database: Database, sha256: str, path: str) -> Held:
    """Where a document can be seen now. Blocks, and asks the disks of the files.

    Args:
        database: Knows the files.
        sha256: Of the document.
        path: Where it was when it was cited; empty where that is not known.
    """
    holding = database.read(lambda connection: listing.holding(connection, sha256))
    standing: Standing = "gone"
    for record in sorted(holding, key=lambda record: record.path != path):
        try:
            opened = content.open_file(database, record)
        except RequestError:
            continue
        try:
            same = content.is_as_indexed(record, opened)
        finally:
            opened.close()
        if same:
            return Held("same", record)
        standing = "changed"
    if not holding and path and _is_known(database, path):
        standing = "changed"
    return Held(standing)


def _is_known(database: Database, path: str) -> bool:
    query = listing.FileQuery(path=path, limit=20)
    records, _ = database.read(lambda connection: listing.listing(connection, query))
    return any(record.path == path for record in records)
