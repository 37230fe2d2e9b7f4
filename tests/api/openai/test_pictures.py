"""Chats with pictures: looked at, read, answered from, refused."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from PIL import Image

from tests.answer.asking import Listening
from tests.api.harness import Live, events, live_server
from tests.building import picture

SIGN = "Ferry ticket 12 euros"
FERRY = "The island ferry leaves at nine. Bicycles travel free of charge."
POSTER = "Concert at the town hall on 14 May"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_server(tmp_path_factory.mktemp("pictures"), sample=False) as live:
        folder = live.stack.folder
        (folder / "barn.png").write_bytes(picture("red"))
        (folder / "sea.png").write_bytes(picture("blue"))
        (folder / "sign.png").write_bytes(picture("white", SIGN, size=(640, 120)))
        (folder / "ferry.txt").write_text(FERRY, encoding="utf-8")
        (folder / "town.txt").write_text(POSTER + ".", encoding="utf-8")
        live.stack.index()
        yield live


@pytest.fixture(scope="module")
def wordless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server without a model of pictures."""
    with live_server(tmp_path_factory.mktemp("wordless"), sample=False, embedder=False) as live:
        (live.stack.folder / "sign.png").write_bytes(picture("white", SIGN, size=(640, 120)))
        live.stack.index()
        yield live


def data_url(data: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def part(data: bytes | str) -> dict[str, Any]:
    url = data if isinstance(data, str) else data_url(data)
    return {"type": "image_url", "image_url": {"url": url, "detail": "auto"}}


def asked(text: str, *parts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    content = [*([{"type": "text", "text": text}] if text else []), *parts]
    return {"model": "prism", "messages": [{"role": "user", "content": content}], **fields}


def answer(live: Live, body: dict[str, Any]) -> dict[str, Any]:
    response = live.client.post("/v1/chat/completions", json=body)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def said(reply: dict[str, Any]) -> str:
    text: str = reply["choices"][0]["message"]["content"]
    return text


def cited(reply: dict[str, Any]) -> set[str]:
    return {Path(citation["path"]).name for citation in reply["prism"]["citations"]}


# What it says


def test_what_a_picture_says_is_quoted_from_it_and_cited_to_no_file(server: Live) -> None:
    unknown = picture("yellow", "Locker 4711 blue key", size=(640, 120))
    reply = answer(server, asked("What does this say?", part(unknown)))
    assert said(reply) == "The picture that was sent says:\n\n> Locker 4711 blue key"
    assert (reply["prism"]["citations"], reply["prism"]["grounding"]) == ([], "none")


def test_what_a_file_says_word_for_word_is_cited_for_the_picture(server: Live) -> None:
    sent = picture("yellow", POSTER, size=(720, 120))
    reply = answer(server, asked("Read this, please", part(sent)))
    assert said(reply) == f"The picture that was sent says:\n\n> {POSTER} [1]"
    assert cited(reply) == {"town.txt"}
    assert reply["prism"]["grounding"] == "supported"
    assert reply["prism"]["citations"][0]["support"] == "exact"


def test_a_question_is_answered_from_the_picture_before_the_files(server: Live) -> None:
    sent = picture("yellow", "Bicycles travel for 3 euros", size=(640, 120))
    reply = answer(server, asked("Bicycles travel for what?", part(sent)))
    assert "> Bicycles travel for 3 euros" in said(reply)
    assert "free of charge" not in said(reply)
    assert reply["prism"]["grounding"] == "none"


def test_the_words_of_a_picture_find_what_the_files_say(server: Live) -> None:
    sent = picture("yellow", "island ferry", size=(640, 120))
    reply = answer(server, asked("This leaves when?", part(sent)))
    assert "The island ferry leaves at nine. [" in said(reply)
    assert cited(reply) == {"ferry.txt"}


def test_a_question_that_says_it_all_is_answered_whatever_the_picture_says(server: Live) -> None:
    sent = picture("yellow", "zebra sonata", size=(640, 120))
    reply = answer(server, asked("Bicycles travel free of charge?", part(sent)))
    assert cited(reply) == {"ferry.txt"}


def test_what_points_at_the_picture_is_not_answered_from_what_it_has_nothing_to_do_with(
    server: Live,
) -> None:
    sent = picture("yellow", "zebra sonata opus waltz march", size=(720, 120))
    reply = answer(server, asked("This ferry leaves at nine?", part(sent)))
    assert said(reply) == "Your files do not contain an answer to this."
    reply = answer(server, asked("The ferry leaves at nine?", part(sent)))
    assert cited(reply) == {"ferry.txt"}


def test_a_picture_with_no_question_says_what_it_says_and_what_files_add(server: Live) -> None:
    sent = picture("yellow", "island ferry", size=(640, 120))
    reply = answer(server, asked("", part(sent)))
    assert said(reply).startswith("The picture that was sent says:\n\n> island ferry\n\n")
    assert "The island ferry leaves at nine. [1]" in said(reply)
    assert reply["prism"]["grounding"] == "partial"


def test_a_picture_without_words_says_so(server: Live) -> None:
    reply = answer(server, asked("What does this say?", part(picture("grey"))))
    assert said(reply) == "No words were found on the picture that was sent."
    assert (reply["prism"]["citations"], reply["prism"]["grounding"]) == ([], "none")


def test_words_of_a_picture_are_shown_as_plain_text(server: Live) -> None:
    sent = picture("yellow", "![x](http://evil.example/a) <b>bold</b>", size=(900, 120))
    text = said(answer(server, asked("What does this say?", part(sent))))
    assert text.startswith("The picture that was sent says:")
    assert not set("[]<>") & set(text.partition("\n")[2].replace("\n> ", ""))


# What it shows


def test_the_same_picture_of_the_index_is_named_and_cited(server: Live) -> None:
    reply = answer(server, asked("What is this?", part(picture("red"))))
    assert "The picture that was sent is among your files:\n- barn.png in files" in said(reply)
    assert cited(reply) == {"barn.png"}
    assert reply["prism"]["grounding"] == "partial"
    assert reply["prism"]["citations"][0]["support"] == "supported"  # its content is compared
    assert "barn.png" in {hit["title"] for hit in reply["search_results"]}


def test_nearly_the_same_picture_is_named_as_such(server: Live) -> None:
    sent = Image.new("RGB", (500, 400), (250, 10, 5))
    file = io.BytesIO()
    sent.save(file, "JPEG", quality=60)
    reply = answer(server, asked("What is this?", part(data_url(file.getvalue(), "image/jpeg"))))
    assert "Nearly the same picture is among your files:\n- barn.png" in said(reply)
    assert cited(reply) == {"barn.png"}


def test_pictures_that_are_like_it_are_named_and_others_are_not(server: Live) -> None:
    half = Image.new("RGB", (200, 200), "red")
    half.paste(Image.new("RGB", (200, 70), "green"), (0, 0))
    file = io.BytesIO()
    half.save(file, "PNG")
    reply = answer(server, asked("What is this?", part(file.getvalue())))
    assert "Pictures among your files that are like it:\n- barn.png" in said(reply)
    assert "sea.png" not in said(reply)


def test_filters_hold_for_pictures_too(server: Live) -> None:
    body = asked("What is this?", part(picture("red")), prism={"path": "*/sea.png"})
    assert cited(answer(server, body)) == set()


def test_several_pictures_are_read_and_compared_together(server: Live) -> None:
    first = picture("yellow", "Locker 4711", size=(400, 120))
    reply = answer(server, asked("What do these say?", part(first), part(picture("red"))))
    assert said(reply).startswith("The pictures that were sent say:\n\n> Locker 4711")
    assert cited(reply) == {"barn.png"}


def test_without_a_model_of_pictures_words_alone_are_looked_for_and_that_is_said(
    wordless: Live,
) -> None:
    reply = answer(wordless, asked("What is this?", part(picture("red", SIGN, size=(640, 120)))))
    (warning,) = (w for w in reply["prism"]["warnings"] if "models pull clip" in w)
    assert "not compared" in warning
    assert SIGN in said(reply)
    # The very same file needs no model.
    same = (wordless.stack.folder / "sign.png").read_bytes()
    assert "sign.png" in cited(answer(wordless, asked("What is this?", part(same))))


# Conversations


def test_a_picture_of_an_earlier_turn_can_be_asked_about_again(server: Live) -> None:
    sent = picture("yellow", "Locker 4711 blue key", size=(640, 120))
    body = asked("What does this say?", part(sent))
    body["messages"] += [
        {"role": "assistant", "content": "Locker 4711 blue key"},
        {"role": "user", "content": "Locker 4711 which key?"},
    ]
    reply = answer(server, body)
    assert "> Locker 4711 blue key" in said(reply)
    body["messages"][-1]["content"] = "And which key is it?"
    assert "> Locker 4711 blue key" in said(answer(server, body))
    body["messages"][-1]["content"] = "And who composed it?"
    assert said(answer(server, body)) == "Your files do not contain an answer to this."
    body["messages"][-1]["content"] = "Bicycles travel free of charge?"
    assert cited(answer(server, body)) == {"ferry.txt"}


@pytest.mark.parametrize("form", ["nested", "plain", "responses"])
def test_a_picture_may_be_given_in_each_form_that_clients_write(server: Live, form: str) -> None:
    url = data_url(picture("yellow", "Locker 4711", size=(400, 120)))
    forms: dict[str, dict[str, Any]] = {
        "nested": {"type": "image_url", "image_url": {"url": url, "detail": "low"}},
        "plain": {"type": "image_url", "image_url": url},
        "responses": {"type": "input_image", "image_url": url, "detail": "auto"},
    }
    assert "Locker 4711" in said(answer(server, asked("What does this say?", forms[form])))


def test_the_sdk_sends_a_picture_and_streams_the_answer(server: Live) -> None:
    sent = part(picture("yellow", "Locker 4711", size=(400, 120)))
    with openai.OpenAI(
        base_url=f"{server.url}/v1", api_key=server.client.headers["authorization"][7:]
    ) as client:
        stream = client.chat.completions.create(**asked("What does this say?", sent, stream=True))
        text = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
    assert text == "The picture that was sent says:\n\n> Locker 4711"


# The bare generator


def test_a_generator_that_reads_text_alone_gets_the_words_in_the_place_of_the_picture(
    tmp_path: Path,
) -> None:
    generator = Listening(echo="Done.")
    with live_server(tmp_path, sample=False, generator=generator) as live:
        body = asked(
            "Before",
            part(picture("yellow", "Locker 4711", size=(400, 120))),
            {"type": "text", "text": "Between"},
            part(picture("red")),
            model="prism-raw",
        )
        assert said(answer(live, body)) == "Done."
        assert generator.asked[-1].content == (
            "Before\n"
            "[A picture was sent here. It is not seen; these words were read on it:\n"
            "Locker 4711\n]\n"
            "Between\n"
            "[A picture was sent here. It is not seen, and no words were read on it.]"
        )


def test_a_generator_of_cited_answers_is_told_the_words_of_the_picture(tmp_path: Path) -> None:
    generator = Listening(echo="The island ferry leaves at nine.")
    with live_server(tmp_path, sample=False, generator=generator) as live:
        (live.stack.folder / "ferry.txt").write_text(FERRY, encoding="utf-8")
        live.stack.index()
        sent = picture("yellow", "island ferry", size=(640, 120))
        reply = answer(live, asked("This leaves when?", part(sent)))
        assert "island ferry" in generator.asked[-1].content.partition("Question:")[0]
        assert cited(reply) == {"ferry.txt"}


# Kinds of pictures


def turned() -> bytes:
    """A JPEG whose words stand on their side; its EXIF says how to turn it."""
    upright = Image.open(io.BytesIO(picture("yellow", "Locker 4711", size=(400, 120))))
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    upright.transpose(Image.Transpose.ROTATE_90).save(file, "JPEG", quality=95, exif=exif)
    return file.getvalue()


def saved(kind: str, **options: Any) -> bytes:
    image = Image.open(io.BytesIO(picture("yellow", "Locker 4711", size=(400, 120))))
    file = io.BytesIO()
    if kind == "CMYK":
        image.convert("CMYK").save(file, "JPEG", quality=95)
    else:
        image.save(file, kind, **options)
    return file.getvalue()


def animation() -> bytes:
    later = Image.new("RGB", (400, 120), "black")
    return saved("GIF", save_all=True, append_images=[later] * 3, duration=100, loop=0)


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (saved("CMYK"), "image/jpeg"),
        (turned(), "image/jpeg"),
        (animation(), "image/gif"),
        (saved("WEBP", lossless=True), "image/webp"),
        (saved("TIFF"), "image/tiff"),
        (saved("BMP"), "image/png"),  # what it is decides, not what it is called
        (saved("PNG"), "image/*"),
    ],
    ids=["cmyk", "turned", "animated", "webp", "tiff", "misnamed", "any"],
)
def test_pictures_of_every_kind_are_read(server: Live, data: bytes, media_type: str) -> None:
    reply = answer(server, asked("What does this say?", part(data_url(data, media_type))))
    assert "Locker 4711" in said(reply)


def test_a_stream_tells_of_pictures_as_of_anything_else(server: Live) -> None:
    body = asked("What is this?", part(picture("red")), stream=True)
    with server.client.stream("POST", "/v1/chat/completions", json=body) as response:
        *chunks, done = events(response)
    assert done == "[DONE]"
    assert chunks[-1]["prism"]["citations"][0]["path"].endswith("/barn.png")
    (noted,) = (
        c["choices"][0]["delta"] for c in chunks if "annotations" in c["choices"][0]["delta"]
    )
    assert noted["annotations"][0]["url_citation"]["title"] == "barn.png"
