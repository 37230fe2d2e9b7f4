"""What of a file can be compared, and conditions on it as SQL."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal

import apsw
import msgspec

from prismd.domain import AttributeValue, Combination, Comparison, Condition
from prismd.store import dates

_SURROGATE = re.compile("[\ud800-\udfff]")
_UP_TO_NAME = "rtrim(f.path, replace(f.path, '/', ''))"
"""A path up to its last slash: what is cut off is whatever the path has besides slashes."""

_OPERATORS: Mapping[str, str] = {
    "eq": "=",
    "ne": "IS NOT",
    "gt": ">",
    "gte": ">=",
    "lt": "<",
    "lte": "<=",
}


class _Attribute(msgspec.Struct, frozen=True):
    """How a value is had of ``files f LEFT JOIN documents d``; NULL where a file has none."""

    sql: str
    kind: Literal["text", "number", "time"] = "text"


_ATTRIBUTES: Mapping[str, _Attribute] = {
    "file_id": _Attribute("'file-' || f.id"),
    "filename": _Attribute(f"substr(f.path, length({_UP_TO_NAME}) + 1)"),
    "path": _Attribute("f.path"),
    # The number in an upload's path is ours alone.
    "folder": _Attribute(
        f"CASE WHEN f.path LIKE '/%' THEN nullif(rtrim({_UP_TO_NAME}, '/'), '') ELSE 'uploads' END"
    ),
    "type": _Attribute("d.type"),
    "media_type": _Attribute("nullif(coalesce(d.media_type, f.media_type), '')"),
    "language": _Attribute("nullif(d.language, '')"),
    "title": _Attribute("nullif(d.title, '')"),
    "sha256": _Attribute("f.sha256"),
    "size_bytes": _Attribute("f.size_bytes", "number"),
    "modified_at": _Attribute("f.mtime_ns / 1e9", "time"),
    "indexed_at": _Attribute("f.indexed_at", "time"),
}

NAMES = tuple(_ATTRIBUTES)
"""What files have; times are seconds since the epoch, and may be compared with ISO dates."""

Values = dict[str, str | float]


def of_files(connection: apsw.Connection, file_ids: Sequence[int]) -> dict[int, Values]:
    """The attributes of files, exactly as conditions see them; what one does not have is not there.

    Args:
        connection: Any connection to the file.
        file_ids: Those that are gone are left out.
    """
    columns = ", ".join(attribute.sql for attribute in _ATTRIBUTES.values())
    rows = connection.execute(
        f"SELECT f.id, {columns} FROM files f LEFT JOIN documents d ON d.id = f.document_id"
        " WHERE f.id IN (SELECT value FROM json_each(?))",
        (msgspec.json.encode(list(file_ids)).decode(),),
    )
    return {
        int(row[0]): {
            name: value for name, value in zip(NAMES, row[1:], strict=True) if value is not None
        }
        for row in rows
    }


def compiled(condition: Condition) -> tuple[str, list[str | float]]:
    """A condition as SQL over ``files f LEFT JOIN documents d``, with the values to bind.

    Nothing of the condition is part of the SQL but the choice among our own words.

    Raises:
        RequestError: A text that is held against a time is no date.
    """
    if isinstance(condition, Combination):
        parts = [compiled(part) for part in condition.parts]
        joined = f" {condition.operator.upper()} ".join(sql for sql, _ in parts)
        return f"({joined})", [value for _, values in parts for value in values]
    return _compared(condition)


def _compared(comparison: Comparison) -> tuple[str, list[str | float]]:
    attribute = _ATTRIBUTES.get(comparison.key)
    differs = comparison.operator in ("ne", "nin")
    # SQLite would make a number of a text, and the other way round: only kinds of one sort meet.
    values = [] if attribute is None else list(_fitting(comparison, attribute))
    if attribute is None or not values:
        return ("1" if differs else "0"), []
    if comparison.operator in ("in", "nin"):
        marks = ", ".join("?" * len(values))
        found = f"coalesce({attribute.sql} IN ({marks}), 0)"
        return (f"NOT {found}" if differs else found), values
    return f"{attribute.sql} {_OPERATORS[comparison.operator]} ?", values


def _fitting(comparison: Comparison, attribute: _Attribute) -> list[str | float]:
    fitting: list[str | float] = []
    for value in comparison.values:
        if isinstance(value, bool):
            continue
        if isinstance(value, str) and attribute.kind == "time":
            fitting.append(dates.nanoseconds(value, f"filters.{comparison.key}") / 1e9)
        elif isinstance(value, str) == (attribute.kind == "text"):
            fitting.append(storable(value) if isinstance(value, str) else float(value))
    return fitting


def storable(value: AttributeValue) -> str:
    """A value as text that a path, as it is shown, can hold."""
    return _SURROGATE.sub("\ufffd", str(value))
