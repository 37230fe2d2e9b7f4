"""Real files, real workers, a real index; only the models are the shipped fakes."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from prismd.chunk import Chunking
from prismd.domain import Extraction, Filters
from prismd.errors import ExtractCrash, ModelError, StoreError, WorkerError
from prismd.extract.base import ExtractOptions, MediaType
from prismd.extract.pool import ExtractPool
from prismd.models.fake import FakeEmbedder, FakeReranker, FakeTokens
from prismd.reading import IngestSettings
from prismd.search import Search, SearchSettings
from prismd.store import files, jobs
from prismd.store.check import check
from tests.building import Indexer, wait_until, write_file

_AES_256 = 5  # pymupdf.PDF_ENCRYPT_AES_256, which its types lack
SETTINGS = IngestSettings(chunking=Chunking(target_tokens=32, overlap_tokens=0))
PARAGRAPHS = [
    f"Paragraph {n} speaks of subject{n} at some length" + " and on" * 11 for n in range(9)
]
LONG = ".\n\n".join(PARAGRAPHS)


class CountingPool:
    """The real pool, counting what it reads, and stopping where it is told to."""

    def __init__(self, pool: ExtractPool) -> None:
        self._pool = pool
        self.read: list[str] = []
        self.before: Callable[[str], None] = lambda name: None
        self.after: Callable[[str], None] = lambda name: None

    def extract(
        self,
        path: Path,
        options: ExtractOptions,
        on_step: Callable[[int, int], None] | None = None,
    ) -> tuple[MediaType, Extraction]:
        self.read.append(path.name)
        self.before(path.name)
        found = self._pool.extract(path, options, on_step)
        self.after(path.name)
        return found

    def pixels(self, path: Path, edge_px: int) -> NDArray[np.uint8]:
        return self._pool.pixels(path, edge_px)


@pytest.fixture(scope="module")
def workers() -> Iterator[ExtractPool]:
    pool = ExtractPool(2)
    yield pool
    pool.close()


@pytest.fixture
def pool(workers: ExtractPool) -> CountingPool:
    return CountingPool(workers)


@pytest.fixture
def indexer(tmp_path: Path, data_dir: Path, pool: CountingPool) -> Iterator[Indexer]:
    made = Indexer(tmp_path / "folder", data_dir, pool, settings=SETTINGS)
    yield made
    made.database.close()


def embedder(indexer: Indexer) -> FakeEmbedder:
    assert isinstance(indexer.embedder, FakeEmbedder)
    return indexer.embedder


def work(indexer: Indexer, pool: CountingPool) -> tuple[int, int]:
    """What one more pass does: extractions and embeddings."""
    reads, embedded = len(pool.read), embedder(indexer).embedded
    indexer.run()
    assert check(indexer.database, repair=False) == []
    assert indexer.progress.snapshot().embeddings == embedder(indexer).embedded - embedded
    return len(pool.read) - reads, embedder(indexer).embedded - embedded


def finds(indexer: Indexer, query: str) -> list[str]:
    search = Search(indexer.database, indexer.embedder, FakeReranker(), SearchSettings())
    return [Path(hit.path).name for hit in search.search(query).hits]


# What is done, and what is not done twice


def test_a_folder_becomes_searchable(indexer: Indexer, pool: CountingPool) -> None:
    indexer.write("a.txt", LONG)
    indexer.write("deep/b.md", "# Title\n\nThe walrus is a **marine** mammal.\n")
    indexer.write("c.html", "<html><body><p>Penguins cannot fly.</p></body></html>")
    indexer.write("d.py", "def swim():\n    return 'walrus'\n")
    assert work(indexer, pool) == (4, len(PARAGRAPHS) + 3)
    assert set(indexer.states().values()) == {("completed", "")}
    assert finds(indexer, "marine mammal")[0] == "b.md"
    assert finds(indexer, "penguins")[0] == "c.html"
    assert finds(indexer, "subject7")[0] == "a.txt"
    snapshot = indexer.progress.snapshot()
    assert snapshot.files == {"completed": 4}
    assert snapshot.passages == len(PARAGRAPHS) + 3
    assert snapshot.current == ()


def test_a_second_pass_does_nothing(indexer: Indexer, pool: CountingPool) -> None:
    indexer.write("a.txt", LONG)
    assert work(indexer, pool) == (1, len(PARAGRAPHS))
    assert work(indexer, pool) == (0, 0)
    assert indexer.progress.snapshot().files == {}


def test_a_touched_file_costs_nothing(indexer: Indexer, pool: CountingPool) -> None:
    indexer.write("a.txt", LONG)
    work(indexer, pool)
    indexer.write("a.txt", LONG, age=50)
    assert work(indexer, pool) == (0, 0)
    assert indexer.states() == {"a.txt": ("completed", "")}


def test_a_copied_moved_or_renamed_file_costs_nothing(indexer: Indexer, pool: CountingPool) -> None:
    path = indexer.write("a.txt", LONG)
    work(indexer, pool)
    indexer.write("copy.md", LONG)
    assert work(indexer, pool) == (0, 0)
    path.rename(indexer.folder / "renamed.txt")
    assert work(indexer, pool) == (0, 0)
    assert sorted(indexer.texts()) == ["copy.md", "renamed.txt"]
    assert indexer.rows("SELECT count(*) FROM documents") == [(1,)]


def test_an_edited_file_embeds_only_what_was_edited(indexer: Indexer, pool: CountingPool) -> None:
    indexer.write("a.txt", LONG)
    work(indexer, pool)
    edited = LONG.replace("subject4", "topic4")
    indexer.write("a.txt", edited, age=1)
    assert work(indexer, pool) == (1, 1)
    assert indexer.texts() == {"a.txt": edited}
    assert finds(indexer, "subject4") == [] or "subject4" not in edited
    assert indexer.rows("SELECT count(*) FROM documents") == [(1,)]
    assert indexer.rows("SELECT count(*) FROM embeddings") == [(len(PARAGRAPHS),)]


def test_a_removed_file_is_gone_with_everything_of_it(indexer: Indexer, pool: CountingPool) -> None:
    path = indexer.write("a.txt", LONG)
    indexer.write("b.txt", "Another text altogether.")
    work(indexer, pool)
    path.unlink()
    assert work(indexer, pool) == (0, 0)
    assert "a.txt" not in finds(indexer, "subject4")
    assert indexer.rows("SELECT count(*) FROM passages") == [(1,)]


def test_files_of_one_content_that_come_together_are_one_document(
    indexer: Indexer, pool: CountingPool
) -> None:
    for number in range(8):
        indexer.write(f"{number}.txt", LONG)
    _, embedded = work(indexer, pool)
    assert embedded == len(PARAGRAPHS)
    assert indexer.rows("SELECT count(*) FROM documents") == [(1,)]
    assert len(indexer.texts()) == 8


def test_a_name_that_is_not_utf8_is_read_and_found(indexer: Indexer, pool: CountingPool) -> None:
    indexer.write(os.fsdecode(b"caf\xe9 \xff.txt"), "The walrus of the strange name.")
    assert work(indexer, pool) == (1, 1)
    assert finds(indexer, "walrus") == ["caf\ufffd \ufffd.txt"]
    search = Search(indexer.database, None, None, SearchSettings())
    found = search.search("walrus", filters=Filters(path=("caf*",)))
    assert len(found.hits) == 1
    assert work(indexer, pool) == (0, 0)


# Files that give no document


BROKEN_PDF = b"%PDF-1.7\n" + b"garbage " * 50


@pytest.mark.parametrize(
    ("name", "content", "state", "says"),
    [
        ("empty.txt", b"", ("skipped", "empty"), "empty.txt: is empty"),
        ("blank.txt", b" \n\t \n", ("skipped", "empty"), "blank.txt: "),
        ("large.txt", b"x" * 2_001, ("skipped", "too_large"), r"large.txt: .*max_file_mb"),
        ("picture.xyz", bytes(range(256)) * 4, ("skipped", "unsupported"), "picture.xyz: "),
        ("broken.pdf", BROKEN_PDF, ("failed", "broken"), "broken.pdf: "),
        ("not.docx", b"PK\x03\x04 but no archive", None, "not.docx: "),
    ],
)
def test_what_gives_no_document_says_why(
    indexer: Indexer,
    pool: CountingPool,
    name: str,
    content: bytes,
    state: tuple[str, str] | None,
    says: str,
) -> None:
    indexer.settings = IngestSettings(max_file_bytes=2_000)
    indexer.write(name, content)
    indexer.write("good.txt", "The walrus.")
    work(indexer, pool)
    assert indexer.states()["good.txt"] == ("completed", "")
    found = indexer.states()[name]
    assert state is None or found == state
    assert found[0] in ("failed", "skipped")
    ((message,),) = indexer.rows("SELECT error_message FROM files WHERE path LIKE ?", ["%" + name])
    assert message
    assert re.match(says, str(message))
    reads = len(pool.read)
    work(indexer, pool)
    assert len(pool.read) == reads  # it is not tried again unasked


def test_an_encrypted_pdf_says_what_to_do(indexer: Indexer, pool: CountingPool) -> None:
    import pymupdf

    made = pymupdf.open()
    made.new_page().insert_text((72, 72), "secret")
    content = made.tobytes(encryption=_AES_256, owner_pw="owner", user_pw="user")
    indexer.write("locked.pdf", content)
    work(indexer, pool)
    assert indexer.states() == {"locked.pdf": ("failed", "encrypted")}
    assert "password" in str(indexer.rows("SELECT error_message FROM files")[0][0])


def test_a_file_that_breaks_gives_up_its_document_and_one_that_is_mended_gets_it(
    indexer: Indexer, pool: CountingPool
) -> None:
    indexer.write("a.txt", "The walrus.")
    work(indexer, pool)
    indexer.write("a.txt", b"", age=1)
    work(indexer, pool)
    assert indexer.states() == {"a.txt": ("skipped", "empty")}
    assert indexer.rows("SELECT count(*) FROM documents") == [(0,)]
    indexer.write("a.txt", "The walrus.", age=2)
    work(indexer, pool)
    assert indexer.states() == {"a.txt": ("completed", "")}
    assert finds(indexer, "walrus") == ["a.txt"]


def test_what_fails_for_a_while_is_tried_again_and_then_left_alone(
    indexer: Indexer, pool: CountingPool
) -> None:
    indexer.settings = IngestSettings(workers=1, attempts=2)
    indexer.write("bad.txt", "The walrus.")
    indexer.write("good.txt", "The penguin.", age=1)

    def crash(name: str) -> None:
        if name == "bad.txt":
            raise ExtractCrash("bad.txt: the program that reads it crashed (SIGSEGV)")

    pool.before = crash
    reads, _ = work(indexer, pool)
    assert reads == 3
    assert indexer.states()["bad.txt"] == ("quarantined", "crash")
    assert indexer.states()["good.txt"] == ("completed", "")
    assert work(indexer, pool) == (0, 0)
    pool.before = lambda name: None
    assert indexer.database.write(jobs.retry) == 1
    work(indexer, pool)
    assert indexer.states()["bad.txt"] == ("completed", "")


# Files that change while they are read


def test_a_file_that_changes_while_it_is_read_is_read_again(
    indexer: Indexer, pool: CountingPool
) -> None:
    indexer.write("a.txt", "The old walrus.")

    def change(_: str) -> None:
        pool.after = lambda name: None
        indexer.write("a.txt", "The new walrus.", age=3)

    pool.after = change
    indexer.run()
    indexer.run()
    assert indexer.texts() == {"a.txt": "The new walrus."}
    assert indexer.states() == {"a.txt": ("completed", "")}
    assert check(indexer.database, repair=False) == []


class Gate:
    """Holds back whoever comes first, until it is opened."""

    def __init__(self) -> None:
        self.reached, self.open = threading.Event(), threading.Event()

    def __call__(self, _: object) -> None:
        if not self.reached.is_set():
            self.reached.set()
            assert self.open.wait(60)


class GatedTokens(FakeTokens):
    """Holds back whoever cuts a text that holds a word."""

    def __init__(self, word: str) -> None:
        self.word = word
        self.gate = Gate()

    def offsets(self, text: str) -> NDArray[np.int32]:
        if self.word in text:
            self.gate(text)
        return super().offsets(text)


def test_of_two_readers_of_a_changed_file_the_later_result_counts(
    tmp_path: Path, data_dir: Path, pool: CountingPool
) -> None:
    """The first is held back with the old text in hand, the second with the new one."""
    tokens = GatedTokens("old")
    indexer = Indexer(tmp_path / "folder", data_dir, pool, settings=SETTINGS, tokens=tokens)
    indexer.write("a.txt", "The old walrus.")
    indexer.sweep()
    ingest = indexer.ingest()
    ingest.start()
    second = Gate()
    try:
        assert tokens.gate.reached.wait(60)
        pool.after = second
        indexer.write("a.txt", "The new walrus.", age=3)
        indexer.sweep()
        ingest.wake()
        assert second.reached.wait(60)
        tokens.gate.open.set()
        wait_until(lambda: len(indexer.progress.snapshot().current) == 1)
        second.open.set()
        wait_until(ingest.idle)
    finally:
        tokens.gate.open.set()
        second.open.set()
        ingest.stop()
    assert indexer.texts() == {"a.txt": "The new walrus."}
    assert indexer.states() == {"a.txt": ("completed", "")}
    ingest.finish()
    assert check(indexer.database, repair=False) == []
    indexer.database.close()


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_file_that_moves_while_it_is_read_is_not_lost(
    indexer: Indexer, pool: CountingPool, moment: str
) -> None:
    path = indexer.write("a.txt", "The walrus.")

    def move(_: str) -> None:
        pool.before = pool.after = lambda name: None
        path.rename(indexer.folder / "b.txt")
        assert indexer.sweep().moved == 1

    setattr(pool, moment, move)
    indexer.run()
    assert indexer.states() == {"b.txt": ("completed", "")}
    assert indexer.texts() == {"b.txt": "The walrus."}
    assert check(indexer.database, repair=False) == []


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_file_that_goes_while_it_is_read_is_forgotten(
    indexer: Indexer, pool: CountingPool, moment: str
) -> None:
    path = indexer.write("a.txt", "The walrus.")
    setattr(pool, moment, lambda name: path.unlink(missing_ok=True))
    indexer.run()
    indexer.run()
    assert indexer.states() == {}
    assert indexer.rows("SELECT count(*) FROM documents") == [(0,)]


def test_a_link_in_a_files_place_is_not_followed(
    indexer: Indexer, pool: CountingPool, tmp_path: Path
) -> None:
    secret = write_file(tmp_path / "outside" / "secret.txt", "The secret walrus.")
    path = indexer.write("a.txt", "The walrus.")
    indexer.sweep()
    path.unlink()
    path.symlink_to(secret)
    ingest = indexer.ingest()
    ingest.start()
    wait_until(ingest.idle)
    ingest.stop()
    assert pool.read == []
    assert indexer.texts() == {}


def test_a_pipe_in_a_files_place_is_not_opened(indexer: Indexer, pool: CountingPool) -> None:
    path = indexer.write("a.txt", "The walrus.")
    indexer.sweep()
    path.unlink()
    os.mkfifo(path)
    ingest = indexer.ingest()
    ingest.start()
    wait_until(ingest.idle)
    ingest.stop()
    assert pool.read == []


def test_a_file_that_was_just_written_waits_until_it_is_still(
    indexer: Indexer, pool: CountingPool
) -> None:
    (indexer.folder / "a.txt").write_text("The walrus.")
    assert work(indexer, pool) == (1, 1)


# Models and stopping


class Failing(FakeEmbedder):
    """Fails so many times, then works."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self.failures = failures

    def embed_passages(self, texts) -> NDArray[np.float32]:  # type: ignore[no-untyped-def]
        if self.failures:
            self.failures -= 1
            raise ModelError("the model fell over; try again")
        return super().embed_passages(texts)


def test_a_model_that_fails_loses_no_passage(
    tmp_path: Path, data_dir: Path, pool: CountingPool
) -> None:
    indexer = Indexer(tmp_path / "folder", data_dir, pool, embedder=Failing(1), settings=SETTINGS)
    indexer.write("a.txt", LONG)
    indexer.sweep()
    ingest = indexer.ingest()
    ingest.start()
    try:
        wait_until(lambda: indexer.progress.fault != "")
        assert "fell over" in indexer.progress.fault
        assert "a.txt" in finds(indexer, "subject4")  # words first
        wait_until(ingest.idle)
    finally:
        ingest.stop()
    assert indexer.progress.fault == ""
    assert indexer.rows("SELECT count(*) FROM passages WHERE embedding_id IS NULL") == [(0,)]
    assert check(indexer.database, repair=False) == []
    indexer.database.close()


class Broken(FakeTokens):
    """A tokeniser whose file is damaged, until it is mended."""

    mended = False

    def offsets(self, text: str) -> NDArray[np.int32]:
        if not self.mended:
            raise ModelError("tokenizer.json: its checksum is wrong; pull the model again")
        return super().offsets(text)


def test_a_broken_model_is_no_fault_of_the_files(
    tmp_path: Path, data_dir: Path, pool: CountingPool
) -> None:
    tokens = Broken()
    indexer = Indexer(tmp_path / "folder", data_dir, pool, settings=SETTINGS, tokens=tokens)
    indexer.write("a.txt", "The walrus.")
    indexer.sweep()
    ingest = indexer.ingest()
    ingest.start()
    wait_until(lambda: "checksum" in indexer.progress.fault)
    assert indexer.states()["a.txt"][0] in ("pending", "processing")
    tokens.mended = True
    wait_until(ingest.idle)
    ingest.stop()
    assert indexer.states() == {"a.txt": ("completed", "")}
    assert indexer.progress.fault == ""
    indexer.database.close()


@pytest.mark.parametrize("error", [StoreError, WorkerError])
def test_what_no_file_is_to_blame_for_is_told_and_passes(
    indexer: Indexer, pool: CountingPool, error: type[Exception]
) -> None:
    def fail(_: str) -> None:
        pool.before = lambda name: None
        raise error("short of memory; end some programs")

    pool.before = fail
    indexer.write("a.txt", "The walrus.")
    indexer.run()
    assert indexer.states() == {"a.txt": ("completed", "")}


def test_a_full_disk_stops_nothing_for_good(indexer: Indexer, pool: CountingPool) -> None:
    indexer.run()
    indexer.write("a.txt", LONG * 20)
    indexer.sweep()
    pages = indexer.rows("PRAGMA page_count")[0][0]

    def limit(pages: object) -> None:
        indexer.database.run_outside_transaction(lambda c: c.pragma("max_page_count", pages))

    limit(pages)
    ingest = indexer.ingest()
    ingest.start()
    wait_until(lambda: "disk space" in indexer.progress.fault)
    limit(1 << 30)
    wait_until(ingest.idle)
    ingest.stop()
    assert indexer.states() == {"a.txt": ("completed", "")}
    assert check(indexer.database, repair=False) == []


def test_without_an_embedder_words_are_enough(
    tmp_path: Path, data_dir: Path, pool: CountingPool
) -> None:
    indexer = Indexer(tmp_path / "folder", data_dir, pool, settings=SETTINGS)
    indexer.embedder = None  # type: ignore[assignment]
    indexer.write("a.txt", "The walrus.")
    indexer.run()
    search = Search(indexer.database, None, None, SearchSettings())
    assert len(search.search("walrus").hits) == 1
    indexer.embedder = FakeEmbedder()
    indexer.run()
    assert indexer.rows("SELECT count(*) FROM embeddings") == [(1,)]
    indexer.database.close()


def test_pausing_starts_nothing_and_resuming_goes_on(
    tmp_path: Path, data_dir: Path, pool: CountingPool
) -> None:
    one = IngestSettings(workers=1)
    indexer = Indexer(tmp_path / "folder", data_dir, pool, settings=one)
    for number in range(20):
        indexer.write(f"{number}.txt", f"Text {number} of the walrus.")
    indexer.sweep()
    ingest = indexer.ingest()
    pool.before = in_hand = Gate()
    ingest.start()
    try:
        assert in_hand.reached.wait(60)
        ingest.pause()
        assert indexer.progress.paused
        in_hand.open.set()  # what is in hand is finished
        wait_until(lambda: indexer.progress.snapshot().files == {"completed": 1})
        indexer.write("later.txt", "Later.")
        indexer.sweep()
        ingest.wake()
        wait_until(lambda: indexer.progress.snapshot().current == ())
        assert len(pool.read) == 1
        ingest.resume()
        assert not indexer.progress.paused
        wait_until(ingest.idle)
    finally:
        in_hand.open.set()
        ingest.stop()
    assert len(pool.read) == 21
    indexer.database.close()


def test_a_stop_gives_back_what_is_in_hand(
    tmp_path: Path, data_dir: Path, workers: ExtractPool
) -> None:
    own = ExtractPool(1)
    pool = CountingPool(own)
    indexer = Indexer(tmp_path / "folder", data_dir, pool, settings=SETTINGS)
    indexer.write("a.txt", "The walrus.")
    indexer.sweep()
    started = threading.Event()

    def close(_: str) -> None:
        own.close()
        started.set()

    pool.before = close
    ingest = indexer.ingest()
    ingest.start()
    assert started.wait(60)
    ingest.stop()
    states = indexer.states()
    assert states["a.txt"][0] == "pending"
    indexer.pool = CountingPool(workers)
    indexer.run()
    assert indexer.states() == {"a.txt": ("completed", "")}
    indexer.database.close()


def test_a_file_outside_every_root_can_be_queued_too(indexer: Indexer, tmp_path: Path) -> None:
    path = write_file(tmp_path / "uploads" / "u.txt", "The uploaded walrus.")
    found = path.stat()
    entry = files.Entry(
        os.fsencode(path), found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
    )
    indexer.database.write(lambda c: files.add(c, None, [entry]))
    indexer.run()
    indexer.run()
    assert finds(indexer, "uploaded walrus") == ["u.txt"]
