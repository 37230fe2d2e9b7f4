from __future__ import annotations

import time
from pathlib import Path

import pytest

from prismd.cli.doctor.index import Index, is_fresh, judge, needed_bytes, read
from prismd.cli.doctor.verdict import Verdict
from prismd.config.options import Config, Models
from prismd.errors import StoreError
from prismd.store.database import FILE_NAME, Database
from prismd.store.glance import Glance
from prismd.store.stale import Stale
from tests.building import put

NOW_S = 1_800_000_000.0
OFF = Models(embedding="fake", reranking="off", generation="off", image="off", speech="off")
LARGE = (
    "CREATE TABLE large AS WITH RECURSIVE rows (n) AS"
    " (SELECT 1 UNION ALL SELECT n + 1 FROM rows WHERE n < 100000) SELECT n FROM rows"
)


@pytest.fixture
def config(data_dir: Path) -> Config:
    """With an index of one file."""
    database = Database(data_dir)
    put(database, "/files/a.txt", "The walrus.")
    database.close()
    return Config(data_dir=data_dir, models=OFF)


def found(index: Index | None) -> list[Verdict]:
    return list(judge(index, Path("/data/prism.db"), NOW_S))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_index_at_rest_is_read_and_nothing_is_made(config: Config) -> None:
    before = names(config.data_dir)
    index = read(config)
    assert index is not None
    assert index.fault is None
    assert index.held is not None
    assert sum(index.held.states.values()) == 1
    assert names(config.data_dir) == before


def test_what_still_stands_in_the_log_of_a_writer_is_read(config: Config) -> None:
    database = Database(config.data_dir)
    try:
        put(database, "/files/b.txt", "The carpenter.")
        index = read(config)
    finally:
        database.close()
    assert index is not None
    assert index.held is not None
    assert sum(index.held.states.values()) == 2


def test_without_an_index_none_is_made(data_dir: Path) -> None:
    assert read(Config(data_dir=data_dir, models=OFF)) is None
    assert is_fresh(Config(data_dir=data_dir))
    assert not data_dir.exists()
    (verdict,) = found(None)
    assert (verdict.level, verdict.detail.startswith("none yet")) == ("ok", True)


@pytest.mark.parametrize("place", [0.0, 0.5])
def test_a_damaged_index_is_told(config: Config, place: float) -> None:
    path = config.data_dir / FILE_NAME
    with path.open("r+b") as stream:
        stream.seek(int(path.stat().st_size * place) // 4096 * 4096)
        stream.write(b"\xa5" * 40_960)
    index = read(config)
    first, *_ = judge(index, path, NOW_S)
    assert first.level == "problem"
    assert "damaged" in first.detail or "no database" in first.detail
    assert first.remedy.startswith(("restore a backup, or delete it (rm ", "stop prismd and run"))


def test_an_index_of_a_newer_prismd_is_told(config: Config) -> None:
    database = Database(config.data_dir)
    database.write(lambda c: c.execute("PRAGMA user_version = 999").fetchall())
    database.close()
    index = read(config)
    (verdict,) = found(index)
    assert verdict.level == "problem"
    assert "written by a newer prismd" in verdict.detail
    assert verdict.remedy == "update prismd, or restore a backup"


def test_a_file_that_is_no_index_is_told(data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / FILE_NAME).write_text("no database at all, but a letter to an aunt" * 50)
    first, *_ = found(read(Config(data_dir=data_dir, models=OFF)))
    assert first.level == "problem"
    assert "restore a backup" in first.remedy


def test_a_fault_without_a_remedy_is_told_whole() -> None:
    (verdict,) = found(Index(fault=StoreError("it is away")))
    assert (verdict.detail, verdict.remedy) == ("it is away", "")


def test_an_index_that_is_too_large_for_a_glance_is_not_called_whole(config: Config) -> None:
    database = Database(config.data_dir)
    database.write(lambda c: c.execute(LARGE).fetchall())
    database.close()
    index = read(config, within_s=0)
    assert index is not None
    assert not index.whole
    first, *_ = found(index)
    assert first.level == "ok"
    assert first.detail.endswith("too large to be looked through here: 'prismd check' does")


def test_what_failed_and_what_is_stale_comes_with_its_command() -> None:
    held = Glance(9, {"completed": 3, "failed": 1, "quarantined": 2}, 1, 0, 0, NOW_S + 10**6)
    stale = (Stale("documents", 5, "cut in another way"),)
    told = {v.what: v for v in found(Index(held=held, stale=stale))}
    assert told["files"].detail == "6: 3 completed, 1 failed, 2 quarantined"
    assert told["failures"].detail == "3 files could not be read, 1 because prismd may not"
    assert told["failures"].remedy.startswith("'prismd errors' says why")
    assert told["stale"].remedy == "prismd reindex --stale"
    assert told["dates"].remedy.startswith("set the clock")
    assert {v.level for v in told.values()} == {"ok", "note"}


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (None, 0),
        (Index(), 0),
        (Index(size_bytes=500, held=Glance(9, {}, 0, 2000, 1000, 0)), 1000),
        (Index(size_bytes=500, held=Glance(9, {}, 0, 2000, 0, 0)), 600),
        (Index(size_bytes=10**9, held=Glance(9, {}, 0, 2000, 1, 0)), 4000),
    ],
)
def test_what_is_needed_goes_by_what_was_needed_so_far(index: Index | None, expected: int) -> None:
    assert needed_bytes(index) == expected


def test_dates_of_today_are_no_future() -> None:
    held = Glance(9, {"completed": 1}, 0, 0, 0, time.time())
    assert "dates" not in {v.what for v in judge(Index(held=held), Path("x"), time.time())}
