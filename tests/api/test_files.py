"""Files over HTTP, and that nothing else is ever read."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pymupdf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prismd.api.content import span_of
from prismd.errors import RequestError
from tests.api.harness import LEASE, Live, ask, live_server, wait_until, write_pdf

SECRET = "root:x:0:0"
EVIL = [
    "..%2f..%2f..%2fetc/passwd",
    "..%2F..%2Fetc%2Fpasswd",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "..%252f..%252fetc%252fpasswd",
    "..%c0%af..%c0%afetc/passwd",
    "../../etc/passwd",
    "/etc/passwd",
    "//etc/passwd",
    "%2fetc%2fpasswd",
    "..\\..\\etc\\passwd",
    "file-1%2f..%2f..%2fetc%2fpasswd",
    "file-1/../../../etc/passwd",
    "file-1%00",
    "file-1%0a",
    "file-01",
    "file-0",
    "file--1",
    "file-1.0",
    "file-1e3",
    "file-%D9%A1",
    "file-99999999999999999",
    "file-9999999999999999999999999999",
    "file-" + "1" * 5000,
    "FILE-1",
    "1",
    "file-",
    "~root",
    "%",
    "%zz",
    "file:///etc/passwd",
]  # fmt: skip


@pytest.mark.parametrize("evil", EVIL)
@pytest.mark.parametrize(
    "route",
    ["/files/{}", "/files/{}/content", "/files/{}/preview", "/c/{}", "/v1/models/{}",
     "/files/file-1/{}", "/{}"],
)  # fmt: skip
def test_no_path_leads_out(live: Live, route: str, evil: str) -> None:
    raw = live.raw(
        f"GET {route.format(evil)} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        f"Authorization: Bearer prism-test-token\r\n\r\n".encode()
    )
    status = int(raw.split(b" ", 2)[1])
    assert status in (400, 404), raw
    assert SECRET.encode() not in raw


@pytest.mark.parametrize("evil", ["../../etc/passwd", "/etc/passwd", "file-1", "%00", "a" * 500])
@pytest.mark.parametrize("param", ["citation", "page", "dpi"])
def test_no_parameter_leads_out(live: Live, param: str, evil: str) -> None:
    file_id = live.id_of("Lease.pdf")
    response = live.client.get(f"/files/{file_id}/preview", params={param: evil})
    assert response.status_code in (400, 404)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet="./\\%2fFeE0Cc:~ile-1\0", min_size=1, max_size=24))
def test_no_id_of_any_form_leads_out(live: Live, text: str) -> None:
    response = live.client.get(f"/files/{quote(text, safe='')}/content")
    assert response.status_code in (404, 405) or text == "file-1"
    assert SECRET not in response.text


def test_a_link_that_takes_a_files_place_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "secret.txt"
    outside.write_text("nobody may read this")
    with live_server(tmp_path) as live:
        file_id, path = live.id_of("meter.py"), live.stack.folder / "meter.py"
        assert live.client.get(f"/files/{file_id}/content").status_code == 200
        live.stack.folders.watches.stop()  # else the index may know first that the file has gone
        path.unlink()
        path.symlink_to(outside)
        response = live.client.get(f"/files/{file_id}/content")
        assert (response.status_code, response.json()["error"]["code"]) == (404, "file_gone")


def test_a_folder_that_becomes_a_link_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "notes.txt").write_text("nobody may read this")
    with live_server(tmp_path, sample=False) as live:
        inner = live.stack.folder / "inner"
        inner.mkdir()
        (inner / "notes.txt").write_text("a note about nothing much")
        live.stack.index()
        file_id = live.id_of("notes.txt")
        assert live.client.get(f"/files/{file_id}/content").text == "a note about nothing much"
        (inner / "notes.txt").unlink()
        inner.rmdir()
        inner.symlink_to(outside)
        assert live.client.get(f"/files/{file_id}/content").status_code == 404
        assert live.client.get(f"/files/{file_id}/preview").status_code in (404, 415)


def test_a_pipe_that_takes_a_files_place_is_not_opened(tmp_path: Path) -> None:
    with live_server(tmp_path) as live:
        file_id, path = live.id_of("meter.py"), live.stack.folder / "meter.py"
        path.unlink()
        os.mkfifo(path)
        assert live.client.get(f"/files/{file_id}/content").status_code == 404
        path.unlink()
        assert live.client.get(f"/files/{file_id}/content").status_code == 404


def test_a_name_that_is_not_utf8_is_served_like_any(tmp_path: Path) -> None:
    with live_server(tmp_path, sample=False) as live:
        path = os.fsencode(live.stack.folder) + b"/caf\xe9.txt"
        Path(os.fsdecode(path)).write_text("The café opens at nine o'clock.", encoding="utf-8")
        live.stack.index()
        [item] = live.client.get("/files").json()["data"]
        assert item["path"].endswith("/caf\ufffd.txt")
        response = live.client.get(f"/files/{item['id']}/content")
        assert response.text == "The café opens at nine o'clock."
        assert response.headers["content-disposition"].endswith("caf%EF%BF%BD.txt")
        assert live.client.post("/search", json={"query": "café"}).status_code == 200


def test_files_are_listed_page_by_page(live: Live) -> None:
    seen, after = [], ""
    while True:
        page = live.client.get("/files", params={"limit": 4, "after": after}).json()
        seen += [item["id"] for item in page["data"]]
        assert page["total"] == 6
        after = page["next"]
        if not after:
            break
    assert len(seen) == len(set(seen)) == 6


def test_files_are_narrowed_by_state_type_and_path(live: Live) -> None:
    def names(**params: object) -> set[str]:
        listed = live.client.get("/files", params=params).json()["data"]  # type: ignore[arg-type]
        return {Path(item["path"]).name for item in listed}

    assert names(state="failed") == {"broken.pdf"}
    assert names(state=["failed", "skipped"]) == {"broken.pdf", "empty.txt"}
    assert names(state="failed,skipped") == {"broken.pdf", "empty.txt"}
    assert names(type="document") == {"Lease.pdf", "page.html"}
    assert names(q="tax NOTES") == {"Tax notes.md"}
    assert names(q="%") == set()


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"state": "lost"}, "state"),
        ({"type": "movie"}, "type"),
        ({"limit": "0"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"after": "../x"}, "after"),
    ],
)
def test_a_wrong_parameter_is_named(live: Live, params: dict[str, str], param: str) -> None:
    response = live.client.get("/files", params=params)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == param


def test_a_file_shows_what_is_known_of_it(live: Live) -> None:
    item = live.client.get(f"/files/{live.id_of('broken.pdf')}").json()
    assert item["state"] == "failed"
    assert item["error"]["code"] == "broken"
    assert "broken.pdf" in item["error"]["message"]
    lease = live.client.get(f"/files/{live.id_of('Lease.pdf')}").json()
    assert lease["passages"] == 2
    assert lease["error"] is None
    assert lease["media_type"] == "application/pdf"
    assert isinstance(lease["metadata"], dict)
    assert lease["modified_at"].endswith("Z")


def test_content_is_the_file_byte_for_byte(live: Live) -> None:
    response = live.client.get(f"/files/{live.id_of('Lease.pdf')}/content")
    assert response.content == (live.stack.folder / "Lease.pdf").read_bytes()
    assert response.headers["content-type"] == "application/pdf"
    assert "inline" in response.headers["content-disposition"]


@pytest.mark.parametrize("name", ["page.html", "meter.py", "Tax notes.md"])
def test_nothing_can_run_script_in_our_origin(live: Live, name: str) -> None:
    headers = live.client.get(f"/files/{live.id_of(name)}/content").headers
    assert headers["content-type"] == "text/plain; charset=utf-8"
    assert "sandbox" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_what_is_not_known_is_only_downloaded(live: Live) -> None:
    headers = live.client.get(f"/files/{live.id_of('broken.pdf')}/content").headers
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"].startswith("attachment")


def test_ranges_are_served(live: Live) -> None:
    whole = (live.stack.folder / "meter.py").read_bytes()
    url = f"/files/{live.id_of('meter.py')}/content"

    def part(wanted: str, **more: str) -> tuple[int, bytes, str]:
        headers = {"Range": wanted, **{k.replace("_", "-"): v for k, v in more.items()}}
        response = live.client.get(url, headers=headers)
        return response.status_code, response.content, response.headers.get("content-range", "")

    size = len(whole)
    assert part("bytes=0-3") == (206, whole[:4], f"bytes 0-3/{size}")
    assert part("bytes=5-") == (206, whole[5:], f"bytes 5-{size - 1}/{size}")
    assert part("bytes=-5") == (206, whole[-5:], f"bytes {size - 5}-{size - 1}/{size}")
    assert part("bytes=0-99999")[1] == whole
    assert part("bytes=0-1,4-5") == (200, whole, "")
    assert part("lines=1-2") == (200, whole, "")
    assert part(f"bytes={size}-")[0] == 416
    etag = live.client.get(url).headers["etag"]
    assert part("bytes=0-3", If_Range=etag)[0] == 206
    assert part("bytes=0-3", If_Range='"other"') == (200, whole, "")


@given(st.text(alphabet="bytes=-0123456789, ", max_size=24), st.integers(0, 1000))
def test_a_span_lies_within_the_file(header: str, size_bytes: int) -> None:
    try:
        span = span_of(header, size_bytes)
    except RequestError as error:
        assert error.status == 416
        return
    assert 0 <= span.start <= span.end <= size_bytes
    assert span.partial or (span.start, span.end) == (0, size_bytes)


def pixels(png: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    image = pymupdf.Pixmap(png)
    flat = np.frombuffer(image.samples, np.uint8)
    return flat.reshape(image.height, image.width, image.n)


def citation_of(live: Live, question: str) -> dict[str, object]:
    reply = live.client.post("/v1/chat/completions", json=ask(question)).json()
    citation: dict[str, object] = reply["prism"]["citations"][0]
    return citation


NOTICE = "How many months of notice end the lease of the tenants?"


def test_a_preview_shows_the_page_with_the_quote_marked(live: Live) -> None:
    url = f"/files/{live.id_of('Lease.pdf')}/preview"
    citation = citation_of(live, NOTICE)
    assert citation["quote"] == LEASE[1]
    response = live.client.get(url, params={"citation": str(citation["citation_id"]), "dpi": 72})
    assert response.headers["content-type"] == "image/png"
    marked = pixels(response.content)
    plain = pixels(live.client.get(url, params={"page": 2, "dpi": 72}).content)
    assert marked.shape == plain.shape == (842, 595, 3)
    differs = np.argwhere((marked != plain).any(axis=2))
    locator = citation["locator"]
    assert isinstance(locator, dict)
    [box] = locator["boxes"]
    (top, left), (bottom, right) = differs.min(axis=0), differs.max(axis=0)
    assert np.allclose([left, top, right, bottom], box, atol=3)


def test_previews_that_are_not_there_say_why(live: Live) -> None:
    url = f"/files/{live.id_of('Lease.pdf')}/preview"
    beyond = live.client.get(url, params={"page": 3})
    assert beyond.status_code == 422
    assert "2 pages" in beyond.json()["error"]["message"]
    assert live.client.get(url, params={"page": 0}).status_code == 400
    assert live.client.get(url, params={"dpi": 9000}).status_code == 400
    assert live.client.get(url, params={"citation": "0" * 24}).status_code == 404
    text = live.client.get(f"/files/{live.id_of('meter.py')}/preview")
    assert text.status_code == 415
    assert text.json()["error"]["code"] == "no_preview"


def test_a_file_that_changed_is_not_shown_as_what_was_cited(tmp_path: Path) -> None:
    with live_server(tmp_path) as live:
        citation = citation_of(live, NOTICE)
        url = f"/files/{citation['file_id']}/preview"
        params = {"citation": str(citation["citation_id"])}
        assert live.client.get(url, params=params).status_code == 200
        write_pdf(live.stack.folder / "Lease.pdf", ("Something else entirely stands here now.",))
        # Before the index knows of it, and after.
        assert live.client.get(url, params=params).status_code == 409
        live.stack.index()
        assert live.client.get(url, params=params).status_code == 409
        wait_until(lambda: live.client.get(url).status_code == 200)
