"""A folder as people name it in a box: typed, or pasted from a terminal or a file manager. Pure."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import NoReturn
from urllib.parse import unquote_to_bytes

from prismd.errors import RequestError

_QUOTES = ("'", '"')
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")
_FILE = re.compile(r"file:(//(?P<host>[^/]*))?+(?P<path>/.*)", re.IGNORECASE | re.DOTALL)
_HERE = ("", "localhost")


def folder_named(text: str, home: Path) -> Path:
    """The folder that somebody means.

    A whole path is taken as it is, whatever is in its name. ``~`` is the home directory; quotes
    of a shell and ``file://`` addresses, as terminals and file managers hand them out, are taken
    off.

    Args:
        text: What was typed or pasted.
        home: The home directory of whom prismd runs for, who is who asks.

    Raises:
        RequestError: It is no whole path of this computer.
    """
    path = text if text.startswith(("/", "~")) else _unwrapped(text.strip())
    if path == "~" or path.startswith("~/"):
        path = f"{home}{path[1:]}"
    if not path.startswith("/") or "\x00" in path:
        _refuse("give the folder's whole path, such as /home/anna/Documents")
    return Path(path)


def _unwrapped(text: str) -> str:
    if text.startswith(_QUOTES):
        text = _unquoted(text)
    if text.lower().startswith("file:"):
        return _of_address(text)
    if _ADDRESS.match(text):
        _refuse(
            "that is an address, no folder of this computer; open it in the file manager first, "
            "and give the path under which it can be seen here"
        )
    return text


def _unquoted(text: str) -> str:
    """What is between a shell's quotes; empty where it is not one word."""
    try:
        words = shlex.split(text)
    except ValueError:
        return ""
    return words[0] if len(words) == 1 else ""


def _of_address(address: str) -> str:
    """The path of a ``file:`` address; ``?`` and ``#`` are of its name, if nobody escaped them."""
    found = _FILE.fullmatch(address)
    if found is None:
        return ""
    if (found["host"] or "").lower() not in _HERE:
        _refuse("that folder is on another computer; give the path under which it is seen here")
    return os.fsdecode(unquote_to_bytes(found["path"]))


def _refuse(advice: str) -> NoReturn:
    raise RequestError(f"path: {advice}", param="path", code="invalid_request")
