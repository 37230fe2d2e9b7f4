"""Text for a terminal. What a file is called, or says, must not steer it. Pure."""

from __future__ import annotations

import re
import textwrap

_WIDTH = 96
_PREVIEW_CHARS = 240
_STEERING = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # control characters, those that begin escape sequences among them
    "\u2028\u2029"  # breaks of lines and paragraphs
    "\u202a-\u202e\u2066-\u2069"  # changes of the writing direction
    "\ud800-\udfff"  # bytes of a name that are no text
    "]"
)


def plain(text: str) -> str:
    """A text on one line, with a sign in place of whatever a terminal would obey."""
    return _STEERING.sub("\ufffd", text)


def preview(text: str) -> str:
    """The beginning of a text as a few lines; cut between words where the script has them."""
    flat = " ".join(text.split())
    if len(flat) > _PREVIEW_CHARS:
        words, space, _ = flat[:_PREVIEW_CHARS].rpartition(" ")
        whole = space and len(words) > _PREVIEW_CHARS // 2
        flat = f"{words if whole else flat[:_PREVIEW_CHARS]} …"
    return textwrap.fill(plain(flat), _WIDTH)


def paragraphs(text: str) -> str:
    """A text with its long lines broken and its own breaks kept."""
    return "\n".join(textwrap.fill(plain(line), _WIDTH) for line in text.splitlines())
