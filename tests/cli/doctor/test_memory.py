"""What doctor says of the folder in memory for what is read of an encrypted index."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from prismd.cli.doctor.encryption import Seen
from prismd.cli.doctor.memory import judge, look
from prismd.config.options import Config, Server
from prismd.encryption import secrecy
from prismd.paths.aside import WITHOUT_LIMIT, Place, place_of

PLAIN = Seen("plain", wanted=False)
ENCRYPTED = Seen("encrypted", wanted=True)
BESIDES = """
import sys
from pathlib import Path
from prismd.cli.doctor.encryption import Seen
from prismd.cli.doctor.memory import look
from prismd.config.options import Config
from prismd.encryption import secrecy
data_dir, used = map(Path, sys.argv[1:])
folder = secrecy.begin(data_dir)
(data_dir / "slots" / "prismd-aside-~").symlink_to(used)  # behind our own, by its name
assert len(secrecy.in_use(data_dir)) == 2
(told,) = look(Config(data_dir=data_dir), Seen("encrypted", wanted=True))
print(told.detail)
secrecy.end(folder)
"""

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


@linux
def test_what_doctor_puts_aside_itself_is_not_taken_for_that_of_the_process_at_work(
    tmp_path: Path,
) -> None:
    used = tmp_path / "used"
    used.mkdir()
    expected = judge(place_of(used), Server().max_upload_bytes)
    told = subprocess.check_output([sys.executable, "-c", BESIDES, tmp_path, used], text=True)
    assert told.strip() == expected.detail
