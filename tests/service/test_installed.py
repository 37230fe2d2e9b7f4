"""What is written for a service is read back as it was meant, and so is what people write."""

from __future__ import annotations

import plistlib
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prismd.service.agent import agent_plist
from prismd.service.command import Command
from prismd.service.installed import command_of_agent, command_of_units
from prismd.service.unit import service_unit

WORDS = st.lists(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1), max_size=4
)
HOME = "/home/anna"
NAMES = st.text(string.ascii_uppercase + "_", min_size=1)


@given(WORDS, st.dictionaries(NAMES, st.text("a /%\"'\\$")))
def test_what_is_written_into_a_unit_is_read_back(
    words: list[str], environment: dict[str, str]
) -> None:
    command = Command(("/usr/bin/prismd", *words), environment)
    assert command_of_units([service_unit(command)], HOME) == command


@given(WORDS)
def test_what_is_written_into_an_agent_is_read_back(words: list[str]) -> None:
    text = agent_plist(Command(("/usr/bin/prismd", *words), {"A": "b"}), Path("/l"), sets_log=True)
    found = command_of_agent(text)
    assert found is not None
    assert found.argv == ("/usr/bin/prismd", *words)
    assert found.environment["A"] == "b"


@pytest.mark.parametrize(
    ("texts", "argv"),
    [
        (["[Service]\nExecStart=-/p --data-dir '/my data' run"], ["/p", "--data-dir", "/my data"]),
        (["[Service]\nExecStart=/p \\\n# why\n --data-dir /d run"], ["/p", "--data-dir", "/d"]),
        (["[Unit]\nExecStart=/q run\n[Service]\n;ExecStart=/q\nExecStart = /p run"], ["/p"]),
        (
            [
                "[Service]\nExecStart=/p run",
                "[Service]\nExecStart=\nExecStart=/p --data-dir /n run",
            ],
            ["/p", "--data-dir", "/n"],
        ),
        (
            ["[Service]\nExecStart=/p --data-dir %h/50%%%i run"],
            ["/p", "--data-dir", f"{HOME}/50%%i"],
        ),
    ],
)
def test_what_a_person_wrote_is_read_as_systemd_does(texts: list[str], argv: list[str]) -> None:
    found = command_of_units(texts, HOME)
    assert found is not None
    assert list(found.argv) == [*argv, "run"]


def test_drop_ins_add_variables_and_take_them_back() -> None:
    unit = '[Service]\nExecStart=/p run\nEnvironment="A=1 2" B=3'
    more, none = "[Service]\nEnvironment=A=4", "[Service]\nEnvironment="
    added = command_of_units([unit, more], HOME)
    emptied = command_of_units([unit, none, more], HOME)
    assert added is not None
    assert emptied is not None
    assert added.environment == {"A": "4", "B": "3"}
    assert emptied.environment == {"A": "4"}


def test_what_else_a_person_wrote_is_nobody_elses_business() -> None:
    more = "[Service]\nStatusText=don't\nExecReload=/bin/sh -c 'unclosed"
    found = command_of_units(["[Service]\nExecStart=/p run", more], HOME)
    assert found == Command(("/p", "run"), {})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[Service]",
        "[Service]\nExecStart=",
        "[Service]\nExecStart=/p 'unclosed",
        "\0",
        "<plist>",
    ],
)
def test_of_what_says_nothing_nothing_is_made(text: str) -> None:
    assert command_of_units([text], HOME) is None
    assert command_of_agent(text) is None


@pytest.mark.parametrize(
    "agent", [[], {}, {"ProgramArguments": "run"}, {"ProgramArguments": []}, {"Label": "x"}]
)
def test_an_agent_without_a_command_is_none(agent: Any) -> None:
    assert command_of_agent(plistlib.dumps(agent).decode()) is None
