from __future__ import annotations

import hashlib
import zlib

import pytest

from prismd.domain import Filters
from prismd.ingest.embedding import open_space
from prismd.models.fake import FakeEmbedder
from prismd.store import counts, documents, files, lexical, retrieval, vectors
from prismd.store.check import check
from prismd.store.database import Database
from tests.building import document, embed_waiting, entry, put

LONG = "\n\n".join(f"Paragraph {n} speaks about subject{n} and nothing else." for n in range(40))


def total(database: Database, table: str) -> int:
    return int(database.read(lambda c: c.execute(f"SELECT count(*) FROM {table}").get))


def find(database: Database, query: str, filters: Filters | None = None) -> list[str]:
    """Texts of the passages that the word index finds."""

    def work(connection):  # type: ignore[no-untyped-def]
        scope = retrieval.scope(connection, filters or Filters())
        ranked = retrieval.by_words(connection, lexical.parse(query), 50, scope)
        found = retrieval.hits(connection, [id_ for id_, _ in ranked], scope)
        return [found[id_].passage.text for id_, _ in ranked if id_ in found]

    return database.read(work)


def test_a_replaced_document_is_all_new(database: Database) -> None:
    sha256 = hashlib.sha256(b"same bytes").hexdigest()
    first, first_passages = document("Apples grow here.\n\nPears do not.", sha256=sha256)
    second, second_passages = document("Plums only.", sha256=sha256)
    with_first = database.write(lambda c: documents.replace(c, first, first_passages, None))
    database.write(lambda c: files.add(c, None, [entry("/d/a")]))
    database.write(lambda c: files.attach(c, 1, with_first, sha256))
    assert find(database, "apples") == ["Apples grow here.\n\nPears do not."]
    with_second = database.write(lambda c: documents.replace(c, second, second_passages, None))
    assert with_second == with_first
    assert find(database, "apples") == []
    assert find(database, "plums") == ["Plums only."]
    assert total(database, "documents") == total(database, "passages") == 1
    content = database.read(lambda c: documents.content(c, sha256))
    assert content is not None
    assert content.text == "Plums only."
    assert check(database, repair=False) == []


def test_replacing_twice_is_as_replacing_once(database: Database) -> None:
    made, passages = document(LONG)
    for _ in range(3):
        database.write(lambda c: documents.replace(c, made, passages, None))
    assert total(database, "documents") == 1
    assert total(database, "passages") == len(passages)
    assert total(database, "passage_words_docsize") == len(passages)
    assert total(database, "passage_trigrams_docsize") == len(passages)


def test_a_replacement_that_fails_half_way_changes_nothing(database: Database) -> None:
    put(database, "/d/a", LONG)
    made, passages = document(LONG)
    broken = [*passages[:3], None]
    with pytest.raises(AttributeError):
        database.write(lambda c: documents.replace(c, made, broken, None))  # type: ignore[arg-type]
    assert total(database, "passages") == len(passages)
    assert find(database, "subject39") != []
    assert check(database, repair=False) == []


def test_the_same_bytes_are_one_document_whatever_holds_them(database: Database) -> None:
    for name in ("a", "b", "c"):
        put(database, f"/d/{name}", LONG)
    assert total(database, "documents") == 1
    assert total(database, "files") == 3


def test_the_same_passage_is_embedded_once(database: Database) -> None:
    embedder = FakeEmbedder()
    shared = "This clause" + " stands in every contract of the house" * 4 + "."
    put(database, "/d/a", f"{shared}\n\nAnd this" + " is the first contract of many" * 5 + ".")
    put(database, "/d/b", f"{shared}\n\nBut this" + " is quite another one, I am afraid" * 4 + ".")
    embed_waiting(database, embedder)
    put(database, "/d/c", shared, embedder=embedder)
    texts = set(database.read(lambda c: c.execute("SELECT text FROM passages").fetchall()))
    assert embedder.embedded == len(texts) == total(database, "embeddings")
    assert database.read(counts.passages)[0] > len(texts)
    assert database.read(lambda c: vectors.unembedded(c, 10))[0] == []


def test_an_edited_document_keeps_the_vectors_of_what_was_not_edited(database: Database) -> None:
    embedder = FakeEmbedder()
    put(database, "/d/a", LONG, embedder=embedder)
    before = embedder.embedded
    made, passages = document(LONG.replace("subject20 and", "subject20 or"))

    space = open_space(database, embedder)
    assert space is not None

    def edit_in(connection) -> None:  # type: ignore[no-untyped-def]
        id_ = documents.replace(connection, made, passages, space)
        files.attach(connection, 1, id_, made.sha256)

    database.write(edit_in)
    embed_waiting(database, embedder)
    assert embedder.embedded == before + 1
    while database.write(lambda c: documents.collect_orphans(c, older_than_s=0)):
        pass
    assert total(database, "embeddings") == before
    assert check(database, repair=False) == []


def test_a_document_without_files_is_out_of_every_answer_at_once(database: Database) -> None:
    file_id = put(database, "/d/a", "A lonely walrus.")
    put(database, "/d/b", "Another walrus.")
    assert len(find(database, "walrus")) == 2
    database.write(lambda c: files.remove(c, [file_id]))
    assert find(database, "walrus") == ["Another walrus."]


def test_a_document_stays_as_long_as_one_file_holds_it(database: Database) -> None:
    first = put(database, "/d/a", "A walrus.")
    second = put(database, "/d/b", "A walrus.")
    database.write(lambda c: files.remove(c, [first]))
    assert find(database, "walrus") == ["A walrus."]
    database.write(lambda c: documents.collect_orphans(c, older_than_s=0))
    assert find(database, "walrus") == ["A walrus."]
    database.write(lambda c: files.remove(c, [second]))
    assert find(database, "walrus") == []


def test_collection_waits_for_a_move_and_then_leaves_nothing(database: Database) -> None:
    embedder = FakeEmbedder()
    file_id = put(database, "/d/a", LONG, embedder=embedder)
    database.write(lambda c: files.remove(c, [file_id]))
    assert database.write(lambda c: documents.collect_orphans(c, older_than_s=60)) == 0
    # The same content comes back: nothing was lost, nothing is embedded anew.
    before = embedder.embedded
    file_id = put(database, "/d/moved", LONG, embedder=embedder)
    assert database.write(lambda c: documents.collect_orphans(c, older_than_s=0)) == 0
    assert embedder.embedded == before
    database.write(lambda c: files.remove(c, [file_id]))
    assert database.write(lambda c: documents.collect_orphans(c, older_than_s=0)) == 1
    for table in (
        "documents",
        "document_contents",
        "passages",
        "embeddings",
        "passage_words_docsize",
        "passage_trigrams_docsize",
        "vectors_flat_1",
    ):
        assert total(database, table) == 0, table
    assert check(database, repair=False) == []


def test_deleting_gives_the_space_back(database: Database) -> None:
    embedder = FakeEmbedder()
    ids = [put(database, f"/d/{n}", f"{n} {LONG * 5}") for n in range(30)]
    embed_waiting(database, embedder)
    database.run_outside_transaction(lambda c: c.execute("PRAGMA wal_checkpoint(TRUNCATE)").get)
    full = database.path.stat().st_size
    database.write(lambda c: files.remove(c, ids))
    while database.write(lambda c: documents.collect_orphans(c, older_than_s=0)):
        pass
    database.run_outside_transaction(lambda c: list(c.execute("PRAGMA incremental_vacuum")))
    database.run_outside_transaction(lambda c: c.execute("PRAGMA wal_checkpoint(TRUNCATE)").get)
    assert database.path.stat().st_size < full / 4


def test_a_vector_that_comes_after_its_passage_has_gone_is_not_kept(database: Database) -> None:
    embedder = FakeEmbedder()
    file_id = put(database, "/d/a", "A walrus.")
    space_id = open_space(database, embedder)
    assert space_id is not None
    waiting, _ = database.read(lambda c: vectors.unembedded(c, 10))
    computed = embedder.embed_passages([w.text for w in waiting])
    database.write(lambda c: files.remove(c, [file_id]))
    database.write(lambda c: documents.collect_orphans(c, older_than_s=0))
    hashes = [w.embedding_hash for w in waiting]
    database.write(lambda c: vectors.store(c, space_id, hashes, computed))
    assert total(database, "embeddings") == 0
    assert check(database, repair=False) == []


def test_passages_come_back_as_they_went_in(database: Database) -> None:
    made, passages = document(LONG, title="A title")
    document_id = database.write(lambda c: documents.replace(c, made, passages, None))
    stored = database.read(lambda c: documents.passages(c, document_id))
    assert stored == [indexed.passage for indexed in passages]
    content = database.read(lambda c: documents.content(c, made.sha256))
    assert content is not None
    assert content.layout == made.extraction.layout
    assert all(content.text[p.start : p.end] == p.text for p in stored)


def test_what_another_version_made_is_stale_and_read_anew_though_known(database: Database) -> None:
    put(database, "/d/a", "A walrus.")
    made, _ = document("A walrus.")
    assert database.read(lambda c: documents.stale(c, {"text/plain": "text-1"}, made.chunker)) == []
    ids = database.read(lambda c: documents.stale(c, {"text/plain": "text-2"}, made.chunker))
    assert len(ids) == 1
    assert database.read(lambda c: documents.stale(c, {}, "other")) == ids
    database.write(lambda c: documents.mark_stale(c, ids))
    assert database.read(lambda c: documents.find(c, made.sha256)) is None
    assert find(database, "walrus") == ["A walrus."]  # it serves until it is replaced


def test_a_document_packed_beforehand_is_compressed_no_more_in_the_transaction(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, passages = document(LONG, title="A title")
    packed = documents.pack(made)

    def refuse(*_: object) -> bytes:
        raise AssertionError("compressed while other writers wait")

    monkeypatch.setattr(zlib, "compress", refuse)
    database.write(lambda c: documents.replace(c, packed, passages, None))
    content = database.read(lambda c: documents.content(c, made.sha256))
    assert content is not None
    assert (content.text, content.layout) == (LONG, made.extraction.layout)
    assert content.title == "A title"


def test_what_was_let_go_of_before_the_clock_was_set_back_is_collected(
    database: Database,
) -> None:
    put(database, "/d/a.txt", "A walrus.")
    database.write(lambda c: files.remove(c, [1]))
    database.write(lambda c: c.execute("UPDATE documents SET orphaned_at = 1e12").fetchall())
    assert database.write(lambda c: documents.collect_orphans(c, older_than_s=60)) == 1
    assert total(database, "documents") == 0
