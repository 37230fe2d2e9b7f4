"""Does what was chosen in the menu, one thing after another, away from the desktop's thread."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import webbrowser
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from prismd.errors import PrismdError, RequestError
from prismd.live_client import SIGNED_OUT, Reach
from prismd.tray import power
from prismd.tray.link import Link
from prismd.tray.menu import Action, Entry
from prismd.tray.power import Launch

log = logging.getLogger(__name__)

_ANSWER_S = 30.0
_OPENED_S = 20.0
_MINUTE_S = 60
_HOUR_S = 3_600
_UNAUTHORISED = 401
_NOT_FOUND = 404


class Doing:
    """Does what is asked for, in a thread of its own.

    Args:
        reach: Gives a client of the daemon.
        launch: How the daemon is started.
        link: Told when one is.
        configuration: The configuration file.
        folder: The tray's own.
        complain: Told what did not work.
        quit: Ends the tray.
    """

    def __init__(
        self,
        *,
        reach: Reach,
        launch: Launch,
        link: Link,
        configuration: Path,
        folder: Path,
        complain: Callable[[str], None],
        quit: Callable[[], None],
    ) -> None:
        self._reach = reach
        self._launch = launch
        self._link = link
        self._configuration = configuration
        self._folder = folder
        self._complain = complain
        self._asked: SimpleQueue[Entry] = SimpleQueue()
        self._actions: dict[Action, Callable[[str], None]] = {
            "page": lambda _: self._open_page("/"),
            "errors": lambda _: self._open_page("/#/activity"),
            "cited": self._open_citation,
            "settings": lambda _: self._open_page("/#/settings"),
            "pause-15m": lambda _: self._post("/pause", {"for_s": 15 * _MINUTE_S}),
            "pause-1h": lambda _: self._post("/pause", {"for_s": _HOUR_S}),
            "pause": lambda _: self._post("/pause"),
            "resume": lambda _: self._post("/resume"),
            "resume-now": lambda _: self._post("/resume", {"override": True}),
            "rescan": lambda _: self._post("/rescan"),
            "configuration": lambda _: open_file(self._configuration),
            "log": lambda _: open_file(power.log_of(self._launch, self._folder)),
            "start": lambda _: self._start(),
            "stop": lambda _: power.stop(self._launch),
            "quit": lambda _: quit(),
        }

    def start(self) -> None:
        """Begin; ends with the process."""
        threading.Thread(target=self._loop, name="prismd-doing", daemon=True).start()

    def do(self, chosen: Entry) -> None:
        """Do this once all that was asked for before is done; returns at once."""
        self._asked.put(chosen)

    def _loop(self) -> None:
        while True:
            chosen = self._asked.get()
            try:
                self._actions[chosen.action](chosen.about)
            except PrismdError as error:
                self._complain(str(error))
            except Exception:
                log.exception("%s: failed; please report this", chosen.action)
                self._complain("internal error; see what the tray has logged")

    def _post(self, path: str, body: Mapping[str, Any] | None = None) -> None:
        ask(self._reach, path, body)

    def _open_page(self, path: str) -> None:
        url = ask(self._reach, "/login-link", params={"next": path})["url"]
        if not webbrowser.open(url):
            raise PrismdError(
                "no browser could be opened; 'prismd token --open' prints a link that signs in"
            )

    def _open_citation(self, citation_id: str) -> None:
        with self._reach() as client:
            found = client.head(f"/c/{citation_id}", timeout=_ANSWER_S)
        if found.status_code == _NOT_FOUND:
            raise PrismdError("what was cited there is in the index no more; ask again")
        self._open_page(f"/c/{citation_id}")

    def _start(self) -> None:
        self._link.expect()
        try:
            power.start(self._launch, self._failed)
        except PrismdError:
            self._link.give_up()
            raise

    def _failed(self, words: str) -> None:
        self._link.give_up()
        self._complain(words)


def ask(
    reach: Reach,
    path: str,
    body: Mapping[str, Any] | None = None,
    params: Mapping[str, str] | None = None,
) -> Any:
    """Have the daemon do something, and give its answer.

    Raises:
        DaemonUnreachable: It does not answer.
        RequestError: It refuses; the message is its own.
        PrismdError: It does not know who asks.
    """
    with reach() as client:
        response = client.post(path, json=body or {}, params=params, timeout=_ANSWER_S)
    try:
        answer = response.json()
    except ValueError:
        answer = {}
    if response.status_code == _UNAUTHORISED:
        raise PrismdError(SIGNED_OUT)
    if response.is_error:
        message = answer.get("error", {}).get("message") or f"HTTP status {response.status_code}"
        raise RequestError(message, status=response.status_code)
    return answer


def open_file(path: Path) -> None:
    """Open a file in whatever the person reads texts with.

    Raises:
        PrismdError: Nothing opens it.
    """
    command = ["open", "-t"] if sys.platform == "darwin" else ["xdg-open"]
    try:
        subprocess.run(
            [*command, os.fspath(path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
            timeout=_OPENED_S,
        )
    except subprocess.TimeoutExpired:
        return  # where the program that shows it stays in the foreground
    except (OSError, subprocess.SubprocessError) as error:
        raise PrismdError(f"{path}: nothing here opens it; open it in an editor") from error
