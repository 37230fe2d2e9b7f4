from __future__ import annotations

import os
import subprocess
import sys

import pytest

from prismd.tray.backend import NoScreen, backend

linux = pytest.mark.skipif(sys.platform == "darwin", reason="on a Mac there is always a screen")


@linux
def test_without_a_screen_the_person_is_told_what_to_do_instead() -> None:
    with pytest.raises(NoScreen, match=r"neither DISPLAY nor WAYLAND_DISPLAY .*status --follow"):
        backend({})


def probed(env: dict[str, str]) -> str:
    """What is found in a process of its own: GTK cannot be had anew with another screen."""
    code = (
        "from prismd.tray.backend import backend, NoScreen\n"
        "try:\n    print(backend())\n"
        "except NoScreen as error:\n    print('no screen:', error)\n"
    )
    kept = {name: value for name, value in os.environ.items() if "DISPLAY" not in name}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**kept, **env},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout


@linux
@pytest.mark.parametrize("name", ["DISPLAY", "WAYLAND_DISPLAY"])
@pytest.mark.parametrize("value", [":4242", ":97531", "nowhere.invalid:0", "//", "\udcff"])
def test_a_screen_that_does_not_answer_is_none(name: str, value: str) -> None:
    assert probed({name: value}).startswith("no screen: no icon can be shown here; ")


def test_looking_for_a_way_loads_nothing_of_the_daemon() -> None:
    code = "import prismd.tray.running, sys; print(*{name for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"litestar", "uvicorn", "apsw", "numpy", "pystray", "gi", "Xlib", "PIL"}
