"""``POST /upload``: what is taken in, what is refused, and that nothing half stays."""

from __future__ import annotations

import hashlib
import io
import os
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import docx
import httpx
import pymupdf
import pytest

from prismd.api.login import cookie_name, cookie_value
from prismd.store import jobs, listing, uploads
from prismd.store.check import check
from tests.api.harness import LEASE, TOKEN, Live, live_server, wait_until, write_pdf
from tests.api.sending import connect, part, raw_form, request_head, send, take
from tests.building import picture, recording

LIMIT_BYTES = 3_000_000
_AES_256 = 5  # pymupdf.PDF_ENCRYPT_AES_256, which its types lack
NAMED = b'name="file"; filename="%s"'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("uploading")
    with live_server(
        folder, sample=False, max_upload_bytes=LIMIT_BYTES, upload_silent_s=2.0
    ) as live:
        yield live
        assert check(live.stack.database, repair=False) == []


def count(live: Live, table: str) -> int:
    sql = f"SELECT count(*) FROM {table}"
    return int(live.stack.database.read(lambda c: c.execute(sql).get))


def counts(live: Live) -> tuple[int, int, int]:
    """Files, uploads and pieces of them."""
    return count(live, "files"), count(live, "uploads"), count(live, "upload_pieces")


def status_of(response: bytes) -> int:
    return int(response.split(b" ", 2)[1])


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


def padded(content: bytes, size_bytes: int) -> bytes:
    """A file with much behind its end, which takes no time to read."""
    return content + bytes(size_bytes - len(content))


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


@pytest.mark.parametrize(
    ("name", "content", "status", "code", "words"),
    [
        ("a.exe", b"MZ" + bytes(range(256)) * 20, 415, "unsupported", "read are PDF, Office"),
        ("a.bin", os.urandom(5000), 415, "unsupported", "a.bin: "),
        ("e.pdf", b"MZ" + bytes(range(256)) * 20, 415, "unsupported", "read are PDF, Office"),
        ("e.pdf", b"\x7fELF" + bytes(range(256)) * 20, 415, "unsupported", "read are PDF, Office"),
        ("noise.pdf", b"\x00\xff\xfe" + b"\x81\x00 obj" * 900, 415, "unsupported", "noise.pdf: "),
        ("a.zip", b"PK\x05\x06" + bytes(18), 415, "unsupported", "unpack it"),
        ("a.txt", b"", 400, "empty", "a.txt: is empty"),
        ("a.txt", b" \n\t", 400, "empty", "a.txt: empty"),
        ("a.txt", b"x" * (LIMIT_BYTES + 1), 413, "file_too_large", f"{LIMIT_BYTES:,} bytes"),
        ("a.txt", b"x" * (LIMIT_BYTES + 2_000_000), 413, "file_too_large", "max_upload_bytes"),
    ],
)
def test_what_is_refused_leaves_nothing(
    server: Live, name: str, content: bytes, status: int, code: str, words: str
) -> None:
    before = counts(server)
    refused = send(server, name, content)
    assert refused.status_code == status
    error = refused.json()["error"]
    assert (error["code"], error["param"]) == (code, "file")
    assert words in error["message"]
    wait_until(lambda: counts(server) == before)


def test_the_largest_that_is_allowed_is_taken(server: Live) -> None:
    content = padded(picture("green"), LIMIT_BYTES)
    uploaded = send(server, "large.png", content).json()
    assert uploaded["size_bytes"] == LIMIT_BYTES
    got = server.client.get(f"/files/{uploaded['file_id']}/content").content
    assert hashlib.sha256(got).hexdigest() == uploaded["sha256"]


def test_too_much_is_refused_before_it_is_sent(server: Live) -> None:
    with connect(server) as wire:
        wire.sendall(request_head(server, 2 * LIMIT_BYTES))
        assert status_of(wire.recv(65536)) == 413


def test_a_locked_document_is_refused_with_what_to_do(server: Live, tmp_path: Path) -> None:
    with pymupdf.open() as document:
        document.new_page().insert_text((72, 72), "secret")
        document.save(tmp_path / "locked.pdf", encryption=_AES_256, user_pw="x")
    uploaded = take(server, "locked.pdf", (tmp_path / "locked.pdf").read_bytes())
    assert uploaded["status"] in ("failed", "skipped")
    assert "password" in uploaded["message"]


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        (b"../../etc/cron.d/evil.txt", "evil.txt"),
        (b"nul\x00byte.txt", "nulbyte.txt"),
        (b"C:\\\\Users\\\\me\\\\note.txt", "note.txt"),
        (b"", "upload"),
        (b"..", "upload"),
        ("invoice\u202efdp.txt".encode(), "invoicefdp.txt"),
        (b"caf\xe9.txt", "caf\ufffd.txt"),
        ("größe.txt".encode(), "größe.txt"),
        (b"a" * 5000 + b".txt", "a" * 196 + ".txt"),
    ],
)
def test_a_name_is_only_shown(server: Live, filename: bytes, name: str) -> None:
    content = b"words under a name: " + hashlib.sha256(filename).hexdigest().encode()
    response = server.raw(raw_form(server, part(NAMED % filename, content)))
    assert status_of(response) == 200
    match = re.search(rb'"file_id":"(file-\d+)"', response)
    assert match is not None
    item = server.client.get(f"/files/{match[1].decode()}").json()
    assert re.fullmatch(rf"uploads/\d+/{re.escape(name)}", item["path"])
    got = server.client.get(f"/files/{match[1].decode()}/content")
    assert got.content == content
    assert got.headers["content-disposition"].isascii()


@pytest.mark.parametrize(
    ("parts", "status", "code"),
    [
        ((), 400, "missing_file"),
        ((part(b'name="other"; filename="a.txt"', b"x"),), 400, "missing_file"),
        ((part(b'name="file"', b"report.pdf"),), 400, "missing_file"),
        ((part(b'name="note"', b"x" * 70_000),), 413, "field_too_large"),
        (tuple(part(b'name="n%d"' % number, b"") for number in range(200)), 400, "invalid_form"),
        ((part(b'name="file"; filename="' + b"a" * 100_000 + b'"', b"x"),), 400, "invalid_form"),
        ((b"no form at all",), 400, None),
    ],
)
def test_a_form_that_is_none_is_refused(
    server: Live, parts: tuple[bytes, ...], status: int, code: str | None
) -> None:
    before = counts(server)
    response = server.raw(raw_form(server, *parts))
    assert status_of(response) == status
    assert code is None or f'"code":"{code}"'.encode() in response
    assert counts(server) == before


def test_a_form_without_an_end_keeps_nothing(server: Live) -> None:
    before = counts(server)
    response = server.raw(raw_form(server, part(NAMED % b"a.txt", b"x" * 2_000_000), end=False))
    assert status_of(response) == 400
    assert b"invalid_form" in response
    wait_until(lambda: counts(server) == before)


@pytest.mark.parametrize("media_type", ["application/json", "multipart/mixed; boundary=a", ""])
def test_only_a_form_is_read(server: Live, media_type: str) -> None:
    headers = {"content-type": media_type} if media_type else {}
    refused = server.client.post("/upload", content=b"{}", headers=headers)
    assert refused.status_code == 415
    assert "multipart/form-data" in refused.json()["error"]["message"]


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


def test_a_client_that_goes_away_leaves_nothing(
    server: Live, caplog: pytest.LogCaptureFixture
) -> None:
    before = counts(server)
    begun = part(NAMED % b"cut.txt", b"x" * 2_500_000)
    with connect(server) as wire:
        wire.sendall(request_head(server, LIMIT_BYTES) + begun)
        wait_until(lambda: counts(server)[2] > before[2])
    wait_until(lambda: counts(server) == before)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def test_a_client_that_sends_nothing_more_is_not_waited_for(server: Live) -> None:
    before = counts(server)
    with connect(server) as wire:
        wire.sendall(request_head(server, LIMIT_BYTES) + part(NAMED % b"slow.txt", b"x" * 9))
        response = wire.recv(65536)
    assert status_of(response) == 408
    wait_until(lambda: counts(server) == before)


def test_fifty_at_once_all_arrive(server: Live) -> None:
    drawn = picture("yellow", size=(32, 32))
    bodies = [padded(drawn, 40_000 * n + 1_000) for n in range(50)]

    def one(number: int) -> tuple[int, str]:
        with httpx.Client(base_url=server.url, headers=server.client.headers, timeout=60) as own:
            files = {"file": (f"{number}.png", bodies[number])}
            response = own.post("/upload", files=files)
            return response.status_code, response.json()["sha256"]

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(one, range(50)))
    assert answers == [(200, hashlib.sha256(body).hexdigest()) for body in bodies]


def test_the_same_file_fifty_times_at_once_is_one(server: Live) -> None:
    before = counts(server)
    with ThreadPoolExecutor(50) as pool:
        said = list(pool.map(lambda _: send(server, "w.txt", b"A wren." * 999).json(), range(50)))
    assert Counter(each["status"] == "known" for each in said) == {True: 49, False: 1}
    assert len({each["file_id"] for each in said}) == 1
    after = counts(server)
    assert (after[0] - before[0], after[1] - before[1]) == (1, 1)


def test_more_than_may_wait_are_told_when_to_come_back(tmp_path: Path) -> None:
    with (
        live_server(
            tmp_path, sample=False, max_concurrent_uploads=1, max_waiting_uploads=0
        ) as live,
        connect(live) as wire,
    ):
        wire.sendall(request_head(live, 1000) + part(NAMED % b"slow.txt", b"x"))
        wait_until(lambda: count(live, "uploads") == 1)
        refused = send(live, "a.txt", b"words")
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) > 0
        assert "too many files" in refused.json()["error"]["message"]
        wire.close()
        wait_until(lambda: send(live, "a.txt", b"words").status_code == 200)


def test_a_full_disk_is_told_and_nothing_half_stays(tmp_path: Path) -> None:
    with live_server(tmp_path, sample=False) as live:
        database = live.stack.database

        def fill(pages: int) -> None:
            database.run_outside_transaction(
                lambda c: c.pragma("max_page_count", c.pragma("page_count") + pages)
            )

        fill(100)
        refused = send(live, "large.txt", b"A plover. " * 500_000)
        assert refused.status_code == 503
        assert "disk is full; free some disk space" in refused.json()["error"]["message"]
        fill(1_000_000)
        assert take(live, "small.txt", b"A plover.")["status"] == "completed"
        assert database.read(uploads.unfinished) == []
        assert counts(live) == (1, 1, 1)


CROSS = [
    ({"Origin": "https://evil.example"}, 403),
    ({"Origin": "null"}, 403),
    ({"Sec-Fetch-Site": "cross-site"}, 403),
    ({"Origin": "http://127.0.0.1:1"}, 403),
]


@pytest.mark.parametrize(("headers", "status"), CROSS)
def test_no_other_page_can_upload(server: Live, headers: dict[str, str], status: int) -> None:
    """A form is what a page may send anywhere without asking first."""
    before = counts(server)
    files = {"file": ("a.txt", b"planted")}
    cookie = f"{cookie_name(server.settings.port)}={cookie_value(TOKEN)}"
    for known in ({}, {"Cookie": cookie}, {"Authorization": f"Bearer {TOKEN}"}):
        with httpx.Client(trust_env=False) as bare:
            refused = bare.post(server.url + "/upload", files=files, headers={**headers, **known})
        assert refused.status_code == status
    assert counts(server) == before


def test_a_cookie_alone_uploads_nothing(server: Live) -> None:
    cookie = f"{cookie_name(server.settings.port)}={cookie_value(TOKEN)}"
    files = {"file": ("a.txt", b"planted")}
    with httpx.Client(trust_env=False) as bare:
        assert bare.post(server.url + "/upload", files=files).status_code == 401
        refused = bare.post(server.url + "/upload", files=files, headers={"Cookie": cookie})
        assert refused.status_code == 403
        own = {"Cookie": cookie, "Origin": server.url}
        assert bare.post(server.url + "/upload", files=files, headers=own).status_code == 200


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
