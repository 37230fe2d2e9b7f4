"""Files that give no document."""

from __future__ import annotations

import re

import pytest

from prismd.errors import ExtractCrash
from prismd.ingest.reading import IngestSettings
from prismd.store import jobs
from tests.building import Indexer
from tests.ingest.passes import CountingPool, finds, work

_AES_256 = 5  # pymupdf.PDF_ENCRYPT_AES_256, which its types lack
BROKEN_PDF = b"%PDF-1.7\n" + b"garbage " * 50


@pytest.mark.parametrize(
    ("name", "content", "state", "says"),
    [
        ("empty.txt", b"", ("skipped", "empty"), "empty.txt: is empty"),
        ("blank.txt", b" \n\t \n", ("skipped", "empty"), "blank.txt: "),
        ("large.txt", b"x" * 2_001, ("skipped", "too_large"), r"large.txt: .*max_file_mb"),
        ("long.mp3", b"x" * 3_001, ("skipped", "too_large"), r"long.mp3: .*max_recording_mb"),
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
    indexer.settings = IngestSettings(max_file_bytes=2_000, max_recording_bytes=3_000)
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
