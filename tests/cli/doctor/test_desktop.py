"""What doctor says of a desktop, as far as there is one."""

from __future__ import annotations

import os

import pytest

from prismd.cli.doctor.desktop import _probed, judge, look


def test_without_a_desktop_nothing_is_said() -> None:
    assert list(look({})) == []
    assert list(look({"DISPLAY": "", "WAYLAND_DISPLAY": ""})) == []
    assert list(look({"DISPLAY": ":0"}, "darwin")) == []


@pytest.mark.parametrize("name", ["DISPLAY", "WAYLAND_DISPLAY"])
def test_a_desktop_that_does_not_answer_is_a_note(name: str) -> None:
    kept = {key: value for key, value in os.environ.items() if "DISPLAY" not in key}
    (found,) = look({**kept, name: ":4242"}, "linux")
    assert (found.what, found.level) == ("tray icon", "note")
    assert found.detail.startswith("no icon can be shown here")
    assert found.remedy


def test_a_toolkit_that_ends_the_process_is_a_note() -> None:
    aborts = "import os, sys; print('X error', file=sys.stderr, flush=True); os.abort()"
    code, said = _probed(os.environ, aborts)
    assert code < 0
    found = judge(code, said)
    assert (found.level, found.detail) == ("note", "could not be looked for (X error)")
    assert judge(1, "").detail == "could not be looked for (code 1)"


def test_an_icon_that_can_be_shown_is_well_or_may_be_better() -> None:
    assert judge(0, "").level == "ok"
    found = judge(0, "for a menu, install x")
    assert (found.level, found.remedy) == ("note", "for a menu, install x")
    assert judge(3, "no panel; add one, then log in").remedy == "add one, then log in"
