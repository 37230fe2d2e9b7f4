"""Each kind of damage is planted, found, mended where it can be, and then gone."""

from __future__ import annotations

import threading
import tracemalloc
from pathlib import Path

import apsw
import numpy as np
import pytest

from prismd.disk.source import source_of
from prismd.domain import Filters
from prismd.errors import StoreError
from prismd.extract.audio.sound_space import SOUND_SPACE
from prismd.models.fake import FakeEmbedder
from prismd.store import code_building, jobs, lexical, listing, retrieval, uploads, vectors
from prismd.store.check import backup, check
from prismd.store.database import FILE_NAME, Database
from prismd.store.retrieval import Scope
from prismd.store.uploads import PIECE_BYTES
from prismd.store.vector_search import SpaceSearch
from tests.building import embed_waiting, put
from tests.uploaded import leave_half, upload

EMBEDDER = FakeEmbedder()


def says(number: int) -> str:
    return f"Text number {number} speaks of walrus{number}."


@pytest.fixture
def filled(database: Database) -> Database:
    for number in range(6):
        put(database, f"/d/{number}.txt", says(number))
    embed_waiting(database, EMBEDDER)
    assert check(database, repair=False) == []
    return database


def finds(database: Database, query: str) -> list[str]:
    """What the words and what the vectors find first."""

    def work(connection):  # type: ignore[no-untyped-def]
        scope = retrieval.scope(connection, Filters())
        words = retrieval.by_words(connection, lexical.parse(query), 1, scope)
        space = SpaceSearch(1, EMBEDDER.space)
        ids, similarity = space.search(connection, EMBEDDER.embed_query(query), 1)
        near = retrieval.passages_of(connection, ids.tolist(), similarity.tolist())
        hits = retrieval.hits(connection, [id_ for id_, _ in (*words, *near)], scope)
        return [hits[id_].path for id_, _ in (*words, *near)]

    return database.read(work)


REPAIRABLE = {
    "a passage is missing from the word index": "DELETE FROM passage_words WHERE rowid = 2",
    "a passage is missing from the trigram index": "DELETE FROM passage_trigrams WHERE rowid = 2",
    "the word index has an entry without a passage": (
        "INSERT INTO passage_words (rowid, text, context) VALUES (99, 'ghost', '')"
    ),
    "the trigram index has an entry without a passage": (
        "INSERT INTO passage_trigrams (rowid, text) VALUES (99, 'ghost')"
    ),
    "the word index is broken": "DELETE FROM passage_words_data WHERE id > 10",
    "the trigram index is broken": "DELETE FROM passage_trigrams_data WHERE id > 10",
    "a passage names a missing vector": "UPDATE passages SET embedding_id = 999 WHERE id = 3",
    "a passage names another's vector": "UPDATE passages SET embedding_id = 1 WHERE id = 3",
    "a vector is missing": "DELETE FROM embeddings WHERE id = 3",
    "a vector belongs to no passage": (
        "INSERT INTO embeddings (space_id, hash, vector)"
        " SELECT 1, x'ff', vector FROM embeddings WHERE id = 1"
    ),
    "a vector is too short": "UPDATE embeddings SET vector = x'0000' WHERE id = 3",
    "the flat index lacks a vector": "DELETE FROM vectors_flat_1 WHERE rowid = 3",
    "the flat index has lost its vectors": "DELETE FROM vectors_flat_1_vector_chunks00",
    "the flat index has lost its chunks": "DELETE FROM vectors_flat_1_chunks",
    "the flat index has lost its rows": "DELETE FROM vectors_flat_1_rowids",
    "the flat index is missing": "DROP TABLE vectors_flat_1",
    "a completed file has no document": "UPDATE files SET document_id = NULL WHERE id = 2",
    "a pending file has no job": "UPDATE files SET state = 'pending' WHERE id = 2",
    "a document has no text": "DELETE FROM document_contents WHERE document_id = 2",
    "nothing holds a document and nothing collects it": "DELETE FROM files WHERE id = 2",
}


@pytest.mark.parametrize("damage", REPAIRABLE)
def test_damage_is_found_mended_and_gone(filled: Database, damage: str) -> None:
    filled.write(lambda c: c.execute(REPAIRABLE[damage]).fetchall())
    found = check(filled, repair=False)
    assert found != []
    assert not any(finding.repaired for finding in found)
    assert check(filled, repair=False) == found  # looking changes nothing
    mended = check(filled, repair=True)
    assert all(finding.repaired for finding in mended)
    assert check(filled, repair=False) == []
    embed_waiting(filled, EMBEDDER)
    assert check(filled, repair=False) == []
    for number in (0, 5):
        assert finds(filled, says(number)) == [f"/d/{number}.txt"] * 2


def test_what_lost_its_content_is_read_again(filled: Database) -> None:
    filled.write(lambda c: c.execute("DELETE FROM document_contents WHERE document_id = 2"))
    filled.write(lambda c: c.execute("UPDATE files SET document_id = NULL WHERE id = 4"))
    check(filled, repair=True)
    queued = {job.file_id for _ in range(3) if (job := filled.write(lambda c: jobs.lease(c, "us")))}
    assert queued == {2, 4}


def test_codes_that_lack_a_vector_are_given_up(filled: Database) -> None:
    code_building.build(filled, 1, EMBEDDER.space.dim)
    assert check(filled, repair=False) == []
    filled.write(lambda c: c.execute("DELETE FROM vector_codes WHERE id = 1"))
    (found,) = check(filled, repair=True)
    assert found.repaired
    assert check(filled, repair=False) == []
    assert filled.read(lambda c: vectors.has_flat(c, 1))
    for number in range(6):
        assert finds(filled, says(number))[1] == f"/d/{number}.txt"


def test_damaged_pages_and_rows_without_their_like_are_told(filled: Database) -> None:
    def plant(connection: apsw.Connection) -> None:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("DELETE FROM documents WHERE id = 2")
        connection.execute("PRAGMA foreign_keys = ON")

    filled.run_outside_transaction(plant)
    found = check(filled, repair=True)
    assert [finding.what for finding in found] == ["rows that refer to missing rows"]
    assert not found[0].repaired


def test_a_reader_may_check(data_dir: Path, filled: Database) -> None:
    reader = Database(data_dir, writable=False)
    assert check(reader, repair=False) == []
    reader.close()


def test_a_backup_is_an_index_of_its_own(filled: Database, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    size = backup(filled, folder)
    assert [path.name for path in folder.iterdir()] == [FILE_NAME]
    assert (folder / FILE_NAME).stat().st_size == size
    assert (folder / FILE_NAME).stat().st_mode & 0o777 == 0o600
    copy = Database(folder)
    assert check(copy, repair=False) == []
    assert finds(copy, says(4)) == ["/d/4.txt", "/d/4.txt"]
    put(copy, "/d/new.txt", "Another walrus6.", embedder=EMBEDDER)
    assert finds(copy, "walrus6") == ["/d/new.txt", "/d/new.txt"]
    copy.close()


def test_a_backup_never_overwrites(filled: Database, tmp_path: Path) -> None:
    taken = tmp_path / "taken.db"
    taken.write_bytes(b"precious")
    with pytest.raises(StoreError, match="exists already"):
        backup(filled, taken)
    assert taken.read_bytes() == b"precious"
    for place in (taken / "below.db", tmp_path / "missing" / "x.db"):
        with pytest.raises(StoreError, match="cannot be written"):
            backup(filled, place)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["taken.db"]


def test_a_backup_during_writes_is_of_one_moment(
    data_dir: Path, filled: Database, tmp_path: Path
) -> None:
    done = threading.Event()
    failures: list[BaseException] = []

    def go_on_writing() -> None:
        number = 100
        try:
            while not done.is_set():
                number += 1
                put(filled, f"/d/{number}.txt", f"Text {number}.", embedder=EMBEDDER)
        except BaseException as error:
            failures.append(error)

    writer = threading.Thread(target=go_on_writing)
    writer.start()
    reader = Database(data_dir, writable=False)
    try:
        for number in range(3):
            backup(reader, tmp_path / f"{number}.db")
    finally:
        done.set()
        writer.join()
        reader.close()
    assert failures == []
    for number in range(3):
        folder = tmp_path / f"of {number}"
        folder.mkdir()
        (tmp_path / f"{number}.db").rename(folder / FILE_NAME)
        copy = Database(folder)
        assert check(copy, repair=False) == []
        assert copy.read(lambda c: c.execute("SELECT count(*) FROM documents").get) >= 6
        copy.close()


def test_half_precision_is_no_damage(database: Database) -> None:
    random = np.random.default_rng(0)
    put(database, "/d/a.txt", "Words.", embedder=EMBEDDER)
    vector = random.normal(size=EMBEDDER.space.dim).astype(np.float32)
    vector /= np.linalg.norm(vector)
    database.write(lambda c: c.execute("DELETE FROM embeddings"))
    database.write(lambda c: c.execute("UPDATE passages SET embedding_id = NULL"))
    database.write(lambda c: vectors.make_flat(c, 1))
    hash_ = database.read(lambda c: c.execute("SELECT embedding_hash FROM passages").get)
    database.write(lambda c: vectors.store(c, 1, [hash_], vector[None, :]))
    assert check(database, repair=False) == []


def test_a_wrong_count_of_vectors_is_mended(filled: Database) -> None:
    filled.write(lambda c: c.execute("UPDATE spaces SET vectors = 99"))
    assert [(f.what, f.repaired) for f in check(filled, repair=True)] == [
        ("spaces whose count of vectors is wrong", True)
    ]
    assert filled.read(lambda c: vectors.count(c, 1)) == 6
    assert check(filled, repair=False) == []


def test_a_large_flat_index_is_verified_without_holding_it_all(database: Database) -> None:
    count, dim = 12_000, EMBEDDER.space.dim
    put(database, "/d/a.txt", "Words.", embedder=EMBEDDER)
    packed = bytes(2 * dim)
    database.write(
        lambda c: c.executemany(
            "INSERT INTO embeddings (space_id, hash, vector) VALUES (1, ?, ?)",
            [(n.to_bytes(16, "big"), packed) for n in range(count)],
        )
    )
    database.write(lambda c: vectors.make_flat(c, 1))
    database.write(lambda c: c.execute("DELETE FROM vectors_flat_1 WHERE rowid % 2000 = 0"))
    tracemalloc.start()
    found = check(database, repair=False)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [f.count for f in found if "flat index" in f.what] == [6]
    assert peak_bytes < count * dim * 2


def test_many_passages_are_indexed_anew_without_holding_them_all(database: Database) -> None:
    count, text = 4_000, "Blubber. " * 100
    put(database, "/d/a.txt", "Words.")
    database.write(
        lambda c: c.executemany(
            "INSERT INTO passages (document_id, ordinal, char_start, char_end, text, heading,"
            " locator, tokens, embedding_hash) VALUES (1, ?, 0, 0, ?, '[]', '', 0, x'')",
            [(n, f"walrus{n} {text}") for n in range(1, count)],
        )
    )
    tracemalloc.start()
    found = check(database, repair=True)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [(f.count, f.repaired) for f in found] == [(count - 1, True)]
    walrus = lexical.parse(f"walrus{count - 1}")
    ranked = database.read(lambda c: retrieval.by_words(c, walrus, 2, Scope("", (), None)))
    assert [id_ for id_, _ in ranked] == [count]
    assert peak_bytes < count * len(text) * 0.8


@pytest.mark.parametrize("spoiled", [b"abc", b"", "nan", "inf", "short"])
def test_vectors_that_are_none_cost_no_search_and_are_made_anew(
    filled: Database, spoiled: bytes | str
) -> None:
    dim = EMBEDDER.space.dim
    made = {
        "nan": np.full(dim, np.nan, "<f2").tobytes(),
        "inf": np.full(dim, np.inf, "<f2").tobytes(),
        "short": np.ones(dim - 1, "<f2").tobytes(),
    }
    packed = made[spoiled] if isinstance(spoiled, str) else spoiled
    filled.write(lambda c: c.execute("UPDATE embeddings SET vector = ? WHERE id = 2", (packed,)))
    ids, found = filled.read(lambda c: vectors.read(c, np.array([1, 2, 3]), dim))
    assert ids.tolist() == [1, 3]
    assert np.isfinite(found).all()
    query = EMBEDDER.embed_query(says(1))
    near = filled.read(lambda c: retrieval.similarities(c, query, [1, 2, 3], 1))
    assert sorted(near) == [1, 3]
    assert all(finding.repaired for finding in check(filled, repair=True))
    embed_waiting(filled, EMBEDDER)
    assert check(filled, repair=False) == []


def test_a_recording_whose_sound_is_spoiled_is_heard_once_more(database: Database) -> None:
    put(database, "/d/a.wav", says(1), type_="audio")
    sha256 = database.read(lambda c: c.execute("SELECT sha256 FROM documents").get)
    space_id = database.write(lambda c: vectors.put_space(c, SOUND_SPACE))
    row = np.ones((1, SOUND_SPACE.dim), np.float32)
    database.write(lambda c: vectors.add(c, space_id, [bytes.fromhex(str(sha256))], row))
    database.write(lambda c: c.execute("UPDATE embeddings SET vector = x'00'"))
    check(database, repair=True)
    assert database.read(jobs.outstanding)[0] == 1


SPOILED = {
    "a byte is another": "UPDATE upload_pieces SET content = x'00' || substr(content, 2)",
    "a piece is missing": "DELETE FROM upload_pieces WHERE number = 1",
    "pieces have changed places": "UPDATE upload_pieces SET number = 3 - number * 2",
    "all bytes are gone": "DELETE FROM uploads",
}


@pytest.mark.parametrize("damage", SPOILED)
def test_an_upload_whose_bytes_are_not_those_that_were_sent_is_told(
    filled: Database, damage: str
) -> None:
    upload(filled, b"a" * PIECE_BYTES + b"b" * 9)
    assert check(filled, repair=False) == []
    filled.write(lambda c: c.execute(SPOILED[damage]))
    (found,) = check(filled, repair=True)
    assert "uploaded files" in found.what
    assert (found.count, found.repaired) == (1, False)


def test_what_is_coming_in_is_no_damage(filled: Database) -> None:
    leave_half(filled)
    assert check(filled, repair=False) == []


def test_a_backup_has_the_uploads(filled: Database, tmp_path: Path) -> None:
    taken = upload(filled, b"kept in the file")
    (tmp_path / "copy").mkdir()
    backup(filled, tmp_path / "copy")
    copy = Database(tmp_path / "copy", writable=False)
    record = copy.read(lambda c: listing.record(c, taken.file_id))
    assert record is not None
    with source_of(copy, record.path).readable() as readable:
        assert readable.read_bytes() == b"kept in the file"
    copy.close()


def test_pieces_of_no_upload_are_told(filled: Database) -> None:
    def plant(connection: apsw.Connection) -> None:
        connection.execute("PRAGMA foreign_keys = OFF")
        uploads.append(connection, 99, 0, b"stray")
        connection.execute("PRAGMA foreign_keys = ON")

    filled.run_outside_transaction(plant)
    assert [finding.what for finding in check(filled, repair=True)] == [
        "rows that refer to missing rows"
    ]
