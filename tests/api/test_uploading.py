"""``POST /upload``: what is taken in, and what becomes of it."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import docx
import pytest

from prismd.store import jobs, listing
from tests.api.harness import LEASE, Live, wait_until, write_pdf
from tests.api.sending import (
    LIMIT_BYTES,
    count,
    counts,
    send,
    take,
    taking_uploads,
)
from tests.building import picture, recording

_AES_256 = 5  # pymupdf.PDF_ENCRYPT_AES_256, which its types lack


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with taking_uploads(tmp_path_factory.mktemp("uploading")) as live:
        yield live


def found(live: Live, query: str) -> list[str]:
    results = live.client.post("/search", json={"query": query}).json()["results"]
    return [Path(result["metadata"]["path"]).name for result in results]


def pdf(folder: Path) -> bytes:
    path = folder / "a.pdf"
    write_pdf(path, LEASE)
    return path.read_bytes()


def word(text: str) -> bytes:
    packed = io.BytesIO()
    document = docx.Document()
    document.add_paragraph(text)
    document.save(packed)
    return packed.getvalue()


def mail(text: str) -> bytes:
    head = "From: a@example.org\r\nTo: b@example.org\r\nSubject: Hi\r\nMessage-ID: <1@e.org>\r\n"
    return f"{head}Date: Mon, 5 Jan 2026 10:00:00 +0000\r\n\r\n{text}\r\n".encode()


KINDS: list[tuple[str, str, bytes, str]] = [
    ("a.txt", "text/plain", b"The ibis wades.", "ibis"),
    ("a.md", "text/markdown", b"# Birds\n\nThe stork stands.", "stork"),
    ("a.html", "text/html", b"<!doctype html><p>The heron waits.", "heron"),
    ("a.csv", "text/csv", b"bird,food\negret,frogs\n", "egret"),
    ("a.json", "application/json", b'{"bird": "bittern"}', "bittern"),
    ("a.py", "text/x-source-code", b"def spoonbill():\n    return 1\n", "spoonbill"),
    ("a.eml", "message/rfc822", mail("The crane calls."), "crane"),
    ("a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
     word("The flamingo sleeps."), "flamingo"),
    ("a.png", "image/png", picture("red", "Pelican island", size=(640, 120)), "pelican"),
    ("a.wav", "audio/wav", recording((0.5, 3.0, "The curlew sings.")), "curlew"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "media_type", "content", "word_"), KINDS)
def test_every_kind_is_read_and_found(
    server: Live, name: str, media_type: str, content: bytes, word_: str
) -> None:
    uploaded = take(server, name, content)
    assert uploaded["status"] == uploaded["state"] == "completed"
    assert (uploaded["filename"], uploaded["media_type"]) == (name, media_type)
    assert uploaded["sha256"] == hashlib.sha256(content).hexdigest()
    assert uploaded["size_bytes"] == len(content)
    assert uploaded["message"] == f"{name}: can be searched"
    if media_type != "image/png" or _reads_words(uploaded, server):
        assert found(server, word_)[0] == name
    got = server.client.get(f"/files/{uploaded['file_id']}/content")
    assert got.content == content


def _reads_words(uploaded: dict[str, Any], live: Live) -> bool:
    """Whether the words of pictures can be read here."""
    return bool(live.client.get(f"/files/{uploaded['file_id']}").json()["passages"])


def test_it_is_not_waited_for_unless_asked(server: Live) -> None:
    server.client.post("/pause")
    try:
        uploaded = send(server, "b.txt", b"A gannet dives.").json()
        assert (uploaded["status"], uploaded["state"]) == ("queued", "pending")
        assert uploaded["message"] == "b.txt: is kept, and read once 'prismd resume' ends the pause"
        waited = send(server, "b.txt", b"A gannet dives.", wait_s=0.1).json()
        assert (waited["status"], waited["state"]) == ("known", "pending")
    finally:
        server.client.post("/resume")
    wait_until(lambda: found(server, "gannet")[:1] == ["b.txt"])


def test_one_that_is_deleted_meanwhile_may_be_sent_again(server: Live) -> None:
    content = b"A fulmar glides."
    server.client.post("/pause")
    try:
        with ThreadPoolExecutor(1) as threads:
            waits = threads.submit(send, server, "f.txt", content, wait_s=60)
            digest = hashlib.sha256(content).hexdigest()
            wait_until(lambda: count(server, f"uploads WHERE sha256 = '{digest}'") == 1)
            file_id = server.id_of("f.txt")
            assert server.client.delete(f"/files/{file_id}").status_code == 200
            refused = waits.result()
    finally:
        server.client.post("/resume")
    assert refused.status_code == 409
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["error"]["code"] == "deleted_meanwhile"
    assert take(server, "f.txt", content)["status"] == "completed"


def test_the_time_to_wait_may_be_a_field_of_the_form(server: Live) -> None:
    files = {"file": ("c.txt", b"A puffin burrows.")}
    said = server.client.post("/upload", files=files, data={"wait_s": "60"}).json()
    assert said["status"] == "completed"


@pytest.mark.parametrize("given", ["-1", "301", "nan", "soon"])
def test_a_time_that_is_none_is_refused(server: Live, given: str) -> None:
    files = {"file": ("c.txt", b"words")}
    for more in ({"data": {"wait_s": given}}, {"params": {"wait_s": given}}):
        refused = server.client.post("/upload", files=files, **more)  # type: ignore[arg-type]
        assert refused.status_code == 400
        assert refused.json()["error"]["param"] == "wait_s"


def test_the_same_bytes_are_the_same_file(server: Live) -> None:
    first = take(server, "first.txt", b"An auk swims.")
    before = counts(server)
    again = send(server, "second.txt", b"An auk swims.").json()
    assert (again["status"], again["file_id"]) == ("known", first["file_id"])
    assert again["filename"] == "first.txt"
    assert again["message"] == "first.txt: was uploaded before, and can be searched"
    assert counts(server) == before


def test_the_same_name_with_other_bytes_is_another_file(server: Live) -> None:
    one = take(server, "same.txt", b"One tern flies.")
    other = take(server, "same.txt", b"Another tern flies.")
    assert one["file_id"] != other["file_id"]
    ids = (one["file_id"], other["file_id"])
    paths = [server.client.get(f"/files/{id_}").json()["path"] for id_ in ids]
    assert len(set(paths)) == 2
    assert {Path(path).name for path in paths} == {"same.txt"}


def test_what_is_in_a_folder_as_well_is_not_read_twice(server: Live) -> None:
    (server.stack.folder / "known.txt").write_bytes(b"A skua steals.")
    server.stack.index()
    watched = server.id_of("known.txt")
    uploaded = take(server, "up.txt", b"A skua steals.")
    assert uploaded["file_id"] != watched
    assert count(server, "documents") == count(server, "documents WHERE orphaned_at IS NULL")
    server.client.delete(f"/files/{watched}")
    assert found(server, "skua")[0] == "up.txt"


def test_the_content_decides_and_not_the_suffix(server: Live, tmp_path: Path) -> None:
    data = pdf(tmp_path)
    uploaded = take(server, "really.txt", data)
    assert uploaded["media_type"] == "application/pdf"
    file_id = uploaded["file_id"]
    preview = server.client.get(f"/files/{file_id}/preview", params={"page": 2})
    assert preview.headers["content-type"] == "image/png"
    assert preview.content.startswith(b"\x89PNG")
    text = take(server, "really.pdf", b"Only words, and no page of a PDF.")
    assert (text["media_type"], text["state"]) == ("text/plain", "completed")


def test_a_pdf_after_junk_is_one(server: Live, tmp_path: Path) -> None:
    said = send(server, "mailed.pdf", b"junk of a mailer\n" * 20 + pdf(tmp_path)).json()
    assert said["media_type"] == "application/pdf"


def polyglots(folder: Path) -> dict[str, bytes]:
    """Files that are two things at once."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.txt", "words")
    script = b"<script>alert(1)</script>"
    return {
        "page.pdf": pdf(folder) + b"\n<html>" + script + b"</html>",
        "archive.pdf": pdf(folder) + packed.getvalue(),
        "picture.html": picture("blue") + b"<html>" + script + b"</html>",
        "gif.js": b"GIF89a/*" + picture("blue") + b"*/=1;alert(1)",
        "page.html": b"<!doctype html><p>A shag dries." + script,
        "drawing.svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><text>A rail'
        b"</text></svg>",
    }


@pytest.mark.parametrize(
    "name", ["page.pdf", "archive.pdf", "picture.html", "gif.js", "page.html", "drawing.svg"]
)
def test_what_is_two_things_is_one_and_runs_nowhere(
    server: Live, tmp_path: Path, name: str
) -> None:
    content = polyglots(tmp_path)[name]
    response = send(server, name, content, wait_s=60)
    if response.status_code == 415:
        return  # nothing reads it
    uploaded = response.json()
    got = server.client.get(f"/files/{uploaded['file_id']}/content")
    assert got.content == content
    sent_as = got.headers["content-type"].partition(";")[0]
    assert sent_as not in ("text/html", "image/svg+xml", "application/javascript")
    assert got.headers["x-content-type-options"] == "nosniff"
    policy = got.headers["content-security-policy"]
    assert "sandbox" in policy or sent_as == "application/pdf"


def test_several_are_kept_together(server: Live) -> None:
    files = [("file", (f"{bird}.txt", f"The {bird}.".encode())) for bird in ("coot", "rook")]
    said = server.client.post("/upload", files=files, params={"wait_s": 60}).json()
    assert [each["filename"] for each in said["files"]] == ["coot.txt", "rook.txt"]
    assert said["files"][0]["file_id"] == said["file_id"]
    assert {each["status"] for each in said["files"]} == {"completed"}


def test_or_none_of_them(server: Live) -> None:
    before = counts(server)
    files = [("file", ("a.txt", b"A dunlin.")), ("file", ("b.exe", b"MZ" + os.urandom(999)))]
    refused = server.client.post("/upload", files=files)
    assert refused.status_code == 415
    assert "b.exe" in refused.json()["error"]["message"]
    wait_until(lambda: counts(server) == before)


def test_the_limit_is_for_all_of_a_request(server: Live) -> None:
    half = b"x" * (LIMIT_BYTES // 2 + 1)
    files = [("file", ("a.txt", half)), ("file", ("b.txt", half))]
    assert server.client.post("/upload", files=files).status_code == 413


def test_the_same_bytes_twice_in_one_request_are_one_file(server: Live) -> None:
    files = [("file", (name, b"A knot of knots.")) for name in ("a.txt", "b.txt")]
    said = server.client.post("/upload", files=files).json()["files"]
    assert said[0]["file_id"] == said[1]["file_id"]
    assert said[1]["status"] == "known"


def test_an_upload_is_an_example_to_search_by(server: Live) -> None:
    red = take(server, "barn.png", picture("red"))
    take(server, "shed.png", picture("red", size=(330, 200)))
    wait_until(lambda: server.stack.ingest.idle())
    hits = server.client.post("/search", json={"image": red["file_id"]}).json()["results"]
    assert "shed.png" in [Path(hit["metadata"]["path"]).name for hit in hits]
    thumbnail = server.client.get(f"/files/{red['file_id']}/thumbnail")
    assert thumbnail.headers["content-type"] == "image/jpeg"
    hum = take(server, "hum.wav", recording(pitch_hz=200, seconds=5))
    take(server, "hum2.wav", recording(pitch_hz=210, seconds=5))
    hits = server.client.post("/search", json={"audio": hum["file_id"]}).json()["results"]
    assert "hum2.wav" in [Path(hit["metadata"]["path"]).name for hit in hits]


def test_an_upload_can_be_cited_and_the_place_be_seen(server: Live, tmp_path: Path) -> None:
    write_pdf(tmp_path / "c.pdf", ("The bustard is the heaviest bird that flies.",))
    uploaded = take(server, "Birds.pdf", (tmp_path / "c.pdf").read_bytes())
    asked = {"query": "Which is the heaviest bird that flies?", "answer": True}
    citation = server.client.post("/search", json=asked).json()["citations"][0]
    page = server.client.get(f"/c/{citation['citation_id']}")
    assert "heaviest bird" in page.text
    assert "is not there any more" not in page.text
    preview = server.client.get(
        f"/files/{uploaded['file_id']}/preview", params={"citation": citation["citation_id"]}
    )
    assert preview.content.startswith(b"\x89PNG")


def test_parts_of_it_can_be_had(server: Live) -> None:
    content = picture("brown") + bytes(range(251)) * 8_000
    file_id = take(server, "range.png", content)["file_id"]
    address = f"/files/{file_id}/content"
    middle = server.client.get(address, headers={"Range": "bytes=1048570-1048599"})
    assert middle.status_code == 206
    assert middle.content == content[1_048_570:1_048_600]
    etag = middle.headers["etag"]
    assert hashlib.sha256(content).hexdigest() in etag
    assert server.client.get(address, headers={"If-None-Match": etag}).status_code == 304
    head = server.client.head(address)
    assert (head.content, head.headers["content-length"]) == (b"", str(len(content)))
    beyond = server.client.get(address, headers={"Range": "bytes=99999999-"})
    assert beyond.status_code == 416


def test_a_reindex_reads_uploads_again(server: Live) -> None:
    take(server, "again.txt", b"The smew returns.")
    database = server.stack.database
    record = next(
        record
        for record in database.read(lambda c: listing.listing(c, listing.FileQuery()))[0]
        if record.path.endswith("/again.txt")
    )
    assert record.document_id is not None
    ids = [record.document_id]
    database.write(lambda c: c.execute("UPDATE documents SET extractor = '' WHERE id = ?", ids))
    database.write(lambda c: jobs.enqueue_holders(c, ids))
    server.stack.ingest.wake()
    wait_until(server.stack.ingest.idle)
    assert found(server, "smew")[0] == "again.txt"
