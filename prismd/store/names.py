"""Finds files by the words of their names and folders."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import PurePosixPath
from typing import Any

import apsw
import msgspec

from prismd.store import lexical
from prismd.store.retrieval import Ranked, Scope, passages_with
from prismd.wording import name_asked_for, share_met, subject_words, telling_words
from prismd.wording import words as words_of

_VOCABULARY = "file_names_vocabulary"
_MATCH_BUDGET = 10_000
_CANDIDATES = 100
_LEAST_SHARE = 0.5
"""Share of what is asked that a path must say: a name is short, and one word of it says little."""


def by_name(
    connection: apsw.Connection, asked: str, query: lexical.LexicalQuery, k: int, scope: Scope
) -> tuple[Ranked, list[int]]:
    """Documents whose file's path says much of what is asked, each as its first passage.

    Returns:
        Passage ids with the share of the query's subject that the path says, best first (of equal
        ones, the best by BM25), and the files.
    """
    words = _telling_words(connection, query.words)
    if not words or not subject_words(asked):
        return [], []
    found: dict[int, tuple[float, int]] = {}
    wanted = cache(lambda type_: name_asked_for(asked, type_) or asked)
    for file_id, document_id, path, type_ in _matching(connection, words, scope):
        share = _share(wanted(type_), PurePosixPath(path))
        if share > found.get(document_id, (0.0, 0))[0]:
            found[document_id] = (share, file_id)
    ranked = sorted(found.items(), key=lambda item: -item[1][0])[:k]
    first = _first_passages(connection, [document_id for document_id, _ in ranked])
    passages = [(first[id_], share) for id_, (share, _) in ranked if id_ in first]
    return passages, [file_id for _, (_, file_id) in ranked]


def _telling_words(connection: apsw.Connection, words: Sequence[str]) -> list[str]:
    """The words worth looking up, from the rarest on, until they match as many as may be read."""
    counted = sorted(
        (passages_with(connection, word, vocabulary=_VOCABULARY), word) for word in words
    )
    kept: list[str] = []
    budget = _MATCH_BUDGET
    for count, word in counted:
        if 0 < count <= budget:
            kept.append(word)
            budget -= count
    return kept


def _share(wanted: str, path: PurePosixPath) -> float:
    """How much of what is wanted a path says, in [0, 1]; what the folders alone say counts half."""
    in_name = share_met(wanted, _telling(path.stem))
    if not in_name:
        return 0.0
    share = (in_name + share_met(wanted, _telling(str(path)))) / 2
    return share if share >= _LEAST_SHARE else 0.0


def _telling(text: str) -> str:
    return " ".join({*words_of(text), *telling_words(text)})


def _matching(
    connection: apsw.Connection, words: list[str], scope: Scope
) -> list[tuple[int, int, str, str]]:
    """Files, the documents that they hold, their paths and types, best first."""
    # The file itself must be within the scope: a copy elsewhere may be called what is asked.
    rows: list[Any] = connection.execute(
        "SELECT f.id, f.document_id, f.path, d.type"
        " FROM file_names n CROSS JOIN files f ON f.id = n.rowid"
        " CROSS JOIN documents d ON d.id = f.document_id"
        f" WHERE n.file_names MATCH ? AND {scope.where} ORDER BY n.rank LIMIT ?",
        (lexical.match_any(words), *scope.values, _CANDIDATES),
    ).fetchall()
    return rows


def _first_passages(connection: apsw.Connection, document_ids: list[int]) -> dict[int, int]:
    rows = connection.execute(
        "SELECT document_id, id FROM passages WHERE ordinal = 0"
        " AND document_id IN (SELECT value FROM json_each(?))",
        (msgspec.json.encode(document_ids).decode(),),
    )
    return {int(document_id): int(id_) for document_id, id_ in rows}
