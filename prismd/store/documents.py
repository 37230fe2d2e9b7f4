"""Documents and their passages. ``replace`` is the only way by which content comes in."""

from __future__ import annotations

import time
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import apsw
import msgspec

from prismd.domain import Document, Layout, Locator, Passage
from prismd.store import lexical, vectors
from prismd.store.erasing import overwriting

_COMPRESSION = 3
_STALE = ""
OCR_LANGUAGES = "ocr_languages"
"""Key of ``engines``: the languages that the settings asked OCR for, joined by ``+``."""


class IndexedPassage(msgspec.Struct, frozen=True):
    """A passage as it is stored.

    Attributes:
        passage: The passage.
        context: Title and headings, searched beside the text and embedded with it.
        embedding_hash: 16 bytes that name the text that is embedded.
    """

    passage: Passage
    context: str
    embedding_hash: bytes


class PackedDocument(msgspec.Struct, frozen=True):
    """A document whose text and layout are compressed already."""

    document: Document
    text: bytes
    layout: bytes


def pack(document: Document) -> PackedDocument:
    """Compress a document for ``replace``, outside of any transaction. Pure."""
    extraction = document.extraction
    return PackedDocument(
        document,
        zlib.compress(extraction.text.encode("utf-8", "replace"), _COMPRESSION),
        zlib.compress(msgspec.msgpack.encode(extraction.layout), _COMPRESSION),
    )


def find(connection: apsw.Connection, sha256: str) -> int | None:
    """The document of this content, unless a reindex is to make it anew."""
    row = connection.execute(
        "SELECT id FROM documents WHERE sha256 = ? AND extractor != ?", (sha256, _STALE)
    ).fetchone()
    return int(row[0]) if row else None


def replace(
    connection: apsw.Connection,
    document: Document | PackedDocument,
    passages: Sequence[IndexedPassage],
    space_id: int | None,
) -> int:
    """Put a document in place of what was known under its hash, passages and all.

    The passages are searchable by their words when the transaction ends; those whose text has
    been embedded before in the space are so by meaning, too.

    Args:
        connection: The write connection.
        document: One that is not packed is packed here, while every other writer waits.
        passages: Its passages in their order.
        space_id: Where vectors of the same texts are looked for; None for nowhere.

    Returns:
        The document's id.
    """
    packed = document if isinstance(document, PackedDocument) else pack(document)
    document_id = _put_document(connection, packed.document)
    with overwriting(connection):
        former = _delete_passages(connection, document_id)
        connection.execute(
            "INSERT OR REPLACE INTO document_contents VALUES (?, ?, ?)",
            (document_id, packed.text, packed.layout),
        )
    for indexed in passages:
        _insert_passage(connection, document_id, indexed, space_id)
    vectors.delete_unused(connection, former)
    return document_id


def _put_document(connection: apsw.Connection, document: Document) -> int:
    extraction = document.extraction
    row = connection.execute(
        "INSERT INTO documents (sha256, type, media_type, size_bytes, title, language, metadata,"
        " warnings, engines, extractor, chunker, indexed_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (sha256) DO UPDATE SET type = excluded.type,"
        " media_type = excluded.media_type, title = excluded.title,"
        " language = excluded.language, metadata = excluded.metadata,"
        " warnings = excluded.warnings, engines = excluded.engines, extractor = excluded.extractor,"
        " chunker = excluded.chunker, indexed_at = excluded.indexed_at RETURNING id",
        (
            document.sha256,
            document.type,
            document.media_type,
            document.size_bytes,
            extraction.title,
            extraction.language,
            msgspec.json.encode(extraction.metadata).decode(),
            msgspec.json.encode(extraction.warnings).decode(),
            msgspec.json.encode(extraction.engines).decode(),
            document.extractor,
            document.chunker,
            time.time(),
        ),
    ).fetchone()
    assert row is not None  # noqa: S101 - RETURNING gives the row
    return int(row[0])


def _insert_passage(
    connection: apsw.Connection,
    document_id: int,
    indexed: IndexedPassage,
    space_id: int | None,
) -> None:
    passage = indexed.passage
    connection.execute(
        "INSERT INTO passages (document_id, ordinal, char_start, char_end, text, heading,"
        " locator, tokens, embedding_hash, embedding_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?,"
        " (SELECT id FROM embeddings WHERE space_id = ?11 AND hash = ?9))",
        (
            document_id,
            passage.ordinal,
            passage.start,
            passage.end,
            passage.text,
            msgspec.json.encode(passage.heading).decode(),
            msgspec.json.encode(passage.locator).decode(),
            passage.tokens,
            indexed.embedding_hash,
            None,
            space_id,
        ),
    )
    rowid = connection.last_insert_rowid()
    connection.execute(
        "INSERT INTO passage_words (rowid, text, context) VALUES (?, ?, ?)",
        (rowid, lexical.index_text(passage.text), lexical.index_text(indexed.context)),
    )
    connection.execute(
        "INSERT INTO passage_trigrams (rowid, text) VALUES (?, ?)", (rowid, passage.text)
    )


def _delete_passages(connection: apsw.Connection, document_id: int) -> set[bytes]:
    """Delete a document's passages with their entries in the lexical indexes.

    Returns:
        The hashes whose vectors may have lost their last passage.
    """
    rows: list[Any] = connection.execute(
        "SELECT id, embedding_hash FROM passages WHERE document_id = ?", (document_id,)
    ).fetchall()
    ids = [(row[0],) for row in rows]
    connection.executemany("DELETE FROM passage_words WHERE rowid = ?", ids)
    connection.executemany("DELETE FROM passage_trigrams WHERE rowid = ?", ids)
    connection.executemany("DELETE FROM passages WHERE id = ?", ids)
    return {row[1] for row in rows}


def collect_orphans(connection: apsw.Connection, *, older_than_s: float, limit: int = 20) -> int:
    """Delete documents that no file has held for a while, with the vectors only they had.

    Returns:
        How many were deleted; at most ``limit``, so that the writer is never held for long.
    """
    now_s = time.time()
    # What was let go of in the future was so before the clock was set back.
    rows: list[Any] = connection.execute(
        "SELECT id, sha256 FROM documents WHERE orphaned_at <= ? OR orphaned_at > ? LIMIT ?",
        (now_s - older_than_s, now_s, limit),
    ).fetchall()
    _delete(connection, rows)
    return len(rows)


def delete_unheld(connection: apsw.Connection, document_id: int) -> str | None:
    """Delete a document at once, unless a file holds it; gives its hash if it was deleted."""
    rows: list[Any] = connection.execute(
        "SELECT id, sha256 FROM documents WHERE id = ?1"
        " AND NOT EXISTS (SELECT 1 FROM files WHERE document_id = ?1)",
        (document_id,),
    ).fetchall()
    _delete(connection, rows)
    return str(rows[0][1]) if rows else None


def _delete(connection: apsw.Connection, rows: Sequence[tuple[int, str]]) -> None:
    """Delete documents, given with their hashes, and the vectors that only they had."""
    hashes = {bytes.fromhex(sha256) for _, sha256 in rows}
    with overwriting(connection):
        for document_id, _ in rows:
            hashes |= _delete_passages(connection, document_id)
            connection.execute("DELETE FROM documents WHERE id = ?", (document_id,))
        vectors.delete_unused(connection, hashes)


class Content(msgspec.Struct, frozen=True):
    """A document's text with its layout, and what names them."""

    document_id: int
    type: str
    media_type: str
    title: str
    text: str
    layout: Layout


def content(connection: apsw.Connection, sha256: str) -> Content | None:
    """A document's whole text and layout, or None when it is not in the index."""
    row = connection.execute(
        "SELECT d.id, d.type, d.media_type, d.title, c.text, c.layout FROM documents d"
        " JOIN document_contents c ON c.document_id = d.id WHERE d.sha256 = ?",
        (sha256,),
    ).fetchone()
    if row is None:
        return None
    text = zlib.decompress(row[4]).decode("utf-8")
    layout = msgspec.msgpack.decode(zlib.decompress(row[5]), type=Layout)
    return Content(row[0], row[1], row[2], row[3], text, layout)


def about(connection: apsw.Connection, ids: Sequence[int]) -> dict[int, tuple[dict[str, str], str]]:
    """What documents say of themselves, and the text of their first passage, by their ids."""
    rows: list[Any] = connection.execute(
        "SELECT d.id, d.metadata, coalesce((SELECT text FROM passages WHERE document_id = d.id"
        " AND char_end > char_start ORDER BY ordinal LIMIT 1), '') FROM documents d"
        " WHERE d.id IN (SELECT value FROM json_each(?))",
        (msgspec.json.encode(list(ids)).decode(),),
    ).fetchall()
    return {
        id_: (msgspec.json.decode(packed, type=dict[str, str]), text) for id_, packed, text in rows
    }


def passages(connection: apsw.Connection, document_id: int) -> list[Passage]:
    """A document's passages in reading order."""
    rows = connection.execute(
        f"SELECT {PASSAGE_COLUMNS} FROM passages p WHERE p.document_id = ? ORDER BY p.ordinal",
        (document_id,),
    )
    return [read_passage(row) for row in rows]


PASSAGE_COLUMNS = "p.ordinal, p.char_start, p.char_end, p.text, p.heading, p.locator, p.tokens"
_locator: msgspec.json.Decoder[Locator] = msgspec.json.Decoder(Locator)
_heading = msgspec.json.Decoder(tuple[str, ...])


def read_passage(row: Sequence[Any]) -> Passage:
    """A passage from the values of ``PASSAGE_COLUMNS``."""
    ordinal, start, end, text, heading, locator, tokens = row
    return Passage(
        ordinal=ordinal,
        start=start,
        end=end,
        text=text,
        heading=_heading.decode(heading),
        locator=_locator.decode(locator),
        tokens=tokens,
    )


def mark_stale(connection: apsw.Connection, document_ids: Sequence[int]) -> None:
    """Have documents made anew when their files are read next, though the content is known."""
    connection.executemany(
        "UPDATE documents SET extractor = ? WHERE id = ?", [(_STALE, id_) for id_ in document_ids]
    )


def stale(connection: apsw.Connection, extractors: Mapping[str, str], chunker: str) -> list[int]:
    """Documents that another version of extractor or chunker made.

    Args:
        connection: Any connection to the file.
        extractors: Current extractor version by media type.
        chunker: The current chunker's tag.
    """
    rows = connection.execute(
        "SELECT id, media_type, extractor, chunker FROM documents WHERE orphaned_at IS NULL"
    )
    return [
        id_
        for id_, media_type, extractor, made_by in rows
        if made_by != chunker or extractor != extractors.get(media_type, extractor)
    ]
