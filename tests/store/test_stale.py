from __future__ import annotations

import msgspec
import pytest

from prismd.domain import EmbeddingSpace
from prismd.extract.base import NO_OCR
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
    database.write(lambda c: files.add(c, None, [entry("/d/scan.pdf"), entry("/d/b.bin")]))
    for file_id, code in ((1, NO_OCR), (2, "unsupported")):
        database.write(
            lambda c, id_=file_id, code=code: files.end_without_document(  # type: ignore[misc]
                c, id_, "skipped", code=code, message="", sha256=None
            )
        )
    assert database.read(lambda c: stale.report(c, present())) == []
    (told,) = database.read(lambda c: stale.report(c, present(ocr=True)))
    assert (told.what, told.count) == ("scans", 1)
    assert database.write(lambda c: stale.redo(c, present(ocr=True))) == 1
    assert database.read(lambda c: jobs.outstanding(c)[0]) == 1
    assert database.read(lambda c: stale.report(c, present(ocr=True))) == []
