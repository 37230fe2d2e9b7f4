from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from prismd.models.entry import ModelFile
from prismd.models.installed import difference, remember

WEIGHTS = b"weights" * 100
FILE = ModelFile("model.onnx", len(WEIGHTS), hashlib.sha256(WEIGHTS).hexdigest(), ())


def test_a_right_file_differs_in_nothing(tmp_path: Path) -> None:
    (tmp_path / FILE.name).write_bytes(WEIGHTS)
    assert difference(FILE, tmp_path) == ""
    assert [path.name for path in tmp_path.iterdir()] == [FILE.name]


def test_other_bytes_are_told_and_kept(tmp_path: Path) -> None:
    path = tmp_path / FILE.name
    path.write_bytes(WEIGHTS[:-1])
    assert difference(FILE, tmp_path) == f"expected {len(WEIGHTS)} bytes, got {len(WEIGHTS) - 1}"
    path.write_bytes(WEIGHTS[:-1] + b"!")
    assert difference(FILE, tmp_path).startswith(f"expected sha256 {FILE.sha256}, got ")
    assert path.exists()


def test_what_was_found_right_and_not_touched_since_is_read_only_anew(tmp_path: Path) -> None:
    path = tmp_path / FILE.name
    path.write_bytes(WEIGHTS)
    remember(FILE, tmp_path)
    seen = path.stat()
    path.write_bytes(WEIGHTS[:-1] + b"!")
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert difference(FILE, tmp_path, anew=False) == ""
    assert difference(FILE, tmp_path) != ""
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns + 1))
    assert difference(FILE, tmp_path, anew=False) != ""


def test_a_missing_file_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        difference(FILE, tmp_path)
