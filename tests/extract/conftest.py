"""Files to read, made on the spot."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from prismd.domain import Extraction
from prismd.extract.base import ExtractOptions, load_extractor
from prismd.extract.detect import detect
from prismd.extract.pool import ExtractPool
from tests.extract.hostile import hostile_pools

Read = Callable[..., Extraction]


@pytest.fixture
def pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ExtractPool]]:
    """Pools whose workers do as an ``.ics`` file tells them; see ``hostile``."""
    with hostile_pools(tmp_path, monkeypatch) as make:
        yield make


@pytest.fixture(scope="session")
def write(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, bytes | str], Path]:
    """Write a file into a fresh folder; text as UTF-8, as it is."""
    folder = tmp_path_factory.mktemp("files")
    numbers = itertools.count()

    def write(name: str, content: bytes | str) -> Path:
        path = folder / str(next(numbers)) / name
        path.parent.mkdir()
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture(scope="session")
def read(write: Callable[[str, bytes | str], Path]) -> Read:
    """Read a file of some name and content, in this process, and check what always holds."""

    def read(name: str, content: bytes | str, max_chars: int = 20_000_000) -> Extraction:
        path = write(name, content)
        found = detect(path)
        extraction = load_extractor(found).extract(
            path, found.name, ExtractOptions(max_chars=max_chars)
        )
        check_blocks(extraction)
        return extraction

    return read


def check_blocks(extraction: Extraction) -> None:
    """Blocks lie in the text, have something in them, are in order, and do not overlap."""
    end = 0
    for block in extraction.blocks:
        assert end <= block.start < block.end <= len(extraction.text)
        assert extraction.text[block.start : block.end].strip()
        end = block.end


@pytest.fixture(scope="session")
def outline() -> Callable[[Extraction], list[tuple[str, str, str]]]:
    """Kind, heading path and text of each block."""

    def outline(extraction: Extraction) -> list[tuple[str, str, str]]:
        text = extraction.text
        return [(b.kind, " > ".join(b.heading), text[b.start : b.end]) for b in extraction.blocks]

    return outline
