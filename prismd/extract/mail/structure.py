"""What the parts of a message are: bodies, pictures in them, files, other messages. Pure."""

from __future__ import annotations

import email.policy
import mimetypes
from collections.abc import Iterator
from email.message import Message

from prismd.extract.draft import Draft
from prismd.extract.mail.message import content, file_name, parse_message, text_of
from prismd.extract.text.html import parse_html, write_html

MAX_DEPTH = 20
"""Of parts in parts."""
BODIES = ("text/plain", "text/html")
ENCRYPTED = frozenset({"multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"})
SIGNATURES = frozenset(
    (
        *("application/pgp-signature", "application/pkcs7-signature"),
        *("application/x-pkcs7-signature", "application/pgp-encrypted"),
    )
)
MESSAGES = frozenset({"message/rfc822", "message/global", "message/news"})
REPORTS = frozenset(
    (
        *("message/delivery-status", "message/global-delivery-status"),
        *("message/disposition-notification", "message/global-disposition-notification"),
        "message/feedback-report",
    )
)
"""What mail programs tell each other, in headers and nothing else."""
_SMALL_PICTURE_BYTES = 16 << 10
_ENOUGH_CHARS = 1_000_000
_AS_IT_IS = email.policy.compat32.clone(max_line_length=0)


def children(part: Message) -> list[Message]:
    """The parts of a part."""
    payload = part.get_payload()
    listed = payload if isinstance(payload, list) else []
    return [child for child in listed if isinstance(child, Message)]


def enclosed(part: Message) -> list[Message]:
    """The messages in a part, whose encoding is undone if it has one, which it should not."""
    found = children(part)
    encoding = str(part.get("Content-Transfer-Encoding") or "").strip().lower()
    # What has headers that can be read is not in base64, whatever it says.
    if encoding == "base64" and not any(message.keys() for message in found):
        return [_decoded(message, encoding) for message in found]
    if encoding == "quoted-printable":
        return [_decoded(message, encoding) for message in found]
    return found


def _decoded(message: Message, encoding: str) -> Message:
    around = Message()
    around["Content-Transfer-Encoding"] = encoding
    around.set_payload(message.as_bytes(policy=_AS_IT_IS).decode("ascii", "surrogateescape"))
    return parse_message(content(around))


def is_attachment(part: Message) -> bool:
    """Whether a part is a file, for all that its type could say."""
    return _disposition(part) == "attachment" or bool(file_name(part))


def is_logo(part: Message, name: str, size_bytes: int) -> bool:
    """Whether a part is a small picture in the text, such as a logo or a line."""
    kind = part.get_content_type()
    pictured = kind.startswith("image/") or (mimetypes.guess_type(name)[0] or "").startswith(
        "image/"
    )
    inline = _disposition(part) != "attachment" and part.get("Content-ID") is not None
    return pictured and inline and size_bytes < _SMALL_PICTURE_BYTES


def has_body(part: Message) -> bool:
    """Whether a part is text, or holds text, to be read as the message itself."""
    return any(_is_body(child) for child in part.walk())


def files_in(part: Message, depth: int = 0) -> Iterator[Message]:
    """What there is in a part beside its bodies."""
    if depth > MAX_DEPTH:
        return
    if part.get_content_maintype() == "multipart":
        for child in children(part):
            yield from files_in(child, depth + 1)
    elif not _is_body(part):
        yield part


def leaves(part: Message) -> int:
    """How many parts of a part are no parts around others; a message in it is one."""
    count = 0
    waiting = [part]
    while waiting:
        at = waiting.pop()
        inner = children(at) if at.get_content_maintype() == "multipart" else []
        waiting += inner
        count += not inner
    return count


def length(part: Message) -> int:
    """How much there is to read in a part."""
    found = 0
    for child in filter(_is_body, part.walk()):
        if child.get_content_type() == "text/html":
            draft = Draft(_ENOUGH_CHARS)
            write_html(parse_html(text_of(child)), draft)
            found += len("".join(draft.text.split()))
        else:
            found += len("".join(text_of(child).split()))
    return found


def _is_body(part: Message) -> bool:
    return part.get_content_type() in BODIES and not is_attachment(part)


def _disposition(part: Message) -> str:
    return str(part.get("Content-Disposition") or "").partition(";")[0].strip().lower()
