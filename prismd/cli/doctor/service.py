"""The service that starts prismd, as far as it is installed."""

from __future__ import annotations

from collections.abc import Iterator

from prismd.cli.doctor.verdict import Verdict, note, ok, problem
from prismd.cli.service import AT_BOOT, in_words, waits_at_boot
from prismd.config.options import Config
from prismd.running import Waiting
from prismd.service.base import Standing
from prismd.service.unit import address

_WHAT = "service"
_INSTALL = "prismd service install"


def judge(standing: Standing) -> Iterator[Verdict]:
    """What is to be said of how it stands. Pure."""
    if not standing.is_installed:
        yield ok(_WHAT, f"none; prismd runs when it is started by hand, or by '{_INSTALL}'")
        return
    told = in_words(standing)
    if standing.state == "failed":
        yield problem(_WHAT, told, "'prismd service logs' says why; then: prismd service restart")
    elif standing.state == "unknown":
        yield note(_WHAT, told, "log in as this user, by ssh or at the screen, and ask again")
    elif standing.state == "stopped":
        yield note(_WHAT, told, "prismd service start")
    else:
        yield ok(_WHAT, told)
    if standing.is_outdated:
        again = f"{_INSTALL} --socket" if standing.listens else _INSTALL
        detail = "it was installed by another version, or with other options than are given here"
        yield note(_WHAT, detail, f"{again}, if it is to be as here")


def judge_boot(standing: Standing, config: Config) -> Iterator[Verdict]:
    """What is to be said of a service that starts when nobody has logged in."""
    if waits_at_boot(config, standing):
        yield note(_WHAT, AT_BOOT, 'key = "file" and key_file under [storage], if that matters')


def judge_key_wait(found: Waiting) -> Verdict:
    """What is to be said of a daemon that waits for the key of its index. Pure."""
    detail = f"process {found.pid} waits for the key of the index"
    return note("daemon", detail, "mend what 'encryption' tells of; it goes on by itself")


def judge_waiting(standing: Standing, config: Config) -> Verdict | None:
    """What is to be said of a port that the service manager has until somebody asks. Pure.

    Returns:
        None when it has another, or none. A port that it has must not be tried by asking: that
        would start prismd.
    """
    host, port = config.server.host, config.server.port
    if standing.state != "waiting" or standing.listens != address(host, port):
        return None
    return ok("daemon", f"starts at the first request; {standing.manager} listens on port {port}")
