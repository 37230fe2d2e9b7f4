from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import pytest
from msgspec.structs import replace

from prismd.tray.cited import Cited
from prismd.tray.menu import SEPARATOR, Action, Entry, menu_of, shape
from prismd.tray.standing import AWAY, STARTING, Standing, standing_of, unfollowed
from tests.tray.statuses import FAULTY, IDLE, INDEXING, paused, unread

ALL = [
    AWAY,
    STARTING,
    unfollowed("why"),
    *(standing_of(status, 0) for status in (IDLE, INDEXING, FAULTY, paused(), unread(1, 1))),
    standing_of(paused("schedule", "on battery"), 0),
]


def actions(entries: Sequence[Entry]) -> Iterator[Action]:
    for entry in entries:
        yield from actions(entry.under) if entry.under else [entry.action]


def offered(standing: Standing, *, configured: bool = True) -> set[Action]:
    return set(actions(menu_of(standing, configured=configured))) - {""}


def test_a_running_daemon_can_be_paused_in_three_ways_and_stopped() -> None:
    assert offered(standing_of(IDLE, 0)) == {
        "page",
        "pause-15m",
        "pause-1h",
        "pause",
        "rescan",
        "configuration",
        "log",
        "stop",
        "quit",
    }


def test_what_a_person_has_paused_can_be_resumed_and_not_paused_again() -> None:
    found = offered(standing_of(paused(), 0))
    assert "resume" in found
    assert not found & {"pause", "pause-15m", "pause-1h", "resume-now"}


def test_against_the_schedule_one_goes_on_by_saying_so() -> None:
    found = offered(standing_of(paused("schedule", "on battery"), 0))
    assert {"resume-now", "pause"} <= found
    assert "resume" not in found


def test_without_a_daemon_only_what_needs_none_is_offered() -> None:
    assert offered(AWAY) == {"start", "configuration", "log", "quit"}
    assert offered(STARTING) == {"configuration", "log", "quit"}


def test_a_daemon_that_cannot_be_followed_runs_and_can_be_stopped() -> None:
    assert offered(unfollowed("why")) == {"configuration", "log", "stop", "quit"}


def test_without_a_file_the_settings_are_shown_by_the_page() -> None:
    assert offered(standing_of(IDLE, 0), configured=False) >= {"settings"}
    assert "configuration" not in offered(standing_of(IDLE, 0), configured=False)
    assert offered(AWAY, configured=False) == {"start", "log", "quit"}


def test_errors_are_offered_with_their_number_where_there_are_any() -> None:
    texts = [entry.text for entry in menu_of(standing_of(unread(1, 1), 0), configured=True)]
    assert "2 files with errors…" in texts
    assert "errors" not in offered(standing_of(IDLE, 0))


@pytest.mark.parametrize("standing", ALL)
def test_every_menu_begins_with_how_it_stands_and_ends_with_quitting(standing: Standing) -> None:
    menu = menu_of(standing, configured=True)
    assert menu[0].text.lower() == standing.line.lower()
    assert menu[0].action == ""
    assert menu[-1] == Entry("Quit this icon", "quit")
    assert sum(entry.default for entry in menu) <= 1
    assert all(SEPARATOR not in pair or pair[0] != pair[1] for pair in itertools.pairwise(menu))


def test_a_click_opens_what_runs_and_starts_what_does_not() -> None:
    for standing, action in ((standing_of(IDLE, 0), "page"), (AWAY, "start")):
        assert [e.action for e in menu_of(standing, configured=True) if e.default] == [action]


def test_the_file_in_hand_and_a_note_are_only_to_be_read() -> None:
    menu = menu_of(standing_of(INDEXING, 0), configured=True, note="No menu")
    assert [(entry.text, entry.action) for entry in menu[:3]] == [
        ("312 of 1,204 files, about 4 min left", ""),
        ("Lease.pdf: extracting 2 of 8 (and 1 more)", ""),
        ("No menu", ""),
    ]


def test_a_long_line_is_told_in_several_and_the_longest_is_cut() -> None:
    why = "the prismd that answers has another token; " * 3 + "stop it, and start it again"
    menu = menu_of(unfollowed(why), configured=True)
    told = [entry.text for entry in menu[: menu.index(SEPARATOR)]]
    assert " ".join(told).lower() == why
    assert max(map(len, told)) <= 70
    [*lines, last] = [e.text for e in menu_of(unfollowed("x" * 500), configured=True)[:4]]
    assert {len(text) for text in lines} == {70}
    assert last.endswith("…")


def test_figures_do_not_change_the_shape_of_a_menu_and_choices_do() -> None:
    standing = standing_of(INDEXING, 0)
    before = menu_of(standing, configured=True)
    later = menu_of(replace(standing, line="313 of 1,204 files", in_hand="b"), configured=True)
    assert before != later
    assert shape(before) == shape(later)
    assert shape(before) != shape(menu_of(standing_of(paused(), 0), configured=True))
    assert shape(before) != shape(menu_of(replace(standing, unread=1), configured=True))


def test_what_was_cited_is_offered_by_name_and_its_coming_is_no_new_shape() -> None:
    lease = Cited("ab12", "/home/a/lease.pdf", "page 3")
    menu = menu_of(standing_of(IDLE, 0), configured=True, cited=[lease])
    [under] = [entry.under for entry in menu if entry.text == "Files of recent answers"]
    assert under == (Entry("lease.pdf, page 3", "cited", "ab12"),)
    other = menu_of(standing_of(IDLE, 0), configured=True, cited=[replace(lease, path="/b.txt")])
    assert shape(menu) == shape(other)
    assert menu != other
    assert "cited" not in offered(standing_of(IDLE, 0))
    assert "cited" not in set(actions(menu_of(AWAY, configured=True, cited=[lease])))
