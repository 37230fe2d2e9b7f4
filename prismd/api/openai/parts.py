"""Parts of a message: its text, and the pictures that came with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from prismd.answer.prompt import neutralise
from prismd.api.body import CHAT_BODY_BYTES
from prismd.api.examples import bytes_of, is_data_url, picture_of
from prismd.api.interrupt import is_called_off
from prismd.api.openai import wire
from prismd.api.openai.model_names import refused
from prismd.api.services import Services
from prismd.errors import RequestError
from prismd.search.viewing import Viewed

MOST_PICTURES = 8
_TEXTS = ("text", "input_text", "output_text")
_PICTURES = ("image_url", "input_image")
_OTHERS = {
    "input_audio": "recordings are not heard here; send them to POST /upload, and ask then",
    "file": "files are not taken here; send them to POST /upload, and ask then",
    "input_file": "files are not taken here; send them to POST /upload, and ask then",
    "image": "send a picture as image_url with a data URL",
}


_LONG_AGO = "[A picture was sent here. It is not looked at any more.]"


class SentPicture(msgspec.Struct, frozen=True):
    """A picture of a message, as it was sent.

    Attributes:
        turn: The number of the message, from 0.
        param: The field that it came in.
        url: A data URL.
    """

    turn: int
    param: str
    url: str


def pictures_of(messages: Sequence[wire.ChatMessage]) -> tuple[SentPicture, ...]:
    """The pictures of a conversation, in order, of a long one the last; they are not decoded yet.

    Raises:
        RequestError: One is not in the request itself, or a turn has too many.
    """
    found = tuple(
        SentPicture(turn, param, _url(param, part))
        for turn, message in enumerate(messages)
        for param, part in _numbered(f"messages[{turn}]", message.content)
        if part.type in _PICTURES
    )
    for turn, count in Counter(picture.turn for picture in found).items():
        if count > MOST_PICTURES:
            raise RequestError(
                f"messages[{turn}]: {count} pictures are too many; send {MOST_PICTURES} at a time",
                param=f"messages[{turn}]",
                code="too_many_images",
            )
    return found[-MOST_PICTURES:]


def check_size(body_bytes: int, sent: Sequence[SentPicture]) -> None:
    """Refuse a request that is too large even without its pictures.

    Raises:
        RequestError: It is.
    """
    rest_bytes = body_bytes - sum(len(picture.url) for picture in sent)
    if rest_bytes > CHAT_BODY_BYTES:
        raise RequestError(
            f"messages: the request has {rest_bytes / 1e6:.1f} MB without its pictures, and may"
            f" have {CHAT_BODY_BYTES / 1e6:.1f}; put long texts into a watched folder",
            param="messages",
            status=413,
            code="body_too_large",
        )


def view(sent: Sequence[SentPicture], services: Services) -> tuple[Viewed, ...]:
    """Look at pictures. Blocks.

    Raises:
        RequestError: One cannot be read; says which.
    """
    viewed = []
    for picture in sent:
        with picture_of(f"{picture.param}.image_url"):
            data = bytes_of(picture.url, f"{picture.param}.image_url")
            viewed.append(services.viewing.view(data, is_called_off))
    return tuple(viewed)


def in_words(sent: Sequence[SentPicture], viewed: Sequence[Viewed]) -> dict[str, str]:
    """What a model that reads text alone is told in the place of each picture, by its field."""
    return {
        picture.param: (
            "[A picture was sent here. It is not seen; these words were read on it:\n"
            f"{neutralise(seen.words)}\n]"
            if seen.words
            else "[A picture was sent here. It is not seen, and no words were read on it.]"
        )
        for picture, seen in zip(sent, viewed, strict=True)
    }


def text_of(
    param: str,
    role: str,
    content: Sequence[wire.ContentPart],
    shown: Mapping[str, str] | None = None,
) -> str:
    """The text of a message.

    Args:
        param: The field of the message.
        role: Who says it.
        content: Its parts.
        shown: What stands for each picture, by its field; without it they are left out.

    Raises:
        RequestError: A part is not understood, or a picture is not the user's.
    """
    texts = []
    for field, part in _numbered(param, content):
        if part.type in _TEXTS:
            texts.append(part.text or "")
        elif part.type not in _PICTURES:
            remedy = _OTHERS.get(part.type, "send text and image_url parts")
            raise refused(f"{field}.type", f"{part.type[:40]!r} is not understood; {remedy}")
        elif role != "user":
            raise refused(f"{field}.type", "pictures are taken in messages of the user alone")
        elif shown is not None:
            texts.append(shown.get(field, _LONG_AGO))
    return "\n".join(texts)


def _numbered(
    param: str, content: str | Sequence[wire.ContentPart] | None
) -> list[tuple[str, wire.ContentPart]]:
    parts = content if content is not None and not isinstance(content, str) else ()
    return [(f"{param}.content[{at}]", part) for at, part in enumerate(parts)]


def _url(param: str, part: wire.ContentPart) -> str:
    given = part.image_url
    url = given if isinstance(given, str) else given.url if given is not None else ""
    param = f"{param}.image_url"
    if is_data_url(url):
        return url
    if not url:
        cause = "holds no picture"
    elif url[:5].lower() == "data:":
        cause = "is not a picture"
    else:
        cause = "is an address, and prismd fetches nothing"
    raise RequestError(
        f"{param}: {cause}; send the picture itself as a data URL, data:image/png;base64,…",
        param=param,
        code="invalid_image_url",
    )
