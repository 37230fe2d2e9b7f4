"""What every request to a remote engine has in common: where to, and what can go wrong."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from prismd.errors import ModelError

_CONNECT_S = 10.0
_ADVICE = {
    401: "the key was refused; set the environment variable that [{section}] api_key_env names",
    403: "the key was refused; set the environment variable that [{section}] api_key_env names",
    404: "there is no such model or path; check [{section}] base_url and model",
    429: "it is busy; try again later",
}


class RemoteEngine(msgspec.Struct, frozen=True):
    """Where a server is and what to ask it for.

    ``base_url`` ends in the version as OpenAI's clients have it (``http://host:8000/v1``).
    ``api_key_env`` names an environment variable; the key itself is in no file of prismd.
    ``read_timeout_s`` is the longest silence.
    """

    base_url: str
    model: str
    api_key_env: str = ""
    read_timeout_s: float = 300.0


def open_client(engine: RemoteEngine) -> httpx.Client:
    """A client for one engine: with its key, its patience, and without redirects."""
    key = os.environ.get(engine.api_key_env, "") if engine.api_key_env else ""
    return httpx.Client(
        headers={"Authorization": f"Bearer {key}"} if key else {},
        timeout=httpx.Timeout(engine.read_timeout_s, connect=_CONNECT_S),
        follow_redirects=False,
        trust_env=urlsplit(engine.base_url).hostname not in ("localhost", "127.0.0.1", "::1"),
    )


@contextlib.contextmanager
def mapped(engine: RemoteEngine, section: str) -> Iterator[None]:
    """Turn what the network and the decoder raise into errors for a person."""
    host = host_of(engine)
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise ModelError(
            f"{host}: not reachable ({error}); start the server or correct [{section}] base_url"
        ) from error
    except httpx.TimeoutException as error:
        raise ModelError(
            f"{host}: silent for {engine.read_timeout_s:g} s; try again, or see to the server"
        ) from error
    except httpx.HTTPError as error:
        raise ModelError(f"{host}: the connection broke ({error}); try again") from error
    except (msgspec.DecodeError, ValueError) as error:
        raise ModelError(
            f"{host}: answered what is not OpenAI's format ({error}); correct [{section}] base_url"
        ) from error


def refusal(engine: RemoteEngine, section: str, response: httpx.Response) -> ModelError:
    """The error for an answer that is none; the body must have been read."""
    status = response.status_code
    if response.is_redirect:
        advice = f"it redirects, which is not followed; correct [{section}] base_url"
    else:
        advice = _ADVICE.get(status, "see to the server").format(section=section)
    try:
        detail = error_text(msgspec.json.decode(response.content))
    except msgspec.DecodeError:
        detail = ""
    said = f": {detail}" if detail else ""
    return ModelError(f"{host_of(engine)}: answered with status {status}{said}; {advice}")


def error_text(body: Any) -> str:
    """What an error body says, in any of the shapes that servers have."""
    while isinstance(body, dict):
        body = body.get("error") or body.get("message") or body.get("detail")
    return str(body)[:300] if body else ""


def check_address(engine: RemoteEngine, section: str) -> None:
    """Refuse an address that cannot be one.

    Raises:
        ModelError: It has no scheme of HTTP, or no host.
    """
    parts = urlsplit(engine.base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ModelError(
            f"{engine.base_url!r}: not an address; set [{section}] base_url to one like "
            "http://127.0.0.1:8000/v1"
        )


def host_of(engine: RemoteEngine) -> str:
    """Host and port, as errors name the engine; no name and password that stand before them."""
    return urlsplit(engine.base_url).netloc.rpartition("@")[2]
