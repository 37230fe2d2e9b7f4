"""Verifies the file, and makes again what can be made from what is intact."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import msgspec

from prismd.errors import StoreError
from prismd.store import files, lexical, vectors
from prismd.store.database import Database
from prismd.wording import passage_context


class Finding(msgspec.Struct, frozen=True):
    """Something that is not as it should be."""

    what: str
    count: int
    repaired: bool


class _Rule(msgspec.Struct, frozen=True):
    """A count that has to be zero, and what makes it so."""

    what: str
    sql: str
    repair: Callable[[apsw.Connection], None] | None


def check(database: Database, *, repair: bool) -> list[Finding]:
    """Verify everything; ``repair`` needs a writable database.

    Returns:
        What was found, empty when all is well.
    """
    damage = database.read(_damage)
    if damage:
        return damage  # the rest would only report the same damage again
    findings = []
    rules = database.read(lambda connection: [*_RULES, *_vector_rules(connection)])
    for rule in rules:
        count = database.read(lambda c, sql=rule.sql: int(c.execute(sql).get))  # type: ignore[misc]
        if not count:
            continue
        repaired = False
        if repair and rule.repair is not None:
            database.write(rule.repair)
            repaired = not database.read(lambda c, sql=rule.sql: int(c.execute(sql).get))  # type: ignore[misc]
        findings.append(Finding(rule.what, count, repaired))
    return findings


def _damage(connection: apsw.Connection) -> list[Finding]:
    lines = [row[0] for row in connection.execute("PRAGMA integrity_check(20)")]
    found = [Finding(f"damaged pages: {line}", 1, repaired=False) for line in lines if line != "ok"]
    broken = connection.execute("PRAGMA foreign_key_check").fetchall()
    if broken:
        found.append(Finding("rows that refer to missing rows", len(broken), repaired=False))
    return found


def _index_words(connection: apsw.Connection) -> None:
    """Make both lexical indexes anew from the passages."""
    for table in ("passage_words", "passage_trigrams"):
        connection.execute(f"INSERT INTO {table} ({table}) VALUES ('delete-all')")
    rows: list[Any] = connection.execute(
        "SELECT p.id, p.text, p.heading, d.title FROM passages p"
        " JOIN documents d ON d.id = p.document_id ORDER BY p.id"
    ).fetchall()
    for id_, text, heading, title in rows:
        context = passage_context(title, tuple(msgspec.json.decode(heading)))
        connection.execute(
            "INSERT INTO passage_words (rowid, text, context) VALUES (?, ?, ?)",
            (id_, lexical.index_text(text), lexical.index_text(context)),
        )
        connection.execute("INSERT INTO passage_trigrams (rowid, text) VALUES (?, ?)", (id_, text))


def _queue_unqueued(connection: apsw.Connection) -> None:
    rows: list[Any] = connection.execute(
        "SELECT id, size_bytes, mtime_ns FROM files WHERE state = 'pending'"
        " AND id NOT IN (SELECT file_id FROM jobs)"
    ).fetchall()
    for row in rows:
        files.enqueue(connection, *row)


def _reread_files_without_document(connection: apsw.Connection) -> None:
    connection.execute(
        "UPDATE files SET state = 'pending' WHERE state = 'completed' AND document_id IS NULL"
    )
    _queue_unqueued(connection)


def _orphan(connection: apsw.Connection) -> None:
    connection.execute(
        "UPDATE documents SET orphaned_at = ? WHERE orphaned_at IS NULL"
        " AND id NOT IN (SELECT document_id FROM files WHERE document_id IS NOT NULL)",
        (time.time(),),
    )


def _delete_unused_vectors(connection: apsw.Connection) -> None:
    rows: list[Any] = connection.execute(
        "SELECT DISTINCT hash FROM embeddings"
        " WHERE hash NOT IN (SELECT embedding_hash FROM passages)"
    ).fetchall()
    vectors.delete_unused(connection, [row[0] for row in rows])


def _sql(statement: str) -> Callable[[apsw.Connection], None]:
    def run(connection: apsw.Connection) -> None:
        connection.execute(statement)

    return run


_RULES = [
    _Rule(
        "passages missing from the word index, or entries without a passage",
        "SELECT (SELECT count(*) FROM passages"
        " WHERE id NOT IN (SELECT id FROM passage_words_docsize))"
        " + (SELECT count(*) FROM passage_words_docsize WHERE id NOT IN (SELECT id FROM passages))",
        _index_words,
    ),
    _Rule(
        "passages missing from the trigram index, or entries without a passage",
        "SELECT (SELECT count(*) FROM passages"
        " WHERE id NOT IN (SELECT id FROM passage_trigrams_docsize))"
        " + (SELECT count(*) FROM passage_trigrams_docsize"
        " WHERE id NOT IN (SELECT id FROM passages))",
        _index_words,
    ),
    _Rule(
        "passages that name a missing vector",
        "SELECT count(*) FROM passages WHERE embedding_id IS NOT NULL"
        " AND embedding_id NOT IN (SELECT id FROM embeddings)",
        _sql(
            "UPDATE passages SET embedding_id = NULL"
            " WHERE embedding_id NOT IN (SELECT id FROM embeddings)"
        ),
    ),
    _Rule(
        "vectors that no passage uses",
        "SELECT count(*) FROM embeddings WHERE hash NOT IN (SELECT embedding_hash FROM passages)",
        _delete_unused_vectors,
    ),
    _Rule(
        "vectors of a wrong length",
        "SELECT count(*) FROM embeddings e JOIN spaces s ON s.id = e.space_id"
        " WHERE length(e.vector) != 2 * s.dim",
        None,
    ),
    _Rule(
        "completed files without a document",
        "SELECT count(*) FROM files WHERE state = 'completed' AND document_id IS NULL",
        _reread_files_without_document,
    ),
    _Rule(
        "pending files that nothing will read",
        "SELECT count(*) FROM files WHERE state = 'pending'"
        " AND id NOT IN (SELECT file_id FROM jobs)",
        _queue_unqueued,
    ),
    _Rule(
        "documents that no file holds and nothing will collect",
        "SELECT count(*) FROM documents WHERE orphaned_at IS NULL"
        " AND id NOT IN (SELECT document_id FROM files WHERE document_id IS NOT NULL)",
        _orphan,
    ),
    _Rule(
        "documents without their text",
        "SELECT count(*) FROM documents"
        " WHERE id NOT IN (SELECT document_id FROM document_contents)",
        None,
    ),
]


def _vector_rules(connection: apsw.Connection) -> list[_Rule]:
    """The flat index of each space against the table of vectors."""
    rules = []
    for space_id, _ in vectors.spaces(connection):
        if vectors.has_flat(connection, space_id):
            name = vectors.flat_name(space_id)
            rules.append(
                _Rule(
                    "vectors missing from the flat index, or entries without a vector",
                    f"SELECT (SELECT count(*) FROM embeddings WHERE space_id = {space_id}"
                    f" AND id NOT IN (SELECT rowid FROM {name}))"
                    f" + (SELECT count(*) FROM {name}"
                    f" WHERE rowid NOT IN (SELECT id FROM embeddings))",
                    lambda c, space_id=space_id: vectors.make_flat(c, space_id),  # type: ignore[misc]
                )
            )
    return rules


def backup(database: Database, destination: Path) -> int:
    """Copy the live file consistently.

    Returns:
        Bytes written.

    Raises:
        StoreError: The destination exists, or cannot be written.
    """
    if destination.is_dir():
        destination /= database.path.name
    if destination.exists():
        raise StoreError(f"{destination}: exists already; name a file that does not")
    partial = destination.with_name(destination.name + ".part")
    partial.unlink(missing_ok=True)
    try:
        with apsw.Connection(str(database.path), flags=apsw.SQLITE_OPEN_READONLY) as source:
            source.execute("VACUUM INTO ?", (str(partial),))
        source.close()
        partial.chmod(0o600)
        partial.rename(destination)
    except (apsw.Error, OSError) as error:
        partial.unlink(missing_ok=True)
        raise StoreError(f"{destination}: cannot be written ({error})") from error
    return destination.stat().st_size
