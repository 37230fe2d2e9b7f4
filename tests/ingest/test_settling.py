"""When a file is left alone, by how still it is and who has it open."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec
import pytest

from prismd.disk.looking import look
from prismd.ingest.settling import Settling
from prismd.store.files import Entry


class Times:
    """A clock on the wall and one that only runs on, both set by hand."""

    def __init__(self, wall_s: float) -> None:
        self.wall_s = wall_s
        self.monotonic_s = 100.0

    def settling(self) -> Settling:
        return Settling(lambda: self.wall_s, lambda: self.monotonic_s)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "a.txt"
    made.write_text("walrus")
    return made


def after(path: Path, age_s: float) -> Times:
    """So long after a file was written."""
    return Times(path.stat().st_mtime_ns / 1e9 + age_s)


def delay_s(settling: Settling, path: Path) -> float:
    return settling.delay_s(1, str(path), look(str(path)))


def test_a_file_is_left_alone_until_it_has_been_still_for_a_moment(path: Path) -> None:
    assert delay_s(after(path, 0.1).settling(), path) == pytest.approx(0.4, abs=0.01)
    assert delay_s(after(path, 0.6).settling(), path) == 0


def test_a_file_that_is_open_for_writing_is_left_alone_until_it_is_still_for_long(
    path: Path,
) -> None:
    with path.open("ab"):
        waits = [delay_s(after(path, age).settling(), path) for age in (0.6, 4.0, 20.0, 28.0)]
        assert waits == pytest.approx([0.6, 4.0, 5.0, 2.0], abs=0.01)
        assert delay_s(after(path, 30.1).settling(), path) == 0
    assert delay_s(after(path, 0.6).settling(), path) == 0


def test_a_file_of_the_past_that_was_just_made_is_not_waited_for(path: Path) -> None:
    os.utime(path, ns=(0, 1_000_000_000))
    made_s = path.stat().st_ctime_ns / 1e9
    assert delay_s(Times(made_s + 0.06).settling(), path) == 0


def test_what_could_change_and_keep_its_time_is_left_alone_until_it_cannot(path: Path) -> None:
    os.utime(path, ns=(0, 1_000_000_000))
    made_s = path.stat().st_ctime_ns / 1e9
    assert delay_s(Times(made_s + 0.02).settling(), path) == pytest.approx(0.03, abs=0.01)
    # A disk that notes every other second.
    coarse = msgspec.structs.replace(look(str(path)), mtime_ns=10**18, ctime_ns=10**18)
    for age_s, left_s in ((0.6, 1.5), (1.9, 0.2), (2.2, 0.0)):
        left = Times(10**9 + age_s).settling().delay_s(1, str(path), coarse)
        assert left == pytest.approx(left_s, abs=0.01)


def test_a_file_of_the_future_goes_by_when_it_was_given_its_time(path: Path) -> None:
    future_ns = path.stat().st_ctime_ns + 10**15
    os.utime(path, ns=(future_ns, future_ns))
    made_s = path.stat().st_ctime_ns / 1e9
    assert delay_s(Times(made_s + 0.1).settling(), path) == pytest.approx(0.4, abs=0.01)
    assert delay_s(Times(made_s + 0.6).settling(), path) == 0


def test_where_the_clock_was_set_back_a_file_is_looked_at_twice(path: Path) -> None:
    times = after(path, -3600)
    settling = times.settling()
    assert delay_s(settling, path) == 0.5
    times.monotonic_s += 0.2
    assert delay_s(settling, path) == pytest.approx(0.3)
    times.monotonic_s += 0.3
    assert delay_s(settling, path) == 0
    path.write_text("another walrus")
    assert delay_s(settling, path) == 0.5


def test_what_changes_all_the_time_is_left_alone_for_longer_and_longer(path: Path) -> None:
    settling = after(path, 10).settling()
    waits = [settling.changed(1) for _ in range(12)]
    assert waits[:4] == [0.5, 1.0, 2.0, 4.0]
    assert waits[-1] == 300
    assert {settling.changed(1) for _ in range(2_000)} == {300}
    assert settling.changed(2) == 0.5
    settling.done(1)
    assert settling.changed(1) == 0.5


def test_files_of_which_nothing_is_heard_any_more_do_not_add_up(path: Path) -> None:
    times = after(path, -3600)
    settling, entry = times.settling(), look(str(path))
    for file_id in range(30_000):
        settling.changed(file_id)
        settling.delay_s(file_id, str(path), entry)
    assert sys.getsizeof(settling._rounds) + sys.getsizeof(settling._seen) < 2_000_000
    assert len(settling._rounds) == len(settling._seen) == 10_000
    # The one that was heard of last is still known.
    assert settling.changed(29_999) == 1.0
    assert settling.changed(0) == 0.5
    times.monotonic_s += 0.2
    assert settling.delay_s(29_999, str(path), entry) == pytest.approx(0.3)


def test_a_file_that_has_gone_meanwhile_fails(tmp_path: Path) -> None:
    entry = Entry(b"/a", 1, 1, 1, 0, 0)
    with pytest.raises(FileNotFoundError):
        Settling().delay_s(1, str(tmp_path / "a.txt"), entry)
