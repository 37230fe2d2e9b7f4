"""What a changed setting or an upgrade would redo; nothing of it is redone unasked."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

import apsw
import msgspec

from prismd.domain import EmbeddingSpace
from prismd.errors import NO_OCR, NO_TEXT, UNSUPPORTED
from prismd.store import documents, facts, jobs, vectors

COMMAND = "prismd reindex --stale"
_READ_SINCE = "read_since"
"""The fact by which version, and since when, names with an end, such as ``.odt``, are read."""


class Stale(msgspec.Struct, frozen=True):
    """Something that the present settings would make otherwise."""

    what: str
    count: int
    why: str
    command: str = COMMAND


class Present(msgspec.Struct, frozen=True):
    """What documents would be made with now.

    Attributes:
        extractors: Version of the extractor of each media type.
        chunker: The chunker's tag.
        spaces: Of the present models: of texts, and of pictures.
        ocr: Whether pictures of text can be read.
        speech: The model that writes down what is said; empty where there is none.
        ocr_languages: The languages that OCR is asked for, joined by ``+``, by watched folder.
        suffixes: The ends of the names of what is read, lower case, with the dot, and the version
            that reads it.
    """

    extractors: Mapping[str, str]
    chunker: str
    spaces: tuple[EmbeddingSpace, ...] = ()
    ocr: bool = False
    speech: str = ""
    ocr_languages: Mapping[str, str] = {}
    suffixes: Mapping[str, str] = {}

    def has(self, space: EmbeddingSpace) -> bool:
        """Whether vectors of a space are of a present model, or of a kind that has none now."""
        return space in self.spaces or all(
            space.content != present.content for present in self.spaces
        )


class _Reads(msgspec.Struct, frozen=True):
    """A version that reads a kind of file, and since when, as Unix time."""

    version: str
    since: float


def note_suffixes(connection: apsw.Connection, suffixes: Mapping[str, str]) -> None:
    """Note which names are read from now on, once it changes; to be called before any is read."""
    noted = _read_since(connection)
    now = time.time()
    since = {
        suffix: known
        if (known := noted.get(suffix)) is not None and known.version == version
        else _Reads(version, now)
        for suffix, version in sorted(suffixes.items())
    }
    if since != noted:
        facts.put(connection, _READ_SINCE, msgspec.json.encode(since).decode())


def report(connection: apsw.Connection, present: Present) -> list[Stale]:
    """What is stale."""
    groups = [*_documents(connection, present), *_left_out(connection, present)]
    found = [Stale(what, len(ids), why) for what, why, ids in groups if ids]
    for space_id, space in vectors.spaces(connection):
        if not present.has(space):
            now = next(s.model for s in present.spaces if s.content == space.content)
            other = f"{space.model}, not {now}" if space.model != now else f"other weights of {now}"
            count = vectors.count(connection, space_id)
            found.append(Stale("vectors", count, f"made by {other}"))
    return found


def redo(connection: apsw.Connection, present: Present, *, everything: bool = False) -> int:
    """Queue what is stale, or all documents; drop vectors of other models.

    Returns:
        How many files will be read anew.
    """
    if everything:
        rows = connection.execute("SELECT id FROM documents")
        document_ids = [int(str(row[0])) for row in rows]
    else:
        found = _documents(connection, present)
        document_ids = sorted({id_ for _, _, ids in found for id_ in ids})
    for space_id, space in vectors.spaces(connection):
        if not present.has(space):
            vectors.drop_space(connection, space_id)
    for space in present.spaces:
        vectors.put_space(connection, space)
    documents.mark_stale(connection, document_ids)
    left_out = [id_ for _, _, ids in _left_out(connection, present) for id_ in ids]
    for file_id in left_out:
        jobs.retry(connection, ("skipped",), file_id)
    return jobs.enqueue_holders(connection, document_ids) + len(left_out)


def _documents(
    connection: apsw.Connection, present: Present
) -> Iterable[tuple[str, str, list[int]]]:
    outdated = documents.stale(connection, present.extractors, present.chunker)
    yield "documents", "made by another version or other chunk sizes", outdated
    engines = _engines(connection)
    if present.ocr:
        unread = [id_ for id_, made in engines.items() if made.get("ocr") == ""]
        yield "pictures and scans", "made without OCR, which is there now", unread
        yield "pictures and scans", "read in other languages", _other_languages(connection, present)
    if present.speech:
        unheard = [id_ for id_, made in engines.items() if made.get("speech") == ""]
        yield "recordings", f"made without {present.speech}, which is there now", unheard
        other = [
            id_
            for id_, made in engines.items()
            if made.get("speech") not in (None, "", present.speech)
        ]
        yield "recordings", f"made by another model than {present.speech}", other


def _left_out(
    connection: apsw.Connection, present: Present
) -> Iterable[tuple[str, str, list[int]]]:
    """Files that were skipped for what is there now."""
    if present.ocr:
        unread = [id_ for id_, _, _ in _skipped(connection, NO_OCR)]
        yield "scans", "left out without OCR, which is there now", unread
    noted = _read_since(connection)
    unknown = [
        id_
        for code in (UNSUPPORTED, NO_TEXT)
        for id_, path, seen_at in _skipped(connection, code)
        if _is_newer(present.suffixes.get(_suffix(path)), noted.get(_suffix(path)), seen_at)
    ]
    yield "files", "left out by a version that read fewer kinds of them than this one", unknown


def _skipped(connection: apsw.Connection, code: str) -> list[tuple[int, str, float]]:
    """Id, path and Unix time of the files that were skipped for a reason."""
    rows: list[Any] = connection.execute(
        "SELECT id, path, indexed_at FROM files WHERE state = 'skipped' AND error_code = ?", (code,)
    ).fetchall()
    return rows


def _read_since(connection: apsw.Connection) -> dict[str, _Reads]:
    noted = facts.get(connection, _READ_SINCE)
    return msgspec.json.decode(noted, type=dict[str, _Reads]) if noted else {}


def _is_newer(version: str | None, reads: _Reads | None, seen_at: float) -> bool:
    """Whether a file was looked at before the version that reads such files came."""
    if version is None:
        return False
    return reads is None or reads.version != version or seen_at < reads.since


def _suffix(path: str) -> str:
    return f".{path.rpartition('.')[2].lower()}"


def _engines(connection: apsw.Connection) -> dict[int, dict[str, str]]:
    rows: list[Any] = connection.execute(
        "SELECT id, engines FROM documents WHERE engines != '{}' AND orphaned_at IS NULL"
    ).fetchall()
    return {id_: msgspec.json.decode(engines, type=dict[str, str]) for id_, engines in rows}


def _other_languages(connection: apsw.Connection, present: Present) -> list[int]:
    """Documents whose languages no file that holds them asks for any more."""
    rows: list[Any] = connection.execute(
        "SELECT d.id, f.path, d.engines ->> ? FROM documents d"
        " JOIN files f ON f.document_id = d.id"
        " WHERE d.engines != '{}' AND d.engines ->> ? IS NOT NULL ORDER BY d.id",
        (f"$.{documents.OCR_LANGUAGES}",) * 2,
    ).fetchall()
    wanted: dict[int, bool] = {}
    for id_, path, made in rows:
        same = made == _wanted_languages(path, present.ocr_languages)
        wanted[id_] = wanted.get(id_, False) or same
    return [id_ for id_, any_holder in wanted.items() if not any_holder]


def _wanted_languages(path: str, by_folder: Mapping[str, str]) -> str:
    """What a folder's settings ask for; the empty folder has the setting of all others."""
    for folder, languages in by_folder.items():
        if folder and path.startswith(folder.rstrip("/") + "/"):
            return languages
    return by_folder.get("", "")
