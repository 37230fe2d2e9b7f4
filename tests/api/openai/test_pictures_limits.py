"""Pictures of a chat that are not looked at: none at all, not to be had, too many, too large."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from PIL import Image

from prismd.api.openai.parts import pictures_of, text_of
from prismd.api.openai.wire import ChatRequest
from prismd.models.fake import FakeGenerator
from tests.api.harness import Live, live_server
from tests.api.openai.test_pictures import answer, asked, data_url, part
from tests.building import picture


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    generator = FakeGenerator(echo="Done.")
    with live_server(tmp_path_factory.mktemp("limits"), sample=False, generator=generator) as live:
        yield live


def bomb() -> bytes:
    """A PNG of a few kilobytes that says it has 900 megapixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1 << 20))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n"


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><text>x</text></svg>'


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["prism", "prism-raw"])
@pytest.mark.parametrize(
    ("url", "words"),
    [
        (data_url(b"no picture at all"), "its format is not recognised"),
        (data_url(picture("red")[:60]), "cannot be read"),
        (data_url(bomb()), "more than 200 megapixels"),
        (data_url(PDF), "its format is not recognised"),
        (data_url(SVG, "image/svg+xml"), "send it as PNG"),
        (data_url(SVG), "its format is not recognised"),
        ("data:image/png;base64,", "not a picture in base64"),
        ("data:image/png;base64,%%%", "not a picture in base64"),
        ("data:image/png,abc", "not a picture in base64"),
        (data_url(PDF, "application/pdf"), "is not a picture"),
        ("https://example.org/a.png", "prismd fetches nothing; send the picture itself"),
        ("http://127.0.0.1:1/a.png", "prismd fetches nothing"),
        ("file:///etc/passwd", "prismd fetches nothing"),
        ("/etc/passwd", "prismd fetches nothing"),
        ("", "holds no picture"),
    ],
)
def test_what_is_no_picture_is_refused_with_the_remedy(
    server: Live, url: str, words: str, model: str, stream: bool
) -> None:
    body = asked("What does this say?", part(url), model=model, stream=stream)
    response = server.client.post("/v1/chat/completions", json=body)
    error = response.json()["error"]
    assert (response.status_code, error["param"]) == (400, "messages[0].content[1].image_url")
    assert words in error["message"]
    assert error["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("role", "content", "param", "words"),
    [
        ("user", {"type": "image_url"}, "image_url", "holds no picture"),
        ("user", {"type": "input_image", "file_id": "file-1"}, "image_url", "holds no picture"),
        ("user", {"type": "image_url", "image_url": {}}, "image_url", "url"),
        ("user", {"type": "image_url", "image_url": 7}, "image_url", "int"),
        ("assistant", part(picture("red")), "type", "messages of the user alone"),
        ("system", part(picture("red")), "type", "messages of the user alone"),
        ("user", {"type": "input_audio", "input_audio": {}}, "type", "'input_audio'"),
        ("user", {"type": "file", "file": {"file_id": "file-1"}}, "type", "'file'"),
        ("user", {"type": "input_file"}, "type", "'input_file'"),
        ("user", {"type": "image", "source": {}}, "type", "send a picture as image_url"),
        ("user", {"type": "hologram"}, "type", "'hologram'"),
    ],
)
def test_a_part_that_is_not_understood_is_named(
    server: Live, role: str, content: dict[str, Any], param: str, words: str
) -> None:
    messages = [{"role": role, "content": [content]}, {"role": "user", "content": "Ferry?"}]
    body = {"model": "prism", "messages": messages}
    response = server.client.post("/v1/chat/completions", json=body)
    error = response.json()["error"]
    assert (response.status_code, error["param"]) == (400, f"messages[0].content[0].{param}")
    assert words in error["message"]


def test_too_many_pictures_are_refused(server: Live) -> None:
    red = part(picture("red", size=(32, 32)))
    assert answer(server, asked("What are these?", *[red] * 8))
    response = server.client.post("/v1/chat/completions", json=asked("x", *[red] * 9))
    assert (response.status_code, response.json()["error"]["code"]) == (400, "too_many_images")


def test_of_a_long_conversation_the_last_pictures_are_looked_at(server: Live) -> None:
    red = part(picture("red", size=(32, 32)))
    turns: list[dict[str, Any]] = []
    for number in range(10):
        turns += [
            {"role": "user", "content": [{"type": "text", "text": f"And {number}?"}, red]},
            {"role": "assistant", "content": "Red."},
        ]
    body = {"model": "prism", "messages": [*turns, {"role": "user", "content": "Ferry?"}]}
    assert answer(server, body)
    messages = msgspec.convert(body, ChatRequest).messages
    assert [sent.turn for sent in pictures_of(messages)] == list(range(4, 20, 2))
    first = messages[0].content
    assert isinstance(first, list)
    assert "not looked at any more" in text_of("messages[0]", "user", first, {})


def test_a_picture_that_is_too_large_is_refused(server: Live) -> None:
    response = server.client.post(
        "/v1/chat/completions", json=asked("x", part(data_url(bytes(31_000_000))))
    )
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (413, "image_too_large")
    assert "30 MB" in error["message"]


def test_pictures_beyond_the_body_are_refused(server: Live) -> None:
    sent = part(data_url(bytes(20_000_000)))
    response = server.client.post("/v1/chat/completions", json=asked("x", sent, sent))
    assert (response.status_code, response.json()["error"]["code"]) == (413, "body_too_large")


def test_a_large_picture_leaves_the_limit_of_words_as_it_was(server: Live) -> None:
    noise = Image.effect_noise((2000, 2500), 90)
    file = io.BytesIO()
    noise.save(file, "PNG")
    assert len(file.getvalue()) > 4 << 20
    assert answer(server, asked("What is this?", part(file.getvalue())))
    response = server.client.post(
        "/v1/chat/completions", json=asked("x" * (5 << 20), part(picture("red")))
    )
    assert (response.status_code, response.json()["error"]["code"]) == (413, "body_too_large")
    assert "without its pictures" in response.json()["error"]["message"]
