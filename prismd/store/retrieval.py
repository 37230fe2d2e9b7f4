"""Finds passages by words, by substrings, and by filters; gives hits their documents and files."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import apsw
import msgspec
import numpy as np
from numpy.typing import NDArray

from prismd.domain import UPLOADS, Filters, Hit
from prismd.errors import RequestError
from prismd.store import attributes, dates, lexical
from prismd.store.documents import PASSAGE_COLUMNS, read_passage

CONTEXT_WEIGHT = 1.0
_COMMON_SHARE = 0.1
_COMMON_FROM = 2_000
_MATCH_BUDGET = 40_000
_RECOUNT = 1.1
"""By how much an index may grow before frequent words are counted anew."""
_SUBSTRING_CANDIDATES = 500
_MAX_GLOB_BYTES = 4_096
_WANTED = "wanted.value"
_IN_ROOTS = "(f.root_id IN (SELECT value FROM json_each(?)) OR (? AND f.root_id IS NULL))"


class _Counted(msgspec.Struct, frozen=True):
    """How many rows held a term, when so many passages had been added."""

    count: int
    added: int


_frequent: WeakKeyDictionary[apsw.Connection, dict[tuple[str, str], _Counted]] = WeakKeyDictionary()
"""What each connection knows of frequent terms; one thread at a time has a connection."""


class Scope(msgspec.Struct, frozen=True):
    """Filters as SQL over ``files f JOIN documents d``, and the documents that they leave.

    ``documents`` is None where nothing is filtered.
    """

    where: str
    values: tuple[str | int | float, ...]
    documents: tuple[int, ...] | None


def scope(connection: apsw.Connection, filters: Filters) -> Scope:
    """Compile filters.

    Raises:
        RequestError: A date is not one.
    """
    conditions, values = _conditions(filters)
    if filters.roots and not _are_all(connection, filters.roots):
        conditions.append(_IN_ROOTS)
        values += [msgspec.json.encode(filters.roots).decode(), UPLOADS in filters.roots]
    where = " AND ".join(["f.document_id IS NOT NULL", *conditions])
    if not conditions:
        return Scope(where, (), None)
    rows = connection.execute(
        "SELECT DISTINCT d.id FROM files f JOIN documents d ON d.id = f.document_id"
        f" WHERE {where} ORDER BY d.id",
        values,
    )
    return Scope(where, tuple(values), tuple(row[0] for row in rows))


def _are_all(connection: apsw.Connection, roots: Sequence[int]) -> bool:
    """Whether no file is outside these roots, so that they need not be asked of each."""
    return bool(
        connection.execute(
            "SELECT NOT EXISTS (SELECT 1 FROM roots WHERE id NOT IN"
            " (SELECT value FROM json_each(?)))"
            " AND (? OR NOT EXISTS (SELECT 1 FROM files WHERE root_id IS NULL))",
            (msgspec.json.encode(roots).decode(), UPLOADS in roots),
        ).get
    )


def _conditions(filters: Filters) -> tuple[list[str], list[str | int | float]]:
    conditions: list[str] = []
    values: list[str | int | float] = []

    def any_of(condition: str, wanted: Iterable[str]) -> None:
        wanted = [attributes.storable(value) for value in wanted]
        if len(wanted) == 1 and condition.count(_WANTED) == 1:
            # Asked of every file, a list of one costs more than the question.
            conditions.append(condition.replace(_WANTED, "?"))
            values.append(wanted[0])
        elif wanted:
            # One value, however many are wanted: SQLite limits how many OR may join.
            conditions.append(f"EXISTS (SELECT 1 FROM json_each(?) wanted WHERE {condition})")
            values.append(msgspec.json.encode(wanted).decode())

    any_of(f"d.type = {_WANTED}", filters.type)
    any_of(f"d.language = {_WANTED}", (language.lower() for language in filters.language))
    # The paths of uploads begin at no root; this lets their folder be asked for like any other.
    below_any = "('./' || f.path)"
    folders = (folder.strip("/") for folder in filters.folder)
    any_of(
        f"instr({_folded(below_any)}, {_WANTED}) > 0",
        (fold(f"/{folder}/") for folder in folders if folder),
    )
    any_of(
        f"(f.path GLOB {_WANTED} OR {below_any} GLOB {_WANTED})",
        map(_glob, filters.path),
    )
    for condition, date, field in (
        ("f.mtime_ns >= ?", filters.after, "after"),
        ("f.mtime_ns < ?", filters.before, "before"),
    ):
        if date:
            conditions.append(condition)
            values.append(dates.nanoseconds(date, field))
    if filters.where is not None:
        condition, bound = attributes.compiled(filters.where)
        conditions.append(condition)
        values += bound
    return conditions, values


def fold(text: str) -> str:
    """A text as paths are compared: without case, its characters composed."""
    return unicodedata.normalize("NFC", text).lower()


def _folded(text: str) -> str:
    """SQL for ``fold`` of a text; SQLite's own function is ten times as fast, and knows ASCII."""
    return (
        f"CASE WHEN octet_length({text}) = length({text}) THEN lower({text}) ELSE fold({text}) END"
    )


def _glob(pattern: str) -> str:
    if len(pattern.encode("utf-8", "replace")) > _MAX_GLOB_BYTES:
        raise RequestError("path: the pattern is too long; use a shorter one", param="path")
    return pattern if pattern.startswith(("/", "*")) else f"*/{pattern}"


Ranked = list[tuple[int, float]]


def by_words(
    connection: apsw.Connection, query: lexical.LexicalQuery, k: int, scope: Scope
) -> Ranked:
    """Passages that hold words of the query, best first.

    Returns:
        Passage ids with their BM25 score, higher is better.
    """
    words = [*_telling_words(connection, query.words), *query.phrases]
    if not words:
        return []
    narrowed, values = _narrow(scope)
    rows = connection.execute(
        "SELECT rowid, bm25(passage_words, 1.0, ?) AS score FROM passage_words"
        f" WHERE passage_words MATCH ? {narrowed} ORDER BY score LIMIT ?",
        (CONTEXT_WEIGHT, lexical.match_any(words), *values, k),
    )
    return [(rowid, -score) for rowid, score in rows]


def _narrow(scope: Scope) -> tuple[str, tuple[str, ...]]:
    if scope.documents is None:
        return "", ()
    return (
        # The sign keeps SQLite from asking FTS5 once for every passage that the filters leave.
        "AND +rowid IN (SELECT id FROM passages WHERE document_id IN"
        " (SELECT value FROM json_each(?)))",
        (msgspec.json.encode(scope.documents).decode(),),
    )


def _telling_words(connection: apsw.Connection, words: Sequence[str]) -> list[str]:
    """The words worth looking up.

    In a large index the most common ones say nothing, and the rest are taken from the rarest on
    until they match as many passages as a query may read.
    """
    total = _added(connection)
    if total < _COMMON_FROM:
        return list(words)
    counted = sorted((passages_with(connection, word), word) for word in words)
    kept: list[str] = []
    budget = _MATCH_BUDGET
    for count, word in counted:
        too_common = count > max(_COMMON_SHARE * total, _COMMON_FROM) or count > budget
        if count and (not too_common or not kept):
            kept.append(word)
            budget -= count
    return kept


def passages_with(
    connection: apsw.Connection, word: str, *, vocabulary: str = "passage_words_vocabulary"
) -> int:
    """How many passages (or rows of another index) hold a word, stemmed as the index has it."""
    if start := lexical.beginning(word):
        found = connection.execute(
            f"SELECT sum(doc) FROM {vocabulary} WHERE term >= ? AND term < ?",
            (start, start + "\U0010ffff"),
        ).get
        return int(found or 0)
    tokenizer = connection.fts5_tokenizer("porter", ["unicode61", "remove_diacritics", "2"])
    tokens = tokenizer(
        word.encode(),
        apsw.FTS5_TOKENIZE_QUERY,
        None,
        include_offsets=False,
        include_colocated=False,
    )
    known = _frequent.setdefault(connection, {})
    counts = [_rows_with(connection, str(token), vocabulary, known) for token in tokens]
    return min(counts, default=0)


def _rows_with(
    connection: apsw.Connection, term: str, vocabulary: str, known: dict[tuple[str, str], _Counted]
) -> int:
    """How many rows hold a term; of a frequent one, how many did so a while ago.

    FTS5 counts by reading all that it has of the term, a millisecond for what stands everywhere.
    """
    added = _added(connection)
    found = known.get((vocabulary, term))
    if found is not None and found.added <= added <= _RECOUNT * found.added:
        return found.count
    count = connection.execute(f"SELECT doc FROM {vocabulary} WHERE term = ?", (term,)).get or 0
    if count > _COMMON_FROM:
        known[vocabulary, term] = _Counted(count, added)
    return int(count)


def _added(connection: apsw.Connection) -> int:
    """How many passages were ever added."""
    found = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'passages'").get
    return int(found or 0)


def by_substrings(
    connection: apsw.Connection, query: lexical.LexicalQuery, k: int, scope: Scope
) -> Ranked:
    """Passages that hold parts of the query character by character, the rarest parts first.

    Looked for is what has signs in it that the word index does not keep, and, when no passage
    has any word of the query, parts of words.
    """
    wanted = list(query.substrings)
    if not any(passages_with(connection, word) for word in query.words):
        wanted += [
            word
            for word in query.words
            if len(word) >= lexical.MIN_SUBSTRING and not lexical.is_pair(word)
        ]
    found: dict[int, float] = {}
    for substring in wanted:
        holders = _holding(connection, substring, scope)
        for passage_id in holders:
            found[passage_id] = found.get(passage_id, 0.0) + 1.0 / len(holders)
    ranked = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return ranked[:k]


def _holding(connection: apsw.Connection, substring: str, scope: Scope) -> list[int]:
    """Passages that hold a substring; none where it is in so many that it tells nothing."""
    grams = lexical.match_trigrams(substring)
    if not grams:  # too short, once folded
        return []
    narrowed, values = _narrow(scope)
    rows: list[Any] = connection.execute(
        "SELECT p.id, p.text FROM passages p WHERE p.id IN (SELECT rowid FROM"
        f" passage_trigrams WHERE passage_trigrams MATCH ? {narrowed} LIMIT ?)",
        (grams, *values, _SUBSTRING_CANDIDATES),
    ).fetchall()
    if len(rows) == _SUBSTRING_CANDIDATES:
        return []
    folded = lexical.fold(substring)
    return [id_ for id_, text in rows if folded in lexical.fold(text)]


def embeddings_in(connection: apsw.Connection, scope: Scope) -> NDArray[np.int64] | None:
    """The ids of the vectors of the passages that the filters leave, or None for all."""
    if scope.documents is None:
        return None
    # As one text: rows of one number each would take ten times as long to hand over.
    packed = connection.execute(
        "SELECT json_group_array(embedding_id) FROM passages WHERE embedding_id IS NOT NULL"
        " AND document_id IN (SELECT value FROM json_each(?))",
        (msgspec.json.encode(scope.documents).decode(),),
    ).get
    return np.unique(np.array(msgspec.json.decode(packed, type=list[int]), np.int64))


def passages_of(
    connection: apsw.Connection, embedding_ids: Sequence[int], similarities: Sequence[float]
) -> Ranked:
    """The passages that have these vectors, in the vectors' order."""
    order = {id_: rank for rank, id_ in enumerate(embedding_ids)}
    rows: list[Any] = connection.execute(
        "SELECT embedding_id, id FROM passages WHERE embedding_id IN"
        " (SELECT value FROM json_each(?))",
        (msgspec.json.encode(list(embedding_ids)).decode(),),
    ).fetchall()
    rows.sort(key=lambda row: (order[row[0]], row[1]))
    return [(passage_id, similarities[order[embedding_id]]) for embedding_id, passage_id in rows]


def hits(
    connection: apsw.Connection,
    passage_ids: Sequence[int],
    scope: Scope,
    found_files: Sequence[int] = (),
) -> dict[int, Hit]:
    """Passages with their documents and files, by passage id.

    A passage whose document no file holds any more, or none within the scope, is left out. Of
    several files that hold it, one that was itself found is named, else the latest changed one.
    """
    rows = connection.execute(
        f"SELECT p.id, d.id, f.id, f.path, d.sha256, d.type, d.media_type, d.title, d.language,"
        f" f.mtime_ns,"
        f" {PASSAGE_COLUMNS} FROM passages p JOIN documents d ON d.id = p.document_id"
        " JOIN files f ON f.document_id = d.id"
        f" WHERE p.id IN (SELECT value FROM json_each(?)) AND {scope.where}"
        " ORDER BY f.id IN (SELECT value FROM json_each(?)), f.mtime_ns, f.path DESC",
        (
            msgspec.json.encode(list(passage_ids)).decode(),
            *scope.values,
            msgspec.json.encode(list(found_files)).decode(),
        ),
    )
    return {
        row[0]: Hit(
            passage_id=row[0],
            document_id=row[1],
            file_id=row[2],
            path=row[3],
            sha256=row[4],
            type=row[5],
            media_type=row[6],
            title=row[7],
            language=row[8],
            modified_at=row[9] / 1e9,
            passage=read_passage(row[10:]),
            score=0.0,
            similarity=0.0,
        )
        for row in rows
    }


def similarities(
    connection: apsw.Connection,
    query: NDArray[np.float32] | None,
    passage_ids: Sequence[int],
    space_id: int | None,
) -> dict[int, float]:
    """How near passages are to a query: the cosine, cut to [0, 1].

    Those that have no vector in the query's space are left out.
    """
    if query is None or space_id is None:
        return {}
    rows: list[Any] = connection.execute(
        "SELECT p.id, e.vector FROM passages p JOIN embeddings e ON e.id = p.embedding_id"
        " WHERE p.id IN (SELECT value FROM json_each(?)) AND +e.space_id = ?"
        " AND length(e.vector) = ?",
        (msgspec.json.encode(list(passage_ids)).decode(), space_id, 2 * len(query)),
    ).fetchall()
    if not rows:
        return {}
    packed = np.frombuffer(b"".join(row[1] for row in rows), "<f2").reshape(len(rows), -1)
    matrix = packed.astype(np.float32)
    whole = np.flatnonzero(np.isfinite(matrix).all(axis=1))
    cosines = np.clip(matrix[whole] @ query, 0.0, 1.0)
    return {
        rows[n][0]: round(float(cosine), 4)
        for n, cosine in zip(whole.tolist(), cosines, strict=True)
    }
