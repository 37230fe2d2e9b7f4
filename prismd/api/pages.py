"""The frame of the few HTML pages that the API serves itself: no script, all styles inline."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from litestar import MediaType
from litestar.datastructures.headers import Accept

STYLE = """
:root { color-scheme: light dark; --edge: #8884; --quiet: light-dark(#595959, #ababab);
  --mark: #ffe58a; --mark-ink: #1a1a1a; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  background: Canvas; color: CanvasText; }
h1 { font-size: 1.35rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }
.path { color: var(--quiet); margin: 0 0 1rem; overflow-wrap: anywhere; }
.note { border-left: 4px solid #c77700; padding: .5rem .75rem; margin: 1rem 0; }
blockquote { border-left: 4px solid var(--mark); margin: 1rem 0; padding: .25rem .75rem;
  white-space: pre-wrap; overflow-wrap: anywhere; }
mark { background: var(--mark); color: var(--mark-ink); }
img { max-width: 100%; height: auto; border: 1px solid var(--edge); background: white; }
table { border-collapse: collapse; width: 100%; font: 14px/1.45 ui-monospace, monospace; }
td { padding: 0 .6rem; vertical-align: top; white-space: pre-wrap; overflow-wrap: anywhere; }
td:first-child { color: var(--quiet); text-align: right; width: 1%; white-space: nowrap;
  user-select: none; border-right: 1px solid var(--edge); }
audio, video { width: 100%; margin: .5rem 0; }
code { font: 14px ui-monospace, monospace; }
"""

_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

PAGE_CSP = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src 'self'; media-src 'self';"
    " base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)


def page(title: str, body: str) -> bytes:
    """A whole page.

    Args:
        title: Plain text.
        body: HTML, with everything in it escaped that is not of our own making.
    """
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="/assets/icon.svg" type="image/svg+xml">'
        f"<title>{escape(title)} · prismd</title><style>{STYLE}</style></head>"
        f"<body>{body}</body></html>\n"
    ).encode("utf-8", "replace")


def wants_page(method: str, accept: str, fetch_mode: str, *, bears_token: bool) -> bool:
    """Whether whoever asks is a person who opens an address in a browser.

    Programs may take HTML, and even prefer it, without having asked for it: some libraries say so
    of themselves.

    Args:
        method: Of the request.
        accept: Its header, or nothing.
        fetch_mode: The Sec-Fetch-Mode header, by which browsers tell; or nothing.
        bears_token: Whether it came with a token, which browsers have no way to send here.
    """
    if method != "GET" or "text/html" not in accept:
        return False
    opens = fetch_mode.lower() == "navigate" if fetch_mode else not bears_token
    return opens and Accept(accept).best_match([MediaType.JSON, MediaType.HTML]) == MediaType.HTML


def sign_in_page(reason: str = "") -> bytes:
    """What a browser without a cookie sees."""
    return page(
        "Not signed in",
        "<h1>This browser is not signed in to prismd</h1>"
        + (f"<p>{escape(reason)}</p>" if reason else "")
        + "<p>Run <code>prismd token --open</code> in a terminal of this computer.</p>",
    )


def led_here_page() -> bytes:
    """What a browser sees that a page of another site led to the web page."""
    return page(
        "Another site led here",
        "<h1>A page of another site led here</h1>"
        "<p>What its link asks for was not done. If you wanted to come here, go on:</p>"
        '<p><a href="/">Open prismd</a></p>',
    )


def error_page(code: str | None, message: str) -> bytes:
    """What a person sees of an error.

    Args:
        code: Of the error; the words for programs of some are put into those for people.
        message: What is said where there are no other words.
    """
    heading, words = _FOR_PEOPLE.get(code or "", ("This cannot be shown", message))
    return page(
        heading,
        f'<h1>{escape(heading)}</h1><p>{escape(words)}</p><p><a href="/">Open prismd</a></p>',
    )


_FOR_PEOPLE = {
    "file_gone": (
        "This file is not there any more",
        "It was moved or deleted after it was read, or the disk that it is on is not there.",
    ),
    "file_not_found": (
        "This file is not among yours any more",
        "It was moved, deleted or forgotten. Search again to find what there is now.",
    ),
    "citation_not_found": (
        "This citation is not kept any more",
        "It was one of the oldest, or its file was forgotten. Ask again for a new one.",
    ),
    "not_found": ("There is nothing at this address", "It may have been mistyped."),
}
