"""Builds documents, files and whole indexes for tests, by the ways that prismd itself uses."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import apsw
import msgspec
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from prismd import chunk
from prismd.chunk import Chunking
from prismd.domain import Block, Document, DocumentType, Extraction, Layout
from prismd.extract.text.text import paragraphs
from prismd.ingest.composing import hash_of_embedded
from prismd.ingest.crew import Ingest
from prismd.ingest.embedding import open_space
from prismd.ingest.reading import IngestSettings, Parsers
from prismd.models.base import Embedder, ImageEmbedder, TokenCounter, Transcriber
from prismd.models.fake import FakeEmbedder, FakeTokens
from prismd.progress.progress import Progress
from prismd.store import documents, files, vectors
from prismd.store.database import Database
from prismd.store.documents import IndexedPassage
from prismd.store.files import Entry, Root
from prismd.watch import Rules, Sweep, sweep
from prismd.wording import passage_context

_PATIENCE_S = 120.0
_LONG_AGO_S = 1_700_000_000


def wait_until(condition: Callable[[], bool], patience_s: float = _PATIENCE_S) -> None:
    """Wait for something that other threads or processes bring about."""
    pause = threading.Event()
    for _ in range(int(patience_s / 0.02)):
        if condition():
            return
        pause.wait(0.02)
    raise AssertionError("it did not come about")


def extraction(text: str, *, title: str = "", language: str = "en") -> Extraction:
    blocks = tuple(Block(start, end) for start, end in paragraphs(text))
    return Extraction(text, blocks, Layout("text"), title=title, language=language)


def document(
    text: str,
    *,
    title: str = "",
    language: str = "en",
    type_: DocumentType = "text",
    chunking: Chunking | None = None,
    sha256: str = "",
) -> tuple[Document, list[IndexedPassage]]:
    """A document of paragraphs and its passages, as ingestion would make them."""
    chunking = chunking or Chunking(target_tokens=32, overlap_tokens=0)
    made = extraction(text, title=title, language=language)
    passages = chunk.chunk(made, FakeTokens().offsets, chunking)
    indexed = [
        IndexedPassage(
            passage,
            passage_context(title, passage.heading),
            hash_of_embedded(title, passage.heading, passage.text),
        )
        for passage in passages
    ]
    size = len(text.encode())
    digest = sha256 or hashlib.sha256(text.encode()).hexdigest()
    return (
        Document(digest, type_, "text/plain", size, "text-1", chunking.tag, made),
        indexed,
    )


def entry(path: str | bytes, content: str = "", *, inode: int = 0, mtime_s: float = 1.0) -> Entry:
    raw = os.fsencode(path)
    number = inode or int.from_bytes(hashlib.sha256(raw).digest()[:4], "big")
    return Entry(raw, 1, number, len(content.encode()), int(mtime_s * 1e9), int(mtime_s * 1e9))


def put(
    database: Database,
    path: str,
    text: str,
    *,
    title: str = "",
    language: str = "en",
    type_: DocumentType = "text",
    mtime_s: float = 1.0,
    embedder: Embedder | None = None,
) -> int:
    """Index a text as if a file held it; returns the file's id."""
    made, passages = document(text, title=title, language=language, type_=type_)
    space_id = open_space(database, embedder) if embedder is not None else None

    def work(connection: apsw.Connection) -> int:
        files.add(connection, None, [entry(path, text, mtime_s=mtime_s)])
        file_id = connection.execute(
            "SELECT id FROM files WHERE path_raw = ?", (os.fsencode(path),)
        ).get
        document_id = documents.replace(connection, made, passages, space_id)
        files.attach(connection, file_id, document_id, made.sha256)
        return int(file_id)

    file_id = database.write(work)
    if embedder is not None:
        embed_waiting(database, embedder)
    return file_id


def embed_waiting(database: Database, embedder: Embedder) -> None:
    """Give every passage that waits for one its vector."""
    space_id = open_space(database, embedder)
    assert space_id is not None
    waiting, _ = database.read(lambda c: vectors.unembedded(c, 1_000_000))
    texts = [chunk.embedding_text(w.title, w.heading, w.text) for w in waiting]
    if texts:
        computed = embedder.embed_passages(texts)
        hashes = [w.embedding_hash for w in waiting]
        database.write(lambda c: vectors.store(c, space_id, hashes, computed))


def write_file(path: Path, content: str | bytes, *, age: int = 0) -> Path:
    """Write a file that has been still for long; ``age`` tells one version from another."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    os.utime(path, (_LONG_AGO_S + age, _LONG_AGO_S + age))
    return path


def picture(colour: str, text: str = "", *, size: tuple[int, int] = (320, 200)) -> bytes:
    """A PNG of one colour, with black words on it."""
    image = Image.new("RGB", size, colour)
    if text:
        font = ImageFont.load_default(size=28)
        ImageDraw.Draw(image).text((16, 16), text, fill="black", font=font)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def recording(
    *said: tuple[float, float, str], seconds: float = 4.0, pitch_hz: float = 440.0
) -> bytes:
    """A WAV file of a tone, in which the fake transcriber hears what is said."""
    rate = 16_000
    times = np.arange(int(seconds * rate)) / rate
    samples = (8_000 * np.sin(2 * np.pi * pitch_hz * times)).astype("<i2").tobytes()
    spoken = msgspec.json.encode(said)
    spoken += b" " * (len(spoken) % 2)
    chunks = (
        b"WAVE"
        + b"fmt "
        + struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16)
        + b"said"
        + struct.pack("<I", len(spoken))
        + spoken
        + b"data"
        + struct.pack("<I", len(samples))
        + samples
    )
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


class Indexer:
    """A folder, an index over it, and passes that bring the index up to date."""

    def __init__(
        self,
        folder: Path,
        data_dir: Path,
        pool: Parsers,
        *,
        embedder: Embedder | None = None,
        settings: IngestSettings | None = None,
        rules: Rules | None = None,
        tokens: TokenCounter | None = None,
        transcriber: Transcriber | None = None,
        images: ImageEmbedder | None = None,
    ) -> None:
        self.transcriber = transcriber
        self.images = images
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.pool = pool
        self.embedder = embedder or FakeEmbedder()
        self.settings = settings or IngestSettings(
            chunking=Chunking(target_tokens=32, overlap_tokens=0)
        )
        self.rules = rules or Rules()
        self.tokens = tokens or FakeTokens()
        self.database = Database(data_dir)
        path = os.path.realpath(folder)
        self.database.write(lambda c: files.add_root(c, path, "config"))
        self.progress = Progress()

    @property
    def root(self) -> Root:
        return self.database.read(files.roots)[0]

    def write(self, name: str, content: str | bytes, *, age: int = 0) -> Path:
        return write_file(self.folder / name, content, age=age)

    def sweep(self) -> Sweep:
        return sweep(self.database, self.root, self.rules)

    def ingest(self) -> Ingest:
        """Ingestion over this index, counting anew; not started."""
        self.progress = Progress()
        return Ingest(
            self.database,
            self.pool,
            self.tokens,
            self.embedder,
            self.settings,
            self.progress,
            self.transcriber,
            self.images,
        )

    @contextlib.contextmanager
    def ingesting(self) -> Iterator[Ingest]:
        """Ingestion over this index that runs for as long as the context lasts."""
        ingest = self.ingest()
        ingest.start()
        try:
            yield ingest
        finally:
            ingest.stop()

    def run(self) -> Sweep:
        """One pass: sweep, read, embed, collect."""
        found = self.sweep()
        with self.ingesting() as ingest:
            wait_until(ingest.idle)
        ingest.finish()
        return found

    def states(self) -> dict[str, tuple[str, str]]:
        """State and error code of each file, by its path in the folder."""
        rows = self.rows("SELECT path, state, error_code FROM files")
        prefix = os.path.realpath(self.folder) + "/"
        return {str(row[0]).removeprefix(prefix): (str(row[1]), str(row[2])) for row in rows}

    def rows(self, sql: str, values: Sequence[str] = ()) -> list[tuple[object, ...]]:
        return self.database.read(lambda c: list(c.execute(sql, values)))

    def texts(self) -> dict[str, str]:
        """The indexed text of each file that has one, by its path in the folder."""
        prefix = os.path.realpath(self.folder) + "/"
        found: dict[str, str] = {}
        for path, sha256 in self.rows("SELECT path, sha256 FROM files WHERE document_id NOT NULL"):
            content = self.database.read(lambda c, s=sha256: documents.content(c, s))  # type: ignore[misc]
            assert content is not None
            found[str(path).removeprefix(prefix)] = content.text
        return found
