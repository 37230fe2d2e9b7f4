"""What is asked of the disk: regular files only, and roots whose own disk is there."""

from __future__ import annotations

import hashlib
import mmap
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from prismd.disk.asking import Asker, GivenUp, asks_as
from prismd.disk.looking import disk_of, hash_file, heed_writers, is_being_written, is_there, look
from prismd.errors import CANCELLED, ExtractError
from prismd.store.files import Root, entry_of
from tests.building import wait_until
from tests.needing import leave_out


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


def test_hashing_can_be_called_off_on_the_way(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(5_000_000))
    looks = iter([False, False, True])
    with pytest.raises(ExtractError) as error:
        hash_file(str(path), lambda: next(looks))
    assert error.value.code == CANCELLED
    assert next(looks, None) is None


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


_KNOWS_WRITERS = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells who has a file open for writing"
)


@_KNOWS_WRITERS
@pytest.mark.parametrize(("mode", "written"), [("rb", False), ("r+b", True), ("ab", True)])
def test_a_file_that_another_process_has_open_for_writing_is_told(
    tmp_path: Path, mode: str, written: bool
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("walrus")
    holding = f"f = open({str(path)!r}, {mode!r}); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", holding], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert is_being_written(str(path)) is written
        holder.communicate(b"\n")
    assert is_being_written(str(path)) is False


@_KNOWS_WRITERS
def test_a_mapped_file_is_being_written_after_it_was_closed(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(4096))
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 4096):
        file.close()
        assert is_being_written(str(path)) is True
    assert is_being_written(str(path)) is False


@_KNOWS_WRITERS
def test_who_opens_a_file_while_it_is_asked_about_ends_nobody(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("walrus")
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            with path.open("ab"):
                pass

    told: set[bool | None] = set()

    def both_are_told() -> bool:
        told.update(is_being_written(str(path)) for _ in range(20_000))
        return told == {True, False}

    writer = threading.Thread(target=write)
    writer.start()
    try:
        wait_until(both_are_told, 1.0)
    finally:
        stop.set()
        writer.join()


def test_nothing_is_told_as_long_as_the_signal_would_end_the_process(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("walrus")
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    try:
        assert is_being_written(str(path)) is None
    finally:
        heed_writers()


def test_asking_about_a_file_that_is_not_there_fails(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        is_being_written(str(tmp_path / "a.txt"))


def test_the_disk_of_a_path_is_told_whether_or_not_anything_is_there(tmp_path: Path) -> None:
    point = tmp_path
    while not point.is_mount():
        point = point.parent
    assert disk_of(bytes(tmp_path / "nothing")).point == bytes(point)
    assert disk_of(bytes(tmp_path)) == disk_of(bytes(tmp_path / "nothing"))
    assert disk_of(b"/dev/nothing").point == b"/dev"
    assert disk_of(b"/device") == disk_of(b"/")
    assert disk_of(b"/").point == b"/"


@pytest.mark.skipif(sys.platform != "linux", reason="namespaces of mounts are Linux's")
def test_the_disk_that_is_seen_is_the_last_one_mounted_whatever_its_place_is_called(
    tmp_path: Path,
) -> None:
    point = tmp_path / "a b\\c\td\n\xe4"
    point.mkdir()
    code = (
        "import os, subprocess, sys; from prismd.disk.looking import disk_of\n"
        "point = os.fsencode(sys.argv[1])\n"
        "for _ in range(2):\n"
        "    if subprocess.call(['mount', '-t', 'tmpfs', 'x', point]): sys.exit(77)\n"
        "    found = os.lstat(point).st_dev\n"
        "    disk = disk_of(point + b'/x')\n"
        "    assert disk == (point, f'{os.major(found)}:{os.minor(found)}'), disk\n"
    )
    command = ["unshare", "--user", "--map-root-user", "--mount", sys.executable, "-c", code]
    try:
        done = subprocess.run([*command, str(point)], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        leave_out(f"there is no {error.filename}")
    if done.returncode == 77 or "unshare failed" in done.stderr:
        pytest.skip("nothing can be mounted here")
    assert done.returncode == 0, done.stderr


class Noted(Asker):
    """Keeps what it asks."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[bytes] = []

    def ask(self, path: bytes) -> None:
        super().ask(path)
        self.asked.append(path)


def test_whatever_is_asked_of_a_disk_is_noted_and_nothing_else(tmp_path: Path) -> None:
    path, asker = tmp_path / "a.txt", Noted()
    path.write_bytes(bytes(1 << 20))

    def is_called_off() -> bool:
        assert asker.question is None
        return False

    with asks_as(asker):
        look(str(path))
        assert asker.asked == [bytes(path)]
        hash_file(str(path), is_called_off)
        # Opened, read piece by piece up to the end, and closed.
        assert asker.asked == [bytes(path)] * (1 + 1 + 5 + 1)
        asker.asked.clear()
        is_there(root_at(tmp_path, 0))
        assert asker.asked == [bytes(tmp_path)]
    assert asker.question is None


@_KNOWS_WRITERS
def test_it_is_noted_that_a_disk_is_asked_who_writes(tmp_path: Path) -> None:
    path, asker = tmp_path / "a.txt", Noted()
    path.write_text("walrus")
    with asks_as(asker):
        assert is_being_written(str(path)) is False
    assert asker.asked == [bytes(path)]


def test_what_is_opened_too_late_is_closed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("walrus")
    asker, late, really_open = Asker(), [], os.open

    def open_late(*arguments: object, **named: object) -> int:
        question = asker.question
        assert question is not None
        assert asker.give_up(question)
        late.append(really_open(*arguments, **named))  # type: ignore[arg-type]
        return late[-1]

    with asks_as(asker), pytest.raises(GivenUp), monkeypatch.context() as patched:
        patched.setattr(os, "open", open_late)
        hash_file(str(path))
    for descriptor in late:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)
    assert late
