"""``status`` in words."""

from __future__ import annotations

import pytest

from prismd.cli.status import faults


@pytest.mark.parametrize(
    ("fault", "config_fault", "told"),
    [
        ("", "", []),
        ("the disk is full", "", ["the disk is full"]),
        ("no such folder", "no such folder", ["no such folder"]),
        ("the disk is full", "no such folder", ["the disk is full", "no such folder"]),
    ],
)
def test_every_fault_is_told_once(fault: str, config_fault: str, told: list[str]) -> None:
    assert faults({"fault": fault, "config_fault": config_fault}) == told
