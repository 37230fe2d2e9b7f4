"""Numbered ``.sql`` files bring an older file to this program's schema.

Each runs in a transaction together with its ``PRAGMA user_version``, after a backup.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path

import apsw

from prismd.errors import StoreError
from prismd.store import snapshot

_NAME = re.compile(r"(\d{4})_\w+\.sql")


def scripts() -> Iterator[tuple[int, str]]:
    """Every migration as (version, SQL), in order."""
    folder = resources.files("prismd.store") / "migrations"
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if match := _NAME.fullmatch(entry.name):
            yield int(match[1]), entry.read_text(encoding="utf-8")


def newest() -> int:
    """The schema version that this program writes."""
    return max(version for version, _ in scripts())


def migrate(connection: apsw.Connection, path: Path, known: Sequence[tuple[int, str]] = ()) -> None:
    """Bring the file to the newest schema, with a backup first where there is anything to lose.

    Args:
        connection: The write connection.
        path: Its file; the backup is put beside it.
        known: Versions with their SQL, in order; without any, those of this program.

    Raises:
        StoreError: The file was written by a newer program.
    """
    known = known or list(scripts())
    found = connection.pragma("user_version")
    _refuse_newer(found, path, known[-1][0])
    pending = [(version, sql) for version, sql in known if version > found]
    if pending and found > 0:
        backup = path.with_name(f"{path.stem}.before-{pending[-1][0]:04}.db")
        backup.unlink(missing_ok=True)
        snapshot.write(connection, backup)
    for version, sql in pending:
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.execute(sql)
            connection.execute(f"PRAGMA user_version = {version}")
        except BaseException:
            # A full disk may have rolled back already.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


def require_current(connection: apsw.Connection) -> None:
    """Refuse to read a file of another schema.

    Raises:
        StoreError: The file is newer, or older and not yet migrated.
    """
    path = Path(connection.filename)
    found = connection.pragma("user_version")
    _refuse_newer(found, path, newest())
    if found < newest():
        raise StoreError(f"{path}: made by an older prismd; start 'prismd run' once to update it")


def _refuse_newer(found: int, path: Path, known: int) -> None:
    if found > known:
        raise StoreError(
            f"{path}: written by a newer prismd (schema {found}, this one knows {known}); "
            "update prismd, or restore a backup"
        )
