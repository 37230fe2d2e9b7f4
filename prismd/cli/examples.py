"""Pictures and recordings on the command line, as the HTTP interface takes them."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from prismd.cli.context import checked

if TYPE_CHECKING:
    import httpx

_FILE_ID = re.compile(r"file-\d+")
_MOST_BYTES = 30_000_000


def picture(given: str) -> str:
    """A picture's id as it is, or the file as a data URL.

    Raises:
        click.UsageError: There is no such file, or it is too large to be a picture.
    """
    path = Path(given)
    if _FILE_ID.fullmatch(given) and not path.exists():
        return given
    try:
        if not path.is_file():
            raise click.UsageError(f"{given}: is no file")
        if path.stat().st_size > _MOST_BYTES:
            raise click.UsageError(f"{given}: is larger than {_MOST_BYTES // 10**6} MB")
        data = path.read_bytes()
    except OSError as error:
        raise click.UsageError(f"{given}: cannot be read ({error.strerror})") from error
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
    wanted = str(path.resolve())
    page = checked(client.get("/files", params={"q": wanted, "limit": 100}))
    for item in page["data"]:
        if item["path"] == wanted:
            return str(item["id"])
    raise click.UsageError(f"{given}: is not in the index; 'prismd files' lists what is")
