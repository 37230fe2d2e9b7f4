"""``status`` in words."""

from __future__ import annotations

import pytest

from prismd import __version__
from prismd.cli.standing import faults, overtaken


def test_a_running_prismd_of_another_version_is_to_be_started_anew() -> None:
    assert list(overtaken(__version__, running=True)) == []
    assert list(overtaken("0.0.1", running=False)) == []
    (line,) = overtaken("0.0.1", running=True)
    assert line.startswith(f"restart    prismd {__version__} is installed")


@pytest.mark.parametrize(
    ("messages", "config_fault", "told"),
    [
        ([], "", []),
        (["the disk is full"], "", ["the disk is full"]),
        ([], "no such folder", ["no such folder"]),
        (
            ["the disk is full", "the model fails", "the disk is full"],
            "no such folder",
            ["the disk is full", "the model fails", "no such folder"],
        ),
    ],
)
def test_every_fault_is_told_once(messages: list[str], config_fault: str, told: list[str]) -> None:
    of_parts = [{"part": "reading", "message": message} for message in messages]
    assert faults({"faults": of_parts, "config_fault": config_fault}) == told
