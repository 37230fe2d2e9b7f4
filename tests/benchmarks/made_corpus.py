"""An index of made-up documents: words as frequent as words are, on subjects, with their vectors.

The words of a language are met by rank (Zipf); the first of them are English function words, so
that a natural question holds words that stand in nearly every passage. Each document is about a
subject, which gives it words of its own, and its passages vectors near to each other.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import apsw
import msgspec
import numpy as np
from numpy.typing import NDArray

from prismd.domain import Document, EmbeddingSpace, Extraction, Layout, Passage, TextLocator
from prismd.store import code_building, documents, files, vectors
from prismd.store.database import Database
from prismd.store.documents import IndexedPassage
from prismd.store.vector_search import FLAT_LIMIT

_FUNCTION_WORDS = re.findall(
    r"\w+",
    "the of and to a in is that for it was on with as be at by this are from or have an they which"
    " one had not but what all were when we there can said each do how if will up about out many"
    " then them these so some her would make like has look two more who where did",
)
_SYLLABLES = [first + second for first in "bdfgklmnprstvz" for second in ("a", "e", "i", "o", "u")]
_WORDS = 60_000
_SUBJECT_WORDS = 40
_PASSAGES_PER_SUBJECT = 100
_SUBJECT_SHARE = 0.25
_PASSAGE_WORDS = (40, 180)
_DOCUMENT_PASSAGES = (1, 10)
_TOKENS_PER_WORD = 1.4
_NOISE = 1.5
_BATCH = 200
_YEARS_NS = int(3 * 365 * 86_400 * 1e9)
_FIRST_NS = int(1.6e18)


class Subjects:
    """What the documents are about, the same for the same number of passages.

    Args:
        passages: Of the whole index; some hundred share a subject.
        dim: Of the vectors.
    """

    def __init__(self, passages: int, dim: int) -> None:
        self.random = np.random.default_rng(11)
        self.words = np.array([_word(rank) for rank in range(_WORDS)])
        ranks = np.arange(_WORDS)
        self._shares = np.cumsum(1.0 / (ranks + 2.7))
        self._shares /= self._shares[-1]
        self.count = max(20, passages // _PASSAGES_PER_SUBJECT)
        self.own = self.random.integers(300, _WORDS, (self.count, _SUBJECT_WORDS))
        self.centres = self.random.standard_normal((self.count, dim), dtype=np.float32)

    def draw(self, subject: int, count: int) -> list[str]:
        """Words of a text about a subject."""
        ranks = np.searchsorted(self._shares, self.random.random(count))
        own = self.random.random(count) < _SUBJECT_SHARE
        ranks[own] = self.random.choice(self.own[subject], int(own.sum()))
        return list(self.words[ranks])

    def telling(self, subject: int, count: int) -> list[str]:
        """Words by which a subject is known."""
        chosen = self.random.choice(self.own[subject], count, replace=False)
        return [str(word) for word in self.words[chosen]]

    def near(self, subject: int, count: int = 1, noise: float = _NOISE) -> NDArray[np.float32]:
        """Vectors of texts about a subject, shape ``(count, dim)``, L2-normalised."""
        drawn = self.random.standard_normal((count, self.centres.shape[1]), dtype=np.float32)
        found: NDArray[np.float32] = self.centres[subject] + noise * drawn
        found /= np.linalg.norm(found, axis=1, keepdims=True)
        return found


def _word(rank: int) -> str:
    """The word of a rank: function words first, then made-up ones of two to four syllables."""
    if rank < len(_FUNCTION_WORDS):
        return str(_FUNCTION_WORDS[rank])
    parts: list[str] = []
    left = rank
    while len(parts) < 2 or left:
        left, digit = divmod(left, len(_SYLLABLES))
        parts.append(_SYLLABLES[digit])
    return "".join(parts)


class _Made(msgspec.Struct, frozen=True):
    subject: int
    path: str
    mtime_ns: int
    document: Document
    passages: list[IndexedPassage]


def build(database: Database, subjects: Subjects, passages: int, space: EmbeddingSpace) -> None:
    """Fill an empty index, as the daemon would: by ``documents.replace``, vectors afterwards."""
    space_id = database.write(lambda c: vectors.put_space(c, space))
    root = database.write(lambda c: files.add_root(c, "/made", "command"))
    made = _documents(subjects, passages)
    done = 0
    while batch := list(itertools.islice(made, _BATCH)):

        def put(connection: apsw.Connection, batch: Sequence[_Made] = batch) -> None:
            for one in batch:
                _put(connection, root.id, one)
                hashes = [item.embedding_hash for item in one.passages]
                vectors.store(connection, space_id, hashes, subjects.near(one.subject, len(hashes)))

        database.write(put)
        done += sum(len(one.passages) for one in batch)
        if done > FLAT_LIMIT and database.read(lambda c: vectors.has_flat(c, space_id)):
            code_building.build(database, space_id, space.dim)
        print(f"\r{done:,} of {passages:,} passages", end="", file=sys.stderr)
    print(file=sys.stderr)
    if done > FLAT_LIMIT:
        code_building.build(database, space_id, space.dim)
    database.run_outside_transaction(lambda c: c.pragma("wal_checkpoint", "TRUNCATE"))


def _documents(subjects: Subjects, passages: int) -> Iterator[_Made]:
    random, left = subjects.random, passages
    for number in itertools.count():
        if left <= 0:
            return
        count = min(left, int(random.integers(*_DOCUMENT_PASSAGES, endpoint=True)))
        left -= count
        yield _document(subjects, number, count)


def _document(subjects: Subjects, number: int, count: int) -> _Made:
    random = subjects.random
    subject = int(random.integers(subjects.count))
    title = " ".join(subjects.telling(subject, 3))
    parts, text = [], ""
    for ordinal in range(count):
        words = subjects.draw(subject, int(random.integers(*_PASSAGE_WORDS)))
        part = f"{' '.join(words).capitalize()}.\n\n"
        start, end = len(text), len(text) + len(part) - 2
        text += part
        locator = TextLocator(2 * ordinal + 1, 2 * ordinal + 1, start, end)
        tokens = int(_TOKENS_PER_WORD * len(words))
        passage = Passage(ordinal, start, end, text[start:end], (title,), locator, tokens)
        hash_ = hashlib.sha256(f"{number} {ordinal}".encode()).digest()[:16]
        parts.append(IndexedPassage(passage, title, hash_))
    sha256 = hashlib.sha256(f"document {number}".encode()).hexdigest()
    document = Document(
        sha256,
        "document" if random.random() < 0.3 else "text",
        "text/markdown",
        len(text),
        "made",
        "made",
        Extraction(text, (), Layout("text"), title, "en"),
    )
    path = f"/made/folder{subject % 100}/{title.replace(' ', '-')}-{number}.md"
    mtime_ns = _FIRST_NS + int(random.integers(_YEARS_NS))
    return _Made(subject, path, mtime_ns, document, parts)


def _put(connection: apsw.Connection, root_id: int, one: _Made) -> None:
    size = one.document.size_bytes
    entry = files.Entry(os.fsencode(one.path), 1, one.mtime_ns % 2**40, size, one.mtime_ns, 1)
    files.add(connection, root_id, [entry])
    row = connection.execute(
        "SELECT id FROM files WHERE path_raw = ?", (os.fsencode(one.path),)
    ).fetchone()
    assert row is not None
    document_id = documents.replace(connection, one.document, one.passages, None)
    files.attach(connection, int(row[0]), document_id, one.document.sha256)


def opened(place: Path, subjects: Subjects, passages: int, space: EmbeddingSpace) -> Database:
    """The index at a place, which is made when it is not there."""
    finished = place / f"made-{passages}"
    database = Database(place)
    if not finished.exists():
        build(database, subjects, passages, space)
        finished.touch()
    return database
