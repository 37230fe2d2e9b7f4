"""What is said at the first start, and to those who ask before there is anything to find."""

from __future__ import annotations

import os
import pty
import subprocess
import threading
from pathlib import Path

import msgspec
import pytest

from prismd.cli.welcome import Missing, Welcome, for_log, for_terminal, nothing_indexed
from prismd.watch.suggesting import Suggestion
from tests.building import wait_until
from tests.cli.harness import COMMAND, Place

HOME = Path("/home/anna")
WELCOME = Welcome(
    command="prismd",
    url="http://127.0.0.1:7776",
    folders=0,
    missing=(
        Missing("embedding", "bge-small-en-v1.5", 34_000_000),
        Missing("generation", "qwen2.5-coder-0.5b-instruct", 491_000_000),
        Missing("speech", "whisper", 150_000_000),
    ),
    data_dir=HOME / ".local/share/prismd",
    models_dir=Path("/models"),
    settings=HOME / ".config/prismd/config.toml",
    has_settings=False,
    home=HOME,
    suggested=(
        Suggestion(HOME / "Documents", 1200, True),
        Suggestion(HOME / "My Vault", 8000, False),
        Suggestion(Path("/data/my files")),
    ),
)


def test_a_newcomer_is_told_all_there_is_to_know() -> None:
    shown = for_terminal(WELCOME)
    for line in (
        "  prismd add ~/Documents       1,200 files",
        "  prismd add ~/'My Vault'      more than 8,000 files",
        "  prismd add '/data/my files'",
        "  prismd token --open                    lets this computer's browser in,"
        " at http://127.0.0.1:7776/",
        "  base_url  http://127.0.0.1:7776/v1",
        "  index, token  ~/.local/share/prismd",
        "  models        /models",
        "  settings      ~/.config/prismd/config.toml, if you make it",
    ):
        assert line in shown.splitlines()
    assert "alias" not in shown


def test_missing_models_come_with_what_is_lost_without_them() -> None:
    lines = [" ".join(line.split()) for line in for_terminal(WELCOME).splitlines()]
    assert "prismd models pull 184 MB; until then" in lines
    assert "- found by words only, not by meaning" in lines
    assert "- recordings are found by their names and tags" in lines
    assert (
        "prismd models pull qwen2.5-coder-0.5b-instruct 491 MB;"
        " until then answers quote your files; none are written"
    ) in lines
    complete = msgspec.structs.replace(WELCOME, missing=())
    assert "Models" not in for_terminal(complete)


def test_one_that_is_called_otherwise_says_how() -> None:
    called = msgspec.structs.replace(WELCOME, command="/opt/p/bin/prismd --data-dir '/my data'")
    shown = for_terminal(called)
    assert """  alias prismd='/opt/p/bin/prismd --data-dir '"'"'/my data'"'"''""" in shown


def test_one_with_a_folder_gets_no_suggestions() -> None:
    shown = for_terminal(msgspec.structs.replace(WELCOME, folders=1, suggested=()))
    assert "names another one" in shown
    empty = for_terminal(msgspec.structs.replace(WELCOME, suggested=()))
    assert "names the first" in empty


def test_a_name_cannot_steer_the_terminal() -> None:
    hostile = (Suggestion(HOME / "a\x1b[2Jb", 1, True),)
    assert "\x1b" not in for_terminal(msgspec.structs.replace(WELCOME, suggested=hostile))


def test_a_log_gets_a_few_lines() -> None:
    assert [str(line) for line in for_log(WELCOME)] == [
        "folders that could be read: prismd add ~/Documents; prismd add ~/'My Vault';"
        " prismd add '/data/my files'",
        "models that are not here: bge-small-en-v1.5, whisper, qwen2.5-coder-0.5b-instruct;"
        " to fetch them: prismd models pull; prismd models pull qwen2.5-coder-0.5b-instruct",
        "tools that speak to OpenAI: base_url http://127.0.0.1:7776/v1, api_key from"
        " 'prismd token', model prism",
        "all is kept in /home/anna/.local/share/prismd; models in /models",
    ]
    assert len(for_log(msgspec.structs.replace(WELCOME, missing=(), folders=1))) == 2


def test_of_an_encrypted_index_the_log_gets_no_names_of_folders() -> None:
    assert [line.discreetly for line in for_log(WELCOME)] == [
        "folders that could be read: 3; 'prismd add FOLDER' names one",
        str(for_log(WELCOME)[1]),
        str(for_log(WELCOME)[2]),
        "all is kept where the settings say",
    ]


@pytest.mark.parametrize(
    ("roots", "files", "told"),
    [([], 0, True), ([], 3, False), ([{"path": "/files"}], 0, False), (None, None, False)],
)
def test_only_who_asks_an_empty_index_is_told_so(roots: object, files: object, told: bool) -> None:
    said = nothing_indexed("prismd", {"roots": roots, "files": {"total": files}})
    assert said == ("No folder is read yet: 'prismd add ~/Documents' names one." if told else "")


def test_a_daemon_without_a_terminal_logs_it_once(place: Place) -> None:
    (place.root / "home" / "Documents").mkdir()
    (place.root / "home" / "Documents" / "a.txt").write_text("The walrus.")
    said = "folders that could be read: prismd add ~/Documents"
    with place.daemon([]) as daemon:
        wait_until(lambda: said in place.log.read_text())
        assert daemon.status()["roots"] == []
        for command in ("search walrus", "ask walrus"):
            shown = place.start(*command.split()).communicate(timeout=60)[1]
            assert "No folder is read yet: '" in shown
        assert "none yet; '" in place.run("status").splitlines()[-1]
        place.run("add", place.root / "home" / "Documents")
        daemon.await_idle()
        assert "No folder is read yet" not in place.start("search", "xyzzy").communicate()[1]
    place.log.write_text("")
    with place.daemon([]):
        pass
    assert "serving on " in place.log.read_text()
    assert "tools that speak to OpenAI" not in place.log.read_text()


def test_on_a_terminal_it_is_a_page(place: Place) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "run"], stdin=subprocess.DEVNULL, stderr=theirs, env=place.environment()
    )
    os.close(theirs)
    shown = bytearray()

    def read() -> None:
        try:
            while piece := os.read(ours, 65_536):
                shown.extend(piece)
        except OSError:  # so the end of a terminal is told on Linux
            pass

    reading = threading.Thread(target=read)
    reading.start()
    try:
        wait_until(lambda: b"finds what may be wrong" in shown)
        assert b"Welcome to prismd." in shown
        assert f"base_url  http://127.0.0.1:{place.port}/v1".encode() in shown
    finally:
        process.terminate()
        process.wait(60)
        reading.join(60)
        os.close(ours)
