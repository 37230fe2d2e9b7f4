"""What has been read of a file, made into a document with its passages."""

from __future__ import annotations

import hashlib

import apsw
import numpy as np

from prismd import chunk
from prismd.chunk import Chunking
from prismd.domain import Document, Extraction
from prismd.errors import ExtractError
from prismd.extract.audio.sound_space import SOUND_SPACE
from prismd.extract.base import MediaType
from prismd.models.base import TokenCounter
from prismd.store import documents, vectors
from prismd.store.jobs import Job
from prismd.wording import passage_context, shown_name

_AS_SUCH = ("image", "audio")
"""Types whose files are found as such, whatever words there are in them."""


def compose(
    job: Job,
    sha256: str,
    media: MediaType,
    extraction: Extraction,
    tokens: TokenCounter,
    chunking: Chunking,
) -> tuple[Document, list[documents.IndexedPassage]]:
    """Cut what has been read of a file into passages. Pure.

    Raises:
        ExtractError: There is nothing in it that could be found.
    """
    passages = chunk.chunk(extraction, tokens.offsets, chunking)
    if media.type in _AS_SUCH:
        passages = chunk.with_whole(passages, extraction.layout)
    if not passages:
        raise ExtractError(
            f"{shown_name(job.path)}: has no text; nothing in it can be found",
            code="empty",
            skip=True,
        )
    document = Document(
        sha256=sha256,
        type=media.type,
        media_type=media.name,
        size_bytes=job.size_bytes,
        extractor=media.version,
        chunker=chunking.tag,
        extraction=extraction,
    )
    title = extraction.title
    indexed = [
        documents.IndexedPassage(
            passage,
            passage_context(title, passage.heading),
            hash_of_embedded(title, passage.heading, passage.text) if passage.text else b"",
        )
        for passage in passages
    ]
    return document, indexed


def keep_sound(connection: apsw.Connection, document: Document) -> None:
    """Keep how a recording sounds, in the space of sounds."""
    sound = document.extraction.sound
    if not sound:
        return
    space_id = vectors.put_space(connection, SOUND_SPACE)
    row = np.frombuffer(sound, "<f4").reshape(1, SOUND_SPACE.dim)
    key = bytes.fromhex(document.sha256)
    vectors.delete(connection, space_id, key)
    vectors.add(connection, space_id, [key], row)


def hash_of_embedded(title: str, heading: tuple[str, ...], text: str) -> bytes:
    """16 bytes that name the text that is embedded for a passage."""
    embedded = chunk.embedding_text(title, heading, text)
    return hashlib.sha256(embedded.encode("utf-8", "replace")).digest()[:16]
