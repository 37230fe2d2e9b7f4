"""What a changed setting or an upgrade would redo; nothing of it is redone unasked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import apsw
import msgspec

from prismd.domain import EmbeddingSpace
from prismd.store import documents, files, jobs, vectors

COMMAND = "prismd reindex --stale"


class Stale(msgspec.Struct, frozen=True):
    """Something that the present settings would make otherwise."""

    what: str
    count: int
    why: str
    command: str = COMMAND


NO_OCR = "no_ocr"
"""Error code of the extractors, for a file that is nothing without OCR."""


class Present(msgspec.Struct, frozen=True):
    """What documents would be made with now.

    Attributes:
        extractors: Version of the extractor of each media type.
        chunker: The chunker's tag.
        spaces: Of the present models: of texts, and of pictures.
        ocr: Whether pictures of text can be read.
        speech: The model that writes down what is said; empty where there is none.
        ocr_languages: The languages that OCR is asked for, joined by ``+``, by watched folder.
    """

    extractors: Mapping[str, str]
    chunker: str
    spaces: tuple[EmbeddingSpace, ...] = ()
    ocr: bool = False
    speech: str = ""
    ocr_languages: Mapping[str, str] = {}

    def has(self, space: EmbeddingSpace) -> bool:
        """Whether vectors of a space are of a present model, or of a kind that has none now."""
        return space in self.spaces or all(
            space.content != present.content for present in self.spaces
        )


def report(connection: apsw.Connection, present: Present) -> list[Stale]:
    """What is stale."""
    found = [
        Stale(what, len(ids), why) for what, why, ids in _documents(connection, present) if ids
    ]
    if unread := _unread(connection, present):
        found.append(Stale("scans", len(unread), "left out without OCR, which is there now"))
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
        ids = [int(str(row[0])) for row in connection.execute("SELECT id FROM documents")]
    else:
        ids = sorted({id_ for _, _, stale in _documents(connection, present) for id_ in stale})
    for space_id, space in vectors.spaces(connection):
        if not present.has(space):
            vectors.drop_space(connection, space_id)
    for space in present.spaces:
        vectors.put_space(connection, space)
    documents.mark_stale(connection, ids)
    unread = _unread(connection, present)
    for file_id in unread:
        jobs.retry(connection, ("skipped",), file_id)
    return files.enqueue_holders(connection, ids) + len(unread)


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


def _unread(connection: apsw.Connection, present: Present) -> list[int]:
    """Files that were skipped for want of OCR."""
    if not present.ocr:
        return []
    rows: list[Any] = connection.execute(
        "SELECT id FROM files WHERE state = 'skipped' AND error_code = ?", (NO_OCR,)
    ).fetchall()
    return [row[0] for row in rows]


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
