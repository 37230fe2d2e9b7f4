"""The daemon: sweeps the folders, reads what is new, answers over HTTP, stops in order."""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import logging
import socket
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import NamedTuple

import uvicorn
from litestar import Litestar

from prismd.access import read_token
from prismd.api.sockets import websocket_settings
from prismd.config.options import Config
from prismd.daemon.activation import handed_over, need_address
from prismd.daemon.assembly import Prism
from prismd.daemon.hangup import Signals
from prismd.daemon.key_waiting import await_key
from prismd.daemon.logs import log_to, log_uncaught
from prismd.daemon.parameters import base_url, schedule
from prismd.daemon.reloading import Reloading
from prismd.daemon.serving import make_app
from prismd.daemon.supervisor import Supervisor
from prismd.daemon.unlocking import is_encrypted
from prismd.daemon.vitals import Reporting, Vitals
from prismd.disk.looking import heed_writers
from prismd.encryption import discretion
from prismd.encryption.key_places import KeyPlace
from prismd.errors import StoreError
from prismd.progress.feed import SweepEvent
from prismd.running import announced
from prismd.schedule.holding import Scheduling
from prismd.schedule.machine import Machine
from prismd.watch import Sweep

log = logging.getLogger(__name__)

_SHUTDOWN_S = 5
_TICK_S = 0.5


def run(
    config: Config,
    read_config: Callable[[], Config],
    signals: Signals,
    greet: Callable[[Prism], None] = lambda _: None,
    *,
    patient: bool = False,
) -> None:
    """Serve until told to stop (SIGINT, SIGTERM); told so during the start, end after the step.

    Args:
        config: The settings.
        read_config: Reads them once more, in the ways in which they were given; called by SIGHUP
            and ``prismd config reload``.
        signals: Made before anything else was begun.
        greet: Called once, when it is about to serve; must not take long.
        patient: Wait for the key of an encrypted index where it cannot be had yet.

    Raises:
        PrismdError: The port or the data directory is taken, the key of the index cannot be had, or
            a setting is wrong.
    """
    # Before anything that starts a process of its own, which they do not concern.
    supervisor, handed = Supervisor.take(), handed_over()
    _begin_log(config)
    if supervisor.watchdog_s:
        faulthandler.enable()  # what a watchdog ends tells where it hung
    token = read_token(config.data_dir)
    place = await_key(config, supervisor, lambda: signals.ending, patient=patient, listener=handed)
    if not signals.ending:
        _live(config, token, handed, _Start(read_config, signals, supervisor, greet), place)
    supervisor.stopping()
    log.info("stopped")


def _begin_log(config: Config) -> None:
    encrypted = is_encrypted(config)
    kind = discretion.Discreet if encrypted else logging.Formatter
    log_to(config.log.level, config.log.file, kind)
    if encrypted:
        log_uncaught()


class _Start(NamedTuple):
    """How it was started: who reads its settings, tells it to end, and is told how it stands."""

    read_config: Callable[[], Config]
    signals: Signals
    supervisor: Supervisor
    greet: Callable[[Prism], None]


def _live(
    config: Config,
    token: str,
    handed: socket.socket | None,
    start: _Start,
    place: KeyPlace | None,
) -> None:
    """Open the index, serve, and close it."""
    # First what only one can have of a data directory, then the port: who starts prismd twice is
    # to hear that it runs, not that a port is taken.
    with start.supervisor.starting("opening the index"):
        prism = Prism(config, place=place)
    try:
        with _listen(config, handed) as listener:
            _serve(prism, token, listener, start)
    finally:
        start.supervisor.stopping()
        prism.close()


def _serve(prism: Prism, token: str, listener: socket.socket, start: _Start) -> None:
    config, supervisor = prism.config, start.supervisor
    if start.signals.ending:
        return
    if not prism.put_roots():
        log.warning("no folder is indexed; name one: 'prismd run FOLDER'")
    folders = prism.folders(partial(_swept, prism, set()))
    scheduling = Scheduling(prism.ingest.holds, schedule(config), Machine().conditions)
    reloading = Reloading(prism, folders, scheduling, start.read_config)
    app = make_app(prism, token, folders, reloading)
    vitals = Vitals(prism.database, prism.ingest.alive)
    reporting = Reporting(supervisor, vitals, app.state.api)
    server = _server(app, reporting.start, supervisor.stopping)

    def reload() -> None:
        with supervisor.reloading():
            reloading.reload()

    heed_writers()
    scheduling.start()  # before anything is begun that it may have something against
    prism.ingest.start()
    folders.watches.start()
    try:
        with announced(config.data_dir, base_url(config)):
            _run(server, listener, prism, start, reload)
    finally:
        reporting.stop()
        # Parsers first: they are what a loop could be waiting for.
        prism.pool.close()
        scheduling.stop()
        folders.watches.stop()


def _run(
    server: uvicorn.Server,
    listener: socket.socket,
    prism: Prism,
    start: _Start,
    reload: Callable[[], None],
) -> None:
    def stop() -> None:
        server.should_exit = True

    start.signals.serve(reload, stop)
    if not start.signals.ending:
        log.info(
            "serving on %s; 'prismd token' prints the token, 'prismd token --open' lets"
            " this computer's browser in",
            discretion.own(base_url(prism.config)),
        )
        start.greet(prism)
        server.run(sockets=[listener])


class _Server(uvicorn.Server):
    """Looks twice a second whether it is to end; uvicorn's ten times are half of what idling costs.

    Nothing else hangs on it but the date in the answers' headers.

    Args:
        config: The settings.
        end_requests: Ends what is in work and would not end of itself, or not soon.
        serving: Called in the event loop as soon as requests are answered.
        ending: Called when it begins to end.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        end_requests: Callable[[], Awaitable[None]],
        serving: Callable[[], None],
        ending: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._end_requests = end_requests
        self._serving = serving
        self._ending = ending

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to ``Signals``, which heeds them from the start to the very end."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer; see ``uvicorn.Server``."""
        await super().startup(sockets)
        if self.started:
            self._serving()

    async def main_loop(self) -> None:
        """Serve until told to end; see ``uvicorn.Server``."""
        # Every tenth tick renews the date, and so does this. No event: signal handlers end it.
        while not await self.on_tick(0):  # noqa: ASYNC110
            await asyncio.sleep(_TICK_S)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End without waiting long for what is in work; see ``uvicorn.Server``."""
        self._ending()
        await self._end_requests()
        await super().shutdown(sockets)


def _server(
    app: Litestar, serving: Callable[[], None], ending: Callable[[], None]
) -> uvicorn.Server:
    return _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_SHUTDOWN_S,
            timeout_keep_alive=30,
            **websocket_settings(),
        ),
        app.state.end,
        serving,
        ending,
    )


def _swept(prism: Prism, away: set[int], found: Sweep) -> None:
    """Have what was found read, and tell of it.

    Args:
        prism: The parts.
        away: The roots that were offline when they were looked at last; kept up to date.
        found: What was found.
    """
    root = discretion.folder(found.root.path, found.root.id)
    prism.progress.swept(found.added + found.changed + found.moved + found.removed)
    # A disk may be unplugged for months, and is looked for every few minutes.
    has_gone = found.offline and found.root.id not in away
    (away.add if found.offline else away.discard)(found.root.id)
    if has_gone or found.jobs or found.moved or found.removed:
        prism.progress.feed.tell(
            SweepEvent(
                root=found.root.path,
                added=found.added,
                changed=found.changed,
                moved=found.moved,
                removed=found.removed,
                offline=found.offline,
            )
        )
    if found.jobs:
        prism.ingest.wake()
    if has_gone:
        log.warning("%s: is not there; what is known of it is kept", root)
    log.log(
        logging.INFO if found.jobs or found.moved or found.removed else logging.DEBUG,
        "%s: %d files, %d new, %d changed, %d moved, %d gone",
        root,
        found.files,
        found.added,
        found.changed,
        found.moved,
        found.removed,
    )


def _listen(config: Config, handed: socket.socket | None) -> socket.socket:
    host, port = config.server.host, config.server.port
    if handed is not None:
        # Links and the checks of origins go by the settings: two addresses would not do.
        need_address(handed, host, port)
        return handed
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named, because asyncio sends small packets at once only on such sockets.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        told = (
            f"port {port}: cannot be listened on ({error.strerror}); "
            "stop what uses it, or choose another with --port"
        )
        raise StoreError(told).saying(told) from error
    listener.listen(512)
    return listener
