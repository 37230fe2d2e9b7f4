"""Folders by the paths that they really have."""

from __future__ import annotations

import os
from pathlib import Path

from prismd.real_path import is_folder, real_path


def test_links_are_followed_and_nothing_need_be_there(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    base = os.path.realpath(tmp_path)
    assert real_path(tmp_path / "link" / ".." / "folder" / "x") == f"{base}/folder/x"
    assert is_folder(tmp_path / "link") is True
    assert is_folder(folder / "x") is False
