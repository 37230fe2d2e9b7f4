"""Kept responses: found, chained, forgotten; limited in age, number and size."""

from __future__ import annotations

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prismd.store import migrate, responses
from prismd.store.database import Database
from prismd.store.responses import KeptResponse, Retention

DAY_S = 86_400.0
NOW = 1_000 * DAY_S
MANY = Retention(age_s=30 * DAY_S, count=100)


def made(name: str, previous: str = "", at: float = NOW, body: bytes = b"{}") -> KeptResponse:
    return KeptResponse(f"resp_{name}", at, "prism", previous and f"resp_{previous}", b"[]", body)


def keep(database: Database, *kept: KeptResponse, retention: Retention = MANY) -> None:
    for response in kept:
        database.write(lambda c, r=response: responses.keep(c, r, retention))  # type: ignore[misc]


def chain(database: Database, name: str, since: float = 0.0) -> list[str]:
    found = database.read(lambda c: responses.chain(c, f"resp_{name}", since))
    return [response.id.removeprefix("resp_") for response in found]


def known(database: Database, names: str, since: float = 0.0) -> str:
    return "".join(
        name
        for name in names
        if database.read(lambda c, n=name: responses.find(c, f"resp_{n}", since))  # type: ignore[misc]
    )


def test_what_is_kept_is_found_as_it_was(database: Database) -> None:
    response = made("a", "z", body=b'{"text":"\xc3\xa9"}')
    keep(database, response)
    assert database.read(lambda c: responses.find(c, "resp_a", 0.0)) == response
    assert database.read(lambda c: responses.find(c, "resp_b", 0.0)) is None
    assert database.read(lambda c: responses.find(c, "a' OR 1=1 --", 0.0)) is None


def test_a_conversation_is_its_chain_the_oldest_first(database: Database) -> None:
    keep(database, made("a"), made("b", "a"), made("c", "b"), made("d", "b"))
    assert chain(database, "c") == ["a", "b", "c"]
    assert chain(database, "d") == ["a", "b", "d"]
    assert chain(database, "a") == ["a"]
    assert chain(database, "x") == []


def test_a_conversation_whose_beginning_is_gone_begins_later(database: Database) -> None:
    keep(database, made("a"), made("b", "a"), made("c", "b"))
    assert database.write(lambda c: responses.delete(c, "resp_a"))
    assert not database.write(lambda c: responses.delete(c, "resp_a"))
    assert chain(database, "c") == ["b", "c"]


def test_a_circle_ends(database: Database) -> None:
    keep(database, made("a", "c"), made("b", "a"), made("c", "b"), made("d", "d"))
    assert chain(database, "c") == ["a", "b", "c"]
    assert chain(database, "d") == ["d"]


def test_a_long_conversation_is_cut_at_its_beginning(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(database, made("0"), *(made(str(n), str(n - 1)) for n in range(1, 9)))
    monkeypatch.setattr(responses, "_CHAIN", 3)
    assert chain(database, "8") == ["6", "7", "8"]
    monkeypatch.setattr(responses, "_CHAIN_BYTES", 9)
    assert chain(database, "8") == ["7", "8"]
    monkeypatch.setattr(responses, "_CHAIN_BYTES", 1)
    assert chain(database, "8") == ["8"]  # the one that was named is always there


def test_the_oldest_go_when_there_are_too_many(database: Database) -> None:
    retention = Retention(age_s=30 * DAY_S, count=3)
    keep(database, *map(made, "abcde"), retention=retention)
    assert known(database, "abcde") == "cde"


def test_the_oldest_go_when_they_are_too_large(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(responses, "_KEPT_BYTES", 100)
    keep(database, *(made(name, body=b"x" * 40) for name in "abcd"))
    assert known(database, "abcd") == "cd"
    keep(database, made("e", body=b"x" * 200))
    assert known(database, "abcde") == ""


def test_what_is_too_old_is_gone_before_it_is_dropped(database: Database) -> None:
    keep(database, made("a", at=NOW - 40 * DAY_S), made("b", "a", at=NOW - 20 * DAY_S))
    assert known(database, "ab", NOW - 30 * DAY_S) == "b"
    assert chain(database, "b", NOW - 30 * DAY_S) == ["b"]
    assert known(database, "ab") == "ab"
    assert database.write(lambda c: responses.prune(c, MANY, NOW)) == 1
    assert known(database, "ab") == "b"
    assert database.write(lambda c: responses.prune(c, MANY, NOW)) == 0


@pytest.mark.parametrize("retention", [Retention(age_s=0, count=9), Retention(age_s=9, count=0)])
def test_what_is_not_to_be_kept_is_not(database: Database, retention: Retention) -> None:
    keep(database, made("a"), retention=retention)
    assert known(database, "a") == ""


@given(
    links=st.lists(st.integers(min_value=-1, max_value=11), max_size=12),
    start=st.integers(min_value=0, max_value=11),
)
def test_any_web_of_links_is_followed_back_once(links: list[int], start: int) -> None:
    names = {f"{n}": f"{link}" if link >= 0 else "" for n, link in enumerate(links)}
    expected: list[str] = []
    name = f"{start}"
    while name in names and name not in expected:
        expected.append(name)
        name = names[name]
    connection = apsw.Connection(":memory:")
    connection.execute(next(sql for _, sql in migrate.scripts() if "TABLE responses" in sql))
    for one, previous in names.items():
        responses.keep(connection, made(one, previous), MANY)
    found = responses.chain(connection, f"resp_{start}", 0.0)
    connection.close()
    assert [response.id.removeprefix("resp_") for response in found] == expected[::-1]
