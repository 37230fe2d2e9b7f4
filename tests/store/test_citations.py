from __future__ import annotations

import pytest

from prismd.domain import Citation, TextLocator
from prismd.store import citations
from prismd.store.database import Database


def made(number: int, quote: str = "A quote.") -> Citation:
    return Citation(
        n=1,
        citation_id=f"{number:024x}",
        file_id="file-1",
        path="/d/a.txt",
        sha256="s",
        type="text",
        title="A",
        locator=TextLocator(1, 1, 0, 8),
        quote=quote,
        char_start=0,
        char_end=8,
        score=1.0,
        support="exact",
        url="",
        thumbnail="",
    )


def keep(database: Database, citation: Citation) -> None:
    database.write(lambda c: citations.keep(c, citation, 0, 8))


def known(database: Database, numbers: range) -> list[int]:
    return [
        number
        for number in numbers
        if database.read(lambda c, n=number: citations.find(c, f"{n:024x}")) is not None  # type: ignore[misc]
    ]


def test_what_is_handed_out_again_is_not_old(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(citations, "_KEPT", 5)
    for number in range(5):
        keep(database, made(number))
    for _ in range(3):
        keep(database, made(0, "Said anew."))
    assert known(database, range(9)) == [0, 1, 2, 3, 4]
    keep(database, made(5))
    assert known(database, range(9)) == [0, 2, 3, 4, 5]
    kept = database.read(lambda c: citations.find(c, f"{0:024x}"))
    assert kept is not None
    assert kept.quote == "Said anew."
