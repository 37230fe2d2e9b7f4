"""The daemon's log in the journal, and elsewhere."""

from __future__ import annotations

import errno
import io
import logging
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from prismd.daemon.logs import JournalFormatter, is_journal, log_to, log_uncaught
from prismd.encryption.discretion import Discreet, folder
from tests.cli.harness import COMMAND, CONFIG, Place
from tests.service.manager import stream_of


def test_the_journal_gets_priorities_and_no_times(place: Place) -> None:
    with place.daemon(env={"JOURNAL_STREAM": stream_of(place.log)}) as daemon:
        daemon.await_idle()
        daemon.stop()
    lines = place.log.read_text().splitlines()
    assert lines[-1] == "<6>stopped"
    assert all(re.match(r"<[2-7]>\S", line) for line in lines)


def test_what_keeps_it_from_starting_is_among_the_errors(place: Place) -> None:
    place.config.write_text("nonsense = 1\n")
    env = place.environment({"JOURNAL_STREAM": stream_of(place.log)})
    with place.log.open("a") as log:
        done = subprocess.run([*COMMAND, "run"], stderr=log, env=env, check=False)
    assert done.returncode == 2
    assert place.log.read_text().startswith("<3>prismd: config.toml: nonsense: unknown key")


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    """What a test does to the logging of this process is undone."""
    root = logging.getLogger()
    before = root.level, root.handlers[:]
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    levels = {name: logging.getLogger(name).level for name in ("httpx", "httpcore", "mcp")}
    yield
    logging.captureWarnings(capture=False)
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    for handler in root.handlers:
        if handler not in before[1]:
            handler.close()
    root.handlers = before[1]
    root.setLevel(before[0])
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


class Full(io.TextIOWrapper):
    """A file on a disk without room."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO())

    def write(self, text: str, /) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.usefixtures("logging_as_before")
def test_what_cannot_be_written_stands_nowhere_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log_to("info", tmp_path / "prismd.log", Discreet)
    (handler,) = logging.getLogger().handlers
    assert isinstance(handler, logging.FileHandler)
    opened = handler.setStream(Full())
    assert opened is not None
    opened.close()
    logging.getLogger("prismd.x").warning("%s: cannot be read", "/home/anna/zanzibar.pdf")
    err = capsys.readouterr().err
    assert err == "prismd: a line of the log could not be written (No space left on device)\n"


@pytest.mark.usefixtures("logging_as_before")
def test_a_line_that_cannot_be_put_together_is_told_without_its_arguments(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log_to("info", None)
    logging.getLogger("prismd.x").warning("%d files", "zanzibar.pdf")
    err = capsys.readouterr().err
    assert err == "prismd: a line of the log could not be written (TypeError)\n"


@pytest.mark.usefixtures("logging_as_before")
def test_what_nobody_catches_is_logged_without_its_words(tmp_path: Path) -> None:
    log_to("info", tmp_path / "prismd.log", Discreet)
    log_uncaught()

    class Unfinished:
        def __del__(self) -> None:
            raise KeyError("zanzibar.pdf")

    def fail() -> None:
        raise ValueError("in zanzibar.pdf")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    Unfinished()
    try:
        fail()
    except ValueError as error:
        sys.excepthook(ValueError, error, error.__traceback__)
    written = (tmp_path / "prismd.log").read_text()
    assert written.count("please report this") == 3
    assert written.count("\nValueError\n") == 2
    assert "\nKeyError\n" in written
    assert "zanzibar.pdf" not in written.replace('"in zanzibar.pdf"', "").replace(
        '"zanzibar.pdf"', ""
    )  # but for the lines of this file, which are code


@pytest.mark.usefixtures("logging_as_before")
def test_what_nobody_catches_is_told_once_where_the_log_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log_to("info", None, Discreet)
    log_uncaught()
    error = ValueError("in zanzibar.pdf")
    sys.excepthook(ValueError, error, None)
    err = capsys.readouterr().err
    assert err.count("please report this") == 1
    assert "zanzibar" not in err


def test_what_nobody_catches_is_told_to_who_started_it_where_the_log_is_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], logging_as_before: None
) -> None:
    log_to("info", tmp_path / "prismd.log", Discreet)
    log_uncaught()
    sys.excepthook(ValueError, ValueError("in zanzibar.pdf"), None)
    said = "prismd: ended by an error of its own (ValueError); please report this\n"
    assert capsys.readouterr().err == said


ENCRYPTED = """
[storage]
encryption = true
key = "file"
key_file = "{place.root}/prism.key"
"""


@pytest.mark.parametrize(
    ("more", "code", "told"),
    [
        ('[[folders]]\npath = "{place.root}/zanzibar"\n', 2, "ConfigError; the index is encrypted"),
        ('[log]\nfile = "/dev/null/zanzibar/prismd.log"\n', 1, "(Not a directory); the index is"),
        ('[search]\nlimit = "zanzibar"\n', 2, "; the index is encrypted"),
    ],
)
def test_what_keeps_an_encrypted_index_from_starting_names_no_folder(
    place: Place, more: str, code: int, told: str
) -> None:
    place.config.write_text(CONFIG + (ENCRYPTED + more).format(place=place))
    with place.log.open("a") as log:
        env = place.environment({"JOURNAL_STREAM": stream_of(place.log)})
        done = subprocess.run([*COMMAND, "run"], stderr=log, env=env, check=False)
    assert done.returncode == code
    written = place.log.read_text()
    assert "zanzibar" not in written
    last = written.splitlines()[-1]
    assert last.startswith("<3>prismd: ")
    assert told in last


def test_a_port_that_is_taken_is_told_of_an_encrypted_index_too(place: Place) -> None:
    place.config.write_text(CONFIG + ENCRYPTED.format(place=place))
    with socket.create_server(("127.0.0.1", place.port)):
        assert place.run("run", place.folder, exit_code=1).splitlines()[-1] == (
            f"prismd: port {place.port}: cannot be listened on (Address already in use); stop what"
            " uses it, or choose another with --port"
        )


@pytest.mark.parametrize("stream", ["", "1:1", "nonsense"])
def test_what_only_inherits_the_variable_writes_times(place: Place, stream: str) -> None:
    with place.daemon(env={"JOURNAL_STREAM": stream}) as daemon:
        daemon.stop()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d .* INFO stopped", place.log.read_text().splitlines()[-1])


def test_a_file_that_the_settings_name_is_no_journal(place: Place) -> None:
    named = place.root / "named" / "prismd.log"
    env = {"JOURNAL_STREAM": stream_of(place.log), "PRISMD_LOG_FILE": str(named)}
    with place.daemon(env=env) as daemon:
        daemon.stop()
    assert named.read_text().endswith("INFO stopped\n")
    assert place.log.read_text() == ""


@pytest.mark.parametrize(
    ("level", "priority"),
    [
        (logging.CRITICAL, 2),
        (logging.ERROR, 3),
        (logging.WARNING, 4),
        (logging.INFO, 6),
        (logging.DEBUG, 7),
        (5, 7),
    ],
)
def test_levels_are_priorities_of_syslog(level: int, priority: int) -> None:
    record = logging.LogRecord("a", level, __file__, 1, "one %s", ("two",), None)
    assert JournalFormatter().format(record) == f"<{priority}>one two"


def test_of_an_encrypted_index_the_journal_gets_priorities_and_no_names() -> None:
    words = "zanzibar.pdf\nis broken"
    try:
        raise ValueError(words)
    except ValueError:
        told = (folder("/home/anna/zanzibar", 3), words)
        record = logging.LogRecord("prismd.x", 40, __file__, 1, "%s: %s", told, sys.exc_info())
    lines = JournalFormatter(Discreet).format(record).splitlines()
    assert lines[0] == "<3>folder 3: …"
    assert lines[-1] == "<3>ValueError"
    assert len(lines) > 2
    assert all(line.startswith("<3>") and "zanzibar" not in line for line in lines)


def test_every_line_of_a_trace_has_the_priority() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        record = logging.LogRecord("a", 40, __file__, 1, "a fault", None, sys.exc_info())
    lines = JournalFormatter().format(record).splitlines()
    assert lines[0] == "<3>a fault"
    assert len(lines) > 3
    assert all(line.startswith("<3>") for line in lines)


def test_standard_error_may_be_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    assert not is_journal({"JOURNAL_STREAM": "1:1"})
