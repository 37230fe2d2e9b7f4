"""What the attachments of a mail were read with, or without, is known of the mail."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import apsw
import msgspec
import pymupdf
import pytest
from PIL import Image, ImageDraw, ImageFont

from prismd.domain import Extraction
from prismd.extract.ocr import tesseract
from prismd.extract.steps import listening
from prismd.store import documents, files, stale
from prismd.store.database import Database
from prismd.store.stale import Present
from tests.building import document, entry
from tests.needing import needs

Read = Callable[..., Extraction]

needs_ocr = needs(tesseract.engine(), "Tesseract is not installed")


def picture() -> bytes:
    image = Image.new("L", (600, 120), 255)
    ImageDraw.Draw(image).text((20, 30), "The copper kettle", 0, ImageFont.load_default(40))
    made = io.BytesIO()
    image.save(made, "PNG")
    return made.getvalue()


def scan() -> bytes:
    with pymupdf.open() as file:
        file.new_page(width=600, height=120).insert_image((0, 0, 600, 120), stream=picture())
        return bytes(file.tobytes())


def mail(**attached: bytes) -> bytes:
    made = EmailMessage()
    made["Subject"] = "Plans"
    made.set_content("See below.\n")
    for name, data in attached.items():
        kind = "pdf" if data.startswith(b"%PDF") else "png"
        made.add_attachment(
            data, maintype="application", subtype="octet-stream", filename=f"{name}.{kind}"
        )
    return made.as_bytes()


@pytest.fixture
def no_tesseract(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PATH", "/nowhere")
    tesseract.engine.cache_clear()
    yield
    tesseract.engine.cache_clear()


@needs_ocr
def test_what_read_the_pictures_in_a_mail_is_named(read: Read) -> None:
    extraction = read("a.eml", mail(photo=picture(), scan=scan()))
    assert extraction.text.count("The copper kettle") == 2
    assert extraction.engines["ocr"].startswith("tesseract")


def test_a_mail_without_pictures_was_read_by_nothing_else(read: Read) -> None:
    assert read("a.eml", mail()).engines == {}


@pytest.mark.usefixtures("no_tesseract")
@pytest.mark.parametrize("name", ["photo", "scan"])
def test_a_mail_that_was_read_without_ocr_is_stale_once_it_is_there(
    read: Read, tmp_path: Path, name: str
) -> None:
    extraction = read("a.eml", mail(**{name: picture() if name == "photo" else scan()}))
    assert extraction.engines == {"ocr": ""}
    (warning,) = extraction.warnings
    assert warning.startswith(f"{name}.p")
    assert "prismd reindex --stale" in warning
    made, _ = document("See below.")
    made = msgspec.structs.replace(made, extraction=extraction)

    def store(connection: apsw.Connection) -> None:
        files.add(connection, None, [entry("/d/a.eml")])
        file_id = connection.execute("SELECT max(id) FROM files").get
        document_id = documents.replace(connection, made, [], None)
        files.attach(connection, file_id, document_id, made.sha256)

    database = Database(tmp_path / "data")
    database.write(store)
    present = Present(extractors={"text/plain": "text-1"}, chunker=made.chunker, ocr=True)
    found = database.read(lambda connection: stale.report(connection, present))
    database.close()
    assert [(item.what, item.count) for item in found] == [("pictures and scans", 1)]


@needs_ocr
@pytest.mark.parametrize("there_first", [True, False])
def test_one_attachment_that_was_not_read_makes_the_mail_stale(
    read: Read, monkeypatch: pytest.MonkeyPatch, there_first: bool
) -> None:
    path = os.environ["PATH"]

    def set_tesseract(there: bool) -> None:
        monkeypatch.setenv("PATH", path if there else "/nowhere")
        tesseract.engine.cache_clear()

    made = EmailMessage()
    made["Subject"] = "Outer"
    made.set_content("See below.\n")
    made.add_attachment(mail(photo=picture()), "application", "x", filename="inner.eml")
    made.add_attachment(picture(), "application", "x", filename="other.png")
    set_tesseract(there_first)
    try:
        with listening(lambda done, _: set_tesseract(not there_first) if done == 2 else None):
            extraction = read("a.eml", made.as_bytes())
    finally:
        tesseract.engine.cache_clear()
    assert extraction.text.count("The copper kettle") == 1
    assert extraction.engines == {"ocr": ""}


def test_what_is_told_of_an_attachment_is_told_of_the_mail(read: Read) -> None:
    noise = Image.effect_noise((400, 400), 80)
    made = io.BytesIO()
    noise.save(made, "PNG")
    warnings = read("a.eml", mail(torn=made.getvalue()[:-40_000])).warnings
    assert warnings == ("torn.png: the file is damaged; what could be decoded of it is indexed",)
