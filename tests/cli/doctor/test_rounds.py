"""One check that fails or hangs spoils none of the others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

import pytest

from prismd.cli.doctor.rounds import Check, Shared, made
from prismd.cli.doctor.verdict import Verdict, for_programs, note, ok, problem
from prismd.errors import ConfigError, StoreError


def levels(*checks: Check) -> list[tuple[str, str]]:
    return [(v.what, v.level) for _, verdicts in made(checks) for v in verdicts]


def check(what: str, look: Callable[[], Iterable[Verdict]], within_s: float = 60) -> Check:
    return Check("Group", what, look, within_s)


def raises(error: Exception) -> Callable[[], Iterable[Verdict]]:
    def look() -> Iterable[Verdict]:
        raise error

    return look


def test_what_fails_is_told_and_the_others_are_made() -> None:
    broken = check("broken", raises(ZeroDivisionError("by nought")))
    well = check("well", lambda: [ok("well", "fine")])
    (_, (first,)), (_, (second,)) = made([broken, well])
    assert first == problem(
        "broken",
        "could not be looked at (ZeroDivisionError: by nought)",
        "please report this; the other checks were made",
    )
    assert second.level == "ok"


def test_what_fails_halfway_is_told() -> None:
    def look() -> Iterable[Verdict]:
        yield ok("first", "fine")
        raise OSError(5, "Input/output error")

    ((_, (found,)),) = made([check("disk", look)])
    assert "Input/output error" in found.detail
    assert found.remedy == "mend what the system says there, and ask again"


def test_what_hangs_is_left_behind() -> None:
    over = threading.Event()

    def hang() -> Iterable[Verdict]:
        over.wait()
        return []

    try:
        (_, (hung,)), (_, (well,)) = made(
            [check("hung", hang, 0.05), check("well", lambda: [ok("well", "fine")])]
        )
    finally:
        over.set()
    assert (hung.level, hung.detail) == ("problem", "no answer within 0.05 s")
    assert hung.remedy.startswith("a disk may hang")
    assert well.level == "ok"


@pytest.mark.parametrize(
    ("said", "cause", "remedy"),
    [
        ("prism.db: is damaged", "prism.db: is damaged", ""),
        ("token: is empty; delete it", "token: is empty", "delete it"),
        ("a: is locked; by b; end b", "a: is locked; by b", "end b"),
    ],
)
def test_an_error_of_ours_is_told_in_its_own_words(said: str, cause: str, remedy: str) -> None:
    ((_, (found,)),) = made([check("it", raises(StoreError(said)))])
    assert found == problem("it", cause, remedy)


def test_verdicts_come_in_the_order_of_the_checks() -> None:
    second_is_done = threading.Event()

    def late() -> Iterable[Verdict]:
        assert second_is_done.wait(60)
        return [note("first", "late")]

    def early() -> Iterable[Verdict]:
        second_is_done.set()
        return [ok("second", "early")]

    assert levels(check("first", late), check("second", early)) == [
        ("first", "note"),
        ("second", "ok"),
    ]


def test_what_is_shared_fails_for_those_alone_who_need_it() -> None:
    def look() -> int:
        raise ConfigError("it is away")

    shared = Shared(look)
    assert shared.meanwhile(60) is None
    with pytest.raises(ConfigError, match="it is away"):
        shared.needed()


def test_what_is_shared_is_not_waited_for_by_others() -> None:
    over = threading.Event()
    shared = Shared(over.wait)
    assert shared.meanwhile(0.01) is None
    over.set()
    assert shared.needed()


@pytest.mark.parametrize(
    ("verdict", "well"), [(ok("a", "b"), True), (note("a", "b"), True), (problem("a", "b"), False)]
)
def test_programs_are_told_whether_it_is_well(verdict: Verdict, well: bool) -> None:
    told = for_programs("Group", verdict)
    assert told == {
        "group": "Group",
        "what": "a",
        "level": verdict.level,
        "well": well,
        "detail": "b",
        "remedy": "",
    }
