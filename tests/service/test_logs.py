"""The daemon's log in the journal, and elsewhere."""

from __future__ import annotations

import logging
import re
import subprocess
import sys

import pytest

from prismd.discretion import Discreet, folder
from prismd.logs import JournalFormatter, is_journal
from tests.cli.harness import COMMAND, Place
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
