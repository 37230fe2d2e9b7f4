from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prismd.tray.standing import Standing, standing_of, time_left, unfollowed
from tests.tray.statuses import FAULTY, FULL_DISK, IDLE, INDEXING, paused, unread

NOON = datetime(2026, 3, 4, 12, 0).timestamp()
HOUR_S = 3_600


@pytest.mark.parametrize(
    ("status", "mood", "line"),
    [
        (IDLE, "idle", "up to date, 1,204 files"),
        (INDEXING, "indexing", "312 of 1,204 files, about 4 min left"),
        ({**INDEXING, "eta_s": None}, "indexing", "312 of 1,204 files"),
        (
            {**IDLE, "state": "indexing", "passages_embedded": 8999},
            "indexing",
            "1 passage to embed",
        ),
        ({**IDLE, "state": "indexing"}, "indexing", "looking for changes"),
        ({**INDEXING, "state": "starting"}, "starting", "starting"),
        (paused(), "paused", "paused"),
        (paused(until=NOON + 3.5 * HOUR_S), "paused", "paused until 15:30"),
        (paused(until=NOON + 24 * HOUR_S), "paused", "paused until 2026-03-05 12:00"),
        (paused("schedule", "on battery"), "paused", "paused (on battery)"),
        (FAULTY, "attention", FULL_DISK["message"]),
        ({**paused(), "fault": "full"}, "attention", "full"),
    ],
)
def test_how_it_stands_is_said_in_one_line(status: dict[str, Any], mood: str, line: str) -> None:
    standing = standing_of(status, NOON)
    assert (standing.mood, standing.line) == (mood, line)
    assert standing.title == f"prismd: {line}"
    assert standing.reachable


def test_the_file_in_hand_is_named_without_its_folder() -> None:
    standing = standing_of(INDEXING, NOON)
    assert standing.in_hand == "Lease.pdf: extracting 2 of 8 (and 1 more)"
    assert standing_of(IDLE, NOON).in_hand == ""


def test_a_name_that_would_steer_the_menu_is_shown_harmlessly() -> None:
    current = [{**INDEXING["current"][1], "path": "/home/a/\x1b]0;b\n\udcff.txt"}]
    shown = standing_of({**INDEXING, "current": current}, NOON).in_hand
    assert ".txt" in shown
    assert all(character.isprintable() for character in shown)
    shown.encode()


def test_files_that_failed_and_that_were_given_up_are_counted_together() -> None:
    assert standing_of(unread(2, 3), NOON).unread == 5


def test_who_has_paused_it_is_known() -> None:
    assert standing_of(IDLE, NOON).held_by == ""
    assert standing_of(paused(), NOON).held_by == "you"
    assert standing_of(paused("schedule", "x"), NOON).held_by == "schedule"


def test_a_long_fault_is_cut_for_the_title_only() -> None:
    standing = unfollowed("x" * 1000)
    assert len(standing.line) == 1000
    assert len(standing.title) == 160
    assert standing.title.endswith("x…")


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.2, "less than a minute left"),
        (59.9, "less than a minute left"),
        (60, "about 1 min left"),
        (3599, "about 60 min left"),
        (3600, "about 1 h left"),
        (2 * HOUR_S - 1, "about 2 h left"),
        (2.2 * HOUR_S, "about 2 h 15 min left"),
        (48 * HOUR_S, "about 2 days left"),
    ],
)
def test_time_left_is_told_no_more_exactly_than_it_is_known(seconds: float, told: str) -> None:
    assert time_left(seconds) == told


@settings(deadline=None)  # the machine may be busy
@given(st.floats(0.001, 1e9))
def test_any_time_left_can_be_told(seconds: float) -> None:
    assert time_left(seconds).endswith(" left")
    assert " 60 min" not in time_left(seconds) or seconds < HOUR_S


def test_a_daemon_that_cannot_be_followed_wants_attention() -> None:
    assert unfollowed("why") == Standing("attention", "why", reachable=False)


def test_of_an_encrypted_index_no_file_is_named() -> None:
    standing = standing_of({**INDEXING, "encrypted": True}, NOON)
    assert standing.in_hand == "A file: extracting 2 of 8 (and 1 more)"
    assert "Lease" in standing_of(INDEXING, NOON).in_hand
