"""The command as its users run it."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.cli.harness import COMMAND, Daemon, Place

REAL_MODEL = {"PRISMD_MODELS_EMBEDDING": "bge-small-en-v1.5", "PRISMD_MODELS_DIR": "/nowhere"}


def verdicts(
    place: Place, *, exit_code: int, env: Mapping[str, str] | None = None
) -> dict[str, Any]:
    shown = place.json("doctor", exit_code=exit_code, env=env)
    return {verdict["what"]: verdict for verdict in shown}


def tree(folder: Path) -> list[tuple[str, int]]:
    return sorted((str(path), path.stat().st_mtime_ns) for path in folder.rglob("*"))


def test_a_good_place_is_found_well_while_the_daemon_runs(indexed: Place, served: Daemon) -> None:
    found = verdicts(indexed, exit_code=0)
    assert all(verdict["well"] for verdict in found.values())
    assert found.keys() >= {"configuration", "data directory", "disk space", "daemon", "index"}
    shown = served.place.run("doctor")
    assert f"  ok  daemon            answers at {served.url} and takes the token\n" in shown
    assert "!!" not in shown
    assert served.status()["state"] == "idle"


def test_where_prismd_never_ran_nothing_is_amiss_and_nothing_is_made(place: Place) -> None:
    before = tree(place.root)
    found = verdicts(place, exit_code=0, env=REAL_MODEL)
    assert found["data directory"]["detail"] == f"{place.data_dir} (made at the first start)"
    assert found["index"]["detail"].startswith("none yet; 'prismd run FOLDER'")
    assert found["folder"]["remedy"].startswith("prismd add FOLDER")
    assert found["embedding"]["level"] == "note"
    assert tree(place.root) == before


def test_an_index_at_rest_is_left_as_it_is(indexed: Place) -> None:
    before = tree(indexed.data_dir)
    assert verdicts(indexed, exit_code=0)["files"]["detail"].startswith("6: ")
    assert tree(indexed.data_dir) == before


PULL = "run `prismd models pull bge-small-en-v1.5`"


def test_what_is_missing_is_found_with_remedies(place: Place) -> None:
    place.run("token")
    place.data_dir.chmod(0o755)
    (place.data_dir / "token").chmod(0o644)
    settings = place.config.read_text()
    place.config.write_text(f'{settings}\n[[folders]]\npath = "{place.root}/gone"\n')
    found = verdicts(place, exit_code=1, env=REAL_MODEL)
    wrong = {what: verdict["remedy"] for what, verdict in found.items() if not verdict["well"]}
    assert wrong == {
        "data directory": f"chmod 700 {place.data_dir}",
        "token": f"chmod 600 {place.data_dir}/token",
        "folder": "correct the path, or remove the folder from the configuration",
        "embedding": f"{PULL}; until then only words are found, not meaning",
    }
    shown = place.run("doctor", exit_code=1, env=REAL_MODEL)
    assert "  !!  embedding         bge-small-en-v1.5 (missing)\n" in shown
    assert f"{' ' * 24}-> {PULL}; until then" in shown
    assert "\n4 problems, " in shown


def test_a_port_that_is_taken_is_found(place: Place, served: Daemon) -> None:
    found = verdicts(place, exit_code=1, env={"PRISMD_PORT": str(served.place.port)})
    assert not found["port"]["well"]
    assert "with another data directory" in found["port"]["detail"]


def test_it_survives_what_it_looks_for(place: Place, indexed: Place) -> None:
    copied = place.root / "copied"
    shutil.copytree(indexed.data_dir, copied)
    with (copied / "prism.db").open("r+b") as stream:
        stream.write(b"\xa5" * 3_000)
    variables = {"PRISMD_DATA_DIR": str(copied), "PRISMD_SERVER_HOST": "::1"}
    found = verdicts(place, exit_code=1, env=variables)
    assert "restore a backup" in found["index"]["remedy"]
    assert found["configuration"]["well"]
    taken = place.root / "taken"
    taken.write_text("a file")
    found = verdicts(place, exit_code=1, env={"PRISMD_DATA_DIR": str(taken)})
    assert found["data directory"]["remedy"].startswith("name another with --data-dir")


def test_settings_that_are_wrong_are_told_among_the_rest(place: Place) -> None:
    place.config.write_text("[search]\nlimt = 3\n")
    found = verdicts(place, exit_code=1, env={"PRISMD_SERCH_LIMIT": "3"})
    assert found["configuration"]["detail"] == "config.toml: [search] limt: unknown key"
    assert found["configuration"]["remedy"] == 'did you mean "limit"?'
    assert found["environment"]["detail"].endswith("did you mean PRISMD_SEARCH_LIMIT?")
    assert found["SQLite"]["well"]


def test_it_is_in_colour_on_a_terminal_alone_and_not_where_none_is_wanted(place: Place) -> None:
    assert "\x1b[" not in place.run("doctor")
    assert "\x1b[32mok\x1b[0m" in on_a_terminal(place, {})
    assert "\x1b[" not in on_a_terminal(place, {"NO_COLOR": "1"})


def on_a_terminal(place: Place, env: Mapping[str, str]) -> str:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "doctor"],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        env=place.environment({"TERM": "xterm", **env}),
    )
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 65_536):
            shown += piece
    except OSError:  # so the end of a terminal is told on Linux
        pass
    finally:
        os.close(ours)
        process.wait()
    return shown.decode()
