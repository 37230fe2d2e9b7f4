"""A live server over a real index: real files, real parsers, the fakes for models."""

from __future__ import annotations

import re
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pymupdf
import uvicorn
from litestar import Litestar

from prismd.answer.answering import Answering, AnswerSettings
from prismd.answer.evidence import EvidenceSettings
from prismd.api.app import create_app
from prismd.api.interrupt import Interruptible
from prismd.api.services import ApiSettings, Services
from prismd.api.sockets import websocket_settings
from prismd.encryption.key import Key
from prismd.extract.pool import ExtractPool
from prismd.ingest.crew import Ingest
from prismd.ingest.reading import IngestSettings
from prismd.models.base import ImageEmbedder, Transcriber
from prismd.models.fake import (
    FakeEmbedder,
    FakeGenerator,
    FakeImageEmbedder,
    FakeReranker,
)
from prismd.models.fake_speech import FakeTranscriber
from prismd.models.load import ModelState
from prismd.models.shared_speech import SharedTranscriber
from prismd.progress.feed import CitedEvent
from prismd.progress.progress import Progress
from prismd.search.history import History, HistorySettings
from prismd.search.likeness import Likeness
from prismd.search.searching import Search, SearchSettings
from prismd.search.viewing import Viewing
from prismd.store import files
from prismd.store.database import Database
from prismd.watch import Rules
from prismd.watch.folders import Folders
from prismd.watch.watcher import WatchSettings
from prismd.watch.watching import Watching

TOKEN = "prism-test-token"
_DEADLINE_S = 120.0

NOTES = """\
# Tax notes

## Deadlines

The tax return must be sent online by 31 January 2027.

## Cake

Bake the plum cake at 190 degrees for 45 minutes.
"""

LEASE = (
    "The tenants pay a deposit of 2850 pounds before the keys are handed over.",
    "The tenants may end the lease by giving two months notice in writing.",
)


def write_pdf(path: Path, pages: tuple[str, ...]) -> None:
    """A PDF with one sentence on each page."""
    with pymupdf.open() as pdf:
        for text in pages:
            pdf.new_page().insert_text((72, 144), text, fontsize=11)
        pdf.save(path)


def write_sample(folder: Path) -> None:
    """A handful of files of different kinds, one of them broken and one empty."""
    folder.mkdir(parents=True, exist_ok=True)
    write_pdf(folder / "Lease.pdf", LEASE)
    (folder / "Tax notes.md").write_text(NOTES, encoding="utf-8")
    (folder / "page.html").write_text(
        "<!doctype html><title>Lisbon</title><script>alert(1)</script>"
        "<p>The train from Porto to Lisbon leaves at 09:47.</p>",
        encoding="utf-8",
    )
    (folder / "meter.py").write_text(
        'def kwh(volume):\n    """Energy of a volume of gas."""\n    return volume * 11\n',
        encoding="utf-8",
    )
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7\nnothing of a PDF follows")
    (folder / "empty.txt").write_bytes(b"")


@dataclass
class Stack:
    """Everything behind the API."""

    folder: Path
    database: Database
    pool: ExtractPool
    ingest: Ingest
    services: Services
    generator: FakeGenerator | None
    folders: Folders

    def index(self) -> None:
        """Bring the index to what is on disk."""
        self.folders.watches.rescan()
        wait_until(self.folders.watches.swept)
        self.ingest.wake()
        wait_until(self.ingest.idle)

    def close(self) -> None:
        """Take everything down."""
        self.pool.close()
        self.folders.watches.stop()
        self.ingest.stop()
        self.database.close()


def build(
    tmp_path: Path,
    base_url: str,
    *,
    generator: FakeGenerator | None = None,
    embedder: bool = True,
    pool: ExtractPool | None = None,
    images: ImageEmbedder | None = None,
    transcriber: Transcriber | None = None,
    key: Key | None = None,
) -> Stack:
    """The real parts, with the fakes for models; nothing is indexed yet."""
    folder = tmp_path / "files"
    folder.mkdir(parents=True, exist_ok=True)
    database = Database(tmp_path / "data", key=None if key is None else lambda: key)
    database.write(lambda c: files.add_root(c, str(folder), "config"))
    pool = pool or ExtractPool(1, deadline_s=60)
    embeds, reranks, progress = FakeEmbedder(), FakeReranker(), Progress()
    hears = SharedTranscriber(transcriber or FakeTranscriber())
    used = embeds if embedder else None
    images = images or (FakeImageEmbedder() if embedder else None)
    settings = IngestSettings(workers=1)
    ingest = Ingest(database, pool, embeds.tokens, used, settings, progress, hears, images)
    likeness = Likeness(database, images)
    search = Search(database, used, reranks, SearchSettings(), likeness=likeness)
    answering = Answering(
        database,
        search,
        used,
        reranks,
        Interruptible(generator) if generator else None,
        AnswerSettings(
            evidence=EvidenceSettings(refusal_threshold=0.5, follow_up_threshold=0.02),
            base_url=base_url,
        ),
    )
    watching = Watching(
        database, lambda root: Rules(), WatchSettings(), lambda found: ingest.wake()
    )
    folders = Folders(database, watching, frozenset, ingest.wake)
    services = Services(
        database=database,
        search=search,
        answering=answering,
        embedder=used,
        generator=generator,
        transcriber=hears.for_persons(),
        ingest=ingest,
        progress=progress,
        pool=pool,
        viewing=Viewing(pool, likeness, settings.options),
        model_states=lambda: {"embedding": ModelState("fake", "loaded", "a stand-in")},
        folders=folders,
        reindex=lambda *, everything: 7 if everything else 3,
        token=TOKEN,
        started_at=time.time(),
        history=History(
            database, HistorySettings(), cited=lambda: progress.feed.tell(CitedEvent())
        ),
        reranker=reranks,
    )
    ingest.start()
    watching.start()
    return Stack(folder, database, pool, ingest, services, generator, folders)


@dataclass
class Live:
    """A running server."""

    stack: Stack
    settings: ApiSettings
    client: httpx.Client
    app: Litestar

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.settings.base_url

    def id_of(self, name: str) -> str:
        """The id of a file of the sample."""
        listed = self.client.get("/files", params={"q": name}).json()["data"]
        return str(next(item["id"] for item in listed if item["path"].endswith("/" + name)))

    def raw(self, request: bytes) -> bytes:
        """Send bytes as they are and read the whole response."""
        with socket.create_connection(("127.0.0.1", self.settings.port), timeout=30) as wire:
            wire.sendall(request)
            received, missing = b"", None
            while missing is None or missing > 0:
                piece = wire.recv(65536)
                if not piece:
                    break
                received += piece
                missing = _missing(received)
        return received


def _missing(response: bytes) -> int | None:
    """How many bytes of a response are still to come; None as long as that is not known."""
    head, end, body = response.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head.lower())
    return int(length[1]) - len(body) if end and length else None


@contextmanager
def serving(stack: Stack, listener: socket.socket, settings: ApiSettings) -> Iterator[Live]:
    """The API of a stack on a listening socket, in a thread of its own."""
    app = create_app(stack.services, settings)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=1,
            **websocket_settings(),
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        wait_until(lambda: server.started)
        with httpx.Client(
            base_url=settings.base_url,
            headers={"Authorization": f"Bearer {TOKEN}"},
            trust_env=False,
            timeout=60,
        ) as client:
            yield Live(stack, settings, client, app)
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def live_server(tmp_path: Path, *, sample: bool = True, **options: Any) -> Iterator[Live]:
    """A running server over the sample; options are those of ``build`` and ``ApiSettings``."""
    # asyncio switches Nagle's algorithm off only where the protocol is named.
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen(512)
        own = {name: options.pop(name) for name in list(options) if name in _BUILD_OPTIONS}
        settings = ApiSettings(port=listener.getsockname()[1], version="0.0.1", **options)
        stack = build(tmp_path, settings.base_url, **own)
        try:
            if sample:
                write_sample(stack.folder)
                stack.index()
            with serving(stack, listener, settings) as live:
                yield live
        finally:
            stack.close()


_BUILD_OPTIONS = {"generator", "embedder", "pool", "images", "transcriber", "key"}


def unnamed_files() -> set[str]:
    """Files without a name that this process has, by what they were called."""
    found = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            target = descriptor.readlink()
            if "deleted" in target.name and str(target.parent) == tempfile.gettempdir():
                found.add(target.name)
    return found


def wait_until(condition: Callable[[], bool], *, deadline_s: float = _DEADLINE_S) -> None:
    """Wait for something that happens in another thread."""
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def ask(text: str, **fields: Any) -> dict[str, Any]:
    """The body of a chat request."""
    return {"model": "prism", "messages": [{"role": "user", "content": text}], **fields}


def events(response: httpx.Response) -> list[Any]:
    """The data of a stream of events; ``[DONE]`` stays text."""
    found: list[Any] = []
    for line in response.iter_lines():
        if line.startswith("data: "):
            data = line.removeprefix("data: ")
            found.append(data if data == "[DONE]" else msgspec.json.decode(data))
    return found
