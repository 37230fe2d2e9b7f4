"""Vectors as texts have them, the ways to find near ones, and the true answer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prismd.domain import EmbeddingSpace
from prismd.store import code_building, vectors
from prismd.store.check import Finding, check
from prismd.store.code_index import CodeIndex
from prismd.store.database import Database
from prismd.store.vector_search import SpaceSearch
from prismd.store.vectors import FlatIndex, Ids, VectorIndex, Vectors

DIM = 96
SPACE = EmbeddingSpace("test", "1", DIM, 512)
K = 10


def clustered(count: int, seed: int = 0, clusters: int = 60) -> Vectors:
    """Vectors as texts have them: around a few dozen subjects, none like another."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(clusters, DIM))
    points = centres[random.integers(clusters, size=count)] + 0.7 * random.normal(size=(count, DIM))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return np.asarray(points, np.float32)


def fill(database: Database, rows: Vectors) -> int:
    """Store vectors, each with a passage that has it; returns the space's id."""
    space_id = database.write(lambda c: vectors.put_space(c, SPACE))
    before = database.read(
        lambda c: int(c.execute("SELECT coalesce(max(id), 0) FROM embeddings").get)
    )
    number = database.read(lambda c: c.execute("SELECT count(*) FROM documents").get)
    hashes = [(before + n).to_bytes(16, "big") for n in range(len(rows))]

    def passages(connection) -> None:  # type: ignore[no-untyped-def]
        connection.execute(
            "INSERT INTO documents (sha256, type, media_type, size_bytes, title, language,"
            " metadata, warnings, extractor, chunker, indexed_at)"
            " VALUES (?, 'text', '', 0, '', '', '', '', '', '', 0)",
            (f"document {number}",),
        )
        document_id = connection.last_insert_rowid()
        connection.executemany(
            "INSERT INTO passages (document_id, ordinal, char_start, char_end, text, heading,"
            " locator, tokens, embedding_hash) VALUES (?, 0, 0, 1, ' ', '[]', '', 0, ?)",
            [(document_id, hash_) for hash_ in hashes],
        )

    database.write(passages)
    database.write(lambda c: vectors.store(c, space_id, hashes, rows))
    return space_id


def forget(database: Database, ids: list[int]) -> None:
    """Delete vectors, with the passages that had them."""

    def work(connection) -> None:  # type: ignore[no-untyped-def]
        hashes = []
        for id_ in ids:
            hash_ = connection.execute("SELECT hash FROM embeddings WHERE id = ?", (id_,)).get
            connection.execute("DELETE FROM passages WHERE embedding_hash = ?", (hash_,))
            hashes.append(hash_)
        vectors.delete_unused(connection, hashes)

    database.write(work)


def flat(database: Database) -> VectorIndex:
    return FlatIndex(1, DIM)


def codes(database: Database) -> VectorIndex:
    code_building.build(database, 1, DIM)
    return CodeIndex(1, DIM)


def either(database: Database) -> VectorIndex:
    return SpaceSearch(1, SPACE)


def search(
    database: Database, index: VectorIndex, query: Vectors, k: int = K, allowed: Ids | None = None
) -> tuple[list[int], NDArray[np.float32]]:
    ids, similarity = database.read(lambda c: index.search(c, query, k, allowed))
    assert len(ids) == len(similarity) == len(set(ids.tolist()))
    assert list(similarity) == sorted(similarity, reverse=True)
    return ids.tolist(), similarity


def exact(rows: Vectors, query: Vectors, k: int = K, among: Ids | None = None) -> list[int]:
    """The true answer, over the vectors as they are kept (ids count from 1)."""
    ids = np.arange(1, len(rows) + 1) if among is None else among
    similarity = rows[ids - 1].astype("<f2").astype(np.float32) @ query
    return [int(i) for i in ids[np.argsort(-similarity, kind="stable")][:k]]


def recall(found: list[list[int]], truth: list[list[int]]) -> float:
    return float(
        np.mean([len(set(f) & set(t)) / len(t) for f, t in zip(found, truth, strict=True)])
    )


def wrong_vectors(database: Database) -> list[Finding]:
    """What the check finds wrong with vectors; the passages of these tests have no words."""
    return [f for f in check(database, repair=False) if "vector" in f.what]
