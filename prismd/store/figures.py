"""What the index and the library behind it are like, for reports of faults; not what it holds."""

from __future__ import annotations

import apsw
from msgspec import Struct

_COUNTED = ("roots", "files", "jobs", "documents", "spaces", "obstacles")
"""Tables of which counting the rows takes milliseconds."""
_NUMBERED = ("passages", "embeddings", "citations")
"""Tables of which it takes long: their highest number has to do."""
_PRAGMAS = (
    *("user_version", "page_size", "page_count", "freelist_count", "journal_mode", "synchronous"),
    *("cache_size", "mmap_size", "auto_vacuum"),
)


class Figures(Struct, frozen=True):
    """What the database is like.

    Attributes:
        sqlite: Version of the library.
        apsw: Version of what Python speaks to it by.
        sqlite_vec: Version of the extension for vectors.
        compile_options: With which the library was built.
        pragmas: How the file is laid out and used, as one of the readers has it.
        rows: Rows by table.
        highest_ids: The highest number ever given, of tables that take long to count.
    """

    sqlite: str
    apsw: str
    sqlite_vec: str
    compile_options: tuple[str, ...]
    pragmas: dict[str, int | str]
    rows: dict[str, int]
    highest_ids: dict[str, int]


def figures(connection: apsw.Connection) -> Figures:
    """What the database is like now; takes milliseconds, however large it is."""
    return Figures(
        sqlite=apsw.sqlite_lib_version(),
        apsw=apsw.apsw_version(),
        sqlite_vec=str(_one(connection, "SELECT vec_version()")),
        compile_options=apsw.compile_options,
        pragmas={name: _plain(connection.pragma(name)) for name in _PRAGMAS},
        rows={name: int(_one(connection, f"SELECT count(*) FROM {name}")) for name in _COUNTED},
        highest_ids={
            name: int(_one(connection, f"SELECT max(rowid) FROM {name}") or 0) for name in _NUMBERED
        },
    )


def _one(connection: apsw.Connection, query: str) -> int | str:
    row = connection.execute(query).fetchone()
    assert row is not None  # noqa: S101 - each of them has one row
    return _plain(row[0])


def _plain(value: apsw.SQLiteValue) -> int | str:
    return value if isinstance(value, int) else str(value or "")
