"""``token``, ``check``, ``backup``, ``config``, ``doctor`` and ``models``."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from prismd.cli.doctor import cause_and_remedy
from prismd.errors import StoreError
from prismd.store import files
from prismd.store.database import Database
from tests.cli.harness import Daemon, Place

NO_MODELS = {"PRISMD_MODELS_EMBEDDING": "bge-small-en-v1.5"}


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


# Doctor


def verdicts(
    place: Place, *, exit_code: int, env: Mapping[str, str] | None = None
) -> dict[str, Any]:
    shown = place.json("doctor", exit_code=exit_code, env=env)
    return {verdict["what"]: verdict for verdict in shown}


def test_the_doctor_finds_a_good_place_well(indexed: Place, served: Daemon) -> None:
    found = verdicts(indexed, exit_code=0)
    assert all(verdict["well"] and not verdict["remedy"] for verdict in found.values())
    assert found.keys() >= {"configuration", "data directory", "disk space", "daemon", "index"}
    shown = served.place.run("doctor")
    assert f"ok  daemon: answers at {served.url}" in shown
    assert "!!" not in shown


def test_the_doctor_finds_what_is_missing_with_remedies(place: Place) -> None:
    place.run("token")
    place.data_dir.chmod(0o755)
    (place.data_dir / "token").chmod(0o644)
    settings = place.config.read_text()
    place.config.write_text(f'{settings}\n[[folders]]\npath = "{place.root}/gone"\n')
    found = verdicts(place, exit_code=1, env=NO_MODELS)
    wrong = {what: verdict["remedy"] for what, verdict in found.items() if not verdict["well"]}
    assert wrong == {
        "data directory": f"chmod 700 {place.data_dir}",
        "token": "'chmod 600' it, or delete it for a new one",
        "folder": "correct the path, or remove the folder from the configuration",
        "embedding": "run `prismd models pull bge-small-en-v1.5`",
    }
    shown = place.run("doctor", exit_code=1, env=NO_MODELS)
    assert "!!  embedding: bge-small-en-v1.5 (missing)" in shown
    assert "      run `prismd models pull bge-small-en-v1.5`" in shown


def test_the_doctor_finds_a_port_that_is_taken(place: Place, served: Daemon) -> None:
    found = verdicts(place, exit_code=1, env={"PRISMD_PORT": str(served.place.port)})
    assert not found["port"]["well"]
    assert "used by another program" in found["port"]["detail"]


def test_the_doctor_survives_what_it_looks_for(place: Place, copied: Path) -> None:
    damage(copied / "prism.db", 0)
    found = verdicts(
        place, exit_code=1, env={"PRISMD_DATA_DIR": str(copied), "PRISMD_SERVER_HOST": "::1"}
    )
    assert "restore a backup" in found["index"]["remedy"]
    taken = place.root / "taken"
    taken.write_text("a file")
    found = verdicts(place, exit_code=1, env={"PRISMD_DATA_DIR": str(taken)})
    assert found["data directory"]["remedy"] == "name another with --data-dir"


@pytest.mark.parametrize(
    ("said", "cause", "remedy"),
    [
        ("prism.db: is damaged", "prism.db: is damaged", ""),
        ("token: is empty; delete it", "token: is empty", "delete it"),
        ("a: is locked; by b; end b", "a: is locked; by b", "end b"),
    ],
)
def test_the_doctor_tells_every_cause_whether_a_remedy_is_known_or_not(
    said: str, cause: str, remedy: str
) -> None:
    assert cause_and_remedy(StoreError(said)) == (cause, remedy)


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
