"""A server with three vector stores."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import openai
from openai.types import VectorStore

from prismd.models.fake import FakeEmbedder
from tests.api.harness import Live, live_server
from tests.building import picture, put


@contextmanager
def live_stores(folder: Path) -> Iterator[Live]:
    """The sample in one folder, other files about the same in a second one, and an upload."""
    with live_server(folder) as live:
        other = live.stack.folder.parent / "letters"
        other.mkdir()
        for number in range(5):
            (other / f"letter {number}.txt").write_text(f"The deposit of {number} pounds. " * 3)
            os.utime(other / f"letter {number}.txt", (1_700_000_000 + number,) * 2)
        (other / "red.png").write_bytes(picture("red"))
        added = live.client.post("/roots", json={"path": str(other)})
        assert added.status_code == 201, added.text
        live.stack.index()
        put(
            live.stack.database,
            "/uploads/terms.txt",
            "An uploaded deposit of 17 pounds.",
            embedder=FakeEmbedder(),
        )
        yield live


def store_named(client: openai.OpenAI, name: str) -> VectorStore:
    return next(store for store in client.vector_stores.list() if store.name == name)
