"""What is asked of the disk: regular files only, and roots whose own disk is there."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from prismd.disk import hash_file, is_there, look
from prismd.store.files import Root, entry_of


def root_at(path: Path, device: int) -> Root:
    return Root(1, str(path), "command", "watching", device=device)


def test_a_regular_file_is_seen_with_its_size_and_time(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("walrus")
    os.utime(path, ns=(5, 1_700_000_000_000_000_123))
    entry = look(str(path))
    assert (entry.path, entry.size_bytes) == (os.fsencode(path), 6)
    assert entry.mtime_ns == 1_700_000_000_000_000_123


@pytest.mark.parametrize("kind", ["nothing", "folder", "link", "pipe"])
def test_what_is_no_regular_file_is_not_there(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.txt"
    (tmp_path / "other.txt").write_text("walrus")
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to(tmp_path / "other.txt")
    elif kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(FileNotFoundError):
        look(str(path))


def test_the_hash_is_that_of_the_content(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    content = bytes(range(256)) * 10_000
    path.write_bytes(content)
    assert hash_file(str(path)) == hashlib.sha256(content).hexdigest()


def test_a_link_is_not_hashed_in_a_files_place(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("walrus")
    (tmp_path / "a.txt").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(OSError, match=r"a\.txt"):
        hash_file(str(tmp_path / "a.txt"))


def test_a_root_is_there_when_its_folder_stands_on_the_disk_that_it_stood_on(
    tmp_path: Path,
) -> None:
    device = entry_of(b"", tmp_path.stat()).device
    assert is_there(root_at(tmp_path, 0))
    assert is_there(root_at(tmp_path, device))
    assert not is_there(root_at(tmp_path, device + 1))
    assert not is_there(root_at(tmp_path / "unplugged", device))
