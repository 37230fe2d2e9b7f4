"""The pool and files whose paths do not say what they are called."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from prismd.errors import ExtractError, UnsupportedMedia
from prismd.extract.pool import ExtractPool
from prismd.paths.alias import Alias
from tests.building import picture, write_file

CODE = "def area(radius):\n    return 3 * radius\n"


@pytest.fixture(scope="module")
def pool() -> Iterator[ExtractPool]:
    made = ExtractPool(1)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("content", "name", "media_type"),
    [
        (CODE, "area.py", "text/x-source-code"),
        (CODE, "area.md", "text/markdown"),
        (CODE, "area", "text/plain"),
        ("all:\n\techo done\n", "Makefile", "text/x-source-code"),
        ("%PDF-1.7\n", "area.py", "application/pdf"),
    ],
)
def test_the_name_counts_where_the_content_does_not_tell(
    pool: ExtractPool, tmp_path: Path, content: str, name: str, media_type: str
) -> None:
    bare = write_file(tmp_path / "5", content)
    assert pool.detect(Alias.of(str(bare), name)).name == media_type


def test_a_file_is_read_as_what_it_is_called(pool: ExtractPool, tmp_path: Path) -> None:
    bare = write_file(tmp_path / "5", "# Title\n\nwords\n")
    found, extraction = pool.extract(Alias.of(str(bare), "a.md"))
    assert (found.name, extraction.title) == ("text/markdown", "Title")
    found, extraction = pool.extract(Alias.of(str(bare), "a.txt"))
    assert (found.name, extraction.title) == ("text/plain", "")


def test_what_is_wrong_is_said_under_the_name(pool: ExtractPool, tmp_path: Path) -> None:
    bare = write_file(tmp_path / "5", b"%PDF-1.7\nnothing follows")
    with pytest.raises(ExtractError, match=r"^report\.pdf: "):
        pool.extract(Alias.of(str(bare), "report.pdf"))
    with pytest.raises(ExtractError, match=r"^report\.pdf: "):
        pool.render(Alias.of(str(bare), "report.pdf"), 1, (), 72)


def test_a_picture_is_shown_under_another_name(pool: ExtractPool, tmp_path: Path) -> None:
    path = Alias.of(str(write_file(tmp_path / "5", picture("red"))), "barn.txt")
    assert pool.thumbnail(path, 32).startswith(b"\xff\xd8")
    assert pool.render(path, 1, (), 72).startswith(b"\x89PNG")
    assert pool.pixels(path, 8).shape == (8, 8, 3)


@pytest.mark.parametrize(
    ("content", "kind", "words"),
    [
        (b"MZ" + bytes(range(256)) * 9, UnsupportedMedia, "a.exe: .* are not read"),
        (b"", ExtractError, "a.exe: empty"),
    ],
)
def test_what_nothing_reads_is_told_without_reading_it(
    pool: ExtractPool, tmp_path: Path, content: bytes, kind: type[ExtractError], words: str
) -> None:
    with pytest.raises(kind, match=words):
        pool.detect(write_file(tmp_path / "a.exe", content))


def test_a_type_is_told_while_every_worker_reads(pool: ExtractPool, tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.txt", "words")
    with pool._slots:  # the only one for files that are read
        assert pool.detect(path).name == "text/plain"
