from __future__ import annotations

import msgspec
import pytest

from prismd.domain import EmbeddingSpace
from prismd.errors import NO_OCR, NO_TEXT, UNSUPPORTED
from prismd.store import documents, files, jobs, stale, vectors
from prismd.store.database import Database
from prismd.store.stale import Present
from tests.building import document, entry

TEXTS = EmbeddingSpace(model="m", revision="1", dim=4, max_tokens=8)
PICTURES = EmbeddingSpace(model="clip", revision="1", dim=4, max_tokens=8, content="picture")


def put(database: Database, path: str, engines: dict[str, str]) -> None:
    made, passages = document(f"What {path} says.")
    made = msgspec.structs.replace(
        made, extraction=msgspec.structs.replace(made.extraction, engines=engines)
    )

    def work(connection):  # type: ignore[no-untyped-def]
        files.add(connection, None, [entry(path)])
        file_id = connection.execute("SELECT max(id) FROM files").get
        document_id = documents.replace(connection, made, passages, None)
        files.attach(connection, file_id, document_id, made.sha256)

    database.write(work)


def skip(database: Database, path: str, code: str) -> None:
    """Have a file looked at and left out."""

    def work(connection):  # type: ignore[no-untyped-def]
        files.add(connection, None, [entry(path)])
        file_id = connection.execute("SELECT id FROM files WHERE path = ?", (path,)).get
        files.end_without_document(
            connection, file_id, "skipped", code=code, message="", sha256=None
        )

    database.write(work)


def reads(*suffixes: str, version: str = "1") -> Present:
    """A version that reads files with such names."""
    return present(suffixes=dict.fromkeys(suffixes, version))


def present(**more: object) -> Present:
    made, _ = document("x")
    return Present(extractors={"text/plain": "text-1"}, chunker=made.chunker, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("engines", "now", "told"),
    [
        ({}, {"ocr": True, "speech": "whisper"}, []),
        ({"ocr": ""}, {}, []),
        ({"ocr": ""}, {"ocr": True}, ["pictures and scans"]),
        ({"ocr": "tesseract", "ocr_languages": ""}, {"ocr": True}, []),
        (
            {"ocr": "tesseract", "ocr_languages": "eng"},
            {"ocr": True, "ocr_languages": {"": "eng+deu"}},
            ["pictures and scans"],
        ),
        (
            {"ocr": "tesseract", "ocr_languages": "eng"},
            {"ocr": True, "ocr_languages": {"": "", "/d": "eng"}},
            [],
        ),
        (
            {"ocr": "tesseract", "ocr_languages": "eng"},
            {"ocr": True, "ocr_languages": {"": "eng", "/other": "deu"}},
            [],
        ),
        ({"speech": ""}, {}, []),
        ({"speech": ""}, {"speech": "whisper"}, ["recordings"]),
        ({"speech": "tiny"}, {"speech": "whisper"}, ["recordings"]),
        ({"speech": "whisper"}, {"speech": "whisper"}, []),
        ({"speech": "whisper"}, {}, []),
    ],
)
def test_what_lacked_a_reader_is_stale_once_it_is_there(
    database: Database, engines: dict[str, str], now: dict[str, object], told: list[str]
) -> None:
    put(database, "/d/a", engines)
    found = database.read(lambda c: stale.report(c, present(**now)))
    assert [item.what for item in found] == told
    assert all(item.command == "prismd reindex --stale" and item.count == 1 for item in found)
    queued = database.write(lambda c: stale.redo(c, present(**now)))
    assert queued == len(told)


def test_vectors_of_another_model_are_stale_each_by_its_kind(database: Database) -> None:
    database.write(lambda c: vectors.put_space(c, TEXTS))
    database.write(lambda c: vectors.put_space(c, PICTURES))
    other = msgspec.structs.replace(PICTURES, revision="2")
    assert database.read(lambda c: stale.report(c, present())) == []
    assert database.read(lambda c: stale.report(c, present(spaces=(TEXTS, PICTURES)))) == []
    (told,) = database.read(lambda c: stale.report(c, present(spaces=(TEXTS, other))))
    assert told.why == "made by other weights of clip"
    database.write(lambda c: stale.redo(c, present(spaces=(TEXTS, other))))
    kept = [space for _, space in database.read(vectors.spaces)]
    assert kept == [TEXTS, other]


def test_a_scan_that_was_left_out_without_ocr_is_read_once_it_is_there(database: Database) -> None:
    skip(database, "/d/scan.pdf", NO_OCR)
    skip(database, "/d/b.bin", UNSUPPORTED)
    assert database.read(lambda c: stale.report(c, present())) == []
    (told,) = database.read(lambda c: stale.report(c, present(ocr=True)))
    assert (told.what, told.count) == ("scans", 1)
    assert database.write(lambda c: stale.redo(c, present(ocr=True))) == 1
    assert database.read(lambda c: jobs.outstanding(c)[0]) == 1
    assert database.read(lambda c: stale.report(c, present(ocr=True))) == []


def test_what_an_older_version_did_not_read_is_read_once_that_is_asked_for(
    database: Database,
) -> None:
    for path in ("/d/talk.pptx", "/d/BOOK.ODT", "/d/a.bin", "/d.odt/no_suffix", "/d/odt"):
        skip(database, path, UNSUPPORTED)
    skip(database, "/d/empty.odt", "empty")
    now = reads(".pptx", ".odt")
    assert database.read(lambda c: stale.report(c, reads(".mp3"))) == []
    # Whoever only looks does so before the new version has read anything.
    for _ in ("before it has noted what it reads", "and after"):
        (told,) = database.read(lambda c: stale.report(c, now))
        assert (told.what, told.count, told.command) == ("files", 2, "prismd reindex --stale")
        database.write(lambda c: stale.note_suffixes(c, now.suffixes))
    assert database.write(lambda c: stale.redo(c, now)) == 2
    assert database.read(lambda c: jobs.outstanding(c)[0]) == 2
    assert database.read(lambda c: stale.report(c, now)) == []


def test_what_this_version_left_out_itself_is_not_stale(database: Database) -> None:
    now = reads(".csv", ".odt")
    database.write(lambda c: stale.note_suffixes(c, now.suffixes))
    skip(database, "/d/no_table.csv", UNSUPPORTED)
    assert database.read(lambda c: stale.report(c, now)) == []
    # Neither does a later version that reads other names, nor this one when it starts again.
    later = reads(".csv", ".odt", ".pptx")
    for version in (later, now):
        database.write(lambda c, v=version: stale.note_suffixes(c, v.suffixes))  # type: ignore[misc]
        assert database.read(lambda c, v=version: stale.report(c, v)) == []  # type: ignore[misc]


def test_what_was_a_picture_without_words_to_an_older_version_is_read_once_more(
    database: Database,
) -> None:
    older, now = reads(".pdf"), reads(".pdf", version="2")
    database.write(lambda c: stale.note_suffixes(c, older.suffixes))
    skip(database, "/d/scan.pdf", NO_TEXT)
    assert database.read(lambda c: stale.report(c, older)) == []
    assert [told.count for told in database.read(lambda c: stale.report(c, now))] == [1]
    database.write(lambda c: stale.note_suffixes(c, now.suffixes))
    assert database.write(lambda c: stale.redo(c, now)) == 1
    skip(database, "/d/scan.pdf", NO_TEXT)
    assert database.read(lambda c: stale.report(c, now)) == []


def test_what_is_left_out_again_is_not_stale_any_more(database: Database) -> None:
    now = reads(".odt")
    skip(database, "/d/not_really.odt", UNSUPPORTED)
    database.write(lambda c: stale.note_suffixes(c, now.suffixes))
    assert database.write(lambda c: stale.redo(c, now)) == 1
    skip(database, "/d/not_really.odt", UNSUPPORTED)
    assert database.read(lambda c: stale.report(c, now)) == []
    assert database.write(lambda c: stale.redo(c, now)) == 0
