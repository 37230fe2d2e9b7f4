"""Responses that were given, with what was asked: private, limited in age and number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import apsw
import msgspec

from prismd.store.erasing import overwriting

_COLUMNS = "id, created_at, model, previous_id, input, response"
_KEPT_BYTES = 256 << 20
"""What all of them together may take, pictures that came with questions included."""
_CHAIN = 200
_CHAIN_BYTES = 16 << 20


class KeptResponse(msgspec.Struct, frozen=True):
    """A response.

    Attributes:
        created_at: Seconds since the epoch.
        previous_id: The response that it goes on from, which may be gone; empty for none.
        input: JSON list of the items that it answers.
        response: JSON object, as it was sent.
    """

    id: str
    created_at: float
    model: str
    previous_id: str
    input: bytes
    response: bytes


class Retention(msgspec.Struct, frozen=True):
    """How long responses are kept, and how many; 0 of either keeps none."""

    age_s: float
    count: int


def keep(connection: apsw.Connection, response: KeptResponse, retention: Retention) -> None:
    """Keep a response, and drop what is too old by its time, or too much."""
    values = (
        response.id,
        response.created_at,
        response.model,
        response.previous_id or None,
        response.input,
        response.response,
    )
    with overwriting(connection):
        connection.execute(f"INSERT INTO responses ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)", values)
    prune(connection, retention, response.created_at)


def prune(connection: apsw.Connection, retention: Retention, now: float) -> int:
    """Drop what is too old or too much, the oldest first; returns how many were dropped.

    Args:
        connection: For writing.
        retention: What may stay.
        now: Seconds since the epoch.
    """
    before = connection.total_changes()
    with overwriting(connection):
        connection.execute("DELETE FROM responses WHERE created_at <= ?", (now - retention.age_s,))
        connection.execute(
            "DELETE FROM responses WHERE number IN (SELECT number FROM (SELECT number,"
            " row_number() OVER newest AS place,"
            " sum(length(input) + length(response)) OVER newest AS bytes"
            " FROM responses WINDOW newest AS (ORDER BY number DESC))"
            " WHERE place > ? OR bytes > ?)",
            (retention.count, _KEPT_BYTES),
        )
    return connection.total_changes() - before


def find(connection: apsw.Connection, id_: str, since: float) -> KeptResponse | None:
    """A response by its id, or None.

    Args:
        connection: For reading.
        id_: Of the response.
        since: Older ones count as gone, seconds since the epoch.
    """
    row: Any = connection.execute(
        f"SELECT {_COLUMNS} FROM responses WHERE id = ? AND created_at > ?", (id_, since)
    ).fetchone()
    return None if row is None else _response(row)


def chain(connection: apsw.Connection, id_: str, since: float) -> list[KeptResponse]:
    """A response and those before it, the oldest first; empty where there is no such response.

    A long conversation is cut at its beginning, and one whose beginning is gone begins later.
    """
    found = list(_back(connection, id_, since))
    return found[::-1]


def delete(connection: apsw.Connection, id_: str) -> bool:
    """Forget a response; says whether there was one."""
    with overwriting(connection):
        connection.execute("DELETE FROM responses WHERE id = ?", (id_,))
        return connection.changes() > 0


def clear(connection: apsw.Connection) -> None:
    """Forget every response."""
    with overwriting(connection):
        connection.execute("DELETE FROM responses")


def drop_naming(connection: apsw.Connection, values: Sequence[str]) -> int:
    """Forget responses in which a value stands, with those that go on from them.

    Args:
        connection: For writing.
        values: Each as a whole string of the JSON that is kept; ASCII that needs no escape.

    Returns:
        How many were dropped.
    """
    stands = " OR ".join("instr(input, ?) OR instr(response, ?)" for _ in values)
    coded = [f'"{value}"'.encode() for value in values for _ in range(2)]
    with overwriting(connection):
        connection.execute(
            f"WITH RECURSIVE gone (id) AS (SELECT id FROM responses WHERE {stands} UNION"
            " SELECT later.id FROM responses later JOIN gone ON later.previous_id = gone.id)"
            " DELETE FROM responses WHERE id IN (SELECT id FROM gone)",
            coded,
        )
        return int(connection.changes())


def _back(connection: apsw.Connection, id_: str, since: float) -> Iterator[KeptResponse]:
    seen: set[str] = set()
    size_bytes = 0
    while id_ and id_ not in seen and len(seen) < _CHAIN:
        seen.add(id_)
        response = find(connection, id_, since)
        if response is None:
            return
        size_bytes += len(response.input) + len(response.response)
        if size_bytes > _CHAIN_BYTES and len(seen) > 1:
            return
        yield response
        id_ = response.previous_id


def _response(row: Any) -> KeptResponse:
    id_, created_at, model, previous_id, input_, response = row
    return KeptResponse(id_, created_at, model, previous_id or "", input_, response)
