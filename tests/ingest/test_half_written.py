"""Files that are still being written: no version is ever stored that was not a whole one."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from prismd.store.check import check
from prismd.watch import Sweeper
from tests.building import Indexer, wait_until
from tests.ingest.passes import LONG

OLD = f"The old version. {LONG}"
NEW = f"The new version. {LONG}"
pytestmark = pytest.mark.slow
LOCK = ",user,machine,01.01.2024 12:00;"


@contextlib.contextmanager
def watching(indexer: Indexer) -> Iterator[set[str]]:
    """Look and read all the time, as hastily as can be; gives every hash that was ever stored."""
    stored: set[str] = set()
    ended = threading.Event()
    for statement in (
        "CREATE TEMP TABLE stored (sha256 TEXT PRIMARY KEY)",
        "CREATE TEMP TRIGGER storing AFTER INSERT ON documents BEGIN"
        " INSERT OR IGNORE INTO stored VALUES (new.sha256); END",
    ):
        indexer.database.write(lambda c, sql=statement: c.execute(sql).fetchall())  # type: ignore[misc]
    sweeper = Sweeper(indexer.database, indexer.root, indexer.rules)
    with indexer.ingesting() as ingest:

        def look() -> None:
            while not ended.wait(0.05):
                sweeper.sweep()
                ingest.wake()

        looking = threading.Thread(target=look)
        looking.start()
        try:
            yield stored
            wait_until(ingest.idle)
        finally:
            ended.set()
            looking.join()
        sweeper.sweep()
        ingest.wake()
        wait_until(ingest.idle)
    rows = indexer.database.write(lambda c: c.execute("SELECT sha256 FROM stored").fetchall())
    stored.update(str(row[0]) for row in rows)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


WRITER = """
import sys, time
text = sys.stdin.read()
piece = len(text) // 5 + 1
with open(sys.argv[1], "w") as file:
    for number in range(5):
        file.write(text[number * piece :][:piece])
        file.flush()
        time.sleep(0.15 if number % 2 else 0.7)
"""
"""Pauses for less, and for longer, than a file must have been still to be read."""


def write_slowly(path: Path, text: str) -> None:
    """Write a file piece by piece, with pauses, in a process of its own."""
    command = [sys.executable, "-c", WRITER, str(path)]
    subprocess.run(command, input=text, text=True, check=True)


def by_vim(path: Path) -> None:
    """Swap file; the old one becomes the backup, the new one is written in its place."""
    swap, backup = path.with_name(f".{path.name}.swp"), path.with_name(f"{path.name}~")
    swap.write_text("b0VIM 9.0")
    path.rename(backup)
    path.write_text(NEW)
    backup.unlink()
    swap.unlink()


def by_gedit(path: Path) -> None:
    """A hidden file beside it, synchronised, put in its place."""
    beside = path.with_name(".goutputstream-A1B2C3")
    beside.write_text(NEW)
    beside.replace(path)


def by_vscode(path: Path) -> None:
    """Truncated and written in place."""
    with path.open("r+") as file:
        file.truncate()
        file.flush()
        file.write(NEW)


def by_libreoffice(path: Path) -> None:
    """A lock file while it is open; a new file put in its place."""
    lock = path.with_name(f".~lock.{path.name}#")
    lock.write_text(LOCK)
    beside = path.with_name("lu1234abcd.tmp")
    beside.write_text(NEW)
    beside.replace(path)
    lock.unlink()


def by_emacs(path: Path) -> None:
    """An autosaved file, a lock that is a broken link, and a copy of the old one as backup."""
    autosaved, lock = path.with_name(f"#{path.name}#"), path.with_name(f".#{path.name}")
    lock.symlink_to("user@machine.1234:1")
    autosaved.write_text(NEW[:40])
    path.with_name(f"{path.name}~").write_text(path.read_text())
    path.write_text(NEW)
    autosaved.unlink()
    lock.unlink()


def by_rsync(path: Path) -> None:
    """A hidden file of a made-up name, given the time of its source, put in its place."""
    beside = path.with_name(f".{path.name}.Xy12Zw")
    write_slowly(beside, NEW)
    os.utime(beside, (1_500_000_000, 1_500_000_000))
    beside.replace(path)


def by_download(path: Path) -> None:
    """A file of another name for as long as it is incomplete."""
    beside = path.with_name(f"{path.name}.part")
    write_slowly(beside, NEW)
    beside.replace(path)


def by_chrome(path: Path) -> None:
    """As ``by_download``, by another name."""
    beside = path.with_name("Unconfirmed 123456.crdownload")
    write_slowly(beside, NEW)
    beside.replace(path)


def by_slow_copy(path: Path) -> None:
    """Written in place, for seconds."""
    write_slowly(path, NEW)


def by_appending(path: Path) -> None:
    """Truncated, left so for a moment, and then written."""
    with path.open("w") as file:
        file.flush()
        threading.Event().wait(0.8)
        file.write(NEW)


@pytest.mark.parametrize(
    "save",
    [
        *(by_vim, by_gedit, by_vscode, by_libreoffice, by_emacs, by_rsync, by_download),
        *(by_chrome, by_slow_copy, by_appending),
    ],
)
def test_only_whole_versions_are_ever_stored(
    indexer: Indexer, save: Callable[[Path], None]
) -> None:
    path = indexer.write("report.txt", OLD)
    with watching(indexer) as stored:
        wait_until(lambda: indexer.states() == {"report.txt": ("completed", "")})
        save(path)
        wait_until(lambda: indexer.texts().get("report.txt") == NEW)
    assert stored == {sha256(OLD), sha256(NEW)}
    assert indexer.texts() == {"report.txt": NEW}
    assert check(indexer.database, repair=False) == []
