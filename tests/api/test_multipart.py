"""Forms with files, as they come over the wire: in pieces of any size, whole, cut, and hostile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar import Request

from prismd.api.errors import ClientGone
from prismd.api.multipart import Form, FormLimits
from prismd.errors import RequestError

LIMITS = FormLimits(file_bytes=1000, parts=4, header_bytes=200, other_bytes=2000)
TYPE = "multipart/form-data; boundary=frontier"


def request(content_type: str, chunks: Iterable[bytes], *, more: bool = False) -> Any:
    """A request whose body comes in these chunks; with ``more``, the client goes away then."""
    messages: list[Any] = [
        {"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks
    ]
    messages.append(
        {"type": "http.disconnect"}
        if more
        else {"type": "http.request", "body": b"", "more_body": False}
    )
    length = sum(len(message.get("body", b"")) for message in messages)
    headers = [(b"content-type", content_type.encode()), (b"content-length", b"%d" % length)]
    scope: Any = {"type": "http", "headers": headers, "method": "POST", "path": "/"}
    coming = iter(messages)

    async def receive() -> Any:
        return next(coming)

    return Request(scope, receive)


def taken(
    asked: Any, limits: FormLimits = LIMITS, *, skip: Callable[[str], bool] = lambda name: False
) -> list[tuple[str, str | None, str, bytes]]:
    """Every part: name, name of the file, media type, content."""

    async def take() -> list[tuple[str, str | None, str, bytes]]:
        found = []
        async for part in Form(asked, limits):
            held = b"" if skip(part.name) else b"".join([piece async for piece in part.chunks()])
            found.append((part.name, part.filename, part.media_type, held))
        return found

    return asyncio.run(take())


def part(disposition: str, held: bytes = b"") -> bytes:
    head = f"--frontier\r\nContent-Disposition: {disposition}\r\n\r\n".encode()
    return head + held + b"\r\n"


END = b"--frontier--\r\n"


@given(
    content=st.binary(max_size=900), note=st.text(max_size=80), cuts=st.lists(st.integers(0, 1500))
)
def test_parts_come_whole_however_the_body_is_cut(
    content: bytes, note: str, cuts: list[int]
) -> None:
    sent = httpx.Request(
        "POST",
        "http://127.0.0.1",
        data={"note": note},
        files={"file": ("a b.mp3", content, "audio/mpeg")},
    )
    body = sent.read()
    places = sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})
    chunks = [body[start:end] for start, end in pairwise(places)]
    assert taken(request(sent.headers["content-type"], chunks)) == [
        ("note", None, "", note.encode()),
        ("file", "a b.mp3", "audio/mpeg", content),
    ]


def test_what_nobody_takes_is_skipped() -> None:
    body = part('form-data; name="a"; filename="a"', b"left") + part('form-data; name="b"', b"2")
    assert taken(request(TYPE, [body + END]), skip=lambda name: name == "a") == [
        ("a", "a", "", b""),
        ("b", None, "", b"2"),
    ]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('filename="../../etc/passwd"', "../../etc/passwd"),
        ("filename*=utf-8''%C3%A4%20b.wav", "ä b.wav"),
        ('filename="ä.wav"', "ä.wav"),
        ('filename="a\x00b"', "a\x00b"),
        ('filename=""', ""),
    ],
)
def test_the_name_of_a_file_is_handed_on_as_it_came(written: str, read: str) -> None:
    body = part(f'form-data; name="file"; {written}', b"x") + END
    assert taken(request(TYPE, [body]))[0][1] == read


def test_a_client_that_goes_away_is_no_fault_of_the_form() -> None:
    with pytest.raises(ClientGone):
        taken(request(TYPE, [part('form-data; name="file"', b"half")], more=True))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "cannot be read"),
        (b"no form at all", "cannot be read"),
        (part('form-data; name="file"', b"cut")[:-4], "cannot be read"),
        (b"--frontier\r\nno header\r\n\r\nx\r\n" + END, "cannot be read"),
        (b"--frontier\r\n\r\nx\r\n" + END, "cannot be read"),
        (part(f'form-data; name="{"n" * 300}"') + END, "header is too long"),
        (b"--frontier\r\nX: " + b"n" * 300, "header is too long"),
        (part('form-data; name="a"') * 5 + END, "more than 4 parts"),
    ],
)
def test_a_broken_form_is_refused_in_words(body: bytes, says: str) -> None:
    with pytest.raises(RequestError, match=says) as refused:
        taken(request(TYPE, [body]))
    assert (refused.value.status, refused.value.code) == (400, "invalid_form")


@pytest.mark.parametrize("given_type", ["", "application/json", "text/plain", "multipart/mixed"])
def test_another_body_is_refused(given_type: str) -> None:
    with pytest.raises(RequestError, match="send multipart/form-data") as refused:
        taken(request(given_type, [b"{}"]))
    assert refused.value.status == 415


@pytest.mark.parametrize("boundary", ["", "; boundary=", '; boundary=""'])
def test_a_form_needs_a_boundary(boundary: str) -> None:
    with pytest.raises(RequestError, match="names no boundary"):
        taken(request(f"multipart/form-data{boundary}", [END]))


def test_a_file_may_have_just_so_many_bytes() -> None:
    fits = part('form-data; name="file"; filename="a"', b"x" * 1000)
    assert len(taken(request(TYPE, [fits + END]))[0][3]) == 1000
    with pytest.raises(RequestError, match=r"file: is larger than the 1,000 bytes") as refused:
        taken(request(TYPE, [fits.replace(b"xx", b"xxx", 1) + END]))
    assert (refused.value.status, refused.value.param) == (413, "file")


def test_a_body_that_announces_too_much_is_refused_unread() -> None:
    asked = request(TYPE, [part('form-data; name="file"', b"x" * 4000)])
    with pytest.raises(RequestError, match="larger than") as refused:
        Form(asked, LIMITS)
    assert refused.value.status == 413


def test_a_body_that_never_ends_is_given_up() -> None:
    asked = request(TYPE, [])

    async def receive() -> Any:
        return {"type": "http.request", "body": b"x" * 100, "more_body": True}

    asked.receive = receive
    with pytest.raises(RequestError, match="larger than"):
        taken(asked)


def test_a_field_is_text_of_bounded_length() -> None:
    def said(held: bytes) -> str:
        async def first() -> str:
            body = part('form-data; name="note"', held) + END
            async for field in Form(request(TYPE, [body]), LIMITS):
                return await field.text(limit_bytes=10)
            return ""

        return asyncio.run(first())

    assert said("grüße".encode()) == "grüße"
    with pytest.raises(RequestError, match="note: is longer than 10 bytes"):
        said(b"x" * 11)
    with pytest.raises(RequestError, match="note: is not UTF-8"):
        said(b"\xff\xfe")
