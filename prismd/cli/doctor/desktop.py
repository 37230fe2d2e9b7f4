"""The desktop: whether an icon of ``prismd tray`` can be shown on it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping

from prismd.cli.doctor.verdict import Verdict, note, ok

_WHAT = "tray icon"
_WITHIN_S = 15.0
_NO_SCREEN = 3
_PROBE = f"""\
from prismd.tray.backend import NoScreen, backend, need_host
try:
    chosen = backend()
    need_host(chosen)
    print(chosen.remedy)
except NoScreen as error:
    print(error)
    raise SystemExit({_NO_SCREEN}) from None
"""
_AWAY = "'prismd tray' cannot be had here; all else works without it"


def look(env: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Iterator[Verdict]:
    """See whether the desktop shows icons; says nothing where there is no desktop."""
    if platform != "darwin" and (env.get("DISPLAY") or env.get("WAYLAND_DISPLAY")):
        yield judge(*_probed(env))


def _probed(env: Mapping[str, str], code: str = _PROBE) -> tuple[int, str]:
    """What is found in a process of its own: toolkits end the process, or hang, as they please.

    Returns:
        Its exit code, and the last of what it says.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", code],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_WITHIN_S,
            check=False,
            env=dict(env),
        )
    except subprocess.TimeoutExpired:
        return _NO_SCREEN, f"the screen does not answer within {_WITHIN_S:g} s"
    said = done.stdout.decode("utf-8", "replace").strip()
    if done.returncode not in (0, _NO_SCREEN):
        said = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
    return done.returncode, said


def judge(code: int, said: str) -> Verdict:
    """What is to be said of what was found. Pure.

    Args:
        code: 0 where an icon can be shown.
        said: What would make it better, or why none can be shown.
    """
    if code == 0:
        return note(_WHAT, "can be shown", said) if said else ok(_WHAT, "can be shown")
    if code != _NO_SCREEN:
        return note(_WHAT, f"could not be looked for ({said or f'code {code}'})", _AWAY)
    cause, _, remedy = said.partition("; ")
    return note(_WHAT, cause, remedy or _AWAY)
