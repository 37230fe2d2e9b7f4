"""What doctor says of the folder in memory for what is read of an encrypted index."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from prismd.cli.doctor.encryption import Seen
from prismd.cli.doctor.memory import judge, look
from prismd.config.options import Config, Server
from prismd.encryption import secrecy
from prismd.paths.aside import WITHOUT_LIMIT, Place

PLAIN = Seen("plain", wanted=False)
ENCRYPTED = Seen("encrypted", wanted=True)
linux = pytest.mark.skipif(sys.platform != "linux", reason="folders in memory are Linux's")


def place(total_bytes: int, free_bytes: int, *, in_memory: bool = True) -> Place:
    shared = Path("/dev/shm")
    return Place(shared / "prismd-aside-x", shared, in_memory, total_bytes, free_bytes)


@pytest.mark.parametrize(
    ("found", "level", "said"),
    [
        (place(200_000_000, 150_000_000), "ok", "/dev/shm, 150 MB of 200 MB free -> "),
        (
            place(64_000_000, 64_000_000),
            "note",
            "may have 100 MB ([server] max_upload_bytes) -> en",
        ),
        (place(200_000_000, 7), "note", "an upload may have 100 MB, and waits or is refused"),
        (place(WITHOUT_LIMIT, WITHOUT_LIMIT), "ok", "grows as long as there is memory"),
        (place(1 << 40, 1 << 40, in_memory=False), "note", "private files on the disk"),
        (None, "note", "private files on the disk while they are read -> encrypt the disk"),
    ],
)
def test_its_room_is_told_and_what_helps_where_it_is_short(
    found: Place | None, level: str, said: str
) -> None:
    verdict = judge(found, 100_000_000)
    assert verdict.level == level
    assert said in f"{verdict.detail} -> {verdict.remedy}"


def test_of_an_index_that_is_not_encrypted_nothing_is_said(tmp_path: Path) -> None:
    assert list(look(Config(data_dir=tmp_path), PLAIN)) == []


@linux
def test_the_folder_of_the_process_at_work_is_looked_at_and_otherwise_what_it_would_be(
    tmp_path: Path,
) -> None:
    config = Config(data_dir=tmp_path, server=Server(max_upload_bytes=1))
    (would_be,) = look(config, Seen("absent", wanted=True))
    assert would_be.level in ("ok", "note")
    assert list(tmp_path.iterdir()) == []
    slots = tmp_path / "slots"
    slots.mkdir()
    (slots / "prismd-aside-x").symlink_to("/dev/shm")
    assert secrecy.in_use(tmp_path) == [Path("/dev/shm")]
    (at_work,) = look(config, ENCRYPTED)
    assert at_work.detail.startswith("/dev/shm, ")
