"""Verifies the file, and makes again what can be made from what is intact."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import apsw
import msgspec

from prismd.errors import StoreError
from prismd.store import code_index, documents, files, jobs, lexical, snapshot, uploads, vectors
from prismd.store.check_vectors import delete_misshapen, misshapen, wrong_in_flat
from prismd.store.database import Database
from prismd.wording import passage_context

_BLOCK_ROWS = 1_024
_INDEXES = ("passage_words", "passage_trigrams", "file_names")


class Finding(msgspec.Struct, frozen=True):
    """Something that is not as it should be."""

    what: str
    count: int
    repaired: bool


class _Rule(msgspec.Struct, frozen=True):
    """A count that has to be zero, and what makes it so."""

    what: str
    count: Callable[[apsw.Connection], int]
    repair: Callable[[apsw.Connection], None] | None


def check(database: Database, *, repair: bool) -> list[Finding]:
    """Verify everything; ``repair`` needs a writable database.

    Returns:
        What was found, empty when all is well.
    """
    damage, broken_indexes = database.read(_damage)
    if damage:
        return damage  # the rest would only report the same damage again
    findings = []
    rules = database.read(lambda c: [*_index_rules(broken_indexes), *_RULES, *_vector_rules(c)])
    for rule in rules:
        count = database.read(rule.count)
        if not count:
            continue
        repaired = False
        if repair and rule.repair is not None:
            database.write(rule.repair)
            repaired = not database.read(rule.count)
        findings.append(Finding(rule.what, count, repaired))
    return findings


def _damage(connection: apsw.Connection) -> tuple[list[Finding], list[str]]:
    """Damage that nothing here can mend, and the lexical indexes that are to be made anew."""
    for name in _INDEXES:
        # FTS5 verifies against what this connection has cached; a search looks again.
        with contextlib.suppress(apsw.Error):
            connection.execute(f"SELECT 1 FROM {name} WHERE {name} MATCH '\"any\"'").fetchall()
    lines = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(20)")]
    indexes = [name for name in _INDEXES if any("fts5" in line and name in line for line in lines)]
    found = [
        Finding(f"damaged pages: {line}", 1, repaired=False)
        for line in lines
        if line != "ok" and not ("fts5" in line.lower() and any(name in line for name in _INDEXES))
    ]
    broken = connection.execute("PRAGMA foreign_key_check").fetchall()
    if broken:
        found.append(Finding("rows that refer to missing rows", len(broken), repaired=False))
    return found, indexes


def _index_rules(broken: list[str]) -> list[_Rule]:
    """What makes lexical indexes anew whose own tables are damaged."""

    def count(connection: apsw.Connection) -> int:
        return len(_damage(connection)[1])

    return [_Rule("damaged word indexes", count, _index_all)] if broken else []


def _index_all(connection: apsw.Connection) -> None:
    _index_words(connection)
    _index_names(connection)


def _index_words(connection: apsw.Connection) -> None:
    """Make both lexical indexes anew from the passages."""
    for table in ("passage_words", "passage_trigrams"):
        connection.execute(f"INSERT INTO {table} ({table}) VALUES ('delete-all')")
    after = 0
    while rows := _passages_after(connection, after):
        _index_passages(connection, rows)
        after = rows[-1][0]


def _index_names(connection: apsw.Connection) -> None:
    """Make the index of file names anew from the files."""
    connection.execute("INSERT INTO file_names (file_names) VALUES ('delete-all')")
    connection.execute(
        "INSERT INTO file_names (rowid, path) SELECT id, index_text(path) FROM files"
    )


def _passages_after(connection: apsw.Connection, after: int) -> list[Any]:
    return connection.execute(
        "SELECT p.id, p.text, p.heading, d.title FROM passages p"
        " JOIN documents d ON d.id = p.document_id WHERE p.id > ? ORDER BY p.id LIMIT ?",
        (after, _BLOCK_ROWS),
    ).fetchall()


def _index_passages(connection: apsw.Connection, rows: list[Any]) -> None:
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


_UNUSED = (
    "embeddings WHERE hash NOT IN (SELECT embedding_hash FROM passages)"
    " AND hash NOT IN (SELECT unhex(sha256) FROM documents)"
)


def _delete_unused_vectors(connection: apsw.Connection) -> None:
    rows: list[Any] = connection.execute(f"SELECT DISTINCT hash FROM {_UNUSED}").fetchall()
    vectors.delete_unused(connection, [row[0] for row in rows])


_NOT_STALE = "extractor != ''"


def _reread_documents_without_text(connection: apsw.Connection) -> None:
    ids = [
        int(str(row[0]))
        for row in connection.execute(
            "SELECT id FROM documents WHERE id NOT IN (SELECT document_id FROM document_contents)"
        ).fetchall()
    ]
    documents.mark_stale(connection, ids)
    jobs.enqueue_holders(connection, ids)


def _sql(statement: str) -> Callable[[apsw.Connection], None]:
    def run(connection: apsw.Connection) -> None:
        connection.execute(statement)

    return run


def _count(sql: str) -> Callable[[apsw.Connection], int]:
    return lambda connection: int(connection.execute(sql).get)


_VECTORS = "(SELECT count(*) FROM embeddings WHERE space_id = spaces.id)"

_RULES = [
    _Rule(
        "passages missing from the word index, or entries without a passage",
        _count(
            "SELECT (SELECT count(*) FROM passages"
            " WHERE id NOT IN (SELECT id FROM passage_words_docsize))"
            " + (SELECT count(*) FROM passage_words_docsize"
            " WHERE id NOT IN (SELECT id FROM passages))"
        ),
        _index_words,
    ),
    _Rule(
        "passages missing from the trigram index, or entries without a passage",
        _count(
            "SELECT (SELECT count(*) FROM passages"
            " WHERE id NOT IN (SELECT id FROM passage_trigrams_docsize))"
            " + (SELECT count(*) FROM passage_trigrams_docsize"
            " WHERE id NOT IN (SELECT id FROM passages))"
        ),
        _index_words,
    ),
    _Rule(
        "files missing from the index of names, or names without a file",
        _count(
            "SELECT (SELECT count(*) FROM files"
            " WHERE id NOT IN (SELECT id FROM file_names_docsize))"
            " + (SELECT count(*) FROM file_names_docsize WHERE id NOT IN (SELECT id FROM files))"
        ),
        _index_names,
    ),
    _Rule(
        "passages that name a missing vector",
        _count(
            "SELECT count(*) FROM passages WHERE embedding_id IS NOT NULL"
            " AND embedding_id NOT IN (SELECT id FROM embeddings)"
        ),
        _sql(
            "UPDATE passages SET embedding_id = NULL"
            " WHERE embedding_id NOT IN (SELECT id FROM embeddings)"
        ),
    ),
    _Rule(
        "passages that name the vector of another text",
        _count(
            "SELECT count(*) FROM passages p JOIN embeddings e ON e.id = p.embedding_id"
            " WHERE e.hash != p.embedding_hash"
        ),
        _sql(
            "UPDATE passages SET embedding_id = NULL WHERE id IN (SELECT p.id FROM passages p"
            " JOIN embeddings e ON e.id = p.embedding_id WHERE e.hash != p.embedding_hash)"
        ),
    ),
    _Rule(
        "vectors that no passage, picture or recording uses",
        _count(f"SELECT count(*) FROM {_UNUSED}"),
        _delete_unused_vectors,
    ),
    _Rule(
        "vectors of a wrong length, or not of numbers",
        lambda connection: len(misshapen(connection)),
        delete_misshapen,
    ),
    _Rule(
        "spaces whose count of vectors is wrong",
        _count(f"SELECT count(*) FROM spaces WHERE vectors != {_VECTORS}"),
        _sql(f"UPDATE spaces SET vectors = {_VECTORS}"),
    ),
    _Rule(
        "completed files without a document",
        _count("SELECT count(*) FROM files WHERE state = 'completed' AND document_id IS NULL"),
        _reread_files_without_document,
    ),
    _Rule(
        "pending files that nothing will read",
        _count(
            "SELECT count(*) FROM files WHERE state = 'pending'"
            " AND id NOT IN (SELECT file_id FROM jobs)"
        ),
        _queue_unqueued,
    ),
    _Rule(
        "documents that no file holds and nothing will collect",
        _count(
            "SELECT count(*) FROM documents WHERE orphaned_at IS NULL"
            " AND id NOT IN (SELECT document_id FROM files WHERE document_id IS NOT NULL)"
        ),
        _orphan,
    ),
    _Rule(
        "documents without their text",
        _count(
            "SELECT count(*) FROM documents"
            f" WHERE id NOT IN (SELECT document_id FROM document_contents) AND {_NOT_STALE}"
        ),
        _reread_documents_without_text,
    ),
    # Nobody else has their bytes: they are to be uploaded again. What is only half there is no
    # fault: it is coming in, or goes at the next start.
    _Rule(
        "uploaded files whose bytes are not those that were sent",
        lambda connection: sum(1 for _ in uploads.damaged(connection)),
        None,
    ),
]


def _vector_rules(connection: apsw.Connection) -> list[_Rule]:
    """The index of each space against the table of vectors."""
    rules = []
    for space_id, space in vectors.spaces(connection):
        make_flat = partial(vectors.make_flat, space_id=space_id)
        if vectors.has_flat(connection, space_id):
            what = "vectors that the flat index lacks or has otherwise, or entries without a vector"
            count = partial(wrong_in_flat, space_id=space_id, dim=space.dim)
            rules.append(_Rule(what, count, make_flat))
        else:
            what = "vectors that have no code"
            count = partial(code_index.missing, space_id=space_id)
            rules.append(_Rule(what, count, partial(code_index.give_up, space_id=space_id)))
    return rules


def backup(database: Database, destination: Path) -> int:
    """Copy the live file consistently; the copy of an encrypted one has the same key.

    Returns:
        Bytes written.

    Raises:
        StoreError: The destination exists, or cannot be written.
    """
    if destination.is_dir():
        destination /= database.path.name
    if destination.exists():
        raise StoreError(f"{destination}: exists already; name a file that does not")
    unfinished = destination.with_name(destination.name + ".part")
    try:
        unfinished.unlink(missing_ok=True)
        source = database.another()
        try:
            snapshot.write(source, unfinished)
        finally:
            source.close()
        unfinished.rename(destination)
    except (apsw.Error, OSError) as error:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise StoreError(
            f"{destination}: cannot be written ({error}); name another place"
        ) from error
    return destination.stat().st_size
