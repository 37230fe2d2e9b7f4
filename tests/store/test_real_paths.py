from __future__ import annotations

import os

from prismd.store import files, real_paths
from prismd.store.database import Database


def test_where_folders_were_found_is_known_as_long_as_they_are_watched(database: Database) -> None:
    odd = os.fsdecode(b"/odd\xff")
    assert database.read(real_paths.noted) == {}
    for path in ("/share", "/other", odd):
        database.write(lambda c, p=path: files.add_root(c, p, "config"))  # type: ignore[misc]
    database.write(lambda c: real_paths.note(c, {"/link": "/share", "/odd": odd}))
    database.write(lambda c: real_paths.note(c, {"/other": "/other"}))
    assert database.read(real_paths.noted) == {"/link": "/share", "/odd": odd, "/other": "/other"}
    database.write(lambda c: real_paths.note(c, {"/link": "/other"}))
    (share,) = (root for root in database.read(files.roots) if root.path == odd)
    database.write(lambda c: files.remove_root(c, share.id))
    database.write(lambda c: real_paths.note(c, {}))
    assert database.read(real_paths.noted) == {"/link": "/other", "/other": "/other"}
