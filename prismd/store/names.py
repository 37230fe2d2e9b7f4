"""Finds files by the words of their names and folders."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import apsw
import msgspec

from prismd.store import lexical
from prismd.store.retrieval import Ranked, Scope, passages_with
from prismd.wording import share_met, subject_words, telling_words
from prismd.wording import words as words_of

_VOCABULARY = "file_names_vocabulary"
_COMMON_SHARE = 0.1
_COMMON_FROM = 1_000
_CANDIDATES = 500
_LEAST_SHARE = 0.5
"""Share of what is asked that a path must say: a name is short, and one word of it says little."""


def by_name(
    connection: apsw.Connection, asked: str, query: lexical.LexicalQuery, k: int, scope: Scope
) -> Ranked:
    """Documents whose file's path says much of what is asked, each as its first passage.

    Returns:
        Passage ids with the share of the query's subject that the path says, best first; of equal
        ones, the best by BM25 first.
    """
    total = int(connection.execute("SELECT count(*) FROM file_names_docsize").get)
    most = max(_COMMON_FROM, _COMMON_SHARE * total)
    words = [
        word
        for word in query.words
        if 0 < passages_with(connection, word, vocabulary=_VOCABULARY) <= most
    ]
    if not words or not subject_words(asked):
        return []
    found: dict[int, float] = {}
    for document_id, path in _matching(connection, words, scope):
        share = _share(asked, PurePosixPath(path))
        if share > found.get(document_id, 0.0):
            found[document_id] = share
    ranked = sorted(found.items(), key=lambda item: -item[1])[:k]
    first = _first_passages(connection, [document_id for document_id, _ in ranked])
    return [(first[id_], share) for id_, share in ranked if id_ in first]


def _share(asked: str, path: PurePosixPath) -> float:
    """How much of what is asked a path says, in [0, 1]; what the folders alone say counts half."""
    in_name = share_met(asked, _telling(path.stem))
    if not in_name:
        return 0.0
    share = (in_name + share_met(asked, _telling(str(path)))) / 2
    return share if share >= _LEAST_SHARE else 0.0


def _telling(text: str) -> str:
    return " ".join({*words_of(text), *telling_words(text)})


def _matching(connection: apsw.Connection, words: list[str], scope: Scope) -> list[tuple[int, str]]:
    """Documents with the path of a file that holds them, best first."""
    narrowed = ""
    values: tuple[str, ...] = ()
    if scope.documents is not None:
        narrowed = "AND f.document_id IN (SELECT value FROM json_each(?))"
        values = (msgspec.json.encode(scope.documents).decode(),)
    rows: list[Any] = connection.execute(
        "SELECT f.document_id, f.path FROM (SELECT rowid, rank FROM file_names"
        " WHERE file_names MATCH ? ORDER BY rank LIMIT ?) n JOIN files f ON f.id = n.rowid"
        f" WHERE f.document_id IS NOT NULL {narrowed} ORDER BY n.rank",
        (lexical.match_any(words), _CANDIDATES, *values),
    ).fetchall()
    return rows


def _first_passages(connection: apsw.Connection, document_ids: list[int]) -> dict[int, int]:
    rows = connection.execute(
        "SELECT document_id, id FROM passages WHERE ordinal = 0"
        " AND document_id IN (SELECT value FROM json_each(?))",
        (msgspec.json.encode(document_ids).decode(),),
    )
    return {int(document_id): int(id_) for document_id, id_ in rows}
