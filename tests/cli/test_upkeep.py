"""``token``, ``check``, ``backup``, ``config`` and ``models``."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import pytest

from prismd.store import files
from prismd.store.database import Database
from tests.cli.harness import Place


@pytest.fixture
def copied(indexed: Place, tmp_path: Path) -> Path:
    """A data directory of its own with the index of the sample."""
    copy = tmp_path / "data"
    shutil.copytree(indexed.data_dir, copy)
    return copy


def damage(path: Path, start: int) -> None:
    with path.open("r+b") as stream:
        stream.seek(start)
        stream.write(b"\xa5" * 3_000)


def test_the_token_is_made_once_and_private(place: Place) -> None:
    first, second = place.run("token"), place.run("token")
    assert first == second
    assert first.startswith("prism-")
    assert stat.S_IMODE((place.data_dir / "token").stat().st_mode) == 0o600
    assert stat.S_IMODE(place.data_dir.stat().st_mode) == 0o700


def test_a_clean_index_is_well(indexed: Place) -> None:
    assert indexed.run("check") == "All is well.\n"
    assert indexed.json("check", "--no-repair") == []


def test_a_file_that_is_no_database_is_told_without_a_trace(indexed: Place, copied: Path) -> None:
    damage(copied / "prism.db", 0)
    variables = {"PRISMD_DATA_DIR": str(copied)}
    for said in indexed.run_at_once([["status"], ["index"]], exit_code=1, env=variables):
        assert f"{copied}/prism.db: " in said
    said = indexed.run("check", exit_code=1, env=variables)
    assert "restore a backup, or delete the file and run 'prismd index'" in said


def test_a_damaged_page_is_found(indexed: Place, copied: Path) -> None:
    path = copied / "prism.db"
    damage(path, path.stat().st_size // 2)
    said = indexed.run("check", "--no-repair", exit_code=1, env={"PRISMD_DATA_DIR": str(copied)})
    assert said.strip()
    assert "All is well" not in said


def test_what_cannot_be_mended_ends_with_1(indexed: Place, copied: Path) -> None:
    database = Database(copied)
    database.write(lambda c: c.execute("DELETE FROM embeddings").fetchall())
    database.close()
    command = ["check", "--no-repair"]
    said = indexed.run(*command, exit_code=1, env={"PRISMD_DATA_DIR": str(copied)})
    assert "(not mended)" in said


def test_a_backup_opens_and_holds_everything(indexed: Place, tmp_path: Path) -> None:
    copy = tmp_path / "copy" / "prism.db"
    copy.parent.mkdir()
    assert indexed.run("backup", copy).startswith(f"{copy}: ")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    database = Database(copy.parent, writable=False)
    try:
        assert database.read(files.counts) == {"completed": 4, "failed": 1, "skipped": 1}
    finally:
        database.close()


def test_a_backup_overwrites_nothing(indexed: Place, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    said = indexed.run("backup", precious, exit_code=1)
    assert said == f"prismd: {precious}: exists already; name a file that does not\n"
    assert precious.read_text() == "mine"


# Settings


def test_settings_are_shown_with_their_sources(place: Place) -> None:
    flag = place.root / "elsewhere"
    shown = place.run("--data-dir", flag, "config", "show", env={"PRISMD_SEARCH_LIMIT": "7"})
    lines = {line.split()[0]: line for line in shown.splitlines()}
    assert lines["data_dir"].endswith(f'"{flag}"   (flag)')
    assert lines["search.limit"].endswith("7   (environment PRISMD_SEARCH_LIMIT)")
    assert lines["models.embedding"].endswith(f'"fake"   ({place.config})')
    assert lines["index.max_file_mb"].endswith("  100")
    rows = {row["key"]: row for row in place.json("config", "show")}
    assert rows["index.workers"] == {
        "key": "index.workers",
        "value": 1,
        "source": str(place.config),
    }
    assert rows["search.limit"]["source"] == "default"


def test_the_configuration_file_is_named_even_where_there_is_none(place: Place) -> None:
    assert place.run("config", "path") == f"{place.config}\n"
    path = place.run("config", "path", env={"PRISMD_CONFIG": ""}).strip()
    assert path.startswith(str(place.root / "home"))
    assert not Path(path).exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[search]\nlimt = 3\n", '[search] limt: unknown key; did you mean "limit"?'),
        ('[search]\nlimit = "many"\n', '[search] limit: "many" given; give a whole number'),
        ("[search\n", "not valid TOML"),
    ],
)
def test_a_wrong_setting_names_file_and_key(place: Place, text: str, said: str) -> None:
    place.config.write_text(text)
    shown = place.run("status", exit_code=2)
    assert place.config.name in shown
    assert said in shown


# Models


def test_models_are_listed_with_what_one_wants_to_know(place: Place) -> None:
    rows = {row["name"]: row for row in place.json("models", "list")}
    assert rows["bge-small-en-v1.5"].keys() == {
        *("name", "role", "state", "size_bytes", "memory_bytes", "languages", "licence", "note")
    }
    assert rows["bge-small-en-v1.5"]["role"] == "embedding"
    assert {row["state"] for row in rows.values()} == {"missing"}
    assert "bge-small-en-v1.5" in place.run("models", "list")


def test_a_model_of_ones_own_is_added_and_removed(place: Place) -> None:
    weights = place.root / "mine.gguf"
    weights.write_bytes(b"GGUF" + bytes(60))
    assert "added for generation" in place.run("models", "add", "mine", weights)
    rows = {row["name"]: row for row in place.json("models", "list")}
    assert rows["mine"]["role"] == "generation"
    assert place.run("models", "remove", "mine") == "mine: removed\n"
    assert weights.exists()
    assert "mine" not in {row["name"] for row in place.json("models", "list")}


def test_an_unknown_model_is_told(place: Place) -> None:
    commands = [["models", "pull", "bogus"], ["models", "remove", "bogus"]]
    for said in place.run_at_once(commands, exit_code=1):
        assert "bogus" in said
    assert "does not exist" in place.run("models", "add", "bogus", "/nowhere", exit_code=2)
