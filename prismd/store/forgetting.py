"""Forgets a file for good, with all that only it brought into the index; or takes it back."""

from __future__ import annotations

import os

import apsw
import msgspec

from prismd.store import citations, documents, exclusions, files, responses
from prismd.store.doubts import doubt
from prismd.store.erasing import overwriting
from prismd.store.exclusions import Exclusion
from prismd.store.uploads import is_upload


class Forgotten(msgspec.Struct, frozen=True):
    """A file that was forgotten; ``excluded`` where it still lies in a watched folder."""

    path: str
    excluded: bool


def forget(connection: apsw.Connection, file_id: int) -> Forgotten | None:
    """Forget a file: its text, passages, vectors, quotes, and the bytes of an upload.

    What the index had of it is overwritten, and kept responses that rest on it go, with those
    that go on from them. A file of a watched folder is kept out from now on (see ``exclusions``). A
    document that another file holds as well stays. Nothing outside the index is touched.

    Returns:
        None where there is no such file.
    """
    row = connection.execute(
        "SELECT path, path_raw, document_id FROM files WHERE id = ?", (file_id,)
    ).fetchone()
    if row is None:
        return None
    path, path_raw, document_id = row
    watched = not is_upload(path_raw)
    if watched:
        exclusions.put(connection, file_id)
    named = [f"file-{file_id}"]
    with overwriting(connection):
        files.remove(connection, [file_id])
        if document_id is not None:
            sha256 = documents.delete_unheld(connection, document_id)
            if sha256 is not None:
                citations.drop(connection, sha256)
                named.append(sha256)
        responses.drop_naming(connection, named)
    return Forgotten(path, excluded=watched)


def take_back(connection: apsw.Connection, file_id: int) -> Exclusion | None:
    """Keep a file out no longer; the next sweep of its folder finds it.

    Args:
        connection: The write connection.
        file_id: The number that it had.

    Returns:
        None where it was not kept out.
    """
    lifted = exclusions.lift(connection, file_id)
    if lifted is not None:
        for root in files.roots(connection):
            if lifted.path_raw.startswith(os.fsencode(root.path).rstrip(b"/") + b"/"):
                doubt(connection, root.id)  # or nothing there would seem to have changed
    return lifted
