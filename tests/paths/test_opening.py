"""Files and folders whose paths are longer than the kernel takes, or lead elsewhere."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from prismd.extract.pool import ExtractPool
from prismd.paths.opening import (
    lstat,
    lstat_within,
    open_file,
    open_folder,
    open_within,
    parent,
    reachable,
)

_NAME = b"n" * 200


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[bytes]:
    """A folder 6,000 bytes deep, with a file ``a.txt`` in it."""
    path = os.fsencode(tmp_path)
    folder = os.open(tmp_path, os.O_RDONLY)
    for _ in range(30):
        os.mkdir(_NAME, dir_fd=folder)
        deeper = os.open(_NAME, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder, path = deeper, path + b"/" + _NAME
    with open(os.open(b"a.txt", os.O_CREAT | os.O_WRONLY, dir_fd=folder), "wb") as file:  # noqa: PTH123
        file.write(b"The walrus is deep down.")
    yield path
    os.close(folder)


def test_what_lies_deeper_than_the_kernel_takes_is_seen_and_opened(deep: bytes) -> None:
    with pytest.raises(OSError, match="too long"):
        os.stat(deep)  # noqa: PTH116 - a path in bytes
    assert stat.S_ISDIR(lstat(deep).st_mode)
    assert lstat(deep + b"/a.txt").st_size == 24
    folder = open_folder(deep)
    assert os.listdir(folder) == ["a.txt"]  # noqa: PTH208 - a descriptor
    os.close(folder)
    with open(open_file(deep + b"/a.txt"), "rb") as file:  # noqa: PTH123
        assert file.read() == b"The walrus is deep down."
    with pytest.raises(FileNotFoundError):
        lstat(deep + b"/b.txt")


def test_nothing_is_left_open(tmp_path: Path, deep: bytes) -> None:
    root = os.fsencode(tmp_path)
    before = len(os.listdir("/dev/fd"))  # noqa: PTH208
    for _ in range(3):
        lstat(deep)
        lstat_within(root, deep + b"/a.txt")
        os.close(open_file(deep + b"/a.txt"))
        os.close(open_within(root, deep + b"/a.txt"))
        for name in (b"/b/c.txt", b"/a.txt/c.txt"):
            with pytest.raises((FileNotFoundError, NotADirectoryError)):
                lstat_within(root, deep + name)
        with reachable(deep + b"/a.txt"):
            pass
        with pytest.raises(FileNotFoundError):
            open_file(deep + b"/b/c.txt")
    assert len(os.listdir("/dev/fd")) == before  # noqa: PTH208


def test_a_long_path_is_reached_from_its_folder_and_the_process_comes_back(deep: bytes) -> None:
    before = Path.cwd()
    with reachable(deep + b"/a.txt") as near:
        assert near == b"a.txt" or len(near) < 4096
        assert Path(os.fsdecode(near)).read_text() == "The walrus is deep down."
    assert Path.cwd() == before


def test_a_short_path_stays_as_it_is(tmp_path: Path) -> None:
    with reachable(b"/a/b") as near:
        assert near == b"/a/b"


def test_a_file_deep_down_is_read_by_a_worker(deep: bytes) -> None:
    pool = ExtractPool(1)
    try:
        media, extraction = pool.extract(Path(os.fsdecode(deep + b"/a.txt")))
    finally:
        pool.close()
    assert (media.name, extraction.text.strip()) == ("text/plain", "The walrus is deep down.")


def test_a_fifo_is_opened_without_waiting_for_its_other_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    os.close(open_file(os.fsencode(tmp_path / "pipe")))


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_link_is_not_opened(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "target"
    target.mkdir() if kind == "folder" else target.write_text("secret")
    link = tmp_path / "link"
    link.symlink_to(target)
    with pytest.raises(OSError, match="link"):
        (open_folder if kind == "folder" else open_file)(os.fsencode(link))
    assert stat.S_ISLNK(lstat(os.fsencode(link)).st_mode)


def test_within_a_folder_a_file_is_opened_wherever_no_link_leads_to_it(
    tmp_path: Path, deep: bytes
) -> None:
    root = os.fsencode(tmp_path)
    os.close(open_within(root, deep + b"/a.txt"))
    os.close(open_within(root + b"/", deep + b"/a.txt"))
    outside = tmp_path.parent / "outside"
    outside.mkdir(exist_ok=True)
    (outside / "a.txt").write_text("secret")
    (tmp_path / "link").symlink_to(outside)
    (tmp_path / "a.txt").symlink_to(outside / "a.txt")
    assert lstat_within(root, deep + b"/a.txt").st_size == 24
    assert stat.S_ISLNK(lstat_within(root, root + b"/a.txt").st_mode)
    with pytest.raises(NotADirectoryError):
        lstat_within(root, root + b"/link/a.txt")
    for path in (
        root + b"/link/a.txt",
        root + b"/a.txt",
        root + b"/../outside/a.txt",
        root + b"/./link/a.txt",
        root + b"//a.txt",
        os.fsencode(outside / "a.txt"),
        root,
    ):
        with pytest.raises(OSError, match=r"within|link|Not a directory|symbolic"):
            os.close(open_within(root, path))


def test_the_folder_of_what_stands_at_the_top_is_the_top() -> None:
    assert [parent(b"/a/b"), parent(b"/a"), parent(b"/")] == [b"/a", b"/", b"/"]
