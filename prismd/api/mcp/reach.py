"""How the tools reach the API: a client for it, wherever that is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

import httpx
from msgspec import Struct

from prismd.errors import RequestError

T = TypeVar("T")

Progress = Callable[[str], Awaitable[None]]
"""Tells the agent what is being done, if it wants to know."""


class Reached(Struct, frozen=True):
    """The API as it can be reached now.

    Attributes:
        client: Sends requests to it; whoever gave it closes it.
        base_url: Where a browser of this computer reaches it; empty where none can.
    """

    client: httpx.AsyncClient
    base_url: str

    @property
    def running(self) -> bool:
        """Whether it is a running daemon's."""
        return bool(self.base_url)


class Reach(Protocol):
    """Finds the API for each call."""

    async def run(self, work: Callable[[Reached], Awaitable[T]]) -> T:
        """Do work with the API.

        Raises:
            PrismdError: It cannot be reached; or what the work raised.
        """


def checked(response: httpx.Response) -> Any:
    """The JSON of a response, which has been read.

    Raises:
        RequestError: It is an error; has its own message.
    """
    try:
        body = response.json()
    except ValueError:
        body = None
    if response.is_success and body is not None:
        return body
    message = ""
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        message = str(body["error"].get("message") or "")
    status = response.status_code
    raise RequestError(message or f"prismd answered with HTTP status {status}", status=status)
