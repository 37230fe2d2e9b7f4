"""How SQLite goes about the statements that are run over a large index."""

from __future__ import annotations

import re
from collections.abc import Callable

import apsw
import numpy as np
import pytest

from prismd.models.fake import FakeEmbedder
from prismd.store import attributes, collections, jobs, lexical, obstacles, retrieval, vectors
from prismd.store.code_index import CodeIndex
from prismd.store.collections import Collection, FilesOf
from prismd.store.database import Database
from prismd.store.retrieval import Scope
from tests.building import put

SCOPE = Scope("f.document_id IS NOT NULL", (), (1, 2))
QUERY = lexical.parse("walrus C++ xyzzyx")
VECTOR = np.eye(1, FakeEmbedder().space.dim, dtype=np.float32)[0]

# Tables that stay small, values that the statement brings along, and full-text matches ("M"),
# which must not be looked up once per row ("=").
HARMLESS = re.compile(
    r"SCAN (CONSTANT ROW|json_each|wanted|spaces|roots|sqlite_schema|sqlite_sequence"
    r"|vector_generations|obstacles|reachable)\b"
    r"|SCAN jobs USING (COVERING )?INDEX jobs_in_hand\b"  # as many as there are readers
    r"|SCAN passage_(words|trigrams) VIRTUAL TABLE INDEX \d+:M"
    r"|SCAN passage_words_vocabulary VIRTUAL TABLE INDEX [1-9]"
)

Work = Callable[[apsw.Connection], object]


def scans(connection: apsw.Connection, work: Work) -> list[str]:
    """What of the work reads a table from end to end, or a full-text index row by row."""
    ran: list[tuple[str, apsw.Bindings | None]] = []

    def note(_: object, sql: str, bindings: apsw.Bindings | None) -> bool:
        ran.append((sql, bindings))
        return True

    connection.exec_trace = note
    try:
        work(connection)
    finally:
        connection.exec_trace = None
    assert ran
    return [
        f"{row[3]}: {sql}"
        for sql, bindings in ran
        for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", bindings)
        if str(row[3]).startswith("SCAN") and not HARMLESS.match(str(row[3]))
    ]


@pytest.mark.parametrize(
    "work",
    [
        pytest.param(lambda c: retrieval.by_words(c, QUERY, 10, SCOPE), id="words, filtered"),
        pytest.param(
            lambda c: retrieval.by_substrings(c, QUERY, 10, SCOPE), id="substrings, filtered"
        ),
        pytest.param(lambda c: retrieval.embeddings_in(c, SCOPE), id="vectors, filtered"),
        pytest.param(lambda c: retrieval.passages_of(c, [1, 2], [0.5, 0.4]), id="passages"),
        pytest.param(lambda c: retrieval.hits(c, [1, 2], SCOPE), id="hits"),
        pytest.param(lambda c: retrieval.similarities(c, VECTOR, [1, 2], 1), id="similarities"),
        pytest.param(lambda c: vectors.unembedded(c, 10, 1), id="unembedded"),
        pytest.param(lambda c: vectors.count(c, 1), id="count of vectors"),
        pytest.param(lambda c: vectors.delete_unused(c, [b"x" * 16]), id="delete vectors"),
        pytest.param(lambda c: jobs.lease(c, "us"), id="lease"),
        pytest.param(lambda c: jobs.next_due_s(c, slow=False), id="next due"),
        pytest.param(lambda c: retrieval._are_all(c, [1, 2]), id="whether all roots"),
        pytest.param(lambda c: collections.counted(c, Collection(1, "", 0)), id="a collection"),
        pytest.param(lambda c: collections.file_ids(c, FilesOf(1)), id="files of a collection"),
        pytest.param(lambda c: attributes.of_files(c, [1, 2]), id="attributes"),
        pytest.param(lambda c: obstacles.overcome(c, 1), id="overcome"),
    ],
)
def test_no_statement_reads_a_large_table_whole(database: Database, work: Work) -> None:
    for number in range(3):
        put(database, f"/d/{number}", f"A walrus, C++, {number}", embedder=FakeEmbedder())
    assert database.write(lambda c: scans(c, work)) == []


def test_the_vectors_without_codes_are_found_by_their_ids(database: Database) -> None:
    put(database, "/d/a", "A walrus.", embedder=FakeEmbedder())
    dim = len(VECTOR)

    def work(connection: apsw.Connection) -> list[str]:
        connection.execute(
            "INSERT INTO vector_generations"
            " (space_id, state, made_of, coded, coded_to, mean)"
            " VALUES (1, 'active', 1, 0, 0, ?)",
            (bytes(4 * dim),),
        )
        return scans(connection, lambda c: CodeIndex(1, dim).search(c, VECTOR, 1, None))

    assert database.write(work) == []
