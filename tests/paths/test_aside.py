"""Which folder in memory is taken, and what is said of one that is full."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prismd.paths import aside
from prismd.paths.aside import Place, candidates, choose, in_memory, is_safe, place_of, shortage

SHARED = Path("/dev/shm")
linux = pytest.mark.skipif(sys.platform != "linux", reason="folders in memory are Linux's")


def place(point: str, total_bytes: int, free_bytes: int = 0, *, in_memory: bool = True) -> Place:
    return Place(Path(point, "x"), Path(point), in_memory, total_bytes, free_bytes)


places = st.lists(
    st.builds(
        place,
        st.sampled_from(["/run/user/1000", "/tmp", "/dev/shm"]),
        st.integers(0, 400),
        st.integers(0, 400),
    )
)


@given(places, st.integers(0, 400))
def test_the_first_with_room_is_taken_and_the_largest_where_none_has(
    given_places: list[Place], room_bytes: int
) -> None:
    found = choose(iter(given_places), room_bytes)
    roomy = [each for each in given_places if each.total_bytes >= room_bytes]
    if not given_places:
        assert found is None
    elif roomy:
        assert found is roomy[0]
    else:
        assert found is not None
        assert found.total_bytes == max(each.total_bytes for each in given_places)


@given(places, st.integers(0, 400), st.data())
def test_what_is_free_at_the_moment_changes_nothing(
    given_places: list[Place], room_bytes: int, data: st.DataObject
) -> None:
    later = [each._replace(free_bytes=data.draw(st.integers(0, 400))) for each in given_places]
    before, after = choose(given_places, room_bytes), choose(later, room_bytes)
    assert (before and before.folder) == (after and after.folder)


def test_what_the_user_names_comes_first_and_the_session_before_the_system() -> None:
    found = candidates({"TMPDIR": "/mine", "XDG_RUNTIME_DIR": "/run/user/7"})
    session = Path("/run/user", str(os.getuid()))
    assert found == [Path("/mine"), Path("/run/user/7"), session, Path("/tmp"), SHARED]
    assert candidates({"TMPDIR": "", "XDG_RUNTIME_DIR": str(session)}) == [
        session,
        Path("/tmp"),
        SHARED,
    ]


@linux
def test_a_folder_is_known_to_be_in_memory_or_on_a_disk(tmp_path: Path) -> None:
    shared = place_of(SHARED / "none" / "such")
    assert shared.in_memory
    assert shared.point == SHARED
    assert shared.total_bytes >= shared.free_bytes > 0
    if not (disk := place_of(tmp_path)).in_memory:  # where /tmp is no tmpfs
        assert disk.folder == tmp_path
        assert disk.total_bytes > 0


@linux
def test_what_grows_as_long_as_there_is_memory_has_room_for_anything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result((4096, 4096, *[0] * 8)))
    grown = place_of(SHARED)
    assert grown.total_bytes == grown.free_bytes == aside.WITHOUT_LIMIT
    assert choose([grown], 1 << 60) is grown


@linux
def test_what_is_not_there_or_on_a_disk_or_open_to_others_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    found = list(in_memory([tmp_path / "missing", file, Path("/proc"), SHARED]))
    assert [each.folder for each in found] == [SHARED]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    made = tmp_path / "base"
    made.mkdir()
    yield made
    made.chmod(0o700)


@pytest.mark.parametrize(
    ("mode", "safe"),
    [(0o700, True), (0o755, True), (0o1777, True), (0o777, False), (0o775, True)],
    ids=oct,
)
def test_nobody_else_can_put_theirs_in_the_place_of_ours(
    folder: Path, mode: int, safe: bool
) -> None:
    os.chown(folder, -1, os.getegid())  # not that of the folder above, as on macOS
    folder.chmod(mode)
    assert is_safe(folder) == safe


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_a_folder_of_another_user_or_of_a_group_is_not_safe(folder: Path) -> None:
    folder.chmod(0o770)
    os.chown(folder, 0, 12345)
    assert not is_safe(folder)
    os.chown(folder, 12345, 0)
    folder.chmod(0o777 | 0o1000)
    assert not is_safe(folder)


def test_a_full_folder_in_memory_is_told_as_what_it_is() -> None:
    found = shortage(place("/dev/shm", 67_108_864))
    assert found.code == "memory_full"
    assert str(found).startswith("/dev/shm is full: 67 MB of memory, ")
    assert "; enlarge /dev/shm (in a container by shm_size), or set TMPDIR to " in str(found)
    other = shortage(place("/run/user/7", 1_600_000_000))
    assert "/run/user/7 is full: 1.6 GB of memory" in other.cause
    assert "shm_size" not in other.remedy
    assert "any amount" in shortage(place("/ram", aside.WITHOUT_LIMIT)).cause


def test_a_full_disk_is_told_as_one() -> None:
    found = shortage(place("/", 1, in_memory=False))
    assert found.code == "disk_full"
    assert str(found) == "the disk is full, and reading needs some room in /x; free some disk space"
