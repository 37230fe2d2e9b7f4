from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

from prismd.cli.doctor.place import (
    judge_clock,
    judge_fault,
    judge_mount,
    judge_room,
    look_at_clock,
    look_at_directory,
    look_at_disk,
    probe,
)
from prismd.cli.doctor.verdict import Verdict
from prismd.config.options import Config


@pytest.fixture
def private(data_dir: Path) -> Path:
    """A data directory as prismd makes it."""
    data_dir.mkdir(mode=0o700)
    return data_dir


def put(path: Path, content: str = "content", mode: int = 0o600) -> Path:
    path.write_text(content)
    path.chmod(mode)
    return path


def amiss(path: Path) -> dict[str, Verdict]:
    return {v.what: v for v in look_at_directory(path) if v.level != "ok"}


def test_a_place_of_ones_own_is_well_and_stays_as_it_is(private: Path) -> None:
    put(private / "prism.db")
    put(private / "token", "prism-abc\n")
    before = private.stat().st_mtime_ns
    assert amiss(private) == {}
    assert sorted(path.name for path in private.iterdir()) == ["prism.db", "token"]
    if hasattr(os, "O_TMPFILE"):  # a file without a name changes no folder
        assert private.stat().st_mtime_ns == before


def test_one_that_will_be_made_is_not_made_yet(data_dir: Path) -> None:
    (verdict,) = look_at_directory(data_dir / "deep" / "down")
    assert (verdict.level, verdict.detail.endswith("(made at the first start)")) == ("ok", True)
    assert not data_dir.exists()


@pytest.mark.parametrize(
    ("log", "where"), [("file/prismd.log", "file"), ("folder", "folder"), ("new/prismd.log", "")]
)
def test_a_log_that_cannot_be_written_is_told(private: Path, log: str, where: str) -> None:
    put(private.parent / "file")
    (private.parent / "folder").mkdir()
    path = private.parent / log
    found = [v for v in look_at_directory(private, path) if v.level != "ok"]
    told = f"{path}: cannot be written at {private.parent / where}"
    assert [(v.what, v.detail) for v in found] == ([("log", told)] if where else [])


@pytest.mark.parametrize("inner", ["", "within"])
def test_a_file_in_its_place_is_told(data_dir: Path, inner: str) -> None:
    put(data_dir)
    found = amiss(data_dir / inner)["data directory"]
    assert found.detail.endswith(f"{data_dir} is a file, and no folder")
    assert found.remedy == "name another with --data-dir, or data_dir in the configuration"


def test_one_that_others_may_enter_is_told(tmp_path: Path) -> None:
    open_to_all = tmp_path / "my data"
    open_to_all.mkdir()
    open_to_all.chmod(0o755)
    found = amiss(open_to_all)["data directory"]
    assert found.detail == f"{open_to_all}: others can look into it"
    assert found.remedy == f"chmod 700 '{open_to_all}'"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give folders away")
def test_one_of_another_user_is_told(private: Path) -> None:
    os.chown(private, 65534, 65534)
    found = amiss(private)["data directory"]
    assert found.remedy == f"sudo chown -R {os.geteuid()} {private}"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_one_that_cannot_be_written_is_told(private: Path) -> None:
    private.chmod(0o500)
    try:
        found = amiss(private)["data directory"]
    finally:
        private.chmod(0o700)
    assert found.remedy.startswith(f"allow yourself to write to {private}")


@pytest.mark.parametrize(
    ("name", "what"), [("prism.db", "files"), ("prism.before-0009.db", "files"), ("token", "token")]
)
def test_a_file_that_others_may_read_is_told(private: Path, name: str, what: str) -> None:
    path = put(private / name, mode=0o644)
    assert amiss(private)[what].remedy == f"chmod 600 {path}"


def test_a_log_that_others_may_read_is_told(private: Path, tmp_path: Path) -> None:
    log = put(tmp_path / "prismd.log", mode=0o640)
    (found,) = (v for v in look_at_directory(private, log) if v.level != "ok")
    assert found.remedy == f"chmod 600 {log}"
    assert {v.level for v in look_at_directory(private, tmp_path / "none.log")} == {"ok"}


def test_a_folder_in_the_place_of_a_file_is_told(private: Path) -> None:
    (private / "prism.db").mkdir()
    found = amiss(private)["prism.db"]
    assert found.detail.endswith("prism.db: is no file")
    assert found.remedy.startswith("move it away: mv ")


@pytest.mark.parametrize(("content", "cause"), [("", "is empty"), ("tökén", "holds no token")])
def test_a_token_that_is_none_is_told(private: Path, content: str, cause: str) -> None:
    path = put(private / "token", content)
    found = amiss(private)["token"]
    assert cause in found.detail
    assert found.remedy.endswith(f"rm {path}")


def test_a_disk_that_does_what_sqlite_needs_is_well(private: Path) -> None:
    assert probe(private) is None
    assert list(private.iterdir()) == []


def test_a_disk_that_takes_no_files_is_told() -> None:
    fault = probe(Path("/proc/self") if Path("/proc/self").is_dir() else Path("/dev"))
    assert fault is not None
    assert fault[0]


@pytest.mark.parametrize(
    ("number", "cause", "remedy"),
    [
        (errno.ENOSPC, "its disk is full", "free some space, or name another"),
        (errno.EDQUOT, "its disk is full", "free some space, or name another"),
        (errno.EROFS, "its disk is read-only", "make it writable again"),
        (errno.ENOLCK, "its disk knows no locks (", "name another with --data-dir"),
    ],
)
def test_what_a_disk_cannot_do_is_told(number: int, cause: str, remedy: str) -> None:
    found = judge_fault("its disk knows no locks", OSError(number, os.strerror(number)))
    assert found[0].startswith(cause)
    assert found[1].startswith(remedy)


def test_a_network_disk_is_no_place_for_the_index() -> None:
    (found,) = judge_mount(Path("/net/data"), silent=True)
    assert found.level == "problem"
    assert found.remedy.endswith("one on a disk of this computer")
    assert list(judge_mount(Path("/data"), silent=False)) == []


@pytest.mark.parametrize(
    ("free", "needed", "level"),
    [(10**10, 0, "ok"), (10**9, 0, "note"), (10**10, 10**11, "problem"), (0, 0, "note")],
)
def test_room_is_judged_by_what_is_to_come(free: int, needed: int, level: str) -> None:
    found = judge_room(Path("/data"), free, needed)
    assert found.level == level
    assert bool(found.remedy) == (level != "ok")


def test_room_is_looked_for_where_the_directory_will_be(data_dir: Path) -> None:
    (found,) = look_at_disk(Config(data_dir=data_dir / "deep"), 10**18)
    assert found.level == "problem"
    assert str(data_dir.parent) in found.detail


@pytest.mark.parametrize(
    ("now", "built", "skew", "level", "remedy"),
    [
        (2e9, 1e9, 0.0, "ok", ""),
        (1e9, 2e9, 0.0, "problem", "set it (sudo timedatectl set-ntp true)"),
        (2e9, 1e9, 3600.0, "note", "let both go by the same time"),
        (2e9, 1e9, -3600.0, "note", "let both go by the same time"),
    ],
)
def test_a_clock_is_held_against_what_is_known(
    now: float, built: float, skew: float, level: str, remedy: str
) -> None:
    found = judge_clock(now, built, skew)
    assert found.level == level
    assert found.remedy.startswith(remedy)


def test_the_clock_of_this_machine_is_that_of_its_disk(private: Path) -> None:
    old = put(private / "program")
    os.utime(old, (time.time() - 3600, time.time() - 3600))
    (found,) = look_at_clock(Config(data_dir=private), old)
    assert found.level == "ok"
    (found,) = look_at_clock(Config(data_dir=private / "none"), old)
    assert found.level == "ok"
