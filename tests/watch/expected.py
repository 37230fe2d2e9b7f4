"""What an index has to hold, found out in the plainest way; and what it holds."""

from __future__ import annotations

import hashlib
import os
import stat
from typing import Any, NamedTuple

import apsw

from prismd.store import documents
from prismd.store.database import Database
from prismd.watch.rules import Patterns, Rules, Scope, ignore_lines

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Held(NamedTuple):
    """What an index says of a file.

    Attributes:
        passages: Place, text, and whether there is a vector, of each.
    """

    root: str
    state: str
    error_code: str
    sha256: str | None
    text: str
    passages: tuple[tuple[int, int, str, bool], ...]


def held(database: Database) -> dict[bytes, Held]:
    """Every file of an index by its path."""

    def read(connection: apsw.Connection) -> dict[bytes, Held]:
        passages: dict[int, list[tuple[int, int, str, bool]]] = {}
        rows: list[Any] = connection.execute(
            "SELECT document_id, char_start, char_end, text, embedding_id IS NOT NULL"
            " FROM passages ORDER BY document_id, ordinal"
        ).fetchall()
        for id_, start, end, text, embedded in rows:
            passages.setdefault(id_, []).append((start, end, text, bool(embedded)))
        found = {}
        files: list[Any] = connection.execute(
            "SELECT f.path_raw, r.path, f.state, f.error_code, f.sha256, f.document_id"
            " FROM files f JOIN roots r ON r.id = f.root_id"
        ).fetchall()
        for path, root, state, code, sha256, document_id in files:
            content = documents.content(connection, sha256) if document_id else None
            text = content.text if content else ""
            own = tuple(passages.get(document_id, ()))
            found[path] = Held(root, state, code, sha256, text, own)
        return found

    return database.read(read)


class OnDisk(NamedTuple):
    """What is to be indexed of a root.

    Attributes:
        files: Hashes by path, None where the content may not be read.
        hidden: Files and folders that cannot be looked at; anything may be there.
    """

    files: dict[bytes, str | None]
    hidden: set[bytes]


def walk(root: bytes, rules: Rules) -> OnDisk:
    """Look at every file of a root that the rules take, one after the other."""
    found = OnDisk({}, set())
    patterns = Patterns(os.fsdecode(root), rules)
    try:
        descriptor = os.open(root, _FOLDER)
    except PermissionError:
        found.hidden.add(root)
    else:
        _walk(descriptor, root, patterns, patterns.outermost, found)
    return found


def _walk(descriptor: int, folder: bytes, patterns: Patterns, outer: Scope, found: OnDisk) -> None:
    try:
        try:
            scope = _scope(descriptor, folder, patterns, outer)
        except PermissionError:  # nobody can say what is excluded
            found.hidden.add(folder)
            return
        for name in map(os.fsencode, os.listdir(descriptor)):
            path = folder + b"/" + name
            try:
                mode = os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode
            except PermissionError:
                found.hidden.add(path)
                continue
            if stat.S_ISREG(mode) and patterns.takes_file(scope, path):
                found.files[path] = _sha256(descriptor, name)
            elif stat.S_ISDIR(mode) and patterns.takes_folder(scope, path):
                try:
                    inner = os.open(name, _FOLDER, dir_fd=descriptor)
                except PermissionError:
                    found.hidden.add(path)
                    continue
                _walk(inner, path, patterns, scope, found)
    finally:
        os.close(descriptor)


def _scope(descriptor: int, folder: bytes, patterns: Patterns, outer: Scope) -> Scope:
    try:
        mode = os.stat(b".prismignore", dir_fd=descriptor, follow_symlinks=False).st_mode
    except OSError:
        return outer
    if not stat.S_ISREG(mode):
        return outer
    opened = os.open(b".prismignore", os.O_RDONLY, dir_fd=descriptor)
    with os.fdopen(opened, "rb") as file:
        return patterns.below(outer, folder, ignore_lines(file.read())[0])


def _sha256(descriptor: int, name: bytes) -> str | None:
    try:
        opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=descriptor)
    except PermissionError:
        return None
    with os.fdopen(opened, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()
