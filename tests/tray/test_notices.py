from __future__ import annotations

from typing import Any

import msgspec

from prismd.tray.notices import Told, news
from tests.tray.statuses import FAULTY, FULL_DISK, IDLE, unread

MISSING = {"name": "bge", "state": "missing", "detail": "'prismd models pull bge' fetches it"}


def told_in_turn(*statuses: dict[str, Any]) -> list[tuple[str, ...]]:
    """The notices of each of some statuses that follow one another."""
    told, found = Told(), []
    for status in statuses:
        notices, told = news(status, told)
        found.append(notices)
    return found


def test_where_all_is_well_nothing_is_told() -> None:
    assert told_in_turn(IDLE) == [()]


def test_a_trouble_is_told_once_and_again_when_it_comes_back() -> None:
    said = (FULL_DISK["message"],)
    assert told_in_turn(FAULTY, FAULTY, IDLE, FAULTY) == [said, (), (), said]


def test_other_words_for_the_same_trouble_are_no_news() -> None:
    other = {**FULL_DISK, "message": "the disk is still full"}
    assert told_in_turn(FAULTY, {**FAULTY, "faults": [other]})[1] == ()


def test_what_two_parts_say_alike_is_told_once() -> None:
    both = [FULL_DISK, {**FULL_DISK, "part": "embedding"}]
    assert told_in_turn({**FAULTY, "faults": both}) == [(FULL_DISK["message"],)]


def test_files_are_told_of_when_more_were_given_up_than_before() -> None:
    first, same, more, fewer, again = told_in_turn(
        unread(5, 1), unread(9, 1), unread(0, 3), unread(0, 1), unread(0, 2)
    )
    assert first[0].startswith("1 file could not be read")
    assert same == ()
    assert more[0].startswith("2 files could not be read")
    assert fewer == ()
    assert again[0].startswith("1 file could not be read")


def test_a_model_is_told_of_only_where_nothing_stands_in_for_it() -> None:
    (notices,) = told_in_turn({**IDLE, "models": {"embedding": MISSING}})
    assert notices == ("bge is missing; 'prismd models pull bge' fetches it",)
    assert told_in_turn({**IDLE, "models": {"generation": MISSING}}) == [()]
    broken = {"name": "bge", "state": "error", "detail": "its file is damaged; pull it anew"}
    assert told_in_turn({**IDLE, "models": {"embedding": broken}}) == [
        ("only words are found: bge is error; its file is damaged; pull it anew",)
    ]


def test_a_wrong_configuration_is_told() -> None:
    assert told_in_turn({**IDLE, "config_fault": "config.toml: no table"}) == [
        ("config.toml: no table",)
    ]


def test_what_was_told_is_kept_without_a_word_of_it() -> None:
    _, told = news({**FAULTY, "config_fault": "/home/a/secret.toml: wrong"}, Told())
    kept = msgspec.json.encode(told)
    assert b"secret" not in kept
    assert b"disk" not in kept
    assert msgspec.json.decode(kept, type=Told) == told
    assert news(FAULTY, msgspec.json.decode(kept, type=Told))[0] == ()
