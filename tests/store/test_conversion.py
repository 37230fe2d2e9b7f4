"""A file is encrypted, decrypted or given another key as a whole, or stays as it was."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from prismd.encryption.key import Key
from prismd.errors import StoreError
from prismd.store import cipher, conversion, files, snapshot
from prismd.store.check import check
from prismd.store.database import FILE_NAME, Database

ONE, OTHER = Key(bytes(range(32))), Key(bytes(32))
MARKER = b"zanzibarmarker"
WAYS = [
    pytest.param(None, ONE, id="encrypt"),
    pytest.param(ONE, None, id="decrypt"),
    pytest.param(ONE, OTHER, id="change"),
]


def opened(data_dir: Path, key: Key | None, *, writable: bool = True) -> Database:
    return Database(data_dir, writable=writable, key=None if key is None else lambda: key)


def make(data_dir: Path, key: Key | None) -> Path:
    """An index with rows in the file, and others in its log, as a killed prismd leaves it."""
    database = opened(data_dir, key)
    name = MARKER.decode()
    database.write(
        lambda c: [files.add_root(c, f"/{name}/{n}" + "x" * 300, "command") for n in range(200)]
    )
    database.close()
    database = opened(data_dir, key)
    database.write(lambda c: files.add_root(c, f"/{name}/last", "command"))
    killed = data_dir.with_name("killed")
    shutil.copytree(data_dir, killed)
    database.close()
    shutil.rmtree(data_dir)
    killed.rename(data_dir)
    return data_dir / FILE_NAME


def paths(data_dir: Path, key: Key | None) -> int:
    database = opened(data_dir, key)
    try:
        assert check(database, repair=False) == []
        return database.read(lambda c: int(c.execute("SELECT count(*) FROM roots").get))
    finally:
        database.close()


def holding_the_marker(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if MARKER in path.read_bytes()]


@pytest.mark.parametrize(("old", "new"), WAYS)
def test_everything_is_in_the_new_file(data_dir: Path, old: Key | None, new: Key | None) -> None:
    path = make(data_dir, old)
    told: list[float] = []
    assert conversion.convert(path, old, new, told.append)
    assert {each.name for each in data_dir.iterdir()} == {FILE_NAME, "prismd.lock"}
    assert path.stat().st_mode & 0o077 == 0
    assert (holding_the_marker(data_dir) == []) == (new is not None)
    assert paths(data_dir, new) == 201
    assert told == sorted(told)
    assert all(0 <= share <= 1 for share in told)


def test_what_was_readable_is_overwritten(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(data_dir, None)
    wiped: list[str] = []
    wipe = conversion.wipe

    def seen(file: Path) -> bool:
        wiped.append(file.name)
        return wipe(file)

    monkeypatch.setattr(conversion, "wipe", seen)
    kept = os.open(path, os.O_RDONLY)
    conversion.convert(path, None, ONE)
    assert wiped == [f"{FILE_NAME}-wal", f"{FILE_NAME}.old"]
    assert os.fstat(kept).st_size == 0
    os.close(kept)


def test_the_second_name_is_on_the_disk_before_the_first_is_another_files(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make(data_dir, None)
    old = path.with_name(f"{FILE_NAME}.old")
    settled: list[bool] = []
    fsync = os.fsync

    def synced(descriptor: int) -> None:
        fsync(descriptor)
        if stat.S_ISDIR(os.fstat(descriptor).st_mode) and old.exists():
            settled.append(old.samefile(path))

    monkeypatch.setattr(os, "fsync", synced)
    conversion.convert(path, None, ONE)
    assert settled == [True, False]


def test_what_else_is_to_go_is_gone_before_the_new_file_is_there(data_dir: Path) -> None:
    path = make(data_dir, None)
    found: list[str] = []
    conversion.convert(path, None, ONE, clear=lambda: found.append(cipher.state(path)))
    assert found == ["plain"]

    def failing() -> None:
        raise PermissionError("no")

    with pytest.raises(StoreError):
        conversion.convert(path, ONE, OTHER, clear=failing)
    assert paths(data_dir, ONE) == 201


def test_a_file_is_overwritten_with_zeros_before_it_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "plain"
    path.write_bytes(MARKER * 100_000)
    seen: list[bytes] = []
    fsync = os.fsync

    def synced(descriptor: int) -> None:
        fsync(descriptor)
        seen.append(path.read_bytes())

    monkeypatch.setattr(os, "fsync", synced)
    assert conversion.wipe(path)
    assert seen == [bytes(len(MARKER) * 100_000)]
    assert not path.exists()


def test_a_second_name_of_the_old_file_is_left_alone_and_told(
    data_dir: Path, tmp_path: Path
) -> None:
    path = make(data_dir, None)
    os.link(path, tmp_path / "backup")
    assert not conversion.convert(path, None, ONE)
    assert MARKER in (tmp_path / "backup").read_bytes()
    assert holding_the_marker(data_dir) == []


def test_readable_backups_of_before_an_upgrade_go(data_dir: Path) -> None:
    path = make(data_dir, None)
    shutil.copy(path, data_dir / "prism.before-0009.db")
    conversion.convert(path, None, ONE)
    Database(data_dir, key=lambda: ONE).close()
    assert holding_the_marker(data_dir) == []
    assert not (data_dir / "prism.before-0009.db").exists()


def test_a_backup_of_a_plain_file_stays(data_dir: Path) -> None:
    path = make(data_dir, None)
    shutil.copy(path, data_dir / "prism.before-0009.db")
    Database(data_dir).close()
    assert (data_dir / "prism.before-0009.db").exists()


def test_who_reads_the_file_keeps_it_from_being_converted(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make(data_dir, None)
    monkeypatch.setattr(conversion, "_BUSY_TIMEOUT_MS", 10)
    reader = opened(data_dir, None, writable=False)
    with pytest.raises(StoreError, match="is locked by"):
        conversion.convert(path, None, ONE)
    reader.close()
    assert not path.with_name(f"{FILE_NAME}.new").exists()
    assert paths(data_dir, None) == 201


def test_without_room_nothing_is_begun(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(data_dir, None)
    monkeypatch.setattr(conversion, "_ROOM_BYTES", 1 << 62)
    with pytest.raises(StoreError, match=r"needs .* MB for a while.*free some disk space"):
        conversion.convert(path, None, ONE)
    assert paths(data_dir, None) == 201


@pytest.mark.parametrize("old", [None, ONE], ids=["plain", "encrypted"])
def test_a_damaged_file_stays_as_it_is(data_dir: Path, old: Key | None) -> None:
    path = make(data_dir, old)
    Database(data_dir, key=None if old is None else lambda: ONE).close()
    content = bytearray(path.read_bytes())
    for at in range(8 * 4096, len(content), 4096):
        content[at : at + 200] = os.urandom(200)
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"damaged|not like the file"):
        conversion.convert(path, old, OTHER)
    assert path.read_bytes() == content
    assert not path.with_name(f"{FILE_NAME}.new").exists()


def test_a_copy_that_is_not_like_the_file_is_not_taken(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make(data_dir, None)

    def lossy(connection: apsw.Connection, destination: Path, name: str = "") -> None:
        real(connection, destination, name)
        with conversion._opened(destination, ONE) as copy:
            copy.execute("DELETE FROM roots WHERE id = 7")

    real = snapshot.write
    monkeypatch.setattr(snapshot, "write", lossy)
    with pytest.raises(StoreError, match="not like the file"):
        conversion.convert(path, None, ONE)
    assert paths(data_dir, None) == 201


def test_odd_names_of_folders_do_no_harm(tmp_path: Path) -> None:
    data_dir = tmp_path / "a b?key=x&y#z%41 'ü"
    path = make(data_dir, None)
    conversion.convert(path, None, ONE)
    assert paths(data_dir, ONE) == 201


KILLING = """
import json, os, shutil, signal, sys
from pathlib import Path
from prismd.encryption.key import Key
from prismd.store import cipher, conversion
source, place, old, new = Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:5]
old, new = (Key.parse(text) if text else None for text in (old, new))
HEEDED = {"open", "os.link", "os.rename", "os.remove", "os.truncate"}
outcomes = []

def die_at(last):
    steps = 0
    def step(*_):
        nonlocal steps
        steps += 1
        if steps == last:
            os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(lambda event, _: step() if event in HEEDED else None)
    conversion._STEPS = 2_000
    fsync = os.fsync
    def synced(descriptor):
        step()
        fsync(descriptor)
        step()
    os.fsync = synced
    conversion.convert(path, old, new, step)

for last in range(1, 10_000):
    folder = place / str(last)
    shutil.copytree(source, folder)
    path = folder / "prism.db"
    child = os.fork()
    if child == 0:
        die_at(last)
        os._exit(0)
    done = os.waitpid(child, 0)[1] == 0
    outcomes.append(sorted(path.name for path in folder.iterdir()))
    if done:
        break
print(json.dumps(outcomes))
"""


@pytest.mark.parametrize(("old", "new"), WAYS)
def test_a_kill_at_any_step_leaves_the_one_file_or_the_other(
    data_dir: Path, tmp_path: Path, old: Key | None, new: Key | None
) -> None:
    make(data_dir, old)
    place = tmp_path / "killed at"
    place.mkdir()
    keys = [key.text if key else "" for key in (old, new)]
    told = subprocess.run(
        [sys.executable, "-c", KILLING, str(data_dir), str(place), *keys],
        capture_output=True,
        text=True,
        check=True,
    )
    steps: list[list[str]] = json.loads(told.stdout)
    assert len(steps) > 10
    became: set[bool] = set()
    for number, _ in enumerate(steps, 1):
        folder = place / str(number)
        path = folder / FILE_NAME
        is_new = new is not None and cipher.state(path) == "encrypted" and cipher.opens(path, new)
        is_new = is_new or (new is None and cipher.state(path) == "plain")
        became.add(is_new)
        assert paths(folder, new if is_new else old) == 201, number
        assert {each.name for each in folder.iterdir()} <= {FILE_NAME, "prismd.lock"}, number
        if is_new and new is not None:
            assert holding_the_marker(folder) == [], number
    assert became == {True, False}
    assert any(f"{FILE_NAME}.new" in names for names in steps)
    assert any(f"{FILE_NAME}.old" in names for names in steps) == (old is None)


def test_a_conversion_cut_short_can_be_begun_again(data_dir: Path) -> None:
    path = make(data_dir, None)
    path.with_name(f"{FILE_NAME}.new").write_bytes(MARKER)
    os.link(path, path.with_name(f"{FILE_NAME}.old"))
    conversion.convert(path, None, ONE)
    assert holding_the_marker(data_dir) == []
    assert paths(data_dir, ONE) == 201
