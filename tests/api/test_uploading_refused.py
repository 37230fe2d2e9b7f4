"""``POST /upload``: what is refused or broken off, and that nothing half stays."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pymupdf
import pytest

from prismd.api.login import cookie_name, cookie_value
from prismd.store import uploads
from tests.api.harness import TOKEN, Live, live_server, wait_until
from tests.api.sending import (
    LIMIT_BYTES,
    NAMED,
    connect,
    count,
    counts,
    padded,
    part,
    raw_form,
    request_head,
    send,
    status_of,
    take,
    taking_uploads,
)
from tests.building import picture

_AES_256 = 5  # pymupdf.PDF_ENCRYPT_AES_256, which its types lack


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with taking_uploads(tmp_path_factory.mktemp("uploading")) as live:
        yield live


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


def test_a_client_that_sends_nothing_more_is_not_waited_for(tmp_path: Path) -> None:
    with live_server(tmp_path, sample=False, upload_silent_s=0.5) as live:
        with connect(live) as wire:
            wire.sendall(request_head(live, LIMIT_BYTES) + part(NAMED % b"slow.txt", b"x" * 9))
            response = wire.recv(65536)
        assert status_of(response) == 408
        wait_until(lambda: counts(live) == (0, 0, 0))


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
