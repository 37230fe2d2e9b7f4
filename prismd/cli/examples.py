"""Pictures and recordings on the command line, as the HTTP interface takes them."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from prismd.cli.context import checked

if TYPE_CHECKING:
    import httpx

_FILE_ID = re.compile(r"file-\d+")
_MOST_BYTES = 30_000_000
_NOT_READY = 409


def search_like_picture(client: httpx.Client, body: dict[str, Any], given: str) -> httpx.Response:
    """Search for pictures like one: a file, or the id of one of the index.

    Args:
        client: Of the daemon or the index.
        body: What else is asked.
        given: As it stands on the command line. A file that is indexed goes by its id, so that it
            does not find itself.

    Raises:
        click.UsageError: There is no such file, or it is too large to be a picture.
    """
    path = Path(given)
    if _FILE_ID.fullmatch(given) and not path.exists():
        return client.post("/search", json={**body, "image": given})
    sent = data_url(path)
    known = _indexed(client, path)
    if _is_picture_as_indexed(known):
        response = client.post("/search", json={**body, "image": known["id"]})
        if response.status_code != _NOT_READY:
            return response
    return client.post("/search", json={**body, "image": sent})


def data_url(path: Path) -> str:
    """A file as a data URL.

    Raises:
        click.UsageError: There is no such file, or it is too large to be a picture.
    """
    try:
        if not path.is_file():
            raise click.UsageError(f"{path}: is no file")
        if path.stat().st_size > _MOST_BYTES:
            raise click.UsageError(f"{path}: is larger than {_MOST_BYTES // 10**6} MB")
        data = path.read_bytes()
    except OSError as error:
        raise click.UsageError(f"{path}: cannot be read ({error.strerror})") from error
    # What it is shows when it is decoded; the name of the type says nothing.
    return f"data:image/*;base64,{base64.b64encode(data).decode()}"


def file_id(client: httpx.Client, given: str) -> str:
    """The id of a file of the index, by its id or its path.

    Raises:
        click.UsageError: It is not in the index.
    """
    path = Path(given)
    if _FILE_ID.fullmatch(given) and not path.exists():
        return given
    if known := _indexed(client, path):
        return str(known["id"])
    raise click.UsageError(f"{given}: is not in the index; 'prismd files' lists what is")


def _indexed(client: httpx.Client, path: Path) -> dict[str, Any]:
    """A file of the index; empty where it is not there."""
    wanted = str(path.resolve())
    page = checked(client.get("/files", params={"q": wanted, "limit": 100}))
    return next((item for item in page["data"] if item["path"] == wanted), {})


def _is_picture_as_indexed(item: dict[str, Any]) -> bool:
    from prismd.disk.looking import hash_file

    if item.get("type") != "image" or item["state"] != "completed":
        return False
    try:
        return bool(item["sha256"] == hash_file(item["path"]))
    except OSError:
        return False
