"""What a changed setting or an upgrade would redo; nothing of it is redone unasked."""

from __future__ import annotations

import apsw
import msgspec

from prismd.domain import EmbeddingSpace
from prismd.store import documents, files, vectors

COMMAND = "prismd reindex --stale"


class Stale(msgspec.Struct, frozen=True):
    """Something that the present settings would make otherwise."""

    what: str
    count: int
    why: str
    command: str = COMMAND


def report(
    connection: apsw.Connection,
    extractors: dict[str, str],
    chunker: str,
    space: EmbeddingSpace | None,
) -> list[Stale]:
    """What is stale.

    Args:
        connection: Any connection to the file.
        extractors: Present version of the extractor of each media type.
        chunker: The present chunker's tag.
        space: The present embedder's space, or None where there is no embedder.
    """
    found = []
    outdated = documents.stale(connection, extractors, chunker)
    if outdated:
        found.append(
            Stale("documents", len(outdated), "made by another version or other chunk sizes")
        )
    for space_id, other in vectors.spaces(connection):
        if space is not None and other != space:
            count = vectors.count(connection, space_id)
            found.append(Stale("vectors", count, f"made by {other.model}, not {space.model}"))
    return found


def redo(
    connection: apsw.Connection,
    extractors: dict[str, str],
    chunker: str,
    space: EmbeddingSpace | None,
    *,
    everything: bool = False,
) -> int:
    """Queue what is stale, or all documents; drop vectors of other models.

    Returns:
        How many files will be read anew.
    """
    if everything:
        ids = [row[0] for row in connection.execute("SELECT id FROM documents")]
    else:
        ids = documents.stale(connection, extractors, chunker)
    for space_id, other in vectors.spaces(connection):
        if space is not None and other != space:
            vectors.drop_space(connection, space_id)
    if space is not None:
        vectors.put_space(connection, space)
    documents.mark_stale(connection, ids)
    return files.enqueue_holders(connection, ids)
