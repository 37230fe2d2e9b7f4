"""Pictures and recordings over HTTP: found by example, embedded, shown, cited."""

from __future__ import annotations

import base64
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path

import apsw
import numpy as np
import pytest
from PIL import Image

from tests.api.harness import Live, ask, live_server
from tests.building import picture, recording

GATE = "The harbour gate closes at nineteen hours."
SIGN = "Ferry ticket 12 euros"
RED = "data:image/png;base64," + base64.b64encode(picture("red", size=(64, 64))).decode()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_server(tmp_path_factory.mktemp("likeness")) as live:
        folder = live.stack.folder
        (folder / "barn.png").write_bytes(picture("red"))
        (folder / "sea.png").write_bytes(picture("blue"))
        (folder / "sign.png").write_bytes(picture("white", SIGN, size=(640, 120)))
        (folder / "memo.wav").write_bytes(recording((1.0, 3.5, GATE), pitch_hz=200))
        (folder / "hum.wav").write_bytes(recording(pitch_hz=210, seconds=5))
        (folder / "note.txt").write_text("A red barn stands by the road.", encoding="utf-8")
        live.stack.index()
        yield live


def names(results: list[dict]) -> list[str]:  # type: ignore[type-arg]
    return [Path(result["metadata"]["path"]).name for result in results]


def test_a_picture_finds_its_like_and_what_is_written_about_it(server: Live) -> None:
    found = server.client.post("/search", json={"image": RED, "explain": True}).json()["results"]
    assert set(names(found)[:2]) == {"barn.png", "note.txt"}
    assert found[0]["metadata"]["source_info"]["type"] in ("image", "text")
    by_name = dict(zip(names(found), found, strict=True))
    assert by_name["barn.png"]["explanation"]["like_rank"] == 1
    assert by_name["barn.png"]["similarity"] == pytest.approx(1.0, abs=0.01)
    assert by_name["note.txt"]["explanation"]["like_text_rank"] == 1


def test_a_picture_may_come_in_lines(server: Live) -> None:
    head, coded = RED.split(",")
    wrapped = "\n".join(coded[at : at + 76] for at in range(0, len(coded), 76))
    body = {"image": f"{head.upper().replace('DATA', 'data')}, {wrapped}\n"}
    assert server.client.post("/search", json=body).json()["results"]


def test_a_file_of_the_index_is_an_example_that_does_not_find_itself(server: Live) -> None:
    barn = server.id_of("barn.png")
    body = {"image": barn, "filter_type": "image"}
    found = server.client.post("/search", json=body).json()["results"]
    assert "barn.png" not in names(found)
    hum = server.client.post("/search", json={"audio": server.id_of("hum.wav")}).json()["results"]
    assert names(hum) == ["memo.wav"]
    assert hum[0]["metadata"]["source_info"]["timestamp"] == 0.0


def test_words_narrow_what_is_like_an_example(server: Live) -> None:
    found = server.client.post("/search", json={"query": "the road", "image": RED}).json()
    assert names(found["results"])[0] == "note.txt"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"image": "data:image/png;base64,AAAA"}, 400, "invalid_image"),
        ({"image": "data:image/png;base64,%%%"}, 400, "invalid_image"),
        ({"image": "data:image/png,AAAA"}, 400, "invalid_image"),
        ({"image": "DATA:image/png;base64,AAAA"}, 400, "invalid_image"),
        ({"image": "https://example.org/a.png"}, 400, "invalid_request"),
        ({"image": "file:///etc/passwd"}, 400, "invalid_request"),
        ({"image": "file-99999"}, 404, "file_not_found"),
        ({"audio": "file-99999"}, 404, "file_not_found"),
        ({"audio": RED}, 400, "invalid_request"),
        ({"image": RED, "audio": "file-1"}, 400, "invalid_request"),
        ({"image": RED, "answer": True}, 400, "unsupported_parameter"),
        ({"image": ""}, 400, "invalid_request"),
        ({}, 400, "invalid_request"),
    ],
)
def test_what_is_no_example_is_refused(
    server: Live, body: dict[str, object], status: int, code: str
) -> None:
    response = server.client.post("/search", json=body)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert response.json()["error"]["message"]


def test_pictures_and_texts_are_embedded_into_one_space(server: Live) -> None:
    assert "fake-image" in {m["id"] for m in server.client.get("/v1/models").json()["data"]}
    body = {"model": "fake-image", "input": [RED, "red", "blue"]}
    rows = server.client.post("/v1/embeddings", json=body).json()["data"]
    red, word, other = (np.array(row["embedding"]) for row in rows)
    assert [row["index"] for row in rows] == [0, 1, 2]
    assert red @ word == pytest.approx(1.0, abs=1e-5)
    assert red @ other == pytest.approx(0.0, abs=1e-5)


def test_a_model_of_texts_takes_no_picture_and_says_which_does(server: Live) -> None:
    response = server.client.post("/v1/embeddings", json={"model": "fake", "input": RED})
    assert response.status_code == 400
    assert "texts alone" in response.json()["error"]["message"]
    body = {"model": "fake-image", "input": "data:image/png;base64,AAAA"}
    assert server.client.post("/v1/embeddings", json=body).status_code == 400
    many = {"model": "fake-image", "input": [RED] * 65}
    assert "too many" in server.client.post("/v1/embeddings", json=many).json()["error"]["message"]


def test_of_many_pictures_the_bad_one_is_named(server: Live) -> None:
    bad = "data:image/png;base64,AAAA"
    body = {"model": "fake-image", "input": ["red", RED, RED, bad, RED]}
    response = server.client.post("/v1/embeddings", json=body)
    error = response.json()["error"]
    assert (response.status_code, error["param"]) == (400, "input[3]")
    assert error["message"].startswith("input[3]: ")


def test_a_picture_is_shown_whole_and_small(server: Live) -> None:
    file_id = server.id_of("sign.png")
    whole = server.client.get(f"/files/{file_id}/preview")
    assert Image.open(io.BytesIO(whole.content)).size == (640, 120)
    small = server.client.get(f"/files/{file_id}/thumbnail", params={"max_px": 64})
    assert small.headers["content-type"] == "image/jpeg"
    assert max(Image.open(io.BytesIO(small.content)).size) == 64
    assert server.client.get(f"/files/{file_id}/thumbnail?max_px=0").status_code == 400
    note = server.client.get(f"/files/{server.id_of('note.txt')}/thumbnail")
    assert (note.status_code, note.json()["error"]["code"]) == (415, "no_preview")


@pytest.mark.parametrize("what", ["content", "thumbnail", "preview", "preview?dpi=50"])
def test_who_holds_a_picture_is_not_sent_it_again(server: Live, what: str) -> None:
    address = f"/files/{server.id_of('sign.png')}/{what}"
    first = server.client.get(address)
    again = {"if-none-match": f'"other", W/{first.headers["etag"]}'}
    held = server.client.get(address, headers=again)
    assert (held.status_code, held.content) == (304, b"")
    assert held.headers["etag"] == first.headers["etag"]
    # No browser is to leave on a disk what is shown of private files.
    assert held.headers["cache-control"] == first.headers["cache-control"] == "no-store"
    other = server.client.get(address, headers={"if-none-match": '"other"'})
    assert (other.status_code, other.content) == (200, first.content)


def test_each_size_of_a_picture_and_each_state_of_its_file_has_a_name_of_its_own(
    server: Live,
) -> None:
    path = server.stack.folder / "sign.png"
    file_id = server.id_of("sign.png")
    shown = ["content", "thumbnail", "thumbnail?max_px=64", "preview", "preview?dpi=50"]

    def named() -> set[str]:
        return {server.client.get(f"/files/{file_id}/{what}").headers["etag"] for what in shown}

    before = named()
    assert len(before) == len(shown)
    found = path.stat()
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns + 10**9))
    try:
        assert not before & named()
    finally:
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


@pytest.mark.parametrize("what", ["content", "thumbnail", "preview"])
def test_head_says_what_get_would_send(server: Live, what: str) -> None:
    address = f"/files/{server.id_of('sign.png')}/{what}"
    whole, head = server.client.get(address), server.client.head(address)
    assert (head.status_code, head.content) == (200, b"")
    ignored = {"date", "server"}
    assert {k: v for k, v in head.headers.items() if k not in ignored} == {
        k: v for k, v in whole.headers.items() if k not in ignored
    }
    assert server.client.head("/files/file-99999/content").status_code == 404


def cited(server: Live, question: str) -> dict:  # type: ignore[type-arg]
    reply = server.client.post("/v1/chat/completions", json=ask(question)).json()
    first: dict = reply["prism"]["citations"][0]  # type: ignore[type-arg]
    return first


def test_words_on_a_picture_are_cited_with_their_place_drawn(server: Live) -> None:
    citation = cited(server, "ferry ticket euros")
    assert (Path(citation["path"]).name, citation["type"]) == ("sign.png", "image")
    assert citation["locator"]["kind"] == "image"
    ((x0, y0, x1, y1),) = citation["locator"]["boxes"]
    assert 10 <= x0 < x1 <= 400
    assert 10 <= y0 < y1 <= 60
    page = server.client.get(f"/c/{citation['citation_id']}").text
    match = re.search(r'<img src="([^"]+)"', page)
    assert match is not None
    drawn = server.client.get(match[1].replace("&amp;", "&"))
    plain = server.client.get(f"/files/{citation['file_id']}/preview")
    assert drawn.headers["content-type"] == "image/png"
    assert drawn.content != plain.content


def test_what_is_said_is_cited_with_a_player_at_the_second(server: Live) -> None:
    citation = cited(server, "When does the harbour gate close?")
    assert Path(citation["path"]).name == "memo.wav"
    assert citation["quote"] == GATE
    assert citation["locator"]["start_s"] == pytest.approx(1.0, abs=0.01)
    page = server.client.get(f"/c/{citation['citation_id']}")
    match = re.search(r'<audio controls preload="metadata" src="([^"#]+)#t=1\.00">', page.text)
    assert match is not None
    assert "memo.wav, 0:01 to 0:03" in page.text
    assert f"<td>0:01</td><td><mark>{GATE}</mark>" in page.text
    assert "media-src 'self'" in page.headers["content-security-policy"]
    part = server.client.get(match[1], headers={"range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, b"RIFF")


def test_who_may_not_hear_a_recording_in_a_browser_is_told_and_given_the_file(
    server: Live,
) -> None:
    citation = cited(server, "When does the harbour gate close?")
    address = f"/c/{citation['citation_id']}"
    assert "may not play" not in server.client.get(address).text

    def become(media_type: str) -> None:
        def work(connection: apsw.Connection) -> None:
            set_type = "UPDATE documents SET media_type = ? WHERE sha256 = ?"
            connection.execute(set_type, (media_type, citation["sha256"]))

        server.stack.database.write(work)

    become("audio/x-ms-wma")
    try:
        page = server.client.get(address).text
        assert "may not play this kind of file (audio/x-ms-wma)" in page
        assert f'<a href="/files/{citation["file_id"]}/content" download>' in page
        assert "at 0:01." in page
    finally:
        become("audio/wav")
    head = server.client.head(address)
    assert (head.status_code, head.content) == (200, b"")


def numbers(value: object) -> Iterator[float]:
    if isinstance(value, float):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from numbers(item)


@pytest.mark.parametrize("words", ["ferry ticket euros", "When does the harbour gate close?"])
def test_places_are_told_without_the_noise_of_single_precision(server: Live, words: str) -> None:
    body = {"query": words, "answer": True}
    reply = server.client.post("/search", json=body).json()
    places = [result["metadata"] for result in reply["results"]] + reply["citations"]
    told = [n for place in places for n in numbers([place["locator"], place["source_info"]])]
    assert any(number % 1 for number in told)
    assert [number for number in told if round(number, 3) != number] == []


def test_a_picture_that_shows_it_is_cited_without_a_quote(server: Live) -> None:
    reply = server.client.post("/v1/chat/completions", json=ask("a picture of something blue"))
    (citation,) = [c for c in reply.json()["prism"]["citations"] if not c["quote"]]
    assert Path(citation["path"]).name == "sea.png"
    page = server.client.get(f"/c/{citation['citation_id']}").text
    assert "<blockquote>" not in page
    address = f"/files/{citation['file_id']}/preview"
    assert f"{address}?citation={citation['citation_id']}" in page
    # It is shown as it is, not painted over.
    cited_as_such = server.client.get(f"{address}?citation={citation['citation_id']}")
    assert cited_as_such.content == server.client.get(address).content
    small = server.client.get(citation["thumbnail"])
    assert small.headers["content-type"] == "image/jpeg"
